/*
 * /proc/self/mountinfo (proc_pid_mountinfo(5)): see mounts.h.
 */
#include "admin/shell/mounts.h"

#include "libdfsproto/host/mountinfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool line_parse(char *line, struct mount *ret_mount)
{
	char dir[PATH_MAX], type[64], source[PATH_MAX];
	unsigned major, minor;
	const char *dash = strstr(line, " - ");
	if (dash == NULL || sscanf(line, "%*u %*u %u:%u %*s %4095s", &major, &minor, dir) != 3)
		return false;
	if (sscanf(dash, " - %63s %4095s", type, source) != 2 || strcmp(type, "fuse.dfs") != 0)
		return false;
	dfs_mountinfo_unescape(dir);
	dfs_mountinfo_unescape(source);
	*ret_mount = (struct mount){.major = major, .minor = minor};
	snprintf(ret_mount->dir, sizeof(ret_mount->dir), "%s", dir);
	snprintf(ret_mount->source, sizeof(ret_mount->source), "%s", source);
	return true;
}

u32 mounts_find(u32 major, u32 minor, struct mount *ret_mount)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t line_bytes = 0;
	u32 count = 0;
	struct mount *mount = calloc(1, sizeof(*mount));
	DFS_ASSERT(mount != NULL);
	while (file != NULL && getline(&line, &line_bytes, file) > 0) {
		if (!line_parse(line, mount))
			continue;
		bool any = major == 0 && minor == 0;
		if (!any && (mount->major != major || mount->minor != minor))
			continue;
		count += count == 0 || strcmp(mount->source, ret_mount->source) != 0;
		*ret_mount = *mount;
	}
	if (file != NULL)
		fclose(file);
	free(line);
	free(mount);
	return count;
}
