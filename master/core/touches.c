/*
 * What an operation of a client touches: the inodes whose attributes may change, and the names that
 * may stand for something else afterwards. Read from the operation and the tables as they are now;
 * gate.c sees to it that no operation under way rebinds one of the same names, so that the answer
 * still holds when the operation is applied.
 */
#include "master/core/gate.h"

#include "libdfsproto/base/crc32c.h"

static u32 name_hash(struct dfs_span name)
{
	return dfs_crc32c(name.data, name.length) | 1;
}

static void add(struct ms_touches *touches, u64 ino, struct dfs_span name)
{
	DFS_ASSERT(touches->count < DFS_STALE_MAX);
	struct ms_touch *touch = &touches->v[touches->count++];
	touch->ino = ino;
	touch->name = name;
	touch->hash = name.length == 0 ? 0 : name_hash(name);
}

static void add_inode(struct ms_touches *touches, u64 ino)
{
	add(touches, ino, (struct dfs_span){0});
}

/* A name, and what it stands for. */
static void add_bound(struct ms_touches *touches, struct ms_state *state, u64 parent,
		      struct dfs_span name)
{
	struct dfs_attr attr;
	add(touches, parent, name);
	if (ms_lookup(state, parent, name, &attr) == 0 && attr.ino != parent)
		add_inode(touches, attr.ino);
}

/* Of what the leader proposes, only what admin tools have asked for is seen by clients. */
static void find_admins(const struct ms_op *op, struct ms_touches *touches)
{
	union {
		struct dfs_mend mend;
		struct dfs_restore restore;
		struct dfs_remake remake;
	} u;
	switch (op->op) {
	case DFS_OP_MEND: /* For some faults the number is no inode's: then nobody has it. */
		if (dfs_mend_decode(op->body, op->version, &u.mend) == 0)
			add_inode(touches, u.mend.subject);
		return;
	case DFS_OP_RESTORE:
		if (dfs_restore_decode(op->body, op->version, &u.restore) != 0)
			return;
		add(touches, u.restore.parent, u.restore.name);
		add_inode(touches, u.restore.ino);
		return;
	case DFS_OP_REMAKE:
		if (dfs_remake_decode(op->body, op->version, &u.remake) == 0)
			add(touches, u.remake.parent, u.remake.name);
		return;
	default:
		return;
	}
}

/* What changes the contents of a file. */
static void find_written(const struct ms_op *op, struct ms_touches *touches)
{
	union {
		struct dfs_commit commit;
		struct dfs_allocate allocate;
		struct dfs_clone clone;
	} u;
	if (op->op == DFS_OP_COMMIT && dfs_commit_decode(op->body, op->version, &u.commit) == 0)
		add_inode(touches, u.commit.ino);
	if (op->op == DFS_OP_ALLOCATE &&
	    dfs_allocate_decode(op->body, op->version, &u.allocate) == 0)
		add_inode(touches, u.allocate.ino);
	/* Of the source nothing changes that anybody could see. */
	if (op->op == DFS_OP_CLONE && dfs_clone_decode(op->body, op->version, &u.clone) == 0)
		add_inode(touches, u.clone.ino);
}

void ms_touches_find(struct ms_state *state, const struct ms_op *op, struct ms_touches *ret_touches)
{
	union {
		struct dfs_make make;
		struct dfs_link link;
		struct dfs_unlink unlink;
		struct dfs_rmdir rmdir;
		struct dfs_rename rename;
		struct dfs_setattr setattr;
		struct dfs_setxattr setxattr;
		struct dfs_removexattr removexattr;
	} u;
	ret_touches->count = 0;
	/* What does not decode is refused when it is applied. */
	switch (op->op) {
	case DFS_OP_MAKE:
		if (dfs_make_decode(op->body, op->version, &u.make) == 0 && u.make.nameless == 0)
			add(ret_touches, u.make.parent, u.make.name);
		return;
	case DFS_OP_LINK:
		if (dfs_link_decode(op->body, op->version, &u.link) != 0)
			return;
		add(ret_touches, u.link.parent, u.link.name);
		add_inode(ret_touches, u.link.ino);
		return;
	case DFS_OP_UNLINK:
		if (dfs_unlink_decode(op->body, op->version, &u.unlink) == 0)
			add_bound(ret_touches, state, u.unlink.parent, u.unlink.name);
		return;
	case DFS_OP_RMDIR:
		if (dfs_rmdir_decode(op->body, op->version, &u.rmdir) == 0)
			add_bound(ret_touches, state, u.rmdir.parent, u.rmdir.name);
		return;
	case DFS_OP_RENAME:
		if (dfs_rename_decode(op->body, op->version, &u.rename) != 0)
			return;
		add_bound(ret_touches, state, u.rename.parent, u.rename.name);
		add_bound(ret_touches, state, u.rename.new_parent, u.rename.new_name);
		return;
	case DFS_OP_SETATTR:
		if (dfs_setattr_decode(op->body, op->version, &u.setattr) == 0)
			add_inode(ret_touches, u.setattr.ino);
		return;
	case DFS_OP_SETXATTR:
		if (dfs_setxattr_decode(op->body, op->version, &u.setxattr) == 0)
			add_inode(ret_touches, u.setxattr.ino);
		return;
	case DFS_OP_REMOVEXATTR:
		if (dfs_removexattr_decode(op->body, op->version, &u.removexattr) == 0)
			add_inode(ret_touches, u.removexattr.ino);
		return;
	case DFS_OP_COMMIT:
	case DFS_OP_ALLOCATE:
	case DFS_OP_CLONE:
		find_written(op, ret_touches);
		return;
	default:
		find_admins(op, ret_touches);
		return;
	}
}
