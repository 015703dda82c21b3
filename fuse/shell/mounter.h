/*
 * One mount from start to end: connect to the cluster, mount, serve, and on the way out write back
 * what is left. Owns the loop's parts: host with the client's core, FUSE shell, signals, timers.
 *
 * Called by main.c, which has parsed options and loaded the key.
 */
#ifndef DFS_FUSE_MOUNTER_H
#define DFS_FUSE_MOUNTER_H

#include "fuse/shell/background.h"
#include "fuse/shell/options.h"
#include "libdfsproto/session/session.h"

struct mounter_config {
	const struct mount_options *options;
	const struct dfs_identity *identity;
	const char *path; /* Absolute. */
	struct background *background;
};

/* Returns when the mount has ended; the exit code of the process. */
int mounter_run(const struct mounter_config *config);

#endif
