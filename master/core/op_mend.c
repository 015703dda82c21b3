/*
 * MEND: one fault that a check of the tables found (check.h) is put right. Whoever asked looked at
 * the tables a while ago, so each repair first makes sure, from the rows it is about to change,
 * that they still are as described: DFS_ESTALE when not. Counts are moved by the difference found:
 * that difference stays the same whatever operations came in between.
 */
#include "master/core/check.h"
#include "master/core/dentry.h"
#include "master/core/ops.h"
#include "master/core/quota.h"
#include "master/core/txn.h"

/* 0 when there is no such inode; DFS_ESTALE when there is. */
static int must_be_absent(struct ms_state *state, u64 ino)
{
	struct dfs_row_inode row;
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, ino), &row);
	if (status == DFS_ENOENT)
		return 0;
	return status == 0 ? DFS_ESTALE : status;
}

/* What a get found, where absent rows mean that things have changed. */
static int stale(int status)
{
	return status == DFS_ENOENT ? DFS_ESTALE : status;
}

static int move_count(u64 *count, const struct dfs_mend *body)
{
	if (*count != body->noted)
		return DFS_ESTALE;
	*count += body->found - body->noted;
	return 0;
}

static int move_count32(u32 *count, const struct dfs_mend *body)
{
	if (body->found > UINT32_MAX)
		return DFS_EINVAL;
	if (*count != body->noted)
		return DFS_ESTALE;
	*count = (u32)body->found;
	return 0;
}

static int move_flag(u8 *flag, const struct dfs_mend *body)
{
	if (body->found > UINT8_MAX)
		return DFS_EINVAL;
	if (*flag != body->noted)
		return DFS_ESTALE;
	*flag = (u8)body->found;
	return 0;
}

/* Only orphans and what is in the trash have no links. */
static int check_links(struct ms_state *state, const struct dfs_row_inode *row,
		       const struct dfs_mend *body)
{
	struct dfs_row_orphan orphan;
	if (body->found > 0 || row->expires != 0)
		return 0;
	return stale(ms_row_orphan_get(state, ms_key1(MS_TABLE_ORPHAN, body->subject), &orphan));
}

static int check_parent(struct ms_state *state, const struct dfs_mend *body)
{
	struct dfs_row_inode parent;
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, body->found), &parent);
	if (status == 0 && !ms_is_directory(&parent))
		status = DFS_ESTALE;
	return stale(status);
}

static int mend_cut_flag(struct ms_state *state, struct dfs_row_inode *row,
			 const struct dfs_mend *body)
{
	struct dfs_row_cut cut;
	int status = ms_row_cut_get(state, ms_key1(MS_TABLE_CUT, body->subject), &cut);
	if (status != 0 && status != DFS_ENOENT)
		return status;
	u8 found = status == 0;
	if (row->cutting == found)
		return DFS_ESTALE;
	row->cutting = found;
	return 0;
}

static int mend_tree(struct ms_state *state, struct dfs_row_inode *row, const struct dfs_mend *body)
{
	struct dfs_row_quota quota;
	int status = ms_quota_read(state, DFS_QUOTA_TREE, body->noted, &quota);
	if (status == 0)
		return DFS_ESTALE;
	if (status == DFS_ENOENT && body->found != 0)
		status = stale(ms_quota_read(state, DFS_QUOTA_TREE, body->found, &quota));
	else if (status == DFS_ENOENT)
		status = 0;
	return status == 0 ? move_count(&row->tree, body) : status;
}

static int mend_quota(struct ms_state *state, const struct dfs_mend *body)
{
	struct ms_quota *quota;
	if (body->at < DFS_QUOTA_USER || body->at > DFS_QUOTA_TREE)
		return DFS_EINVAL;
	int status = ms_quota_get(state, (u8)body->at, body->subject, &quota);
	if (status != 0)
		return status;
	return move_count(
	    body->fault == MS_FAULT_QUOTA_BYTES ? &quota->row.bytes : &quota->row.inodes, body);
}

/* Faults of one inode's own row. */
static int mend_inode(struct ms_state *state, const struct ms_op *op, const struct dfs_mend *body)
{
	struct ms_inode *inode;
	int status = ms_txn_handle(state, body->subject, &inode);
	if (status != 0)
		return status;
	struct dfs_row_inode *row = &inode->row;
	switch (body->fault) {
	case MS_FAULT_LINKS:
		status = check_links(state, row, body);
		if (status == 0)
			status = move_count32(&row->nlink, body);
		break;
	case MS_FAULT_ENTRIES:
		status = ms_is_directory(row) ? move_count(&row->entries, body) : DFS_ESTALE;
		break;
	case MS_FAULT_PARENT:
		status = ms_is_directory(row) ? check_parent(state, body) : DFS_ESTALE;
		if (status == 0)
			status = move_count(&row->parent, body);
		break;
	case MS_FAULT_PLACE:
		status = ms_is_directory(row) ? move_count(&row->place, body) : DFS_ESTALE;
		break;
	case MS_FAULT_CHUNKS_COUNT:
		status = move_count(&row->chunks, body);
		break;
	case MS_FAULT_SPACE:
		status = move_count(&row->allocated, body);
		break;
	case MS_FAULT_ACL_FLAGS:
		status = move_flag(&row->acls, body);
		break;
	case MS_FAULT_LINKABLE:
		status = move_flag(&row->linkable, body);
		break;
	case MS_FAULT_XATTR_NAMES_BYTES:
		status = move_count32(&row->xattrs_names_bytes, body);
		break;
	case MS_FAULT_XATTR_BYTES:
		status = move_count32(&row->xattrs_bytes, body);
		break;
	case MS_FAULT_TREE_UNKNOWN:
		status = mend_tree(state, row, body);
		break;
	default:
		DFS_ASSERT(body->fault == MS_FAULT_CUT_FLAG);
		status = mend_cut_flag(state, row, body);
		break;
	}
	if (status == 0)
		ms_inode_changed(inode, op->wall);
	return status;
}

/* Removing a row looks at those before it in its chain of equal hashes: they must be there. */
static int check_chain(struct ms_state *state, u64 parent, u64 cookie)
{
	struct dfs_row_dentry row;
	int status = 0;
	while (status == 0 && cookie % MS_COOKIE_SLOTS != 0) {
		cookie--;
		status = ms_row_dentry_get(state, ms_key2(MS_TABLE_DENTRY, parent, cookie), &row);
		if (status == 0 && row.ino != 0)
			break;
	}
	return status == DFS_ENOENT ? DFS_ENOTSUP : status;
}

static int remove_name(struct ms_state *state, const struct dfs_mend *body, u8 more)
{
	struct ms_dentry dentry = {
	    .parent = body->subject, .cookie = body->at, .ino = body->noted, .more = more};
	int status = check_chain(state, body->subject, body->at);
	return status == 0 ? ms_dentry_remove(state, &dentry) : status;
}

static int mend_name(struct ms_state *state, const struct ms_op *op, const struct dfs_mend *body)
{
	struct ms_key key = ms_key2(MS_TABLE_DENTRY, body->subject, body->at);
	struct dfs_row_dentry row;
	struct dfs_row_inode inode;
	struct ms_inode *directory = NULL;
	int status = stale(ms_row_dentry_get(state, key, &row));
	u8 more = status == 0 ? row.more : 0;
	if (status != 0)
		return status;
	if (body->fault == MS_FAULT_NAME_TYPE) {
		if (row.type != body->noted || row.ino == 0)
			return DFS_ESTALE;
		/* The span in `row` lives until the next get of this store: none comes between. */
		row.type = (u32)body->found;
		ms_row_dentry_put(state, key, &row);
		status = stale(ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, row.ino), &inode));
		return status == 0 && (inode.mode & S_IFMT) != body->found ? DFS_ESTALE : status;
	}
	if (row.ino != body->noted || body->noted == 0 || body->at < MS_COOKIE_FIRST)
		return DFS_ESTALE;
	status = ms_txn_directory(state, body->subject, &directory);
	if (body->fault == MS_FAULT_NAME_UNOWNED) {
		if (status == 0)
			return DFS_ESTALE;
		return status == DFS_ENOENT || status == DFS_ENOTDIR
			   ? remove_name(state, body, more)
			   : status;
	}
	if (status == 0)
		status = must_be_absent(state, body->noted);
	if (status == 0 && directory->row.entries == 0)
		status = DFS_ESTALE;
	if (status == 0)
		status = remove_name(state, body, more);
	if (status != 0)
		return stale(status);
	directory->row.entries--;
	ms_inode_modified(directory, op->wall);
	return 0;
}

/* An orphan that has names is none. One with no link left has lost them meanwhile. */
static int mend_orphan_named(struct ms_state *state, const struct dfs_mend *body)
{
	struct dfs_row_orphan orphan;
	struct ms_inode *inode;
	int status =
	    stale(ms_row_orphan_get(state, ms_key1(MS_TABLE_ORPHAN, body->subject), &orphan));
	if (status == 0)
		status = ms_txn_handle(state, body->subject, &inode);
	if (status == 0 && inode->row.nlink == 0)
		status = DFS_ESTALE;
	if (status == 0)
		ms_row_delete(state, ms_key1(MS_TABLE_ORPHAN, body->subject));
	return status;
}

/* A row that belongs to an inode or session which is not there. */
static int mend_unowned(struct ms_state *state, const struct dfs_mend *body)
{
	struct dfs_row_session session;
	struct dfs_row_symlink symlink;
	int status;
	if (body->fault == MS_FAULT_RESULT_UNOWNED) {
		status =
		    ms_row_session_get(state, ms_key1(MS_TABLE_SESSION, body->subject), &session);
		if (status == DFS_ENOENT)
			ms_row_delete(state, ms_key2(MS_TABLE_RESULT, body->subject, body->at));
		return status == DFS_ENOENT ? 0 : status == 0 ? DFS_ESTALE : status;
	}
	if (body->fault == MS_FAULT_ORPHAN_NAMED)
		return mend_orphan_named(state, body);
	status = must_be_absent(state, body->subject);
	if (status != 0)
		return status;
	if (body->fault == MS_FAULT_XATTR_UNOWNED && body->subject < UINT64_MAX) {
		ms_row_delete_range(state, ms_key1(MS_TABLE_XATTR, body->subject),
				    ms_key1(MS_TABLE_XATTR, body->subject + 1));
	} else if (body->fault == MS_FAULT_ORPHAN_UNOWNED) {
		ms_row_delete(state, ms_key1(MS_TABLE_ORPHAN, body->subject));
	} else {
		struct ms_key key = ms_key1(MS_TABLE_SYMLINK, body->subject);
		status = stale(ms_row_symlink_get(state, key, &symlink));
		if (status == 0)
			ms_row_delete(state, key);
	}
	return status;
}

static int mend_counter(struct ms_state *state, const struct dfs_mend *body)
{
	struct dfs_row_counters *counters = &state->counters;
	if (body->fault == MS_FAULT_COUNT_INODES)
		return move_count(&counters->inodes, body);
	if (body->fault == MS_FAULT_COUNT_CHUNKS)
		return move_count(&counters->chunks, body);
	if (body->fault == MS_FAULT_COUNT_TRASH)
		return move_count(&counters->trash, body);
	if (body->fault == MS_FAULT_COUNT_TRASH_BYTES)
		return move_count(&counters->trash_bytes, body);
	return move_count(&counters->garbage, body);
}

int ms_op_mend(struct ms_state *state, const struct ms_op *op, const struct dfs_mend *body,
	       struct ms_result *result)
{
	switch (body->fault) {
	case MS_FAULT_LINKS:
	case MS_FAULT_ENTRIES:
	case MS_FAULT_PARENT:
	case MS_FAULT_PLACE:
	case MS_FAULT_CHUNKS_COUNT:
	case MS_FAULT_SPACE:
	case MS_FAULT_ACL_FLAGS:
	case MS_FAULT_LINKABLE:
	case MS_FAULT_XATTR_NAMES_BYTES:
	case MS_FAULT_XATTR_BYTES:
	case MS_FAULT_CUT_FLAG:
	case MS_FAULT_TREE_UNKNOWN:
		return mend_inode(state, op, body);
	case MS_FAULT_NAME_UNOWNED:
	case MS_FAULT_NAME_DANGLING:
	case MS_FAULT_NAME_TYPE:
		return mend_name(state, op, body);
	case MS_FAULT_TARGET_UNOWNED:
	case MS_FAULT_XATTR_UNOWNED:
	case MS_FAULT_ORPHAN_UNOWNED:
	case MS_FAULT_ORPHAN_NAMED:
	case MS_FAULT_RESULT_UNOWNED:
		return mend_unowned(state, body);
	case MS_FAULT_COUNT_INODES:
	case MS_FAULT_COUNT_CHUNKS:
	case MS_FAULT_COUNT_GARBAGE:
	case MS_FAULT_COUNT_TRASH:
	case MS_FAULT_COUNT_TRASH_BYTES:
		return mend_counter(state, body);
	case MS_FAULT_QUOTA_BYTES:
	case MS_FAULT_QUOTA_INODES:
		return mend_quota(state, body);
	case MS_FAULT_TRASH_UNOWNED:
	case MS_FAULT_TRASH_MISSING:
	case MS_FAULT_TRASH_NAMED:
	case MS_FAULT_TRASH_ORPHAN:
		return ms_mend_trash(state, op, body);
	default:
		return ms_mend_chunk(state, body, result);
	}
}
