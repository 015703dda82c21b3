/*
 * SETATTR: chmod, chown, utimens and truncate, several at once as the kernel asks for them.
 */
#include "master/core/acl_rows.h"
#include "master/core/chunk_map.h"
#include "master/core/ops.h"

#define BITS_KNOWN                                                                                 \
	((u32)(DFS_SETATTR_MODE | DFS_SETATTR_UID | DFS_SETATTR_GID | DFS_SETATTR_SIZE |           \
	       DFS_SETATTR_ATIME | DFS_SETATTR_MTIME | DFS_SETATTR_ATIME_NOW |                     \
	       DFS_SETATTR_MTIME_NOW))

static int check(const struct ms_inode *inode, const struct dfs_setattr *body)
{
	if ((body->valid & ~BITS_KNOWN) != 0)
		return DFS_EINVAL;
	if ((body->valid & DFS_SETATTR_UID) != 0 && body->uid == UINT32_MAX)
		return DFS_EINVAL; /* (uid_t)-1 means "leave it" and is nobody's. */
	if ((body->valid & DFS_SETATTR_GID) != 0 && body->gid == UINT32_MAX)
		return DFS_EINVAL;
	if ((body->valid & DFS_SETATTR_SIZE) == 0)
		return 0;
	if (ms_is_directory(&inode->row))
		return DFS_EISDIR;
	if (!S_ISREG(inode->row.mode))
		return DFS_EINVAL;
	return body->size > INT64_MAX ? DFS_EFBIG : 0;
}

static void change_owner(struct ms_inode *inode, const struct dfs_setattr *body)
{
	if ((body->valid & DFS_SETATTR_UID) != 0)
		inode->row.uid = body->uid;
	if ((body->valid & DFS_SETATTR_GID) != 0)
		inode->row.gid = body->gid;
}

/* chown(2) takes set-id bits and capabilities of programs away; so does truncate(2), by anybody but
 * root. Directories keep theirs. */
static int drop_privileges(struct ms_state *state, struct ms_inode *inode, const struct ms_op *op,
			   const struct dfs_setattr *body)
{
	bool owner = body->valid == 0 || (body->valid & (DFS_SETATTR_UID | DFS_SETATTR_GID)) != 0;
	bool cut = (body->valid & DFS_SETATTR_SIZE) != 0;
	return owner || cut ? ms_privileges_drop(state, inode, owner || op->uid != 0) : 0;
}

static void change_times(struct ms_inode *inode, const struct ms_op *op,
			 const struct dfs_setattr *body)
{
	if ((body->valid & DFS_SETATTR_ATIME_NOW) != 0)
		inode->row.atime = (s64)op->wall;
	else if ((body->valid & DFS_SETATTR_ATIME) != 0)
		inode->row.atime = body->atime;
	if ((body->valid & DFS_SETATTR_MTIME_NOW) != 0)
		inode->row.mtime = (s64)op->wall;
	else if ((body->valid & DFS_SETATTR_MTIME) != 0)
		inode->row.mtime = body->mtime;
}

int ms_op_setattr(struct ms_state *state, const struct ms_op *op, const struct dfs_setattr *body,
		  struct ms_result *result)
{
	struct ms_inode *inode;
	int status = ms_txn_handle(state, body->ino, &inode);
	if (status == 0)
		status = check(inode, body);
	if (status != 0)
		return status;
	ms_inode_changed(inode, op->wall);
	if ((body->valid & DFS_SETATTR_MODE) != 0) {
		inode->row.mode = (inode->row.mode & S_IFMT) | (body->mode & 07777);
		status = ms_acl_mode_changed(state, inode);
	}
	change_owner(inode, body);
	if (status == 0)
		status = drop_privileges(state, inode, op, body);
	if (status == 0 && (body->valid & DFS_SETATTR_SIZE) != 0) {
		if (body->size < inode->row.size)
			status = ms_map_truncate(state, inode, body->size, result);
		inode->row.size = body->size;
		inode->row.mtime = (s64)op->wall;
	}
	change_times(inode, op, body);
	result->attr = ms_inode_attr(inode->ino, &inode->row);
	return status;
}
