/*
 * Where a path on a mount lies in the cluster's tree, also when nothing is there any more.
 */
#ifndef DFS_ADMIN_PLACES_H
#define DFS_ADMIN_PLACES_H

#include "admin/shell/mounts.h"
#include "libdfsproto/host/log.h"

/* From the cluster's root: "/a/b", to be freed, and the mount it lies on. `follow`: a symbolic link
 * at its end is followed. What is missing at the end of the path is taken as it stands. 0, or a
 * DFS_E… and the sentence. */
int places_find(const char *path, bool follow, struct mount *ret_mount, char **ret_cluster,
		struct dfs_sentence *text);

#endif
