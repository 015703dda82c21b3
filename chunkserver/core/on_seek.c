/*
 * SEEK: where the next data, or the next hole, of a chunk begins. The file's extents say it, not
 * the checksums: a block whose checksum is that of zeros need not be zeros. But where a checksum
 * says that there must be something, a hole in the file is damage, and it is called data: whoever
 * reads there hears of it.
 *
 *   WAITING --start()--> SEEKING --done()--> (answered)
 *
 * Costs: one lseek(2) on a thread, and the segments between `offset` and what was found.
 */
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/crcs.h"
#include "chunkserver/core/handlers.h"
#include "chunkserver/core/peers.h"
#include "chunkserver/core/store.h"
#include "libdfsproto/base/errors.h"

static void finish(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	if (status != 0)
		cs_reply_status(cs, &op->origin, status, fxs);
	cs_queue_leave(cs, op, fxs);
	cs_op_free(cs, op);
}

void cs_seek_refuse(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	cs_reply_status(cs, &op->origin, status, fxs);
	dfs_list_remove(&op->queue_node);
	cs_op_free(cs, op);
}

void cs_on_seek(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs)
{
	struct dfs_seek seek;
	int status = dfs_seek_decode(request->body, request->version, &seek);
	if (status == 0 && (seek.offset >= CS_CHUNK_BYTES_MAX || seek.hole > 1))
		status = DFS_EINVAL;
	struct cs_chunk *chunk = status != 0 ? NULL : cs_chunk_find(cs, seek.chunk);
	if (status == 0 && (chunk == NULL || chunk->state == CS_CHUNK_DELETING))
		status = DFS_ENO_CHUNK;
	struct cs_op *op = status != 0 ? NULL : cs_op_new(cs, CS_OP_SEEK);
	if (status == 0 && op == NULL)
		status = DFS_EBUSY;
	if (status != 0) {
		cs_reply_status(cs, &request->origin, status, fxs);
		return;
	}
	op->origin = request->origin;
	op->mode = CS_SHARED;
	op->first_block = seek.offset / DFS_BLOCK_BYTES;
	op->end_block = CS_BLOCKS_MAX;
	op->seek =
	    (struct cs_seek){.offset = seek.offset, .epoch = seek.epoch, .hole = seek.hole != 0};
	cs_queue_enter(cs, op, chunk, fxs);
}

static void answer(struct cs *cs, struct cs_op *op, u32 offset, struct dfs_fxs *fxs)
{
	struct dfs_session *session = cs_session_of(cs, &op->origin);
	if (session != NULL) {
		struct dfs_seek_reply reply = {.offset = offset};
		struct dfs_writer writer;
		dfs_session_writer(session, &writer);
		dfs_seek_reply_put(&writer, &reply);
		dfs_session_reply(session, op->origin.request, op->origin.type, 0, &writer, NULL,
				  fxs);
	}
	finish(cs, op, 0, fxs);
}

void cs_seek_start(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	int status = 0;
	if (op->disk->phase == CS_DISK_FAILED)
		status = DFS_EDISK_FAILED;
	else if (op->seek.epoch != op->chunk->epoch)
		status = DFS_EWRONG_EPOCH;
	if (status != 0)
		finish(cs, op, status, fxs);
	else if (op->seek.offset >= op->chunk->length)
		answer(cs, op, op->seek.hole ? op->seek.offset : DFS_SEEK_NONE, fxs);
	else
		cs_store_seek(op, op->seek.offset, op->seek.hole, fxs);
}

/* The first block of [from, to) whose checksum is not that of zeros; `to`'s when there is none. */
static int first_sum(struct cs *cs, struct cs_op *op, u32 from, u32 to, struct dfs_fxs *fxs,
		     u32 *ret_block)
{
	struct cs_segment *segment = NULL;
	u32 end = (u32)(((u64)to + DFS_BLOCK_BYTES - 1) / DFS_BLOCK_BYTES);
	u32 block = from / DFS_BLOCK_BYTES;
	for (; block < end; block++) {
		if (segment == NULL || block % CS_SEGMENT_BLOCKS == 0) {
			int status =
			    cs_crcs_get(cs, op->chunk, block / CS_SEGMENT_BLOCKS, fxs, &segment);
			if (status != 0)
				return status;
		}
		if (segment->entries[block % CS_SEGMENT_BLOCKS] != 0)
			break;
	}
	*ret_block = block;
	return 0;
}

/* What the file says is a hole must be one by the checksums. */
static int check(struct cs *cs, struct cs_op *op, u32 *found, struct dfs_fxs *fxs)
{
	u32 length = op->chunk->length;
	u32 from = op->seek.hole ? *found : op->seek.offset;
	u32 to = op->seek.hole ? dfs_min(*found + 1, length) : *found;
	u32 block;
	int status = from >= to ? DFS_ENOENT : first_sum(cs, op, from, to, fxs, &block);
	if (status != 0)
		return status == DFS_ENOENT ? 0 : status;
	if ((u64)block * DFS_BLOCK_BYTES >= to)
		return 0;
	if (op->seek.hole)
		*found = length;
	else
		*found = dfs_max(op->seek.offset, block * DFS_BLOCK_BYTES);
	return 0;
}

void cs_seek_done(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	DFS_ASSERT(done->which == CS_IO_MAIN);
	u32 length = op->chunk->length;
	/* A file that is missing is damage: reading it says so. */
	u32 found = op->seek.hole ? length : op->seek.offset;
	if (done->status == 0)
		found = (u32)dfs_min(done->count, (u64)length);
	else if (done->status != DFS_ENOENT) {
		finish(cs, op, DFS_EDISK_FAILED, fxs);
		return;
	}
	int status = check(cs, op, &found, fxs);
	if (status == DFS_ECORRUPT) { /* A damaged row: nothing is known, so all is data. */
		found = op->seek.hole ? length : op->seek.offset;
		status = 0;
	}
	if (status != 0)
		finish(cs, op, status, fxs);
	else if (!op->seek.hole && found >= length)
		answer(cs, op, DFS_SEEK_NONE, fxs);
	else
		answer(cs, op, found, fxs);
}
