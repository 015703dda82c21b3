/*
 * RENAME, as rename(2) and renameat2(2) of Linux have it: replacing, NOREPLACE, EXCHANGE,
 * WHITEOUT.
 *
 * The rows of both names are found before anything is changed. If they can be in one chain of equal
 * hashes (same directory, same hash), the new name takes the old one's row, so that the two changes
 * never touch each other's neighbours in the chain.
 */
#include "master/core/acl_rows.h"
#include "master/core/dentry.h"
#include "master/core/ops.h"
#include "master/core/quota.h"
#include "master/core/txn.h"

/* A tree this deep is refused as the target of a moved directory: the walk up is bounded. */
#define DEPTH_MAX 65536u

struct renaming {
	struct ms_inode *parent;
	struct ms_inode *new_parent;
	struct ms_inode *inode;  /* What moves. */
	struct ms_inode *victim; /* What is under the new name, or NULL. */
	struct ms_dentry dentry;
	struct ms_dentry new_dentry;
};

static int load(struct ms_state *state, const struct dfs_rename *body, struct renaming *r)
{
	int status = ms_txn_directory(state, body->parent, &r->parent);
	if (status == 0)
		status = ms_txn_directory(state, body->new_parent, &r->new_parent);
	if (status == 0)
		status = ms_name_check(body->name);
	if (status == 0)
		status = ms_name_check(body->new_name);
	if (status == 0)
		status = ms_dentry_find(state, body->parent, body->name, &r->dentry);
	if (status == 0)
		status = ms_must(state, ms_txn_inode(state, r->dentry.ino, &r->inode));
	if (status != 0)
		return status;
	status = ms_dentry_find(state, body->new_parent, body->new_name, &r->new_dentry);
	if (status == 0)
		return ms_must(state, ms_txn_inode(state, r->new_dentry.ino, &r->victim));
	return status == DFS_ENOENT ? 0 : status;
}

/* DFS_EINVAL when `directory` is `from` or one of the directories above it. */
static int check_not_above(struct ms_state *state, const struct ms_inode *directory, u64 from)
{
	if (directory->ino == from)
		return DFS_EINVAL;
	if (directory->row.nlink <= 2)
		return 0; /* No directories below it. */
	for (u32 depth = 0; depth < DEPTH_MAX; depth++) {
		if (from == directory->ino)
			return DFS_EINVAL;
		if (from == DFS_INO_ROOT)
			return 0;
		struct dfs_row_inode row;
		int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, from), &row);
		if (status != 0)
			return ms_must(state, status);
		from = row.parent;
	}
	return DFS_ENOTSUP;
}

static int check_flags(const struct dfs_rename *body, const struct renaming *r)
{
	bool exchange = (body->flags & DFS_RENAME_EXCHANGE) != 0;
	bool no_replace = (body->flags & DFS_RENAME_NOREPLACE) != 0;
	if (exchange && r->victim == NULL)
		return DFS_ENOENT;
	if (no_replace && r->victim != NULL)
		return DFS_EEXIST;
	if (r->victim == NULL && r->new_parent->row.nlink == 0)
		return DFS_ENOENT; /* Into a directory that was removed. */
	if (ms_is_directory(&r->inode->row) && r->new_parent->row.nlink == UINT32_MAX)
		return DFS_EMLINK;
	return 0;
}

/* May the victim make room? In the order of errors that Linux has, which looks for a victim that
 * holds the source before it looks at types. */
static int check_replace(struct ms_state *state, const struct renaming *r)
{
	bool directory = ms_is_directory(&r->inode->row);
	if (r->victim == NULL)
		return 0;
	if (!ms_is_directory(&r->victim->row))
		return directory ? DFS_ENOTDIR : 0;
	if (directory)
		return r->victim->row.entries != 0 ? DFS_ENOTEMPTY : 0;
	int status = check_not_above(state, r->victim, r->parent->ino);
	if (status == DFS_EINVAL)
		return DFS_ENOTEMPTY;
	return status == 0 ? DFS_EISDIR : status;
}

static int check_loops(struct ms_state *state, const struct dfs_rename *body,
		       const struct renaming *r)
{
	if (r->parent == r->new_parent)
		return 0;
	int status = 0;
	if (ms_is_directory(&r->inode->row))
		status = check_not_above(state, r->inode, r->new_parent->ino);
	bool exchange = (body->flags & DFS_RENAME_EXCHANGE) != 0;
	if (status == 0 && exchange && ms_is_directory(&r->victim->row))
		status = check_not_above(state, r->victim, r->parent->ino);
	return status;
}

/* Quotas by tree: what moves goes over to the tree of its new directory, if it may. */
static int change_trees(struct ms_state *state, bool exchange, struct renaming *r)
{
	if (r->parent == r->new_parent)
		return 0;
	int status = ms_quota_enter(state, r->inode, r->new_parent);
	if (status == 0 && exchange)
		status = ms_quota_enter(state, r->victim, r->parent);
	return status;
}

/* The directory `inode`, if it is one, has its name and its `..` elsewhere now. */
static void move_directory(struct ms_inode *inode, struct ms_inode *from, struct ms_inode *to,
			   u64 place)
{
	if (!ms_is_directory(&inode->row))
		return;
	inode->row.place = place;
	if (from == to)
		return;
	inode->row.parent = to->ino;
	from->row.nlink--;
	to->row.nlink++;
}

static void finish(const struct ms_op *op, struct renaming *r, struct ms_result *result)
{
	ms_inode_changed(r->inode, op->wall);
	ms_inode_modified(r->parent, op->wall);
	if (r->new_parent != r->parent)
		ms_inode_modified(r->new_parent, op->wall);
	result->attr = ms_inode_attr(r->inode->ino, &r->inode->row);
}

static int exchange_names(struct ms_state *state, const struct ms_op *op,
			  const struct dfs_rename *body, struct renaming *r)
{
	struct ms_dentry old = r->dentry;
	r->dentry.ino = r->new_dentry.ino;
	r->dentry.type = r->new_dentry.type;
	r->new_dentry.ino = old.ino;
	r->new_dentry.type = old.type;
	int status = ms_dentry_put(state, &r->dentry, body->name);
	if (status == 0)
		status = ms_dentry_put(state, &r->new_dentry, body->new_name);
	if (status != 0)
		return status;
	move_directory(r->inode, r->parent, r->new_parent, r->new_dentry.cookie);
	move_directory(r->victim, r->new_parent, r->parent, r->dentry.cookie);
	ms_inode_changed(r->victim, op->wall);
	return 0;
}

/* The old name stands for a whiteout from now on. Its row is written last: if the new name extends
 * the chain behind it, that row says so, too, but with its old inode. */
static int leave_whiteout(struct ms_state *state, const struct ms_op *op,
			  const struct dfs_rename *body, struct renaming *r)
{
	const struct dfs_make make = {0};
	struct ms_inode *whiteout = ms_make_inode(state, op, &make, S_IFCHR, r->parent);
	int status = ms_acl_new(state, r->parent, whiteout, 0);
	if (status != 0)
		return status;
	bool extended = r->parent == r->new_parent && r->new_dentry.chain &&
			r->new_dentry.cookie == r->dentry.cookie + 1;
	r->dentry.ino = whiteout->ino;
	r->dentry.type = S_IFCHR;
	r->dentry.more |= extended;
	return ms_dentry_put(state, &r->dentry, body->name);
}

static int move_name(struct ms_state *state, const struct ms_op *op, const struct dfs_rename *body,
		     struct renaming *r, struct ms_result *result)
{
	bool one_chain = r->parent == r->new_parent &&
			 ms_name_cookie(state, body->name) == ms_name_cookie(state, body->new_name);
	bool whiteout = (body->flags & DFS_RENAME_WHITEOUT) != 0;
	if (r->victim == NULL && one_chain && !whiteout)
		return ms_dentry_put(state, &r->dentry, body->new_name);

	r->new_dentry.ino = r->dentry.ino;
	r->new_dentry.type = r->dentry.type;
	int status = ms_dentry_put(state, &r->new_dentry, body->new_name);
	if (status == 0)
		status = whiteout ? leave_whiteout(state, op, body, r)
				  : ms_dentry_remove(state, &r->dentry);
	if (status != 0)
		return status;
	r->parent->row.entries -= !whiteout;
	if (r->victim == NULL) {
		r->new_parent->row.entries++;
	} else {
		if (ms_is_directory(&r->victim->row))
			r->new_parent->row.nlink--;
		struct ms_named_in was = {.parent = r->new_parent, .name = body->new_name};
		status = ms_inode_drop_name(state, op, r->victim, &was, result);
	}
	move_directory(r->inode, r->parent, r->new_parent, r->new_dentry.cookie);
	return status;
}

int ms_op_rename(struct ms_state *state, const struct ms_op *op, const struct dfs_rename *body,
		 struct ms_result *result)
{
	const u32 known = DFS_RENAME_NOREPLACE | DFS_RENAME_EXCHANGE | DFS_RENAME_WHITEOUT;
	bool exchange = (body->flags & DFS_RENAME_EXCHANGE) != 0;
	if ((body->flags & ~known) != 0 || (exchange && body->flags != DFS_RENAME_EXCHANGE))
		return DFS_EINVAL;
	struct renaming r = {0};
	int status = load(state, body, &r);
	if (status == 0)
		status = check_flags(body, &r);
	if (status != 0)
		return status;
	if (r.inode == r.victim) { /* Two names of one inode: rename(2) says to do nothing. */
		result->attr = ms_inode_attr(r.inode->ino, &r.inode->row);
		return 0;
	}
	status = check_loops(state, body, &r);
	if (status == 0 && !exchange)
		status = check_replace(state, &r);
	if (status == 0)
		status = change_trees(state, exchange, &r);
	if (status != 0)
		return status;
	status =
	    exchange ? exchange_names(state, op, body, &r) : move_name(state, op, body, &r, result);
	if (status == 0)
		finish(op, &r, result);
	return status;
}
