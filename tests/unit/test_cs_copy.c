/*
 * SEAL, and chunks that are made as copies: nothing changes a sealed chunk, a copy is whole and
 * durable before anything is written to it, and what a crash leaves of one is gone.
 */
#include "tests/unit/cs_world.h"
#include "tests/unit/unit.h"

#include "libdfsproto/base/errors.h"

enum { MIB = 1 << 20, PART = 64 << 10 };

static u8 data[3 * MIB];
static u8 other[MIB];

static int setup(void **state)
{
	static struct cs_world world;
	world_init(&world, 1, 1);
	world_start(&world);
	world_fill(data, sizeof(data), 1);
	world_fill(other, sizeof(other), 2);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	world_fini(*state);
	return 0;
}

/* Chunk 10: `length` bytes of data, sealed. */
static void make_base(struct cs_world *world, u32 length)
{
	for (u32 at = 0; at < length; at += MIB)
		assert_int_equal(
		    world_write_now(world, 10, at, data + at, dfs_min(length - at, (u32)MIB)), 0);
	assert_int_equal(world_status(world, world_seal(world, (u64[]){10}, 1)), 0);
}

static void expect(struct cs_world *world, u64 chunk, const u8 *bytes, u32 length)
{
	for (u32 at = 0; at < length; at += MIB)
		world_expect(world, chunk, at, bytes + at, dfs_min(length - at, (u32)MIB));
}

static int write_copy(struct cs_world *world, u64 chunk, u32 bytes, u32 offset, u32 length)
{
	return world_status(world,
			    world_write_copy(world, chunk, 10, bytes, offset, other, length));
}

static void a_sealed_chunk_takes_no_changes(void **state)
{
	struct cs_world *world = *state;
	make_base(world, MIB);
	assert_int_equal(world_write_now(world, 10, 0, other, 10), DFS_ESEALED);
	assert_int_equal(world_write_now(world, 10, 2 * MIB, other, 10), DFS_ESEALED);
	assert_int_equal(world_status(world, world_punch(world, 10, 0, 10)), DFS_ESEALED);
	assert_int_equal(world_sync_now(world, 10), 0);
	assert_int_equal(world_status(world, world_seal(world, (u64[]){10, 10}, 2)), 0);
	expect(world, 10, data, MIB);
	for (u32 power = 0; power < 2; power++) {
		world_crash(world, power != 0);
		world_start(world);
		assert_int_equal(world_write_now(world, 10, 0, other, 10), DFS_ESEALED);
	}
	/* The master's trim is of a chunk that one file has alone. */
	assert_int_equal(world_status(world, world_trim(world, 10, 5000)), 0);
	assert_int_equal(world_write_now(world, 10, 0, other, 10), DFS_ESEALED);
	assert_int_equal(world_status(world, world_seal(world, (u64[]){10, 77}, 2)), DFS_ENO_CHUNK);
}

/* A seal that was answered survives the power; writes before it are in the chunk. */
static void a_seal_waits_for_writes_and_is_durable(void **state)
{
	struct cs_world *world = *state;
	assert_int_equal(world_write_now(world, 10, 0, data, MIB), 0);
	u32 write = world_write(world, 10, 1, 0, other, 5000);
	u32 seal = world_seal(world, (u64[]){10}, 1);
	u32 late = world_write(world, 10, 1, 0, data, 5000);
	assert_int_equal(world_status(world, write), 0);
	assert_int_equal(world_status(world, seal), 0);
	assert_int_equal(world_status(world, late), DFS_ESEALED);
	world_expect(world, 10, 0, other, 5000);
	world_crash(world, true);
	world_start(world);
	assert_int_equal(world_write_now(world, 10, 0, data, 10), DFS_ESEALED);
}

static void a_copy_has_the_bytes_asked_for(void **state)
{
	struct cs_world *world = *state;
	/* All of it; up to a block's end; inside a block; more than there is. */
	const u32 lengths[] = {2 * MIB + 5000, MIB, MIB + 4096, 2 * MIB + 3, 9000, 1, 64 * MIB};
	make_base(world, 2 * MIB + 5000);
	for (u32 i = 0; i < dfs_array_count(lengths); i++) {
		u32 length = dfs_min(lengths[i], 2u * MIB + 5000);
		static u8 expected[3 * MIB];
		memset(expected, 0, sizeof(expected));
		memcpy(expected, data, length);
		memcpy(expected + 100, other, 8000);
		assert_int_equal(write_copy(world, 20 + i, lengths[i], 100, 8000), 0);
		expect(world, 20 + i, expected, sizeof(expected));
		world_run(world, DFS_SEC);
		assert_int_equal(world_held_state(world, 20 + i), DFS_HELD_GOOD);
	}
	expect(world, 10, data, 2 * MIB + 5000);
	/* One that is there is not made again. */
	assert_int_equal(write_copy(world, 20, 1, 0, 4096), 0);
	world_expect(world, 20, MIB, data + MIB, MIB);
	assert_int_equal(world_status(world, world_write_copy(world, 60, 10, 0, 0, other, 1)),
			 DFS_EINVAL);
	assert_int_equal(world_status(world, world_write_copy(world, 60, 11, 5, 0, other, 1)),
			 DFS_ENO_CHUNK);
}

static void holes_and_damage_are_copied_too(void **state)
{
	struct cs_world *world = *state;
	assert_int_equal(world_write_now(world, 10, 2 * MIB, data, 8192), 0);
	assert_int_equal(world_write_now(world, 10, 0, data, 8192), 0);
	struct dfs_io rot = {.kind = DFS_IO_FILE_WRITE, .file = 10, .offset = 5000, .length = 1};
	struct dfs_buf *byte = dfs_buf_new(1);
	struct disk_result result;
	byte->data[0] = (u8)~data[5000];
	world_settle(world);
	disk_sim_finish(world->disks[0], disk_sim_begin(world->disks[0], &rot, byte), &result);
	dfs_buf_unref(byte);
	assert_int_equal(write_copy(world, 20, 64 * MIB, 0, 4096), 0);
	assert_int_equal(write_copy(world, 21, 6000, 0, 4096), 0); /* Cut inside the bad block. */
	assert_int_equal(world_sought(world, 20, 8192, false), 2 * MIB);
	for (u64 chunk = 20; chunk < 22; chunk++) {
		u32 tag = world_read(world, chunk, 0, 8192);
		assert_int_equal(world_status(world, tag), 0);
		assert_int_equal(world_bad_blocks(world, tag), 1);
	}
}

static void writes_wait_for_the_copy_and_a_base_for_its_end(void **state)
{
	struct cs_world *world = *state;
	make_base(world, MIB);
	u32 first = world_write_copy(world, 20, 10, MIB, 0, other, 4096);
	u32 second = world_write_copy(world, 20, 10, MIB, 8192, other, 4096);
	u32 gone = world_delete(world, (u64[]){10}, 1);
	assert_int_equal(world_status(world, first), 0);
	assert_int_equal(world_status(world, second), 0);
	assert_int_equal(world_status(world, gone), 0);
	world_expect(world, 20, 0, other, 4096);
	world_expect(world, 20, 4096, data + 4096, 4096);
	world_expect(world, 20, 8192, other, 4096);
	/* The other way round: there is nothing to copy any more. */
	gone = world_delete(world, (u64[]){20}, 1);
	assert_int_equal(world_status(world, gone), 0);
	u32 late = world_write_copy(world, 21, 20, MIB, 0, other, 4096);
	assert_int_equal(world_status(world, late), DFS_ENO_CHUNK);
}

/* Whatever of a copy a crash leaves: it is whole, with what was stored before, or it is not there
 * and is made anew. Also the base was never sealed. */
static void a_copy_is_whole_or_not_there_after_a_crash(void **state)
{
	struct cs_world *world = *state;
	u32 remade = 0, kept = 0;
	for (u32 i = 0; i < 60; i++) {
		u64 base = 100 + i, chunk = 200 + i;
		assert_int_equal(world_write_now(world, base, 0, data, PART), 0);
		assert_int_equal(world_sync_now(world, base), 0);
		world->shuffle = i % 3 == 0;
		world_write_copy(world, chunk, base, PART - 10, 4096, other, 4096);
		world_finish(world, i / 2);
		world_crash(world, i % 2 == 0);
		world_start(world);
		world_settle(world);
		bool there = world_held_state(world, chunk) != DFS_HELD_GONE;
		kept += there;
		remade += !there;
		u32 again = world_write_copy(world, chunk, base, PART - 10, 4096, other, 4096);
		while (world_status(world, again) == DFS_ENO_CHUNK) { /* Being removed. */
			world_run(world, DFS_SEC);
			again = world_write_copy(world, chunk, base, PART - 10, 4096, other, 4096);
		}
		assert_int_equal(world_status(world, again), 0);
		world_expect(world, chunk, 0, data, 4096);
		world_expect(world, chunk, 4096, other, 4096);
		world_expect(world, chunk, 8192, data + 8192, PART - 8192 - 4096);
		expect(world, base, data, PART);
	}
	assert_true(remade > 5 && kept > 5);
}

/* An answered write to a copy: what it is a copy of is on the platter. */
static void a_copy_survives_the_power(void **state)
{
	struct cs_world *world = *state;
	make_base(world, MIB);
	assert_int_equal(world_sync_now(world, 10), 0);
	assert_int_equal(write_copy(world, 20, MIB, 8192, 4096), 0);
	world_crash(world, true);
	world_start(world);
	world_expect(world, 20, 0, data, 8192);
	world_expect(world, 20, 12288, data + 12288, MIB - 12288);
}

static void a_copy_that_does_not_fit_leaves_nothing(void **state)
{
	struct cs_world *world = *state;
	make_base(world, 2 * MIB);
	disk_sim_set_capacity(world->disks[0], disk_sim_used(world->disks[0]) + MIB);
	assert_int_equal(write_copy(world, 20, 2 * MIB, 0, 4096), DFS_EDISK_FULL);
	assert_int_equal(world_held_state(world, 20), DFS_HELD_GONE);
	assert_int_equal(disk_sim_files(world->disks[0]), 1);
	disk_sim_set_capacity(world->disks[0], UINT64_C(1) << 40);
	world_run(world, 20 * DFS_SEC);
	assert_int_equal(write_copy(world, 20, 2 * MIB, 0, 4096), 0);
	world_expect(world, 20, MIB, data + MIB, MIB);
}

/* With the index it is lost what was sealed: nothing is written in place that others may share. */
static void with_its_index_lost_a_disk_seals_everything(void **state)
{
	struct cs_world *world = *state;
	make_base(world, MIB);
	assert_int_equal(world_sync_now(world, 10), 0);
	world_crash(world, false);
	kv_sim_wipe(world->kvs[0]);
	world_start(world);
	expect(world, 10, data, MIB);
	assert_int_equal(world_write_now(world, 10, 0, other, 10), DFS_ESEALED);
	assert_int_equal(write_copy(world, 20, MIB, 0, 4096), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_sealed_chunk_takes_no_changes),
	    TEST(a_seal_waits_for_writes_and_is_durable),
	    TEST(a_copy_has_the_bytes_asked_for),
	    TEST(holes_and_damage_are_copied_too),
	    TEST(writes_wait_for_the_copy_and_a_base_for_its_end),
	    TEST(a_copy_is_whole_or_not_there_after_a_crash),
	    TEST(a_copy_survives_the_power),
	    TEST(a_copy_that_does_not_fit_leaves_nothing),
	    TEST(with_its_index_lost_a_disk_seals_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
