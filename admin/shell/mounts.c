/*
 * /proc/self/mountinfo (proc_pid_mountinfo(5)): see mounts.h.
 */
#include "admin/shell/mounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `\040` and the like, in place. */
static void unescape(char *text)
{
	char *out = text;
	for (const char *in = text; *in != '\0'; in++) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' &&
		    in[3] >= '0' && in[3] <= '7') {
			*out++ = (char)((in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0'));
			in += 3;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
}

static bool line_parse(char *line, struct mount *ret_mount)
{
	char dir[PATH_MAX], type[64], source[PATH_MAX];
	unsigned major, minor;
	const char *dash = strstr(line, " - ");
	if (dash == NULL || sscanf(line, "%*u %*u %u:%u %*s %4095s", &major, &minor, dir) != 3)
		return false;
	if (sscanf(dash, " - %63s %4095s", type, source) != 2 || strcmp(type, "fuse.dfs") != 0)
		return false;
	unescape(dir);
	unescape(source);
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
