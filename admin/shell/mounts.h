/*
 * The mounts of dfs on this machine, as the kernel lists them.
 */
#ifndef DFS_ADMIN_MOUNTS_H
#define DFS_ADMIN_MOUNTS_H

#include "libdfsproto/base/types.h"

#include <limits.h>

struct mount {
	u32 major;
	u32 minor;
	char dir[PATH_MAX];
	char source[PATH_MAX]; /* MASTER[,MASTER…]:/SUBTREE, as it was mounted. */
};

/* The mount of dfs with this device, or with major and minor 0 any of them; returns how many
 * different sources fit, and the last entry that does. */
u32 mounts_find(u32 major, u32 minor, struct mount *ret_mount);

#endif
