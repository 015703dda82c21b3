/*
 * SETXATTR and REMOVEXATTR. Who may do so is the kernel's business; which names and sizes exist is
 * ours. Access control lists go on to acl_rows.c.
 */
#include "libdfsproto/wire/xattr_name.h"
#include "master/core/acl_rows.h"
#include "master/core/ops.h"
#include "master/core/txn.h"

static int check_name(const struct ms_inode *inode, struct dfs_span name)
{
	bool carries_any = S_ISREG(inode->row.mode) || S_ISDIR(inode->row.mode);
	int status = dfs_xattr_name_check(name);
	if (status == 0 && dfs_xattr_is_user(name) && !carries_any)
		return DFS_EPERM; /* xattr(7): permissions mean something else there. */
	return status;
}

/* Account for an attribute whose value was `old_bytes` long and is `new_bytes` long now. */
static int resize(struct ms_inode *inode, u32 old_bytes, u32 new_bytes)
{
	u32 total = inode->row.xattrs_bytes - old_bytes + new_bytes;
	if (new_bytes > old_bytes && total > DFS_XATTR_TOTAL_BYTES_MAX)
		return DFS_ENOSPC;
	inode->row.xattrs_bytes = total;
	return 0;
}

static int add_name(struct ms_inode *inode, struct dfs_span name)
{
	u32 bytes = name.length + 1;
	if (inode->row.xattrs_names_bytes + bytes > DFS_XATTR_LIST_BYTES_MAX)
		return DFS_ENOSPC;
	inode->row.xattrs_names_bytes += bytes;
	return resize(inode, 0, bytes);
}

int ms_xattr_put(struct ms_state *state, struct ms_inode *inode, struct dfs_span name,
		 struct dfs_span value, u32 flags)
{
	struct dfs_row_xattr row;
	struct ms_key key = ms_key_name(MS_TABLE_XATTR, inode->ino, name);
	u32 old_bytes = 0;
	int status = DFS_ENOENT;
	if (inode->row.xattrs_names_bytes != 0)
		status = ms_row_xattr_get(state, key, &row);
	if (status == 0) {
		if ((flags & DFS_SETXATTR_CREATE) != 0)
			return DFS_EEXIST;
		old_bytes = row.value.length;
	} else if (status == DFS_ENOENT) {
		if ((flags & DFS_SETXATTR_REPLACE) != 0)
			return DFS_ENODATA;
		status = add_name(inode, name);
	}
	if (status == 0)
		status = resize(inode, old_bytes, value.length);
	if (status != 0)
		return status;
	row.value = value;
	ms_row_xattr_put(state, key, &row);
	inode->row.acls |= dfs_xattr_acl(name);
	return 0;
}

int ms_op_setxattr(struct ms_state *state, const struct ms_op *op, const struct dfs_setxattr *body,
		   struct ms_result *result)
{
	const u32 known = DFS_SETXATTR_CREATE | DFS_SETXATTR_REPLACE | DFS_SETXATTR_DROP_SGID;
	struct ms_inode *inode;
	int status = ms_txn_handle(state, body->ino, &inode);
	if (status == 0)
		status = check_name(inode, body->name);
	if (status == 0 && (body->flags & ~known) != 0)
		status = DFS_EINVAL;
	if (status != 0)
		return status;
	if (dfs_xattr_acl(body->name) != 0) {
		status = ms_acl_set(state, op, inode, body);
	} else {
		status = ms_xattr_put(state, inode, body->name, body->value, body->flags);
		ms_inode_changed(inode, op->wall);
	}
	result->attr = ms_inode_attr(inode->ino, &inode->row);
	return status;
}

void ms_xattr_remove(struct ms_state *state, struct ms_inode *inode, struct dfs_span name,
		     u32 value_bytes)
{
	inode->row.xattrs_names_bytes -= name.length + 1;
	inode->row.xattrs_bytes -= name.length + 1 + value_bytes;
	inode->row.acls &= (u8)~dfs_xattr_acl(name);
	ms_row_delete(state, ms_key_name(MS_TABLE_XATTR, inode->ino, name));
}

int ms_op_removexattr(struct ms_state *state, const struct ms_op *op,
		      const struct dfs_removexattr *body, struct ms_result *result)
{
	struct ms_inode *inode;
	struct dfs_row_xattr row;
	int status = ms_txn_handle(state, body->ino, &inode);
	if (status == 0)
		status = check_name(inode, body->name);
	if (status != 0)
		return status;
	if (dfs_xattr_acl(body->name) != 0) {
		status = ms_acl_remove(state, op, inode, body->name);
		result->attr = ms_inode_attr(inode->ino, &inode->row);
		return status;
	}
	struct ms_key key = ms_key_name(MS_TABLE_XATTR, inode->ino, body->name);
	status = ms_row_xattr_get(state, key, &row);
	if (status != 0)
		return status == DFS_ENOENT ? DFS_ENODATA : status;
	ms_xattr_remove(state, inode, body->name, row.value.length);
	ms_inode_changed(inode, op->wall);
	result->attr = ms_inode_attr(inode->ino, &inode->row);
	return 0;
}
