/*
 * Parsing /proc/self/mountinfo (proc(5)): "id parent major:minor root point options … - type source
 * super", with blanks in names written as \040. Called by mount_point.c.
 */
#include "fuse/shell/mount_table.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/mountinfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool line_parse(char *line, const char *path, struct mount_entry *ret_entry)
{
	char *rest = NULL;
	char *fields[5] = {0};
	fields[0] = strtok_r(line, " ", &rest);
	for (u32 i = 1; i < 5 && fields[i - 1] != NULL; i++)
		fields[i] = strtok_r(NULL, " ", &rest);
	if (fields[4] == NULL || rest == NULL)
		return false;
	dfs_mountinfo_unescape(fields[4]);
	char *options = strtok_r(NULL, " ", &rest);
	if (options == NULL || strcmp(fields[4], path) != 0)
		return false;
	char *dash = strstr(rest, " - ");
	if (strncmp(rest, "- ", 2) == 0)
		dash = rest - 1;
	if (dash == NULL)
		return false;
	char *type = strtok_r(dash + 3, " ", &rest);
	char *source = type == NULL ? NULL : strtok_r(NULL, " ", &rest);
	if (source == NULL)
		return false;
	dfs_mountinfo_unescape(source);
	struct mount_entry entry = {0};
	char *minor = NULL;
	entry.major = (u32)strtoul(fields[2], &minor, 10);
	if (*minor == ':')
		entry.minor = (u32)strtoul(minor + 1, NULL, 10);
	snprintf(entry.type, sizeof(entry.type), "%s", type);
	snprintf(entry.options, sizeof(entry.options), "%s", options);
	snprintf(entry.source, sizeof(entry.source), "%s", source);
	*ret_entry = entry;
	return true;
}

int mount_table_find(const char *path, struct mount_entry *ret_entry)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	if (file == NULL)
		return DFS_EIO;
	char *line = NULL;
	size_t line_bytes = 0;
	bool found = false;
	while (getline(&line, &line_bytes, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		found |= line_parse(line, path, ret_entry); /* The last one is on top. */
	}
	free(line);
	fclose(file);
	return found ? 0 : DFS_ENOENT;
}
