/*
 * Walks over the tables of work that is left to do, in bounded steps: orphans, garbage, cuts,
 * trims.
 */
#include "master/core/tables.h"

#include "master/core/state_i.h"

/* Rows whose key is one number, which is all that is wanted of them. */
static int scan_ids(struct ms_state *state, enum ms_table table, u64 after, u64 *ret_ids, u32 max,
		    u32 *ret_count)
{
	u32 count = 0;
	if (state->failure != 0)
		return state->failure;
	*ret_count = 0;
	if (after == UINT64_MAX)
		return 0;
	struct ms_scan scan;
	ms_scan_begin(&scan, state, ms_key1(table, after + 1), ms_key0(table + 1));
	while (count < max && ms_scan_next(&scan))
		ret_ids[count++] = ms_key_first(scan.key);
	*ret_count = count;
	return ms_scan_end(&scan);
}

int ms_scan_orphans(struct ms_state *state, u64 after, u64 *ret_inodes, u32 max, u32 *ret_count)
{
	return scan_ids(state, MS_TABLE_ORPHAN, after, ret_inodes, max, ret_count);
}

int ms_scan_garbage(struct ms_state *state, u64 after, u64 *ret_chunks, u32 max, u32 *ret_count)
{
	return scan_ids(state, MS_TABLE_GARBAGE, after, ret_chunks, max, ret_count);
}

int ms_scan_cuts(struct ms_state *state, u64 after, u64 *ret_inodes, u32 max, u32 *ret_count)
{
	return scan_ids(state, MS_TABLE_CUT, after, ret_inodes, max, ret_count);
}

static int get_trim(struct ms_state *state, u64 ino, u64 index, struct ms_trim *ret_trim)
{
	struct dfs_row_map map;
	struct dfs_row_chunk chunk;
	int status = ms_row_map_get(state, ms_key2(MS_TABLE_MAP, ino, index), &map);
	if (status == 0)
		status = ms_row_chunk_get(state, ms_key1(MS_TABLE_CHUNK, map.chunk), &chunk);
	if (status != 0)
		return ms_must(state, status);
	*ret_trim = (struct ms_trim){
	    .ino = ino,
	    .index = index,
	    .chunk = map.chunk,
	    .epoch = chunk.epoch,
	    .length = map.valid,
	};
	return 0;
}

int ms_scan_trims(struct ms_state *state, const struct ms_trim *after, struct ms_trim *ret_trims,
		  u32 max, u32 *ret_count)
{
	int status = 0;
	u32 count = 0;
	if (state->failure != 0)
		return state->failure;
	struct ms_key from = ms_key0(MS_TABLE_TRIM);
	if (after != NULL) /* Indexes are far below 2^64: the next key is the next number. */
		from = ms_key2(MS_TABLE_TRIM, after->ino, after->index + 1);
	struct ms_scan scan;
	ms_scan_begin(&scan, state, from, ms_key0(MS_TABLE_TRIM + 1));
	while (status == 0 && count < max && ms_scan_next(&scan)) {
		status = get_trim(state, ms_key_first(scan.key), ms_key_second(scan.key),
				  &ret_trims[count]);
		if (status == 0)
			count++;
	}
	int scan_status = ms_scan_end(&scan);
	*ret_count = count;
	return status != 0 ? status : scan_status;
}
