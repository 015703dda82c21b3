/*
 * Walking over the chunks of a file, one at a time, for calls that change or ask something at the
 * chunkservers themselves: FALLOCATE (op_fallocate.c), LSEEK (op_lseek.c), CLONE (op_clone.c).
 *
 *   cl_visit --flushed--> attributes known? --no--> GETATTR --> flow.begun
 *
 *   cl_visit_place --> row known? --no--> CHUNKS --> visit.placed --> cl_visit_ask -->
 * visit.answered ^                                                                 |
 *        +------------------------- pause <--- server away, chunk moved ---+
 *
 * All of it is the task's state VISITING; it waits as long as the caller does. A request that is
 * given up does nothing later: sessions do not repeat it, and what is still under way on the link
 * comes before whatever this client sends next.
 */
#include "fuse/core/client_i.h"

enum { VISIT_CHUNKS = 64 };

static void begin(struct cl *cl, struct cl_task *task)
{
	cl_flows[task->op].begun(cl, task);
}

static void on_attr(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	struct cl_task *task = dfs_container_of(rpc, struct cl_task, mutation.rpc);
	struct dfs_getattr_reply reply;
	int status = answer->status;
	if (status == 0)
		status = dfs_getattr_reply_decode(answer->body, answer->version, &reply);
	if (status == 0)
		status = cl_inode_attr(cl, task->visit.inode, &reply.attr, false);
	if (status != 0)
		cl_task_finish(cl, task, status);
	else
		begin(cl, task);
}

void cl_visit_flushed(struct cl *cl, struct cl_task *task)
{
	const struct cl_cached_attr *known = cl_cache_find_attr(cl, task->visit.inode->ino);
	cl_task_move(task, CL_TASK_VISITING);
	/* Under a lease nobody else has changed the file. */
	if (known != NULL && cl_inode_attr(cl, task->visit.inode, &known->attr, false) == 0) {
		begin(cl, task);
		return;
	}
	struct dfs_getattr body = {.ino = task->visit.inode->ino};
	struct dfs_writer writer;
	task->mutation.rpc.done = on_attr;
	cl_master_begin(cl, &writer);
	dfs_getattr_put(&writer, &body);
	cl_master_send(cl, &task->mutation.rpc, DFS_MSG_GETATTR, &writer);
}

void cl_visit(struct cl *cl, struct cl_task *task, struct cl_inode *inode, bool flush)
{
	task->visit.inode = inode;
	if (flush && cl_inode_uncommitted(inode))
		cl_task_flush(cl, task, inode, false);
	else
		cl_visit_flushed(cl, task);
}

void cl_visit_fini(struct cl *cl, struct cl_task *task)
{
	cl_server_cancel(cl, &task->visit.rpc);
}

static void on_pause_end(struct cl *cl, struct cl_timer *timer)
{
	struct cl_task *task = dfs_container_of(timer, struct cl_task, pause);
	cl_visit_place(cl, task, task->visit.skip);
}

static void pause_visit(struct cl *cl, struct cl_task *task)
{
	cl_row_forget(task->visit.inode, task->visit.index);
	cl_timer_set(cl, &task->pause, cl->now + cl_backoff(task->tries++), on_pause_end);
}

static void placed(struct cl *cl, struct cl_task *task, const struct cl_row *row)
{
	struct cl_place place = row->place; /* The row may go. */
	if (cl_place_lost(&place)) {
		cl_row_forget(task->visit.inode, task->visit.index);
		cl_task_finish(cl, task, DFS_EIO);
	} else if (place.chunk != 0 && place.count == 0) {
		pause_visit(cl, task);
	} else {
		task->visit.placed(cl, task, &place);
	}
}

/* With `skip`, what is between the chunk asked for and the first in the reply is a hole. */
static void skip(struct cl_task *task, const struct dfs_items *chunks)
{
	struct dfs_items items = *chunks;
	struct dfs_location first;
	if (dfs_location_next(&items, &first) && first.index >= task->visit.index)
		task->visit.index = first.index;
}

static void on_chunks(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	struct cl_task *task = dfs_container_of(rpc, struct cl_task, mutation.rpc);
	struct dfs_chunks_reply reply;
	int status = answer->status;
	if (status == 0)
		status = dfs_chunks_reply_decode(answer->body, answer->version, &reply);
	if (status == DFS_EBUSY ||
	    (status == 0 && task->visit.generation != task->visit.inode->map_generation)) {
		pause_visit(cl, task);
		return;
	}
	if (status == 0 && task->visit.skip && reply.chunks.count == 0) {
		task->visit.placed(cl, task, NULL);
		return;
	}
	if (status == 0 && task->visit.skip)
		skip(task, &reply.chunks);
	if (status == 0)
		status = cl_rows_fill(cl, task->visit.inode, task->visit.index, VISIT_CHUNKS,
				      &reply.chunks);
	if (status != 0) {
		cl_task_finish(cl, task, status);
		return;
	}
	placed(cl, task, cl_row_find(task->visit.inode, task->visit.index));
}

void cl_visit_place(struct cl *cl, struct cl_task *task, bool skip_holes)
{
	const struct cl_row *row = cl_row_find(task->visit.inode, task->visit.index);
	task->visit.skip = skip_holes;
	if (row != NULL && (!skip_holes || row->place.chunk != 0)) {
		placed(cl, task, row);
		return;
	}
	struct dfs_chunks body = {.ino = task->visit.inode->ino,
				  .index = task->visit.index,
				  .count = VISIT_CHUNKS,
				  .skip = skip_holes};
	struct dfs_writer writer;
	task->visit.generation = task->visit.inode->map_generation;
	task->mutation.rpc.done = on_chunks;
	cl_master_begin(cl, &writer);
	dfs_chunks_put(&writer, &body);
	cl_master_send(cl, &task->mutation.rpc, DFS_MSG_CHUNKS, &writer);
}

static void on_answer(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	struct cl_task *task = dfs_container_of(rpc, struct cl_task, visit.rpc);
	switch (answer->status) {
	case 0:
		task->tries = 0;
		task->visit.answered(cl, task, answer);
		break;
	case DFS_EINVAL:
	case DFS_EMALFORMED:
	case DFS_ENOTSUP:
	case DFS_ENOSYS:
	case DFS_EWRONG_VERSION:
	case DFS_ECORRUPT:
		cl_task_finish(cl, task, DFS_EIO);
		break;
	case DFS_ESEALED: /* The master has not told: the place is looked at once more. */
		cl_rows_share(task->visit.inode, task->visit.index, 1);
		cl_visit_place(cl, task, false);
		break;
	case DFS_EDISK_FULL:
		cl_task_finish(cl, task, DFS_ENOSPC);
		break;
	default: /* Not there, not now: NO_CHUNK, WRONG_EPOCH, LINK_LOST, DISK_FAILED, BUSY … */
		pause_visit(cl, task);
		break;
	}
}

void cl_visit_ask(struct cl *cl, struct cl_task *task, u16 type, struct dfs_writer *writer,
		  struct cl_server *server)
{
	task->visit.rpc.done = on_answer;
	cl_server_send(cl, server, &task->visit.rpc, type, writer, NULL);
}
