/*
 * The batches of base/kv.h.
 */
#include "libdfsproto/base/kv.h"
#include "libdfsproto/base/prng.h"
#include "tests/unit/unit.h"

static void changes_come_back_as_they_went_in(void **state)
{
	(void)state;
	struct dfs_kv_batch batch = {0};
	dfs_kv_batch_put(&batch, dfs_span_text("key"), dfs_span_text("value"));
	dfs_kv_batch_put(&batch, dfs_span_text("empty"), (struct dfs_span){0});
	dfs_kv_batch_delete(&batch, dfs_span_text("gone"));
	dfs_kv_batch_delete_range(&batch, dfs_span_text("a"), dfs_span_text("b"));
	dfs_kv_batch_put(&batch, dfs_span("a\0b", 3), dfs_span("\0", 1));
	assert_int_equal(batch.count, 5);
	static const struct {
		enum dfs_kv_change_kind kind;
		struct dfs_span key, value;
	} expected[] = {
	    {DFS_KV_PUT, {(const u8 *)"key", 3}, {(const u8 *)"value", 5}},
	    {DFS_KV_PUT, {(const u8 *)"empty", 5}, {NULL, 0}},
	    {DFS_KV_DELETE, {(const u8 *)"gone", 4}, {NULL, 0}},
	    {DFS_KV_DELETE_RANGE, {(const u8 *)"a", 1}, {(const u8 *)"b", 1}},
	    {DFS_KV_PUT, {(const u8 *)"a\0b", 3}, {(const u8 *)"\0", 1}},
	};
	u32 at = 0;
	struct dfs_kv_change change;
	for (u32 i = 0; i < dfs_array_count(expected); i++) {
		assert_true(dfs_kv_batch_next(&batch, &at, &change));
		assert_int_equal(change.kind, expected[i].kind);
		assert_true(dfs_span_equal(change.key, expected[i].key));
		assert_true(dfs_span_equal(change.value, expected[i].value));
	}
	assert_false(dfs_kv_batch_next(&batch, &at, &change));
	dfs_kv_batch_fini(&batch);
}

static void a_cleared_batch_is_empty_and_of_use_again(void **state)
{
	(void)state;
	struct dfs_kv_batch batch = {0};
	u32 at = 0;
	struct dfs_kv_change change;
	dfs_kv_batch_put(&batch, dfs_span_text("k"), dfs_span_text("v"));
	dfs_kv_batch_clear(&batch);
	assert_int_equal(batch.count, 0);
	assert_false(dfs_kv_batch_next(&batch, &at, &change));
	dfs_kv_batch_delete(&batch, dfs_span_text("k"));
	assert_true(dfs_kv_batch_next(&batch, &at, &change));
	assert_int_equal(change.kind, DFS_KV_DELETE);
	dfs_kv_batch_fini(&batch);
	dfs_kv_batch_fini(&batch);
}

static void large_batches_grow(void **state)
{
	(void)state;
	struct dfs_kv_batch batch = {0};
	static u8 value[100000];
	for (u32 i = 0; i < 200; i++) {
		value[0] = (u8)i;
		dfs_kv_batch_put(&batch, dfs_span(&i, sizeof(i)), dfs_span(value, i * 500));
	}
	u32 at = 0, count = 0;
	struct dfs_kv_change change;
	while (dfs_kv_batch_next(&batch, &at, &change)) {
		assert_int_equal(change.value.length, count * 500);
		assert_memory_equal(change.key.data, &count, sizeof(count));
		assert_true(count == 0 || change.value.data[0] == (u8)count);
		count++;
	}
	assert_int_equal(count, 200);
	dfs_kv_batch_fini(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(changes_come_back_as_they_went_in),
	    cmocka_unit_test(a_cleared_batch_is_empty_and_of_use_again),
	    cmocka_unit_test(large_batches_grow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
