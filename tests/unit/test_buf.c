/*
 * base/buf.h: sizes, references, reuse.
 */
#include "libdfsproto/base/buf.h"
#include "tests/unit/unit.h"

static void a_buffer_has_room_for_what_was_asked(void **state)
{
	(void)state;
	static const u32 sizes[] = {0,    1,    255,   256,      257,
				    4095, 4096, 65536, 1u << 20, DFS_BUF_BYTES_MAX};
	for (u32 i = 0; i < dfs_array_count(sizes); i++) {
		struct dfs_buf *buf = dfs_buf_new(sizes[i]);
		assert_true(buf->capacity >= sizes[i]);
		assert_true(buf->capacity <= dfs_max(2 * sizes[i], 256u));
		assert_int_equal(buf->length, 0);
		assert_int_equal(buf->refs, 1);
		if (buf->capacity >= 4096)
			assert_int_equal((uintptr_t)buf->data % 4096, 0);
		memset(buf->data, 0xee, buf->capacity);
		dfs_buf_unref(buf);
	}
	dfs_buf_pool_drain();
}

static void the_last_reference_frees(void **state)
{
	(void)state;
	u64 before = dfs_buf_live_count();
	struct dfs_buf *buf = dfs_buf_new(100);
	assert_ptr_equal(dfs_buf_ref(buf), buf);
	dfs_buf_unref(buf);
	assert_int_equal(dfs_buf_live_count(), before + 1);
	buf->data[99] = 1; /* Still ours. */
	dfs_buf_unref(buf);
	assert_int_equal(dfs_buf_live_count(), before);
	dfs_buf_unref(NULL);
	dfs_buf_pool_drain();
}

static void a_freed_buffer_is_used_again(void **state)
{
	(void)state;
	struct dfs_buf *first = dfs_buf_new(5000);
	u8 *data = first->data;
	first->length = 77;
	dfs_buf_unref(first);
	struct dfs_buf *second = dfs_buf_new(8000);
	assert_ptr_equal(second->data, data);
	assert_int_equal(second->length, 0);
	assert_int_equal(second->refs, 1);
	dfs_buf_unref(second);
	dfs_buf_pool_drain();
}

static void the_pool_keeps_a_bounded_number(void **state)
{
	(void)state;
	static struct dfs_buf *bufs[3000];
	for (u32 i = 0; i < dfs_array_count(bufs); i++)
		bufs[i] = dfs_buf_new(256);
	assert_int_equal(dfs_buf_live_count(), dfs_array_count(bufs));
	for (u32 i = 0; i < dfs_array_count(bufs); i++)
		dfs_buf_unref(bufs[i]);
	assert_int_equal(dfs_buf_live_count(), 0);
	dfs_buf_pool_drain(); /* The leak checker sees the rest. */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_buffer_has_room_for_what_was_asked),
	    cmocka_unit_test(the_last_reference_frees),
	    cmocka_unit_test(a_freed_buffer_is_used_again),
	    cmocka_unit_test(the_pool_keeps_a_bounded_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
