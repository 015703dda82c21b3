/*
 * Starting on what a disk holds: lost and damaged indexes, files without rows, interrupted
 * rebuilds, and what is asked for while recovery is still under way.
 */
#include "chunkserver/core/records.h"
#include "libdfsproto/base/errors.h"
#include "libdfsproto/wire/record.h"
#include "tests/unit/cs_world.h"
#include "tests/unit/unit.h"

enum { MIB = 1 << 20, CHUNKS = 100, FRESH_IDS = 4096 };

static u8 data[50000];

static struct cs_world *world_with_chunks(void)
{
	struct cs_world *world = malloc(sizeof(*world));
	world_init(world, 1, 1);
	world_start(world);
	world_fill(data, sizeof(data), 1);
	for (u64 chunk = 10; chunk < 10 + CHUNKS; chunk++)
		assert_int_equal(world_write_now(world, chunk, 0, data, 500 * (u32)(chunk - 9)), 0);
	world_run(world, 60 * DFS_SEC); /* All are clean. */
	return world;
}

static void expect_chunks(struct cs_world *world)
{
	for (u64 chunk = 10; chunk < 10 + CHUNKS; chunk++)
		world_expect(world, chunk, 0, data, 500 * (u32)(chunk - 9));
}

static void done(struct cs_world *world)
{
	world_fini(world);
	free(world);
}

static void a_lost_index_is_made_anew_from_the_files(void **state)
{
	(void)state;
	struct cs_world *world = world_with_chunks();
	world_crash(world, false);
	kv_sim_wipe(world->kvs[0]);
	world_start(world);
	world_run(world, DFS_SEC);
	assert_int_equal(world->held_count, CHUNKS);
	for (u32 i = 0; i < CHUNKS; i++)
		assert_int_equal(world->held[i].state, DFS_HELD_GOOD); /* Checked by now. */
	expect_chunks(world);
	/* The rows are as good as the old ones. */
	world_run(world, 60 * DFS_SEC);
	world_crash(world, true);
	memset(world->kind_counts, 0, sizeof(world->kind_counts));
	world_start(world);
	world_run(world, DFS_SEC);
	assert_int_equal(world->kind_counts[DFS_IO_FILE_READ],
			 0); /* All clean: nothing to check. */
	expect_chunks(world);
	done(world);
}

static void a_rebuild_goes_on_after_crashes(void **state)
{
	(void)state;
	for (u32 ios = 1; ios < 400; ios += 13) {
		struct cs_world *world = world_with_chunks();
		world_crash(world, false);
		kv_sim_wipe(world->kvs[0]);
		world_boot(world);
		world_finish(world, ios);
		world_crash(world, ios % 2 == 0);
		world_boot(world);
		world_finish(world, ios / 2);
		world_crash(world, ios % 3 == 0);
		world_start(world);
		expect_chunks(world);
		assert_int_equal(world->held_count, CHUNKS);
		done(world);
	}
}

static void requests_wait_for_the_check_of_their_chunk_only(void **state)
{
	(void)state;
	struct cs_world *world = world_with_chunks();
	world_crash(world, false);
	kv_sim_wipe(world->kvs[0]);
	world->holding = true;
	world_boot(world);
	for (u32 i = 0; i < 60 && !world->client.up; i++) {
		world_finish(world, 1);
		world->now += 20 * DFS_MSEC;
	}
	assert_true(world->client.up);
	u32 tag = world_read(world, 109, 0, 53248); /* The last in line. */
	u32 finished = 0;
	while (!world->replies[tag].done && finished < 12) {
		world_finish(world, 1);
		finished++;
	}
	assert_true(world->replies[tag].done);
	assert_int_equal(world_bad_blocks(world, tag), 0);
	world->holding = false;
	expect_chunks(world);
	done(world);
}

/* Overwrite rows whose key begins with `kind` by garbage: cut, flipped, empty, of another kind. */
static u32 damage_rows(struct cs_world *world, char kind)
{
	struct dfs_kv *kv = kv_sim_kv(world->kvs[0]);
	struct dfs_kv_batch batch = {0};
	struct dfs_span key, value;
	u32 damaged = 0;
	char to = (char)(kind + 1);
	struct dfs_kv_iter *iter = dfs_kv_iter_new(kv, dfs_span(&kind, 1), dfs_span(&to, 1));
	while (dfs_kv_iter_next(kv, iter, &key, &value)) {
		u8 bytes[2048];
		u32 length = dfs_min(value.length, (u32)sizeof(bytes));
		memcpy(bytes, value.data, length);
		switch (damaged++ % 5) {
		case 0:
			length = length / 2;
			break;
		case 1:
			bytes[dfs_prng_below(&world->prng, length)] ^= 4;
			break;
		case 2:
			length = 0;
			break;
		case 3:
			bytes[length++] = 0;
			break;
		default:
			bytes[0] ^= 1; /* The magic. */
			break;
		}
		dfs_kv_batch_put(&batch, key, dfs_span(bytes, length));
	}
	assert_int_equal(dfs_kv_iter_free(kv, iter), 0);
	assert_int_equal(dfs_kv_write(kv, &batch), 0);
	dfs_kv_batch_fini(&batch);
	return damaged;
}

static void damaged_chunk_rows_are_made_anew(void **state)
{
	(void)state;
	struct cs_world *world = world_with_chunks();
	world_crash(world, false);
	assert_int_equal(damage_rows(world, 'c'), CHUNKS);
	world_start(world);
	expect_chunks(world);
	assert_int_equal(world->errors_count, CHUNKS);
	world_crash(world, false);
	world->errors_count = 0;
	world_start(world);
	expect_chunks(world);
	assert_int_equal(world->errors_count, 0);
	done(world);
}

static void damaged_segment_rows_are_made_anew(void **state)
{
	(void)state;
	struct cs_world *world = world_with_chunks();
	world_crash(world, false);
	assert_int_equal(damage_rows(world, 's'), CHUNKS);
	world_start(world);
	assert_int_equal(world_write_now(world, 20, 100, data + 100, 50), 0);
	assert_int_equal(world_status(world, world_trim(world, 21, 5000)), 0);
	assert_int_equal(world_write_now(world, 21, 5000, data + 5000, 500 * 12 - 5000), 0);
	assert_int_equal(world_status(world, world_punch(world, 22, 0, 100)), 0);
	assert_int_equal(world_write_now(world, 22, 0, data, 100), 0);
	expect_chunks(world);
	assert_int_equal(world->errors_count, CHUNKS);
	done(world);
}

static void damaged_counters_cost_a_list_of_files(void **state)
{
	(void)state;
	struct cs_world *world = world_with_chunks();
	world_crash(world, false);
	assert_int_equal(damage_rows(world, 'm'), 1);
	world_start(world);
	expect_chunks(world);
	assert_true(world->kind_counts[DFS_IO_DISK_LIST] > 0);
	done(world);
}

static void garbage_keys_are_passed_over(void **state)
{
	(void)state;
	struct cs_world *world = world_with_chunks();
	struct dfs_kv *kv = kv_sim_kv(world->kvs[0]);
	struct dfs_kv_batch batch = {0};
	world_crash(world, false);
	dfs_kv_batch_put(&batch, dfs_span("c", 1), dfs_span("x", 1));
	dfs_kv_batch_put(&batch, dfs_span("c12345678901234", 14), dfs_span("x", 1));
	dfs_kv_batch_put(&batch, dfs_span("c\0\0\0\0\0\0\0\0", 9), dfs_span("x", 1));
	dfs_kv_batch_put(&batch, dfs_span("c\xff\xff\xff\xff\xff\xff\xff\xff", 9),
			 dfs_span("x", 1));
	assert_int_equal(dfs_kv_write(kv, &batch), 0);
	dfs_kv_batch_fini(&batch);
	world_start(world);
	expect_chunks(world);
	done(world);
}

/* A file as somebody left it: `cluster` 0 leaves the description out. */
static void leave_file(struct cs_world *world, u64 file, u64 cluster, u32 length)
{
	struct dfs_cs_descriptor row = {.cluster = cluster, .chunk = file, .ino = 1};
	struct dfs_writer writer;
	struct disk_result result;
	dfs_writer_init(&writer, CS_DISK_VERSION, DFS_RECORD_HEADER_BYTES);
	dfs_record_begin(&writer);
	dfs_cs_descriptor_put(&writer, &row);
	struct dfs_io io = {.kind = DFS_IO_FILE_WRITE, .file = file, .length = length};
	io.attribute = dfs_record_seal(&writer, DFS_CS_DESCRIPTOR_MAGIC);
	if (cluster == 0)
		io.attribute = dfs_span("damaged", 7);
	struct dfs_buf *buf = dfs_buf_new(length);
	memcpy(buf->data, data, length);
	disk_sim_finish(world->disks[0], disk_sim_begin(world->disks[0], &io, buf), &result);
	assert_int_equal(result.status, 0);
	dfs_buf_unref(buf);
	dfs_writer_fini(&writer);
	disk_sim_settle(world->disks[0]);
}

static void foreign_files_are_left_alone_and_undescribed_ones_adopted(void **state)
{
	(void)state;
	struct cs_world *world = world_with_chunks();
	world_crash(world, false);
	kv_sim_wipe(world->kvs[0]);
	leave_file(world, 1000, world->cluster + 1, 5000);
	leave_file(world, 1001, 0, 5000);
	world_start(world);
	expect_chunks(world);
	assert_int_equal(world_status(world, world_read(world, 1000, 0, 4096)), DFS_ENO_CHUNK);
	world_expect(world, 1001, 0, data, 5000);
	assert_int_equal(disk_sim_files(world->disks[0]), CHUNKS + 2);
	done(world);
}

static void files_whose_rows_the_power_took_are_found(void **state)
{
	(void)state;
	struct cs_world *world = world_with_chunks();
	u64 mark = 50000 - FRESH_IDS;
	assert_int_equal(world_write_now(world, 50000, 0, data, 100), 0); /* Moves the mark. */
	assert_int_equal(world_sync_now(world, 50000), 0);
	/* Below the mark a new chunk's row is durable before the answer. */
	u64 syncs = world->kind_counts[DFS_IO_KV_SYNC];
	assert_int_equal(world_write_now(world, 5, 0, data, 9000), 0);
	assert_int_equal(world->kind_counts[DFS_IO_KV_SYNC], syncs + 1);
	/* Above it is not, */
	assert_int_equal(world_write_now(world, mark, 0, data, 9000), 0);
	assert_int_equal(world->kind_counts[DFS_IO_KV_SYNC], syncs + 1);
	disk_sim_settle(world->disks[0]);
	world_crash(world, true);
	/* and a file down there without a row is one that was never answered. */
	leave_file(world, 7, world->cluster, 9000);
	world_start(world);
	world_expect(world, 5, 0, data, 9000);
	world_expect(world, mark, 0, data, 9000);
	world_run(world, DFS_SEC);
	world_expect(world, 7, 0, data, 9000); /* Found in the background: the master will judge. */
	assert_int_equal(world_held_state(world, 7), DFS_HELD_GOOD);
	expect_chunks(world);
	done(world);
}

/* Is the background list of old files out, and not yet answered? */
static bool lists_from_zero(const struct cs_world *world)
{
	for (u32 i = 0; i < world->ios_count; i++)
		if (world->ios[i].io.kind == DFS_IO_DISK_LIST && world->ios[i].io.offset == 0)
			return true;
	return false;
}

static void a_new_chunk_does_not_inherit_a_leftover_file(void **state)
{
	(void)state;
	struct cs_world *world = world_with_chunks();
	assert_int_equal(world_write_now(world, 50000, 0, data, 100), 0);
	assert_int_equal(world_sync_now(world, 50000), 0);
	world_crash(world, true);
	leave_file(world, 7, world->cluster, 9000);
	world->holding = true;
	world_boot(world);
	for (u32 i = 0; i < 60 && !world->client.up; i++) {
		if (!lists_from_zero(world))
			world_finish(world, 1);
		else
			world_settle(world);
		world->now += 20 * DFS_MSEC;
	}
	assert_true(world->client.up && lists_from_zero(world));
	u32 tag = world_write(world, 7, 1, 4096, data, 100);
	world->holding = false;
	assert_int_equal(world_status(world, tag), 0);
	static u8 expect[8192];
	memcpy(expect + 4096, data, 100);
	world_expect(world, 7, 0, expect, sizeof(expect));
	world_run(world, DFS_SEC);
	world_expect(world, 7, 0, expect, sizeof(expect));
	expect_chunks(world);
	done(world);
}

static void lose_file(struct cs_world *world, u64 file)
{
	struct dfs_io io = {.kind = DFS_IO_FILE_UNLINK, .file = file};
	struct disk_result result;
	disk_sim_finish(world->disks[0], disk_sim_begin(world->disks[0], &io, NULL), &result);
	disk_sim_settle(world->disks[0]);
}

static void a_chunk_that_was_never_synced_is_empty_after_its_file_is_lost(void **state)
{
	(void)state;
	struct cs_world *world = world_with_chunks();
	static const u8 zeros[9000];
	assert_int_equal(world_write_now(world, 200, 0, data, 9000), 0);
	assert_int_equal(world_write_now(world, 201, 0, data, 9000), 0);
	assert_int_equal(world_sync_now(world, 201), 0); /* And with it the row of 200. */
	world_crash(world, true);
	lose_file(world, 200);
	world_start(world);
	world_expect(world, 200, 0, zeros, sizeof(zeros));
	world_expect(world, 201, 0, data, 9000);
	assert_int_equal(world_write_now(world, 200, 5000, data, 100), 0);
	world_expect(world, 200, 5000, data, 100);
	world_run(world, DFS_SEC);
	assert_int_equal(world_held_state(world, 200), DFS_HELD_GOOD);
	assert_int_equal(world->errors_count, 0);
	expect_chunks(world);
	done(world);
}

static void a_chunk_that_was_synced_is_damaged_when_its_file_is_lost(void **state)
{
	(void)state;
	struct cs_world *world = world_with_chunks();
	assert_int_equal(world_write_now(world, 200, 0, data, 9000), 0);
	assert_int_equal(world_sync_now(world, 200), 0);
	assert_int_equal(world_write_now(world, 200, 9000, data, 100), 0);
	assert_int_equal(world_sync_now(world, 200), 0);
	world_crash(world, true);
	lose_file(world, 200);
	world_start(world);
	assert_int_equal(world_status(world, world_read(world, 200, 0, 4096)), DFS_ECORRUPT);
	assert_int_equal(world_write_now(world, 200, 0, data, 100), DFS_ECORRUPT);
	world_run(world, DFS_SEC);
	assert_int_equal(world_held_state(world, 200), DFS_HELD_SUSPECT);
	expect_chunks(world);
	done(world);
}

static void large_chunks_are_checked_in_full(void **state)
{
	(void)state;
	struct cs_world *world = malloc(sizeof(*world));
	static u8 big[MIB];
	world_init(world, 1, 1);
	world_start(world);
	world_fill(big, MIB, 1);
	for (u32 i = 0; i < 12; i++)
		if (i != 5) /* A hole. */
			assert_int_equal(world_write_now(world, 10, i * MIB, big, MIB), 0);
	assert_int_equal(world_write_now(world, 11, 8 * MIB - 1, big, 1), 0);
	assert_int_equal(world_sync_now(world, 10), 0);
	assert_int_equal(world_sync_now(world, 11), 0);
	world_crash(world, true);
	kv_sim_wipe(world->kvs[0]);
	world_start(world);
	for (u32 i = 0; i < 12; i++)
		if (i != 5)
			world_expect(world, 10, i * MIB, big, MIB);
	world_expect(world, 11, 8 * MIB - 1, big, 1);
	memset(big, 0, MIB);
	world_expect(world, 10, 5 * MIB, big, MIB);
	world_expect(world, 11, 0, big, MIB);
	done(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_lost_index_is_made_anew_from_the_files),
	    cmocka_unit_test(a_rebuild_goes_on_after_crashes),
	    cmocka_unit_test(requests_wait_for_the_check_of_their_chunk_only),
	    cmocka_unit_test(damaged_chunk_rows_are_made_anew),
	    cmocka_unit_test(damaged_segment_rows_are_made_anew),
	    cmocka_unit_test(damaged_counters_cost_a_list_of_files),
	    cmocka_unit_test(garbage_keys_are_passed_over),
	    cmocka_unit_test(foreign_files_are_left_alone_and_undescribed_ones_adopted),
	    cmocka_unit_test(files_whose_rows_the_power_took_are_found),
	    cmocka_unit_test(a_new_chunk_does_not_inherit_a_leftover_file),
	    cmocka_unit_test(a_chunk_that_was_never_synced_is_empty_after_its_file_is_lost),
	    cmocka_unit_test(a_chunk_that_was_synced_is_damaged_when_its_file_is_lost),
	    cmocka_unit_test(large_chunks_are_checked_in_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
