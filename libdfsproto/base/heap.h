/*
 * Intrusive binary min-heap ordered by a 64-bit key (a deadline) and, among equals, by insertion
 * order, so that two runs agree. Used where many deadlines wait and the earliest is asked for.
 */
#ifndef DFS_BASE_HEAP_H
#define DFS_BASE_HEAP_H

#include "libdfsproto/base/types.h"

struct dfs_heap_node {
	u64 key;
	u64 order;    /* Insertion number: ties leave in the order they came. */
	u32 position; /* Index in the heap's array plus one; 0 when in no heap. */
};

struct dfs_heap {
	struct dfs_heap_node **nodes;
	u32 count;
	u32 capacity;
	u64 inserted;
};

void dfs_heap_fini(struct dfs_heap *heap);
/* The node must be in no heap. Aborts when memory is exhausted. */
void dfs_heap_insert(struct dfs_heap *heap, struct dfs_heap_node *node, u64 key);
/* Harmless when the node is in no heap. */
void dfs_heap_remove(struct dfs_heap *heap, struct dfs_heap_node *node);

static inline struct dfs_heap_node *dfs_heap_top(const struct dfs_heap *heap)
{
	return heap->count == 0 ? NULL : heap->nodes[0];
}

#endif
