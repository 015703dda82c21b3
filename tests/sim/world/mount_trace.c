/*
 * Calls of a mount as lines for people.
 */
#include "libdfsproto/wire/coding.h"
#include "tests/sim/world/mount.h"

const char *mount_op_name(enum cl_op op)
{
	static const char *const names[] = {
	    [CL_LOOKUP] = "LOOKUP",       [CL_FORGET] = "FORGET",
	    [CL_GETATTR] = "GETATTR",     [CL_SETATTR] = "SETATTR",
	    [CL_READLINK] = "READLINK",   [CL_MKNOD] = "MKNOD",
	    [CL_MKDIR] = "MKDIR",         [CL_SYMLINK] = "SYMLINK",
	    [CL_LINK] = "LINK",           [CL_UNLINK] = "UNLINK",
	    [CL_RMDIR] = "RMDIR",         [CL_RENAME] = "RENAME",
	    [CL_CREATE] = "CREATE",       [CL_OPEN] = "OPEN",
	    [CL_READ] = "READ",           [CL_WRITE] = "WRITE",
	    [CL_FLUSH] = "FLUSH",         [CL_FSYNC] = "FSYNC",
	    [CL_RELEASE] = "RELEASE",     [CL_OPENDIR] = "OPENDIR",
	    [CL_READDIR] = "READDIR",     [CL_RELEASEDIR] = "RELEASEDIR",
	    [CL_FSYNCDIR] = "FSYNCDIR",   [CL_STATFS] = "STATFS",
	    [CL_FALLOCATE] = "FALLOCATE", [CL_LSEEK] = "LSEEK",
	    [CL_GETXATTR] = "GETXATTR",   [CL_SETXATTR] = "SETXATTR",
	    [CL_LISTXATTR] = "LISTXATTR", [CL_REMOVEXATTR] = "REMOVEXATTR",
	    [CL_SYNC_ALL] = "SYNC_ALL",   [CL_CLONE] = "CLONE",
	};
	return (u32)op < dfs_array_count(names) ? names[op] : "?";
}

void mount_trace_call(const struct mount *mount, const struct call *call)
{
	struct sim_node *node = mount_node(mount);
	if (!sim_tracing(sim_of(node)))
		return;
	char line[400] = "";
	struct dfs_text text = {.data = line, .capacity = sizeof(line)};
	const struct cl_call *c = &call->call;
	if (c->ino != 0)
		dfs_text_add(&text, " ino=%llu", (unsigned long long)c->ino);
	if (c->name.length > 0) {
		dfs_text_add(&text, " name=");
		dfs_text_add_bytes(&text, c->name);
	}
	if (c->ino2 != 0)
		dfs_text_add(&text, " ino2=%llu", (unsigned long long)c->ino2);
	if (c->name2.length > 0) {
		dfs_text_add(&text, " name2=");
		dfs_text_add_bytes(&text, c->name2);
	}
	if (c->handle != 0)
		dfs_text_add(&text, " handle=%llu", (unsigned long long)c->handle);
	if (c->op == CL_READ || c->op == CL_WRITE || c->op == CL_READDIR || c->op == CL_FALLOCATE ||
	    c->op == CL_LSEEK || c->op == CL_CLONE)
		dfs_text_add(&text, " offset=%llu size=%llu", (unsigned long long)c->offset,
			     (unsigned long long)(c->op == CL_WRITE ? c->data.bytes : c->size));
	if (c->op == CL_FALLOCATE || c->op == CL_LSEEK)
		dfs_text_add(&text, " flags=%u", c->flags);
	if (c->op == CL_SETATTR && (c->set.valid & DFS_SETATTR_SIZE) != 0)
		dfs_text_add(&text, " size=%llu", (unsigned long long)c->set.size);
	sim_trace(sim_of(node), "%-8s call=%llu %s%s", sim_name(node), (unsigned long long)call->id,
		  mount_op_name(c->op), line);
}
