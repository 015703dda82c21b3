/*
 * SEAL: from now on these chunks take no writes, since several places of files are about to share
 * them. That is the truth about a shared chunk: a client that has not heard of it, because it was
 * cut off from the master or has WRITEs under way, is refused here. A seal is durable before it is
 * answered and is never broken.
 *
 * As in on_sync.c the request is one op, with a child per chunk that waits for the writes before
 * it.
 */
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/gather.h"
#include "chunkserver/core/handlers.h"
#include "chunkserver/core/index.h"
#include "chunkserver/core/peers.h"
#include "libdfsproto/base/errors.h"

enum seal_state { SEAL_CHUNKS, SEAL_INDEX, SEAL_STATES };

/* A chunk was sealed, or an index became durable: is that all? */
static void advance(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	static const u32 allowed[SEAL_STATES] = {[SEAL_INDEX] = CS_FROM(SEAL_CHUNKS)};
	if (op->outstanding > 0)
		return;
	if (op->state == SEAL_CHUNKS)
		cs_op_move(op, allowed, SEAL_INDEX);
	if (op->status != 0 || cs_gather_wait(cs, &op->gather, op, fxs)) {
		cs_reply_status(cs, &op->origin, op->status, fxs);
		cs_op_free(cs, op);
	}
}

void cs_seal_done(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	if (done->status != 0)
		op->status = done->status;
	if (done->which == CS_CHILD_DONE)
		op->outstanding--;
	advance(cs, op, fxs);
}

static void add_chunk(struct cs *cs, struct cs_op *op, const struct dfs_chunk_epoch *item,
		      struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = cs_chunk_find(cs, item->chunk);
	if (chunk == NULL || chunk->state == CS_CHUNK_DELETING) {
		op->status = DFS_ENO_CHUNK;
		return;
	}
	struct cs_op *child = cs_op_new_inner(cs, CS_OP_SEAL_CHUNK);
	child->parent = op;
	child->mode = CS_EXCLUSIVE;
	child->end_block = CS_BLOCKS_MAX;
	child->epoch = item->epoch;
	op->outstanding++;
	cs_queue_enter(cs, child, chunk, fxs);
}

void cs_on_seal(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs)
{
	struct dfs_seal seal;
	struct dfs_chunk_epoch items[DFS_CLONE_CHUNKS_MAX];
	int status = dfs_seal_decode(request->body, request->version, &seal);
	if (status == 0 && seal.chain.count > 0)
		status = DFS_ENOTSUP;
	if (status == 0 && cs->ops_live + seal.chunks.count >= DFS_CS_OPS_MAX)
		status = DFS_EBUSY;
	if (status != 0) {
		cs_reply_status(cs, &request->origin, status, fxs);
		return;
	}
	/* Children may make others answer on this session, which ends the loan of the body. */
	u32 count = 0;
	while (dfs_chunk_epoch_next(&seal.chunks, &items[count]))
		count++;
	struct cs_op *op = cs_op_new_inner(cs, CS_OP_SEAL);
	op->origin = request->origin;
	op->outstanding = 1; /* Ourselves, until all children are made. */
	for (u32 i = 0; i < count; i++)
		add_chunk(cs, op, &items[i], fxs);
	op->outstanding--;
	advance(cs, op, fxs);
}

static int seal(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = op->chunk;
	if (op->disk->phase == CS_DISK_FAILED)
		return DFS_EDISK_FAILED;
	if (op->epoch != chunk->epoch)
		return DFS_EWRONG_EPOCH;
	if ((chunk->flags & CS_SEALED) != 0)
		return 0;
	u8 flags = chunk->flags;
	chunk->flags |= CS_SEALED;
	cs_index_begin(op->disk);
	cs_index_put_chunk(op->disk, chunk);
	int status = cs_index_write(cs, op->disk, fxs);
	if (status != 0)
		chunk->flags = flags;
	return status;
}

void cs_seal_chunk_start(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	int status = seal(cs, op, fxs);
	/* Also if it was sealed before: that may not be durable yet. */
	if (status == 0)
		cs_gather_add(cs, &op->parent->gather, op->disk, fxs);
	cs_queue_leave(cs, op, fxs);
	cs_op_end_child(cs, op, status, fxs);
}

void cs_seal_chunk_refuse(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	dfs_list_remove(&op->queue_node);
	cs_op_end_child(cs, op, status, fxs);
}
