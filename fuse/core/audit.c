/*
 * The part of fsync that concerns other writers: what another mount wrote, or this one in an
 * earlier life, may be stored and not synced, and an fsync here covers it too, as if all programs
 * ran on one machine. So the first fsync of a file syncs every chunk of it; later ones do only if
 * the file has changed elsewhere.
 *
 *   flushed --COMMIT or GETATTR told what is new--> nothing changed: done
 *                                    |
 *                                    v
 *             +--> rows known? --no--> CHUNKS --+
 *             |        |  <---------------------+
 *             |        v
 *             +-- SYNC to each server --all answered--> next 1,024 chunks, or done
 *
 * Servers that are away are waited for, as long as the caller does. The states are CL_AUDIT_*.
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>

enum { AUDIT_CHUNKS = DFS_MAP_CHUNKS_MAX };

struct audit_sync {
	struct cl_rpc rpc;
	struct dfs_list in_task; /* task.audit.syncs */
	struct cl_task *task;
};

static void walk(struct cl *cl, struct cl_task *task);

static void sync_free(struct audit_sync *sync)
{
	dfs_list_remove(&sync->in_task);
	free(sync);
}

void cl_audit_fini(struct cl *cl, struct cl_task *task)
{
	while (task->audit.syncs.next != NULL && !dfs_list_empty(&task->audit.syncs)) {
		struct audit_sync *sync =
		    dfs_list_first(&task->audit.syncs, struct audit_sync, in_task);
		cl_server_cancel(cl, &sync->rpc);
		sync_free(sync);
	}
}

bool cl_audit_needed(const struct cl_inode *inode)
{
	return inode->synced_generation != inode->map_generation;
}

static void on_pause_end(struct cl *cl, struct cl_timer *timer)
{
	struct cl_task *task = dfs_container_of(timer, struct cl_task, pause);
	walk(cl, task);
}

/* Somebody is away, or the chunks have moved: look anew after a while. */
static void pause_audit(struct cl *cl, struct cl_task *task)
{
	for (u32 i = 0; i < task->audit.count; i++)
		cl_row_forget(task->inode, task->audit.at + i);
	cl_timer_set(cl, &task->pause, cl->now + cl_backoff(task->tries++), on_pause_end);
}

static void on_synced(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	struct audit_sync *sync = dfs_container_of(rpc, struct audit_sync, rpc);
	struct cl_task *task = sync->task;
	sync_free(sync);
	switch (answer->status) {
	case 0:
		break;
	case DFS_ENO_CHUNK:
	case DFS_EWRONG_EPOCH:
	case DFS_ELINK_LOST:
	case DFS_ESTOPPING:
	case DFS_EBUSY:
		task->audit.failed = true;
		break;
	default:
		cl_task_finish(cl, task, answer->status);
		return;
	}
	if (!dfs_list_empty(&task->audit.syncs))
		return;
	if (task->audit.failed) {
		pause_audit(cl, task);
		return;
	}
	task->tries = 0;
	task->audit.at += task->audit.count;
	walk(cl, task);
}

/* `first` and, if it has no chain, all later ones of the batch like it. */
static void send(struct cl *cl, struct cl_task *task, u32 first, bool *sent)
{
	const struct cl_row *lead = cl_row_find(task->inode, task->audit.at + first);
	struct cl_server *server = lead->place.servers[0];
	struct dfs_writer writer, chunks, chain;
	struct audit_sync *sync = calloc(1, sizeof(*sync));
	DFS_ASSERT(sync != NULL);
	sync->task = task;
	sync->rpc.done = on_synced;
	dfs_list_init(&sync->in_task);
	dfs_list_push_back(&task->audit.syncs, &sync->in_task);
	cl_server_begin(cl, server, &writer);
	dfs_writer_init(&chunks, writer.version, 0);
	dfs_writer_init(&chain, writer.version, 0);
	cl_place_chain(&lead->place, &chain);
	for (u32 i = first; i < task->audit.count; i++) {
		const struct cl_row *row = cl_row_find(task->inode, task->audit.at + i);
		bool alike = lead->place.count == 1 && row->place.count == 1 &&
			     row->place.servers[0] == server;
		if (sent[i] || row->place.chunk == 0 || (i != first && !alike))
			continue;
		dfs_id_put(&chunks, &(struct dfs_id){.id = row->place.chunk});
		sent[i] = true;
	}
	struct dfs_sync body = {
	    .chunks = dfs_writer_items(&chunks),
	    .chain = dfs_writer_items(&chain),
	};
	dfs_sync_put(&writer, &body);
	dfs_writer_fini(&chunks);
	dfs_writer_fini(&chain);
	cl_server_send(cl, server, &sync->rpc, DFS_MSG_SYNC, &writer, NULL);
}

static void on_chunks(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	struct cl_task *task = dfs_container_of(rpc, struct cl_task, mutation.rpc);
	struct dfs_chunks_reply reply;
	int status = answer->status;
	if (status == 0)
		status = dfs_chunks_reply_decode(answer->body, answer->version, &reply);
	if (status == 0 && task->audit.generation == task->inode->map_generation)
		status = cl_rows_fill(cl, task->inode, task->audit.at, AUDIT_CHUNKS, &reply.chunks);
	if (status == DFS_EBUSY)
		pause_audit(cl, task);
	else if (status != 0)
		cl_task_finish(cl, task, status);
	else
		walk(cl, task);
}

static void ask_chunks(struct cl *cl, struct cl_task *task)
{
	struct dfs_chunks body = {
	    .ino = task->inode->ino, .index = task->audit.at, .count = AUDIT_CHUNKS};
	struct dfs_writer writer;
	task->mutation.rpc.done = on_chunks;
	cl_master_begin(cl, &writer);
	dfs_chunks_put(&writer, &body);
	cl_master_send(cl, &task->mutation.rpc, DFS_MSG_CHUNKS, &writer);
}

/* The next batch of chunks. */
static void walk(struct cl *cl, struct cl_task *task)
{
	struct cl_inode *inode = task->inode;
	bool sent[AUDIT_CHUNKS] = {0};
	if (task->audit.generation != inode->map_generation) {
		task->audit.generation = inode->map_generation;
		task->audit.at = 0;
	}
	u64 end = cl_inode_chunks(inode, inode->attr.size);
	if (task->audit.at >= end) {
		inode->synced_generation = task->audit.generation;
		cl_fsync_finish(cl, task);
		return;
	}
	task->audit.failed = false;
	task->audit.count = (u32)dfs_min(end - task->audit.at, (u64)AUDIT_CHUNKS);
	for (u32 i = 0; i < task->audit.count; i++) {
		const struct cl_row *row = cl_row_find(inode, task->audit.at + i);
		if (row == NULL) {
			ask_chunks(cl, task);
			return;
		}
		if (cl_place_lost(&row->place)) {
			cl_row_forget(inode, task->audit.at + i);
			cl_task_finish(cl, task, DFS_EIO);
			return;
		}
		if (row->place.chunk != 0 && row->place.count == 0) {
			pause_audit(cl, task);
			return;
		}
		sent[i] = row->place.chunk == 0;
	}
	for (u32 i = 0; i < task->audit.count; i++) {
		if (!sent[i])
			send(cl, task, i, sent);
	}
	if (dfs_list_empty(&task->audit.syncs)) { /* Nothing but holes. */
		task->audit.at += task->audit.count;
		cl_timer_set(cl, &task->pause, cl->now, on_pause_end);
	}
}

static void begin(struct cl *cl, struct cl_task *task)
{
	if (!cl_audit_needed(task->inode)) {
		cl_fsync_finish(cl, task);
		return;
	}
	task->audit.generation = task->inode->map_generation;
	task->audit.at = 0;
	walk(cl, task);
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
	if (status != 0)
		cl_task_finish(cl, task, status);
	else
		begin(cl, task);
}

void cl_audit(struct cl *cl, struct cl_task *task)
{
	struct dfs_getattr body = {.ino = task->inode->ino};
	struct dfs_writer writer;
	cl_task_move(task, CL_TASK_AUDITING);
	dfs_list_init(&task->audit.syncs);
	/* The answer to a COMMIT sent since this call began is as good. */
	if (task->inode->commits_heard > task->audit.commits_before) {
		begin(cl, task);
		return;
	}
	task->mutation.rpc.done = on_attr;
	cl_master_begin(cl, &writer);
	dfs_getattr_put(&writer, &body);
	cl_master_send(cl, &task->mutation.rpc, DFS_MSG_GETATTR, &writer);
}
