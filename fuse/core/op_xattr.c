/*
 * Extended attributes, READLINK and STATFS: what the master answers goes to the caller as it is.
 * Size 0 asks how much room a value needs (xattr(7)). Names are all given: the kernel's side leaves
 * those out that the caller may not see.
 */
#include "fuse/core/client_i.h"
#include "fuse/core/flows.h"
#include "libdfsproto/wire/xattr_name.h"

/* The answer's body goes with the link's buffer: the caller's copy lives until the next step. */
static void give_bytes(struct cl *cl, struct cl_task *task, struct dfs_span bytes)
{
	bool asks_size = task->op == CL_GETXATTR && task->size == 0;
	if (task->op == CL_GETXATTR && !asks_size && bytes.length > task->size) {
		cl_task_finish(cl, task, DFS_ERANGE);
		return;
	}
	struct cl_reply *reply = cl_reply_new(cl, task->op);
	reply->count = bytes.length;
	if (!asks_size && bytes.length > 0) {
		struct dfs_buf *copy = dfs_buf_new(bytes.length);
		memcpy(copy->data, bytes.data, bytes.length);
		reply->bytes = dfs_span(copy->data, bytes.length);
		cl_keep_take(cl, copy);
	}
	cl_task_reply(cl, task, reply);
}

/* Most inodes have none, and access control lists are asked for whenever somebody but the owner
 * passes by. */
static bool finish_known(struct cl *cl, struct cl_task *task)
{
	const struct cl_cached_attr *cached = cl_cache_find_attr(cl, task->ino);
	u8 which = task->op == CL_GETXATTR ? dfs_xattr_acl(task->name) : 0;
	if (cached == NULL)
		return false;
	bool without = cached->attr.xattrs == 0 || (which != 0 && (cached->attr.acls & which) == 0);
	const struct dfs_buf *acl = which == 0 ? NULL : cl_cache_find_acl(cl, task->ino, which);
	if (without && task->op == CL_GETXATTR)
		cl_task_finish(cl, task, DFS_ENODATA);
	else if (without)
		give_bytes(cl, task, (struct dfs_span){0});
	else if (acl != NULL)
		give_bytes(cl, task, dfs_span(acl->data, acl->length));
	return without || acl != NULL;
}

void cl_query_start(struct cl *cl, struct cl_task *task)
{
	if (task->op == CL_READLINK)
		cl_accessed_cached(cl, task->ino);
	struct dfs_writer writer;
	u16 type;
	int status = task->op == CL_GETXATTR ? dfs_xattr_name_check(task->name) : 0;
	if (status != 0) {
		cl_task_finish(cl, task, status);
		return;
	}
	bool of_xattrs = task->op == CL_GETXATTR || task->op == CL_LISTXATTR;
	if (of_xattrs && finish_known(cl, task))
		return;
	cl_master_begin(cl, &writer);
	switch (task->op) {
	case CL_READLINK:
		type = DFS_MSG_READLINK;
		dfs_readlink_put(&writer, &(struct dfs_readlink){.ino = task->ino});
		break;
	case CL_STATFS:
		type = DFS_MSG_STATFS;
		dfs_statfs_put(&writer, &(struct dfs_statfs){.ino = task->ino});
		break;
	case CL_LISTXATTR:
		type = DFS_MSG_LISTXATTR;
		dfs_listxattr_put(&writer, &(struct dfs_listxattr){.ino = task->ino});
		break;
	default:
		DFS_ASSERT(task->op == CL_GETXATTR);
		type = DFS_MSG_GETXATTR;
		dfs_getxattr_put(&writer,
				 &(struct dfs_getxattr){.ino = task->ino, .name = task->name});
		break;
	}
	cl_task_ask(cl, task, type, &writer);
}

void cl_readlink_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_readlink_reply reply;
	int status = dfs_readlink_reply_decode(answer->body, answer->version, &reply);
	if (status != 0)
		cl_task_finish(cl, task, status);
	else
		give_bytes(cl, task, reply.target);
}

void cl_getxattr_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_getxattr_reply reply;
	int status = dfs_getxattr_reply_decode(answer->body, answer->version, &reply);
	if (status != 0) {
		cl_task_finish(cl, task, status);
		return;
	}
	u8 which = dfs_xattr_acl(task->name);
	if (which != 0)
		cl_cache_put_acl(cl, task->ino, which, reply.change, reply.value);
	give_bytes(cl, task, reply.value);
}

void cl_listxattr_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_listxattr_reply reply;
	int status = dfs_listxattr_reply_decode(answer->body, answer->version, &reply);
	if (status != 0)
		cl_task_finish(cl, task, status);
	else
		give_bytes(cl, task, reply.names);
}

void cl_statfs_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct cl_reply *reply = cl_reply_new(cl, task->op);
	reply->status = dfs_statfs_reply_decode(answer->body, answer->version, &reply->statfs);
	cl_task_reply(cl, task, reply);
}

void cl_setxattr_start(struct cl *cl, struct cl_task *task)
{
	struct dfs_writer body;
	u16 op = task->op == CL_SETXATTR ? DFS_OP_SETXATTR : DFS_OP_REMOVEXATTR;
	if (!cl_task_may_mutate(cl, task, cl_setxattr_start))
		return;
	dfs_writer_init(&body, DFS_PROTOCOL_VERSION, 0);
	if (task->op == CL_SETXATTR)
		dfs_setxattr_put(&body, &(struct dfs_setxattr){
					    .ino = task->ino,
					    .name = task->name,
					    .value = task->value,
					    .flags = task->flags,
					});
	else
		dfs_removexattr_put(
		    &body, &(struct dfs_removexattr){.ino = task->ino, .name = task->name});
	cl_task_mutate(cl, task, op, &body);
}
