/*
 * Array-backed binary heap (CLRS, chapter 6), with each node knowing its place for O(log n)
 * removal.
 */
#include "libdfsproto/base/heap.h"

#include <stdlib.h>

static bool before(const struct dfs_heap_node *a, const struct dfs_heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void place(struct dfs_heap *heap, u32 index, struct dfs_heap_node *node)
{
	heap->nodes[index] = node;
	node->position = index + 1;
}

static void sift_up(struct dfs_heap *heap, u32 index, struct dfs_heap_node *node)
{
	while (index > 0 && before(node, heap->nodes[(index - 1) / 2])) {
		place(heap, index, heap->nodes[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	place(heap, index, node);
}

static void sift_down(struct dfs_heap *heap, u32 index, struct dfs_heap_node *node)
{
	for (;;) {
		u32 child = 2 * index + 1;
		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && before(heap->nodes[child + 1], heap->nodes[child]))
			child++;
		if (!before(heap->nodes[child], node))
			break;
		place(heap, index, heap->nodes[child]);
		index = child;
	}
	place(heap, index, node);
}

void dfs_heap_fini(struct dfs_heap *heap)
{
	free(heap->nodes);
	*heap = (struct dfs_heap){0};
}

void dfs_heap_insert(struct dfs_heap *heap, struct dfs_heap_node *node, u64 key)
{
	DFS_ASSERT(node->position == 0);
	if (heap->count == heap->capacity) {
		u32 capacity = heap->capacity == 0 ? 16 : heap->capacity * 2;
		void *nodes = realloc(heap->nodes, capacity * sizeof(*heap->nodes));
		DFS_ASSERT(nodes != NULL);
		heap->nodes = nodes;
		heap->capacity = capacity;
	}
	node->key = key;
	node->order = heap->inserted++;
	sift_up(heap, heap->count++, node);
}

void dfs_heap_remove(struct dfs_heap *heap, struct dfs_heap_node *node)
{
	if (node->position == 0)
		return;
	u32 index = node->position - 1;
	DFS_ASSERT(heap->nodes[index] == node);
	struct dfs_heap_node *last = heap->nodes[--heap->count];
	node->position = 0;
	if (last == node)
		return;
	if (index > 0 && before(last, heap->nodes[(index - 1) / 2]))
		sift_up(heap, index, last);
	else
		sift_down(heap, index, last);
}
