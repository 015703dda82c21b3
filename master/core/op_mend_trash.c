/*
 * MEND for faults of the trash: see op_mend.c. Nothing is removed here but rows: what has lost its
 * row stays in the trash, and what is in two tables stays in the one that keeps it.
 */
#include "master/core/check.h"
#include "master/core/ops.h"
#include "master/core/trash.h"

/* A row of the trash that its inode does not know of. */
static int drop_row(struct ms_state *state, const struct dfs_mend *body)
{
	struct dfs_row_inode inode;
	struct dfs_row_trash row;
	struct ms_key key = ms_key2(MS_TABLE_TRASH, body->at, body->subject);
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, body->subject), &inode);
	if (status == 0 && inode.expires == body->at)
		return DFS_ESTALE;
	if (status == 0 || status == DFS_ENOENT)
		status = ms_row_trash_get(state, key, &row);
	if (status != 0)
		return status == DFS_ENOENT ? DFS_ESTALE : status;
	ms_row_delete(state, key);
	state->counters.trash--;
	return 0;
}

/* What it was called is lost. It begins its time anew, so that somebody can look at it. */
static int make_row(struct ms_state *state, const struct ms_op *op, struct ms_inode *inode)
{
	struct dfs_row_trash row;
	struct ms_key key = ms_key2(MS_TABLE_TRASH, inode->row.expires, inode->ino);
	int status = ms_row_trash_get(state, key, &row);
	if (status != DFS_ENOENT)
		return status == 0 ? DFS_ESTALE : status;
	row = (struct dfs_row_trash){.deleted = op->wall, .cut = 1};
	inode->row.expires = op->wall + DFS_TRASH_KEEP_S * DFS_SEC;
	ms_row_trash_put(state, ms_key2(MS_TABLE_TRASH, inode->row.expires, inode->ino), &row);
	state->counters.trash++;
	return 0;
}

/* It has names: it is not in the trash. The row, if there is one, goes. */
static int release(struct ms_state *state, struct ms_inode *inode)
{
	struct dfs_row_trash row;
	struct ms_key key = ms_key2(MS_TABLE_TRASH, inode->row.expires, inode->ino);
	int status = ms_row_trash_get(state, key, &row);
	if (status != 0 && status != DFS_ENOENT)
		return status;
	ms_trash_release(state, inode);
	if (status == DFS_ENOENT)
		state->counters.trash++; /* There was none to go. */
	return 0;
}

/* It is kept: the row that would have it removed goes. */
static int drop_orphan(struct ms_state *state, const struct ms_inode *inode)
{
	struct dfs_row_orphan row;
	struct ms_key key = ms_key1(MS_TABLE_ORPHAN, inode->ino);
	int status = ms_row_orphan_get(state, key, &row);
	if (status != 0)
		return status == DFS_ENOENT ? DFS_ESTALE : status;
	ms_row_delete(state, key);
	return 0;
}

int ms_mend_trash(struct ms_state *state, const struct ms_op *op, const struct dfs_mend *body)
{
	struct ms_inode *inode;
	if (body->fault == MS_FAULT_TRASH_UNOWNED)
		return drop_row(state, body);
	int status = ms_txn_handle(state, body->subject, &inode);
	if (status != 0)
		return status;
	if (inode->row.expires == 0)
		return DFS_ESTALE;
	if (body->fault == MS_FAULT_TRASH_ORPHAN)
		return drop_orphan(state, inode);
	if (inode->row.expires != body->noted)
		return DFS_ESTALE;
	if (body->fault == MS_FAULT_TRASH_NAMED)
		status = inode->row.nlink == 0 ? DFS_ESTALE : release(state, inode);
	else
		status = make_row(state, op, inode);
	if (status == 0)
		ms_inode_changed(inode, op->wall);
	return status;
}
