/*
 * Inodes in the hands of one operation: see txn.h.
 */
#include "master/core/chunk_refs.h"
#include "master/core/quota.h"
#include "master/core/trash.h"

enum {
	DIRECTORY_BLOCK_BYTES = 4096,
	DIRECTORY_BLOCK_ENTRIES =
	    64, /* What st_size of a directory pretends, as ext4 might show. */
};

static struct ms_inode *slot(struct ms_state *state, u64 ino)
{
	DFS_ASSERT(state->inodes_count < MS_TXN_INODES_MAX);
	struct ms_inode *inode = &state->inodes[state->inodes_count++];
	memset(inode, 0, sizeof(*inode));
	inode->ino = ino;
	return inode;
}

int ms_txn_inode(struct ms_state *state, u64 ino, struct ms_inode **ret_inode)
{
	for (u32 i = 0; i < state->inodes_count; i++) {
		if (state->inodes[i].ino == ino) {
			*ret_inode = &state->inodes[i];
			return 0;
		}
	}
	struct dfs_row_inode row;
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, ino), &row);
	if (status != 0)
		return status;
	*ret_inode = slot(state, ino);
	(*ret_inode)->row = row;
	(*ret_inode)->charged = ms_owned_of(&row);
	(*ret_inode)->trash_bytes = row.expires != 0 ? row.allocated : 0;
	return 0;
}

int ms_txn_handle(struct ms_state *state, u64 ino, struct ms_inode **ret_inode)
{
	int status = ms_txn_inode(state, ino, ret_inode);
	return status == DFS_ENOENT ? DFS_ESTALE : status;
}

int ms_txn_directory(struct ms_state *state, u64 ino, struct ms_inode **ret_directory)
{
	int status = ms_txn_inode(state, ino, ret_directory);
	if (status != 0)
		return status;
	return ms_is_directory(&(*ret_directory)->row) ? 0 : DFS_ENOTDIR;
}

struct ms_inode *ms_txn_new(struct ms_state *state)
{
	struct ms_inode *inode = slot(state, state->counters.next_ino++);
	state->counters.inodes++;
	return inode;
}

void ms_inode_changed(struct ms_inode *inode, nsec wall)
{
	inode->row.ctime = (s64)wall;
	inode->row.change++;
	inode->dirty = true;
}

void ms_inode_modified(struct ms_inode *inode, nsec wall)
{
	inode->row.mtime = (s64)wall;
	ms_inode_changed(inode, wall);
}

void ms_inode_orphaned(struct ms_state *state, u64 ino, nsec wall, struct ms_result *result)
{
	struct dfs_row_orphan row = {.since = wall};
	ms_row_orphan_put(state, ms_key1(MS_TABLE_ORPHAN, ino), &row);
	result->orphaned = ino;
}

int ms_inode_drop_name(struct ms_state *state, const struct ms_op *op, struct ms_inode *inode,
		       const struct ms_named_in *was, struct ms_result *result)
{
	DFS_ASSERT(inode->row.nlink > 0);
	if (ms_is_directory(&inode->row))
		inode->row.nlink = 0;
	else
		inode->row.nlink--;
	ms_inode_changed(inode, op->wall);
	if (inode->row.nlink > 0)
		return 0;
	if (inode->row.tree == inode->ino)
		ms_quota_end(state, inode->ino);
	if (ms_trash_keeps(inode, was))
		return ms_trash_take(state, op, inode, was, result);
	ms_inode_orphaned(state, inode->ino, op->wall, result);
	return 0;
}

int ms_txn_flush(struct ms_state *state, const struct ms_op *op)
{
	int status = 0;
	for (u32 i = 0; status == 0 && i < state->inodes_count; i++) {
		struct ms_inode *inode = &state->inodes[i];
		u64 trash_bytes = inode->row.expires != 0 ? inode->row.allocated : 0;
		state->counters.trash_bytes += trash_bytes - inode->trash_bytes;
		inode->trash_bytes = trash_bytes;
		if (!inode->dirty)
			continue;
		struct ms_owned owned = ms_owned_of(&inode->row);
		status = ms_quota_move(state, &inode->charged, &owned);
		ms_row_inode_put(state, ms_key1(MS_TABLE_INODE, inode->ino), &inode->row);
		inode->dirty = false;
	}
	if (status == 0)
		status = ms_quota_check(state, op);
	if (status != 0)
		return status;
	ms_quotas_put(state, op->wall);
	ms_refs_flush(state);
	return 0;
}

struct dfs_attr ms_inode_attr(u64 ino, const struct dfs_row_inode *row)
{
	struct dfs_attr attr = {
	    .ino = ino,
	    .size = row->size,
	    .atime = row->atime,
	    .mtime = row->mtime,
	    .ctime = row->ctime,
	    .btime = row->btime,
	    .change = row->change,
	    .mode = row->mode,
	    .nlink = row->nlink,
	    .uid = row->uid,
	    .gid = row->gid,
	    .rdev = row->rdev,
	    .chunk_shift = row->chunk_shift,
	    .xattrs = row->xattrs_names_bytes,
	    .acls = row->acls,
	};
	if (S_ISREG(row->mode))
		attr.allocated = row->allocated;
	else if (ms_is_directory(row))
		attr.size = DIRECTORY_BLOCK_BYTES * (1 + row->entries / DIRECTORY_BLOCK_ENTRIES);
	return attr;
}
