/*
 * base/map.h against a plain array.
 */
#include "libdfsproto/base/map.h"
#include "libdfsproto/base/prng.h"
#include "tests/unit/unit.h"

enum { ITEMS = 5000 };

struct item {
	bool present;
	struct dfs_map_node node;
};

static struct item items[ITEMS];

/* Keys of several shapes: consecutive, strided, high bits only. */
static u64 key_of(u32 index)
{
	switch (index % 3) {
	case 0:
		return index;
	case 1:
		return (u64)index << 40 | 1;
	default:
		return (u64)index * 4096 + 2;
	}
}

static void an_empty_map_finds_nothing(void **state)
{
	(void)state;
	struct dfs_map map = {0};
	assert_null(dfs_map_find(&map, 0));
	assert_null(dfs_map_next(&map, NULL));
	dfs_map_fini(&map);
	dfs_map_fini(&map);
}

static void a_map_agrees_with_its_model(void **state)
{
	(void)state;
	struct dfs_map map = {0};
	struct dfs_prng prng;
	dfs_prng_seed(&prng, 1);
	u32 count = 0;
	for (u32 i = 0; i < 20 * ITEMS; i++) {
		u32 index = (u32)dfs_prng_below(&prng, ITEMS);
		struct dfs_map_node *found = dfs_map_find(&map, key_of(index));
		assert_ptr_equal(found, items[index].present ? &items[index].node : NULL);
		if (items[index].present) {
			assert_ptr_equal(dfs_map_entry(found, struct item, node), &items[index]);
			dfs_map_remove(&map, found);
			count--;
		} else {
			dfs_map_insert(&map, &items[index].node, key_of(index));
			count++;
		}
		items[index].present = !items[index].present;
		assert_int_equal(map.count, count);
	}
	dfs_map_fini(&map);
}

static void iteration_meets_every_node_once(void **state)
{
	(void)state;
	struct dfs_map map = {0};
	static u8 met[1000];
	for (u32 i = 0; i < 1000; i++)
		dfs_map_insert(&map, &items[i].node, i * 64);
	u32 count = 0;
	for (struct dfs_map_node *node = dfs_map_next(&map, NULL); node != NULL;
	     node = dfs_map_next(&map, node)) {
		assert_int_equal(met[node->key / 64]++, 0);
		count++;
	}
	assert_int_equal(count, 1000);
	dfs_map_fini(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_map_finds_nothing),
	    cmocka_unit_test(a_map_agrees_with_its_model),
	    cmocka_unit_test(iteration_meets_every_node_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
