/*
 * FLUSH (each close of a descriptor), FSYNC, and SYNC_ALL. They end when the data is where it
 * belongs, with the error of what could not be written back, once per handle.
 */
#include "fuse/core/client_i.h"
#include "fuse/core/flows.h"

#include <stdlib.h>

static void finish(struct cl *cl, struct cl_task *task)
{
	cl_task_finish(cl, task, cl_handle_error(cl_task_handle(cl, task)));
}

static void start(struct cl *cl, struct cl_task *task, bool sync)
{
	struct cl_handle *handle = cl_task_handle(cl, task);
	if (handle == NULL || handle->inode == NULL) {
		cl_task_finish(cl, task, handle == NULL ? DFS_EINVAL : 0);
		return;
	}
	cl_task_use_inode(cl, task, handle->ino);
	if (!cl_inode_uncommitted(task->inode) && !sync)
		finish(cl, task);
	else
		cl_task_flush(cl, task, task->inode, sync);
}

void cl_flush_call_start(struct cl *cl, struct cl_task *task)
{
#ifdef DFS_PLANT_CLOSE_EARLY
	cl_task_finish(cl, task, 0);
	return;
#endif
	start(cl, task, false);
}

/* fdatasync, too, commits at once: other mounts see new data by the time of its COMMIT. */
void cl_fsync_start(struct cl *cl, struct cl_task *task)
{
	struct cl_handle *handle = cl_task_handle(cl, task);
	if (handle != NULL && handle->inode != NULL)
		task->audit.commits_before = handle->inode->commits_sent;
	start(cl, task, true);
}

void cl_fsync_finish(struct cl *cl, struct cl_task *task)
{
	finish(cl, task);
}

void cl_flush_call_flushed(struct cl *cl, struct cl_task *task)
{
	if (task->op == CL_FSYNC && cl_inode_regular(task->inode))
		cl_audit(cl, task);
	else
		finish(cl, task);
}

/* SYNC_ALL waits for one flush per inode that has something to lose. */
struct all_flush {
	struct cl_flush flush;
	u64 task; /* Id of the call: it may have been cancelled. */
	u32 errors_before;
};

static void on_one_flushed(struct cl *cl, struct cl_flush *flush)
{
	struct all_flush *one = dfs_container_of(flush, struct all_flush, flush);
	struct dfs_map_node *found = dfs_map_find(&cl->tasks_by_id, one->task);
	if (found != NULL) {
		struct cl_task *task = dfs_map_entry(found, struct cl_task, by_id);
		if (flush->inode->errors_count != one->errors_before)
			task->failure = flush->inode->error;
		if (--task->flushes_left == 0)
			cl_task_finish(cl, task, task->failure);
	}
	free(one);
}

u32 cl_sync_all(struct cl *cl, u64 task)
{
	u32 count = 0;
	dfs_list_for_each (node, &cl->inodes) {
		struct cl_inode *inode = dfs_list_entry(node, struct cl_inode, in_all);
		if (!cl_inode_uncommitted(inode) && cl_sync_reached(inode, inode->stored_count))
			continue;
		struct all_flush *one = calloc(1, sizeof(*one));
		DFS_ASSERT(one != NULL);
		one->task = task;
		one->errors_before = inode->errors_count;
		cl_flush_start(cl, &one->flush, inode, true, on_one_flushed);
		count++;
	}
	return count;
}

void cl_sync_all_start(struct cl *cl, struct cl_task *task)
{
	task->flushes_left = cl_sync_all(cl, task->by_id.key);
	if (task->flushes_left == 0)
		cl_task_finish(cl, task, 0);
	else
		cl_task_move(task, CL_TASK_SYNCING);
}
