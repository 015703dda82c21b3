/*
 * The trash: what lost its last name in a directory that keeps deleted files for a while. Its inode
 * stays as it was but for the name (chunks, times, attributes; the kernel sees the same as without
 * a trash), and a row says what it was called. It leaves by RESTORE, which gives it a name, or by
 * EXPIRE, which makes it an orphan. Called inside operations; these two are the only ways in and
 * out.
 *
 * A directory keeps its owner, mode and lists in the trash, so that what was in it comes back
 * behind the same permissions. Fifos, sockets and devices hold nothing and are not kept.
 */
#ifndef MS_TRASH_H
#define MS_TRASH_H

#include "master/core/txn.h"

/* Does something that loses its last name go to the trash? `was` as in ms_inode_drop_name. */
bool ms_trash_keeps(const struct ms_inode *inode, const struct ms_named_in *was);
/* Into the trash. The caller has changed the inode. 0 or the store's failure. */
int ms_trash_take(struct ms_state *state, const struct ms_op *op, struct ms_inode *inode,
		  const struct ms_named_in *was, struct ms_result *result);
/* Out of it: the row goes; the caller sees to a name or to the orphan's row. */
void ms_trash_release(struct ms_state *state, struct ms_inode *inode);

/* A path put together from its end; what does not fit is cut off at its beginning. */
struct ms_path {
	u8 bytes[DFS_TRASH_PATH_BYTES_MAX];
	u32 at; /* The path begins here and ends with the array. */
	bool cut;
};
/* Of a directory, as the tables are; empty when it has no name. 0, DFS_ENOENT or the store's
 * failure. */
int ms_path_of(struct ms_state *state, u64 ino, struct ms_path *ret_path);
/* Of what has this name in this directory. 0 or the store's failure. */
int ms_path_find(struct ms_state *state, const struct ms_inode *parent, struct dfs_span name,
		 struct ms_path *ret_path);
static inline struct dfs_span ms_path_span(const struct ms_path *path)
{
	return dfs_span(path->bytes + path->at, sizeof(path->bytes) - path->at);
}

#endif
