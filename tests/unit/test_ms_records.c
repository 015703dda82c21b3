/*
 * Rows on disk: sealed, readable for ever, and an error when they are damaged; and what a store as
 * a whole must be before it is used.
 */
#include "libdfsproto/wire/record.h"
#include "master/core/tables.h"
#include "tests/unit/ms_world.h"

#define VALUE_BYTES_MAX 4096

/* A store with one raw row, which need not be sound. */
static void put_raw(struct kv_sim *sim, enum ms_table table, struct dfs_span value)
{
	struct dfs_kv_batch batch = {0};
	u8 key = (u8)table;
	dfs_kv_batch_put(&batch, dfs_span(&key, 1), value);
	assert_int_equal(dfs_kv_write(kv_sim_kv(sim), &batch), 0);
	dfs_kv_batch_fini(&batch);
}

static u32 from_hex(const char *hex, u8 bytes[VALUE_BYTES_MAX])
{
	u32 length = (u32)strlen(hex) / 2;
	assert_true(length <= VALUE_BYTES_MAX);
	for (u32 i = 0; i < length; i++) {
		char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
		bytes[i] = (u8)strtoul(pair, NULL, 16);
	}
	return length;
}

/* Decode, compare with the text, encode again: the same bytes as long as there is only version 1.
 */
#define ROW(name, TABLE, hex, dump)                                                                \
	static void name##_of_version_1_is_read(void)                                              \
	{                                                                                          \
		u8 bytes[VALUE_BYTES_MAX];                                                         \
		char data[2048] = "";                                                              \
		u16 version;                                                                       \
		struct dfs_span body;                                                              \
		struct dfs_row_##name row;                                                         \
		struct dfs_text text = {.data = data, .capacity = sizeof(data)};                   \
		struct dfs_span record = dfs_span(bytes, from_hex(hex, bytes));                    \
		u16 magic = MS_MAGIC(MS_TABLE_##TABLE);                                            \
		assert_int_equal(dfs_record_open(record, magic, MS_DISK_VERSION, &version, &body), \
				 0);                                                               \
		assert_int_equal(version, 1);                                                      \
		assert_int_equal(dfs_row_##name##_decode(body, version, &row), 0);                 \
		dfs_row_##name##_dump(&text, &row);                                                \
		assert_string_equal(data, dump);                                                   \
		struct dfs_writer writer;                                                          \
		dfs_writer_init(&writer, MS_DISK_VERSION, DFS_RECORD_HEADER_BYTES);                \
		dfs_record_begin(&writer);                                                         \
		dfs_row_##name##_put(&writer, &row);                                               \
		assert_true(dfs_span_equal(dfs_record_seal(&writer, magic), record));              \
		dfs_writer_fini(&writer);                                                          \
	}
#include "tests/unit/ms_rows_1.def"
#undef ROW

static void rows_of_version_1_are_read(void **unused)
{
	(void)unused;
#define ROW(name, TABLE, hex, dump) name##_of_version_1_is_read();
#include "tests/unit/ms_rows_1.def"
#undef ROW
}

static void any_damage_to_a_record_is_found(void **unused)
{
	(void)unused;
	struct dfs_writer writer;
	struct dfs_span body;
	u16 version = 0;
	dfs_writer_init(&writer, 3, DFS_RECORD_HEADER_BYTES);
	for (u32 length = 0; length < 40; length++) {
		dfs_record_begin(&writer);
		for (u32 i = 0; i < length; i++)
			dfs_put_u8(&writer, (u8)i);
		struct dfs_span record = dfs_record_seal(&writer, 0x1234);
		assert_int_equal(dfs_record_open(record, 0x1234, 3, &version, &body), 0);
		assert_int_equal(version, 3);
		assert_int_equal(body.length, length);
		assert_int_equal(dfs_record_open(record, 0x1234, 2, &version, &body),
				 DFS_EWRONG_VERSION);
		assert_int_equal(dfs_record_open(record, 0x1235, 3, &version, &body), DFS_ECORRUPT);
		for (u32 bit = 0; bit < record.length * 8; bit++) {
			writer.buf->data[bit / 8] ^= (u8)(1u << bit % 8);
			assert_int_equal(dfs_record_open(record, 0x1234, 3, &version, &body),
					 DFS_ECORRUPT);
			writer.buf->data[bit / 8] ^= (u8)(1u << bit % 8);
		}
		for (u32 cut = 0; cut < record.length; cut++)
			assert_int_equal(
			    dfs_record_open(dfs_span(record.data, cut), 0x1234, 3, &version, &body),
			    DFS_ECORRUPT);
	}
	dfs_writer_fini(&writer);
}

static int try_open(struct kv_sim *sim, u64 cluster, const char *expected)
{
	char data[256] = "";
	struct dfs_text reason = {.data = data, .capacity = sizeof(data)};
	struct ms_state *state = NULL;
	struct ms_state_config config = {.kv = kv_sim_kv(sim), .cluster = cluster};
	int status = ms_state_open(&config, &reason, &state);
	if (status == 0)
		status = ms_state_settle(state);
	if (strstr(data, expected) == NULL)
		print_error("reason: %s\n", data);
	assert_non_null(strstr(data, expected));
	assert_true((status == 0) == (state != NULL));
	ms_state_close(state);
	return status;
}

static struct dfs_span seal_format(struct dfs_writer *writer, u32 format, u64 cluster)
{
	struct dfs_row_format row = {.format = format, .cluster = cluster, .hash_bits = 55};
	dfs_record_begin(writer);
	dfs_row_format_put(writer, &row);
	return dfs_record_seal(writer, MS_MAGIC(MS_TABLE_FORMAT));
}

static void foreign_and_damaged_stores_are_refused_with_a_reason(void **unused)
{
	(void)unused;
	struct kv_sim *sim = kv_sim_new(KV_SIM_UNLOGGED);
	struct dfs_writer writer;
	struct dfs_writer newer;
	dfs_writer_init(&writer, MS_DISK_VERSION, DFS_RECORD_HEADER_BYTES);
	dfs_writer_init(&newer, MS_DISK_VERSION + 1, DFS_RECORD_HEADER_BYTES);
	assert_int_equal(try_open(sim, 1, ""), 0);
	assert_int_equal(try_open(sim, 2, "another cluster"), DFS_EWRONG_CLUSTER);
	put_raw(sim, MS_TABLE_FORMAT, seal_format(&writer, MS_FORMAT_VERSION + 1, 1));
	assert_int_equal(try_open(sim, 1, "newer dfs-master"), DFS_EWRONG_VERSION);
	put_raw(sim, MS_TABLE_FORMAT, seal_format(&newer, MS_FORMAT_VERSION, 1));
	assert_int_equal(try_open(sim, 1, "newer dfs-master"), DFS_EWRONG_VERSION);
	put_raw(sim, MS_TABLE_FORMAT, seal_format(&writer, 0, 1));
	assert_int_equal(try_open(sim, 1, "makes no sense"), DFS_ECORRUPT);
	put_raw(sim, MS_TABLE_FORMAT, dfs_span_text("garbage"));
	assert_int_equal(try_open(sim, 1, "cannot be read"), DFS_ECORRUPT);
	put_raw(sim, MS_TABLE_FORMAT, seal_format(&writer, MS_FORMAT_VERSION, 1));
	assert_int_equal(try_open(sim, 1, ""), 0);
	put_raw(sim, MS_TABLE_COUNTERS, dfs_span_text("garbage"));
	assert_int_equal(try_open(sim, 1, "cannot be read"), DFS_ECORRUPT);
	kv_sim_fail(sim, DFS_EIO);
	assert_int_equal(try_open(sim, 1, "cannot be read"), DFS_EIO);
	dfs_writer_fini(&writer);
	dfs_writer_fini(&newer);
	kv_sim_free(sim);
}

/* A damaged row is never data: the question fails, and nothing is applied any more. */
static void a_damaged_row_stops_the_state_machine(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 ino = world_file(&w, ROOT, "f");
	u8 key[9] = {MS_TABLE_INODE, 0, 0, 0, 0, 0, 0, 0, (u8)ino};
	assert_int_equal(ms_state_reread(w.state), 0);
	struct dfs_kv_batch batch = {0};
	dfs_kv_batch_put(&batch, dfs_span(key, sizeof(key)), dfs_span_text("not an inode"));
	assert_int_equal(dfs_kv_write(kv_sim_kv(w.sim), &batch), 0);
	dfs_kv_batch_fini(&batch);
	struct dfs_attr attr = {.ino = 99};
	assert_int_equal(ms_getattr(w.state, ino, &attr), DFS_ECORRUPT);
	assert_int_equal(attr.ino, 99);
	assert_int_equal(ms_state_failure(w.state), DFS_ECORRUPT);
	struct ms_result result;
	struct ms_op op = w.log[w.log_count - 1].op;
	op.sequence++;
	assert_int_equal(ms_apply(w.state, (struct ms_position){.index = 99}, &op, &result),
			 DFS_ECORRUPT);
	world_close(&w);
}

/* The check bites: each of these rows alone is sound, and together they are not. */
static void inconsistent_tables_are_named(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 ino = world_file(&w, ROOT, "f");
	assert_int_equal(world_commit(&w, ino, 0, 1, 1), 0);
	assert_int_equal(ms_state_settle(w.state), 0);
	const struct {
		u8 key[17];
		u8 key_bytes;
	} keys[] = {
	    {{MS_TABLE_INODE, 0, 0, 0, 0, 0, 0, 0, (u8)ino}, 9},
	    {{MS_TABLE_MAP, 0, 0, 0, 0, 0, 0, 0, (u8)ino}, 17},
	    {{MS_TABLE_CHUNK, 0, 0, 0, 0, 0, 0, 0, 1}, 9},
	    {{MS_TABLE_SESSION, 0, 0, 0, 0, 0, 0, 0, 1}, 9},
	};
	for (u32 i = 0; i < dfs_array_count(keys); i++) {
		char data[256] = "";
		struct dfs_text reason = {.data = data, .capacity = sizeof(data)};
		struct dfs_span key = dfs_span(keys[i].key, keys[i].key_bytes);
		struct dfs_kv *kv = kv_sim_kv(w.sim);
		struct dfs_span value;
		u8 copy[VALUE_BYTES_MAX];
		assert_int_equal(dfs_kv_get(kv, key, &value), 0);
		u32 bytes = value.length;
		memcpy(copy, value.data, bytes);
		struct dfs_kv_batch batch = {0};
		dfs_kv_batch_delete(&batch, key);
		assert_int_equal(dfs_kv_write(kv, &batch), 0);
		assert_int_equal(ms_state_check(w.state, &reason), DFS_ECORRUPT);
		assert_true(reason.length > 0);
		dfs_kv_batch_clear(&batch);
		dfs_kv_batch_put(&batch, key, dfs_span(copy, bytes));
		assert_int_equal(dfs_kv_write(kv, &batch), 0);
		dfs_kv_batch_fini(&batch);
		world_check(&w);
	}
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_of_version_1_are_read),
	    cmocka_unit_test(any_damage_to_a_record_is_found),
	    cmocka_unit_test(foreign_and_damaged_stores_are_refused_with_a_reason),
	    cmocka_unit_test(a_damaged_row_stops_the_state_machine),
	    cmocka_unit_test(inconsistent_tables_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
