/*
 * wire/coding.h: layout of the primitive types, bounds, the sticky error, texts.
 */
#include "libdfsproto/wire/coding.h"
#include "tests/unit/unit.h"

static void numbers_are_little_endian_and_packed(void **state)
{
	(void)state;
	struct dfs_writer writer;
	dfs_writer_init(&writer, 1, 3);
	dfs_put_u8(&writer, 0x01);
	dfs_put_u16(&writer, 0x0302);
	dfs_put_u32(&writer, 0x07060504);
	dfs_put_u64(&writer, 0x0f0e0d0c0b0a0908);
	dfs_put_s64(&writer, -2);
	dfs_put_bytes(&writer, dfs_span_text("ab"), 2);
	static const u8 expected[] = {
	    0,  0,  0,   1,   2,   3,   4,   5,   6,   7,   8, 9, 10, 11, 12,  13,
	    14, 15, 254, 255, 255, 255, 255, 255, 255, 255, 2, 0, 0,  0,  'a', 'b',
	};
	assert_int_equal(writer.buf->length, sizeof(expected));
	assert_memory_equal(writer.buf->data, expected, sizeof(expected));
	struct dfs_reader reader;
	dfs_reader_init(&reader, dfs_span(writer.buf->data + 3, writer.buf->length - 3), 1);
	assert_int_equal(dfs_get_u8(&reader), 0x01);
	assert_int_equal(dfs_get_u16(&reader), 0x0302);
	assert_int_equal(dfs_get_u32(&reader), 0x07060504);
	assert_true(dfs_get_u64(&reader) == 0x0f0e0d0c0b0a0908);
	assert_true(dfs_get_s64(&reader) == -2);
	assert_true(dfs_span_equal(dfs_get_bytes(&reader, 2), dfs_span_text("ab")));
	assert_int_equal(dfs_reader_end(&reader), 0);
	dfs_writer_fini(&writer);
	dfs_writer_fini(&writer);
}

static void the_first_error_sticks(void **state)
{
	(void)state;
	static const u8 bytes[] = {1, 2, 3};
	struct dfs_reader reader;
	dfs_reader_init(&reader, dfs_span(bytes, sizeof(bytes)), 1);
	assert_int_equal(dfs_get_u32(&reader), 0);
	assert_int_equal(dfs_get_u8(&reader), 0); /* Although a byte is there. */
	assert_int_equal(dfs_reader_end(&reader), DFS_EMALFORMED);
}

static void bytes_left_over_are_an_error(void **state)
{
	(void)state;
	static const u8 bytes[] = {1, 2};
	struct dfs_reader reader;
	dfs_reader_init(&reader, dfs_span(bytes, sizeof(bytes)), 1);
	dfs_get_u8(&reader);
	assert_int_equal(reader.status, 0);
	assert_int_equal(dfs_reader_end(&reader), DFS_EMALFORMED);
}

static void lengths_are_compared_before_they_are_used(void **state)
{
	(void)state;
	static const u8 huge[] = {0xff, 0xff, 0xff, 0xff, 'a', 'b'};
	static const u8 beyond[] = {3, 0, 0, 0, 'a', 'b'};
	static const u8 over[] = {2, 0, 0, 0, 'a', 'b'};
	struct dfs_reader reader;
	dfs_reader_init(&reader, dfs_span(huge, sizeof(huge)), 1);
	assert_int_equal(dfs_get_bytes(&reader, UINT32_MAX).length, 0);
	assert_int_equal(reader.status, DFS_EMALFORMED);
	dfs_reader_init(&reader, dfs_span(beyond, sizeof(beyond)), 1);
	assert_int_equal(dfs_get_bytes(&reader, 10).length, 0);
	assert_int_equal(reader.status, DFS_EMALFORMED);
	dfs_reader_init(&reader, dfs_span(over, sizeof(over)), 1);
	assert_int_equal(dfs_get_bytes(&reader, 1).length, 0);
	assert_int_equal(reader.status, DFS_EMALFORMED);
	dfs_reader_init(&reader, (struct dfs_span){0}, 1);
	assert_int_equal(dfs_reader_end(&reader), 0);
	assert_int_equal(dfs_get_u8(&reader), 0);
	assert_int_equal(reader.status, DFS_EMALFORMED);
}

static void item_lists_know_their_bounds(void **state)
{
	(void)state;
	struct dfs_writer list, body;
	dfs_writer_init(&list, 1, 0);
	dfs_put_u64(&list, 5);
	list.items = 1;
	struct dfs_items items = dfs_writer_items(&list);
	dfs_writer_init(&body, 1, 0);
	dfs_put_items(&body, &items, 1);
	struct dfs_reader reader;
	dfs_reader_init(&reader, dfs_span(body.buf->data, body.buf->length), 1);
	struct dfs_items got = dfs_get_items(&reader, 1);
	assert_int_equal(got.count, 1);
	assert_int_equal(got.bytes.length, 8);
	assert_int_equal(dfs_reader_end(&reader), 0);
	dfs_reader_init(&reader, dfs_span(body.buf->data, body.buf->length), 1);
	assert_int_equal(dfs_get_items(&reader, 0).count, 0);
	assert_int_equal(reader.status, DFS_EMALFORMED);
	/* Bytes without a count, and a count without bytes. */
	dfs_store_u32(body.buf->data, 0);
	dfs_reader_init(&reader, dfs_span(body.buf->data, body.buf->length), 1);
	dfs_get_items(&reader, 1);
	assert_int_equal(reader.status, DFS_EMALFORMED);
	static const u8 count_only[] = {1, 0, 0, 0, 0, 0, 0, 0};
	dfs_reader_init(&reader, dfs_span(count_only, sizeof(count_only)), 1);
	dfs_get_items(&reader, 1);
	assert_int_equal(reader.status, DFS_EMALFORMED);
	dfs_writer_fini(&list);
	dfs_writer_fini(&body);
}

static void writers_grow_and_keep_what_they_had(void **state)
{
	(void)state;
	struct dfs_writer writer;
	dfs_writer_init(&writer, 1, 32);
	for (u32 i = 0; i < 50000; i++)
		dfs_put_u32(&writer, i);
	struct dfs_buf *buf = dfs_writer_take(&writer);
	dfs_writer_fini(&writer);
	assert_int_equal(buf->length, 32 + 200000);
	for (u32 i = 0; i < 50000; i++)
		assert_int_equal(dfs_load_u32(buf->data + 32 + 4 * i), i);
	dfs_buf_unref(buf);
	assert_int_equal(dfs_buf_live_count(), 0);
	dfs_buf_pool_drain();
}

static void texts_are_cut_and_escaped(void **state)
{
	(void)state;
	char data[20];
	struct dfs_text text = {.data = data, .capacity = sizeof(data)};
	dfs_text_add_bytes(&text, dfs_span("a\n\"\\~\xff", 6));
	assert_string_equal(data, "a\\x0a\\x22\\x5c~\\xff");
	dfs_text_add(&text, "%s", "0123456789");
	assert_int_equal(text.length, 19);
	dfs_text_add(&text, "%s", "more");
	assert_int_equal(strlen(data), 19);
}

static void spans_compare_like_memcmp(void **state)
{
	(void)state;
	struct dfs_span empty = {0}, a = dfs_span_text("a"), ab = dfs_span_text("ab"),
			b = dfs_span_text("b"), high = dfs_span_text("\xff");
	struct dfs_span ordered[] = {empty, a, ab, b, high};
	for (int i = 0; i < 5; i++) {
		for (int j = 0; j < 5; j++) {
			int order = dfs_span_compare(ordered[i], ordered[j]);
			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
			assert_int_equal(dfs_span_equal(ordered[i], ordered[j]), i == j);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_are_little_endian_and_packed),
	    cmocka_unit_test(the_first_error_sticks),
	    cmocka_unit_test(bytes_left_over_are_an_error),
	    cmocka_unit_test(lengths_are_compared_before_they_are_used),
	    cmocka_unit_test(item_lists_know_their_bounds),
	    cmocka_unit_test(writers_grow_and_keep_what_they_had),
	    cmocka_unit_test(texts_are_cut_and_escaped),
	    cmocka_unit_test(spans_compare_like_memcmp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
