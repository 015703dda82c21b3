/*
 * Rows about chunks: maps, chunks, garbage, bounds and cuts; and what they add up to. Maps come
 * before chunks, cuts come last, so whether a row is dead is decided at the end.
 */
#include "master/core/check_i.h"

#include "master/core/chunk_map.h"

#include <stdlib.h>

static struct ms_checked_chunk *get(struct ms_check *check, u64 id)
{
	struct ms_checked_chunk *chunk = ms_check_chunk(check, id);
	if (chunk != NULL)
		return chunk;
	chunk = calloc(1, sizeof(*chunk));
	DFS_ASSERT(chunk != NULL);
	dfs_map_insert(&check->chunks, &chunk->node, id);
	return chunk;
}

/* One more row that names the chunk: all of them must know. */
static void see_again(struct ms_check *check, struct ms_checked_chunk *chunk, u64 ino, u64 index,
		      const struct dfs_row_map *row)
{
	if (row->shared == 0) {
		check_wrong(check, MS_FAULT_CHUNK_SHARED, row->chunk, ino, index, 0);
	} else if ((chunk->flags & MS_CHECKED_SHARED) == 0) {
		check_wrong(check, MS_FAULT_CHUNK_SHARED, row->chunk, chunk->ino, chunk->index, 0);
		chunk->flags |= MS_CHECKED_SHARED; /* Said once. */
	}
	if (check->places_count == check->places_capacity) {
		check->places_capacity = check->places_capacity * 2 + 64;
		check->places =
		    realloc(check->places, check->places_capacity * sizeof(*check->places));
		DFS_ASSERT(check->places != NULL);
	}
	check->places[check->places_count++] = (struct check_place){
	    .chunk = row->chunk, .ino = ino, .index = index, .born = row->born};
}

void check_see_map(struct ms_check *check, u64 ino, u64 index, const struct dfs_row_map *row)
{
	struct check_inode *inode = check_find(check, ino);
	struct ms_checked_chunk *chunk = get(check, row->chunk);
	if (inode != NULL) {
		inode->chunks++;
		inode->space += ms_map_space(row->length);
	}
	chunk->maps++;
	if ((chunk->flags & MS_CHECKED_MAPPED) != 0) {
		see_again(check, chunk, ino, index, row);
		return;
	}
	chunk->flags |= MS_CHECKED_MAPPED;
	if (row->shared != 0)
		chunk->flags |= MS_CHECKED_SHARED;
	if (ms_map_trim_due(row))
		chunk->flags |= MS_CHECKED_BOUND;
	chunk->ino = ino;
	chunk->index = index;
	chunk->born = row->born;
	chunk->shift = inode == NULL ? 0 : inode->chunk_shift;
}

void check_see_chunk(struct ms_check *check, u64 id, const struct dfs_row_chunk *row)
{
	struct ms_checked_chunk *chunk = get(check, id);
	chunk->flags |= MS_CHECKED_ROW;
	chunk->row_ino = row->ino;
	chunk->row_index = row->index;
	chunk->row_references = row->references;
	chunk->epoch = row->epoch;
	check->counts.chunks++;
	if (id == 0 || id >= check->counters.next_chunk)
		check_wrong(check, MS_FAULT_CHUNK_NUMBER, id, 0, 0, 0);
}

void check_see_garbage(struct ms_check *check, u64 id)
{
	get(check, id)->flags |= MS_CHECKED_GARBAGE;
	check->counts.garbage++;
	if (id == 0 || id >= check->counters.next_chunk)
		check_wrong(check, MS_FAULT_GARBAGE_NUMBER, id, 0, 0, 0);
}

void check_see_trim(struct ms_check *check, u64 ino, u64 index, const struct dfs_row_trim *row)
{
	struct ms_checked_chunk *chunk = ms_check_chunk(check, row->chunk);
	if (chunk == NULL || (chunk->flags & MS_CHECKED_BOUND) == 0 || chunk->ino != ino ||
	    chunk->index != index)
		check_wrong(check, MS_FAULT_TRIM_UNOWNED, ino, index, 0, 0);
	else
		chunk->flags |= MS_CHECKED_TRIM;
}

void check_see_cut(struct ms_check *check, u64 ino, const struct dfs_row_cut *row)
{
	struct check_inode *inode = check_find(check, ino);
	struct check_cut *cut = calloc(1, sizeof(*cut));
	DFS_ASSERT(cut != NULL);
	cut->from = row->from;
	cut->end = row->end;
	cut->before = row->before;
	dfs_map_insert(&check->cuts, &cut->node, ino);
	if (inode != NULL)
		inode->cut = true;
}

static bool is_dead(const struct ms_check *check, const struct check_place *place)
{
	struct dfs_map_node *node = dfs_map_find(&check->cuts, place->ino);
	const struct check_cut *cut =
	    node == NULL ? NULL : dfs_map_entry(node, struct check_cut, node);
	return cut != NULL && place->index >= cut->from && place->index < cut->end &&
	       place->born < cut->before;
}

/* Is the place inside its file? False when its row is dead. */
static bool check_place(struct ms_check *check, const struct check_place *place)
{
	const struct check_inode *inode = check_find(check, place->ino);
	if (is_dead(check, place))
		return false;
	if (inode == NULL) {
		check_wrong(check, MS_FAULT_MAP_UNOWNED, place->ino, place->index, 0, place->chunk);
		return true;
	}
	u64 bytes = UINT64_C(1) << inode->chunk_shift;
	u64 count = inode->size / bytes + (inode->size % bytes != 0);
	if (place->index >= count)
		check_wrong(check, MS_FAULT_MAP_BEYOND, place->ino, place->index, 0, place->chunk);
	return true;
}

/* Further rows of shared chunks. One that is not dead stands for its chunk if the first one is. */
static void check_places(struct ms_check *check)
{
	for (u32 i = 0; i < check->places_count; i++) {
		const struct check_place *place = &check->places[i];
		struct ms_checked_chunk *chunk = ms_check_chunk(check, place->chunk);
		if (!check_place(check, place) || (chunk->flags & MS_CHECKED_DEAD) == 0)
			continue;
		chunk->flags &= (u8)~MS_CHECKED_DEAD;
		chunk->ino = place->ino;
		chunk->index = place->index;
	}
}

static void check_chunk(struct ms_check *check, struct ms_checked_chunk *chunk)
{
	u64 id = chunk->node.key;
	bool mapped = (chunk->flags & MS_CHECKED_MAPPED) != 0;
	bool row = (chunk->flags & MS_CHECKED_ROW) != 0;
	bool bound = (chunk->flags & MS_CHECKED_BOUND) != 0;
	bool shared = (chunk->flags & MS_CHECKED_SHARED) != 0;
	struct check_place first = {
	    .chunk = id, .ino = chunk->ino, .index = chunk->index, .born = chunk->born};
	if (mapped && !check_place(check, &first))
		chunk->flags |= MS_CHECKED_DEAD;
	if (mapped && !row)
		check_wrong(check, MS_FAULT_CHUNK_MISSING, chunk->ino, chunk->index, chunk->maps,
			    id);
	if (mapped && row && !shared &&
	    (chunk->row_ino != chunk->ino || chunk->row_index != chunk->index))
		check_wrong(check, MS_FAULT_CHUNK_OWNER, chunk->ino, chunk->index, 0, id);
	if (mapped && row && chunk->row_references != chunk->maps)
		check_wrong(check, MS_FAULT_CHUNK_REFERENCES, id, 0, chunk->row_references,
			    chunk->maps);
	if (row && !mapped)
		check_wrong(check, MS_FAULT_CHUNK_UNMAPPED, id, chunk->row_ino, chunk->row_index,
			    0);
	if ((mapped || row) && (chunk->flags & MS_CHECKED_GARBAGE) != 0)
		check_wrong(check, MS_FAULT_CHUNK_GARBAGE, id, 0, 0, 0);
	if (bound && (chunk->flags & MS_CHECKED_TRIM) == 0)
		check_wrong(check, MS_FAULT_TRIM_MISSING, chunk->ino, chunk->index, 0, id);
}

void check_chunks(struct ms_check *check)
{
	struct ms_checked_chunk *chunk = NULL;
	while ((chunk = ms_check_chunk_next(check, chunk)) != NULL)
		check_chunk(check, chunk);
	check_places(check);
}
