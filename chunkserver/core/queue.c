/*
 * The order of a chunk's requests. Each waits while an earlier one in its chunk's list conflicts
 * with it: readers share blocks, changes have theirs alone, syncs go beside everything but the
 * making and the deleting of the file. So overlapping writes act in the order in which they came,
 * and a reader's checksums are those of the bytes it gets.
 */
#include "chunkserver/core/check.h"
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/op.h"
#include "libdfsproto/base/errors.h"

static bool conflicts(const struct cs_op *earlier, const struct cs_op *later)
{
	if (earlier->mode == CS_ALONE || later->mode == CS_ALONE)
		return true;
	if (earlier->mode == CS_BESIDE || later->mode == CS_BESIDE)
		return false;
	if (earlier->mode == CS_SHARED && later->mode == CS_SHARED)
		return false;
	return earlier->first_block < later->end_block && later->first_block < earlier->end_block;
}

static bool may_start(struct cs *cs, const struct cs_live *live, const struct cs_op *op)
{
	switch (live->chunk->state) {
	case CS_CHUNK_READY:
	case CS_CHUNK_NEW:
		break;
	case CS_CHUNK_WAITING:
		/* On a failed disk no check comes any more: let them fail. */
		if (op->kind != CS_OP_DELETE_CHUNK &&
		    cs_disk_of(cs, live->chunk)->phase != CS_DISK_FAILED)
			return false;
		break;
	default:
		return false;
	}
	dfs_list_for_each (node, &live->ops) {
		const struct cs_op *earlier = dfs_list_entry(node, struct cs_op, queue_node);
		if (earlier == op)
			return true;
		if (conflicts(earlier, op))
			return false;
	}
	DFS_ASSERT(false);
	return false;
}

static bool start_one(struct cs *cs, struct cs_live *live, struct dfs_fxs *fxs)
{
	dfs_list_for_each (node, &live->ops) {
		struct cs_op *op = dfs_list_entry(node, struct cs_op, queue_node);
		if (!op->running && may_start(cs, live, op)) {
			op->running = true;
			cs_op_handlers[op->kind].start(cs, op, fxs);
			return true;
		}
	}
	return false;
}

void cs_queue_pump(struct cs *cs, struct cs_live *live, struct dfs_fxs *fxs)
{
	live->pump_again = true;
	if (live->pumping)
		return; /* The caller further up looks again. */
	live->pumping = true;
	while (live->pump_again) {
		live->pump_again = false;
		if (start_one(cs, live, fxs))
			live->pump_again = true;
	}
	live->pumping = false;
	if (live->dropped)
		cs_live_dropped(cs, live);
	else if (live->chunk->state == CS_CHUNK_WAITING)
		cs_check_kick(cs, cs_disk_of(cs, live->chunk), fxs);
	else
		cs_live_release_if_idle(cs, live);
}

bool cs_queue_any_running(const struct cs_live *live)
{
	dfs_list_for_each (node, &live->ops) {
		if (dfs_list_entry(node, struct cs_op, queue_node)->running)
			return true;
	}
	return false;
}

void cs_queue_put(struct cs *cs, struct cs_op *op, struct cs_chunk *chunk)
{
	DFS_ASSERT(op->first_block <= op->end_block);
	op->chunk = chunk;
	op->disk = cs_disk_of(cs, chunk);
	dfs_list_push_back(&cs_live_get(cs, chunk)->ops, &op->queue_node);
}

void cs_queue_enter(struct cs *cs, struct cs_op *op, struct cs_chunk *chunk, struct dfs_fxs *fxs)
{
	cs_queue_put(cs, op, chunk);
	if (chunk->state == CS_CHUNK_WAITING)
		cs_check_urgent(cs, chunk);
	cs_queue_pump(cs, chunk->live, fxs);
}

void cs_queue_leave(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_live *live = op->chunk->live;
	DFS_ASSERT(!dfs_list_empty(&op->queue_node));
	dfs_list_remove(&op->queue_node);
	op->running = false;
	cs_queue_pump(cs, live, fxs);
}

void cs_queue_wait_for_check(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	DFS_ASSERT(op->running);
	op->running = false;
	cs_check_request(cs, op->chunk, fxs);
	cs_check_urgent(cs, op->chunk);
	cs_queue_pump(cs, op->chunk->live, fxs);
}
