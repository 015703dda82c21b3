/*
 * See chunk.h.
 */
#include "chunkserver/core/chunk.h"

#include "chunkserver/core/crcs.h"
#include "chunkserver/core/op.h"
#include "chunkserver/core/report.h"
#include "libdfsproto/base/errors.h"

struct cs_chunk *cs_chunk_find(const struct cs *cs, u64 id)
{
	struct dfs_map_node *node = dfs_map_find(&cs->chunks, id);
	return node == NULL ? NULL : dfs_map_entry(node, struct cs_chunk, node);
}

struct cs_chunk *cs_chunk_add(struct cs *cs, struct cs_disk *disk, u64 id)
{
	DFS_ASSERT(id != 0);
	struct cs_chunk *chunk = cs_pool_chunk_new(cs);
	chunk->disk = (u16)disk->index;
	chunk->epoch = 1;
	dfs_map_insert(&cs->chunks, &chunk->node, id);
	disk->chunks_count++;
	return chunk;
}

static void forget(struct cs *cs, struct cs_chunk *chunk)
{
	cs_disk_of(cs, chunk)->chunks_count--;
	dfs_map_remove(&cs->chunks, &chunk->node);
	cs_pool_chunk_free(cs, chunk);
}

/* Free the live, and the chunk as well unless its file is still to be unlinked. */
static void drop_live(struct cs *cs, struct cs_chunk *chunk)
{
	struct cs_live *live = chunk->live;
	bool keeps_chunk = live->keeps_chunk;
	cs_live_set_dirty(cs, live, false);
	dfs_list_remove(&live->check_node);
	cs_crcs_forget(cs, live, 0);
	cs_pool_live_free(cs, live);
	chunk->live = NULL;
	if (!keeps_chunk)
		forget(cs, chunk);
}

/* Nobody shall use the chunk any more. */
static void leave(struct cs *cs, struct cs_chunk *chunk, int status, bool keeps_chunk,
		  struct dfs_fxs *fxs)
{
	struct cs_live *live = chunk->live;
	if (chunk->state == CS_CHUNK_WAITING || chunk->state == CS_CHUNK_CHECKING)
		cs_disk_of(cs, chunk)->unchecked--;
	if (chunk->state != CS_CHUNK_NEW)
		cs_report_gone(cs, chunk, fxs);
	chunk->state = CS_CHUNK_DELETING;
	bool pumping = live->pumping;
	live->pumping = true; /* Nothing may start in between. */
	while (!dfs_list_empty(&live->ops)) {
		struct cs_op *op = dfs_list_first(&live->ops, struct cs_op, queue_node);
		DFS_ASSERT(!op->running);
		cs_op_handlers[op->kind].refuse(cs, op, status, fxs);
	}
	live->pumping = pumping;
	live->dropped = true;
	live->keeps_chunk = keeps_chunk;
	if (!pumping)
		drop_live(cs, chunk);
}

void cs_chunk_drop(struct cs *cs, struct cs_chunk *chunk, int status, struct dfs_fxs *fxs)
{
	leave(cs, chunk, status, false, fxs);
}

void cs_chunk_retire(struct cs *cs, struct cs_chunk *chunk, struct dfs_fxs *fxs)
{
	leave(cs, chunk, DFS_ENO_CHUNK, true, fxs);
}

void cs_chunk_forget(struct cs *cs, struct cs_chunk *chunk)
{
	DFS_ASSERT(chunk->state == CS_CHUNK_DELETING);
	DFS_ASSERT(chunk->live == NULL);
	forget(cs, chunk);
}

void cs_live_dropped(struct cs *cs, struct cs_live *live)
{
	DFS_ASSERT(live->dropped);
	DFS_ASSERT(dfs_list_empty(&live->ops));
	drop_live(cs, live->chunk);
}

struct cs_live *cs_live_get(struct cs *cs, struct cs_chunk *chunk)
{
	if (chunk->live == NULL) {
		chunk->live = cs_pool_live_new(cs);
		chunk->live->chunk = chunk;
	}
	return chunk->live;
}

void cs_live_release_if_idle(struct cs *cs, struct cs_live *live)
{
	struct cs_chunk *chunk = live->chunk;
	if (live->pumping || live->syncing || live->segments_cached > 0 ||
	    !dfs_list_empty(&live->ops) || !dfs_list_empty(&live->dirty_node) ||
	    chunk->state != CS_CHUNK_READY)
		return;
	DFS_ASSERT(live->writing == 0);
	if (live->writes != live->synced)
		return;
	chunk->live = NULL;
	cs_pool_live_free(cs, live);
}

void cs_live_set_dirty(struct cs *cs, struct cs_live *live, bool dirty)
{
	struct cs_disk *disk = cs_disk_of(cs, live->chunk);
	disk->dirty_count -= !dfs_list_empty(&live->dirty_node);
	dfs_list_remove(&live->dirty_node);
	if (!dirty)
		return;
	dfs_list_push_back(&disk->dirty, &live->dirty_node);
	disk->dirty_count++;
}

void cs_chunk_touched(struct cs *cs, struct cs_chunk *chunk)
{
	struct cs_live *live = chunk->live;
	live->writes++;
	live->written_at = cs->now;
	cs_disk_of(cs, chunk)->written_at = cs->now;
	cs_live_set_dirty(cs, live, true);
}

void cs_chunk_found_dirty(struct cs *cs, struct cs_chunk *chunk)
{
	DFS_ASSERT((chunk->flags & CS_DIRTY) != 0);
	cs_live_get(cs, chunk);
	cs_chunk_touched(cs, chunk);
}

void cs_chunk_cleaned(struct cs *cs, struct cs_chunk *chunk)
{
	struct cs_live *live = chunk->live;
	DFS_ASSERT((chunk->flags & CS_DIRTY) == 0);
	DFS_ASSERT(live->writes == live->synced);
	cs_live_set_dirty(cs, live, false);
	cs_live_release_if_idle(cs, live);
}

static void live_check(const struct cs *cs, const struct cs_live *live)
{
	u32 cached = 0;
	for (u32 i = 0; i < live->segments_capacity; i++) {
		if (live->segments[i] == NULL)
			continue;
		DFS_ASSERT(live->segments[i]->live == live);
		DFS_ASSERT(live->segments[i]->number == i);
		cached++;
	}
	DFS_ASSERT(cached == live->segments_cached);
	DFS_ASSERT(live->synced <= live->writes);
	DFS_ASSERT(!live->pumping);
	u32 running_alone = 0, running = 0;
	dfs_list_for_each (node, &live->ops) {
		const struct cs_op *op = dfs_list_entry(node, struct cs_op, queue_node);
		DFS_ASSERT(op->chunk == live->chunk);
		DFS_ASSERT(op->kind != CS_OP_NONE);
		running += op->running;
		running_alone += op->running && op->mode == CS_ALONE;
	}
	DFS_ASSERT(running_alone == 0 || running == 1);
	(void)cs;
}

void cs_chunk_check(const struct cs *cs, const struct cs_chunk *chunk)
{
	DFS_ASSERT(chunk->disk < cs->disks_count);
	DFS_ASSERT(chunk->length <= CS_CHUNK_BYTES_MAX);
	DFS_ASSERT((chunk->flags & ~CS_FLAGS_KNOWN) == 0);
	DFS_ASSERT(chunk->state <= CS_CHUNK_DELETING);
	if (chunk->live == NULL)
		return;
	DFS_ASSERT(chunk->live->chunk == chunk);
	live_check(cs, chunk->live);
}
