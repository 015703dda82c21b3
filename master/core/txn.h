/*
 * The inodes that one operation works on: loaded once, changed in memory, written when the
 * operation succeeds. So two roles played by one inode (both parents of a rename, say) see each
 * other's changes.
 */
#ifndef DFS_MASTER_TXN_H
#define DFS_MASTER_TXN_H

#include "master/core/state_i.h"

#include <sys/stat.h>

/* The inode, from memory or the store; good until the operation ends. DFS_ENOENT or the failure. */
int ms_txn_inode(struct ms_state *state, u64 ino, struct ms_inode **ret_inode);
/* The same, but DFS_ESTALE when it is gone: for operations that name an inode and no directory. */
int ms_txn_handle(struct ms_state *state, u64 ino, struct ms_inode **ret_inode);
/* A directory that takes and loses names: DFS_ENOENT when it is gone, DFS_ENOTDIR. */
int ms_txn_directory(struct ms_state *state, u64 ino, struct ms_inode **ret_directory);
/* A zeroed inode with the next number. */
struct ms_inode *ms_txn_new(struct ms_state *state);

/* Something about the inode changed: ctime and `change` move, the row is written. */
void ms_inode_changed(struct ms_inode *inode, nsec wall);
/* The same and mtime: names in a directory, data of a file. */
void ms_inode_modified(struct ms_inode *inode, nsec wall);

/* Where a name was that an inode loses. */
struct ms_named_in {
	const struct ms_inode *parent;
	struct dfs_span name;
};
/* One name less (a directory: its only one). Without any it goes to the trash, if the directory
 * keeps one, or becomes an orphan; the result says so. `was` is NULL for an inode that never had a
 * name. 0 or the store's failure. */
int ms_inode_drop_name(struct ms_state *state, const struct ms_op *op, struct ms_inode *inode,
		       const struct ms_named_in *was, struct ms_result *result);
/* It has no name and is not in the trash: PURGE may take it. */
void ms_inode_orphaned(struct ms_state *state, u64 ino, nsec wall, struct ms_result *result);

/* The operation is through: count what has changed in the quotas, and put all changed rows into the
 * batch. DFS_EDQUOT when a limit is against it, or the store's failure. */
int ms_txn_flush(struct ms_state *state, const struct ms_op *op);

struct dfs_attr ms_inode_attr(u64 ino, const struct dfs_row_inode *row);

static inline bool ms_is_directory(const struct dfs_row_inode *row)
{
	return S_ISDIR(row->mode);
}

static inline u64 ms_chunk_bytes(const struct dfs_row_inode *row)
{
	return UINT64_C(1) << row->chunk_shift;
}

/* Chunks that `size` bytes extend over. */
static inline u64 ms_chunks_of(const struct dfs_row_inode *row, u64 size)
{
	return (size >> row->chunk_shift) + ((size & (ms_chunk_bytes(row) - 1)) != 0);
}

#endif
