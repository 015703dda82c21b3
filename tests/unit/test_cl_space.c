/*
 * The space of files: what fallocate(2) and lseek(2) ask of whom, in which order, and what happens
 * when a server is away.
 */
#include "tests/unit/cl_world.h"
#include "tests/unit/unit.h"

#include <fcntl.h>

enum { CHUNK = WORLD_CHUNK_BYTES, PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE };

static struct cl_world w;
static u64 ino, handle;

static int setup(void **state)
{
	(void)state;
	world_init(&w, NULL);
	handle = world_create(&w, "f", 0, &ino);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(world_close(&w, ino, handle), 0);
	world_fini(&w);
	return 0;
}

static u64 start(u32 mode, u64 offset, u64 length)
{
	struct cl_call call = {.op = CL_FALLOCATE,
			       .ino = ino,
			       .handle = handle,
			       .offset = offset,
			       .size = length,
			       .flags = mode};
	return world_call(&w, &call);
}

static int allocate(u32 mode, u64 offset, u64 length)
{
	return world_status(&w, start(mode, offset, length));
}

/* DFS_ENXIO as such. */
static s64 seek(u64 offset, bool hole)
{
	struct cl_call call = {
	    .op = CL_LSEEK, .ino = ino, .handle = handle, .offset = offset, .flags = hole};
	u64 id = world_call(&w, &call);
	int status = world_status(&w, id);
	return status != 0 ? status : (s64)world_answer(&w, id)->count;
}

static enum world_verdict hold_type(struct cl_world *world, struct puppet *puppet,
				    const struct dfs_session_event *request)
{
	(void)puppet;
	return request->type == world->context ? WORLD_HOLD : WORLD_SERVE;
}

static void a_punch_comes_after_the_writes_before_it(void **state)
{
	(void)state;
	assert_int_equal(world_write(&w, ino, handle, 0, 50000, 1), 0);
	assert_int_equal(world_count(&w, DFS_MSG_WRITE), 0);
	assert_int_equal(allocate(PUNCH, 1000, 20000), 0);
	assert_int_equal(world_count(&w, DFS_MSG_WRITE), 1);
	assert_int_equal(world_ops(&w, DFS_OP_COMMIT), 1);
	assert_int_equal(world_count(&w, DFS_MSG_PUNCH), 1);
	assert_int_equal(world_ops(&w, DFS_OP_ALLOCATE), 1);
	world_expect(&w, ino, handle, 0, 1000, 1);
	world_expect_zeros(&w, ino, handle, 1000, 20000);
	world_expect(&w, ino, handle, 21000, 29000, 1);
	assert_int_equal(world_size(&w, ino), 50000);
}

static void writes_wait_for_the_punch_under_way(void **state)
{
	static const u8 data[100] = {7};
	(void)state;
	assert_int_equal(world_write(&w, ino, handle, 0, 50000, 1), 0);
	w.intercept = hold_type;
	w.context = DFS_MSG_PUNCH;
	u64 punch = start(PUNCH, 0, 40000);
	u64 write = world_write_call(&w, ino, handle, 100, data, sizeof(data), 0);
	world_run(&w, 100 * DFS_MSEC);
	assert_false(world_answer(&w, punch)->done);
	assert_false(world_answer(&w, write)->done);
	w.intercept = NULL;
	world_release(&w, WORLD_SERVER_1, 0);
	world_settle(&w);
	assert_int_equal(world_status(&w, punch), 0);
	assert_int_equal(world_status(&w, write), 0);
	u64 read = world_read_call(&w, ino, handle, 100, 1, 0);
	assert_int_equal(world_status(&w, read), 0);
	assert_int_equal(world_answer(&w, read)->bytes[0], 7);
}

/* It may have done its work or not; what is written afterwards stays. */
static void an_interrupted_punch_lets_writes_go_on(void **state)
{
	(void)state;
	assert_int_equal(world_write(&w, ino, handle, 0, 50000, 1), 0);
	w.intercept = hold_type;
	w.context = DFS_MSG_PUNCH;
	u64 punch = start(PUNCH, 0, 40000);
	world_cancel(&w, punch);
	assert_int_equal(world_status(&w, punch), DFS_EINTR);
	assert_int_equal(world_ops(&w, DFS_OP_ALLOCATE), 0);
	assert_int_equal(world_write(&w, ino, handle, 100, 5000, 2), 0);
	w.intercept = NULL;
	world_release(&w, WORLD_SERVER_1, 0);
	assert_int_equal(world_flush(&w, ino, handle), 0);
	world_expect(&w, ino, handle, 100, 5000, 2);
}

static void chunks_as_a_whole_are_left_to_the_master(void **state)
{
	(void)state;
	assert_int_equal(world_write(&w, ino, handle, 0, 4 * CHUNK, 1), 0);
	assert_int_equal(world_flush(&w, ino, handle), 0);
	world_counts_clear(&w);
	assert_int_equal(allocate(PUNCH, CHUNK, 2 * CHUNK), 0);
	assert_int_equal(world_count(&w, DFS_MSG_PUNCH), 0);
	assert_int_equal(world_ops(&w, DFS_OP_ALLOCATE), 1);
	world_expect_zeros(&w, ino, handle, CHUNK, 2 * CHUNK);
	world_expect(&w, ino, handle, CHUNK - 10, 10, 1);
	world_expect(&w, ino, handle, 3 * CHUNK, 10, 1);
	world_counts_clear(&w);
	assert_int_equal(allocate(PUNCH, 1, 4 * CHUNK - 2), 0);
	assert_int_equal(world_count(&w, DFS_MSG_PUNCH), 2);
	world_expect(&w, ino, handle, 0, 1, 1);
	world_expect(&w, ino, handle, 4 * CHUNK - 1, 1, 1);
	world_expect_zeros(&w, ino, handle, 1, 4 * CHUNK - 2);
	/* What is written into the hole gets a chunk anew. */
	assert_int_equal(world_write(&w, ino, handle, 2 * CHUNK, 100, 3), 0);
	assert_int_equal(world_flush(&w, ino, handle), 0);
	world_expect(&w, ino, handle, 2 * CHUNK, 100, 3);
}

static void fsync_covers_a_punch(void **state)
{
	(void)state;
	assert_int_equal(world_write(&w, ino, handle, 0, 50000, 1), 0);
	assert_int_equal(world_fsync(&w, ino, handle), 0);
	assert_int_equal(allocate(PUNCH, 100, 100), 0);
	struct puppet_chunk *chunk =
	    world_chunk(&w.puppets[WORLD_SERVER_1], world_file(&w, ino)->chunks[0], false);
	assert_false(chunk->synced);
	assert_int_equal(world_fsync(&w, ino, handle), 0);
	assert_true(chunk->synced);
}

static void zeroing_and_allocating_grow_the_file(void **state)
{
	(void)state;
	assert_int_equal(world_write(&w, ino, handle, 0, 100, 1), 0);
	assert_int_equal(allocate(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 50, 500), 0);
	assert_int_equal(world_size(&w, ino), 100);
	assert_int_equal(allocate(FALLOC_FL_ZERO_RANGE, 80, 120), 0);
	assert_int_equal(world_size(&w, ino), 200);
	assert_int_equal(allocate(0, 0, 300), 0);
	assert_int_equal(world_size(&w, ino), 300);
	assert_int_equal(allocate(FALLOC_FL_KEEP_SIZE, 0, 400), 0);
	assert_int_equal(world_size(&w, ino), 300);
	/* The puppets have 600 bytes free. */
	assert_int_equal(allocate(0, 300, 601), DFS_ENOSPC);
	assert_int_equal(allocate(0, 300, 600), 0);
	assert_int_equal(world_size(&w, ino), 900);
	world_expect(&w, ino, handle, 0, 50, 1);
	world_expect_zeros(&w, ino, handle, 50, 850);
}

static void senseless_ranges_and_modes_are_refused(void **state)
{
	(void)state;
	assert_int_equal(allocate(0, 0, 0), DFS_EINVAL);
	assert_int_equal(allocate(0, INT64_MAX, 1), DFS_EFBIG);
	assert_int_equal(allocate(0, 1, UINT64_MAX), DFS_EFBIG);
	assert_int_equal(allocate(FALLOC_FL_PUNCH_HOLE, 0, 1), DFS_ENOTSUP);
	assert_int_equal(allocate(PUNCH | FALLOC_FL_ZERO_RANGE, 0, 1), DFS_ENOTSUP);
	assert_int_equal(allocate(FALLOC_FL_COLLAPSE_RANGE, 0, 4096), DFS_ENOTSUP);
	assert_int_equal(allocate(FALLOC_FL_INSERT_RANGE, 0, 4096), DFS_ENOTSUP);
	assert_int_equal(world_trips(&w), 1); /* MAKE. */
}

static void a_punch_waits_for_a_server_that_is_away(void **state)
{
	(void)state;
	assert_int_equal(world_write(&w, ino, handle, 0, 50000, 1), 0);
	assert_int_equal(world_flush(&w, ino, handle), 0);
	w.puppets[WORLD_SERVER_1].away = true;
	world_cut(&w, WORLD_SERVER_1);
	u64 punch = start(PUNCH, 0, 100);
	world_run(&w, 10 * DFS_SEC);
	assert_false(world_answer(&w, punch)->done);
	w.puppets[WORLD_SERVER_1].away = false;
	world_run(&w, 5 * DFS_SEC);
	assert_int_equal(world_status(&w, punch), 0);
	world_expect_zeros(&w, ino, handle, 0, 100);
}

static void holes_and_data_are_found_across_chunks(void **state)
{
	(void)state;
	assert_int_equal(seek(0, false), DFS_ENXIO);
	assert_int_equal(seek(0, true), DFS_ENXIO);
	assert_int_equal(world_write(&w, ino, handle, 8192, 4096, 1), 0);
	assert_int_equal(seek(0, false), 8192); /* What was just written is data. */
	assert_int_equal(world_write(&w, ino, handle, 3 * CHUNK - 4096, 8192, 1), 0);
	assert_int_equal(world_truncate(&w, ino, 5 * CHUNK), 0);
	assert_int_equal(seek(0, true), 0);
	assert_int_equal(seek(8192, true), 12288);
	assert_int_equal(seek(9000, false), 9000);
	world_counts_clear(&w);
	assert_int_equal(seek(12288, false), 3 * CHUNK - 4096);
	assert_true(world_count(&w, DFS_MSG_CHUNKS) <= 2); /* One jump over all of chunk 1. */
	assert_int_equal(seek(3 * CHUNK - 4096, true), 3 * CHUNK + 4096);
	assert_int_equal(seek(3 * CHUNK + 4096, false), DFS_ENXIO);
	assert_int_equal(seek(4 * CHUNK + 5, true), 4 * CHUNK + 5);
	assert_int_equal(seek(5 * CHUNK, true), DFS_ENXIO);
	assert_int_equal(seek(UINT64_MAX, false), DFS_ENXIO);
	/* Behind a truncation that no server has heard of there is a hole. */
	assert_int_equal(world_truncate(&w, ino, 3 * CHUNK + 100), 0);
	assert_int_equal(world_truncate(&w, ino, 4 * CHUNK), 0);
	assert_int_equal(seek(3 * CHUNK, true), 3 * CHUNK + 100);
	assert_int_equal(seek(3 * CHUNK + 100, false), DFS_ENXIO);
	world_file(&w, ino)->valid[3] = DFS_VALID_ALL; /* As TRIMMED does: files can be closed. */
}

static void the_end_of_data_is_the_end_of_the_file(void **state)
{
	(void)state;
	assert_int_equal(world_write(&w, ino, handle, 0, 2 * CHUNK + 100, 1), 0);
	assert_int_equal(seek(0, true), 2 * CHUNK + 100);
	assert_int_equal(seek(2 * CHUNK + 99, false), 2 * CHUNK + 99);
	assert_int_equal(seek(2 * CHUNK + 100, true), DFS_ENXIO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_punch_comes_after_the_writes_before_it),
	    TEST(writes_wait_for_the_punch_under_way),
	    TEST(an_interrupted_punch_lets_writes_go_on),
	    TEST(chunks_as_a_whole_are_left_to_the_master),
	    TEST(fsync_covers_a_punch),
	    TEST(zeroing_and_allocating_grow_the_file),
	    TEST(senseless_ranges_and_modes_are_refused),
	    TEST(a_punch_waits_for_a_server_that_is_away),
	    TEST(holes_and_data_are_found_across_chunks),
	    TEST(the_end_of_data_is_the_end_of_the_file),
	};
#undef TEST
	return cmocka_run_group_tests(tests, NULL, NULL);
}
