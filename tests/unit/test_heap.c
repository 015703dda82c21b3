/*
 * base/heap.h: order, ties, removal from the middle.
 */
#include "libdfsproto/base/heap.h"
#include "libdfsproto/base/prng.h"
#include "tests/unit/unit.h"

enum { NODES = 2000 };

static struct dfs_heap_node nodes[NODES];

static struct dfs_heap_node *pop(struct dfs_heap *heap)
{
	struct dfs_heap_node *top = dfs_heap_top(heap);
	dfs_heap_remove(heap, top);
	return top;
}

static void the_earliest_leaves_first(void **state)
{
	(void)state;
	struct dfs_heap heap = {0};
	struct dfs_prng prng;
	dfs_prng_seed(&prng, 2);
	memset(nodes, 0, sizeof(nodes));
	for (u32 i = 0; i < NODES; i++)
		dfs_heap_insert(&heap, &nodes[i], dfs_prng_below(&prng, 500));
	u64 previous = 0, previous_order = 0;
	for (u32 i = 0; i < NODES; i++) {
		struct dfs_heap_node *top = pop(&heap);
		assert_true(top->key > previous ||
			    (top->key == previous && (i == 0 || top->order > previous_order)));
		previous = top->key;
		previous_order = top->order;
	}
	assert_null(dfs_heap_top(&heap));
	dfs_heap_fini(&heap);
}

static void equals_leave_in_the_order_they_came(void **state)
{
	(void)state;
	struct dfs_heap heap = {0};
	memset(nodes, 0, sizeof(nodes));
	for (u32 i = 0; i < 100; i++)
		dfs_heap_insert(&heap, &nodes[i], 7);
	for (u32 i = 0; i < 100; i++)
		assert_ptr_equal(pop(&heap), &nodes[i]);
	dfs_heap_fini(&heap);
}

static void any_node_can_be_taken_out(void **state)
{
	(void)state;
	struct dfs_heap heap = {0};
	struct dfs_prng prng;
	dfs_prng_seed(&prng, 3);
	memset(nodes, 0, sizeof(nodes));
	for (u32 round = 0; round < 20000; round++) {
		struct dfs_heap_node *node = &nodes[dfs_prng_below(&prng, NODES)];
		if (node->position != 0)
			dfs_heap_remove(&heap, node);
		else
			dfs_heap_insert(&heap, node, dfs_prng_below(&prng, 1000));
		dfs_heap_remove(&heap, &(struct dfs_heap_node){0}); /* In no heap: harmless. */
		if (round % 500 != 0)
			continue;
		u64 least = UINT64_MAX;
		u32 count = 0;
		for (u32 i = 0; i < NODES; i++) {
			if (nodes[i].position == 0)
				continue;
			least = dfs_min(least, nodes[i].key);
			count++;
		}
		assert_int_equal(heap.count, count);
		if (count > 0)
			assert_int_equal(dfs_heap_top(&heap)->key, least);
	}
	dfs_heap_fini(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_earliest_leaves_first),
	    cmocka_unit_test(equals_leave_in_the_order_they_came),
	    cmocka_unit_test(any_node_can_be_taken_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
