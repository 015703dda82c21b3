/*
 * See places.h.
 */
#include "admin/shell/places.h"

#include "libdfsproto/base/errors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Is the last component nothing that realpath would have to look at? */
static bool is_plain(const char *name)
{
	return name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* `path` (which is cut meanwhile) as it is with all links followed up to its first component that
 * is missing; from there on as it stands. NULL: errno. */
static char *canonical(char *path, bool follow)
{
	char *whole = NULL;
	char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	if (follow || !is_plain(name)) {
		char *found = realpath(path, NULL);
		if (found != NULL || errno != ENOENT || !is_plain(name))
			return found;
	}
	char *above;
	if (slash == NULL) {
		above = realpath(".", NULL);
	} else if (slash == path) {
		above = strdup("");
	} else {
		*slash = '\0';
		above = canonical(path, true);
		*slash = '/';
	}
	if (above == NULL)
		return NULL;
	if (asprintf(&whole, "%s/%s", strcmp(above, "/") == 0 ? "" : above, name) < 0)
		whole = NULL;
	free(above);
	return whole;
}

/* The device of the deepest directory above that is there. */
static int find_device(const char *whole, struct stat *ret_stat)
{
	char *copy = strdup(whole);
	int status = -1;
	DFS_ASSERT(copy != NULL);
	while (status != 0) {
		status = lstat(copy[0] == '\0' ? "/" : copy, ret_stat);
		char *slash = strrchr(copy, '/');
		if (status == 0 || slash == NULL || copy[0] == '\0')
			break;
		*slash = '\0';
	}
	free(copy);
	return status;
}

int places_find(const char *path, bool follow, struct mount *ret_mount, char **ret_cluster,
		struct dfs_sentence *text)
{
	char *copy = strdup(path);
	struct stat st;
	DFS_ASSERT(copy != NULL);
	size_t length = strlen(copy);
	while (length > 1 && copy[length - 1] == '/')
		copy[--length] = '\0';
	char *whole = canonical(copy, follow);
	int error = errno;
	free(copy);
	if (whole == NULL) {
		dfs_sentence_set(text, "%s: %s; check its name", path, strerror(error));
		return dfs_error_from_errno(error);
	}
	int status = DFS_EINVAL;
	size_t dir_length = 0;
	if (find_device(whole, &st) == 0 &&
	    mounts_find(major(st.st_dev), minor(st.st_dev), ret_mount) > 0)
		dir_length = strlen(ret_mount->dir);
	if (dir_length > 0 && strncmp(whole, ret_mount->dir, dir_length) == 0 &&
	    (whole[dir_length] == '/' || whole[dir_length] == '\0')) {
		const char *split = strstr(ret_mount->source, ":/");
		const char *subtree = split == NULL ? "" : split + 1;
		bool root = strcmp(subtree, "/") == 0;
		int added = asprintf(ret_cluster, "%s%s", root ? "" : subtree, whole + dir_length);
		DFS_ASSERT(added >= 0);
		status = 0;
	} else {
		dfs_sentence_set(text,
				 "%s does not lie on a mount of dfs; findmnt -t fuse.dfs lists "
				 "those of this machine",
				 path);
	}
	free(whole);
	return status;
}
