/*
 * The bounds of schema/limits.def as constants: DFS_BLOCK_BYTES and so on.
 */
#ifndef DFS_BASE_LIMITS_H
#define DFS_BASE_LIMITS_H

enum dfs_limit {
#define LIMIT(name, value, unit, meaning) DFS_##name = value,
#include "libdfsproto/schema/limits.def"
#undef LIMIT
};

_Static_assert(DFS_SEGMENT_BYTES % DFS_BLOCK_BYTES == 0, "segments hold whole blocks");
_Static_assert((1 << DFS_CHUNK_SHIFT_MIN) % DFS_BLOCK_BYTES == 0, "chunks hold whole blocks");
_Static_assert(DFS_WIRE_IO_BYTES <= DFS_PAYLOAD_BYTES_MAX, "preferred size is allowed");

#endif
