/*
 * MAKE: create, mknod, mkdir and symlink; and files without a name (O_TMPFILE of open(2)), which
 * are orphans from the start and go when nobody holds them open any more.
 *
 * Store calls of the common case: get parent and name; put inode, name, parent, result and
 * counters, delete the acknowledged result: 8. A directory with attributes is asked for its default
 * access control list, too.
 */
#include "master/core/acl_rows.h"
#include "master/core/dentry.h"
#include "master/core/ops.h"
#include "master/core/txn.h"

/* What the body says about the new inode, made sane: DFS_EINVAL when it cannot be. */
static int check_kind(const struct dfs_make *body, u32 *ret_mode)
{
	u32 type = body->mode & S_IFMT;
	u32 permissions = body->mode & 07777;
	switch (type) {
	case 0: /* mknod(2): no type means a regular file. */
		type = S_IFREG;
		break;
	case S_IFREG:
	case S_IFDIR:
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFCHR:
	case S_IFBLK:
		break;
	case S_IFLNK:
		permissions = 0777; /* symlink(7): they are not used. */
		break;
	default:
		return DFS_EINVAL;
	}
	if ((body->mode & ~(u32)(S_IFMT | 07777)) != 0)
		return DFS_EINVAL;
	if (type != S_IFLNK && body->target.length != 0)
		return DFS_EINVAL;
	if (type == S_IFLNK && body->target.length == 0)
		return DFS_ENOENT; /* symlink(2) of an empty target. */
	if (body->target.length != 0 && memchr(body->target.data, 0, body->target.length) != NULL)
		return DFS_EINVAL;
	*ret_mode = type | permissions;
	return 0;
}

/* The name is there: an error, unless a regular file will do. */
static int answer_existing(struct ms_state *state, const struct dfs_make *body,
			   const struct ms_dentry *dentry, struct ms_result *result)
{
	if (body->reuse == 0)
		return DFS_EEXIST;
	if (dentry->type == S_IFDIR)
		return DFS_EISDIR;
	if (dentry->type != S_IFREG)
		return DFS_EEXIST;
	struct ms_inode *inode;
	int status = ms_txn_inode(state, dentry->ino, &inode);
	if (status != 0)
		return ms_must(state, status);
	result->existed = 1;
	result->attr = ms_inode_attr(inode->ino, &inode->row);
	return 0;
}

struct ms_inode *ms_make_inode(struct ms_state *state, const struct ms_op *op,
			       const struct dfs_make *body, u32 mode, const struct ms_inode *parent)
{
	struct ms_inode *inode = ms_txn_new(state);
	bool directory = S_ISDIR(mode);
	bool device = S_ISCHR(mode) || S_ISBLK(mode);
	bool inherit = (parent->row.mode & S_ISGID) != 0;
	inode->row = (struct dfs_row_inode){
	    .mode = directory && inherit ? mode | S_ISGID : mode,
	    .uid = op->uid,
	    .gid = inherit ? parent->row.gid : op->gid,
	    .rdev = device ? body->rdev : 0,
	    .nlink = directory ? 2 : 1,
	    .chunk_shift = DFS_CHUNK_SHIFT,
	    .size = body->target.length,
	    .atime = (s64)op->wall,
	    .mtime = (s64)op->wall,
	    .btime = (s64)op->wall,
	    .parent = directory ? parent->ino : 0,
	    .tree = parent->row.tree,
	    .keep_s = directory ? parent->row.keep_s : 0,
	};
	ms_inode_changed(inode, op->wall);
	return inode;
}

/* In whose name the parent's lists and group count, and nothing else of it. */
static int make_nameless(struct ms_state *state, const struct ms_op *op,
			 const struct dfs_make *body, struct ms_result *result)
{
	struct ms_inode *parent;
	u32 mode;
	int status = ms_txn_directory(state, body->parent, &parent);
	if (status == 0)
		status = check_kind(body, &mode);
	if (status != 0)
		return status;
	if (!S_ISREG(mode) || body->name.length != 0 || body->nameless > DFS_NAMELESS_YET)
		return DFS_EINVAL;
	if (parent->row.nlink == 0)
		return DFS_ENOENT;
	struct ms_inode *inode = ms_make_inode(state, op, body, mode, parent);
	status = ms_acl_new(state, parent, inode, body->umask);
	if (status != 0)
		return status;
	status = ms_inode_drop_name(state, op, inode, NULL, result);
	if (status != 0)
		return status;
	inode->row.linkable = body->nameless == DFS_NAMELESS_YET;
	result->attr = ms_inode_attr(inode->ino, &inode->row);
	return 0;
}

int ms_op_make(struct ms_state *state, const struct ms_op *op, const struct dfs_make *body,
	       struct ms_result *result)
{
	struct ms_inode *parent;
	struct ms_dentry dentry;
	u32 mode;
	if (body->nameless != 0)
		return make_nameless(state, op, body, result);
	int status = ms_txn_directory(state, body->parent, &parent);
	if (status != 0)
		return status;
	status = ms_name_check(body->name);
	if (status == 0)
		status = check_kind(body, &mode);
	if (status != 0)
		return status;
	status = ms_dentry_find(state, parent->ino, body->name, &dentry);
	if (status == 0)
		return answer_existing(state, body, &dentry, result);
	if (status != DFS_ENOENT)
		return status;
	if (parent->row.nlink == 0)
		return DFS_ENOENT; /* The directory was removed and is only held open. */
	if (S_ISDIR(mode) && parent->row.nlink == UINT32_MAX)
		return DFS_EMLINK;

	struct ms_inode *inode = ms_make_inode(state, op, body, mode, parent);
	status = ms_acl_new(state, parent, inode, body->umask);
	if (status != 0)
		return status;
	if (S_ISLNK(mode)) {
		struct dfs_row_symlink row = {.target = body->target};
		ms_row_symlink_put(state, ms_key1(MS_TABLE_SYMLINK, inode->ino), &row);
	}
	dentry.ino = inode->ino;
	dentry.type = mode & S_IFMT;
	status = ms_dentry_put(state, &dentry, body->name);
	if (status != 0)
		return status;
	parent->row.entries++;
	if (S_ISDIR(mode)) {
		inode->row.place = dentry.cookie;
		parent->row.nlink++;
	}
	ms_inode_modified(parent, op->wall);
	result->attr = ms_inode_attr(inode->ino, &inode->row);
	return 0;
}
