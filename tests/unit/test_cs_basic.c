/*
 * The chunkserver without crashes: what writes, reads, syncs, trims, punches and deletions do, and
 * what they refuse.
 */
#include "libdfsproto/base/crc32c.h"
#include "libdfsproto/base/errors.h"
#include "tests/unit/cs_world.h"
#include "tests/unit/unit.h"

enum { MIB = 1 << 20 };

static int setup(void **state)
{
	struct cs_world *world = malloc(sizeof(*world));
	world_init(world, 1, 1);
	world_start(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	world_fini(*state);
	free(*state);
	return 0;
}

static void what_is_written_is_read(void **state)
{
	struct cs_world *world = *state;
	static u8 data[MIB];
	world_fill(data, MIB, 1);
	assert_int_equal(world_write_now(world, 10, 0, data, 5000), 0);
	world_expect(world, 10, 0, data, 5000);
	assert_int_equal(world_write_now(world, 10, 5000, data + 5000, MIB - 5000), 0);
	world_expect(world, 10, 0, data, MIB);
	/* Over a segment's end, unaligned at both ends. */
	static u8 more[300000];
	world_fill(more, sizeof(more), 2);
	assert_int_equal(world_write_now(world, 10, MIB - 100001, more, sizeof(more)), 0);
	world_expect(world, 10, MIB - 100001, more, sizeof(more));
	world_expect(world, 10, 0, data, MIB - 100001);
	world_run(world, 100 * DFS_MSEC);
	assert_int_equal(world_held_state(world, 10), DFS_HELD_GOOD);
}

static void partial_overwrites_keep_the_rest_of_the_block(void **state)
{
	struct cs_world *world = *state;
	static u8 data[3 * 4096];
	world_fill(data, sizeof(data), 1);
	assert_int_equal(world_write_now(world, 10, 0, data, sizeof(data)), 0);
	for (u32 i = 0; i < 60; i++) {
		u32 at = (u32)dfs_prng_below(&world->prng, sizeof(data));
		u32 length = 1 + (u32)dfs_prng_below(&world->prng, sizeof(data) - at);
		world_fill(data + at, length, i + 10);
		assert_int_equal(world_write_now(world, 10, at, data + at, length), 0);
		world_expect(world, 10, 0, data, sizeof(data));
	}
}

static void a_gap_reads_as_zeros(void **state)
{
	struct cs_world *world = *state;
	static u8 data[4 * MIB];
	world_fill(data + 3 * MIB + 77, 100, 1);
	assert_int_equal(world_write_now(world, 10, 3 * MIB + 77, data + 3 * MIB + 77, 100), 0);
	for (u32 i = 0; i < 4; i++)
		world_expect(world, 10, i * MIB, data + i * MIB, MIB);
	u32 tag = world_read(world, 10, 3 * MIB, 8192);
	assert_int_equal(world_status(world, tag), 0);
	assert_int_equal(world->replies[tag].payload_bytes, 177);
	tag = world_read(world, 10, 4 * MIB, 8192);
	assert_int_equal(world_status(world, tag), 0);
	assert_int_equal(world->replies[tag].payload_bytes, 0);
}

static void appends_read_nothing(void **state)
{
	struct cs_world *world = *state;
	static u8 data[100000];
	world_fill(data, sizeof(data), 1);
	u32 at = 0;
	while (at + 777 <= sizeof(data)) {
		assert_int_equal(world_write_now(world, 10, at, data + at, 777), 0);
		at += 777;
	}
	assert_int_equal(world->kind_counts[DFS_IO_FILE_READ], 0);
	world_expect(world, 10, 0, data, at);
}

static void a_new_chunk_is_answered_without_any_sync(void **state)
{
	struct cs_world *world = *state;
	u8 data[100] = {1};
	u64 before = world->kind_counts[DFS_IO_KV_SYNC];
	for (u64 chunk = 10; chunk < 40; chunk++)
		assert_int_equal(world_write_now(world, chunk, 0, data, sizeof(data)), 0);
	assert_int_equal(world->kind_counts[DFS_IO_KV_SYNC], before);
	assert_int_equal(world->kind_counts[DFS_IO_FILE_SYNC], 0);
}

static void the_first_write_into_a_clean_chunk_syncs_the_index_once(void **state)
{
	struct cs_world *world = *state;
	u8 data[100] = {1};
	assert_int_equal(world_write_now(world, 10, 0, data, sizeof(data)), 0);
	world_run(world, 60 * DFS_SEC); /* It becomes clean. */
	assert_int_equal(world->kind_counts[DFS_IO_FILE_SYNC], 1);
	u64 before = world->kind_counts[DFS_IO_KV_SYNC];
	for (u32 i = 0; i < 10; i++)
		assert_int_equal(world_write_now(world, 10, i, data, sizeof(data)), 0);
	assert_int_equal(world->kind_counts[DFS_IO_KV_SYNC], before + 1);
}

static void a_loop_of_write_and_sync_pays_for_one_of_each(void **state)
{
	struct cs_world *world = *state;
	u8 data[100] = {1};
	assert_int_equal(world_write_now(world, 10, 0, data, sizeof(data)), 0);
	u64 index = world->kind_counts[DFS_IO_KV_SYNC], file = world->kind_counts[DFS_IO_FILE_SYNC];
	for (u32 i = 0; i < 10; i++) {
		assert_int_equal(world_write_now(world, 10, 0, data, sizeof(data)), 0);
		assert_int_equal(world_sync_now(world, 10), 0);
	}
	assert_int_equal(world->kind_counts[DFS_IO_KV_SYNC], index + 10);
	assert_int_equal(world->kind_counts[DFS_IO_FILE_SYNC], file + 10);
	assert_int_equal(world_sync_now(world, 10), 0); /* Nothing new. */
	assert_int_equal(world->kind_counts[DFS_IO_KV_SYNC], index + 10);
	assert_int_equal(world->kind_counts[DFS_IO_FILE_SYNC], file + 10);
}

static void syncs_at_the_same_time_share_their_ios(void **state)
{
	struct cs_world *world = *state;
	u8 data[100] = {1};
	u64 chunks[] = {10, 11, 12};
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(world_write_now(world, chunks[i], 0, data, sizeof(data)), 0);
	u64 index = world->kind_counts[DFS_IO_KV_SYNC], file = world->kind_counts[DFS_IO_FILE_SYNC];
	u32 tags[8];
	world->holding = true;
	for (u32 i = 0; i < 8; i++)
		tags[i] = world_sync(world, chunks, 3);
	world_settle(world);
	world->holding = false;
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(world_status(world, tags[i]), 0);
	assert_int_equal(world->kind_counts[DFS_IO_KV_SYNC], index + 1);
	assert_int_equal(world->kind_counts[DFS_IO_FILE_SYNC], file + 3);
	for (u32 i = 0; i < 3; i++)
		assert_true(disk_sim_is_durable(world->disks[0], chunks[i]));
}

static void overlapping_writes_act_in_their_order(void **state)
{
	struct cs_world *world = *state;
	static u8 data[16][20000];
	static u8 expect[40000];
	u8 first = 0;
	world->shuffle = true;
	assert_int_equal(world_write_now(world, 10, 0, &first, 1), 0);
	for (u32 round = 0; round < 20; round++) {
		u32 tags[16];
		world->holding = true;
		for (u32 i = 0; i < 16; i++) {
			u32 at = (u32)dfs_prng_below(&world->prng, 20000);
			u32 length = 1 + (u32)dfs_prng_below(&world->prng, 20000);
			world_fill(data[i], length, round * 100 + i);
			memcpy(expect + at, data[i], length);
			tags[i] = world_write(world, 10, 1, at, data[i], length);
		}
		u32 read = world_read(world, 10, 0, 40960);
		world->holding = false;
		for (u32 i = 0; i < 16; i++)
			assert_int_equal(world_status(world, tags[i]), 0);
		u8 got[40960];
		world_bytes(world, read, got, sizeof(got));
		assert_memory_equal(got, expect, sizeof(expect));
	}
}

static void punched_bytes_are_zeros(void **state)
{
	struct cs_world *world = *state;
	static u8 data[3 * MIB];
	world_fill(data, sizeof(data), 1);
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(world_write_now(world, 10, i * MIB, data + i * MIB, MIB), 0);
	u64 used = disk_sim_used(world->disks[0]);
	memset(data + 1000, 0, 2 * MIB);
	assert_int_equal(world_status(world, world_punch(world, 10, 1000, 2 * MIB)), 0);
	assert_true(disk_sim_used(world->disks[0]) < used - MIB);
	memset(data + 2 * MIB + 8192, 0, 100);
	assert_int_equal(world_status(world, world_punch(world, 10, 2 * MIB + 8192, 100)), 0);
	memset(data + 3 * MIB - 50, 0, 50);
	assert_int_equal(world_status(world, world_punch(world, 10, 3 * MIB - 50, 5 * MIB)), 0);
	for (u32 i = 0; i < 3; i++)
		world_expect(world, 10, i * MIB, data + i * MIB, MIB);
	/* One that is not here may come back, with its disk. */
	assert_int_equal(world_status(world, world_punch(world, 77, 0, 100)), DFS_ENO_CHUNK);
	assert_int_equal(world_status(world, world_punch(world, 10, 20 * MIB, 100)), 0);
}

static void seeks_find_holes_and_data(void **state)
{
	struct cs_world *world = *state;
	static u8 data[2 * MIB];
	world_fill(data, sizeof(data), 1);
	assert_int_equal(world_write_now(world, 10, 0, data, 10000), 0);
	assert_int_equal(world_write_now(world, 10, 3 * MIB, data, MIB), 0);
	assert_int_equal(world_sought(world, 10, 0, false), 0);
	assert_int_equal(world_sought(world, 10, 9999, false), 9999);
	assert_int_equal(world_sought(world, 10, 0, true), 12288);
	assert_int_equal(world_sought(world, 10, 12288, false), 3 * MIB);
	assert_int_equal(world_sought(world, 10, 2 * MIB, true), 2 * MIB);
	/* Behind the end there is nothing but a hole. */
	assert_int_equal(world_sought(world, 10, 3 * MIB, true), 4 * MIB);
	assert_int_equal(world_sought(world, 10, 4 * MIB, false), DFS_SEEK_NONE);
	assert_int_equal(world_sought(world, 10, 9 * MIB, true), 9 * MIB);
	assert_int_equal(world_status(world, world_punch(world, 10, 0, 4096)), 0);
	assert_int_equal(world_sought(world, 10, 0, true), 0);
	assert_int_equal(world_sought(world, 10, 0, false), 4096);
	/* A seek sees the writes that came before it. */
	u32 write = world_write(world, 10, 1, MIB, data, 4096);
	u32 found = world_sought(world, 10, 12288, false);
	assert_int_equal(world_status(world, write), 0);
	assert_int_equal(found, MIB);
	assert_int_equal(world_status(world, world_seek(world, 77, 0, false)), DFS_ENO_CHUNK);
	assert_int_equal(world_status(world, world_seek(world, 10, 1 << 30, false)), DFS_EINVAL);
}

/* Zeros where the checksums say that there is something are damage, not a hole. */
static void a_hole_that_should_be_data_is_called_data(void **state)
{
	struct cs_world *world = *state;
	static u8 data[64 << 10];
	world_fill(data, sizeof(data), 1);
	assert_int_equal(world_write_now(world, 10, 0, data, 4096), 0);
	assert_int_equal(world_write_now(world, 10, 32768, data, 32768), 0);
	struct dfs_io punch = {
	    .kind = DFS_IO_FILE_PUNCH, .file = 10, .offset = 32768, .length = 16384};
	struct disk_result result;
	world_settle(world);
	disk_sim_finish(world->disks[0], disk_sim_begin(world->disks[0], &punch, NULL), &result);
	assert_int_equal(result.status, 0);
	assert_int_equal(world_sought(world, 10, 4096, false), 32768);
	assert_int_equal(world_sought(world, 10, 32768, true), 65536);
	assert_int_equal(world_sought(world, 10, 4096, true), 4096);
}

static void trimmed_chunks_end_and_are_durable(void **state)
{
	struct cs_world *world = *state;
	static u8 data[2 * MIB];
	world_fill(data, sizeof(data), 1);
	for (u32 i = 0; i < 2; i++)
		assert_int_equal(world_write_now(world, 10, i * MIB, data + i * MIB, MIB), 0);
	assert_int_equal(world_status(world, world_trim(world, 10, MIB + 5000)), 0);
	memset(data + MIB + 5000, 0, MIB - 5000);
	for (u32 i = 0; i < 2; i++)
		world_expect(world, 10, i * MIB, data + i * MIB, MIB);
	assert_true(disk_sim_is_durable(world->disks[0], 10));
	assert_int_equal(world_status(world, world_trim(world, 10, MIB + 5000)), 0);
	assert_int_equal(world_status(world, world_trim(world, 10, 3 * MIB)), 0);
	/* A write behind the cut finds zeros in between. */
	assert_int_equal(world_write_now(world, 10, 2 * MIB - 10, data, 10), 0);
	memcpy(data + 2 * MIB - 10, data, 10);
	for (u32 i = 0; i < 2; i++)
		world_expect(world, 10, i * MIB, data + i * MIB, MIB);
	assert_int_equal(world_status(world, world_trim(world, 10, 0)), 0);
	memset(data, 0, MIB);
	world_expect(world, 10, 0, data, MIB);
	assert_int_equal(world_status(world, world_trim(world, 99, 0)), DFS_ENO_CHUNK);
}

static void deleted_chunks_are_gone_and_so_is_their_space(void **state)
{
	struct cs_world *world = *state;
	u8 data[5000] = {1};
	u64 chunks[1000];
	for (u32 i = 0; i < 1000; i++)
		chunks[i] = 100 + i;
	for (u32 i = 0; i < 200; i++)
		assert_int_equal(world_write_now(world, chunks[i], 0, data, sizeof(data)), 0);
	world_run(world, DFS_SEC);
	assert_int_equal(disk_sim_files(world->disks[0]), 200);
	assert_int_equal(world_status(world, world_delete(world, chunks, 1000)), 0);
	world_run(world, DFS_SEC);
	assert_int_equal(disk_sim_files(world->disks[0]), 0);
	world_run(world, 60 * DFS_SEC);
	assert_int_equal(kv_sim_count(world->kvs[0]), 1); /* The counters. */
	assert_int_equal(world_status(world, world_read(world, 100, 0, 4096)), DFS_ENO_CHUNK);
	assert_int_equal(world_sync_now(world, 100), DFS_ENO_CHUNK);
	assert_int_equal(world_held_state(world, 100), DFS_HELD_GONE);
	assert_int_equal(world_status(world, world_delete(world, chunks, 0)), 0);
}

static void a_delete_waits_for_what_runs_and_refuses_what_waits(void **state)
{
	struct cs_world *world = *state;
	u8 data[5000] = {1};
	u64 chunk = 10;
	assert_int_equal(world_write_now(world, 10, 0, data, sizeof(data)), 0);
	world->holding = true;
	u32 write = world_write(world, 10, 1, 0, data, 5000);
	world_settle(world);
	u32 delete = world_delete(world, &chunk, 1);
	world_settle(world);
	u32 read = world_read(world, 10, 0, 4096);
	u32 sync = world_sync(world, &chunk, 1);
	world_settle(world);
	world->holding = false;
	assert_int_equal(world_status(world, write), 0);
	assert_int_equal(world_status(world, delete), 0);
	assert_int_equal(world_status(world, read), DFS_ENO_CHUNK);
	assert_int_equal(world_status(world, sync), DFS_ENO_CHUNK);
	assert_int_equal(disk_sim_files(world->disks[0]), 0);
}

static void send_write(struct cs_world *world, struct dfs_write *write, u32 length, int expect)
{
	struct dfs_buf *payload = length == 0 ? NULL : dfs_buf_new(length);
	if (payload != NULL) {
		memset(payload->data, 1, length);
		payload->length = length;
	}
	struct dfs_writer writer;
	world_writer(world, false, &writer);
	dfs_write_put(&writer, write);
	u32 tag = world_send(world, false, DFS_MSG_WRITE, &writer, payload);
	dfs_buf_unref(payload);
	assert_int_equal(world_status(world, tag), expect);
}

static void bad_writes_are_refused(void **state)
{
	struct cs_world *world = *state;
	u8 data[100];
	memset(data, 1, sizeof(data));
	u32 crc = dfs_crc32c(data, 100), wrong = crc ^ 1;
	u32 two[2] = {crc, crc};
	struct dfs_write good = {.chunk = 10, .epoch = 1, .crcs = dfs_span(&crc, 4)};
	struct dfs_write bad = good;
	bad.crcs = dfs_span(&wrong, 4);
	send_write(world, &bad, 100, DFS_ECORRUPT);
	bad.crcs = dfs_span(two, 8);
	send_write(world, &bad, 100, DFS_EINVAL);
	bad = good;
	bad.chunk = 0;
	send_write(world, &bad, 100, DFS_EINVAL);
	bad = good;
	bad.epoch = 0;
	send_write(world, &bad, 100, DFS_EINVAL);
	bad = good;
	bad.epoch = 2; /* Only epoch 1 makes chunks. */
	send_write(world, &bad, 100, DFS_ENO_CHUNK);
	bad = good;
	bad.offset = (1u << DFS_CHUNK_SHIFT_MAX) - 99;
	send_write(world, &bad, 100, DFS_EINVAL);
	bad.offset = UINT32_MAX;
	send_write(world, &bad, 100, DFS_EINVAL);
	send_write(world, &good, 0, DFS_EINVAL);
	struct dfs_writer chain;
	dfs_writer_init(&chain, 1, 0);
	/* A chain that comes back to the server itself. */
	struct dfs_replica replica = {.server = 3, .address = dfs_span_text("a:1")};
	dfs_replica_put(&chain, &replica);
	bad = good;
	bad.chain = dfs_writer_items(&chain);
	send_write(world, &bad, 100, DFS_EINVAL);
	dfs_writer_fini(&chain);
	assert_int_equal(disk_sim_files(world->disks[0]), 0);
	send_write(world, &good, 100, 0);
	bad = good;
	bad.epoch = 2;
	send_write(world, &bad, 100, DFS_EWRONG_EPOCH);
}

static void bad_reads_are_refused(void **state)
{
	struct cs_world *world = *state;
	u8 data[100] = {1};
	assert_int_equal(world_write_now(world, 10, 0, data, sizeof(data)), 0);
	assert_int_equal(world_status(world, world_read(world, 10, 1, 4096)), DFS_EINVAL);
	assert_int_equal(world_status(world, world_read(world, 10, 0, 100)), DFS_EINVAL);
	assert_int_equal(world_status(world, world_read(world, 10, 0, MIB + 4096)), DFS_EINVAL);
	assert_int_equal(world_status(world, world_read(world, 10, 1u << 30, 4096)), DFS_EINVAL);
	assert_int_equal(world_status(world, world_read(world, 10, 0xfffff000u, 4096)), DFS_EINVAL);
	assert_int_equal(world_status(world, world_read(world, 11, 0, 4096)), DFS_ENO_CHUNK);
	u32 tag = world_read(world, 10, 0, 0);
	assert_int_equal(world_status(world, tag), 0);
	assert_int_equal(world->replies[tag].payload_bytes, 0);
	struct dfs_writer writer;
	struct dfs_read read = {.chunk = 10, .epoch = 7, .length = 4096};
	world_writer(world, false, &writer);
	dfs_read_put(&writer, &read);
	tag = world_send(world, false, DFS_MSG_READ, &writer, NULL);
	assert_int_equal(world_status(world, tag), DFS_EWRONG_EPOCH);
}

static void only_masters_may_delete_and_trim(void **state)
{
	struct cs_world *world = *state;
	u8 data[100] = {1};
	struct dfs_writer writer;
	assert_int_equal(world_write_now(world, 10, 0, data, sizeof(data)), 0);
	struct dfs_trim_chunk trim = {.chunk = 10, .epoch = 1};
	world_writer(world, false, &writer);
	dfs_trim_chunk_put(&writer, &trim);
	u32 tag = world_send(world, false, DFS_MSG_TRIM_CHUNK, &writer, NULL);
	assert_int_equal(world_status(world, tag), DFS_EPERM);
	struct dfs_delete_chunks delete = {0};
	world_writer(world, false, &writer);
	dfs_delete_chunks_put(&writer, &delete);
	tag = world_send(world, false, DFS_MSG_DELETE_CHUNKS, &writer, NULL);
	assert_int_equal(world_status(world, tag), DFS_EPERM);
	struct dfs_lookup lookup = {.parent = 1};
	world_writer(world, false, &writer);
	dfs_lookup_put(&writer, &lookup);
	tag = world_send(world, false, DFS_MSG_LOOKUP, &writer, NULL);
	assert_int_equal(world_status(world, tag), DFS_ENOSYS);
}

static void status_tells_what_there_is(void **state)
{
	struct cs_world *world = *state;
	struct dfs_writer writer;
	struct dfs_status body;
	world_writer(world, false, &writer);
	dfs_status_put(&writer, &body);
	u32 tag = world_send(world, false, DFS_MSG_STATUS, &writer, NULL);
	assert_int_equal(world_status(world, tag), 0);
	const struct world_reply *reply = &world->replies[tag];
	struct dfs_status_reply status;
	struct dfs_status_item item;
	assert_int_equal(
	    dfs_status_reply_decode(dfs_span(reply->body, reply->body_bytes), 1, &status), 0);
	bool disk = false;
	while (dfs_status_item_next(&status.items, &item))
		disk = disk || dfs_span_equal(item.key, dfs_span_text("disk.0"));
	assert_true(disk);
}

static void an_orderly_stop_leaves_nothing_to_check(void **state)
{
	struct cs_world *world = *state;
	static u8 data[50000];
	world_fill(data, sizeof(data), 1);
	for (u64 chunk = 10; chunk < 60; chunk++)
		assert_int_equal(world_write_now(world, chunk, 0, data, sizeof(data)), 0);
	world_stop(world);
	for (u64 chunk = 10; chunk < 60; chunk++)
		assert_true(disk_sim_is_durable(world->disks[0], chunk));
	memset(world->kind_counts, 0, sizeof(world->kind_counts));
	world_start(world);
	assert_int_equal(world->kind_counts[DFS_IO_FILE_READ], 0);
	assert_int_equal(world->kind_counts[DFS_IO_DISK_LIST], 0);
	for (u64 chunk = 10; chunk < 60; chunk++)
		world_expect(world, chunk, 0, data, sizeof(data));
	world_run(world, DFS_SEC);
	assert_int_equal(world->held_count, 50);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(what_is_written_is_read),
	    TEST(partial_overwrites_keep_the_rest_of_the_block),
	    TEST(a_gap_reads_as_zeros),
	    TEST(appends_read_nothing),
	    TEST(a_new_chunk_is_answered_without_any_sync),
	    TEST(the_first_write_into_a_clean_chunk_syncs_the_index_once),
	    TEST(a_loop_of_write_and_sync_pays_for_one_of_each),
	    TEST(syncs_at_the_same_time_share_their_ios),
	    TEST(overlapping_writes_act_in_their_order),
	    TEST(punched_bytes_are_zeros),
	    TEST(seeks_find_holes_and_data),
	    TEST(a_hole_that_should_be_data_is_called_data),
	    TEST(trimmed_chunks_end_and_are_durable),
	    TEST(deleted_chunks_are_gone_and_so_is_their_space),
	    TEST(a_delete_waits_for_what_runs_and_refuses_what_waits),
	    TEST(bad_writes_are_refused),
	    TEST(bad_reads_are_refused),
	    TEST(only_masters_may_delete_and_trim),
	    TEST(status_tells_what_there_is),
	    TEST(an_orderly_stop_leaves_nothing_to_check),
	};
#undef TEST
	return cmocka_run_group_tests(tests, NULL, NULL);
}
