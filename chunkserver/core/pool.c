/*
 * Memory of chunks, lives, ops and cached segments: taken in slabs, given back never, so that the
 * hot path allocates nothing once the daemon is warm. Ops have slots, since I/O finds them by tag.
 */
#include "chunkserver/core/crcs.h"
#include "chunkserver/core/op.h"

#include <stdlib.h>

enum { SLAB_OBJECTS = 64, TAG_WHICH_BITS = 4, TAG_GENERATION_SHIFT = 32 };

struct slab {
	struct slab *next;
	u64 align;
};

static void *slab_new(struct cs *cs, size_t bytes)
{
	struct slab *slab = calloc(1, sizeof(struct slab) + bytes);
	DFS_ASSERT(slab != NULL);
	slab->next = cs->slabs;
	cs->slabs = slab;
	return slab + 1;
}

void cs_pool_fini(struct cs *cs)
{
	struct slab *slab = cs->slabs;
	while (slab != NULL) {
		struct slab *next = slab->next;
		free(slab);
		slab = next;
	}
	cs->slabs = NULL;
	free(cs->ops);
	cs->ops = NULL;
}

struct cs_chunk *cs_pool_chunk_new(struct cs *cs)
{
	if (cs->free_chunks == NULL) {
		struct cs_chunk *chunks = slab_new(cs, SLAB_OBJECTS * sizeof(*chunks));
		for (u32 i = 0; i < SLAB_OBJECTS; i++)
			cs_pool_chunk_free(cs, &chunks[i]);
	}
	struct cs_chunk *chunk = cs->free_chunks;
	cs->free_chunks = (struct cs_chunk *)(void *)chunk->live;
	memset(chunk, 0, sizeof(*chunk));
	return chunk;
}

void cs_pool_chunk_free(struct cs *cs, struct cs_chunk *chunk)
{
	chunk->live = (struct cs_live *)(void *)cs->free_chunks;
	cs->free_chunks = chunk;
}

struct cs_live *cs_pool_live_new(struct cs *cs)
{
	if (cs->free_lives == NULL) {
		struct cs_live *lives = slab_new(cs, SLAB_OBJECTS * sizeof(*lives));
		for (u32 i = 0; i < SLAB_OBJECTS; i++)
			cs_pool_live_free(cs, &lives[i]);
	}
	struct cs_live *live = cs->free_lives;
	cs->free_lives = live->next_free;
	memset(live, 0, sizeof(*live));
	live->segments = live->few;
	live->segments_capacity = CS_FEW_SEGMENTS;
	dfs_list_init(&live->ops);
	dfs_list_init(&live->dirty_node);
	dfs_list_init(&live->check_node);
	dfs_list_init(&live->sync_waiters);
	return live;
}

void cs_pool_live_free(struct cs *cs, struct cs_live *live)
{
	if (live->segments != NULL && live->segments != live->few)
		free(live->segments);
	live->segments = NULL;
	live->next_free = cs->free_lives;
	cs->free_lives = live;
}

struct cs_segment *cs_pool_segment_new(struct cs *cs)
{
	if (cs->free_segments == NULL) {
		struct cs_segment *segments = slab_new(cs, SLAB_OBJECTS * sizeof(*segments));
		for (u32 i = 0; i < SLAB_OBJECTS; i++)
			cs_pool_segment_free(cs, &segments[i]);
	}
	struct cs_segment *segment = cs->free_segments;
	cs->free_segments = segment->next_free;
	memset(segment, 0, sizeof(*segment));
	dfs_list_init(&segment->lru_node);
	return segment;
}

void cs_pool_segment_free(struct cs *cs, struct cs_segment *segment)
{
	segment->next_free = cs->free_segments;
	cs->free_segments = segment;
}

static void ops_grow(struct cs *cs)
{
	if (cs->ops_used + SLAB_OBJECTS > cs->ops_capacity) {
		u32 capacity = dfs_max(cs->ops_capacity * 2, 2u * SLAB_OBJECTS);
		void *table = realloc(cs->ops, capacity * sizeof(struct cs_op *));
		DFS_ASSERT(table != NULL);
		cs->ops = table;
		cs->ops_capacity = capacity;
	}
	struct cs_op *ops = slab_new(cs, SLAB_OBJECTS * sizeof(*ops));
	for (u32 i = SLAB_OBJECTS; i-- > 0;) {
		ops[i].slot = cs->ops_used + i;
		ops[i].generation = 1;
		ops[i].next_free = cs->free_ops;
		cs->free_ops = &ops[i];
		cs->ops[ops[i].slot] = &ops[i];
	}
	cs->ops_used += SLAB_OBJECTS;
}

struct cs_op *cs_op_new_inner(struct cs *cs, enum cs_op_kind kind)
{
	if (cs->free_ops == NULL)
		ops_grow(cs);
	struct cs_op *op = cs->free_ops;
	DFS_ASSERT(op->kind == CS_OP_NONE);
	cs->free_ops = op->next_free;
	u32 slot = op->slot, generation = op->generation;
	memset(op, 0, sizeof(*op));
	op->slot = slot;
	op->generation = generation;
	op->kind = (u8)kind;
	dfs_list_init(&op->queue_node);
	dfs_list_init(&op->wait_node);
	cs->ops_live++;
	return op;
}

struct cs_op *cs_op_new(struct cs *cs, enum cs_op_kind kind)
{
	return cs->ops_live >= DFS_CS_OPS_MAX ? NULL : cs_op_new_inner(cs, kind);
}

void cs_op_free(struct cs *cs, struct cs_op *op)
{
	DFS_ASSERT(op->kind != CS_OP_NONE);
	DFS_ASSERT(dfs_list_empty(&op->queue_node));
	DFS_ASSERT(dfs_list_empty(&op->wait_node));
	op->kind = CS_OP_NONE;
	op->generation++;
	op->next_free = cs->free_ops;
	cs->free_ops = op;
	cs->ops_live--;
}

u64 cs_op_tag(const struct cs_op *op, enum cs_which which)
{
	_Static_assert(CS_WHICH_MAX < 1 << TAG_WHICH_BITS, "fits its bits");
	return (u64)op->generation << TAG_GENERATION_SHIFT | (u64)op->slot << TAG_WHICH_BITS |
	       which;
}

struct cs_op *cs_op_of_tag(struct cs *cs, u64 tag, u8 *ret_which)
{
	u32 slot = (u32)tag >> TAG_WHICH_BITS;
	DFS_ASSERT(slot < cs->ops_used);
	struct cs_op *op = cs->ops[slot];
	DFS_ASSERT(op->generation == (u32)(tag >> TAG_GENERATION_SHIFT));
	DFS_ASSERT(op->kind != CS_OP_NONE);
	*ret_which = tag & CS_WHICH_MAX;
	return op;
}
