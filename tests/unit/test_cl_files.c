/*
 * Files while nothing goes wrong: what is asked of whom, and what callers see.
 */
#include "tests/unit/cl_world.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct cl_world w;

static int setup(void **state)
{
	(void)state;
	world_init(&w, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_fini(&w);
	return 0;
}

static void a_new_small_file_costs_three_round_trips_before_its_release(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", O_EXCL, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 4096, 1), 0);
	assert_int_equal(world_trips(&w), 1); /* MAKE */
	assert_int_equal(world_flush(&w, ino, handle), 0);
	assert_int_equal(world_trips(&w), 3); /* WRITE, COMMIT */
	assert_int_equal(world_count(&w, DFS_MSG_WRITE), 1);
	assert_int_equal(world_ops(&w, DFS_OP_COMMIT), 1);
	assert_int_equal(world_flush(&w, ino, handle), 0);
	assert_int_equal(world_trips(&w), 3);
	assert_int_equal(world_close(&w, ino, handle), 0);
	assert_int_equal(world_trips(&w), 4); /* RELEASE, which nobody waits for */
	assert_int_equal(world_file(&w, ino)->opens, 0);
	assert_int_equal(world_file(&w, ino)->attr.size, 4096);
}

static void reading_a_small_file_costs_open_and_read(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 5000, 1), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	world_counts_clear(&w);
	handle = world_open(&w, ino, O_RDONLY);
	world_expect(&w, ino, handle, 0, 5000, 1);
	assert_int_equal(world_trips(&w), 2); /* OPEN, READ */
	assert_int_equal(world_close(&w, ino, handle), 0);
	assert_int_equal(world_count(&w, DFS_MSG_RELEASE), 1);
}

static void fsync_syncs_beside_the_commit(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 100, 1), 0);
	assert_int_equal(world_fsync(&w, ino, handle), 0);
	assert_int_equal(world_trips(&w), 4); /* MAKE, WRITE, COMMIT, SYNC */
	world_counts_clear(&w);
	for (u32 i = 0; i < 10; i++) {
		assert_int_equal(world_write(&w, ino, handle, i * 8192, 4096, i), 0);
		assert_int_equal(world_fsync(&w, ino, handle), 0);
	}
	assert_int_equal(world_trips(&w), 30); /* WRITE, COMMIT, SYNC each */
	assert_true(
	    world_chunk(&w.puppets[WORLD_SERVER_1], world_file(&w, ino)->chunks[0], false)->synced);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void fsync_covers_what_another_mount_left_unsynced(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, WORLD_CHUNK_BYTES + 100, 1), 0);
	assert_int_equal(world_fsync(&w, ino, handle), 0);
	struct world_file *file = world_file(&w, ino);
	struct puppet *server = &w.puppets[WORLD_SERVER_1];
	/* Another client writes the first chunk in place. */
	world_chunk(server, file->chunks[0], false)->synced = false;
	file->attr.change++;
	assert_int_equal(world_fsync(&w, ino, handle), 0);
	assert_true(world_chunk(server, file->chunks[0], false)->synced);
	world_counts_clear(&w);
	assert_int_equal(world_fsync(&w, ino, handle), 0);
	assert_int_equal(world_trips(&w), 1); /* GETATTR: nothing has changed */
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void own_writes_are_read_back_at_every_stage(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 10000, 20000, 1), 0);
	world_expect_zeros(&w, ino, handle, 0, 10000);
	world_expect(&w, ino, handle, 10000, 20000, 1);
	assert_int_equal(world_write(&w, ino, handle, 15000, 300, 2), 0);
	world_expect(&w, ino, handle, 10000, 5000, 1);
	world_expect(&w, ino, handle, 15000, 300, 2);
	world_expect(&w, ino, handle, 15300, 14700, 1);
	assert_int_equal(world_size(&w, ino), 30000);
	assert_int_equal(world_flush(&w, ino, handle), 0);
	assert_int_equal(world_write(&w, ino, handle, 15100, 10, 3), 0);
	world_expect(&w, ino, handle, 15000, 100, 2);
	world_expect(&w, ino, handle, 15100, 10, 3);
	world_expect(&w, ino, handle, 15110, 190, 2);
	/* Beyond the end there is nothing. */
	u64 id = world_read_call(&w, ino, handle, 29000, 5000, 0);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_answer(&w, id)->bytes_count, 1000);
	id = world_read_call(&w, ino, handle, 30000, 5000, 0);
	assert_int_equal(world_answer(&w, id)->bytes_count, 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void attributes_show_own_writes_before_they_are_committed(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 777, 1), 0);
	u64 id = world_handle_call(&w, CL_GETATTR, ino, 0);
	assert_int_equal(world_answer(&w, id)->attr.size, 777);
	assert_int_equal(world_answer(&w, id)->attr.mtime, UINT64_C(1700000000) * DFS_SEC + w.now);
	struct cl_call call = {.op = CL_LOOKUP, .ino = 1, .name = dfs_span_text("f")};
	id = world_call(&w, &call);
	assert_int_equal(world_answer(&w, id)->attr.size, 777);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void a_large_file_crosses_slots_and_chunks(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	u32 bytes = 3 * WORLD_CHUNK_BYTES + 12345;
	for (u32 at = 0; at < bytes; at += 300000)
		assert_int_equal(world_write(&w, ino, handle, at, dfs_min(300000u, bytes - at), 5),
				 0);
	assert_int_equal(world_flush(&w, ino, handle), 0);
	/* Pieces of the callers' own buffers, cut at slots: none is copied. */
	assert_int_equal(world_count(&w, DFS_MSG_WRITE), 17);
	assert_int_equal(cl_dirty_bytes(w.cl), 0);
	world_expect(&w, ino, handle, 500000, 1000000, 5);
	world_expect(&w, ino, handle, WORLD_CHUNK_BYTES - 1, 2, 5);
	world_expect(&w, ino, handle, bytes - 7, 7, 5);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void small_sequential_writes_go_out_as_large_ones(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	for (u32 at = 0; at < WORLD_CHUNK_BYTES; at += 8192)
		assert_int_equal(world_write(&w, ino, handle, at, 8192, 5), 0);
	assert_int_equal(world_flush(&w, ino, handle), 0);
	assert_int_equal(world_count(&w, DFS_MSG_WRITE), 2);
	assert_int_equal(world_count(&w, DFS_MSG_GRANT), 0); /* MAKE brought the place. */
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void old_data_is_written_back_after_a_while(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 100, 1), 0);
	world_run(&w, 4 * DFS_SEC);
	assert_int_equal(world_count(&w, DFS_MSG_WRITE), 0);
	world_run(&w, 2 * DFS_SEC);
	assert_int_equal(world_count(&w, DFS_MSG_WRITE), 1);
	assert_int_equal(world_ops(&w, DFS_OP_COMMIT), 1);
	assert_int_equal(world_file(&w, ino)->attr.size, 100);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void truncation_commits_first_and_then_cuts(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 10000, 1), 0);
	assert_int_equal(world_truncate(&w, ino, 5000), 0);
	assert_int_equal(world_ops(&w, DFS_OP_COMMIT), 1);
	assert_int_equal(world_size(&w, ino), 5000);
	assert_int_equal(world_truncate(&w, ino, 9000), 0);
	world_expect(&w, ino, handle, 0, 5000, 1);
	world_expect_zeros(&w, ino, handle, 5000, 4000); /* The bound of the map counts. */
	assert_int_equal(world_truncate(&w, ino, 0), 0);
	assert_int_equal(world_write(&w, ino, handle, 100, 50, 2), 0);
	world_expect_zeros(&w, ino, handle, 0, 100);
	world_expect(&w, ino, handle, 100, 50, 2);
	assert_int_equal(world_close(&w, ino, handle), 0);
	assert_int_equal(world_file(&w, ino)->attr.size, 150);
}

static void opening_with_truncation_empties_the_file(void **state)
{
	u64 ino, again;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 10000, 1), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	handle = world_open(&w, ino, O_RDWR | O_TRUNC);
	assert_int_equal(world_size(&w, ino), 0);
	assert_int_equal(world_write(&w, ino, handle, 0, 10, 1), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	handle = world_create(&w, "f", O_TRUNC, &again);
	assert_int_equal(again, ino);
	assert_int_equal(world_size(&w, ino), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void a_new_time_comes_after_the_writes_before_it(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 10, 1), 0);
	struct cl_call call = {
	    .op = CL_SETATTR, .ino = ino, .set = {.valid = DFS_SETATTR_MTIME, .mtime = 1234}};
	assert_int_equal(world_status(&w, world_call(&w, &call)), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	assert_int_equal(world_file(&w, ino)->attr.mtime, 1234);
}

static void a_second_open_takes_no_second_hold(void **state)
{
	u64 ino, again;
	(void)state;
	u64 first = world_create(&w, "f", 0, &ino);
	u64 second = world_open(&w, ino, O_RDWR);
	u64 third = world_create(&w, "f", 0, &again);
	assert_int_equal(world_file(&w, ino)->opens, 1);
	assert_int_equal(world_close(&w, ino, first), 0);
	assert_int_equal(world_close(&w, ino, second), 0);
	assert_int_equal(world_file(&w, ino)->opens, 1);
	assert_int_equal(world_close(&w, ino, third), 0);
	assert_int_equal(world_file(&w, ino)->opens, 0);
}

static void a_direct_read_sees_what_another_mount_appended(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	assert_int_equal(world_fsync(&w, ino, handle), 0);
	struct world_file *file = world_file(&w, ino);
	struct puppet_chunk *chunk =
	    world_chunk(&w.puppets[WORLD_SERVER_1], file->chunks[0], false);
	for (u32 i = 1000; i < 2000; i++)
		chunk->data[i] = world_byte(i, 1);
	chunk->length = 2000;
	file->attr.size = 2000;
	file->attr.change++;
	u64 id = world_read_call(&w, ino, handle, 0, 4096, O_DIRECT);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_answer(&w, id)->bytes_count, 2000);
	for (u32 i = 0; i < 2000; i++)
		assert_int_equal(world_answer(&w, id)->bytes[i], world_byte(i, 1));
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void synchronous_writes_are_on_stable_storage_when_answered(void **state)
{
	u64 ino;
	u8 data[100] = {1};
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	u64 id = world_write_call(&w, ino, handle, 0, data, sizeof(data), O_RDWR | O_DSYNC);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_count(&w, DFS_MSG_SYNC), 1);
	id = world_write_call(&w, ino, handle, 0, data, sizeof(data), O_RDWR | O_DIRECT);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_count(&w, DFS_MSG_WRITE), 2);
	assert_int_equal(world_count(&w, DFS_MSG_SYNC), 1);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void a_replica_on_this_machine_is_reached_by_its_socket(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 100, 1), 0);
	assert_int_equal(world_flush(&w, ino, handle), 0);
	assert_int_equal(w.puppets[WORLD_SERVER_1].opened[1], 1);
	assert_int_equal(w.puppets[WORLD_SERVER_1].opened[0], 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	/* And nobody is kept waiting for: an idle connection closes. */
	world_run(&w, 70 * DFS_SEC);
	assert_int_equal(w.puppets[WORLD_SERVER_1].link, 0);
}

static void writes_name_the_rest_of_the_chain(void **state)
{
	u64 ino;
	(void)state;
	w.chain = 1; /* The puppet checks that each WRITE has one. */
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 100, 1), 0);
	assert_int_equal(world_fsync(&w, ino, handle), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    TEST(a_new_small_file_costs_three_round_trips_before_its_release),
	    TEST(reading_a_small_file_costs_open_and_read),
	    TEST(fsync_syncs_beside_the_commit),
	    TEST(fsync_covers_what_another_mount_left_unsynced),
	    TEST(own_writes_are_read_back_at_every_stage),
	    TEST(attributes_show_own_writes_before_they_are_committed),
	    TEST(a_large_file_crosses_slots_and_chunks),
	    TEST(small_sequential_writes_go_out_as_large_ones),
	    TEST(old_data_is_written_back_after_a_while),
	    TEST(truncation_commits_first_and_then_cuts),
	    TEST(opening_with_truncation_empties_the_file),
	    TEST(a_new_time_comes_after_the_writes_before_it),
	    TEST(a_second_open_takes_no_second_hold),
	    TEST(a_direct_read_sees_what_another_mount_appended),
	    TEST(synchronous_writes_are_on_stable_storage_when_answered),
	    TEST(a_replica_on_this_machine_is_reached_by_its_socket),
	    TEST(writes_name_the_rest_of_the_chain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
