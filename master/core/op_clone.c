/*
 * CLONE: whole chunks of one file become those of another as well. Nothing is copied: the map rows
 * of both name the same chunks and say so (`shared`), the chunks count one reference more. They are
 * sealed at their chunkservers, so whoever writes to either file gets a copy of its own first
 * (on_grant.c, ms_map_add). Of the source nothing changes that anybody could see.
 */
#include "master/core/chunk_map.h"
#include "master/core/chunk_refs.h"
#include "master/core/ops.h"

static int check_file(const struct ms_inode *inode)
{
	if (ms_is_directory(&inode->row))
		return DFS_EISDIR;
	if (!S_ISREG(inode->row.mode))
		return DFS_EINVAL;
	return inode->row.cutting != 0 ? DFS_EBUSY : 0;
}

/* Both files, and that the range lies as the client believed. */
static int check(const struct ms_inode *to, const struct ms_inode *from,
		 const struct dfs_clone *body)
{
	u32 shift = to->row.chunk_shift;
	u32 count = body->chunks.count;
	int status = check_file(to);
	if (status == 0)
		status = check_file(from);
	if (status != 0)
		return status;
	if (from->row.chunk_shift != shift)
		return DFS_EXDEV;
	u64 most = ((u64)INT64_MAX >> shift) - DFS_CLONE_CHUNKS_MAX;
	if (count == 0 || body->index > most || body->source_index > most)
		return DFS_EINVAL;
	if (body->end <= (body->index + count - 1) << shift || body->end > (body->index + count)
									       << shift)
		return DFS_EINVAL;
	if (to == from && body->index < body->source_index + count &&
	    body->source_index < body->index + count)
		return DFS_EINVAL;
	u64 length = body->end - (body->index << shift);
	if ((body->source_index << shift) + length > from->row.size)
		return DFS_ESTALE;
	bool inside = (body->end & (ms_chunk_bytes(&to->row) - 1)) != 0;
	return inside && to->row.size > body->end ? DFS_ESTALE : 0;
}

/* 0, DFS_ENOENT: a hole, or the store's failure. */
static int get_row(struct ms_state *state, const struct ms_inode *inode, u64 index,
		   struct dfs_row_map *ret_row)
{
	return ms_row_map_get(state, ms_key2(MS_TABLE_MAP, inode->ino, index), ret_row);
}

static int drop_old(struct ms_state *state, struct ms_inode *to, u64 index)
{
	struct dfs_row_map row;
	struct ms_dropped dropped = {0};
	int status = get_row(state, to, index, &row);
	if (status != 0)
		return status == DFS_ENOENT ? 0 : status;
	status = ms_map_drop(state, to->ino, index, &row, &dropped);
	if (status == 0)
		ms_map_dropped(to, &dropped);
	return status;
}

/* The chunk of the source's `row` gets one more place. */
static void share(struct ms_state *state, struct ms_inode *to, u64 index, u64 end,
		  struct dfs_row_map row)
{
	u64 bytes = end - (index << to->row.chunk_shift);
	row.born = to->row.change;
	row.shared = 1;
	if (bytes < ms_chunk_bytes(&to->row)) {
		row.valid = dfs_min(row.valid, (u32)bytes);
		row.length = ms_map_bytes(&row);
	}
	ms_row_map_put(state, ms_key2(MS_TABLE_MAP, to->ino, index), &row);
	to->row.chunks++;
	to->row.allocated += ms_map_space(row.length);
}

static int clone_one(struct ms_state *state, struct ms_inode *to, struct ms_inode *from,
		     const struct dfs_clone *body, u64 i, u64 chunk)
{
	struct dfs_row_map row = {0};
	u64 from_index = body->source_index + i;
	int status = get_row(state, from, from_index, &row);
	if (status != 0 && status != DFS_ENOENT)
		return status;
	if (row.chunk != chunk)
		return DFS_ESTALE;
	if (status == 0 && ms_map_trim_due(&row))
		return DFS_EBUSY;
	if (chunk == 0)
		return drop_old(state, to, body->index + i);
	/* One more before the old one goes: it may be the same chunk. */
	status = ms_ref_add(state, chunk);
	if (status == 0)
		status = drop_old(state, to, body->index + i);
	if (status != 0)
		return status;
	if (row.shared == 0) {
		row.shared = 1;
		ms_row_map_put(state, ms_key2(MS_TABLE_MAP, from->ino, from_index), &row);
	}
	share(state, to, body->index + i, body->end, row);
	return 0;
}

int ms_op_clone(struct ms_state *state, const struct ms_op *op, const struct dfs_clone *body,
		struct ms_result *result)
{
	struct ms_inode *to, *from;
	struct dfs_items items = body->chunks;
	struct dfs_id item;
	int status = ms_txn_handle(state, body->ino, &to);
	if (status == 0)
		status = ms_txn_handle(state, body->source, &from);
	if (status == 0)
		status = check(to, from, body);
	if (status != 0)
		return status;
	ms_inode_changed(to, op->wall);
	status = ms_privileges_drop(state, to, op->uid != 0);
	for (u64 i = 0; status == 0 && dfs_id_next(&items, &item); i++)
		status = clone_one(state, to, from, body, i, item.id);
	to->row.size = dfs_max(to->row.size, body->end);
	to->row.mtime = body->mtime;
	result->attr = ms_inode_attr(to->ino, &to->row);
	return status;
}
