/*
 * READ: own writes from the buffer, the rest from chunkservers, verified block by block; holes and
 * everything beyond a chunk's end are zeros; nothing beyond the end of the file. No round trip to
 * the master when the chunk's place is known.
 *
 * The end of the file: a page cache in front of us (no O_DIRECT) asks GETATTR before it reads, and
 * what that said is good enough. A direct reader has nobody to ask for it: its read asks GETATTR
 * itself, side by side with the chunks, and starts over when the file has changed under it.
 *
 * A read is cut into parts at slots (512 KiB), which are under way at once: read_part.c
 * sends READ (libdfsproto/schema/wire.def), and chunkserver/core/on_read.c takes it up.
 */
#include "fuse/core/client_i.h"
#include "fuse/core/flows.h"

#include <fcntl.h>
#include <stdlib.h>

static void read_begin(struct cl *cl, struct cl_task *task);

static void drop_parts(struct cl *cl, struct cl_task *task)
{
	for (u32 i = 0; i < task->parts_count; i++)
		cl_part_fini(cl, &task->parts[i]);
	task->parts_count = 0;
	task->parts_left = 0;
}

static void answer(struct cl *cl, struct cl_task *task)
{
	struct cl_reply *reply = cl_reply_new(cl, task->op);
	for (u32 i = 0; i < task->parts_count; i++)
		cl_part_give(cl, &task->parts[i], reply);
	cl_task_reply(cl, task, reply);
}

static void go_on(struct cl *cl, struct cl_task *task)
{
	if (task->parts_left == 0 && !task->mutation.rpc.under_way)
		answer(cl, task);
}

static void fail(struct cl *cl, struct cl_task *task)
{
	cl_master_cancel(cl, &task->mutation.rpc);
	cl_task_finish(cl, task, task->failure);
}

void cl_read_part_done(struct cl *cl, struct cl_task *task, int status)
{
	if (status != 0) {
		/* While parts are being begun the task must stay: read_begin ends it. */
		task->failure = status;
		if (!task->starting)
			fail(cl, task);
		return;
	}
	DFS_ASSERT(task->parts_left > 0);
	task->parts_left--;
	if (!task->starting)
		go_on(cl, task);
}

static void on_attr(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	struct cl_task *task = dfs_container_of(rpc, struct cl_task, mutation.rpc);
	struct dfs_getattr_reply reply;
	int status = answer->status;
	if (status == 0)
		status = dfs_getattr_reply_decode(answer->body, answer->version, &reply);
	if (status == 0)
		status = cl_inode_attr(cl, task->inode, &reply.attr, false);
	if (status != 0) {
		cl_task_finish(cl, task, status);
	} else if (task->inode->map_generation != task->read_generation ||
		   cl_inode_size(task->inode) != task->read_size) {
		/* Changed elsewhere: now the newest is known, and from then on it is this read's.
		 */
		drop_parts(cl, task);
		read_begin(cl, task);
	} else {
		go_on(cl, task);
	}
}

static void ask_attr(struct cl *cl, struct cl_task *task)
{
	struct dfs_getattr body = {.ino = task->inode->ino};
	struct dfs_writer writer;
	task->mutation.rpc.done = on_attr;
	cl_master_begin(cl, &writer);
	dfs_getattr_put(&writer, &body);
	cl_master_send(cl, &task->mutation.rpc, DFS_MSG_GETATTR, &writer);
}

static struct cl_part *parts_new(struct cl_task *task, u32 count)
{
	if (task->parts != task->parts_inline)
		free(task->parts);
	task->parts = task->parts_inline;
	if (count > CL_PARTS_INLINE) {
		task->parts = calloc(count, sizeof(*task->parts));
		DFS_ASSERT(task->parts != NULL);
	}
	memset(task->parts_inline, 0, sizeof(task->parts_inline));
	task->parts_count = count;
	task->parts_left = count;
	return task->parts;
}

/* Cut [offset, end) of the file at slots. */
static void read_begin(struct cl *cl, struct cl_task *task)
{
	struct cl_inode *inode = task->inode;
	u32 slot_bytes = cl_slot_bytes(inode);
	u64 chunk_mask = (UINT64_C(1) << inode->attr.chunk_shift) - 1;
	u64 first = task->offset / slot_bytes;
	u64 size = dfs_min(task->size, (u64)slot_bytes * (CL_PARTS_MAX - 1));
	task->read_size = cl_inode_size(inode);
	task->read_generation = inode->map_generation;
	u64 end = dfs_min(task->offset + size, task->read_size);
	if (end <= task->offset || size == 0) {
		parts_new(task, 0);
		go_on(cl, task);
		return;
	}
	u32 count = (u32)((end - 1) / slot_bytes - first + 1);
	struct cl_part *parts = parts_new(task, count);
	for (u32 i = 0; i < count; i++) {
		u64 from = dfs_max(task->offset, (first + i) * slot_bytes);
		u64 to = dfs_min(end, (first + i + 1) * slot_bytes);
		parts[i].task = task;
		parts[i].index = from >> inode->attr.chunk_shift;
		parts[i].start = (u32)(from & chunk_mask);
		parts[i].end = parts[i].start + (u32)(to - from);
		dfs_list_init(&parts[i].in_waiters);
	}
	/* Parts may be done at once; the answer waits for the last of them. */
	task->starting = true;
	for (u32 i = 0; i < count && task->failure == 0; i++)
		cl_part_start(cl, &parts[i]);
	task->starting = false;
	if (task->failure != 0)
		fail(cl, task);
	else
		go_on(cl, task);
}

void cl_read_start(struct cl *cl, struct cl_task *task)
{
	struct cl_handle *handle = cl_task_handle(cl, task);
	if (handle == NULL || handle->inode == NULL || !cl_inode_regular(handle->inode)) {
		cl_task_finish(cl, task, DFS_EINVAL);
		return;
	}
	cl_task_use_inode(cl, task, handle->ino);
	cl_task_move(task, CL_TASK_READING);
	if ((handle->flags & O_NOATIME) == 0)
		cl_accessed(cl, &task->inode->attr, false);
	if (((task->flags | handle->flags) & O_DIRECT) != 0)
		ask_attr(cl, task);
	read_begin(cl, task);
}
