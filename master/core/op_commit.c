/*
 * COMMIT: what a client wrote becomes part of the file. TRIMMED: a cut chunk is cut on its replicas
 * too.
 *
 * Store calls of a new file's first COMMIT: get inode, map row and chunk row; put all three, result
 * and counters, delete the acknowledged result: 9.
 */
#include "master/core/chunk_map.h"
#include "master/core/ops.h"

#define COMMITTED_MAX 1024u /* As ops.def says. */

static int check(const struct ms_inode *inode, const struct dfs_commit *body)
{
	if (ms_is_directory(&inode->row))
		return DFS_EISDIR;
	if (!S_ISREG(inode->row.mode))
		return DFS_EINVAL;
	return body->size > INT64_MAX ? DFS_EFBIG : 0;
}

/* An item said twice would not see itself in the store: the exact repetition is left out, anything
 * that contradicts an earlier item is refused. Lists are short; the square of the limit is still 1
 * ms. */
static int check_repeated(const struct dfs_committed *items, u32 count, bool *ret_repeated)
{
	const struct dfs_committed *item = &items[count];
	*ret_repeated = false;
	for (u32 i = 0; i < count; i++) {
		bool same_index = items[i].index == item->index;
		bool same_chunk = items[i].chunk == item->chunk;
		if (same_index != same_chunk)
			return DFS_EINVAL;
		if (same_index)
			*ret_repeated = true;
	}
	return 0;
}

static int add_chunks(struct ms_state *state, struct ms_inode *inode, const struct dfs_commit *body)
{
	struct dfs_committed seen[COMMITTED_MAX];
	struct dfs_items items = body->chunks;
	struct dfs_row_cut cut;
	u64 end = ms_chunks_of(&inode->row, inode->row.size);
	int status = ms_map_cut_get(state, inode->ino, &inode->row, &cut);
	for (u32 count = 0; status == 0 && dfs_committed_next(&items, &seen[count]); count++) {
		const struct dfs_committed *item = &seen[count];
		if (item->chunk == 0 || item->chunk >= state->counters.next_chunk)
			return DFS_EINVAL; /* Never reserved. */
		if (item->index >= end)
			return DFS_EINVAL; /* Beyond the end even after this COMMIT. */
		bool repeated;
		u64 added;
		status = check_repeated(seen, count, &repeated);
		if (status == 0 && !repeated)
			status = ms_map_add(state, inode, &cut, item, &added);
	}
	return status;
}

int ms_op_commit(struct ms_state *state, const struct ms_op *op, const struct dfs_commit *body,
		 struct ms_result *result)
{
	struct ms_inode *inode;
	int status = ms_txn_handle(state, body->ino, &inode);
	if (status == 0)
		status = check(inode, body);
	if (status != 0)
		return status;
	inode->row.size = dfs_max(inode->row.size, body->size);
	ms_inode_changed(inode, op->wall);
	inode->row.mtime = body->mtime;
	/* A COMMIT comes in the name of whoever wrote. */
	status = ms_privileges_drop(state, inode, op->uid != 0);
	if (status == 0 && body->chunks.count > 0)
		status = add_chunks(state, inode, body);
	result->attr = ms_inode_attr(inode->ino, &inode->row);
	return status;
}

int ms_op_trimmed(struct ms_state *state, const struct ms_op *op, const struct dfs_trimmed *body,
		  struct ms_result *result)
{
	(void)op;
	(void)result;
	struct ms_key key = ms_key2(MS_TABLE_MAP, body->ino, body->index);
	struct dfs_row_map row;
	int status = ms_row_map_get(state, key, &row);
	if (status == DFS_ENOENT)
		return 0; /* Truncated away or purged meanwhile. */
	if (status != 0)
		return status;
	if (row.chunk != body->chunk || row.valid != body->length)
		return 0; /* Another chunk, another bound: that one gets its own TRIMMED. */
	row.valid = DFS_VALID_ALL;
	ms_row_map_put(state, key, &row);
	ms_row_delete(state, ms_key2(MS_TABLE_TRIM, body->ino, body->index));
	return 0;
}
