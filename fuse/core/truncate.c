/*
 * Truncation, of SETATTR and of O_TRUNC: what was written before goes to the chunkservers and into
 * the file's map first, writes that come meanwhile wait, then the master is told. Cutting buffers
 * here instead would be quicker and wrong: a chunk granted but not committed would keep bytes that
 * the master does not know to cut, and they would show when the file grows again.
 */
#include "fuse/core/client_i.h"

static void ask(struct cl *cl, struct cl_task *task)
{
	if (!cl_task_may_mutate(cl, task, ask))
		return;
	struct dfs_setattr set = task->set;
	struct dfs_writer body;
	set.ino = task->ino;
	dfs_writer_init(&body, DFS_PROTOCOL_VERSION, 0);
	dfs_setattr_put(&body, &set);
	cl_task_mutate(cl, task, DFS_OP_SETATTR, &body);
}

void cl_truncate_gate(struct cl_task *task)
{
	DFS_ASSERT(!task->gating);
	task->gating = true;
	task->inode->gates++;
}

void cl_truncate_rows(struct cl *cl, struct cl_inode *inode, u64 first, u64 end)
{
	bool audited = !cl_audit_needed(inode);
	cl_rows_drop(cl, inode);
	if (audited) /* Nobody else has written anything. */
		inode->synced_generation = inode->map_generation;
	cl_targets_cut(cl, inode, first, end);
	cl_targets_forget(cl, inode);
}

void cl_truncate(struct cl *cl, struct cl_task *task)
{
	DFS_ASSERT(task->inode != NULL);
	if ((task->set.valid & DFS_SETATTR_SIZE) != 0)
		cl_truncate_gate(task);
	if (cl_inode_uncommitted(task->inode))
		cl_task_flush(cl, task, task->inode, false);
	else
		ask(cl, task);
}

void cl_truncate_flushed(struct cl *cl, struct cl_task *task)
{
	ask(cl, task);
}

void cl_truncate_end(struct cl *cl, struct cl_task *task)
{
	DFS_ASSERT(task->gating);
	DFS_ASSERT(task->inode->gates > 0);
	task->gating = false;
	task->inode->gates--;
	cl->room_changed = true;
}

int cl_truncate_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer,
		       struct dfs_attr *ret_attr)
{
	struct dfs_mutate_reply reply;
	int status = dfs_mutate_reply_decode(answer->body, answer->version, &reply);
	if (status != 0)
		return status;
	*ret_attr = reply.attr;
	task->until = cl_cache_until(task->asked_at, reply.lease_ms);
	cl_cache_put_attr(cl, &reply.attr, task->until);
	if (task->inode == NULL)
		return 0;
	status = cl_inode_attr(cl, task->inode, &reply.attr, true);
	if (status == 0 && (task->set.valid & DFS_SETATTR_SIZE) != 0 &&
	    cl_inode_regular(task->inode))
		cl_truncate_rows(cl, task->inode, cl_inode_chunks(task->inode, task->set.size),
				 UINT64_MAX);
	return status;
}
