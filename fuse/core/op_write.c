/*
 * WRITE: into the write-behind buffer, and answered: no round trip, unless a quota is almost used
 * up, when the master is asked how much is left and, in a file with holes, where they are. It waits
 * while the buffer is full, while a truncation is under way, and, with O_SYNC and O_DSYNC, until
 * its data is on stable storage; with O_DIRECT until chunkservers have it. An earlier failure to
 * write back is reported here first.
 */
#include "fuse/core/client_i.h"
#include "fuse/core/flows.h"

#include <fcntl.h>

static void put(struct cl *cl, struct cl_task *task);
static void on_placed(struct cl *cl, struct cl_task *task, const struct cl_place *place);

static void finish(struct cl *cl, struct cl_task *task, u64 count)
{
	struct cl_reply *reply = cl_reply_new(cl, task->op);
	reply->count = count;
	cl_task_reply(cl, task, reply);
}

static bool admitted(struct cl *cl, const struct cl_task *task)
{
	return task->inode->gates == 0 && cl_write_has_room(cl, task->inode, task->data.bytes);
}

/* In the order they came: no small write overtakes a large one for ever. */
static void enter(struct cl *cl, struct cl_task *task)
{
	if (dfs_list_empty(&cl->writers) && admitted(cl, task)) {
		put(cl, task);
		return;
	}
	cl_task_move(task, CL_TASK_QUEUED);
	dfs_list_push_back(&cl->writers, &task->in_queue);
	cl_write_press(cl, task->inode);
	cl->room_changed = true;
}

/* A quota seemed to have no room for it, and the master was asked. If it still has none, and it is
 * known what the file has where this goes, then what is not committed yet may be less than it was
 * taken for: it is asked again when it is. */
static void decide(struct cl *cl, struct cl_task *task)
{
	struct cl_inode *inode = task->inode;
	bool last = task->room_asked || !cl_inode_uncommitted(inode);
	if (cl_quota_allows(inode, task->offset, task->data.bytes)) {
		task->room_given = true;
		cl_task_move(task, CL_TASK_NEW);
		enter(cl, task);
	} else if (cl_quota_unknown(inode, task->offset, task->data.bytes, &task->visit.index)) {
		if (task->state != CL_TASK_VISITING)
			cl_task_move(task, CL_TASK_VISITING);
		task->visit.inode = inode;
		task->visit.placed = on_placed;
		cl_visit_place(cl, task, false);
	} else if (last) {
		cl_task_finish(cl, task, DFS_EDQUOT);
	} else {
		if (task->state == CL_TASK_VISITING)
			cl_task_move(task, CL_TASK_NEW);
		task->room_asked = true;
		cl_task_flush(cl, task, inode, false);
	}
}

static void on_placed(struct cl *cl, struct cl_task *task, const struct cl_place *place)
{
	(void)place; /* It is in a row now. */
	decide(cl, task);
}

void cl_write_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_statfs_reply reply;
	int status = dfs_statfs_reply_decode(answer->body, answer->version, &reply);
	if (status != 0) {
		cl_task_finish(cl, task, status);
		return;
	}
	cl_quota_told(cl, task->inode, &reply.room);
	decide(cl, task);
}

/* Into the buffer; or it waits for something first. */
static void put(struct cl *cl, struct cl_task *task)
{
	if (!task->room_given && !cl_quota_allows(task->inode, task->offset, task->data.bytes)) {
		cl_quota_ask(cl, task);
		return;
	}
	u32 flags = task->flags;
	if (task->caller.uid != 0)
		task->inode->writer = task->caller;
	cl_write(cl, task->inode, task->offset, &task->data);
	cl_write_press(cl, task->inode);
	task->size = task->data.bytes;
	if ((flags & (O_SYNC | O_DSYNC | O_DIRECT)) == 0) {
		finish(cl, task, task->size);
		return;
	}
	/* The buffer is the slots' now: later writes may change it if nobody else refers to it. */
	dfs_buf_unref(task->data.buf);
	task->data = (struct dfs_payload){0};
	cl_task_flush(cl, task, task->inode, (flags & (O_SYNC | O_DSYNC)) != 0);
}

void cl_write_start(struct cl *cl, struct cl_task *task)
{
	struct cl_handle *handle = cl_task_handle(cl, task);
	int status = 0;
	if (handle == NULL || handle->inode == NULL || !cl_inode_regular(handle->inode))
		status = DFS_EINVAL;
	else if (task->data.bytes > (u64)INT64_MAX - task->offset)
		status = DFS_EFBIG;
	else
		status = cl_handle_error(handle);
	if (status != 0 || task->data.bytes == 0) {
		cl_task_finish(cl, task, status);
		return;
	}
	task->flags |= handle->flags;
	cl_task_use_inode(cl, task, handle->ino);
	enter(cl, task);
}

void cl_write_flushed(struct cl *cl, struct cl_task *task)
{
	int status = cl_handle_error(cl_task_handle(cl, task));
	if (status != 0)
		cl_task_finish(cl, task, status);
	else if (task->data.buf != NULL) /* It was not written yet: decide(). */
		cl_quota_ask(cl, task);
	else
		finish(cl, task, task->size);
}

/* One that waits for room in the whole buffer holds up those behind it, or it might wait for ever.
 */
void cl_writers_work(struct cl *cl)
{
	if (!cl->room_changed)
		return;
	cl->room_changed = false;
	dfs_list_for_each_safe (node, &cl->writers) {
		struct cl_task *task = dfs_list_entry(node, struct cl_task, in_queue);
		if (!admitted(cl, task)) {
			if (cl_write_is_full(cl, task->data.bytes))
				return;
			continue;
		}
		dfs_list_remove(&task->in_queue);
		cl_task_move(task, CL_TASK_NEW);
		put(cl, task);
	}
}
