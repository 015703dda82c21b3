/*
 * A WRITE whose bytes the disk did not take, or took in part. The index already has the new
 * checksums, so they are made true again: what lay beyond the chunk's end is punched out, the rest
 * is read back and its checksums are what is there now. The file may stay shorter than the chunk;
 * what is missing then has zero entries, and reads as zeros. A chunk that was only being made goes
 * away altogether.
 */
#include "chunkserver/core/check.h"
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/crcs.h"
#include "chunkserver/core/disk.h"
#include "chunkserver/core/index.h"
#include "chunkserver/core/store.h"
#include "chunkserver/core/write.h"
#include "libdfsproto/base/errors.h"

static void end(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	op->chunk->live->writing--;
	if (op->chunk->state == CS_CHUNK_READY)
		cs_chunk_touched(cs, op->chunk);
	cs_write_finish(cs, op, op->write.failure, fxs);
}

static void reread(struct cs_op *op, struct dfs_fxs *fxs)
{
	cs_write_move(op, CS_WRITE_REREADING);
	cs_store_read(op, CS_IO_MAIN, op->first_block * DFS_BLOCK_BYTES,
		      (op->end_block - op->first_block) * DFS_BLOCK_BYTES, fxs);
}

void cs_write_repair(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	op->write.failure = cs_store_verdict(cs, op->disk, "writing a chunk", status, fxs);
	dfs_fx_log(fxs, DFS_LOG_WARN, "event=write_failed chunk=%016llx disk=%u offset=%u error=%s",
		   (unsigned long long)cs_chunk_id(op->chunk), op->disk->index, op->write.offset,
		   dfs_error_name(status));
	if (op->write.failure != DFS_EDISK_FULL) {
		if (status == DFS_ENOENT)
			op->chunk->flags |= CS_DAMAGED;
		end(cs, op, fxs);
		return;
	}
	u32 from = dfs_max(op->write.offset, op->write.length_before);
	if (op->write.creates) {
		cs_write_move(op, CS_WRITE_UNDOING);
		cs_store_unlink(op, fxs);
	} else if (from < cs_write_end(op)) {
		cs_write_move(op, CS_WRITE_UNDOING);
		cs_store_punch(op, from, cs_write_end(op) - from, fxs);
	} else {
		reread(op, fxs);
	}
}

static void forget_new(struct cs *cs, struct cs_op *op, const struct cs_done *done,
		       struct dfs_fxs *fxs)
{
	u64 id = cs_chunk_id(op->chunk);
	if (done->status != 0 && done->status != DFS_ENOENT) {
		cs_disk_fail(cs, op->disk, "removing a chunk that did not fit", done->status, fxs);
	} else {
		cs_index_begin(op->disk);
		cs_index_delete_segments(op->disk, id, 0);
		cs_index_delete_chunk(op->disk, id);
		/* When even that does not fit, the next start finds a row without a file. */
		(void)cs_index_write(cs, op->disk, fxs);
	}
	end(cs, op, fxs);
}

static int put_contents(struct cs *cs, struct cs_op *op, const struct cs_done *done,
			struct dfs_fxs *fxs)
{
	struct cs_segment *segment = NULL;
	u64 id = cs_chunk_id(op->chunk);
	cs_index_begin(op->disk);
	for (u32 block = op->first_block; block < op->end_block; block++) {
		if (segment == NULL || block % CS_SEGMENT_BLOCKS == 0) {
			if (segment != NULL)
				cs_index_put_segment(op->disk, id, segment);
			int status =
			    cs_crcs_get(cs, op->chunk, block / CS_SEGMENT_BLOCKS, fxs, &segment);
			if (status != 0)
				return status;
		}
		u64 at = (u64)(block - op->first_block) * DFS_BLOCK_BYTES;
		u32 bytes =
		    at >= done->count ? 0 : (u32)dfs_min(done->count - at, (u64)DFS_BLOCK_BYTES);
		cs_crcs_set(segment, block,
			    bytes == 0 ? 0 : cs_crcs_entry(done->buf->data + at, bytes));
	}
	cs_index_put_segment(op->disk, id, segment);
	return cs_index_write(cs, op->disk, fxs);
}

void cs_write_repair_done(struct cs *cs, struct cs_op *op, const struct cs_done *done,
			  struct dfs_fxs *fxs)
{
	if (op->state == CS_WRITE_UNDOING) {
		if (op->write.creates)
			forget_new(cs, op, done, fxs);
		else /* Whatever came of it, the contents decide. */
			reread(op, fxs);
		return;
	}
	int status = done->status;
	if (status == 0)
		status = put_contents(cs, op, done, fxs);
	else
		(void)cs_store_verdict(cs, op->disk, "reading back after a failed write", status,
				       fxs);
	if (status !=
	    0) { /* The checksums of this chunk are not to be trusted until it was checked. */
		cs_crcs_forget(cs, op->chunk->live, 0);
		cs_check_request(cs, op->chunk, fxs);
	}
	end(cs, op, fxs);
}
