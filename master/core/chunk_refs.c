/*
 * See chunk_refs.h.
 */
#include "master/core/chunk_refs.h"

static int get(struct ms_state *state, u64 chunk, struct ms_ref **ret_ref)
{
	struct dfs_map_node *found = dfs_map_find(&state->refs_by_chunk, chunk);
	if (found != NULL) {
		*ret_ref = dfs_map_entry(found, struct ms_ref, by_chunk);
		return 0;
	}
	DFS_ASSERT(state->refs_count < dfs_array_count(state->refs));
	struct ms_ref *ref = &state->refs[state->refs_count];
	int status =
	    ms_must(state, ms_row_chunk_get(state, ms_key1(MS_TABLE_CHUNK, chunk), &ref->row));
	if (status != 0)
		return status;
	state->refs_count++;
	dfs_map_insert(&state->refs_by_chunk, &ref->by_chunk, chunk);
	*ret_ref = ref;
	return 0;
}

int ms_ref_add(struct ms_state *state, u64 chunk)
{
	struct ms_ref *ref;
	int status = get(state, chunk, &ref);
	if (status != 0)
		return status;
	if (ref->row.references == UINT32_MAX)
		return DFS_EMLINK;
	ref->row.references++;
	return 0;
}

int ms_ref_drop(struct ms_state *state, u64 chunk, u64 ino, u64 index)
{
	struct ms_ref *ref;
	int status = get(state, chunk, &ref);
	if (status != 0)
		return status;
	if (ref->row.references == 0) /* Fewer than there are rows: a broken store. */
		return ms_fail(state, DFS_ECORRUPT);
#ifdef DFS_PLANT_DROP_SHARED
	ref->row.references = 1;
#endif
	ref->row.references--;
	if (ref->row.ino == ino && ref->row.index == index) {
		ref->row.ino = 0;
		ref->row.index = 0;
	}
	return 0;
}

void ms_chunk_discard(struct ms_state *state, u64 chunk, const struct dfs_row_chunk *row)
{
	DFS_ASSERT(state->garbage_count < MS_GARBAGE_PER_OP_MAX);
	struct dfs_row_garbage garbage = {.epoch = row->epoch};
	ms_row_delete(state, ms_key1(MS_TABLE_CHUNK, chunk));
	ms_row_garbage_put(state, ms_key1(MS_TABLE_GARBAGE, chunk), &garbage);
	state->garbage[state->garbage_count++] = chunk;
	state->counters.chunks--;
	state->counters.garbage++;
}

void ms_refs_flush(struct ms_state *state)
{
	for (u32 i = 0; i < state->refs_count; i++) {
		const struct ms_ref *ref = &state->refs[i];
		u64 chunk = ref->by_chunk.key;
		if (ref->row.references == 0)
			ms_chunk_discard(state, chunk, &ref->row);
		else
			ms_row_chunk_put(state, ms_key1(MS_TABLE_CHUNK, chunk), &ref->row);
	}
	ms_refs_clear(state);
}

void ms_refs_clear(struct ms_state *state)
{
	for (u32 i = 0; i < state->refs_count; i++)
		dfs_map_remove(&state->refs_by_chunk, &state->refs[i].by_chunk);
	state->refs_count = 0;
}
