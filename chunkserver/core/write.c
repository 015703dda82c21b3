/*
 * The course of a WRITE: see the diagram in write.h. What is true after a crash:
 * - killed daemon: the index has the new checksums, marked pending, before the file has a byte of
 * it; so every block that differs from its checksum is pending, and was never answered or is whole;
 * - power cut: a chunk that was clean is durably dirty before its file changes, so only dirty
 * chunks can differ from the index.
 *
 * Costs per WRITE into a dirty chunk: one step for the request, one index write (log in the page
 * cache, no sync) of up to 1.1 KiB, one pwrite, one step for its completion; no allocation, no copy
 * of the payload, no checksum beyond the one that verifies it. The first WRITE into a clean chunk
 * adds one grouped sync of the index; a partial block over old data adds one read of it; an append
 * adds neither.
 */
#include "chunkserver/core/write.h"

#include "chunkserver/core/chain.h"
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/commit.h"
#include "chunkserver/core/crcs.h"
#include "chunkserver/core/disk.h"
#include "chunkserver/core/edge.h"
#include "chunkserver/core/handlers.h"
#include "chunkserver/core/index.h"
#include "chunkserver/core/peers.h"
#include "chunkserver/core/report.h"
#include "chunkserver/core/store.h"
#include "libdfsproto/base/errors.h"

/* How far below the newest chunk id the fresh mark stays, and how often it moves. */
enum { FRESH_IDS = 4096 };

void cs_write_move(struct cs_op *op, enum cs_write_state to)
{
	static const u32 allowed[CS_WRITE_STATES] = {
	    [CS_WRITE_CLEARING] = CS_FROM(CS_WRITE_WAITING),
	    [CS_WRITE_LOADING] = CS_FROM(CS_WRITE_WAITING),
	    [CS_WRITE_MARKING] =
		CS_FROM(CS_WRITE_WAITING) | CS_FROM(CS_WRITE_CLEARING) | CS_FROM(CS_WRITE_LOADING),
	    [CS_WRITE_STORING] = CS_FROM(CS_WRITE_MARKING),
	    [CS_WRITE_UNDOING] = CS_FROM(CS_WRITE_STORING),
	    [CS_WRITE_REREADING] = CS_FROM(CS_WRITE_STORING) | CS_FROM(CS_WRITE_UNDOING),
	    [CS_WRITE_SETTLING] = CS_FROM(CS_WRITE_STORING),
	    [CS_WRITE_CHAINED] = CS_FROM(CS_WRITE_CHAINED) - 1, /* Any other. */
	};
	cs_op_move(op, allowed, (u8)to);
}

static void answer(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct dfs_session *session = cs_session_of(cs, &op->origin);
	if (session == NULL)
		return;
	struct dfs_write_reply reply = {
	    .length = op->chunk->length,
	    .chained = cs_forward_outcome(op),
	};
	struct dfs_writer writer;
	dfs_session_writer(session, &writer);
	dfs_write_reply_put(&writer, &reply);
	dfs_session_reply(session, op->origin.request, op->origin.type, 0, &writer, NULL, fxs);
}

static void release(struct cs *cs, struct cs_op *op)
{
	cs->payload_bytes -= op->write.payload->capacity;
	dfs_buf_unref(op->write.payload);
	dfs_buf_unref(op->write.attribute);
	cs_forward_release(op);
}

/* Answer, make way for others, release everything. */
static void end(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = op->chunk;
	if (status == 0)
		answer(cs, op, fxs);
	else
		cs_reply_status(cs, &op->origin, status, fxs);
	release(cs, op);
	bool was_new = chunk->state == CS_CHUNK_NEW && op->write.creates;
	if (was_new && status == 0) {
		chunk->state = CS_CHUNK_READY;
		cs_report_chunk(cs, chunk, fxs);
	}
	if (was_new && status != 0) {
		/* It never was: those behind this write must ask for a chunk elsewhere as well. */
		dfs_list_remove(&op->queue_node);
		cs_op_free(cs, op);
		cs_chunk_drop(cs, chunk, status, fxs);
		return;
	}
	cs_queue_leave(cs, op, fxs);
	cs_op_free(cs, op);
}

void cs_write_finish(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	op->status = status;
	if (cs_forward_pending(op))
		cs_write_move(op, CS_WRITE_CHAINED);
	else
		end(cs, op, status, fxs);
}

void cs_write_refuse(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	cs_reply_status(cs, &op->origin, status, fxs);
	release(cs, op);
	dfs_list_remove(&op->queue_node);
	cs_op_free(cs, op);
}

/* Bytes of the write that fall into `block`: [*ret_at, +return) of the block, from `*ret_from` of
 * the payload. */
static u32 piece_of(const struct cs_op *op, u32 block, u32 *ret_at, u32 *ret_from)
{
	u64 block_at = (u64)block * DFS_BLOCK_BYTES;
	u64 from = dfs_max(block_at, (u64)op->write.offset);
	u64 to = dfs_min(block_at + DFS_BLOCK_BYTES, (u64)cs_write_end(op));
	DFS_ASSERT(from < to);
	*ret_at = (u32)(from - block_at);
	*ret_from = (u32)(from - op->write.offset);
	return (u32)(to - from);
}

/* What the block's entry becomes, where that is known without its old bytes. */
static int plan_edge(struct cs *cs, struct cs_op *op, u32 block, struct cs_edge *edge,
		     struct dfs_fxs *fxs)
{
	u32 at, from;
	u32 bytes = piece_of(op, block, &at, &from);
	if (bytes == DFS_BLOCK_BYTES)
		return 0; /* Whole: the client's checksum is the block's. */
	struct cs_segment *segment;
	int status = cs_crcs_get(cs, op->chunk, block / CS_SEGMENT_BLOCKS, fxs, &segment);
	if (status != 0)
		return status;
	u32 old = segment->entries[block % CS_SEGMENT_BLOCKS];
	u64 block_at = (u64)block * DFS_BLOCK_BYTES;
	bool over_zeros = old == 0 || block_at + at >= op->chunk->length;
	bool over_all = at == 0 && block_at + bytes >= op->chunk->length;
	edge->used = true;
	edge->block = block;
	edge->load = !over_zeros && !over_all;
	if (over_zeros || over_all)
		edge->entry = cs_crcs_entry_at(op->write.payload->data + from, at, bytes);
	if (over_zeros)
		edge->entry ^= old; /* The two halves do not overlap. */
	return 0;
}

/* The old bytes of an edge have come: verify, merge. */
static int merge_edge(struct cs *cs, struct cs_op *op, const struct cs_done *done,
		      struct dfs_fxs *fxs)
{
	struct cs_edge *edge = cs_edge_of(op->write.edges, done);
	if (done->status != 0)
		return cs_store_verdict(cs, op->disk, "reading a block to change", done->status,
					fxs);
	struct cs_segment *segment;
	int status = cs_crcs_get(cs, op->chunk, edge->block / CS_SEGMENT_BLOCKS, fxs, &segment);
	if (status != 0)
		return status;
	u8 block[DFS_BLOCK_BYTES];
	cs_edge_block(done, block);
	if (cs_crcs_entry(block, sizeof(block)) !=
	    segment->entries[edge->block % CS_SEGMENT_BLOCKS]) {
		cs->corrupt_count++;
		dfs_fx_log(fxs, DFS_LOG_ERROR,
			   "event=block_corrupt chunk=%016llx disk=%u block=%u during=write "
			   "note=\"the write was refused; whole blocks can still be overwritten\"",
			   (unsigned long long)cs_chunk_id(op->chunk), op->disk->index,
			   edge->block);
		return DFS_ECORRUPT;
	}
	u32 at, from;
	u32 bytes = piece_of(op, edge->block, &at, &from);
	memcpy(block + at, op->write.payload->data + from, bytes);
	edge->entry = cs_crcs_entry(block, sizeof(block));
	return 0;
}

static u32 entry_of(const struct cs_op *op, u32 block)
{
	for (u32 i = 0; i < 2; i++)
		if (op->write.edges[i].used && op->write.edges[i].block == block)
			return op->write.edges[i].entry;
	return op->write.crcs[block - op->first_block] ^ CS_ZERO_BLOCK_CRC;
}

/* Put the new checksums, pending, into the cache and a batch. */
static int put_entries(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_segment *segment = NULL;
	for (u32 block = op->first_block; block < op->end_block; block++) {
		if (segment == NULL || block % CS_SEGMENT_BLOCKS == 0) {
			if (segment != NULL)
				cs_index_put_segment(op->disk, cs_chunk_id(op->chunk), segment);
			int status =
			    cs_crcs_get(cs, op->chunk, block / CS_SEGMENT_BLOCKS, fxs, &segment);
			if (status != 0)
				return status;
		}
		cs_crcs_set(segment, block, entry_of(op, block));
	}
	cs_index_put_segment(op->disk, cs_chunk_id(op->chunk), segment);
	return 0;
}

/* A chunk that is new to this disk: is its row needed on disk before the answer? Not for ids at or
 * above the fresh mark, since after a power cut those are looked for among the files. */
static void advance_fresh_mark(struct cs *cs, struct cs_disk *disk, u64 id)
{
	if (id < disk->fresh_from || id - disk->fresh_from < 2 * FRESH_IDS)
		return;
	disk->fresh_from = id - FRESH_IDS;
	cs_index_put_counters(cs, disk);
}

static u32 round_up_block(u32 bytes)
{
	return (bytes + DFS_BLOCK_BYTES - 1) / DFS_BLOCK_BYTES * DFS_BLOCK_BYTES;
}

static void store(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct dfs_buf *attribute = op->write.attribute;
	cs_write_move(op, CS_WRITE_STORING);
	if (op->write.creates && op->chunk->live->dirty_ticket > 0)
		cs_commit_begin(cs, op->disk, op->chunk->live->dirty_ticket, fxs);
	cs_store_write(op, op->write.offset, op->write.payload, op->write.length,
		       attribute == NULL ? (struct dfs_span){0}
					 : dfs_span(attribute->data, attribute->length),
		       fxs);
}

/* Space that the write takes: files grow by whole blocks, and a new one needs an inode. */
static u32 growth(const struct cs_op *op)
{
	u32 held = op->write.creates ? 0 : round_up_block(op->chunk->length) + DFS_BLOCK_BYTES;
	u32 needed = round_up_block(cs_write_end(op)) + DFS_BLOCK_BYTES;
	return needed > held ? needed - held : 0;
}

/* LOADING, CLEARING or WAITING is over. */
static void record(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = op->chunk;
	struct cs_live *live = chunk->live;
	u32 length = chunk->length;
	u8 flags = chunk->flags;
	int status = cs_disk_reserve(cs, op->disk, growth(op), fxs);
	if (status != 0) {
		cs_write_finish(cs, op, status, fxs);
		return;
	}
	op->write.length_before = length;
	cs_index_begin(op->disk);
	status = put_entries(cs, op, fxs);
	chunk->length = dfs_max(length, cs_write_end(op));
	chunk->flags = flags | CS_DIRTY;
	if (chunk->length != length || chunk->flags != flags)
		cs_index_put_chunk(op->disk, chunk);
	if (op->write.creates)
		advance_fresh_mark(cs, op->disk, cs_chunk_id(chunk));
	if (status == 0)
		status = cs_index_write(cs, op->disk, fxs);
	if (status != 0) { /* Nothing was written: the index knows the old state. */
		chunk->length = length;
		chunk->flags = flags;
		cs_crcs_forget(cs, live, 0);
		cs_write_finish(cs, op, status, fxs);
		return;
	}
	bool may_wait = op->write.creates && cs_chunk_id(chunk) >= op->disk->fresh_from;
	if ((flags & CS_DIRTY) == 0 && !may_wait)
		live->dirty_ticket = cs_commit_ticket(op->disk);
	live->writing++;
	cs_write_move(op, CS_WRITE_MARKING);
	if (op->write.creates || cs_commit_wait(cs, op->disk, op, live->dirty_ticket, fxs))
		store(cs, op, fxs);
}

/* Have the segments ready, so that a damaged row shows before anything changes. */
static int load_segments(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_segment *segment;
	int status = 0;
	u32 last = (op->end_block - 1) / CS_SEGMENT_BLOCKS;
	for (u32 i = op->first_block / CS_SEGMENT_BLOCKS; status == 0 && i <= last; i++)
		status = cs_crcs_get(cs, op->chunk, i, fxs, &segment);
	return status;
}

void cs_write_start(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	int status = 0;
	if (op->disk->phase == CS_DISK_FAILED)
		status = DFS_EDISK_FAILED;
	else if (op->write.epoch != op->chunk->epoch)
		status = DFS_EWRONG_EPOCH;
#ifndef DFS_PLANT_WRITE_SHARED
	else if ((op->chunk->flags & CS_SEALED) != 0)
		status = DFS_ESEALED;
#endif
	if (status == 0 && (op->chunk->flags & CS_DAMAGED) != 0) {
		cs_write_finish(cs, op, DFS_ECORRUPT, fxs);
		return;
	}
	memset(op->write.edges, 0, sizeof(op->write.edges));
	if (status == 0)
		status = load_segments(cs, op, fxs);
	if (status == 0)
		status = plan_edge(cs, op, op->first_block, &op->write.edges[0], fxs);
	if (status == 0 && op->end_block - op->first_block > 1)
		status = plan_edge(cs, op, op->end_block - 1, &op->write.edges[1], fxs);
	if (status == DFS_ECORRUPT && !op->write.creates) {
		cs_queue_wait_for_check(cs, op, fxs);
		return;
	}
	if (status != 0) {
		cs_write_finish(cs, op, status, fxs);
		return;
	}
	cs->writes_count++;
	cs_forward(cs, op, fxs);
	if (op->write.creates && op->disk->listing) {
		cs_write_move(op, CS_WRITE_CLEARING);
		cs_store_unlink(op, fxs);
		return;
	}
	cs_edges_load(op, op->write.edges, fxs);
	if (op->outstanding > 0)
		cs_write_move(op, CS_WRITE_LOADING);
	else
		record(cs, op, fxs);
}

static void loaded(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	int status = merge_edge(cs, op, done, fxs);
	if (status != 0)
		op->status = status;
	if (--op->outstanding > 0)
		return;
	if (op->status != 0)
		cs_write_finish(cs, op, op->status, fxs);
	else
		record(cs, op, fxs);
}

static void stored(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	if (done->status != 0) {
		cs_write_repair(cs, op, done->status, fxs);
		return;
	}
	op->chunk->live->writing--;
	cs_chunk_touched(cs, op->chunk);
	if (!op->write.creates) {
		cs_write_finish(cs, op, 0, fxs);
		return;
	}
	cs_write_move(op, CS_WRITE_SETTLING);
	if (cs_commit_wait(cs, op->disk, op, op->chunk->live->dirty_ticket, fxs))
		cs_write_finish(cs, op, 0, fxs);
}

void cs_write_done(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	if (done->which == CS_NEXT_DONE) {
		if (op->state == CS_WRITE_CHAINED)
			end(cs, op, op->status, fxs);
		return;
	}
	switch (op->state) {
	case CS_WRITE_CLEARING:
		if (done->status != 0 && done->status != DFS_ENOENT)
			cs_write_finish(cs, op,
					cs_store_verdict(cs, op->disk, "clearing a leftover file",
							 done->status, fxs),
					fxs);
		else
			record(cs, op, fxs);
		return;
	case CS_WRITE_LOADING:
		loaded(cs, op, done, fxs);
		return;
	case CS_WRITE_MARKING:
		if (done->status == 0) {
			store(cs, op, fxs);
			return;
		}
		op->chunk->live->writing--;
		cs_write_finish(cs, op, done->status, fxs);
		return;
	case CS_WRITE_STORING:
		stored(cs, op, done, fxs);
		return;
	case CS_WRITE_UNDOING:
	case CS_WRITE_REREADING:
		cs_write_repair_done(cs, op, done, fxs);
		return;
	case CS_WRITE_SETTLING:
		cs_write_finish(cs, op, done->status, fxs);
		return;
	default:
		DFS_ASSERT(false); /* Nothing else is waited for. */
	}
}
