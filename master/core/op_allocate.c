/*
 * ALLOCATE: what fallocate(2) changes in the tables. Chunks that the range covers leave the map, as
 * in a truncation; of those that it covers in part the client has punched the bytes out at their
 * chunkservers before it asks (fuse/core/op_allocate.c), so that whoever sees the new `change`
 * reads the zeros. No space is set aside here: see the README's limits.
 */
#include "master/core/chunk_map.h"
#include "master/core/ops.h"

#define BITS_KNOWN ((u32)(DFS_ALLOCATE_KEEP_SIZE | DFS_ALLOCATE_PUNCH))

static int check(const struct ms_inode *inode, const struct dfs_allocate *body)
{
	if (ms_is_directory(&inode->row))
		return DFS_EISDIR;
	if (!S_ISREG(inode->row.mode) || body->length == 0 || (body->flags & ~BITS_KNOWN) != 0)
		return DFS_EINVAL;
	if (body->offset > INT64_MAX || body->length > (u64)INT64_MAX - body->offset)
		return DFS_EFBIG;
	return 0;
}

/* The last chunk counts as covered when the range reaches the end of the file: there is nothing
 * behind it. */
static int punch(struct ms_state *state, struct ms_inode *inode, const struct dfs_allocate *body,
		 struct ms_result *result)
{
	u64 mask = ms_chunk_bytes(&inode->row) - 1;
	u64 to = body->offset + body->length;
	u64 first = (body->offset >> inode->row.chunk_shift) + ((body->offset & mask) != 0);
	u64 end = to >> inode->row.chunk_shift;
	if (to >= inode->row.size)
		end = ms_chunks_of(&inode->row, inode->row.size);
	return first < end ? ms_map_punch(state, inode, first, end, result) : 0;
}

int ms_op_allocate(struct ms_state *state, const struct ms_op *op, const struct dfs_allocate *body,
		   struct ms_result *result)
{
	struct ms_inode *inode;
	int status = ms_txn_handle(state, body->ino, &inode);
	if (status == 0)
		status = check(inode, body);
	if (status != 0)
		return status;
	bool punches = (body->flags & DFS_ALLOCATE_PUNCH) != 0;
	u64 end = body->offset + body->length;
	bool grows = (body->flags & DFS_ALLOCATE_KEEP_SIZE) == 0 && end > inode->row.size;
	ms_inode_changed(inode, op->wall);
	status = ms_privileges_drop(state, inode, op->uid != 0);
	if (status == 0 && punches)
		status = punch(state, inode, body, result);
	if (grows)
		inode->row.size = end;
	if (punches || grows)
		inode->row.mtime = (s64)op->wall;
	result->attr = ms_inode_attr(inode->ino, &inode->row);
	return status;
}
