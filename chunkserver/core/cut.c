/*
 * The course of TRIM_CHUNK and PUNCH.
 *
 *   WAITING   in the chunk's queue
 *      | cs_cut_start()
 *   LOADING   blocks that lose only a part of their bytes are being read
 *      | record(): the index has the new checksums, pending, and for a trim the new length
 *   MARKING   the chunk was clean: the index must durably say dirty first
 *      |
 *   CUTTING   the file is being truncated or punched
 *      |
 *   SETTLING  trim only: file and index are being synced
 *      |
 *   CHAINED   punch only: the replicas behind this one have not ended it yet (chain.h)
 *      |
 *   (answered)
 *
 * A daemon killed before CUTTING is done leaves a file that is longer than its row (the next start
 * cuts it) or pending blocks (they are taken as they are: the punch was not answered).
 */
#include "chunkserver/core/cut.h"

#include "chunkserver/core/chain.h"
#include "chunkserver/core/check.h"
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/commit.h"
#include "chunkserver/core/crcs.h"
#include "chunkserver/core/disk.h"
#include "chunkserver/core/edge.h"
#include "chunkserver/core/handlers.h"
#include "chunkserver/core/index.h"
#include "chunkserver/core/store.h"
#include "libdfsproto/base/errors.h"

enum cut_state {
	CUT_WAITING,
	CUT_LOADING,
	CUT_MARKING,
	CUT_CUTTING,
	CUT_SETTLING_FILE,
	CUT_SETTLING_INDEX,
	CUT_CHAINED,
	CUT_STATES,
};

static void move(struct cs_op *op, enum cut_state to)
{
	static const u32 allowed[CUT_STATES] = {
	    [CUT_LOADING] = CS_FROM(CUT_WAITING),
	    [CUT_MARKING] = CS_FROM(CUT_WAITING) | CS_FROM(CUT_LOADING),
	    [CUT_CUTTING] = CS_FROM(CUT_MARKING),
	    [CUT_SETTLING_FILE] = CS_FROM(CUT_WAITING) | CS_FROM(CUT_CUTTING),
	    [CUT_SETTLING_INDEX] = CS_FROM(CUT_SETTLING_FILE),
	    [CUT_CHAINED] = CS_FROM(CUT_CHAINED) - 1, /* Any other. */
	};
	cs_op_move(op, allowed, (u8)to);
}

static void answer_punch(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct dfs_session *session = cs_session_of(cs, &op->origin);
	if (session == NULL)
		return;
	struct dfs_punch_reply reply = {.chained = cs_forward_outcome(op)};
	struct dfs_writer writer;
	dfs_session_writer(session, &writer);
	dfs_punch_reply_put(&writer, &reply);
	dfs_session_reply(session, op->origin.request, op->origin.type, 0, &writer, NULL, fxs);
}

static void end(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	if (op->status == 0 && !op->cut.trim)
		answer_punch(cs, op, fxs);
	else
		cs_reply_status(cs, &op->origin, op->status, fxs);
	cs_forward_release(op);
	cs_queue_leave(cs, op, fxs);
	cs_op_free(cs, op);
}

/* The end here. */
static void finish(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	op->status = status;
	if (cs_forward_pending(op))
		move(op, CUT_CHAINED);
	else
		end(cs, op, fxs);
}

void cs_cut_refuse(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	cs_reply_status(cs, &op->origin, status, fxs);
	cs_forward_release(op);
	dfs_list_remove(&op->queue_node);
	cs_op_free(cs, op);
}

void cs_cut_begin(struct cs *cs, const struct cs_request *request, struct cs_chunk *chunk,
		  const struct cs_cut_request *cut, struct dfs_fxs *fxs)
{
	struct cs_op *op = cs_op_new(cs, CS_OP_CUT);
	if (op == NULL) {
		cs_reply_status(cs, &request->origin, DFS_EBUSY, fxs);
		return;
	}
	op->origin = request->origin;
	op->mode = CS_EXCLUSIVE;
	op->first_block = cut->from / DFS_BLOCK_BYTES;
	op->end_block = (u32)(((u64)cut->to + DFS_BLOCK_BYTES - 1) / DFS_BLOCK_BYTES);
	op->cut.from = cut->from;
	op->cut.to = cut->to;
	op->cut.epoch = cut->epoch;
	op->cut.trim = cut->trim;
	cs_forward_keep(op, request, &cut->chain);
	cs_queue_enter(cs, op, chunk, fxs);
}

/* Bytes [*ret_from, *ret_to) of the block go. */
static void part_of(const struct cs_op *op, u32 block, u32 *ret_from, u32 *ret_to)
{
	u64 at = (u64)block * DFS_BLOCK_BYTES;
	*ret_from = op->cut.from > at ? (u32)(op->cut.from - at) : 0;
	*ret_to = (u32)dfs_min(op->cut.to - at, (u64)DFS_BLOCK_BYTES);
}

static int plan_edge(struct cs *cs, struct cs_op *op, u32 block, struct cs_edge *edge,
		     struct dfs_fxs *fxs)
{
	u32 from, to;
	part_of(op, block, &from, &to);
	u64 at = (u64)block * DFS_BLOCK_BYTES;
	if ((from == 0 && at + to >= op->chunk->length) || (from == 0 && to == DFS_BLOCK_BYTES))
		return 0; /* Nothing of it stays. */
	struct cs_segment *segment;
	int status = cs_crcs_get(cs, op->chunk, block / CS_SEGMENT_BLOCKS, fxs, &segment);
	if (status != 0)
		return status;
	u32 old = segment->entries[block % CS_SEGMENT_BLOCKS];
	edge->used = true;
	edge->block = block;
	edge->load = old != 0 && at + from < op->chunk->length;
	edge->entry = old;
	return 0;
}

/* A block that was damaged stays so: what is wrong with its checksum is carried into the new one,
 * since a truncation cannot be refused for ever. */
static int merge_edge(struct cs *cs, struct cs_op *op, const struct cs_done *done,
		      struct dfs_fxs *fxs)
{
	struct cs_edge *edge = cs_edge_of(op->cut.edges, done);
	if (done->status != 0)
		return cs_store_verdict(cs, op->disk, "reading a block to cut", done->status, fxs);
	u8 block[DFS_BLOCK_BYTES];
	u32 from, to;
	cs_edge_block(done, block);
	u32 wrong = cs_crcs_entry(block, sizeof(block)) ^ edge->entry;
	if (wrong != 0) {
		cs->corrupt_count++;
		dfs_fx_log(fxs, DFS_LOG_ERROR,
			   "event=block_corrupt chunk=%016llx disk=%u block=%u during=cut",
			   (unsigned long long)cs_chunk_id(op->chunk), op->disk->index,
			   edge->block);
		if (!op->cut.trim)
			return DFS_ECORRUPT;
	}
	part_of(op, edge->block, &from, &to);
	memset(block + from, 0, to - from);
	edge->entry = cs_crcs_entry(block, sizeof(block)) ^ wrong;
	return 0;
}

static u32 entry_of(const struct cs_op *op, u32 block)
{
	for (u32 i = 0; i < 2; i++)
		if (op->cut.edges[i].used && op->cut.edges[i].block == block)
			return op->cut.edges[i].entry;
	return 0;
}

/* Blocks of the op that hold bytes of the chunk: [first, end). */
static u32 last_block(const struct cs_op *op)
{
	u32 blocks = (op->chunk->length + DFS_BLOCK_BYTES - 1) / DFS_BLOCK_BYTES;
	return dfs_min(op->end_block, blocks);
}

static int put_entries(struct cs *cs, struct cs_op *op, u32 end, struct dfs_fxs *fxs)
{
	u64 id = cs_chunk_id(op->chunk);
	for (u32 block = op->first_block; block < end;) {
		struct cs_segment *segment;
		u32 number = block / CS_SEGMENT_BLOCKS;
		u32 stop = dfs_min(end, (number + 1) * CS_SEGMENT_BLOCKS);
		int status = cs_crcs_get(cs, op->chunk, number, fxs, &segment);
		if (status != 0)
			return status;
		for (; block < stop; block++)
			cs_crcs_set(segment, block, entry_of(op, block));
		cs_index_put_segment(op->disk, id, segment);
	}
	return 0;
}

/* A trim: only the segment that it cuts stays, rows behind it go. */
static u32 trim_rows(struct cs *cs, struct cs_op *op)
{
	u32 segments = (u32)(((u64)op->cut.from + DFS_SEGMENT_BYTES - 1) / DFS_SEGMENT_BYTES);
	cs_crcs_forget(cs, op->chunk->live, segments);
	cs_index_delete_segments(op->disk, cs_chunk_id(op->chunk), segments);
	op->chunk->length = op->cut.from;
	return segments * CS_SEGMENT_BLOCKS;
}

static void cut_file(struct cs_op *op, u32 length, struct dfs_fxs *fxs)
{
	move(op, CUT_CUTTING);
	if (op->cut.trim)
		cs_store_truncate(op, op->cut.from, fxs);
	else
		cs_store_punch(op, op->cut.from, dfs_min(op->cut.to, length) - op->cut.from, fxs);
}

static void record(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = op->chunk;
	u32 length = chunk->length, end = last_block(op);
	u8 flags = chunk->flags;
	cs_index_begin(op->disk);
	if (op->cut.trim)
		end = dfs_min(end, trim_rows(cs, op));
	int status = put_entries(cs, op, end, fxs);
	chunk->flags = flags | CS_DIRTY;
	if (chunk->flags != flags || chunk->length != length)
		cs_index_put_chunk(op->disk, chunk);
	if (status == 0)
		status = cs_index_write(cs, op->disk, fxs);
	if (status != 0) {
		chunk->length = length;
		chunk->flags = flags;
		cs_crcs_forget(cs, chunk->live, 0);
		finish(cs, op, status, fxs);
		return;
	}
	if ((flags & CS_DIRTY) == 0)
		chunk->live->dirty_ticket = cs_commit_ticket(op->disk);
	chunk->live->writing++;
	move(op, CUT_MARKING);
	if (cs_commit_wait(cs, op->disk, op, chunk->live->dirty_ticket, fxs))
		cut_file(op, length, fxs);
}

static void settle(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	move(op, CUT_SETTLING_FILE);
	cs_commit_begin(cs, op->disk, cs_commit_ticket(op->disk), fxs);
	if (!cs_sync_wait(cs, op, fxs))
		return;
	move(op, CUT_SETTLING_INDEX);
	if (cs_commit_wait(cs, op->disk, op, cs_commit_ticket(op->disk), fxs))
		finish(cs, op, 0, fxs);
}

void cs_cut_start(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	int status = 0;
	if (op->disk->phase == CS_DISK_FAILED)
		status = DFS_EDISK_FAILED;
	else if (op->cut.epoch != op->chunk->epoch)
		status = DFS_EWRONG_EPOCH;
	else if (!op->cut.trim && (op->chunk->flags & CS_SEALED) != 0)
		status = DFS_ESEALED; /* A trim is the master's, of a chunk that is not shared. */
	if (status != 0) {
		finish(cs, op, status, fxs);
		return;
	}
	cs_forward(cs, op, fxs);
	if (op->cut.from >=
	    op->chunk->length) { /* Nothing to cut; a trim repeated must be durable. */
		if (op->cut.trim)
			settle(cs, op, fxs);
		else
			finish(cs, op, 0, fxs);
		return;
	}
	u32 end = last_block(op);
	memset(op->cut.edges, 0, sizeof(op->cut.edges));
	status = plan_edge(cs, op, op->first_block, &op->cut.edges[0], fxs);
	if (status == 0 && end - op->first_block > 1 && end == op->end_block)
		status = plan_edge(cs, op, end - 1, &op->cut.edges[1], fxs);
	if (status == DFS_ECORRUPT) {
		cs_queue_wait_for_check(cs, op, fxs);
		return;
	}
	if (status != 0) {
		finish(cs, op, status, fxs);
		return;
	}
	cs_edges_load(op, op->cut.edges, fxs);
	if (op->outstanding > 0)
		move(op, CUT_LOADING);
	else
		record(cs, op, fxs);
}

/* The file did not take the cut: its checksums must be looked at before anybody uses it. */
static void cut_failed(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	if (status == DFS_ENOENT)
		op->chunk->flags |= CS_DAMAGED;
	else
		cs_check_request(cs, op->chunk, fxs);
	finish(cs, op, cs_store_verdict(cs, op->disk, "cutting a chunk", status, fxs), fxs);
}

void cs_cut_done(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	int status = done->status;
	if (done->which == CS_NEXT_DONE) {
		if (op->state == CUT_CHAINED)
			end(cs, op, fxs);
		return;
	}
	switch (op->state) {
	case CUT_LOADING:
		status = merge_edge(cs, op, done, fxs);
		if (status != 0)
			op->status = status;
		if (--op->outstanding > 0)
			return;
		if (op->status != 0)
			finish(cs, op, op->status, fxs);
		else
			record(cs, op, fxs);
		return;
	case CUT_MARKING:
		if (status == 0) {
			cut_file(op, op->chunk->length, fxs);
			return;
		}
		op->chunk->live->writing--;
		finish(cs, op, status, fxs);
		return;
	case CUT_CUTTING:
		op->chunk->live->writing--;
		cs_chunk_touched(cs, op->chunk);
		if (status != 0)
			cut_failed(cs, op, status, fxs);
		else if (op->cut.trim)
			settle(cs, op, fxs);
		else
			finish(cs, op, 0, fxs);
		return;
	case CUT_SETTLING_FILE:
		cs_sync_finished(cs, op, status, fxs);
		if (status == 0) {
			move(op, CUT_SETTLING_INDEX);
			if (cs_commit_wait(cs, op->disk, op, cs_commit_ticket(op->disk), fxs))
				finish(cs, op, 0, fxs);
			return;
		}
		finish(cs, op, cs_store_verdict(cs, op->disk, "syncing a chunk", status, fxs), fxs);
		return;
	case CUT_SETTLING_INDEX:
		finish(cs, op, status, fxs);
		return;
	default:
		DFS_ASSERT(false); /* Nothing else is waited for. */
	}
}
