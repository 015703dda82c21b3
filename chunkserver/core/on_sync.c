/*
 * SYNC: everything of these chunks that was answered before is on stable storage. Data and index
 * are synced side by side; both are shared with whoever asks at the same time.
 *
 * The request is one op that waits for the index, with one child per chunk that waits for the file.
 * Costs, one chunk: one FILE_SYNC and one KV_SYNC, in parallel; none when nothing changed since the
 * last.
 */
#include "chunkserver/core/chain.h"
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/disk.h"
#include "chunkserver/core/gather.h"
#include "chunkserver/core/handlers.h"
#include "chunkserver/core/peers.h"
#include "chunkserver/core/store.h"
#include "libdfsproto/base/errors.h"

enum sync_state { SYNC_FILES, SYNC_INDEX, SYNC_STATES };

static void end(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct dfs_session *session = cs_session_of(cs, &op->origin);
	if (op->status == 0 && session != NULL) {
		struct dfs_sync_reply reply = {.chained = cs_forward_outcome(op)};
		struct dfs_writer writer;
		dfs_session_writer(session, &writer);
		dfs_sync_reply_put(&writer, &reply);
		dfs_session_reply(session, op->origin.request, op->origin.type, 0, &writer, NULL,
				  fxs);
	} else {
		cs_reply_status(cs, &op->origin, op->status, fxs);
	}
	cs_forward_release(op);
	cs_op_free(cs, op);
}

/* A file or the index became durable: is that all? */
static void advance(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	static const u32 allowed[SYNC_STATES] = {[SYNC_INDEX] = CS_FROM(SYNC_FILES)};
	if (op->outstanding > 0)
		return;
	if (op->state == SYNC_FILES)
		cs_op_move(op, allowed, SYNC_INDEX);
	if (op->status != 0 || cs_gather_wait(cs, &op->gather, op, fxs))
		end(cs, op, fxs);
}

static void add_chunk(struct cs *cs, struct cs_op *op, u64 id, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = cs_chunk_find(cs, id);
	if (chunk == NULL || chunk->state == CS_CHUNK_DELETING) {
		op->status = DFS_ENO_CHUNK;
		return;
	}
	cs_gather_add(cs, &op->gather, cs_disk_of(cs, chunk), fxs);
	struct cs_op *child = cs_op_new_inner(cs, CS_OP_SYNC_CHUNK);
	child->parent = op;
	child->mode = CS_BESIDE;
	op->outstanding++;
	cs_queue_enter(cs, child, chunk, fxs);
}

void cs_on_sync(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs)
{
	struct dfs_sync sync;
	int status = dfs_sync_decode(request->body, request->version, &sync);
	if (status == 0)
		status = cs_chain_check(cs, &sync.chain);
	if (status == 0 && cs->ops_live + sync.chunks.count >= DFS_CS_OPS_MAX)
		status = DFS_EBUSY;
#ifdef DFS_PLANT_SYNC_NOTHING
	cs_reply_status(cs, &request->origin, status, fxs);
	return;
#endif
	if (status != 0) {
		cs_reply_status(cs, &request->origin, status, fxs);
		return;
	}
	/* Children may make others answer on this session, which ends the loan of the body. */
	u32 count = sync.chunks.count;
	struct dfs_buf *ids = dfs_buf_new(dfs_max(count, 1u) * (u32)sizeof(u64));
	struct dfs_id item;
	for (u32 i = 0; dfs_id_next(&sync.chunks, &item); i++)
		memcpy(ids->data + i * sizeof(u64), &item.id, sizeof(u64));
	struct cs_op *op = cs_op_new_inner(cs, CS_OP_SYNC);
	op->origin = request->origin;
	op->outstanding = 1; /* Ourselves, until all children are made. */
	cs_forward_keep(op, request, &sync.chain);
	cs_forward(cs, op, fxs);
	op->outstanding += cs_forward_pending(op);
	cs->syncs_count++;
	for (u32 i = 0; i < count; i++) {
		u64 id;
		memcpy(&id, ids->data + i * sizeof(u64), sizeof(u64));
		add_chunk(cs, op, id, fxs);
	}
	dfs_buf_unref(ids);
	op->outstanding--;
	advance(cs, op, fxs);
}

void cs_sync_done(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	if (done->status != 0)
		op->status = done->status;
	if (done->which == CS_CHILD_DONE || done->which == CS_NEXT_DONE)
		op->outstanding--;
	advance(cs, op, fxs);
}

void cs_sync_chunk_start(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_done done = {.which = CS_FILE_DURABLE};
	if (op->disk->phase == CS_DISK_FAILED)
		done.status = DFS_EDISK_FAILED;
	else if (!cs_sync_wait(cs, op, fxs))
		return;
	cs_sync_chunk_done(cs, op, &done, fxs);
}

void cs_sync_chunk_done(struct cs *cs, struct cs_op *op, const struct cs_done *done,
			struct dfs_fxs *fxs)
{
	DFS_ASSERT(done->which == CS_FILE_DURABLE);
	int status = done->status;
	cs_sync_finished(cs, op, status, fxs);
	if (status != 0)
		status = cs_store_verdict(cs, op->disk, "syncing a chunk", status, fxs);
	cs_queue_leave(cs, op, fxs);
	cs_op_end_child(cs, op, status, fxs);
}

void cs_sync_chunk_refuse(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	dfs_list_remove(&op->queue_node);
	cs_op_end_child(cs, op, status, fxs);
}
