/*
 * ALLOCATE: growing files and punching holes into their chunk maps; and how much space they say
 * they take.
 */
#include "tests/unit/ms_world.h"

#define CHUNK_BYTES (UINT64_C(1) << DFS_CHUNK_SHIFT)

static int commit_length(struct world *w, u64 ino, u64 size, u64 index, u64 chunk, u32 length)
{
	struct dfs_writer chunks;
	struct dfs_committed item = {.index = index, .chunk = chunk, .length = length};
	dfs_writer_init(&chunks, DFS_PROTOCOL_VERSION, 0);
	dfs_committed_put(&chunks, &item);
	int status = WORLD_DO(w, COMMIT, commit, .ino = ino, .size = size,
			      .chunks = dfs_writer_items(&chunks));
	dfs_writer_fini(&chunks);
	return status;
}

static void space_is_what_the_chunks_hold(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_file(&w, ROOT, "f");
	assert_int_equal(world_truncate(&w, f, 100 * CHUNK_BYTES), 0);
	assert_int_equal(world_attr(&w, f).allocated, 0);
	assert_int_equal(commit_length(&w, f, 0, 50, 10, 1), 0);
	assert_int_equal(world_attr(&w, f).allocated, 4096);
	assert_int_equal(commit_length(&w, f, 0, 50, 10, 4096), 0);
	assert_int_equal(world_attr(&w, f).allocated, 4096);
	assert_int_equal(commit_length(&w, f, 0, 50, 10, 10000), 0);
	assert_int_equal(commit_length(&w, f, 0, 50, 10, 5), 0); /* Said late. */
	assert_int_equal(world_attr(&w, f).allocated, 12288);
	assert_int_equal(commit_length(&w, f, 0, 99, 11, 0), 0); /* Not told: all of it. */
	assert_int_equal(world_attr(&w, f).allocated, 12288 + CHUNK_BYTES);
	world_check(&w);
	assert_int_equal(world_truncate(&w, f, 99 * CHUNK_BYTES + 4097), 0);
	assert_int_equal(world_attr(&w, f).allocated, 12288 + 8192);
	/* More than the file has is another's write that is not committed. */
	assert_int_equal(commit_length(&w, f, 0, 99, 11, 1 << 20), 0);
	assert_int_equal(world_attr(&w, f).allocated, 12288 + 8192);
	assert_int_equal(world_truncate(&w, f, 50 * CHUNK_BYTES + 1), 0);
	assert_int_equal(world_attr(&w, f).allocated, 4096);
	world_check(&w);
	assert_int_equal(world_truncate(&w, f, 0), 0);
	assert_int_equal(world_attr(&w, f).allocated, 0);
	world_check(&w);
	world_close(&w);
}

static int allocate(struct world *w, u64 ino, u64 offset, u64 length, u32 flags)
{
	return WORLD_DO(w, ALLOCATE, allocate, .ino = ino, .offset = offset, .length = length,
			.flags = flags);
}

enum { KEEP = DFS_ALLOCATE_KEEP_SIZE, PUNCH = DFS_ALLOCATE_PUNCH };

static void punching_drops_chunks_that_lie_in_the_range(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_file(&w, ROOT, "f");
	assert_int_equal(world_commit(&w, f, 0, 10, 8), 0);
	u64 change = world_attr(&w, f).change;
	/* From inside chunk 1 to inside chunk 4: 2 and 3 go. */
	assert_int_equal(allocate(&w, f, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, KEEP | PUNCH), 0);
	assert_int_equal(w.last.garbage_count, 2);
	assert_int_equal(w.last.garbage[0], 12);
	assert_int_equal(w.last.cutting, 0);
	assert_int_equal(w.last.trim.chunk, 0);
	assert_int_equal(w.last.attr.size, 8 * CHUNK_BYTES);
	assert_int_equal(w.last.attr.mtime, w.wall);
	assert_true(w.last.attr.change > change);
	assert_int_equal(world_chunk_at(&w, f, 1), 11);
	assert_int_equal(world_chunk_at(&w, f, 2), 0);
	assert_int_equal(world_chunk_at(&w, f, 3), 0);
	assert_int_equal(world_chunk_at(&w, f, 4), 14);
	world_check(&w);
	/* Inside one chunk: its bytes are the chunkserver's. */
	assert_int_equal(allocate(&w, f, 1, CHUNK_BYTES - 2, KEEP | PUNCH), 0);
	assert_int_equal(world_chunk_at(&w, f, 0), 10);
	/* A bound goes with its chunk, and the last chunk goes when the range reaches the end. */
	assert_int_equal(world_truncate(&w, f, 7 * CHUNK_BYTES + 5), 0);
	assert_int_equal(allocate(&w, f, 7 * CHUNK_BYTES, 5, KEEP | PUNCH), 0);
	assert_int_equal(world_chunk_at(&w, f, 7), 0);
	world_check(&w);
	/* A hole takes a chunk again; the dropped one does not come back. */
	assert_int_equal(world_commit(&w, f, 2, 12, 1), DFS_ESTALE);
	assert_int_equal(world_commit(&w, f, 2, 30, 1), 0);
	assert_int_equal(world_chunk_at(&w, f, 2), 30);
	world_check(&w);
	world_close(&w);
}

static void allocating_grows_a_file_unless_told_not_to(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_file(&w, ROOT, "f");
	assert_int_equal(world_commit(&w, f, 0, 10, 1), 0);
	assert_int_equal(allocate(&w, f, 0, 100, 0), 0);
	assert_int_equal(w.last.attr.size, CHUNK_BYTES);
	assert_int_equal(w.last.attr.mtime, 77); /* Nothing in it has changed. */
	assert_int_equal(w.last.attr.ctime, w.wall);
	assert_int_equal(allocate(&w, f, 5 * CHUNK_BYTES, 1, KEEP), 0);
	assert_int_equal(w.last.attr.size, CHUNK_BYTES);
	assert_int_equal(allocate(&w, f, 5 * CHUNK_BYTES, 1, 0), 0);
	assert_int_equal(w.last.attr.size, 5 * CHUNK_BYTES + 1);
	assert_int_equal(w.last.attr.mtime, w.wall);
	assert_int_equal(world_chunk_at(&w, f, 0), 10);
	/* Zeroing beyond the end grows it, and takes all that there was. */
	assert_int_equal(allocate(&w, f, 0, 6 * CHUNK_BYTES, PUNCH), 0);
	assert_int_equal(w.last.attr.size, 6 * CHUNK_BYTES);
	assert_int_equal(world_chunk_at(&w, f, 0), 0);
	assert_int_equal(allocate(&w, f, 0, 0, 0), DFS_EINVAL);
	assert_int_equal(allocate(&w, f, 0, 1, 4), DFS_EINVAL);
	assert_int_equal(allocate(&w, f, INT64_MAX, 1, 0), DFS_EFBIG);
	assert_int_equal(allocate(&w, f, 1, UINT64_MAX, KEEP), DFS_EFBIG);
	assert_int_equal(allocate(&w, f, INT64_MAX - 1, 1, 0), 0);
	assert_int_equal(allocate(&w, ROOT, 0, 1, 0), DFS_EISDIR);
	assert_int_equal(allocate(&w, 999, 0, 1, 0), DFS_ESTALE);
	world_check(&w);
	world_close(&w);
}

static void punching_a_huge_file_is_done_in_parts(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_huge_file(&w, "f", 1);
	assert_int_equal(allocate(&w, f, CHUNK_BYTES, (WORLD_MANY - 2) * CHUNK_BYTES, KEEP | PUNCH),
			 0);
	assert_int_equal(w.last.garbage_count, DFS_MAP_ROWS_PER_OP);
	assert_int_equal(w.last.cutting, f);
	world_check(&w);
	/* What is dead does not show; what is around it does. */
	assert_int_equal(world_chunk_at(&w, f, 0), 1);
	assert_int_equal(world_chunk_at(&w, f, WORLD_MANY - 2), 0);
	assert_int_equal(world_chunk_at(&w, f, WORLD_MANY - 1), WORLD_MANY);
	assert_int_equal(world_commit(&w, f, WORLD_MANY - 2, 20000, 1), 0);
	/* Another range has to wait; a truncation below it has not. */
	assert_int_equal(allocate(&w, f, 0, CHUNK_BYTES, KEEP | PUNCH), DFS_EBUSY);
	assert_int_equal(world_truncate(&w, f, (WORLD_MANY - 1) * CHUNK_BYTES), DFS_EBUSY);
	world_reopen(&w);
	assert_int_equal(world_cut_all(&w), 2);
	world_check(&w);
	assert_int_equal(ms_counts(w.state).chunks, 3);
	assert_int_equal(allocate(&w, f, 0, CHUNK_BYTES, KEEP | PUNCH), 0);
	assert_int_equal(world_chunk_at(&w, f, 0), 0);
	assert_int_equal(world_chunk_at(&w, f, WORLD_MANY - 2), 20000);
	world_check(&w);
	world_close(&w);
}

static void truncation_covers_a_punch_that_is_not_finished(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_huge_file(&w, "f", 1);
	assert_int_equal(allocate(&w, f, CHUNK_BYTES, (WORLD_MANY - 2) * CHUNK_BYTES, KEEP | PUNCH),
			 0);
	assert_int_equal(world_truncate(&w, f, CHUNK_BYTES), 0);
	assert_int_equal(world_truncate(&w, f, WORLD_MANY * CHUNK_BYTES), 0);
	assert_int_equal(world_chunk_at(&w, f, 0), 1);
	assert_int_equal(world_chunk_at(&w, f, WORLD_MANY - 1), 0);
	world_check(&w);
	assert_true(world_cut_all(&w) > 0);
	world_check(&w);
	assert_int_equal(ms_counts(w.state).chunks, 1);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(space_is_what_the_chunks_hold),
	    cmocka_unit_test(punching_drops_chunks_that_lie_in_the_range),
	    cmocka_unit_test(allocating_grows_a_file_unless_told_not_to),
	    cmocka_unit_test(punching_a_huge_file_is_done_in_parts),
	    cmocka_unit_test(truncation_covers_a_punch_that_is_not_finished),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
