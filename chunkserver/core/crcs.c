/*
 * The segment cache: least recently used ones go first. A miss is one get from the index.
 */
#include "chunkserver/core/crcs.h"

#include "chunkserver/core/chunk.h"
#include "chunkserver/core/index.h"
#include "chunkserver/core/op.h"
#include "libdfsproto/base/crc32c.h"

#include <stdlib.h>

static const u8 zeros[DFS_BLOCK_BYTES];

u32 cs_crcs_entry(const u8 *data, u32 length)
{
	return cs_crcs_entry_at(data, 0, length);
}

u32 cs_crcs_entry_at(const u8 *data, u32 at, u32 length)
{
	DFS_ASSERT(at + length <= DFS_BLOCK_BYTES);
	u32 crc = dfs_crc32c(zeros, at);
	crc = dfs_crc32c_extend(crc, data, length);
	crc = dfs_crc32c_extend(crc, zeros, DFS_BLOCK_BYTES - at - length);
	return crc ^ CS_ZERO_BLOCK_CRC;
}

static void drop(struct cs *cs, struct cs_segment *segment)
{
	struct cs_live *live = segment->live;
	DFS_ASSERT(live->segments[segment->number] == segment);
	live->segments[segment->number] = NULL;
	live->segments_cached--;
	dfs_list_remove(&segment->lru_node);
	cs->segments_count--;
	cs_pool_segment_free(cs, segment);
}

static void evict_oldest(struct cs *cs)
{
	struct cs_segment *oldest = dfs_list_first(&cs->segments, struct cs_segment, lru_node);
	struct cs_live *live = oldest->live;
	drop(cs, oldest);
	cs_live_release_if_idle(cs, live);
}

static void make_room(struct cs_live *live, u32 number)
{
	if (number < live->segments_capacity)
		return;
	u32 capacity = live->segments_capacity;
	while (capacity <= number)
		capacity *= 4;
	struct cs_segment **larger = calloc(capacity, sizeof(*larger));
	DFS_ASSERT(larger != NULL);
	memcpy(larger, live->segments, live->segments_capacity * sizeof(*larger));
	if (live->segments != live->few)
		free(live->segments);
	live->segments = larger;
	live->segments_capacity = capacity;
}

static void insert(struct cs *cs, struct cs_live *live, struct cs_segment *segment)
{
	segment->live = live;
	live->segments[segment->number] = segment;
	live->segments_cached++;
	dfs_list_push_back(&cs->segments, &segment->lru_node);
	if (++cs->segments_count > DFS_CS_SEGMENTS_CACHED)
		evict_oldest(cs);
}

int cs_crcs_get(struct cs *cs, struct cs_chunk *chunk, u32 number, struct dfs_fxs *fxs,
		struct cs_segment **ret_segment)
{
	struct cs_live *live = chunk->live;
	DFS_ASSERT(live != NULL);
	DFS_ASSERT(number < CS_SEGMENTS_MAX);
	make_room(live, number);
	struct cs_segment *segment = live->segments[number];
	if (segment != NULL) {
		dfs_list_remove(&segment->lru_node);
		dfs_list_push_back(&cs->segments, &segment->lru_node);
		*ret_segment = segment;
		return 0;
	}
	segment = cs_pool_segment_new(cs);
	segment->number = number;
	int status = cs_index_get_segment(cs, chunk, segment, fxs);
	if (status != 0) {
		cs_pool_segment_free(cs, segment);
		return status;
	}
	insert(cs, live, segment);
	*ret_segment = segment;
	return 0;
}

struct cs_segment *cs_crcs_renew(struct cs *cs, struct cs_chunk *chunk, u32 number)
{
	struct cs_live *live = chunk->live;
	DFS_ASSERT(live != NULL && number < CS_SEGMENTS_MAX);
	make_room(live, number);
	if (live->segments[number] != NULL)
		drop(cs, live->segments[number]);
	struct cs_segment *segment = cs_pool_segment_new(cs);
	segment->number = number;
	insert(cs, live, segment);
	return segment;
}

void cs_crcs_forget(struct cs *cs, struct cs_live *live, u32 number)
{
	for (u32 i = number; i < live->segments_capacity && live->segments_cached > 0; i++)
		if (live->segments[i] != NULL)
			drop(cs, live->segments[i]);
}

void cs_crcs_settle(struct cs_live *live)
{
	u32 left = live->segments_cached;
	for (u32 i = 0; i < live->segments_capacity && left > 0; i++) {
		if (live->segments[i] == NULL)
			continue;
		memset(live->segments[i]->pending, 0, sizeof(live->segments[i]->pending));
		left--;
	}
}
