/*
 * LIMITS and TAKE_IN: limits are set, and directories become the top of a tree or stop being that.
 *
 *   LIMITS of a directory --> it counts in its own tree; what is made in it from now on does, too
 *      TAKE_IN, directory by directory from the top down: what was there before follows
 *   LIMITS(COUNTED)       --> whole
 *   LIMITS(END)           --> the directory counts in the outer tree again
 *      TAKE_IN likewise  --> when nothing counts in it any more, its row goes
 *
 * A directory's names are taken in only once it is in the tree itself, so nothing new can appear
 * behind the walk. Walking twice is harmless. No attribute changes, so nobody is told.
 */
#include "master/core/dentry.h"
#include "master/core/ops.h"
#include "master/core/quota.h"
#include "master/core/txn.h"

#define BITS_KNOWN                                                                                 \
	((u32)(DFS_QUOTA_SET_BYTES | DFS_QUOTA_SET_INODES | DFS_QUOTA_SET_GRACE |                  \
	       DFS_QUOTA_COUNTED | DFS_QUOTA_END))

/* A tree that has `height` trees below it is put into `outer`: DFS_EMLINK when they would be too
 * many, else those outwards know of it. */
static int raise(struct ms_state *state, u64 outer, u32 height)
{
	struct ms_quota *around[DFS_QUOTA_DEPTH_MAX];
	u32 depth = 0;
	for (u64 tree = outer; tree != 0; tree = around[depth++]->row.outer) {
		if (depth + height + 1 >= DFS_QUOTA_DEPTH_MAX)
			return DFS_EMLINK;
		int status = ms_quota_get(state, DFS_QUOTA_TREE, tree, &around[depth]);
		if (status != 0)
			return status;
	}
	for (u32 i = 0; i < depth; i++) {
		u8 below = (u8)(height + i + 1);
		around[i]->row.height = dfs_max(around[i]->row.height, below);
	}
	return 0;
}

/* The directory becomes the top of a tree of its own. One that is being handed back is resumed. */
static int begin_tree(struct ms_state *state, struct ms_inode *inode, struct ms_quota *quota)
{
	int status = raise(state, inode->row.tree, quota->row.height);
	if (status != 0)
		return status;
	if (quota->row.inodes > 0 && quota->row.outer != inode->row.tree)
		return DFS_EBUSY; /* It was elsewhere when it ended, and some still counts in it. */
	quota->row.outer = inode->row.tree;
	quota->row.state = DFS_QUOTA_COUNTING;
	inode->row.tree = inode->ino;
	inode->dirty = true;
	if (inode->row.entries == 0 && quota->row.inodes == 0)
		quota->row.state = DFS_QUOTA_WHOLE;
	return 0;
}

static int end_tree(struct ms_state *state, struct ms_inode *inode, struct ms_quota *quota)
{
	if (inode->row.tree != inode->ino)
		return quota->stored ? 0 : DFS_ENOENT;
	ms_quota_end(state, inode->ino);
	inode->row.tree = quota->row.outer;
	inode->dirty = true;
	return 0;
}

static void set_limits(struct ms_quota *quota, const struct dfs_limits *body)
{
	struct dfs_row_quota *row = &quota->row;
	bool had = (row->bytes_soft | row->bytes_hard | row->inodes_soft | row->inodes_hard) != 0;
	if ((body->valid & DFS_QUOTA_SET_BYTES) != 0) {
		row->bytes_soft = body->bytes_soft;
		row->bytes_hard = body->bytes_hard;
	}
	if ((body->valid & DFS_QUOTA_SET_INODES) != 0) {
		row->inodes_soft = body->inodes_soft;
		row->inodes_hard = body->inodes_hard;
	}
	if ((body->valid & DFS_QUOTA_SET_GRACE) != 0)
		row->grace = body->grace;
	else if (!had)
		row->grace = DFS_QUOTA_GRACE_S;
}

static int limit_tree(struct ms_state *state, const struct dfs_limits *body, struct ms_quota *quota)
{
	struct ms_inode *inode;
	int status = ms_txn_handle(state, body->id, &inode);
	if (status == 0 && !ms_is_directory(&inode->row))
		status = DFS_ENOTDIR;
	if (status == 0 && inode->row.nlink == 0)
		status = DFS_ESTALE;
	if (status != 0)
		return status;
	if ((body->valid & DFS_QUOTA_END) != 0)
		return end_tree(state, inode, quota);
	if ((body->valid & DFS_QUOTA_COUNTED) != 0) {
		if (inode->row.tree != inode->ino)
			return DFS_ESTALE;
		quota->row.state = DFS_QUOTA_WHOLE;
	} else if (inode->row.tree != inode->ino) {
		status = begin_tree(state, inode, quota);
	} else if (quota->row.state == DFS_QUOTA_ENDING) { /* It was deleted, and restored. */
		quota->row.state = DFS_QUOTA_COUNTING;
	}
	if (status == 0)
		set_limits(quota, body);
	return status;
}

static bool makes_sense(u64 soft, u64 hard)
{
	return hard == 0 || soft <= hard;
}

int ms_op_limits(struct ms_state *state, const struct ms_op *op, const struct dfs_limits *body,
		 struct ms_result *result)
{
	(void)op;
	(void)result;
	struct ms_quota *quota;
	bool tree = body->kind == DFS_QUOTA_TREE;
	if (body->kind < DFS_QUOTA_USER || body->kind > DFS_QUOTA_TREE ||
	    (body->valid & ~BITS_KNOWN) != 0 || !makes_sense(body->bytes_soft, body->bytes_hard) ||
	    !makes_sense(body->inodes_soft, body->inodes_hard))
		return DFS_EINVAL;
	if (!tree && (body->id == 0 || body->id >= UINT32_MAX))
		return DFS_EINVAL;
	int status = ms_quota_get(state, body->kind, body->id, &quota);
	if (status == 0 && tree)
		return limit_tree(state, body, quota);
	if (status == 0 && (body->valid & DFS_QUOTA_END) != 0)
		quota->row.bytes_soft = quota->row.bytes_hard = quota->row.inodes_soft =
		    quota->row.inodes_hard = 0;
	else if (status == 0)
		set_limits(quota, body);
	return status;
}

/* A tree inside: it stays one, and counts in another one around it. */
static int take_tree_in(struct ms_state *state, u64 ino, u64 outer)
{
	struct ms_quota *inner;
	int status = ms_quota_get(state, DFS_QUOTA_TREE, ino, &inner);
	if (status != 0 || inner->row.outer == outer)
		return status;
	status = raise(state, outer, inner->row.height);
	struct dfs_row_quota whole = inner->row;
	if (status == 0)
		status = ms_quota_move_tree(state, &whole, whole.outer, outer);
	if (status == 0)
		inner->row.outer = outer;
	return status;
}

static int take_name_in(struct ms_state *state, const struct dfs_row_dentry *dentry, u64 tree)
{
	struct ms_key key = ms_key1(MS_TABLE_INODE, dentry->ino);
	struct dfs_row_inode row;
	int status = ms_must(state, ms_row_inode_get(state, key, &row));
	if (status != 0 || row.tree == tree)
		return status;
	if (row.tree == dentry->ino)
		return take_tree_in(state, dentry->ino, tree);
	struct ms_owned from = ms_owned_of(&row);
	row.tree = tree;
	struct ms_owned to = ms_owned_of(&row);
	ms_row_inode_put(state, key, &row);
	return ms_quota_move(state, &from, &to);
}

/* Two names of one file, which does not see itself changed in the store: counted once. */
static bool seen(const u64 *inos, u32 count, u64 ino)
{
	for (u32 i = 0; i < count; i++) {
		if (inos[i] == ino)
			return true;
	}
	return false;
}

int ms_op_take_in(struct ms_state *state, const struct ms_op *op, const struct dfs_take_in *body,
		  struct ms_result *result)
{
	(void)op;
	struct dfs_row_inode directory;
	u64 inos[DFS_ADOPT_NAMES];
	u32 count = 0, rows = 0;
	u64 next = 0;
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, body->ino), &directory);
	if (status == DFS_ENOENT ||
	    (status == 0 && (!ms_is_directory(&directory) || directory.tree != body->tree)))
		return DFS_ESTALE;
	if (status != 0)
		return status;
	struct ms_scan scan;
	ms_scan_begin(&scan, state, ms_key2(MS_TABLE_DENTRY, body->ino, body->cookie),
		      ms_key1(MS_TABLE_DENTRY, body->ino + 1));
	while (status == 0 && ms_scan_next(&scan)) {
		struct dfs_row_dentry row;
		if (rows++ == DFS_ADOPT_NAMES) {
			next = ms_key_second(scan.key);
			break;
		}
		status = ms_row_dentry_open(state, scan.value, &row);
		if (status == 0 && row.ino != 0 && !seen(inos, count, row.ino)) {
			inos[count++] = row.ino;
			status = take_name_in(state, &row, body->tree);
		}
	}
	int scan_status = ms_scan_end(&scan);
	result->next = next;
	return status != 0 ? status : scan_status;
}
