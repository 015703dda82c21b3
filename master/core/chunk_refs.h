/*
 * Chunks that several places of files share: how many map rows name each. One operation may drop or
 * add several rows of the same chunk (a file may have it twice), and reads do not see what the
 * operation has put into its batch; so the chunk rows concerned are kept here until it ends.
 *
 * Rows that are not shared need none of this: theirs is the only reference (chunk_map.c).
 */
#ifndef DFS_MASTER_CHUNK_REFS_H
#define DFS_MASTER_CHUNK_REFS_H

#include "master/core/state_i.h"

/* One more map row names it. The chunk has a row: else the store is broken. */
int ms_ref_add(struct ms_state *state, u64 chunk);
/* The map row (ino, index) names it no more. Without any it becomes garbage as the operation ends.
 */
int ms_ref_drop(struct ms_state *state, u64 chunk, u64 ino, u64 index);

/* A chunk goes from its table to that of garbage; its row is as given. */
void ms_chunk_discard(struct ms_state *state, u64 chunk, const struct dfs_row_chunk *row);

/* The operation succeeded: into the batch. Or it begins, or failed: nothing is remembered. */
void ms_refs_flush(struct ms_state *state);
void ms_refs_clear(struct ms_state *state);

#endif
