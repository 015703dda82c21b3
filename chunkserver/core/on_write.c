/*
 * WRITE: what is checked before a write may wait for its turn: the message, the checksum of each
 * piece of the payload, and that there is a chunk, or a disk that can take a new one. Read next:
 * write.c.
 */
#include "chunkserver/core/chain.h"
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/copy.h"
#include "chunkserver/core/disk.h"
#include "chunkserver/core/index.h"
#include "chunkserver/core/peers.h"
#include "chunkserver/core/write.h"
#include "libdfsproto/base/crc32c.h"
#include "libdfsproto/base/errors.h"

static u32 blocks_end(u32 end)
{
	return (u32)(((u64)end + DFS_BLOCK_BYTES - 1) / DFS_BLOCK_BYTES);
}

static int check_bounds(const struct dfs_write *write, const struct dfs_buf *payload)
{
	if (payload == NULL || payload->length == 0 || write->chunk == 0 || write->epoch == 0)
		return DFS_EINVAL;
	if (write->offset > CS_CHUNK_BYTES_MAX ||
	    payload->length > CS_CHUNK_BYTES_MAX - write->offset)
		return DFS_EINVAL;
	if ((write->base == 0) != (write->base_bytes == 0) ||
	    write->base_bytes > CS_CHUNK_BYTES_MAX)
		return DFS_EINVAL;
	u32 end = write->offset + payload->length;
	u32 pieces = blocks_end(end) - write->offset / DFS_BLOCK_BYTES;
	DFS_ASSERT(payload->length <= DFS_PAYLOAD_BYTES_MAX);
	return write->crcs.length == pieces * sizeof(u32) ? 0 : DFS_EINVAL;
}

/* Each piece of the payload ends where a block of the chunk ends. */
static int check_crcs(const struct dfs_write *write, const struct dfs_buf *payload)
{
	u32 done = 0;
	const u8 *crcs = write->crcs.data;
	while (done < payload->length) {
		u32 in_block = (write->offset + done) % DFS_BLOCK_BYTES;
		u32 bytes = dfs_min(DFS_BLOCK_BYTES - in_block, payload->length - done);
		if (dfs_crc32c(payload->data + done, bytes) != dfs_load_u32(crcs))
			return DFS_ECORRUPT;
		done += bytes;
		crcs += sizeof(u32);
	}
	return 0;
}

static struct dfs_buf *describe(struct cs *cs, const struct dfs_write *write)
{
	struct dfs_cs_descriptor row = {
	    .cluster = cs->identity.cluster,
	    .chunk = write->chunk,
	    .ino = write->ino,
	    .index = write->index,
	    .hint = write->hint,
	};
	return cs_describe(&row);
}

/* The chunk, made in memory when this write is its first: by the write itself, or as a copy that
 * goes before it. */
static int find_or_make(struct cs *cs, const struct dfs_write *write, u32 bytes,
			struct cs_chunk **ret_chunk, bool *ret_creates)
{
	struct cs_chunk *chunk = cs_chunk_find(cs, write->chunk);
	*ret_creates = chunk == NULL && write->base == 0;
	*ret_chunk = chunk;
	if (chunk != NULL)
		return chunk->state == CS_CHUNK_DELETING ? DFS_ENO_CHUNK : 0;
	if (write->epoch != 1)
		return DFS_ENO_CHUNK;
	if (write->base != 0)
		return cs_copy_begin(cs, write, describe(cs, write), ret_chunk);
	int status = 0;
	struct cs_disk *disk = cs_disk_choose(cs, bytes, &status);
	if (disk == NULL)
		return status;
	*ret_chunk = cs_chunk_add(cs, disk, write->chunk);
	(*ret_chunk)->state = CS_CHUNK_NEW;
	return 0;
}

void cs_on_write(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs)
{
	struct dfs_write write;
	struct cs_chunk *chunk = NULL;
	bool creates = false;
	struct dfs_buf *payload = request->payload;
	int status = dfs_write_decode(request->body, request->version, &write);
	if (status == 0)
		status = check_bounds(&write, payload);
	if (status == 0)
		status = cs_chain_check(cs, &write.chain);
	if (status == 0)
#ifndef DFS_PLANT_STORE_UNCHECKED
		status = check_crcs(&write, payload);
#else
		(void)check_crcs(&write, payload);
#endif
	if (status == 0 && (cs->ops_live >= DFS_CS_OPS_MAX ||
			    cs->payload_bytes + payload->capacity > DFS_CS_PAYLOADS_BYTES_MAX))
		status = DFS_EBUSY;
	if (status == 0)
		status = find_or_make(cs, &write, payload->length, &chunk, &creates);
	if (status != 0) {
		cs_reply_status(cs, &request->origin, status, fxs);
		return;
	}
	struct cs_op *op = cs_op_new_inner(cs, CS_OP_WRITE);
	op->origin = request->origin;
	op->mode = creates ? CS_ALONE : CS_EXCLUSIVE;
	op->first_block = write.offset / DFS_BLOCK_BYTES;
	op->end_block = blocks_end(write.offset + payload->length);
	op->write.payload = dfs_buf_ref(payload);
	op->write.attribute = creates ? describe(cs, &write) : NULL;
	op->write.offset = write.offset;
	op->write.length = payload->length;
	op->write.epoch = write.epoch;
	op->write.creates = creates;
	memcpy(op->write.crcs, write.crcs.data, write.crcs.length);
	cs->payload_bytes += payload->capacity;
	cs_forward_keep(op, request, &write.chain);
	cs_queue_enter(cs, op, chunk, fxs);
}
