/*
 * TRASH_KEEP, RESTORE, REMAKE and EXPIRE: the trash of a directory, and the ways out of it.
 */
#include "master/core/dentry.h"
#include "master/core/ops.h"
#include "master/core/quota.h"
#include "master/core/trash.h"

int ms_op_trash_keep(struct ms_state *state, const struct ms_op *op,
		     const struct dfs_trash_keep *body, struct ms_result *result)
{
	(void)op;
	(void)result;
	struct ms_inode *directory;
	int status = ms_txn_handle(state, body->ino, &directory);
	if (status != 0)
		return status;
	if (!ms_is_directory(&directory->row))
		return DFS_ENOTDIR;
	/* Nothing that clients see: neither ctime nor the change counter moves. */
	directory->row.keep_s = body->keep_s;
	directory->dirty = true;
	return 0;
}

/* The name is taken; by the inode itself when an earlier sending of this request was the one. */
static int answer_taken(struct ms_state *state, u64 ino, u64 there, struct ms_result *result)
{
	struct ms_inode *inode;
	if (there != ino)
		return DFS_EEXIST;
	int status = ms_txn_inode(state, ino, &inode);
	if (status != 0)
		return ms_must(state, status);
	result->attr = ms_inode_attr(ino, &inode->row);
	return 0;
}

int ms_op_restore(struct ms_state *state, const struct ms_op *op, const struct dfs_restore *body,
		  struct ms_result *result)
{
	struct ms_inode *parent;
	struct ms_inode *inode;
	struct ms_dentry dentry;
	int status = ms_txn_directory(state, body->parent, &parent);
	if (status == 0)
		status = ms_name_check(body->name);
	if (status != 0)
		return status;
	status = ms_dentry_find(state, parent->ino, body->name, &dentry);
	if (status == 0)
		return answer_taken(state, body->ino, dentry.ino, result);
	if (status != DFS_ENOENT)
		return status;
	if (parent->row.nlink == 0)
		return DFS_ENOENT;
	status = ms_txn_inode(state, body->ino, &inode);
	if (status != 0)
		return status;
	if (inode->row.expires == 0)
		return DFS_ENOENT; /* It was restored elsewhere, or its time was up. */
	bool directory = ms_is_directory(&inode->row);
	if (directory && parent->row.nlink == UINT32_MAX)
		return DFS_EMLINK;
	status = ms_quota_enter(state, inode, parent);
	if (status != 0)
		return status;

	dentry.ino = inode->ino;
	dentry.type = inode->row.mode & S_IFMT;
	status = ms_dentry_put(state, &dentry, body->name);
	if (status != 0)
		return status;
#ifndef DFS_PLANT_EXPIRE_RESTORED
	ms_trash_release(state, inode);
#endif
	inode->row.nlink = directory ? 2 : 1;
	if (directory) {
		inode->row.parent = parent->ino;
		inode->row.place = dentry.cookie;
		parent->row.nlink++;
	}
	ms_inode_changed(inode, op->wall);
	parent->row.entries++;
	ms_inode_modified(parent, op->wall);
	result->attr = ms_inode_attr(inode->ino, &inode->row);
	return 0;
}

int ms_op_remake(struct ms_state *state, const struct ms_op *op, const struct dfs_remake *body,
		 struct ms_result *result)
{
	struct dfs_attr there;
	struct dfs_make make = {.parent = body->parent, .name = body->name, .mode = S_IFDIR | 0700};
	struct ms_op as_root = *op;
	as_root.uid = 0;
	as_root.gid = 0;
	int status = ms_op_make(state, &as_root, &make, result);
	if (status != DFS_EEXIST)
		return status;
	status = ms_lookup(state, body->parent, body->name, &there);
	if (status == 0 && !S_ISDIR(there.mode))
		status = DFS_EEXIST;
	if (status == 0)
		result->attr = there;
	return status;
}

/* Rows are changed one by one: a transaction does not hold so many inodes. */
static int expire_one(struct ms_state *state, const struct ms_op *op,
		      const struct dfs_trash_key *key, struct ms_result *result)
{
	struct ms_inode inode = {.ino = key->ino};
	struct ms_key inode_key = ms_key1(MS_TABLE_INODE, key->ino);
	int status = ms_row_inode_get(state, inode_key, &inode.row);
	if (status != 0)
		return status == DFS_ENOENT ? 0 : status;
	if (key->expires == 0 || inode.row.expires != key->expires)
		return 0;
	state->counters.trash_bytes -= inode.row.allocated;
	ms_trash_release(state, &inode);
	ms_row_inode_put(state, inode_key, &inode.row);
	ms_inode_orphaned(state, key->ino, op->wall, result);
	return 0;
}

int ms_op_expire(struct ms_state *state, const struct ms_op *op, const struct dfs_expire *body,
		 struct ms_result *result)
{
	struct dfs_items keys = body->keys;
	struct dfs_trash_key key, before = {0};
	int status = 0;
	while (status == 0 && dfs_trash_key_next(&keys, &key)) {
		/* In order, so that none comes twice: the store does not show what it just lost. */
		bool ascends = key.expires > before.expires ||
			       (key.expires == before.expires && key.ino > before.ino);
		status = ascends ? expire_one(state, op, &key, result) : DFS_EINVAL;
		before = key;
	}
	result->orphaned = 0; /* More than one: whoever hears of it looks at the keys. */
	return status;
}
