/*
 * Questions about chunks: where a file's bytes are, and what a chunk id means.
 */
#include "master/core/chunk_map.h"

static int locate(struct ms_state *state, u64 index, const struct dfs_row_map *row,
		  struct ms_location *ret_location)
{
	struct dfs_row_chunk chunk;
	int status = ms_row_chunk_get(state, ms_key1(MS_TABLE_CHUNK, row->chunk), &chunk);
	if (status != 0)
		return ms_must(state, status);
	*ret_location = (struct ms_location){.index = index,
					     .chunk = row->chunk,
					     .home = chunk.home,
					     .epoch = chunk.epoch,
					     .valid = row->valid,
					     .length = row->length,
					     .bytes = ms_map_bytes(row),
					     .shared = row->shared != 0};
	return 0;
}

/* One chunk asked for, or one chunk in all: no iterator. */
static int find_one(struct ms_state *state, u64 ino, const struct dfs_row_cut *cut, u64 index,
		    struct ms_location *ret_locations, u32 *ret_count)
{
	struct dfs_row_map row;
	*ret_count = 0;
	int status = ms_map_find(state, ino, cut, index, &row);
	if (status != 0)
		return status == DFS_ENOENT ? 0 : status;
	status = locate(state, index, &row, ret_locations);
	*ret_count = status == 0;
	return status;
}

static int find_many(struct ms_state *state, u64 ino, const struct dfs_row_cut *cut, u64 index,
		     u64 end, struct ms_location *ret_locations, u32 max, u32 *ret_count)
{
	int status = 0;
	u32 count = 0;
	struct ms_scan scan;
	ms_scan_begin(&scan, state, ms_key2(MS_TABLE_MAP, ino, index),
		      ms_key2(MS_TABLE_MAP, ino, end));
	while (status == 0 && count < max && ms_scan_next(&scan)) {
		struct dfs_row_map row;
		u64 at = ms_key_second(scan.key);
		status = ms_row_map_open(state, scan.value, &row);
		if (status != 0 || ms_map_dead(cut, at, &row))
			continue;
		status = locate(state, at, &row, &ret_locations[count]);
		count++;
	}
	int scan_status = ms_scan_end(&scan);
	*ret_count = count;
	return status != 0 ? status : scan_status;
}

int ms_chunks(struct ms_state *state, u64 ino, u64 index, u64 count,
	      struct ms_location *ret_locations, u32 max, u32 *ret_count)
{
	struct dfs_row_inode inode;
	struct dfs_row_cut cut;
	if (state->failure != 0)
		return state->failure;
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, ino), &inode);
	if (status != 0)
		return status == DFS_ENOENT ? DFS_ESTALE : status;
	if (ms_is_directory(&inode))
		return DFS_EISDIR;
	*ret_count = 0;
	u64 end = ms_chunks_of(&inode, inode.size);
	if (inode.chunks == 0 || index >= end || count == 0 || max == 0)
		return 0;
	end = dfs_min(count, end - index) + index;
	status = ms_map_cut_get(state, ino, &inode, &cut);
	if (status != 0)
		return status;
	if (end - index == 1)
		return find_one(state, ino, &cut, index, ret_locations, ret_count);
	return find_many(state, ino, &cut, index, end, ret_locations, max, ret_count);
}

static struct ms_chunk chunk_of(u64 id, const struct dfs_row_chunk *row)
{
	return (struct ms_chunk){.chunk = id,
				 .ino = row->ino,
				 .index = row->index,
				 .home = row->home,
				 .epoch = row->epoch,
				 .goal = row->goal,
				 .references = row->references};
}

int ms_chunk_get(struct ms_state *state, u64 chunk, struct ms_chunk *ret_chunk)
{
	struct dfs_row_chunk row;
	if (state->failure != 0)
		return state->failure;
	int status = ms_row_chunk_get(state, ms_key1(MS_TABLE_CHUNK, chunk), &row);
	if (status == 0)
		*ret_chunk = chunk_of(chunk, &row);
	return status;
}

int ms_is_garbage(struct ms_state *state, u64 chunk)
{
	struct dfs_row_garbage row;
	if (state->failure != 0)
		return state->failure;
	if (state->counters.garbage == 0)
		return 0;
	int status = ms_row_garbage_get(state, ms_key1(MS_TABLE_GARBAGE, chunk), &row);
	if (status == DFS_ENOENT)
		return 0;
	return status == 0 ? 1 : status;
}

int ms_scan_chunks(struct ms_state *state, u64 after, struct ms_chunk *ret_chunks, u32 max,
		   u32 *ret_count)
{
	int status = 0;
	u32 count = 0;
	if (state->failure != 0)
		return state->failure;
	*ret_count = 0;
	if (after == UINT64_MAX)
		return 0;
	struct ms_scan scan;
	ms_scan_begin(&scan, state, ms_key1(MS_TABLE_CHUNK, after + 1),
		      ms_key0(MS_TABLE_CHUNK + 1));
	while (status == 0 && count < max && ms_scan_next(&scan)) {
		struct dfs_row_chunk row;
		status = ms_row_chunk_open(state, scan.value, &row);
		if (status == 0)
			ret_chunks[count++] = chunk_of(ms_key_first(scan.key), &row);
	}
	int scan_status = ms_scan_end(&scan);
	*ret_count = count;
	return status != 0 ? status : scan_status;
}
