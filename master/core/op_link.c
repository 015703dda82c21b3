/*
 * LINK, UNLINK and RMDIR: names come and go, inodes stay.
 *
 * Store calls of UNLINK: get parent, name and inode; delete the name, put inode, parent, orphan,
 * result and counters, delete the acknowledged result: 10. PURGE takes the inode away, many at a
 * time. Where a trash is kept, its row takes the place of the orphan's, and its path costs two gets
 * for each directory above, of rows that are in memory after the first file.
 */
#include "master/core/dentry.h"
#include "master/core/ops.h"
#include "master/core/txn.h"

int ms_op_link(struct ms_state *state, const struct ms_op *op, const struct dfs_link *body,
	       struct ms_result *result)
{
	struct ms_inode *parent;
	struct ms_inode *inode;
	struct ms_dentry dentry;
	int status = ms_txn_directory(state, body->parent, &parent);
	if (status == 0)
		status = ms_name_check(body->name);
	if (status == 0)
		status = ms_txn_inode(state, body->ino, &inode);
	if (status != 0)
		return status;
	status = ms_dentry_find(state, parent->ino, body->name, &dentry);
	if (status == 0)
		return DFS_EEXIST;
	if (status != DFS_ENOENT)
		return status;
	if (parent->row.nlink == 0)
		return DFS_ENOENT;
	if (ms_is_directory(&inode->row))
		return DFS_EPERM;
	if (inode->row.nlink == 0 && inode->row.linkable == 0)
		return DFS_ENOENT; /* link(2): an unlinked file does not come back. */
	if (inode->row.nlink >= DFS_NLINK_MAX)
		return DFS_EMLINK;
	if (inode->row.tree != parent->row.tree && inode->row.nlink > 0)
		return DFS_EXDEV; /* It would count in one tree and have a name in another. */

	dentry.ino = inode->ino;
	dentry.type = inode->row.mode & S_IFMT;
	status = ms_dentry_put(state, &dentry, body->name);
	if (status != 0)
		return status;
#ifndef DFS_PLANT_LINK_ORPHAN
	if (inode->row.linkable != 0)
		ms_row_delete(state, ms_key1(MS_TABLE_ORPHAN, inode->ino));
#endif
	inode->row.linkable = 0;
	inode->row.tree = parent->row.tree;
	inode->row.nlink++;
	ms_inode_changed(inode, op->wall);
	parent->row.entries++;
	ms_inode_modified(parent, op->wall);
	result->attr = ms_inode_attr(inode->ino, &inode->row);
	return 0;
}

/* The name's row, its directory and its inode. */
struct named {
	struct ms_inode *parent;
	struct ms_inode *inode;
	struct ms_dentry dentry;
};

static int find_named(struct ms_state *state, u64 parent, struct dfs_span name,
		      struct named *ret_named)
{
	int status = ms_txn_directory(state, parent, &ret_named->parent);
	if (status == 0)
		status = ms_name_check(name);
	if (status == 0)
		status = ms_dentry_find(state, parent, name, &ret_named->dentry);
	if (status != 0)
		return status;
	return ms_must(state, ms_txn_inode(state, ret_named->dentry.ino, &ret_named->inode));
}

static int remove_named(struct ms_state *state, const struct ms_op *op, struct named *named,
			struct dfs_span name, struct ms_result *result)
{
	struct ms_named_in was = {.parent = named->parent, .name = name};
	int status = ms_dentry_remove(state, &named->dentry);
	if (status != 0)
		return status;
	named->parent->row.entries--;
	ms_inode_modified(named->parent, op->wall);
	status = ms_inode_drop_name(state, op, named->inode, &was, result);
	result->attr = ms_inode_attr(named->inode->ino, &named->inode->row);
	return status;
}

int ms_op_unlink(struct ms_state *state, const struct ms_op *op, const struct dfs_unlink *body,
		 struct ms_result *result)
{
	struct named named;
	int status = find_named(state, body->parent, body->name, &named);
	if (status != 0)
		return status;
	if (ms_is_directory(&named.inode->row))
		return DFS_EISDIR;
	return remove_named(state, op, &named, body->name, result);
}

int ms_op_rmdir(struct ms_state *state, const struct ms_op *op, const struct dfs_rmdir *body,
		struct ms_result *result)
{
	struct named named;
	int status = find_named(state, body->parent, body->name, &named);
	if (status != 0)
		return status;
	if (!ms_is_directory(&named.inode->row))
		return DFS_ENOTDIR;
	if (named.inode->row.entries != 0)
		return DFS_ENOTEMPTY;
	named.parent->row.nlink--;
	return remove_named(state, op, &named, body->name, result);
}
