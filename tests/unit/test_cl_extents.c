/*
 * Byte ranges with their data.
 */
#include "fuse/core/extents.h"
#include "tests/unit/unit.h"

static struct dfs_payload piece(u32 bytes, u8 value)
{
	struct dfs_buf *buf = dfs_buf_new(bytes);
	memset(buf->data, value, bytes);
	return (struct dfs_payload){.buf = buf, .bytes = bytes};
}

static void put(struct cl_extents *set, u32 start, u32 bytes, u8 value, bool reference)
{
	struct dfs_payload data = piece(bytes, value);
	cl_extents_put(set, start, &data, reference, 4096);
	dfs_buf_unref(data.buf);
	cl_extents_check(set);
}

static void sequential_small_writes_become_one_extent(void **state)
{
	struct cl_extents set = {0};
	(void)state;
	for (u32 i = 0; i < 1000; i++)
		put(&set, i * 100, 100, (u8)i, false);
	assert_int_equal(set.count, 1);
	assert_int_equal(set.bytes, 100000);
	u8 *all = malloc(100000);
	cl_extents_copy(&set, 0, 100000, all);
	for (u32 i = 0; i < 100000; i++)
		assert_int_equal(all[i], (u8)(i / 100));
	free(all);
	cl_extents_fini(&set);
	assert_int_equal(dfs_buf_live_count(), 0);
}

static void a_shared_buffer_is_never_changed(void **state)
{
	struct cl_extents set = {0}, seen = {0};
	(void)state;
	put(&set, 0, 1000, 1, true);
	cl_extents_fill(&seen, &set, 0, 1000);
	put(&set, 100, 50, 2, false);
	put(&set, 1000, 50, 3, false);
	u8 byte;
	cl_extents_copy(&seen, 120, 121, &byte);
	assert_int_equal(byte, 1);
	cl_extents_copy(&set, 120, 121, &byte);
	assert_int_equal(byte, 2);
	assert_true(cl_extents_cover(&set, 0, 1050));
	cl_extents_fini(&seen);
	cl_extents_fini(&set);
	assert_int_equal(dfs_buf_live_count(), 0);
}

/* Against a plain array, with every operation. */
static void random_operations_agree_with_an_array(void **state)
{
	enum { BYTES = 3000 };
	struct cl_extents set = {0}, other = {0};
	static u8 model[BYTES], model_other[BYTES];
	struct dfs_prng prng;
	(void)state;
	dfs_prng_seed(&prng, 7);
	for (u32 round = 0; round < 20000; round++) {
		u32 start = (u32)dfs_prng_below(&prng, BYTES);
		u32 bytes = 1 + (u32)dfs_prng_below(&prng, dfs_min(BYTES - start, 400u));
		u8 value = (u8)(1 + dfs_prng_below(&prng, 255));
		u32 from, to;
		switch (dfs_prng_below(&prng, 8)) {
		case 0:
			cl_extents_erase(&set, start, start + bytes);
			memset(model + start, 0, bytes);
			break;
		case 1:
			put(&other, start, bytes, value, false);
			memset(model_other + start, value, bytes);
			break;
		case 2:
			cl_extents_fill(&set, &other, start, start + bytes);
			for (u32 i = start; i < start + bytes; i++)
				model[i] = model[i] != 0 ? model[i] : model_other[i];
			break;
		case 3:
			cl_extents_join(&set);
			break;
		case 4:
			cl_extents_clear(&other);
			memset(model_other, 0, sizeof(model_other));
			break;
		default:
			put(&set, start, bytes, value, dfs_prng_below(&prng, 2) == 0);
			memset(model + start, value, bytes);
			break;
		}
		cl_extents_check(&set);
		u8 got[BYTES] = {0};
		cl_extents_copy(&set, 0, BYTES, got);
		assert_memory_equal(got, model, BYTES);
		bool gap = cl_extents_gap(&set, start, start + bytes, &from, &to);
		const u8 *first = memchr(model + start, 0, bytes);
		assert_int_equal(gap, first != NULL);
		if (gap) {
			assert_int_equal(from, first - model);
			assert_int_equal(model[to - 1], 0);
			for (u32 i = to; i < start + bytes; i++)
				assert_int_not_equal(model[i], 0);
		}
	}
	cl_extents_fini(&set);
	cl_extents_fini(&other);
	assert_int_equal(dfs_buf_live_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sequential_small_writes_become_one_extent),
	    cmocka_unit_test(a_shared_buffer_is_never_changed),
	    cmocka_unit_test(random_operations_agree_with_an_array),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
