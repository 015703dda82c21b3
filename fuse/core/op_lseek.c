/*
 * LSEEK: where the next data or the next hole of a file begins. What was written here and is not
 * committed goes to the servers first; then the file's map tells which chunks are holes as a whole,
 * and the chunkservers what is inside the others. Data is never called a hole: what a server cannot
 * tell apart is data. Zeros may be called data.
 */
#include "fuse/core/client_i.h"
#include "fuse/core/flows.h"

static bool wants_hole(const struct cl_task *task)
{
	return task->flags != 0;
}

static void found(struct cl *cl, struct cl_task *task, u64 offset)
{
	struct cl_reply *reply = cl_reply_new(cl, task->op);
	u64 size = task->inode->attr.size;
	if (offset >= size && !wants_hole(task))
		reply->status = DFS_ENXIO;
	reply->count = dfs_min(offset, size); /* Behind the end there is a hole. */
	cl_task_reply(cl, task, reply);
}

static void look(struct cl *cl, struct cl_task *task);

/* Go on with the chunk behind this one. */
static void next_chunk(struct cl *cl, struct cl_task *task)
{
	task->offset = (task->visit.index + 1) << task->inode->attr.chunk_shift;
	look(cl, task);
}

/* How far into the chunk there may be data: it ends with the file, or with a truncation that has
 * not reached its servers. */
static u32 data_end(const struct cl_task *task, const struct cl_place *place)
{
	u64 chunk_bytes = UINT64_C(1) << task->inode->attr.chunk_shift;
	u64 start = task->visit.index << task->inode->attr.chunk_shift;
	u64 end = dfs_min(task->inode->attr.size - start, chunk_bytes);
	return (u32)dfs_min(end, (u64)place->valid);
}

static void on_sought(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_seek_reply reply;
	int status = dfs_seek_reply_decode(answer->body, answer->version, &reply);
	u64 mask = (UINT64_C(1) << task->inode->attr.chunk_shift) - 1;
	u64 start = task->visit.index << task->inode->attr.chunk_shift;
	if (status == 0 && reply.offset < (task->offset & mask))
		status = DFS_EMALFORMED;
	if (status != 0) {
		cl_task_finish(cl, task, status);
		return;
	}
	/* The bound is in the row that was asked by; if it is gone, so is the bound, or it was
	 * asked for in vain. */
	const struct cl_row *row = cl_row_find(task->inode, task->visit.index);
	if (row == NULL || task->visit.generation != task->inode->map_generation) {
		look(cl, task);
		return;
	}
	u32 end = data_end(task, &row->place);
	u32 at = dfs_min(reply.offset, end);
	if (at < end || (wants_hole(task) && end <= mask))
		found(cl, task, start + at);
	else
		next_chunk(cl, task);
}

static void on_placed(struct cl *cl, struct cl_task *task, const struct cl_place *place)
{
	u64 mask = (UINT64_C(1) << task->inode->attr.chunk_shift) - 1;
	if (place == NULL) { /* Nothing but a hole up to the end. */
		found(cl, task, task->inode->attr.size);
		return;
	}
	/* A long hole was skipped. */
	task->offset = dfs_max(task->offset, task->visit.index << task->inode->attr.chunk_shift);
	if (task->offset >= task->inode->attr.size) {
		found(cl, task, task->offset);
		return;
	}
	u32 at = (u32)(task->offset & mask);
	bool hole = place->chunk == 0 || at >= data_end(task, place);
	if (hole && wants_hole(task)) {
		found(cl, task, task->offset);
		return;
	}
	if (hole) {
		next_chunk(cl, task);
		return;
	}
	struct dfs_seek body = {
	    .chunk = place->chunk, .epoch = place->epoch, .offset = at, .hole = wants_hole(task)};
	struct dfs_writer writer;
	task->visit.answered = on_sought;
	task->visit.generation = task->inode->map_generation;
	cl_server_begin(cl, place->servers[0], &writer);
	dfs_seek_put(&writer, &body);
	cl_visit_ask(cl, task, DFS_MSG_SEEK, &writer, place->servers[0]);
}

static void look(struct cl *cl, struct cl_task *task)
{
	if (task->offset >= task->inode->attr.size) {
		found(cl, task, task->offset);
		return;
	}
	task->visit.index = task->offset >> task->inode->attr.chunk_shift;
	task->visit.placed = on_placed;
	cl_visit_place(cl, task, !wants_hole(task));
}

void cl_lseek_begun(struct cl *cl, struct cl_task *task)
{
	if (task->offset >= task->inode->attr.size)
		cl_task_finish(cl, task, DFS_ENXIO);
	else
		look(cl, task);
}

void cl_lseek_start(struct cl *cl, struct cl_task *task)
{
	struct cl_handle *handle = cl_task_handle(cl, task);
	if (handle == NULL || handle->inode == NULL || !cl_inode_regular(handle->inode)) {
		cl_task_finish(cl, task, DFS_EINVAL);
		return;
	}
	cl_task_use_inode(cl, task, handle->ino);
	cl_visit(cl, task, task->inode, true);
}
