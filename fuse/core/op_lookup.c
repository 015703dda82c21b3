/*
 * LOOKUP and GETATTR: one round trip each, every time. Until there are leases nothing may be
 * remembered: another mount may have changed it.
 */
#include "fuse/core/client_i.h"
#include "fuse/core/flows.h"

static bool is(struct dfs_span name, const char *text)
{
	return dfs_span_equal(name, dfs_span_text(text));
}

void cl_getattr_start(struct cl *cl, struct cl_task *task)
{
	struct dfs_getattr body = {.ino = task->ino};
	struct dfs_writer writer;
	cl_master_begin(cl, &writer);
	dfs_getattr_put(&writer, &body);
	cl_task_ask(cl, task, DFS_MSG_GETATTR, &writer);
}

void cl_lookup_start(struct cl *cl, struct cl_task *task)
{
	/* Above the mounted directory there is nothing. */
	if (is(task->name, ".") || (task->ino == cl->root && is(task->name, ".."))) {
		cl_getattr_start(cl, task);
		return;
	}
	struct dfs_lookup body = {.parent = task->ino, .name = task->name};
	struct dfs_writer writer;
	cl_master_begin(cl, &writer);
	dfs_lookup_put(&writer, &body);
	cl_task_ask(cl, task, DFS_MSG_LOOKUP, &writer);
}

static void finish(struct cl *cl, struct cl_task *task, int status, const struct dfs_attr *attr)
{
	struct cl_inode *inode = status == 0 ? cl_inode_find(cl, attr->ino) : NULL;
	if (inode != NULL && inode->known)
		status = cl_inode_attr(cl, inode, attr, false);
	if (status == 0)
		cl_task_finish_attr(cl, task, attr);
	else
		cl_task_finish(cl, task, status);
}

void cl_getattr_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_getattr_reply reply;
	int status = dfs_getattr_reply_decode(answer->body, answer->version, &reply);
	finish(cl, task, status, &reply.attr);
}

void cl_lookup_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_lookup_reply reply;
	if (task->asked == DFS_MSG_GETATTR) {
		cl_getattr_answer(cl, task, answer);
		return;
	}
	int status = dfs_lookup_reply_decode(answer->body, answer->version, &reply);
	finish(cl, task, status, &reply.attr);
}
