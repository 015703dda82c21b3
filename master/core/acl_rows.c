/*
 * Access control lists in the tables: see acl_rows.h.
 *
 * An access list that says no more than the mode is not kept; a default list is, since it stands in
 * for the umask. ms_state_check() knows that list and mode agree.
 */
#include "master/core/acl_rows.h"

#include "libdfsproto/wire/xattr_name.h"
#include "master/core/acl.h"
#include "master/core/ops.h"
#include "master/core/txn.h"

/* DFS_ENODATA when there is none. */
static struct dfs_span name_of(enum dfs_acl_bits which)
{
	return dfs_span_text(which == DFS_ACL_ACCESS ? DFS_XATTR_ACL_ACCESS
						     : DFS_XATTR_ACL_DEFAULT);
}

/* One that is there, as row.acls says. */
static int row_get(struct ms_state *state, const struct ms_inode *inode, enum dfs_acl_bits which,
		   struct dfs_row_xattr *ret_row)
{
	struct ms_key key = ms_key_name(MS_TABLE_XATTR, inode->ino, name_of(which));
	return ms_must(state, ms_row_xattr_get(state, key, ret_row));
}

static int acl_get(struct ms_state *state, const struct ms_inode *inode, enum dfs_acl_bits which,
		   struct ms_acl *ret_acl)
{
	struct dfs_row_xattr row;
	int status = row_get(state, inode, which, &row);
	if (status != 0)
		return status;
	status = ms_acl_decode(row.value, ret_acl);
	return status == 0 && ret_acl->count > 0 ? 0 : ms_fail(state, DFS_ECORRUPT);
}

static int acl_put(struct ms_state *state, struct ms_inode *inode, enum dfs_acl_bits which,
		   const struct ms_acl *acl)
{
	u8 value[MS_ACL_BYTES_MAX];
	u32 bytes = ms_acl_encode(acl, value);
	return ms_xattr_put(state, inode, name_of(which), dfs_span(value, bytes), 0);
}

static int acl_drop(struct ms_state *state, struct ms_inode *inode, enum dfs_acl_bits which)
{
	struct dfs_row_xattr row;
	if ((inode->row.acls & which) == 0)
		return 0;
	int status = row_get(state, inode, which, &row);
	if (status == 0)
		ms_xattr_remove(state, inode, name_of(which), row.value.length);
	return status;
}

int ms_acl_remove(struct ms_state *state, const struct ms_op *op, struct ms_inode *inode,
		  struct dfs_span name)
{
	if (S_ISLNK(inode->row.mode))
		return DFS_ENOTSUP;
	enum dfs_acl_bits which = dfs_xattr_acl(name);
	if ((inode->row.acls & which) == 0)
		return 0; /* Nothing to do, and no change. */
	ms_inode_changed(inode, op->wall);
	return acl_drop(state, inode, which);
}

/* The mode says what the list says; the list itself is kept if it says more. */
static int set_access(struct ms_state *state, struct ms_inode *inode, const struct ms_acl *acl,
		      const struct dfs_setxattr *body)
{
	bool whole = ms_acl_mode(acl, inode->row.mode, &inode->row.mode);
	/* chmod(2) of somebody who is not of the file's group does so, too. */
	if ((body->flags & DFS_SETXATTR_DROP_SGID) != 0)
		inode->row.mode &= ~(u32)S_ISGID;
	return whole ? acl_drop(state, inode, DFS_ACL_ACCESS)
		     : acl_put(state, inode, DFS_ACL_ACCESS, acl);
}

int ms_acl_set(struct ms_state *state, const struct ms_op *op, struct ms_inode *inode,
	       const struct dfs_setxattr *body)
{
	struct ms_acl acl;
	if (S_ISLNK(inode->row.mode))
		return DFS_ENOTSUP;
	int status = ms_acl_decode(body->value, &acl);
	if (status != 0)
		return status;
	if (acl.count == 0)
		return ms_acl_remove(state, op, inode, body->name);
	if (dfs_xattr_acl(body->name) == DFS_ACL_ACCESS)
		status = set_access(state, inode, &acl, body);
	else if (!ms_is_directory(&inode->row))
		status = DFS_EACCES;
	else
		status = acl_put(state, inode, DFS_ACL_DEFAULT, &acl);
	if (status == 0)
		ms_inode_changed(inode, op->wall);
	return status;
}

int ms_acl_mode_changed(struct ms_state *state, struct ms_inode *inode)
{
	struct ms_acl acl;
	if ((inode->row.acls & DFS_ACL_ACCESS) == 0)
		return 0;
	int status = acl_get(state, inode, DFS_ACL_ACCESS, &acl);
	if (status != 0)
		return status;
	ms_acl_follow(&acl, inode->row.mode);
	return acl_put(state, inode, DFS_ACL_ACCESS, &acl);
}

int ms_acl_new(struct ms_state *state, const struct ms_inode *parent, struct ms_inode *inode,
	       u32 umask)
{
	struct ms_acl acl;
	if (S_ISLNK(inode->row.mode))
		return 0;
	if ((parent->row.acls & DFS_ACL_DEFAULT) == 0) {
		inode->row.mode &= ~(umask & 0777);
		return 0;
	}
	int status = acl_get(state, parent, DFS_ACL_DEFAULT, &acl);
	if (status == 0 && ms_is_directory(&inode->row))
		status = acl_put(state, inode, DFS_ACL_DEFAULT, &acl);
	if (status == 0 && !ms_acl_inherit(&acl, inode->row.mode, &inode->row.mode))
		status = acl_put(state, inode, DFS_ACL_ACCESS, &acl);
	return status;
}
