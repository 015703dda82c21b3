/*
 * MEND for faults of chunk maps, chunks, garbage and trims: see op_mend.c.
 */
#include "master/core/check.h"
#include "master/core/chunk_map.h"
#include "master/core/ops.h"

/* Rows about one chunk of a file, as they are now; `has_` says which are there. */
struct rows {
	struct dfs_row_map map;
	struct dfs_row_chunk chunk;
	struct dfs_row_garbage garbage;
	struct dfs_row_trim trim;
	bool has_map;
	bool has_chunk;
	bool has_garbage;
	bool has_trim;
};

static int note(int status, bool *ret_has)
{
	*ret_has = status == 0;
	return status == DFS_ENOENT ? 0 : status;
}

/* The rows of a place in a file, and of a chunk. */
static int load(struct ms_state *state, u64 ino, u64 index, u64 chunk, struct rows *rows)
{
	int status = note(ms_row_map_get(state, ms_key2(MS_TABLE_MAP, ino, index), &rows->map),
			  &rows->has_map);
	if (status == 0)
		status =
		    note(ms_row_trim_get(state, ms_key2(MS_TABLE_TRIM, ino, index), &rows->trim),
			 &rows->has_trim);
	if (status == 0)
		status = note(ms_row_chunk_get(state, ms_key1(MS_TABLE_CHUNK, chunk), &rows->chunk),
			      &rows->has_chunk);
	if (status == 0)
		status = note(
		    ms_row_garbage_get(state, ms_key1(MS_TABLE_GARBAGE, chunk), &rows->garbage),
		    &rows->has_garbage);
	return status;
}

/* The file maps the chunk, whose own row is missing or says otherwise. */
static int mend_owner(struct ms_state *state, const struct dfs_mend *body, const struct rows *rows)
{
	struct dfs_row_chunk chunk = {.epoch = 1, .goal = 1, .references = 1};
	bool missing = body->fault == MS_FAULT_CHUNK_MISSING;
	if (!rows->has_map || rows->map.chunk != body->found || rows->has_chunk == missing)
		return DFS_ESTALE;
	if (missing) {
		if (body->noted > UINT32_MAX)
			return DFS_EINVAL;
		state->counters.chunks++;
		chunk.references = dfs_max((u32)body->noted, 1u);
	} else {
		chunk = rows->chunk;
		/* Of a shared one it may be any of its places. */
		if (rows->map.shared != 0 ||
		    (chunk.ino == body->subject && chunk.index == body->at))
			return DFS_ESTALE;
	}
	chunk.ino = body->subject;
	chunk.index = body->at;
	ms_row_chunk_put(state, ms_key1(MS_TABLE_CHUNK, body->found), &chunk);
	return 0;
}

static int mend_references(struct ms_state *state, const struct dfs_mend *body,
			   const struct rows *rows)
{
	struct dfs_row_chunk chunk = rows->chunk;
	if (body->found == 0 || body->found > UINT32_MAX)
		return DFS_EINVAL;
	if (!rows->has_chunk || chunk.references != body->noted)
		return DFS_ESTALE;
	chunk.references = (u32)body->found;
	ms_row_chunk_put(state, ms_key1(MS_TABLE_CHUNK, body->subject), &chunk);
	return 0;
}

/* A chunk that lost its first place may be in others, and one cannot tell from its row: whoever
 * says that none has it may be wrong by now, and what such a repair deleted would not come back. */
static bool place_unknown(const struct rows *rows)
{
	return rows->has_chunk && rows->chunk.ino == 0;
}

/* No file has it: it goes the way of all chunks that are in no file. */
static int mend_unmapped(struct ms_state *state, u64 id, struct rows *rows)
{
	struct ms_key place = ms_key2(MS_TABLE_MAP, rows->chunk.ino, rows->chunk.index);
	if (!rows->has_chunk)
		return DFS_ESTALE;
	if (place_unknown(rows) || rows->chunk.references > 1)
		return DFS_ENOTSUP;
	int status = note(ms_row_map_get(state, place, &rows->map), &rows->has_map);
	if (status != 0)
		return status;
	if (rows->has_map && rows->map.chunk == id)
		return DFS_ESTALE;
	ms_row_delete(state, ms_key1(MS_TABLE_CHUNK, id));
	state->counters.chunks--;
	if (rows->has_garbage)
		return 0;
	struct dfs_row_garbage garbage = {.epoch = rows->chunk.epoch};
	ms_row_garbage_put(state, ms_key1(MS_TABLE_GARBAGE, id), &garbage);
	state->counters.garbage++;
	state->garbage[state->garbage_count++] = id;
	return 0;
}

/* A garbage row of a chunk that a file has, or that never was. */
static int mend_garbage(struct ms_state *state, const struct dfs_mend *body, struct rows *rows)
{
	u64 id = body->subject;
	if (!rows->has_garbage)
		return DFS_ESTALE;
	if (body->fault == MS_FAULT_GARBAGE_NUMBER) {
		if (id != 0 && id < state->counters.next_chunk)
			return DFS_ESTALE;
	} else {
		struct ms_key place = ms_key2(MS_TABLE_MAP, rows->chunk.ino, rows->chunk.index);
		if (!rows->has_chunk)
			return DFS_ESTALE;
		if (place_unknown(rows))
			return DFS_ENOTSUP;
		int status = note(ms_row_map_get(state, place, &rows->map), &rows->has_map);
		if (status != 0)
			return status;
		if (!rows->has_map || rows->map.chunk != id)
			return DFS_ESTALE;
	}
	ms_row_delete(state, ms_key1(MS_TABLE_GARBAGE, id));
	state->counters.garbage--;
	return 0;
}

static int mend_trim(struct ms_state *state, const struct dfs_mend *body, const struct rows *rows,
		     struct ms_result *result)
{
	struct ms_key key = ms_key2(MS_TABLE_TRIM, body->subject, body->at);
	bool due = rows->has_map && ms_map_trim_due(&rows->map);
	if (body->fault == MS_FAULT_TRIM_UNOWNED) {
		if (!rows->has_trim || (due && rows->map.chunk == rows->trim.chunk))
			return DFS_ESTALE;
		ms_row_delete(state, key);
		return 0;
	}
	if (rows->has_trim || !due || rows->map.chunk != body->found || !rows->has_chunk)
		return DFS_ESTALE;
	struct dfs_row_trim trim = {.chunk = rows->map.chunk};
	ms_row_trim_put(state, key, &trim);
	result->trim = (struct ms_trim){
	    .ino = body->subject,
	    .index = body->at,
	    .chunk = rows->map.chunk,
	    .epoch = rows->chunk.epoch,
	    .length = rows->map.valid,
	};
	return 0;
}

int ms_mend_chunk(struct ms_state *state, const struct dfs_mend *body, struct ms_result *result)
{
	struct rows rows = {0};
	bool by_place =
	    body->fault == MS_FAULT_CHUNK_MISSING || body->fault == MS_FAULT_CHUNK_OWNER ||
	    body->fault == MS_FAULT_TRIM_MISSING || body->fault == MS_FAULT_TRIM_UNOWNED;
	int status =
	    load(state, body->subject, body->at, by_place ? body->found : body->subject, &rows);
	if (status != 0)
		return status;
	switch (body->fault) {
	case MS_FAULT_CHUNK_MISSING:
	case MS_FAULT_CHUNK_OWNER:
		return mend_owner(state, body, &rows);
	case MS_FAULT_CHUNK_REFERENCES:
		return mend_references(state, body, &rows);
	case MS_FAULT_CHUNK_UNMAPPED:
		return mend_unmapped(state, body->subject, &rows);
	case MS_FAULT_CHUNK_GARBAGE:
	case MS_FAULT_GARBAGE_NUMBER:
		return mend_garbage(state, body, &rows);
	case MS_FAULT_TRIM_UNOWNED:
	case MS_FAULT_TRIM_MISSING:
		return mend_trim(state, body, &rows, result);
	default:
		return DFS_ENOTSUP;
	}
}
