/*
 * Path walks and the system calls that take names; see proc.h. Those on open files are in
 * proc_file.c.
 */
#include "tests/sim/world/proc.h"

#include "libdfsproto/base/errors.h"

void proc_fill(const struct proc *proc, struct call *call, enum cl_op op, u64 ino)
{
	memset(call, 0, sizeof(*call));
	call->call.op = op;
	call->call.ino = ino;
	call->call.uid = proc->uid;
	call->call.gid = proc->gid;
}

int proc_call(struct proc *proc, struct call *call)
{
	nsec interrupt = DFS_NEVER;
	if (proc->interrupts > 0 && dfs_prng_below(&proc->prng, 256) < proc->interrupts)
		interrupt = dfs_prng_below(&proc->prng, 20 * DFS_MSEC);
	call_start(proc->mount, proc->task, call);
	call_wait(proc->mount, call, interrupt);
	return call->answer.status;
}

/* One whose answer is its status alone. */
static int call_status(struct proc *proc, struct call *call)
{
	int status = proc_call(proc, call);
	answer_clear(&call->answer);
	return status;
}

/* --- Walks. --- */

static struct dfs_span component(const char **path)
{
	while (**path == '/')
		(*path)++;
	const char *end = strchrnul(*path, '/');
	struct dfs_span name = dfs_span(*path, (size_t)(end - *path));
	*path = end;
	return name;
}

static int lookup(struct proc *proc, u64 parent, struct dfs_span name, struct dfs_attr *ret_attr)
{
	struct call call;
	proc_fill(proc, &call, CL_LOOKUP, parent);
	call.call.name = name;
	int status = proc_call(proc, &call);
	if (status == 0)
		*ret_attr = call.answer.attr;
	answer_clear(&call.answer);
	return status;
}

int walk_parent(struct proc *proc, const char *path, struct walk *ret_walk)
{
	memset(ret_walk, 0, sizeof(*ret_walk));
	ret_walk->parent = DFS_INO_ROOT;
	struct dfs_span name = component(&path);
	for (;;) {
		struct dfs_span next = component(&path);
		if (next.length == 0)
			break;
		struct dfs_attr attr;
		int status = lookup(proc, ret_walk->parent, name, &attr);
		if (status != 0) {
			mount_unhold(proc->mount, ret_walk->parent);
			return status;
		}
		mount_hold(proc->mount, attr.ino);
		mount_unhold(proc->mount, ret_walk->parent);
		ret_walk->parent = attr.ino;
		name = next;
	}
	ret_walk->name = name;
	return 0;
}

int walk_path(struct proc *proc, const char *path, struct walk *ret_walk)
{
	int status = walk_parent(proc, path, ret_walk);
	if (status != 0)
		return status;
	if (ret_walk->name.length == 0) {
		ret_walk->ino = DFS_INO_ROOT;
		return 0;
	}
	status = lookup(proc, ret_walk->parent, ret_walk->name, &ret_walk->attr);
	if (status != 0)
		return status;
	ret_walk->ino = ret_walk->attr.ino;
	mount_hold(proc->mount, ret_walk->ino);
	return 0;
}

void walk_end(struct proc *proc, struct walk *walk)
{
	if (walk->parent != 0)
		mount_unhold(proc->mount, walk->parent);
	if (walk->ino != 0)
		mount_unhold(proc->mount, walk->ino);
	if (proc->forgets > 0)
		mount_forget_some(proc->mount, &proc->prng, proc->forgets);
}

/* --- Calls on what a path names. --- */

int proc_stat(struct proc *proc, const char *path, struct dfs_attr *ret_attr)
{
	struct walk walk;
	int status = walk_path(proc, path, &walk);
	if (status == 0) {
		struct call call;
		proc_fill(proc, &call, CL_GETATTR, walk.ino);
		status = proc_call(proc, &call);
		if (status == 0)
			*ret_attr = call.answer.attr;
		answer_clear(&call.answer);
	}
	walk_end(proc, &walk);
	return status;
}

int proc_setattr(struct proc *proc, const char *path, const struct dfs_setattr *set,
		 struct dfs_attr *ret_attr)
{
	struct walk walk;
	int status = walk_path(proc, path, &walk);
	if (status == 0) {
		struct call call;
		proc_fill(proc, &call, CL_SETATTR, walk.ino);
		call.call.set = *set;
		status = proc_call(proc, &call);
		if (status == 0)
			*ret_attr = call.answer.attr;
		answer_clear(&call.answer);
	}
	walk_end(proc, &walk);
	return status;
}

/* A new name in a directory; the VFS has looked it up before. */
static int make(struct proc *proc, const char *path, enum cl_op op, u32 mode, u32 rdev,
		const char *target)
{
	struct walk walk;
	int status = walk_path(proc, path, &walk);
	if (status == 0)
		status = DFS_EEXIST;
	else if (status == DFS_ENOENT && walk.name.length > 0) {
		struct call call;
		proc_fill(proc, &call, op, walk.parent);
		call.call.name = walk.name;
		call.call.mode = mode;
		call.call.rdev = rdev;
		if (target != NULL)
			call.call.name2 = dfs_span_text(target);
		status = call_status(proc, &call);
	}
	walk_end(proc, &walk);
	return status;
}

int proc_mkdir(struct proc *proc, const char *path, u32 mode)
{
	return make(proc, path, CL_MKDIR, mode, 0, NULL);
}

int proc_mknod(struct proc *proc, const char *path, u32 mode, u32 rdev)
{
	return make(proc, path, CL_MKNOD, mode, rdev, NULL);
}

int proc_symlink(struct proc *proc, const char *target, const char *path)
{
	return make(proc, path, CL_SYMLINK, 0, 0, target);
}

int proc_readlink(struct proc *proc, const char *path, char *ret_target, u32 capacity)
{
	struct walk walk;
	int status = walk_path(proc, path, &walk);
	if (status == 0) {
		struct call call;
		proc_fill(proc, &call, CL_READLINK, walk.ino);
		status = proc_call(proc, &call);
		if (status == 0) {
			DFS_ASSERT(call.answer.bytes_count < capacity);
			memcpy(ret_target, call.answer.bytes, call.answer.bytes_count);
			ret_target[call.answer.bytes_count] = '\0';
		}
		answer_clear(&call.answer);
	}
	walk_end(proc, &walk);
	return status;
}

int proc_link(struct proc *proc, const char *from, const char *to)
{
	struct walk old, new = {0};
	int status = walk_path(proc, from, &old);
	if (status == 0) {
		status = walk_path(proc, to, &new);
		if (status == 0)
			status = DFS_EEXIST;
		else if (status == DFS_ENOENT && new.name.length > 0) {
			struct call call;
			proc_fill(proc, &call, CL_LINK, old.ino);
			call.call.ino2 = new.parent;
			call.call.name = new.name;
			status = call_status(proc, &call);
		}
	}
	walk_end(proc, &new);
	walk_end(proc, &old);
	return status;
}

int proc_link_file(struct proc *proc, const struct file *file, const char *to)
{
	struct walk new;
	struct call call;
	if (file->life != mount_life(proc->mount))
		return MOUNT_DIED;
	int status = walk_path(proc, to, &new);
	if (status == 0) {
		status = DFS_EEXIST;
	} else if (status == DFS_ENOENT && new.name.length > 0) {
		proc_fill(proc, &call, CL_LINK, file->ino);
		call.call.ino2 = new.parent;
		call.call.name = new.name;
		status = call_status(proc, &call);
	}
	walk_end(proc, &new);
	return status;
}

static int remove_name(struct proc *proc, const char *path, enum cl_op op)
{
	struct walk walk;
	int status = walk_path(proc, path, &walk);
	bool directory = status == 0 && (walk.attr.mode & S_IFMT) == S_IFDIR;
	if (status == 0 && op == CL_UNLINK && directory) {
		status = DFS_EISDIR;
	} else if (status == 0 && op == CL_RMDIR && !directory) {
		status = DFS_ENOTDIR;
	} else if (status == 0) {
		struct call call;
		proc_fill(proc, &call, op, walk.parent);
		call.call.name = walk.name;
		status = call_status(proc, &call);
	}
	walk_end(proc, &walk);
	return status;
}

int proc_unlink(struct proc *proc, const char *path)
{
	return remove_name(proc, path, CL_UNLINK);
}

int proc_rmdir(struct proc *proc, const char *path)
{
	return remove_name(proc, path, CL_RMDIR);
}

/* The driver gets the errors that the VFS would have found too: it must find them itself, since
 * another mount may have changed the tree in between. */
int proc_rename(struct proc *proc, const char *from, const char *to, u32 flags)
{
	struct walk old, new = {0};
	int status = walk_parent(proc, from, &old);
	if (status == 0) {
		status = walk_parent(proc, to, &new);
		if (status == 0) {
			struct call call;
			proc_fill(proc, &call, CL_RENAME, old.parent);
			call.call.name = old.name;
			call.call.ino2 = new.parent;
			call.call.name2 = new.name;
			call.call.flags = flags;
			status = call_status(proc, &call);
		}
	}
	walk_end(proc, &new);
	walk_end(proc, &old);
	return status;
}

/* --- Extended attributes, statfs. --- */

static int xattr_call(struct proc *proc, const char *path, const struct cl_call *how,
		      struct answer *ret_answer)
{
	struct walk walk;
	int status = walk_path(proc, path, &walk);
	if (status == 0) {
		struct call call;
		proc_fill(proc, &call, how->op, walk.ino);
		call.call.name = how->name;
		call.call.value = how->value;
		call.call.flags = how->flags;
		call.call.size = how->size;
		status = proc_call(proc, &call);
		if (status == 0 && ret_answer != NULL)
			*ret_answer = call.answer;
		else
			answer_clear(&call.answer);
	}
	walk_end(proc, &walk);
	return status;
}

int proc_setxattr(struct proc *proc, const char *path, const char *name, struct dfs_span value,
		  u32 flags)
{
	struct cl_call how = {
	    .op = CL_SETXATTR, .name = dfs_span_text(name), .value = value, .flags = flags};
	return xattr_call(proc, path, &how, NULL);
}

int proc_getxattr(struct proc *proc, const char *path, const char *name, struct answer *ret_value)
{
	struct cl_call how = {
	    .op = CL_GETXATTR, .name = dfs_span_text(name), .size = DFS_XATTR_VALUE_BYTES_MAX};
	return xattr_call(proc, path, &how, ret_value);
}

int proc_listxattr(struct proc *proc, const char *path, struct answer *ret_names)
{
	struct cl_call how = {.op = CL_LISTXATTR, .size = DFS_XATTR_LIST_BYTES_MAX};
	return xattr_call(proc, path, &how, ret_names);
}

int proc_removexattr(struct proc *proc, const char *path, const char *name)
{
	struct cl_call how = {.op = CL_REMOVEXATTR, .name = dfs_span_text(name)};
	return xattr_call(proc, path, &how, NULL);
}

int proc_statfs(struct proc *proc, struct dfs_statfs_reply *ret_statfs)
{
	struct call call;
	proc_fill(proc, &call, CL_STATFS, DFS_INO_ROOT);
	int status = proc_call(proc, &call);
	if (status == 0)
		*ret_statfs = call.answer.statfs;
	answer_clear(&call.answer);
	return status;
}

int proc_sync_all(struct proc *proc)
{
	struct call call;
	proc_fill(proc, &call, CL_SYNC_ALL, 0);
	return call_status(proc, &call);
}
