/*
 * What happens behind deleted files: PURGE takes inodes without a name away, CUT goes on where one
 * operation's work was bounded, FORGET_CHUNKS ends garbage that no chunkserver holds any more.
 */
#include "master/core/chunk_map.h"
#include "master/core/ops.h"
#include "master/core/quota.h"

#include <stdlib.h>

#define PURGE_MAX 1024u /* As ops.def says. */

static int compare_ids(const void *a, const void *b)
{
	u64 left = *(const u64 *)a;
	u64 right = *(const u64 *)b;
	return left < right ? -1 : left > right;
}

/* The list in ascending order, each id once: one said twice would not see itself gone in the store.
 */
static u32 sort_ids(struct dfs_items items, u64 *ids, u32 max)
{
	struct dfs_id item;
	u32 count = 0;
	DFS_ASSERT(items.count <= max);
	while (dfs_id_next(&items, &item))
		ids[count++] = item.id;
	qsort(ids, count, sizeof(ids[0]), compare_ids);
	u32 kept = 0;
	for (u32 i = 0; i < count; i++) {
		if (kept == 0 || ids[kept - 1] != ids[i])
			ids[kept++] = ids[i];
	}
	return kept;
}

/* All rows of the inode's map die; those beyond the budget are left to CUT. */
static int purge_map(struct ms_state *state, u64 ino, const struct dfs_row_inode *inode,
		     u32 *budget, struct ms_result *result)
{
	struct dfs_row_cut cut = {.before = UINT64_MAX, .end = UINT64_MAX};
	u64 end = inode->cutting != 0 ? UINT64_MAX : ms_chunks_of(inode, inode->size);
	struct ms_dropped dropped;
	bool finished;
	int status = ms_map_drop_dead(state, ino, &cut, end, budget, &dropped, &finished);
	if (status != 0)
		return status;
	if (!finished) {
		ms_row_cut_put(state, ms_key1(MS_TABLE_CUT, ino), &cut);
		result->cutting = ino;
	} else if (inode->cutting != 0) {
		ms_row_delete(state, ms_key1(MS_TABLE_CUT, ino));
	}
	return 0;
}

static int purge_inode(struct ms_state *state, u64 ino, u32 *budget, struct ms_result *result)
{
	struct dfs_row_orphan orphan;
	struct ms_key orphan_key = ms_key1(MS_TABLE_ORPHAN, ino);
	int status = ms_row_orphan_get(state, orphan_key, &orphan);
	if (status != 0)
		return status == DFS_ENOENT ? 0 : status;
	struct dfs_row_inode inode;
	struct ms_key inode_key = ms_key1(MS_TABLE_INODE, ino);
	status = ms_must(state, ms_row_inode_get(state, inode_key, &inode));
	if (status == 0 && inode.chunks > 0)
		status = purge_map(state, ino, &inode, budget, result);
	if (status != 0)
		return status;
	if (S_ISLNK(inode.mode))
		ms_row_delete(state, ms_key1(MS_TABLE_SYMLINK, ino));
	if (inode.xattrs_names_bytes > 0)
		ms_row_delete_range(state, ms_key1(MS_TABLE_XATTR, ino),
				    ms_key1(MS_TABLE_XATTR, ino + 1));
	ms_row_delete(state, inode_key);
	ms_row_delete(state, orphan_key);
	state->counters.inodes--;
#ifdef DFS_PLANT_PURGE_UNCOUNTED
	return 0;
#endif
	struct ms_owned owned = ms_owned_of(&inode);
	return ms_quota_move(state, &owned, &(struct ms_owned){0});
}

int ms_op_purge(struct ms_state *state, const struct ms_op *op, const struct dfs_purge *body,
		struct ms_result *result)
{
	(void)op;
	u64 ids[PURGE_MAX];
	u32 count = sort_ids(body->inodes, ids, PURGE_MAX);
	u32 budget = DFS_MAP_ROWS_PER_OP;
	int status = 0;
	for (u32 i = 0; status == 0 && i < count; i++)
		status = purge_inode(state, ids[i], &budget, result);
	return status;
}

int ms_op_cut(struct ms_state *state, const struct ms_op *op, const struct dfs_cut *body,
	      struct ms_result *result)
{
	(void)op;
	struct ms_key key = ms_key1(MS_TABLE_CUT, body->ino);
	struct dfs_row_cut cut;
	int status = ms_row_cut_get(state, key, &cut);
	if (status != 0)
		return status == DFS_ENOENT ? 0 : status;
	struct ms_inode *inode = NULL;
	status = ms_txn_inode(state, body->ino, &inode);
	if (status != 0 && status != DFS_ENOENT)
		return status;
	u32 budget = DFS_MAP_ROWS_PER_OP;
	struct ms_dropped dropped;
	bool finished;
	status = ms_map_drop_dead(state, body->ino, &cut, cut.end, &budget, &dropped, &finished);
	if (status != 0)
		return status;
	if (inode != NULL) { /* Not a change that anybody sees: no ctime, no counter. */
		ms_map_dropped(inode, &dropped);
		inode->row.cutting = !finished;
		inode->dirty = true;
	}
	if (finished)
		ms_row_delete(state, key);
	else
		ms_row_cut_put(state, key, &cut);
	result->cutting = finished ? 0 : body->ino;
	return 0;
}

int ms_op_forget_chunks(struct ms_state *state, const struct ms_op *op,
			const struct dfs_forget_chunks *body, struct ms_result *result)
{
	(void)op;
	(void)result;
	u64 ids[DFS_REPORT_CHUNKS_MAX];
	u32 count = sort_ids(body->chunks, ids, DFS_REPORT_CHUNKS_MAX);
	for (u32 i = 0; i < count; i++) {
		struct ms_key key = ms_key1(MS_TABLE_GARBAGE, ids[i]);
		struct dfs_row_garbage row;
		int status = ms_row_garbage_get(state, key, &row);
		if (status == DFS_ENOENT)
			continue;
		if (status != 0)
			return status;
		ms_row_delete(state, key);
		state->counters.garbage--;
	}
	return 0;
}
