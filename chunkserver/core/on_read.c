/*
 * READ: blocks of a chunk with the checksums that the index has for them. The reader verifies; here
 * only what the reader could not see is checked: that the file is as long as it should be.
 *
 *   WAITING --start()--> READING --done()--> (answered)
 *
 * Costs per READ, hot: one step for the request, and one for the completion when the host could
 * not read at once; no index access when the segment is cached; no copy of the payload here.
 */
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/crcs.h"
#include "chunkserver/core/handlers.h"
#include "chunkserver/core/peers.h"
#include "chunkserver/core/report.h"
#include "chunkserver/core/store.h"
#include "libdfsproto/base/errors.h"

enum { READ_ERRORS_MAX = 64 };

static void finish(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	if (status != 0)
		cs_reply_status(cs, &op->origin, status, fxs);
	cs_queue_leave(cs, op, fxs);
	cs_op_free(cs, op);
}

void cs_read_refuse(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	cs_reply_status(cs, &op->origin, status, fxs);
	dfs_list_remove(&op->queue_node);
	cs_op_free(cs, op);
}

void cs_on_read(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs)
{
	struct dfs_read read;
	int status = dfs_read_decode(request->body, request->version, &read);
	if (status == 0 &&
	    (read.offset % DFS_BLOCK_BYTES != 0 || read.length % DFS_BLOCK_BYTES != 0 ||
	     read.length > DFS_PAYLOAD_BYTES_MAX || read.offset > CS_CHUNK_BYTES_MAX - read.length))
		status = DFS_EINVAL;
	struct cs_chunk *chunk = status != 0 ? NULL : cs_chunk_find(cs, read.chunk);
	if (status == 0 && (chunk == NULL || chunk->state == CS_CHUNK_DELETING))
		status = DFS_ENO_CHUNK;
	struct cs_op *op = status != 0 ? NULL : cs_op_new(cs, CS_OP_READ);
	if (status == 0 && op == NULL)
		status = DFS_EBUSY;
	if (status != 0) {
		cs_reply_status(cs, &request->origin, status, fxs);
		return;
	}
	op->origin = request->origin;
	op->mode = CS_SHARED;
	op->first_block = read.offset / DFS_BLOCK_BYTES;
	op->end_block = op->first_block + read.length / DFS_BLOCK_BYTES;
	op->read.offset = read.offset;
	op->read.length = read.length;
	op->read.epoch = read.epoch;
	cs_queue_enter(cs, op, chunk, fxs);
}

/* Bytes of the chunk inside the request. */
static u32 wanted(const struct cs_op *op)
{
	u32 length = op->chunk->length;
	return length <= op->read.offset ? 0 : dfs_min(op->read.length, length - op->read.offset);
}

/* Checksums of `bytes` of payload. `present`: bytes the file really has; blocks beyond must be
 * zeros. */
static int collect(struct cs *cs, struct cs_op *op, u32 bytes, u32 present, struct dfs_fxs *fxs,
		   u32 *ret_crcs)
{
	u32 blocks = (bytes + DFS_BLOCK_BYTES - 1) / DFS_BLOCK_BYTES;
	struct cs_segment *segment = NULL;
	for (u32 i = 0; i < blocks; i++) {
		u32 block = op->first_block + i;
		if (segment == NULL || block % CS_SEGMENT_BLOCKS == 0) {
			int status =
			    cs_crcs_get(cs, op->chunk, block / CS_SEGMENT_BLOCKS, fxs, &segment);
			if (status != 0)
				return status;
		}
		u32 entry = segment->entries[block % CS_SEGMENT_BLOCKS];
		if (i * DFS_BLOCK_BYTES >= present && entry != 0)
			return DFS_ECORRUPT;
		ret_crcs[i] = entry ^ CS_ZERO_BLOCK_CRC;
	}
	return 0;
}

static void answer(struct cs *cs, struct cs_op *op, const u32 *crcs, struct dfs_buf *buf, u32 bytes,
		   struct dfs_fxs *fxs)
{
	struct dfs_session *session = cs_session_of(cs, &op->origin);
	if (session == NULL)
		return;
	u32 blocks = (bytes + DFS_BLOCK_BYTES - 1) / DFS_BLOCK_BYTES;
	struct dfs_read_reply reply = {.crcs = dfs_span(crcs, blocks * sizeof(u32))};
	struct dfs_payload payload = {.buf = buf, .bytes = bytes};
	struct dfs_writer writer;
	dfs_session_writer(session, &writer);
	dfs_read_reply_put(&writer, &reply);
	dfs_session_reply(session, op->origin.request, op->origin.type, 0, &writer,
			  bytes > 0 ? &payload : NULL, fxs);
}

void cs_read_start(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	const struct cs_chunk *chunk = op->chunk;
	struct cs_segment *segment;
	int status = 0;
	if (op->disk->phase == CS_DISK_FAILED)
		status = DFS_EDISK_FAILED;
	else if (op->read.epoch != chunk->epoch)
		status = DFS_EWRONG_EPOCH;
	u32 bytes = wanted(op);
	u32 last = bytes == 0 ? 0 : (op->read.offset + bytes - 1) / DFS_SEGMENT_BYTES;
	for (u32 i = op->read.offset / DFS_SEGMENT_BYTES; status == 0 && bytes > 0 && i <= last;
	     i++)
		status = cs_crcs_get(cs, op->chunk, i, fxs, &segment);
	if (status == DFS_ECORRUPT) {
		cs_queue_wait_for_check(cs, op, fxs);
		return;
	}
	cs->reads_count++;
	if (status == 0 && bytes > 0) {
		cs_store_read(op, CS_IO_MAIN, op->read.offset, bytes, fxs);
		return;
	}
	if (status == 0)
		answer(cs, op, NULL, NULL, 0, fxs);
	finish(cs, op, status, fxs);
}

/* The file is shorter than the index says, or gone. */
static void damaged(struct cs *cs, struct cs_op *op, const char *how, struct dfs_fxs *fxs)
{
	cs->corrupt_count++;
	dfs_fx_log(
	    fxs, DFS_LOG_ERROR,
	    "event=chunk_damaged chunk=%016llx disk=%u how=\"%s\" note=\"this copy is lost\"",
	    (unsigned long long)cs_chunk_id(op->chunk), op->disk->index, how);
	if ((op->chunk->flags & CS_DAMAGED) != 0)
		return;
	op->chunk->flags |= CS_DAMAGED;
	cs_report_chunk(cs, op->chunk, fxs);
}

static int failed(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	if (status == DFS_ENOENT) {
		damaged(cs, op, "its file is missing", fxs);
		return DFS_ECORRUPT;
	}
	dfs_fx_log(fxs, DFS_LOG_ERROR, "event=read_error chunk=%016llx disk=%u offset=%u error=%s",
		   (unsigned long long)cs_chunk_id(op->chunk), op->disk->index, op->read.offset,
		   dfs_error_name(status));
	/* A bad sector is not yet a bad disk, however often it is asked for; many are. */
	if (op->disk->read_error_chunk != cs_chunk_id(op->chunk) &&
	    ++op->disk->read_errors >= READ_ERRORS_MAX)
		return cs_store_verdict(cs, op->disk, "reading chunks", status, fxs);
	op->disk->read_error_chunk = cs_chunk_id(op->chunk);
	return DFS_ECORRUPT; /* Here nobody gets these bytes: a reader without another copy is told.
			      */
}

void cs_read_done(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	DFS_ASSERT(done->which == CS_IO_MAIN);
	u32 crcs[DFS_PAYLOAD_BYTES_MAX / DFS_BLOCK_BYTES];
	u32 bytes = wanted(op);
	if (done->status != 0 && (done->status != DFS_ENOENT || op->chunk->length > 0)) {
		finish(cs, op, failed(cs, op, done->status, fxs), fxs);
		return;
	}
	u32 present = (u32)dfs_min(done->count, bytes);
	int status = collect(cs, op, bytes, present, fxs, crcs);
	if (status == DFS_ECORRUPT)
		damaged(cs, op, "its file is too short", fxs);
	if (status != 0) {
		finish(cs, op, status, fxs);
		return;
	}
	struct dfs_buf *filled = NULL;
	if (present < bytes) { /* A hole at the end that no write has reached yet. */
		filled = dfs_buf_new(bytes);
		if (present > 0)
			memcpy(filled->data, done->buf->data, present);
		memset(filled->data + present, 0, bytes - present);
	}
	answer(cs, op, crcs, filled != NULL ? filled : done->buf, bytes, fxs);
	dfs_buf_unref(filled);
	finish(cs, op, 0, fxs);
}
