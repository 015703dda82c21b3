/*
 * OPEN: the master holds the inode for us from now on, and says how long the file is and where its
 * first chunks are. Where the attributes are known under a lease the caller does not wait for that:
 * before anybody else's change the master asks us, on the same link, and so hears of the hold
 * first. When another handle holds it already, its attributes are enough, from the cache or asked
 * for, so that each open sees what other mounts have done. At most one round trip; O_TRUNC adds a
 * SETATTR.
 */
#include "fuse/core/client_i.h"
#include "fuse/core/flows.h"

#include <fcntl.h>

void cl_open_start(struct cl *cl, struct cl_task *task)
{
	struct dfs_writer writer;
	if (task->inode == NULL)
		cl_task_use_inode(cl, task, task->ino);
	const struct cl_cached_attr *cached = cl_cache_find_attr(cl, task->ino);
	bool told = cl->master.state == CL_MASTER_ATTACHED; /* Or will be within moments. */
	if (cached != NULL && (task->inode->held || told)) {
		struct dfs_attr attr = cached->attr;
		if (!task->inode->held)
			cl_hold_begin(cl, task->inode);
		int status = cl_inode_attr(cl, task->inode, &attr, false);
		if (status == 0)
			cl_opened(cl, task);
		else
			cl_task_finish(cl, task, status);
		return;
	}
	if (task->inode->held) {
		struct dfs_getattr body = {.ino = task->ino};
		cl_master_begin(cl, &writer);
		dfs_getattr_put(&writer, &body);
		cl_task_ask(cl, task, DFS_MSG_GETATTR, &writer);
		return;
	}
	struct dfs_open body = {.session = cl->master.id, .ino = task->ino};
	cl_master_begin(cl, &writer);
	dfs_open_put(&writer, &body);
	cl_task_ask(cl, task, DFS_MSG_OPEN, &writer);
}

static int take_open(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_open_reply reply;
	int status = dfs_open_reply_decode(answer->body, answer->version, &reply);
	/* The hold is there, whatever its answer looks like. */
	cl_hold_taken(cl, task->inode);
	if (status == 0)
		status = cl_inode_attr(cl, task->inode, &reply.attr, false);
	if (status == 0)
		cl_quota_told(cl, task->inode, &reply.room);
	if (status == 0 && cl_inode_regular(task->inode))
		status = cl_rows_fill(cl, task->inode, 0, 0, &reply.chunks);
	return status;
}

static int take_attr(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_getattr_reply reply;
	int status = dfs_getattr_reply_decode(answer->body, answer->version, &reply);
	if (status != 0)
		return status;
	cl_cache_put_attr(cl, &reply.attr, cl_cache_until(task->asked_at, reply.lease_ms));
	return cl_inode_attr(cl, task->inode, &reply.attr, false);
}

void cl_opened(struct cl *cl, struct cl_task *task)
{
	cl_task_make_handle(cl, task);
	bool reads = task->op == CL_OPEN && (task->flags & O_ACCMODE) == O_RDONLY;
	if (reads && (task->flags & O_NOATIME) == 0 && cl_inode_regular(task->inode))
		cl_accessed(cl, &task->inode->attr, true);
	if ((task->flags & O_TRUNC) == 0 || !cl_inode_regular(task->inode) || task->answered) {
		cl_task_finish_attr(cl, task, &task->inode->attr, task->until);
		return;
	}
	task->set = (struct dfs_setattr){.valid = DFS_SETATTR_SIZE};
	cl_truncate(cl, task);
}

void cl_open_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_attr attr;
	int status;
	if (task->asked == DFS_OP_SETATTR) {
		status = cl_truncate_answer(cl, task, answer, &attr);
		if (status == 0)
			cl_task_finish_attr(cl, task, &attr, 0);
	} else {
		status = task->asked == DFS_MSG_OPEN ? take_open(cl, task, answer)
						     : take_attr(cl, task, answer);
		if (status == 0)
			cl_opened(cl, task);
	}
	if (status != 0)
		cl_task_finish(cl, task, status);
}
