/*
 * Rows of chunk maps coming and going: see chunk_map.h.
 *
 * In step with each map row: the chunk's row in the chunk table, later its row in the garbage
 * table, and a row in the trim table while `valid` is a bound.
 */
#include "master/core/chunk_map.h"

#include "master/core/chunk_refs.h"

/* So few rows are looked up one by one: cheaper than an iterator, and most files have one chunk. */
enum { GETS_MAX = 4 };

#define GOAL_DEFAULT 1 /* Copies. */

int ms_map_cut_get(struct ms_state *state, u64 ino, const struct dfs_row_inode *inode,
		   struct dfs_row_cut *ret_cut)
{
	*ret_cut = (struct dfs_row_cut){.from = UINT64_MAX, .end = UINT64_MAX};
	if (inode->cutting == 0)
		return 0;
	return ms_must(state, ms_row_cut_get(state, ms_key1(MS_TABLE_CUT, ino), ret_cut));
}

int ms_map_find(struct ms_state *state, u64 ino, const struct dfs_row_cut *cut, u64 index,
		struct dfs_row_map *ret_row)
{
	struct dfs_row_map row;
	int status = ms_row_map_get(state, ms_key2(MS_TABLE_MAP, ino, index), &row);
	if (status == 0 && ms_map_dead(cut, index, &row))
		status = DFS_ENOENT;
	if (status == 0)
		*ret_row = row;
	return status;
}

int ms_map_drop(struct ms_state *state, u64 ino, u64 index, const struct dfs_row_map *row,
		struct ms_dropped *dropped)
{
	struct dfs_row_chunk chunk;
	int status;
	if (row->shared != 0) {
		status = ms_ref_drop(state, row->chunk, ino, index);
	} else {
		status = ms_must(
		    state, ms_row_chunk_get(state, ms_key1(MS_TABLE_CHUNK, row->chunk), &chunk));
		if (status == 0)
			ms_chunk_discard(state, row->chunk, &chunk);
	}
	if (status != 0)
		return status;
	ms_row_delete(state, ms_key2(MS_TABLE_MAP, ino, index));
	if (ms_map_trim_due(row))
		ms_row_delete(state, ms_key2(MS_TABLE_TRIM, ino, index));
	dropped->rows++;
	dropped->bytes += ms_map_space(row->length);
	return 0;
}

/* A chunk that a file may take over: nobody else has it, and it is not on its way out. */
static int check_fresh(struct ms_state *state, u64 id)
{
	struct dfs_row_chunk chunk;
	int status = ms_row_chunk_get(state, ms_key1(MS_TABLE_CHUNK, id), &chunk);
	if (status == 0)
		return DFS_EINVAL;
	if (status != DFS_ENOENT)
		return status;
	if (state->counters.garbage == 0)
		return 0;
	struct dfs_row_garbage garbage;
	status = ms_row_garbage_get(state, ms_key1(MS_TABLE_GARBAGE, id), &garbage);
	if (status == 0)
		return DFS_ESTALE;
	return status == DFS_ENOENT ? 0 : status;
}

/* What a client says of a chunk's length, within what the file allows. */
static u32 length_of(const struct ms_inode *inode, const struct dfs_committed *item)
{
	u64 start = item->index << inode->row.chunk_shift;
	u64 most = dfs_min(ms_chunk_bytes(&inode->row), inode->row.size - start);
	return item->length == 0 ? (u32)most : (u32)dfs_min(most, (u64)item->length);
}

/* The chunk that is there has been written again. */
static void grow(struct ms_state *state, struct ms_inode *inode, const struct dfs_committed *item,
		 struct dfs_row_map *row)
{
	u32 length = item->length == 0 ? 0 : length_of(inode, item);
	if (length <= row->length)
		return;
	inode->row.allocated += ms_map_space(length) - ms_map_space(row->length);
	row->length = length;
	ms_row_map_put(state, ms_key2(MS_TABLE_MAP, inode->ino, item->index), row);
}

/* May the new chunk come after what is there, `row` or nothing? Only a copy may take the place of
 * another chunk, of that one, and only while just the bytes count that were copied. */
static bool may_follow(const struct dfs_row_map *row, const struct dfs_committed *item)
{
	if (row == NULL)
		return item->base == 0;
	return item->base == row->chunk && item->base_bytes == ms_map_bytes(row);
}

int ms_map_add(struct ms_state *state, struct ms_inode *inode, const struct dfs_row_cut *cut,
	       const struct dfs_committed *item, u64 *ret_added)
{
	struct ms_key map_key = ms_key2(MS_TABLE_MAP, inode->ino, item->index);
	struct dfs_row_map row;
	int status = ms_row_map_get(state, map_key, &row);
	if (status != 0 && status != DFS_ENOENT)
		return status;
	bool there = status == 0;
	bool dead = there && ms_map_dead(cut, item->index, &row);
	*ret_added = 0;
	if (there && !dead && row.chunk == item->chunk) {
		grow(state, inode, item, &row);
		return 0;
	}
	if ((there && row.chunk == item->chunk) || !may_follow(there && !dead ? &row : NULL, item))
		return DFS_ESTALE;
	status = check_fresh(state, item->chunk);
	if (status != 0)
		return status;
	if (there) {
		struct ms_dropped dropped = {0};
		status = ms_map_drop(state, inode->ino, item->index, &row, &dropped);
		if (status != 0)
			return status;
		ms_map_dropped(inode, &dropped);
	}
	row = (struct dfs_row_map){.chunk = item->chunk,
				   .born = inode->row.change,
				   .valid = DFS_VALID_ALL,
				   .length = length_of(inode, item)};
	struct dfs_row_chunk chunk = {
	    .epoch = 1,
	    .goal = GOAL_DEFAULT,
	    .references = 1,
	    .ino = inode->ino,
	    .index = item->index,
	    .home = item->server,
	};
	ms_row_map_put(state, map_key, &row);
	ms_row_chunk_put(state, ms_key1(MS_TABLE_CHUNK, item->chunk), &chunk);
	inode->row.chunks++;
	inode->row.allocated += ms_map_space(row.length);
	state->counters.chunks++;
	*ret_added = 1;
	return 0;
}

static int drop_by_gets(struct ms_state *state, u64 ino, const struct dfs_row_cut *cut, u64 end,
			struct ms_dropped *dropped)
{
	for (u64 index = cut->next; index < end; index++) {
		struct dfs_row_map row;
		int status = ms_row_map_get(state, ms_key2(MS_TABLE_MAP, ino, index), &row);
		if (status == DFS_ENOENT)
			continue;
		if (status == 0 && ms_map_dead(cut, index, &row))
			status = ms_map_drop(state, ino, index, &row, dropped);
		if (status != 0)
			return status;
	}
	return 0;
}

int ms_map_drop_dead(struct ms_state *state, u64 ino, struct dfs_row_cut *cut, u64 end, u32 *budget,
		     struct ms_dropped *ret_dropped, bool *ret_end)
{
	*ret_dropped = (struct ms_dropped){0};
	*ret_end = true;
	if (end <= cut->next)
		return 0;
	if (end - cut->next <= dfs_min((u64)GETS_MAX, (u64)*budget)) {
		*budget -= (u32)(end - cut->next);
		return drop_by_gets(state, ino, cut, end, ret_dropped);
	}
	int status = 0;
	struct ms_scan scan;
	ms_scan_begin(&scan, state, ms_key2(MS_TABLE_MAP, ino, cut->next),
		      ms_key2(MS_TABLE_MAP, ino, end));
	while (status == 0 && ms_scan_next(&scan)) {
		struct dfs_row_map row;
		u64 index = ms_key_second(scan.key);
		if (*budget == 0) {
			cut->next = index;
			*ret_end = false;
			break;
		}
		(*budget)--;
		status = ms_row_map_open(state, scan.value, &row);
		if (status == 0 && ms_map_dead(cut, index, &row))
			status = ms_map_drop(state, ino, index, &row, ret_dropped);
	}
	int scan_status = ms_scan_end(&scan);
	return status != 0 ? status : scan_status;
}

/* The chunk at `index` counts up to `length` only, from now on and on its replicas soon. */
static int bound(struct ms_state *state, struct ms_inode *inode, u64 index, u32 length,
		 struct ms_trim *trim)
{
	struct ms_key map_key = ms_key2(MS_TABLE_MAP, inode->ino, index);
	struct dfs_row_map row;
	int status = ms_row_map_get(state, map_key, &row);
	if (status != 0)
		return status == DFS_ENOENT ? 0 : status;
	struct dfs_row_chunk chunk;
	status = ms_row_chunk_get(state, ms_key1(MS_TABLE_CHUNK, row.chunk), &chunk);
	if (status != 0)
		return ms_must(state, status);
	u32 left = dfs_min(row.length, length);
	inode->row.allocated -= ms_map_space(row.length) - ms_map_space(left);
	row.length = left;
	row.valid = dfs_min(row.valid, length);
	ms_row_map_put(state, map_key, &row);
	if (!ms_map_trim_due(&row))
		return 0; /* Others may need the rest. */
	struct dfs_row_trim trim_row = {.chunk = row.chunk};
	ms_row_trim_put(state, ms_key2(MS_TABLE_TRIM, inode->ino, index), &trim_row);
	*trim = (struct ms_trim){
	    .ino = inode->ino,
	    .index = index,
	    .chunk = row.chunk,
	    .epoch = chunk.epoch,
	    .length = row.valid,
	};
	return 0;
}

int ms_map_truncate(struct ms_state *state, struct ms_inode *inode, u64 size,
		    struct ms_result *result)
{
	DFS_ASSERT(size < inode->row.size);
	if (inode->row.chunks == 0)
		return 0;
	u64 from = ms_chunks_of(&inode->row, size);
	u64 end = ms_chunks_of(&inode->row, inode->row.size);
	if (inode->row.cutting != 0) {
		struct dfs_row_cut pending;
		int status = ms_map_cut_get(state, inode->ino, &inode->row, &pending);
		if (status != 0)
			return status;
		if (pending.from < from)
			return DFS_EBUSY;
		end = UINT64_MAX; /* Dead rows may be anywhere. */
	}
	struct dfs_row_cut cut = {
	    .from = from, .before = inode->row.change, .next = from, .end = UINT64_MAX};
	u32 budget = DFS_MAP_ROWS_PER_OP;
	struct ms_dropped dropped;
	bool finished;
	int status = ms_map_drop_dead(state, inode->ino, &cut, end, &budget, &dropped, &finished);
	if (status != 0)
		return status;
	ms_map_dropped(inode, &dropped);
	struct ms_key cut_key = ms_key1(MS_TABLE_CUT, inode->ino);
	if (!finished) {
		ms_row_cut_put(state, cut_key, &cut);
		result->cutting = inode->ino;
	} else if (inode->row.cutting != 0) {
		ms_row_delete(state, cut_key);
	}
	inode->row.cutting = !finished;
	u32 inside = (u32)(size & (ms_chunk_bytes(&inode->row) - 1));
	return inside == 0 ? 0 : bound(state, inode, from - 1, inside, &result->trim);
}

int ms_map_punch(struct ms_state *state, struct ms_inode *inode, u64 first, u64 end,
		 struct ms_result *result)
{
	DFS_ASSERT(first < end);
	if (inode->row.chunks == 0)
		return 0;
	if (inode->row.cutting != 0)
		return DFS_EBUSY;
	struct dfs_row_cut cut = {
	    .from = first, .before = inode->row.change, .next = first, .end = end};
	u32 budget = DFS_MAP_ROWS_PER_OP;
	struct ms_dropped dropped;
	bool finished;
	int status = ms_map_drop_dead(state, inode->ino, &cut, end, &budget, &dropped, &finished);
	if (status != 0)
		return status;
	ms_map_dropped(inode, &dropped);
	if (!finished) {
		ms_row_cut_put(state, ms_key1(MS_TABLE_CUT, inode->ino), &cut);
		result->cutting = inode->ino;
	}
	inode->row.cutting = !finished;
	return 0;
}
