/*
 * Every message and operation of the tables: encode, decode, dump, encode again; cut short, made
 * longer, with lying counts; numbers and names.
 */
#include "libdfsproto/wire/messages.h"
#include "tests/unit/unit.h"

/* The generated functions of one row, with the struct behind a void pointer. */
struct row {
	const char *name;
	u16 number;
	bool op;
	size_t bytes;
	void (*sample)(struct dfs_sampler *, void *);
	void (*put)(struct dfs_writer *, const void *);
	int (*decode)(struct dfs_span, u16, void *);
	void (*dump)(struct dfs_text *, const void *);
};

#define RECORD(NAME, name, doc)
#define FIELD(type, name, unit, since, doc)
#define BYTES(name, max, unit, since, doc)
#define INLINE(record, name, since, doc)
#define LIST(record, name, max, since, doc)
#define END(name)
#define MSG(NAME, name, number, since, doc)                                                        \
	static void sample_##name(struct dfs_sampler *sampler, void *ret_value)                    \
	{                                                                                          \
		dfs_##name##_sample(sampler, ret_value);                                           \
	}                                                                                          \
	static void put_##name(struct dfs_writer *writer, const void *value)                       \
	{                                                                                          \
		dfs_##name##_put(writer, value);                                                   \
		assert_int_equal(dfs_##name##_size(value, writer->version), writer->buf->length);  \
	}                                                                                          \
	static int decode_##name(struct dfs_span body, u16 version, void *ret_value)               \
	{                                                                                          \
		return dfs_##name##_decode(body, version, ret_value);                              \
	}                                                                                          \
	static void dump_##name(struct dfs_text *text, const void *value)                          \
	{                                                                                          \
		dfs_##name##_dump(text, value);                                                    \
	}
#include "libdfsproto/schema/ops.def"
#include "libdfsproto/schema/wire.def"
#undef MSG

static const struct row rows[] = {
#define MSG(NAME, name, number, since, doc)                                                        \
	{#NAME,         number,     false,         sizeof(struct dfs_##name),                      \
	 sample_##name, put_##name, decode_##name, dump_##name},
#include "libdfsproto/schema/wire.def"
#undef MSG
#define MSG(NAME, name, number, since, doc)                                                        \
	{#NAME,         number,     true,          sizeof(struct dfs_##name),                      \
	 sample_##name, put_##name, decode_##name, dump_##name},
#include "libdfsproto/schema/ops.def"
#include "libdfsproto/wire/rows_end.h"
};

static u8 arena[1 << 20];
static struct dfs_sampler sampler = {.arena = arena, .arena_capacity = sizeof(arena)};

static struct dfs_buf *encode_sample(const struct row *row)
{
	u8 *value = calloc(1, row->bytes);
	struct dfs_writer writer;
	sampler.arena_used = 0;
	row->sample(&sampler, value);
	dfs_writer_init(&writer, DFS_PROTOCOL_VERSION, 0);
	row->put(&writer, value);
	free(value);
	return dfs_writer_take(&writer);
}

/* Decode, dump, encode: the same bytes. An exact heap copy lets the sanitizer see overruns. */
static int decode_again(const struct row *row, struct dfs_span body)
{
	u8 *value = malloc(row->bytes);
	u8 *untouched = malloc(row->bytes);
	u8 *copy = malloc(body.length + 1u);
	memset(value, 0xa5, row->bytes);
	memset(untouched, 0xa5, row->bytes);
	if (body.length > 0)
		memcpy(copy, body.data, body.length);
	int status = row->decode(dfs_span(copy, body.length), DFS_PROTOCOL_VERSION, value);
	if (status != 0) {
		assert_memory_equal(value, untouched, row->bytes);
	} else {
		char data[8192];
		struct dfs_text text = {.data = data, .capacity = sizeof(data)};
		struct dfs_writer writer;
		row->dump(&text, value);
		assert_true(text.length > 3);
		dfs_writer_init(&writer, DFS_PROTOCOL_VERSION, 0);
		row->put(&writer, value);
		assert_int_equal(writer.buf->length, body.length);
		if (body.length > 0)
			assert_memory_equal(writer.buf->data, body.data, body.length);
		dfs_writer_fini(&writer);
	}
	free(value);
	free(untouched);
	free(copy);
	return status;
}

static void every_row_survives_a_round_trip(void **state)
{
	(void)state;
	dfs_prng_seed(&sampler.prng, 1);
	for (u32 i = 0; i < dfs_array_count(rows); i++) {
		for (u32 round = 0; round < 30; round++) {
			struct dfs_buf *buf = encode_sample(&rows[i]);
			assert_int_equal(decode_again(&rows[i], dfs_span(buf->data, buf->length)),
					 0);
			dfs_buf_unref(buf);
		}
	}
}

static void every_row_refuses_to_be_cut_or_padded(void **state)
{
	(void)state;
	dfs_prng_seed(&sampler.prng, 2);
	for (u32 i = 0; i < dfs_array_count(rows); i++) {
		struct dfs_buf *buf = encode_sample(&rows[i]);
		u32 length = buf->length;
		for (u32 cut = 0; cut < length; cut++)
			assert_int_equal(decode_again(&rows[i], dfs_span(buf->data, cut)),
					 DFS_EMALFORMED);
		struct dfs_buf *longer = dfs_buf_new(length + 1);
		memcpy(longer->data, buf->data, length);
		longer->data[length] = 0;
		assert_int_equal(decode_again(&rows[i], dfs_span(longer->data, length + 1)),
				 DFS_EMALFORMED);
		dfs_buf_unref(longer);
		dfs_buf_unref(buf);
	}
}

/* Whatever a damaged body says, it decodes to something that encodes to itself, or not at all. */
static void every_row_takes_damage_calmly(void **state)
{
	(void)state;
	dfs_prng_seed(&sampler.prng, 3);
	for (u32 i = 0; i < dfs_array_count(rows); i++) {
		for (u32 round = 0; round < 300; round++) {
			struct dfs_buf *buf = encode_sample(&rows[i]);
			u32 hits = 1 + (u32)dfs_prng_below(&sampler.prng, 4);
			for (u32 hit = 0; hit < hits && buf->length > 0; hit++) {
				u32 at = (u32)dfs_prng_below(&sampler.prng, buf->length);
				buf->data[at] = (u8)dfs_prng_next(&sampler.prng);
			}
			decode_again(&rows[i], dfs_span(buf->data, buf->length));
			dfs_buf_unref(buf);
		}
	}
}

static void numbers_are_unique_and_have_names(void **state)
{
	(void)state;
	for (u32 i = 0; i < dfs_array_count(rows); i++) {
		const struct row *row = &rows[i];
		const char *name = row->op ? dfs_op_name(row->number) : dfs_msg_name(row->number);
		assert_string_equal(name, row->name);
		for (u32 j = 0; j < i; j++)
			assert_false(rows[j].op == row->op && rows[j].number == row->number);
	}
	assert_string_equal(dfs_msg_name(60000), "UNKNOWN");
	assert_string_equal(dfs_op_name(60000), "UNKNOWN");
}

static void requests_are_told_from_replies_and_session_messages(void **state)
{
	(void)state;
	assert_true(dfs_msg_is_request(DFS_MSG_WRITE));
	assert_true(dfs_msg_is_request(DFS_MSG_ATTACH));
	assert_true(dfs_msg_is_request(DFS_MSG_SYNC));
	assert_false(dfs_msg_is_request(DFS_MSG_WRITE_REPLY));
	assert_false(dfs_msg_is_request(DFS_MSG_HELLO));
	assert_false(dfs_msg_is_request(DFS_MSG_PING));
	assert_false(dfs_msg_is_request(0));
	assert_false(dfs_msg_is_request(60000));
}

static void any_message_can_be_dumped_by_number(void **state)
{
	(void)state;
	char data[4096];
	dfs_prng_seed(&sampler.prng, 4);
	for (u32 i = 0; i < dfs_array_count(rows); i++) {
		struct dfs_buf *buf = encode_sample(&rows[i]);
		struct dfs_text text = {.data = data, .capacity = sizeof(data)};
		void (*dump)(struct dfs_text *, u16, struct dfs_span, u16) =
		    rows[i].op ? dfs_op_dump : dfs_msg_dump;
		dump(&text, rows[i].number, dfs_span(buf->data, buf->length), 1);
		assert_int_equal(strncmp(data, rows[i].name, strlen(rows[i].name)), 0);
		text.length = 0;
		dump(&text, rows[i].number, dfs_span("x", 1), 1);
		assert_int_equal(strncmp(data, "malformed ", 10), 0);
		text.length = 0;
		dump(&text, 60000, dfs_span(buf->data, buf->length), 1);
		assert_int_equal(strncmp(data, "unknown ", 8), 0);
		dfs_buf_unref(buf);
	}
}

static void lists_are_walked_item_by_item(void **state)
{
	(void)state;
	struct dfs_writer list, body;
	dfs_writer_init(&list, 1, 0);
	for (u64 i = 0; i < 5; i++)
		dfs_id_put(&list, &(struct dfs_id){.id = i * i});
	struct dfs_delete_chunks message = {.chunks = dfs_writer_items(&list)};
	dfs_writer_init(&body, 1, 0);
	dfs_delete_chunks_put(&body, &message);
	struct dfs_delete_chunks got;
	assert_int_equal(
	    dfs_delete_chunks_decode(dfs_span(body.buf->data, body.buf->length), 1, &got), 0);
	assert_int_equal(got.chunks.count, 5);
	struct dfs_id id;
	for (u64 i = 0; i < 5; i++) {
		assert_true(dfs_id_next(&got.chunks, &id));
		assert_int_equal(id.id, i * i);
	}
	assert_false(dfs_id_next(&got.chunks, &id));
	dfs_writer_fini(&list);
	dfs_writer_fini(&body);
}

/* A record that is put inline must not count as one more item of the list being made. */
static void inline_records_do_not_disturb_the_count(void **state)
{
	(void)state;
	struct dfs_writer list;
	dfs_writer_init(&list, 1, 0);
	dfs_dirent_put(&list, &(struct dfs_dirent){.name = dfs_span_text("a")});
	dfs_dirent_put(&list, &(struct dfs_dirent){.name = dfs_span_text("b")});
	assert_int_equal(dfs_writer_items(&list).count, 2);
	dfs_writer_fini(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row_survives_a_round_trip),
	    cmocka_unit_test(every_row_refuses_to_be_cut_or_padded),
	    cmocka_unit_test(every_row_takes_damage_calmly),
	    cmocka_unit_test(numbers_are_unique_and_have_names),
	    cmocka_unit_test(requests_are_told_from_replies_and_session_messages),
	    cmocka_unit_test(any_message_can_be_dumped_by_number),
	    cmocka_unit_test(lists_are_walked_item_by_item),
	    cmocka_unit_test(inline_records_do_not_disturb_the_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
