/*
 * The part of ms_state_check that is about chunks: maps, chunk rows, garbage, bounds and cuts.
 */
#include "master/core/check_i.h"
#include "master/core/chunk_map.h"

typedef unsigned long long ull;

int check_see_map(struct check *check, const struct ms_scan *scan)
{
	u64 ino = ms_key_first(scan->key);
	u64 index = ms_key_second(scan->key);
	struct check_inode *inode = check_find(check, ino);
	struct dfs_row_map row;
	struct dfs_row_chunk chunk;
	struct dfs_row_cut cut;
	int status = ms_row_map_open(check->state, scan->value, &row);
	if (status != 0)
		return status;
	if (ms_row_chunk_get(check->state, ms_key1(MS_TABLE_CHUNK, row.chunk), &chunk) != 0)
		return check_wrong(check, "inode %llu maps chunk %llx, which is not there",
				   (ull)ino, (ull)row.chunk);
	if (chunk.references != 1 || chunk.ino != ino || chunk.index != index)
		return check_wrong(check, "chunk %llx does not know that inode %llu maps it",
				   (ull)row.chunk, (ull)ino);
	check->bounds += row.valid != DFS_VALID_ALL;
	if (inode == NULL) { /* Purged; its rows wait for CUT. */
		status = ms_row_cut_get(check->state, ms_key1(MS_TABLE_CUT, ino), &cut);
		if (status != 0 || !ms_map_dead(&cut, index, &row))
			return check_wrong(check, "a map of inode %llu, which is not there",
					   (ull)ino);
		return 0;
	}
	inode->chunks++;
	inode->allocated += ms_map_space(row.length);
	status = ms_map_cut_get(check->state, ino, &inode->row, &cut);
	if (status != 0)
		return status;
	if (!ms_map_dead(&cut, index, &row) && index >= ms_chunks_of(&inode->row, inode->row.size))
		return check_wrong(check, "inode %llu: chunk %llu beyond its end", (ull)ino,
				   (ull)index);
	return 0;
}

int check_see_chunk(struct check *check, const struct ms_scan *scan)
{
	u64 id = ms_key_first(scan->key);
	struct dfs_row_chunk row;
	struct dfs_row_map map;
	struct dfs_row_garbage garbage;
	int status = ms_row_chunk_open(check->state, scan->value, &row);
	if (status != 0)
		return status;
	status = ms_row_map_get(check->state, ms_key2(MS_TABLE_MAP, row.ino, row.index), &map);
	if (status != 0 || map.chunk != id)
		return check_wrong(check, "chunk %llx: inode %llu does not map it", (ull)id,
				   (ull)row.ino);
	status = ms_row_garbage_get(check->state, ms_key1(MS_TABLE_GARBAGE, id), &garbage);
	if (status == 0)
		return check_wrong(check, "chunk %llx is mapped and garbage", (ull)id);
	if (id == 0 || id >= check->state->counters.next_chunk)
		return check_wrong(check, "chunk %llx was never reserved", (ull)id);
	check->chunks++;
	return 0;
}

int check_see_garbage(struct check *check, const struct ms_scan *scan)
{
	struct dfs_row_garbage row;
	u64 id = ms_key_first(scan->key);
	int status = ms_row_garbage_open(check->state, scan->value, &row);
	if (status == 0 && (id == 0 || id >= check->state->counters.next_chunk))
		status = check_wrong(check, "garbage %llx was never reserved", (ull)id);
	check->garbage++;
	return status;
}

int check_see_trim(struct check *check, const struct ms_scan *scan)
{
	struct ms_key key =
	    ms_key2(MS_TABLE_MAP, ms_key_first(scan->key), ms_key_second(scan->key));
	struct dfs_row_trim row;
	struct dfs_row_map map;
	int status = ms_row_trim_open(check->state, scan->value, &row);
	if (status != 0)
		return status;
	status = ms_row_map_get(check->state, key, &map);
	if (status != 0 || map.chunk != row.chunk || map.valid == DFS_VALID_ALL)
		return check_wrong(check, "inode %llu: a trim without a bound",
				   (ull)ms_key_first(scan->key));
	check->trims++;
	return 0;
}

int check_see_cut(struct check *check, const struct ms_scan *scan)
{
	struct check_inode *inode = check_find(check, ms_key_first(scan->key));
	struct dfs_row_cut row;
	int status = ms_row_cut_open(check->state, scan->value, &row);
	if (status == 0 && inode != NULL)
		inode->cut = true;
	return status;
}
