/*
 * Blocks that a change touches only in part. Their new checksum needs the old bytes, and those are
 * believed only if they match the old checksum: damage must never be laundered into a sound block.
 */
#ifndef CS_CORE_EDGE_H
#define CS_CORE_EDGE_H

#include "chunkserver/core/op.h"

/* Read the old contents of every edge that asks for it; op->outstanding counts them. */
void cs_edges_load(struct cs_op *op, const struct cs_edge edges[2], struct dfs_fxs *fxs);

/* The edge an I/O was for; asserts that it was for one. */
struct cs_edge *cs_edge_of(struct cs_edge edges[2], const struct cs_done *done);

/* The old block as it should be: bytes of the file, zeros behind. `ret_block` has DFS_BLOCK_BYTES.
 */
void cs_edge_block(const struct cs_done *done, u8 *ret_block);

#endif
