/*
 * Why a cluster did not let us mount it: the cause and the next step, for the administrator who
 * reads the error of mount(8). Called by mounter.c with what cl_ready() told.
 */
#ifndef DFS_FUSE_REFUSAL_H
#define DFS_FUSE_REFUSAL_H

#include "fuse/shell/options.h"
#include "libdfsproto/base/span.h"

/* Somebody has to change something first: waiting would not help. */
bool refusal_final(int error);
/* `error` 0: nobody has answered so far. `text`: what the peer said, or empty. */
void refusal_explain(const struct mount_options *options, int error, struct dfs_span text,
		     char ret_sentence[MOUNT_TEXT_BYTES]);

#endif
