/*
 * Disks that are full, that fail, and chunk files that rot or shrink under the chunkserver.
 */
#include "libdfsproto/base/errors.h"
#include "tests/unit/cs_world.h"
#include "tests/unit/unit.h"

enum { MIB = 1 << 20 };

static struct cs_world *world_of(u32 disks)
{
	struct cs_world *world = malloc(sizeof(*world));
	world_init(world, disks, 1);
	return world;
}

static void done(struct cs_world *world)
{
	world_fini(world);
	free(world);
}

static void the_reserve_stays_free(void **state)
{
	(void)state;
	struct cs_world *world = world_of(1);
	static u8 data[MIB];
	world->reserve_bytes = 40 * DFS_MIB; /* At most a quarter: 16 of 64. */
	world_start(world);
	world_run(world, DFS_SEC);
	world_fill(data, MIB, 1);
	int status = 0;
	u32 written = 0;
	while ((status = world_write_now(world, 10, written, data, MIB)) == 0)
		written += MIB;
	assert_int_equal(status, DFS_EDISK_FULL);
	assert_int_equal(written, 48 * MIB - MIB);
	assert_int_equal(world_write_now(world, 11, 0, data, MIB), DFS_EDISK_FULL);
	while ((status = world_write_now(world, 10, written, data, 65536)) == 0)
		written += 65536;
	assert_int_equal(status, DFS_EDISK_FULL);
	world_run(world, 10 * DFS_SEC);
	assert_int_equal(world->disk_states[0], DFS_DISK_FULL);
	assert_int_equal(world->bytes_free_told, 0);
	/* What is there can be overwritten, read and deleted. */
	assert_int_equal(world_write_now(world, 10, 5, data, MIB), 0);
	world_expect(world, 10, 5, data, MIB - 5);
	u64 chunk = 10;
	assert_int_equal(world_status(world, world_delete(world, &chunk, 1)), 0);
	world_run(world, 10 * DFS_SEC);
	assert_int_equal(world->disk_states[0], DFS_DISK_IN_USE);
	assert_int_equal(world_write_now(world, 11, 0, data, 100), 0);
	done(world);
}

/* The disk says "full" in the middle of writes that were let in: several at once, of old and new
 * chunks. */
static void a_disk_that_fills_up_in_mid_write_damages_nothing(void **state)
{
	(void)state;
	for (u64 seed = 1; seed < 40; seed++) {
		struct cs_world *world = malloc(sizeof(*world));
		world_init(world, 1, seed);
		static u8 old[40000], new[8][20000], got[65536];
		world_start(world);
		world_fill(old, sizeof(old), 1);
		assert_int_equal(world_write_now(world, 10, 0, old, sizeof(old)), 0);
		world->shuffle = true;
		disk_sim_set_capacity(world->disks[0], disk_sim_used(world->disks[0]) +
							   4096 * dfs_prng_below(&world->prng, 6));
		world->holding = true;
		u32 tags[8], at[8], size[8];
		for (u32 i = 0; i < 8; i++) {
			at[i] = (u32)dfs_prng_below(&world->prng, 40000);
			size[i] = 1 + (u32)dfs_prng_below(&world->prng, 20000);
			world_fill(new[i], size[i], 10 + i);
			tags[i] =
			    world_write(world, i % 3 == 0 ? 20 + i : 10, 1, at[i], new[i], size[i]);
		}
		world->holding = false;
		for (u32 i = 0; i < 8; i++) {
			int status = world_status(world, tags[i]);
			assert_true(status == 0 || status == DFS_EDISK_FULL);
			if (i % 3 == 0 && status != 0)
				assert_int_equal(
				    world_status(world, world_read(world, 20 + i, 0, 4096)),
				    DFS_ENO_CHUNK);
			else if (i % 3 == 0)
				world_expect(world, 20 + i, at[i], new[i], size[i]);
		}
		/* All checksums are right, each byte is an old one, a new one, or zero behind the
		 * end. */
		world_bytes(world, world_read(world, 10, 0, sizeof(got)), got, sizeof(got));
		for (u32 b = 0; b < sizeof(got); b++) {
			bool fine = b < sizeof(old) ? got[b] == old[b] : got[b] == 0;
			for (u32 i = 0; i < 8; i++)
				fine = fine || (i % 3 != 0 && b >= at[i] && b < at[i] + size[i] &&
						got[b] == new[i][b - at[i]]);
			assert_true(fine);
		}
		/* Nothing of a refused write shows when the chunk grows later. */
		disk_sim_set_capacity(world->disks[0], 64 * DFS_MIB);
		world_run(world, 60 * DFS_SEC);
		assert_int_equal(world_write_now(world, 10, 65536, old, 100), 0);
		world_crash(world, false);
		world_start(world);
		u8 again[65536];
		world_bytes(world, world_read(world, 10, 0, sizeof(again)), again, sizeof(again));
		assert_memory_equal(again, got, sizeof(got));
		assert_int_equal(world->errors_count, 0);
		done(world);
	}
}

static void a_broken_disk_leaves_the_others_serving(void **state)
{
	(void)state;
	struct cs_world *world = world_of(2);
	u8 data[5000];
	u32 first = 0, failed = 0;
	world_fill(data, sizeof(data), 1);
	world_start(world);
	for (u64 chunk = 10; chunk < 50; chunk++)
		assert_int_equal(world_write_now(world, chunk, 0, data, sizeof(data)), 0);
	for (u64 file = 0; (file = disk_sim_next_file(world->disks[0], file)) != 0;)
		first++;
	assert_true(first > 5 && first < 35); /* Both are used. */
	disk_sim_break(world->disks[0], true);
	u64 all[40];
	for (u32 i = 0; i < 40; i++)
		all[i] = 10 + i;
	assert_int_equal(world_status(world, world_sync(world, all, 40)), DFS_EDISK_FAILED);
	for (u64 chunk = 10; chunk < 50; chunk++) {
		int status = world_write_now(world, chunk, 0, data, sizeof(data));
		assert_true(status == 0 || status == DFS_EDISK_FAILED);
		failed += status != 0;
		assert_int_equal(world_status(world, world_read(world, chunk, 0, 8192)), status);
	}
	assert_int_equal(failed, first);
	for (u64 chunk = 100; chunk < 110; chunk++)
		assert_int_equal(world_write_now(world, chunk, 0, data, sizeof(data)), 0);
	world_run(world, 10 * DFS_SEC);
	assert_int_equal(world->registers_count, 2); /* Told anew, without the lost chunks. */
	assert_int_equal(world->held_count, 40 - first + 10);
	assert_int_equal(world->disk_states[0], DFS_DISK_FAILED);
	assert_int_equal(world->disk_states[1], DFS_DISK_IN_USE);
	/* Deletions of what was on it are answered as failed, those of others are done. */
	assert_int_equal(world_status(world, world_delete(world, all, 40)), DFS_EDISK_FAILED);
	world_run(world, DFS_SEC);
	assert_int_equal(disk_sim_files(world->disks[1]), 10);
	done(world);
}

static void a_broken_index_retires_the_disk(void **state)
{
	(void)state;
	struct cs_world *world = world_of(1);
	u8 data[5000] = {1};
	world_start(world);
	assert_int_equal(world_write_now(world, 10, 0, data, sizeof(data)), 0);
	kv_sim_fail(world->kvs[0], DFS_EIO);
	assert_int_equal(world_write_now(world, 10, 0, data, sizeof(data)), DFS_EDISK_FAILED);
	assert_int_equal(world_write_now(world, 11, 0, data, sizeof(data)), DFS_EDISK_FAILED);
	assert_int_equal(world_sync_now(world, 10), DFS_EDISK_FAILED);
	world_run(world, 10 * DFS_SEC);
	assert_int_equal(world->disk_states[0], DFS_DISK_FAILED);
	kv_sim_fail(world->kvs[0], 0);
	world_crash(world, false);
	world_start(world);
	world_expect(world, 10, 0, data, sizeof(data));
	done(world);
}

static void a_disk_that_breaks_while_much_is_in_flight_answers_everybody(void **state)
{
	(void)state;
	for (u32 ios = 0; ios < 25; ios++) {
		struct cs_world *world = world_of(1);
		static u8 data[30000];
		u32 tags[40], count = 0;
		world_start(world);
		for (u64 chunk = 10; chunk < 13; chunk++)
			assert_int_equal(world_write_now(world, chunk, 0, data, sizeof(data)), 0);
		world_run(world, 60 * DFS_SEC); /* Clean: writes wait for the index. */
		world->holding = true;
		for (u64 chunk = 10; chunk < 14; chunk++) {
			tags[count++] = world_write(world, chunk, 1, 100, data, 5000);
			tags[count++] = world_read(world, chunk, 0, 8192);
			tags[count++] = world_write(world, chunk, 1, 3000, data, 9000);
			tags[count++] = world_sync(world, &chunk, 1);
			tags[count++] = world_punch(world, chunk, 4000, 5000);
			tags[count++] = world_trim(world, chunk, 10000);
			tags[count++] = world_delete(world, &chunk, 1);
		}
		world_finish(world, ios);
		disk_sim_break(world->disks[0], true);
		world->holding = false;
		world_settle(world);
		for (u32 i = 0; i < count; i++)
			assert_true(world->replies[tags[i]].done);
		done(world);
	}
}

static void a_flipped_bit_is_seen_by_the_reader_and_not_laundered(void **state)
{
	(void)state;
	struct cs_world *world = world_of(1);
	u8 data[4096];
	world_start(world);
	world_fill(data, sizeof(data), 1);
	assert_int_equal(world_write_now(world, 10, 0, data, sizeof(data)), 0);
	assert_int_equal(disk_sim_rot(world->disks[0], &world->prng), 10);
	u32 tag = world_read(world, 10, 0, 4096);
	assert_int_equal(world_status(world, tag), 0);
	assert_int_equal(world_bad_blocks(world, tag), 1);
	/* A partial write does not make it sound, a whole one does. */
	assert_int_equal(world_write_now(world, 10, 100, data, 10), DFS_ECORRUPT);
	tag = world_read(world, 10, 0, 4096);
	assert_int_equal(world_status(world, tag), 0);
	assert_int_equal(world_bad_blocks(world, tag), 1);
	/* Nor does an append to it, a punch or a trim. */
	assert_int_equal(world_status(world, world_punch(world, 10, 5, 10)), DFS_ECORRUPT);
	assert_int_equal(world_status(world, world_trim(world, 10, 4000)), 0);
	assert_int_equal(world_write_now(world, 10, 4000, data, 96), 0);
	tag = world_read(world, 10, 0, 4096);
	assert_int_equal(world_status(world, tag), 0);
	assert_int_equal(world_bad_blocks(world, tag), 1);
	assert_int_equal(world_write_now(world, 10, 0, data, 4096), 0);
	world_expect(world, 10, 0, data, sizeof(data));
	done(world);
}

/* Behind the core's back. */
static void meddle(struct cs_world *world, enum dfs_io_kind kind, u64 file, u64 length)
{
	struct dfs_io io = {.kind = kind, .file = file, .length = length};
	struct disk_result result;
	disk_sim_finish(world->disks[0], disk_sim_begin(world->disks[0], &io, NULL), &result);
	assert_int_equal(result.status, 0);
}

static void a_shortened_or_missing_file_is_damage_not_zeros(void **state)
{
	(void)state;
	struct cs_world *world = world_of(1);
	static u8 data[50000];
	world_start(world);
	world_fill(data, sizeof(data), 1);
	for (u64 chunk = 10; chunk < 13; chunk++)
		assert_int_equal(world_write_now(world, chunk, 0, data, sizeof(data)), 0);
	world_run(world, 60 * DFS_SEC);
	meddle(world, DFS_IO_FILE_TRUNCATE, 10, 20000);
	meddle(world, DFS_IO_FILE_UNLINK, 11, 0);
	assert_int_equal(world_status(world, world_read(world, 10, 0, 53248)), DFS_ECORRUPT);
	assert_int_equal(world_status(world, world_read(world, 11, 0, 53248)), DFS_ECORRUPT);
	world_run(world, DFS_SEC);
	assert_int_equal(world_held_state(world, 10), DFS_HELD_SUSPECT);
	assert_int_equal(world_held_state(world, 11), DFS_HELD_SUSPECT);
	assert_int_equal(world_held_state(world, 12), DFS_HELD_GOOD);
	assert_int_equal(world_write_now(world, 11, 0, data, sizeof(data)), DFS_ECORRUPT);
	assert_int_equal(world->disk_states[0], DFS_DISK_IN_USE);
	u64 chunks[] = {10, 11};
	assert_int_equal(world_status(world, world_delete(world, chunks, 2)), 0);
	world_run(world, DFS_SEC);
	assert_int_equal(disk_sim_files(world->disks[0]), 1);
	done(world);
}

static void one_bad_sector_is_not_yet_a_bad_disk(void **state)
{
	(void)state;
	struct cs_world *world = world_of(1);
	u8 data[5000] = {1};
	world_start(world);
	assert_int_equal(world_write_now(world, 10, 0, data, sizeof(data)), 0);
	disk_sim_set_faults(world->disks[0], &(struct disk_faults){.read_error = 65536});
	for (u32 i = 0; i < 100; i++)
		assert_int_equal(world_status(world, world_read(world, 10, 0, 4096)), DFS_ECORRUPT);
	disk_sim_set_faults(world->disks[0], &(struct disk_faults){0});
	world_expect(world, 10, 0, data, sizeof(data));
	assert_int_equal(world_write_now(world, 11, 0, data, sizeof(data)), 0);
	done(world);
}

static void with_all_disks_failed_it_says_so_and_exits(void **state)
{
	(void)state;
	struct cs_world *world = world_of(2);
	world->kv_missing[0] = world->kv_missing[1] = true;
	world_boot(world);
	world_settle(world);
	assert_true(world->exited);
	assert_int_equal(world->exit_status, DFS_EDISK_FAILED);
	done(world);
}

static void with_one_disk_failed_it_serves_the_other(void **state)
{
	(void)state;
	struct cs_world *world = world_of(2);
	u8 data[5000] = {1};
	world->kv_missing[0] = true;
	world_start(world);
	assert_int_equal(world_write_now(world, 10, 0, data, sizeof(data)), 0);
	assert_int_equal(disk_sim_files(world->disks[1]), 1);
	world_run(world, 10 * DFS_SEC);
	assert_int_equal(world->disk_states[0], DFS_DISK_FAILED);
	done(world);
}

static void a_disk_of_another_cluster_is_refused(void **state)
{
	(void)state;
	struct cs_world *world = world_of(1);
	u8 data[5000] = {1};
	world_start(world);
	assert_int_equal(world_write_now(world, 10, 0, data, sizeof(data)), 0);
	world_crash(world, false);
	u64 ours = world->cluster;
	world->cluster = 100;
	world_boot(world);
	world_settle(world);
	assert_true(world->exited);
	world_crash(world, false);
	world->cluster = ours;
	world_start(world);
	world_expect(world, 10, 0, data, sizeof(data));
	done(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_reserve_stays_free),
	    cmocka_unit_test(a_disk_that_fills_up_in_mid_write_damages_nothing),
	    cmocka_unit_test(a_broken_disk_leaves_the_others_serving),
	    cmocka_unit_test(a_broken_index_retires_the_disk),
	    cmocka_unit_test(a_disk_that_breaks_while_much_is_in_flight_answers_everybody),
	    cmocka_unit_test(a_flipped_bit_is_seen_by_the_reader_and_not_laundered),
	    cmocka_unit_test(a_shortened_or_missing_file_is_damage_not_zeros),
	    cmocka_unit_test(one_bad_sector_is_not_yet_a_bad_disk),
	    cmocka_unit_test(with_all_disks_failed_it_says_so_and_exits),
	    cmocka_unit_test(with_one_disk_failed_it_serves_the_other),
	    cmocka_unit_test(a_disk_of_another_cluster_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
