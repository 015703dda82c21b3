/*
 * See edge.h.
 */
#include "chunkserver/core/edge.h"

#include "chunkserver/core/store.h"

void cs_edges_load(struct cs_op *op, const struct cs_edge edges[2], struct dfs_fxs *fxs)
{
	for (u32 i = 0; i < 2; i++) {
		if (!edges[i].used || !edges[i].load)
			continue;
		op->outstanding++;
		cs_store_read(op, i == 0 ? CS_IO_EDGE_0 : CS_IO_EDGE_1,
			      edges[i].block * DFS_BLOCK_BYTES, DFS_BLOCK_BYTES, fxs);
	}
}

struct cs_edge *cs_edge_of(struct cs_edge edges[2], const struct cs_done *done)
{
	DFS_ASSERT(done->which == CS_IO_EDGE_0 || done->which == CS_IO_EDGE_1);
	return &edges[done->which == CS_IO_EDGE_1];
}

void cs_edge_block(const struct cs_done *done, u8 *ret_block)
{
	u32 count = (u32)dfs_min(done->count, (u64)DFS_BLOCK_BYTES);
	if (count > 0)
		memcpy(ret_block, done->buf->data, count);
	memset(ret_block + count, 0, DFS_BLOCK_BYTES - count);
}
