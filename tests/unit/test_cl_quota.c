/*
 * Quotas at the client: writing ends where the master has no room, before bytes are taken that have
 * no place; what is written already stays.
 */
#include "tests/unit/cl_world.h"
#include "tests/unit/unit.h"

enum { BLOCK = 4096 };

static struct cl_world w;
static u64 ino, handle;

static void open_with_room(u64 bytes)
{
	world_init(&w, NULL);
	w.limit = bytes;
	handle = world_create(&w, "f", 0, &ino);
}

static void done(void)
{
	assert_int_equal(world_close(&w, ino, handle), 0);
	world_fini(&w);
}

static void writing_ends_at_the_limit(void **unused)
{
	(void)unused;
	open_with_room(10 * BLOCK);
	world_counts_clear(&w);
	assert_int_equal(world_write(&w, ino, handle, 0, 9 * BLOCK, 1), 0);
	assert_int_equal(world_write(&w, ino, handle, 9 * BLOCK, 100, 1), 0);
	assert_int_equal(world_count(&w, DFS_MSG_STATFS), 0);
	assert_int_equal(world_write(&w, ino, handle, 10 * BLOCK, 1, 1), DFS_EDQUOT);
	assert_int_equal(world_count(&w, DFS_MSG_STATFS), 2); /* Before and after a COMMIT. */
	assert_int_equal(world_write(&w, ino, handle, 9 * BLOCK + 100, BLOCK - 100, 1), 0);
	assert_int_equal(world_write(&w, ino, handle, 3 * BLOCK, 5 * BLOCK, 1), 0);
	assert_int_equal(world_fsync(&w, ino, handle), 0);
	assert_int_equal(world_write(&w, ino, handle, 2 * BLOCK, BLOCK, 1), 0);
	assert_int_equal(world_file(&w, ino)->attr.size, 10 * BLOCK);
	assert_int_equal(world_truncate(&w, ino, 4 * BLOCK), 0);
	world_file(&w, ino)->valid[0] = DFS_VALID_ALL; /* As TRIMMED does. */
	assert_int_equal(world_write(&w, ino, handle, 4 * BLOCK, 6 * BLOCK, 1), 0);
	assert_int_equal(world_write(&w, ino, handle, 10 * BLOCK, 1, 1), DFS_EDQUOT);
	done();
}

static void files_that_count_alike_share_the_room(void **unused)
{
	(void)unused;
	u64 other_ino;
	open_with_room(10 * BLOCK);
	u64 other = world_create(&w, "g", 0, &other_ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 6 * BLOCK, 1), 0);
	assert_int_equal(world_write(&w, other_ino, other, 0, 5 * BLOCK, 1), DFS_EDQUOT);
	assert_int_equal(world_write(&w, other_ino, other, 0, 4 * BLOCK, 1), 0);
	assert_int_equal(world_write(&w, ino, handle, 6 * BLOCK, 1, 1), DFS_EDQUOT);
	assert_int_equal(world_close(&w, other_ino, other), 0);
	done();
}

static void what_others_use_is_heard_of_with_the_next_commit(void **unused)
{
	(void)unused;
	open_with_room(100 * BLOCK);
	assert_int_equal(world_write(&w, ino, handle, 0, 10 * BLOCK, 1), 0);
	w.limit = 5 * BLOCK; /* Or it is set to less. */
	assert_int_equal(world_write(&w, ino, handle, 10 * BLOCK, 10 * BLOCK, 1), 0);
	assert_int_equal(world_fsync(&w, ino, handle), 0); /* Taken before: not lost. */
	assert_int_equal(world_write(&w, ino, handle, 20 * BLOCK, 1, 1), DFS_EDQUOT);
	w.limit = 0;
	assert_int_equal(world_write(&w, ino, handle, 20 * BLOCK, 1, 1), 0);
	world_expect(&w, ino, handle, 0, 20 * BLOCK, 1);
	done();
}

static void space_in_a_chunk_counts_up_to_the_last_byte(void **unused)
{
	(void)unused;
	open_with_room(100 * BLOCK);
	assert_int_equal(world_write(&w, ino, handle, 0, BLOCK, 1), 0);
	assert_int_equal(world_fsync(&w, ino, handle), 0);
	assert_int_equal(world_truncate(&w, ino, 3 * WORLD_CHUNK_BYTES), 0);
	w.limit = WORLD_CHUNK_BYTES + 100 * BLOCK; /* The puppet's first chunk is whole now. */
	const u64 hole = WORLD_CHUNK_BYTES;
	/* Whether that chunk is a hole is not known here. */
	assert_int_equal(world_write(&w, ino, handle, hole + 100 * BLOCK, 1, 1), DFS_EDQUOT);
	assert_int_equal(world_write(&w, ino, handle, hole + 99 * BLOCK, BLOCK, 1), 0);
	assert_int_equal(world_write(&w, ino, handle, hole, 10 * BLOCK, 1), 0);
	assert_int_equal(world_write(&w, ino, handle, 2 * hole, 1, 1), DFS_EDQUOT);
	done();
}

static void what_is_there_can_be_overwritten_without_room(void **unused)
{
	(void)unused;
	open_with_room(256 * BLOCK);
	assert_int_equal(world_write(&w, ino, handle, 0, 256 * BLOCK, 1), 0);
	assert_int_equal(world_fsync(&w, ino, handle), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	world_run(&w, 60 * DFS_SEC); /* All that was known of it is forgotten. */
	world_file(&w, ino)->attr.change++;
	world_file(&w, ino)->attr.size += 4 * WORLD_CHUNK_BYTES;
	w.limit = 2;
	handle = world_open(&w, ino, 2 /* O_RDWR */);
	assert_int_equal(world_write(&w, ino, handle, 5 * BLOCK, 10 * BLOCK, 2), 0);
	assert_int_equal(world_write(&w, ino, handle, WORLD_CHUNK_BYTES, 1, 2), DFS_EDQUOT);
	assert_int_equal(world_fsync(&w, ino, handle), 0);
	world_expect(&w, ino, handle, 5 * BLOCK, 10 * BLOCK, 2);
	done();
}

static int clone_to(u64 to_ino, u64 to, u64 offset)
{
	struct cl_call call = {.op = CL_CLONE,
			       .ino = to_ino,
			       .handle = to,
			       .handle2 = handle,
			       .offset = offset,
			       .size = WORLD_CHUNK_BYTES};
	return world_status(&w, world_call(&w, &call));
}

static void shared_chunks_need_room_beside_what_is_not_committed(void **unused)
{
	(void)unused;
	u64 copy_ino, other_ino;
	open_with_room(1000 * BLOCK);
	u64 copy = world_create(&w, "copy", 0, &copy_ino);
	u64 other = world_create(&w, "other", 0, &other_ino);
	assert_int_equal(world_write(&w, ino, handle, 0, WORLD_CHUNK_BYTES, 1), 0);
	assert_int_equal(world_fsync(&w, ino, handle), 0);
	assert_int_equal(world_write(&w, other_ino, other, 0, 200 * BLOCK, 1), 0);
	assert_int_equal(clone_to(copy_ino, copy, 0), 0);
	assert_int_equal(world_ops(&w, DFS_OP_CLONE), 1);
	/* 288 are left, and its answer said so. */
	world_counts_clear(&w);
	assert_int_equal(world_write(&w, other_ino, other, 200 * BLOCK, 200 * BLOCK, 1), 0);
	assert_int_equal(world_count(&w, DFS_MSG_STATFS), 0);
	assert_int_equal(clone_to(copy_ino, copy, WORLD_CHUNK_BYTES), DFS_ENOTSUP);
	assert_int_equal(world_write(&w, copy_ino, copy, WORLD_CHUNK_BYTES, 89 * BLOCK, 1),
			 DFS_EDQUOT);
	assert_int_equal(clone_to(copy_ino, copy, 0), 0); /* In the place of as much. */
	assert_int_equal(world_ops(&w, DFS_OP_CLONE), 1);
	assert_int_equal(world_close(&w, copy_ino, copy), 0);
	assert_int_equal(world_close(&w, other_ino, other), 0);
	done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writing_ends_at_the_limit),
	    cmocka_unit_test(files_that_count_alike_share_the_room),
	    cmocka_unit_test(space_in_a_chunk_counts_up_to_the_last_byte),
	    cmocka_unit_test(what_is_there_can_be_overwritten_without_room),
	    cmocka_unit_test(shared_chunks_need_room_beside_what_is_not_committed),
	    cmocka_unit_test(what_others_use_is_heard_of_with_the_next_commit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
