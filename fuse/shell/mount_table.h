/*
 * /proc/self/mountinfo, as far as a mount helper needs it: what is mounted on a directory now.
 * Reading it asks no file system, so it is safe to use on our own mount.
 */
#ifndef DFS_FUSE_MOUNT_TABLE_H
#define DFS_FUSE_MOUNT_TABLE_H

#include "libdfsproto/base/types.h"

struct mount_entry {
	u32 major; /* st_dev of what is mounted. */
	u32 minor;
	char type[64]; /* "fuse.dfs" */
	char source[4096];
	char options[1024]; /* Of this mount: "rw,nosuid,relatime". */
};

/* The topmost mount on `path`; DFS_ENOENT when it is no mount point. */
int mount_table_find(const char *path, struct mount_entry *ret_entry);

#endif
