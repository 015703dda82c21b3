/*
 * The course of a copy.
 *
 *   WAITING   in the new chunk's queue, alone
 *      | cs_copy_start(): an op of its own enters the base's queue
 *   HOLDING   until it is its turn there; then nothing changes or deletes the base
 *      |
 *   LOADING   the base's last block is being read, if only a part of it counts
 *      | record(): the rows of the copy, unfinished; the base is sealed if it was not
 *   MARKING   the index is being synced: no file without a row, or a power cut would leave half a
 *      |      copy that looks like a chunk
 *   COPYING   the file system copies the file, or lets both share its blocks
 *      |
 *   SYNCING   the new file is being synced: what it replaces may have been on the disk for long
 *      | the row, no longer unfinished
 *   SETTLING  the index is being synced once more
 *      |
 *   (READY: the WRITEs that wait in the queue go on)
 *
 * A failure on the way: UNDOING, the file is being removed; then the rows and the chunk go. What a
 * crash leaves is unfinished, and goes at the next start (recovery.c). Checksums are taken over as
 * they are, so a block of the base that has rotted is found out in the copy too.
 */
#include "chunkserver/core/copy.h"

#include "chunkserver/core/chunk.h"
#include "chunkserver/core/commit.h"
#include "chunkserver/core/crcs.h"
#include "chunkserver/core/disk.h"
#include "chunkserver/core/edge.h"
#include "chunkserver/core/handlers.h"
#include "chunkserver/core/index.h"
#include "chunkserver/core/report.h"
#include "chunkserver/core/store.h"
#include "libdfsproto/base/errors.h"

enum copy_state {
	COPY_WAITING,
	COPY_HOLDING,
	COPY_LOADING,
	COPY_MARKING,
	COPY_COPYING,
	COPY_SYNCING,
	COPY_SETTLING,
	COPY_UNDOING,
	COPY_STATES,
};

static void move(struct cs_op *op, enum copy_state to)
{
	static const u32 allowed[COPY_STATES] = {
	    [COPY_HOLDING] = CS_FROM(COPY_WAITING),
	    [COPY_LOADING] = CS_FROM(COPY_HOLDING),
	    [COPY_MARKING] = CS_FROM(COPY_HOLDING) | CS_FROM(COPY_LOADING),
	    [COPY_COPYING] = CS_FROM(COPY_MARKING),
	    [COPY_SYNCING] = CS_FROM(COPY_COPYING),
	    [COPY_SETTLING] = CS_FROM(COPY_SYNCING),
	    [COPY_UNDOING] = CS_FROM(COPY_MARKING) | CS_FROM(COPY_COPYING) | CS_FROM(COPY_SYNCING) |
			     CS_FROM(COPY_SETTLING),
	};
	cs_op_move(op, allowed, (u8)to);
}

int cs_copy_begin(struct cs *cs, const struct dfs_write *write, struct dfs_buf *attribute_take,
		  struct cs_chunk **ret_chunk)
{
	struct cs_chunk *base = cs_chunk_find(cs, write->base);
	if (base == NULL || base->state == CS_CHUNK_DELETING) {
		dfs_buf_unref(attribute_take);
		return DFS_ENO_CHUNK;
	}
	struct cs_chunk *chunk = cs_chunk_add(cs, cs_disk_of(cs, base), write->chunk);
	chunk->state = CS_CHUNK_NEW;
	struct cs_op *op = cs_op_new_inner(cs, CS_OP_COPY);
	op->mode = CS_ALONE;
	op->copy.attribute = attribute_take;
	op->copy.bytes = write->base_bytes;
	op->copy.base = cs_op_new_inner(cs, CS_OP_COPY_BASE);
	op->copy.base->parent = op;
	op->copy.base->mode = CS_SHARED;
	op->copy.base->end_block = CS_BLOCKS_MAX;
	op->copy.base->chunk = base;
	cs_queue_put(cs, op, chunk);
	*ret_chunk = chunk;
	return 0;
}

static void release_base(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_op *base = op->copy.base;
	op->copy.base = NULL;
	if (base == NULL)
		return;
	cs_queue_leave(cs, base, fxs);
	cs_op_free(cs, base);
}

/* It never was: those behind it must ask for a chunk elsewhere. */
static void drop(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = op->chunk;
	release_base(cs, op, fxs);
	dfs_buf_unref(op->copy.attribute);
	dfs_list_remove(&op->queue_node);
	cs_op_free(cs, op);
	cs_chunk_drop(cs, chunk, status, fxs);
}

void cs_copy_refuse(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	(void)status;
	(void)fxs;
	cs_op_free(cs, op->copy.base);
	dfs_buf_unref(op->copy.attribute);
	dfs_list_remove(&op->queue_node);
	cs_op_free(cs, op);
}

static void fail(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	dfs_fx_log(fxs, DFS_LOG_WARN,
		   "event=copy_failed chunk=%016llx disk=%u bytes=%u error=%s note=\"who writes to "
		   "the file is told\"",
		   (unsigned long long)cs_chunk_id(op->chunk), op->disk->index, op->copy.bytes,
		   dfs_error_name(status));
	if (!op->copy.recorded || op->disk->phase == CS_DISK_FAILED) {
		drop(cs, op, status, fxs);
		return;
	}
	release_base(cs, op, fxs);
	op->copy.failure = status;
	move(op, COPY_UNDOING);
	cs_store_unlink(op, fxs);
}

static void undone(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	u64 id = cs_chunk_id(op->chunk);
	if (status != 0 && status != DFS_ENOENT) {
		cs_disk_fail(cs, op->disk, "removing a copy that failed", status, fxs);
	} else {
		cs_index_begin(op->disk);
		cs_index_delete_segments(op->disk, id, 0);
		cs_index_delete_chunk(op->disk, id);
		/* When even that does not fit, the next start finds it unfinished. */
		(void)cs_index_write(cs, op->disk, fxs);
	}
	drop(cs, op, op->copy.failure, fxs);
}

void cs_copy_start(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_chunk *base = op->copy.base->chunk;
	move(op, COPY_HOLDING);
	if (base->state == CS_CHUNK_DELETING) {
		cs_op_free(cs, op->copy.base);
		op->copy.base = NULL;
		drop(cs, op, DFS_ENO_CHUNK, fxs);
		return;
	}
	cs_queue_enter(cs, op->copy.base, base, fxs);
}

/* Rows of the base, as they are to be for the copy. */
static int put_segments(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	u32 blocks = (op->copy.bytes + DFS_BLOCK_BYTES - 1) / DFS_BLOCK_BYTES;
	for (u32 first = 0; first < blocks; first += CS_SEGMENT_BLOCKS) {
		struct cs_segment *segment;
		struct cs_segment copy;
		int status =
		    cs_crcs_get(cs, op->copy.base->chunk, first / CS_SEGMENT_BLOCKS, fxs, &segment);
		if (status != 0)
			return status;
		memset(&copy, 0, sizeof(copy)); /* Nothing pending: the file will be synced. */
		copy.number = segment->number;
		u32 count = dfs_min(blocks - first, (u32)CS_SEGMENT_BLOCKS);
		memcpy(copy.entries, segment->entries, count * sizeof(copy.entries[0]));
		if (op->copy.cut && count == blocks - first)
			copy.entries[count - 1] = op->copy.last_entry;
		cs_index_put_segment(op->disk, cs_chunk_id(op->chunk), &copy);
	}
	return 0;
}

static void copy_file(struct cs_op *op, struct dfs_fxs *fxs)
{
	move(op, COPY_COPYING);
	cs_store_copy(op, cs_chunk_id(op->copy.base->chunk), op->copy.bytes,
		      dfs_span(op->copy.attribute->data, op->copy.attribute->length), fxs);
}

static void record(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = op->chunk;
	struct cs_chunk *base = op->copy.base->chunk;
	u8 base_flags = base->flags;
	int status = cs_disk_reserve(cs, op->disk, op->copy.bytes + 2 * DFS_BLOCK_BYTES, fxs);
	cs_index_begin(op->disk);
	if (status == 0)
		status = put_segments(cs, op, fxs);
	if (status == DFS_ECORRUPT && op->state == COPY_HOLDING) {
		cs_queue_wait_for_check(cs, op->copy.base, fxs);
		return;
	}
	chunk->length = op->copy.bytes;
	chunk->flags = CS_DIRTY | CS_UNFINISHED;
	cs_index_put_chunk(op->disk, chunk);
	base->flags |= CS_SEALED;
	if (base->flags != base_flags)
		cs_index_put_chunk(op->disk, base);
	if (status == 0)
		status = cs_index_write(cs, op->disk, fxs);
	if (status != 0) {
		base->flags = base_flags;
		fail(cs, op, status, fxs);
		return;
	}
	op->copy.recorded = true;
	chunk->live->dirty_ticket = cs_commit_ticket(op->disk);
	move(op, COPY_MARKING);
	if (cs_commit_wait(cs, op->disk, op, chunk->live->dirty_ticket, fxs))
		copy_file(op, fxs);
}

/* It is our turn at the base. Also once more after a check of it: then it may be shorter. */
static void held(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	const struct cs_chunk *base = op->copy.base->chunk;
	if (op->disk->phase == CS_DISK_FAILED || (base->flags & CS_DAMAGED) != 0) {
		fail(cs, op, op->disk->phase == CS_DISK_FAILED ? DFS_EDISK_FAILED : DFS_ECORRUPT,
		     fxs);
		return;
	}
	op->copy.bytes = dfs_min(op->copy.bytes, base->length);
	op->copy.cut = op->copy.bytes < base->length && op->copy.bytes % DFS_BLOCK_BYTES != 0;
	if (!op->copy.cut) {
		record(cs, op, fxs);
		return;
	}
	u32 block = op->copy.bytes / DFS_BLOCK_BYTES;
	struct cs_segment *segment;
	int status =
	    cs_crcs_get(cs, op->copy.base->chunk, block / CS_SEGMENT_BLOCKS, fxs, &segment);
	if (status == DFS_ECORRUPT) {
		cs_queue_wait_for_check(cs, op->copy.base, fxs);
		return;
	}
	if (status != 0) {
		fail(cs, op, status, fxs);
		return;
	}
	op->copy.last_entry = segment->entries[block % CS_SEGMENT_BLOCKS];
	move(op, COPY_LOADING);
	cs_store_read(op->copy.base, CS_IO_EDGE_0, block * DFS_BLOCK_BYTES, DFS_BLOCK_BYTES, fxs);
}

/* What is wrong with the block's checksum is carried into the new one: see cut.c. */
static void loaded(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	u8 block[DFS_BLOCK_BYTES];
	if (done->status != 0) {
		fail(cs, op,
		     cs_store_verdict(cs, op->disk, "reading a block to copy", done->status, fxs),
		     fxs);
		return;
	}
	cs_edge_block(done, block);
	u32 wrong = cs_crcs_entry(block, sizeof(block)) ^ op->copy.last_entry;
	op->copy.last_entry = cs_crcs_entry(block, op->copy.bytes % DFS_BLOCK_BYTES) ^ wrong;
	record(cs, op, fxs);
}

static void finish(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = op->chunk;
	dfs_buf_unref(op->copy.attribute);
	chunk->state = CS_CHUNK_READY;
	cs_report_chunk(cs, chunk, fxs);
	cs_queue_leave(cs, op, fxs);
	cs_op_free(cs, op);
}

static void synced(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = op->chunk;
	chunk->flags &= (u8)~CS_UNFINISHED;
	cs_index_begin(op->disk);
	cs_index_put_chunk(op->disk, chunk);
	int status = cs_index_write(cs, op->disk, fxs);
	if (status != 0) {
		fail(cs, op, status, fxs);
		return;
	}
	move(op, COPY_SETTLING);
	if (cs_commit_wait(cs, op->disk, op, cs_commit_ticket(op->disk), fxs))
		finish(cs, op, fxs);
}

static void copied(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	release_base(cs, op, fxs);
	cs_chunk_touched(cs, op->chunk);
	move(op, COPY_SYNCING);
#ifdef DFS_PLANT_COPY_UNSYNCED
	synced(cs, op, fxs);
	return;
#endif
	bool durable = cs_sync_wait(cs, op, fxs);
	DFS_ASSERT(!durable); /* It has just changed. */
}

void cs_copy_done(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	int status = done->status;
	if (op->state == COPY_SYNCING)
		cs_sync_finished(cs, op, status, fxs);
	if (op->state == COPY_LOADING) {
		loaded(cs, op, done, fxs);
	} else if (op->state == COPY_UNDOING) {
		undone(cs, op, status, fxs);
	} else if (status != 0) {
		if (op->state == COPY_COPYING || op->state == COPY_SYNCING)
			status = cs_store_verdict(cs, op->disk, "copying a chunk", status, fxs);
		fail(cs, op, status, fxs);
	} else if (op->state == COPY_HOLDING) {
		held(cs, op, fxs);
	} else if (op->state == COPY_MARKING) {
		copy_file(op, fxs);
	} else if (op->state == COPY_COPYING) {
		copied(cs, op, fxs);
	} else if (op->state == COPY_SYNCING) {
		synced(cs, op, fxs);
	} else {
		DFS_ASSERT(op->state == COPY_SETTLING);
		finish(cs, op, fxs);
	}
}

/* --- The op in the base's queue. --- */

void cs_copy_base_start(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_done done = {.which = CS_CHILD_DONE};
	cs_copy_done(cs, op->parent, &done, fxs);
}

/* The block that it read for the copy. */
void cs_copy_base_done(struct cs *cs, struct cs_op *op, const struct cs_done *done,
		       struct dfs_fxs *fxs)
{
	cs_copy_done(cs, op->parent, done, fxs);
}

/* The base has gone before its turn came. */
void cs_copy_base_refuse(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	struct cs_op *parent = op->parent;
	struct cs_done done = {.which = CS_CHILD_DONE, .status = status};
	dfs_list_remove(&op->queue_node);
	cs_op_free(cs, op);
	parent->copy.base = NULL;
	cs_copy_done(cs, parent, &done, fxs);
}
