/*
 * DELETE_CHUNKS, from the master. A chunk is gone for good as soon as the index durably says
 * "deleted": whatever happens then, the next start goes on with the unlinking. The answer waits for
 * that; the files go in the background, and each row goes after its file.
 *
 * The request is one op that is worked through in bounded steps, with one child per chunk held:
 *
 *   QUEUED → (row says deleted) → MARKING → (durable; parent answered) → UNLINKING → (row gone)
 */
#include "chunkserver/core/delete.h"

#include "chunkserver/core/chunk.h"
#include "chunkserver/core/commit.h"
#include "chunkserver/core/disk.h"
#include "chunkserver/core/gather.h"
#include "chunkserver/core/handlers.h"
#include "chunkserver/core/index.h"
#include "chunkserver/core/peers.h"
#include "chunkserver/core/store.h"
#include "libdfsproto/base/errors.h"

enum { UNLINKS_WAITING_MAX = 4096 };
enum delete_state { DELETE_WORKING, DELETE_SETTLING, DELETE_STATES };

void cs_on_delete(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs)
{
	struct dfs_delete_chunks list;
	int status = dfs_delete_chunks_decode(request->body, request->version, &list);
	if (status != 0) {
		cs_reply_status(cs, &request->origin, status, fxs);
		return;
	}
	struct cs_op *op = cs_op_new_inner(cs, CS_OP_DELETE);
	op->origin = request->origin;
	op->delete.count = list.chunks.count;
	op->delete.ids = dfs_buf_new(dfs_max(list.chunks.count, 1u) * (u32)sizeof(u64));
	struct dfs_id item;
	for (u32 i = 0; dfs_id_next(&list.chunks, &item); i++)
		memcpy(op->delete.ids->data + i * sizeof(u64), &item.id, sizeof(u64));
	op->outstanding = 1; /* Ourselves, until all children are made. */
	dfs_list_push_back(&cs->deletes, &op->wait_node);
}

static void end(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	cs_reply_status(cs, &op->origin, op->status, fxs);
	dfs_buf_unref(op->delete.ids);
	cs_op_free(cs, op);
}

static void advance(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	static const u32 allowed[DELETE_STATES] = {[DELETE_SETTLING] = CS_FROM(DELETE_WORKING)};
	if (op->outstanding > 0)
		return;
	if (op->state == DELETE_WORKING) {
		cs_op_move(op, allowed, DELETE_SETTLING);
		for (u32 i = 0; i < cs->disks_count; i++)
			cs_gather_add(cs, &op->delete.gather, &cs->disks[i], fxs);
	}
	if (op->status != 0 || cs_gather_wait(cs, &op->delete.gather, op, fxs))
		end(cs, op, fxs);
}

void cs_delete_done(struct cs *cs, struct cs_op *op, const struct cs_done *done,
		    struct dfs_fxs *fxs)
{
	if (done->status != 0)
		op->status = done->status;
	if (done->which == CS_CHILD_DONE)
		op->outstanding--;
	advance(cs, op, fxs);
}

static void delete_one(struct cs *cs, struct cs_op *op, u64 id, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = cs_chunk_find(cs, id);
	if (chunk == NULL || chunk->state == CS_CHUNK_DELETING)
		return;
	struct cs_op *child = cs_op_new_inner(cs, CS_OP_DELETE_CHUNK);
	child->parent = op;
	child->mode = CS_ALONE;
	op->outstanding++;
	cs_queue_enter(cs, child, chunk, fxs);
}

static bool unlinks_pile_up(const struct cs *cs)
{
	for (u32 i = 0; i < cs->disks_count; i++)
		if (cs->disks[i].unlinks_waiting > UNLINKS_WAITING_MAX)
			return true;
	return false;
}

bool cs_delete_has_work(const struct cs *cs)
{
	return !dfs_list_empty(&cs->deletes) && !unlinks_pile_up(cs);
}

void cs_delete_work(struct cs *cs, struct dfs_fxs *fxs)
{
	u32 budget = DFS_CS_DELETES_STEP;
	while (budget > 0 && cs_delete_has_work(cs)) {
		struct cs_op *op = dfs_list_first(&cs->deletes, struct cs_op, wait_node);
		if (op->delete.at == op->delete.count) {
			dfs_list_remove(&op->wait_node);
			op->outstanding--;
			advance(cs, op, fxs);
			continue;
		}
		u64 id;
		memcpy(&id, op->delete.ids->data + op->delete.at * sizeof(u64), sizeof(u64));
		op->delete.at++;
		budget--;
		delete_one(cs, op, id, fxs);
	}
}

static void tell_parent(struct cs *cs, struct cs_op *child, int status, struct dfs_fxs *fxs)
{
	struct cs_op *parent = child->parent;
	struct cs_done done = {.which = CS_CHILD_DONE, .status = status};
	child->parent = NULL;
	if (parent != NULL)
		cs_op_done(cs, parent, &done, fxs);
}

void cs_unlink_kick(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	bool failed = disk->phase == CS_DISK_FAILED;
	while ((failed || disk->unlinking < DFS_CS_UNLINKS) && !dfs_list_empty(&disk->unlinks)) {
		struct cs_op *op = dfs_list_first(&disk->unlinks, struct cs_op, wait_node);
		if (!failed && disk->phase != CS_DISK_READY)
			return; /* Soon. */
		dfs_list_remove(&op->wait_node);
		disk->unlinks_waiting--;
		if (failed) { /* The rows say what is left to do. */
			cs_op_free(cs, op);
			continue;
		}
		disk->unlinking++;
		cs_store_unlink(op, fxs);
	}
}

static void queue_unlink(struct cs_op *op)
{
	dfs_list_push_back(&op->disk->unlinks, &op->wait_node);
	op->disk->unlinks_waiting++;
}

void cs_delete_resume(struct cs *cs, struct cs_chunk *chunk)
{
	DFS_ASSERT(chunk->state == CS_CHUNK_DELETING);
	struct cs_op *op = cs_op_new_inner(cs, CS_OP_DELETE_CHUNK);
	op->chunk = chunk;
	op->disk = cs_disk_of(cs, chunk);
	queue_unlink(op);
}

void cs_delete_chunk_start(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = op->chunk;
	struct cs_disk *disk = op->disk;
	u8 flags = chunk->flags;
	chunk->flags = CS_DELETED;
	cs_index_begin(disk);
	cs_index_delete_segments(disk, cs_chunk_id(chunk), 0);
	cs_index_put_chunk(disk, chunk);
	int status = cs_index_write(cs, disk, fxs);
	if (status != 0) {
		chunk->flags = flags;
		cs_queue_leave(cs, op, fxs);
		tell_parent(cs, op, status, fxs);
		cs_op_free(cs, op);
		return;
	}
	dfs_list_remove(&op->queue_node);
	op->running = false;
	cs_chunk_retire(cs, chunk, fxs);
	tell_parent(cs, op, 0, fxs);
	/* A file must not be gone before it is sure that it shall be. */
	if (cs_commit_wait(cs, disk, op, cs_commit_ticket(disk), fxs)) {
		queue_unlink(op);
		cs_unlink_kick(cs, disk, fxs);
	}
}

void cs_delete_chunk_refuse(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	dfs_list_remove(&op->queue_node);
	tell_parent(cs, op, status == DFS_ENO_CHUNK ? 0 : status, fxs);
	cs_op_free(cs, op);
}

/* The row is durable, or the file is gone. */
void cs_delete_chunk_done(struct cs *cs, struct cs_op *op, const struct cs_done *done,
			  struct dfs_fxs *fxs)
{
	struct cs_disk *disk = op->disk;
	if (done->which == CS_INDEX_DURABLE) {
		queue_unlink(op);
		cs_unlink_kick(cs, disk, fxs);
		return;
	}
	disk->unlinking--;
	if (done->status != 0 && done->status != DFS_ENOENT)
		(void)cs_store_verdict(cs, disk, "deleting a chunk", done->status, fxs);
	cs_gone_add(cs, disk, cs_chunk_id(op->chunk));
	cs_op_free(cs, op);
	cs_unlink_kick(cs, disk, fxs);
	if (disk->unlinking == 0)
		cs_space_ask(cs, disk, fxs);
}
