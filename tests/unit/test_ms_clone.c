/*
 * CLONE: chunks that several places of files share; how they are counted, replaced, cut and
 * dropped.
 */
#include "tests/unit/ms_world.h"

#include <sys/stat.h>

#define CHUNK_BYTES (UINT64_C(1) << DFS_CHUNK_SHIFT)

static struct ms_location at(struct world *w, u64 ino, u64 index)
{
	struct ms_location location = {0};
	u32 count;
	assert_int_equal(ms_chunks(w->state, ino, index, 1, &location, 1, &count), 0);
	assert_int_equal(count, 1);
	return location;
}

/* A file of three chunks 10..12, and an empty one. */
static void open_two(struct world *w, u64 *ret_source, u64 *ret_copy)
{
	world_open(w, 0);
	*ret_source = world_file(w, ROOT, "source");
	*ret_copy = world_file(w, ROOT, "copy");
	assert_int_equal(world_commit(w, *ret_source, 0, 10, 3), 0);
}

static int commit_copy(struct world *w, u64 ino, u64 index, u64 chunk, struct ms_location base)
{
	struct dfs_writer chunks;
	struct dfs_committed item = {.index = index,
				     .chunk = chunk,
				     .length = 4096,
				     .base = base.chunk,
				     .base_bytes = base.bytes};
	dfs_writer_init(&chunks, DFS_PROTOCOL_VERSION, 0);
	dfs_committed_put(&chunks, &item);
	int status =
	    WORLD_DO(w, COMMIT, commit, .ino = ino, .size = 0, .chunks = dfs_writer_items(&chunks));
	dfs_writer_fini(&chunks);
	return status;
}

static void two_files_share_chunks_until_the_last_one_goes(void **unused)
{
	(void)unused;
	struct world w;
	u64 source, copy;
	open_two(&w, &source, &copy);
	struct dfs_attr before = world_attr(&w, source);
	assert_int_equal(world_clone(&w, source, 0, copy, 0, 3), 0);
	struct dfs_attr attr = world_attr(&w, copy), after = world_attr(&w, source);
	assert_int_equal(attr.size, 3 * CHUNK_BYTES);
	assert_int_equal(attr.allocated, before.allocated);
	assert_int_equal(attr.mtime, 88);
	assert_int_equal(attr.ctime, w.wall);
	/* Nobody sees it there. */
	assert_int_equal(after.change, before.change);
	assert_int_equal(after.ctime, before.ctime);
	assert_int_equal(after.mtime, before.mtime);
	for (u64 i = 0; i < 3; i++) {
		assert_int_equal(world_chunk_at(&w, copy, i), 10 + i);
		assert_true(at(&w, copy, i).shared && at(&w, source, i).shared);
	}
	assert_int_equal(ms_counts(w.state).chunks, 3);
	world_check(&w);
	assert_int_equal(world_unlink(&w, ROOT, "source"), 0);
	assert_int_equal(world_purge(&w, source), 0);
	assert_int_equal(w.last.garbage_count, 0);
	world_check(&w);
	assert_int_equal(world_truncate(&w, copy, CHUNK_BYTES), 0);
	assert_int_equal(w.last.garbage_count, 2);
	world_check(&w);
	assert_int_equal(world_truncate(&w, copy, 0), 0);
	assert_int_equal(w.last.garbage_count, 1);
	assert_int_equal(ms_counts(w.state).chunks, 0);
	world_check(&w);
	world_close(&w);
}

static void the_end_of_the_source_may_lie_inside_a_chunk(void **unused)
{
	(void)unused;
	struct world w;
	u64 source, copy;
	open_two(&w, &source, &copy);
	assert_int_equal(world_truncate(&w, source, 2 * CHUNK_BYTES + 5000), 0);
	/* Its last chunk is still to be cut at the chunkserver. */
	assert_int_equal(world_clone(&w, source, 0, copy, 0, 3), DFS_EBUSY);
	assert_int_equal(
	    WORLD_DO(&w, TRIMMED, trimmed, .ino = source, .index = 2, .chunk = 12, .length = 5000),
	    0);
	assert_int_equal(world_clone(&w, source, 0, copy, 0, 3), 0);
	assert_int_equal(world_attr(&w, copy).size, 2 * CHUNK_BYTES + 5000);
	/* Bytes behind it, of writers who have not committed, are not the copy's. */
	assert_int_equal(at(&w, copy, 2).valid, 5000);
	assert_int_equal(at(&w, source, 2).valid, DFS_VALID_ALL);
	world_check(&w);
	/* The destination goes further: its bytes would go. */
	assert_int_equal(world_truncate(&w, copy, 3 * CHUNK_BYTES), 0);
	assert_int_equal(world_clone(&w, source, 2, copy, 2, 1), DFS_ESTALE);
	assert_int_equal(world_clone(&w, source, 2, copy, 5, 1), 0);
	assert_int_equal(world_attr(&w, copy).size, 5 * CHUNK_BYTES + 5000);
	world_check(&w);
	world_close(&w);
}

static void what_is_cut_off_one_file_stays_in_the_other(void **unused)
{
	(void)unused;
	struct world w;
	u64 source, copy;
	open_two(&w, &source, &copy);
	assert_int_equal(world_clone(&w, source, 0, copy, 0, 3), 0);
	assert_int_equal(world_truncate(&w, copy, CHUNK_BYTES + 100), 0);
	assert_int_equal(w.last.trim.chunk, 0); /* Others have the rest. */
	assert_int_equal(w.last.garbage_count, 0);
	assert_int_equal(at(&w, copy, 1).valid, 100);
	assert_int_equal(at(&w, copy, 1).bytes, 100);
	assert_int_equal(at(&w, source, 1).valid, DFS_VALID_ALL);
	world_check(&w);
	/* Such a chunk is cloned with its bound; and again over itself. */
	assert_int_equal(world_truncate(&w, copy, 2 * CHUNK_BYTES), 0);
	u64 third = world_file(&w, ROOT, "third");
	for (u32 i = 0; i < 2; i++)
		assert_int_equal(world_clone(&w, copy, 0, third, 0, 2), 0);
	assert_int_equal(at(&w, third, 1).valid, 100);
	world_check(&w);
	world_close(&w);
}

static void a_copy_takes_the_place_of_a_shared_chunk(void **unused)
{
	(void)unused;
	struct world w;
	u64 source, copy;
	open_two(&w, &source, &copy);
	assert_int_equal(world_clone(&w, source, 0, copy, 0, 3), 0);
	struct ms_location base = at(&w, copy, 1);
	assert_int_equal(commit_copy(&w, copy, 1, 20, base), 0);
	assert_int_equal(w.last.garbage_count, 0);
	assert_int_equal(world_chunk_at(&w, copy, 1), 20);
	assert_false(at(&w, copy, 1).shared);
	assert_int_equal(world_chunk_at(&w, source, 1), 11);
	world_check(&w);
	/* The same once more: it is in its place. Another one comes too late. */
	assert_int_equal(commit_copy(&w, copy, 1, 20, base), 0);
	assert_int_equal(commit_copy(&w, copy, 1, 21, base), DFS_ESTALE);
	/* The last file that has it: then it is garbage. */
	assert_int_equal(commit_copy(&w, source, 1, 22, at(&w, source, 1)), 0);
	assert_int_equal(w.last.garbage_count, 1);
	assert_int_equal(w.last.garbage[0], 11);
	world_check(&w);
	world_close(&w);
}

static void a_copy_of_what_counts_no_more_is_refused(void **unused)
{
	(void)unused;
	struct world w;
	u64 source, copy;
	open_two(&w, &source, &copy);
	assert_int_equal(world_clone(&w, source, 0, copy, 0, 3), 0);
	struct ms_location base = at(&w, copy, 1);
	/* Without a base, nothing takes the place of a chunk. */
	assert_int_equal(commit_copy(&w, copy, 1, 20, (struct ms_location){0}), DFS_ESTALE);
	/* Cut meanwhile: the copy has bytes that must not come back. */
	assert_int_equal(world_truncate(&w, copy, CHUNK_BYTES + 100), 0);
	assert_int_equal(commit_copy(&w, copy, 1, 20, base), DFS_ESTALE);
	assert_int_equal(world_truncate(&w, copy, CHUNK_BYTES), 0);
	assert_int_equal(world_truncate(&w, copy, 2 * CHUNK_BYTES), 0);
	assert_int_equal(commit_copy(&w, copy, 1, 20, base), DFS_ESTALE);
	assert_int_equal(commit_copy(&w, copy, 1, 20, (struct ms_location){0}), 0);
	world_check(&w);
	world_close(&w);
}

/* One operation may touch a chunk several times. */
static void a_file_may_have_a_chunk_several_times(void **unused)
{
	(void)unused;
	struct world w;
	u64 source, copy;
	open_two(&w, &source, &copy);
	assert_int_equal(world_clone(&w, source, 0, source, 3, 3), 0);
	assert_int_equal(world_clone(&w, source, 0, source, 6, 6), 0);
	assert_int_equal(world_clone(&w, source, 2, source, 4, 3), DFS_EINVAL); /* Overlap. */
	world_check(&w);
	assert_int_equal(world_clone(&w, source, 0, copy, 0, 12), 0);
	world_check(&w);
	assert_int_equal(world_clone(&w, source, 0, copy, 1, 11), 0);
	world_check(&w);
	assert_int_equal(world_truncate(&w, source, 0), 0);
	assert_int_equal(w.last.garbage_count, 0);
	world_check(&w);
	assert_int_equal(WORLD_DO(&w, ALLOCATE, allocate, .ino = copy, .length = 12 * CHUNK_BYTES,
				  .flags = DFS_ALLOCATE_PUNCH),
			 0);
	assert_int_equal(w.last.garbage_count, 3);
	assert_int_equal(ms_counts(w.state).chunks, 0);
	world_check(&w);
	world_close(&w);
}

static void holes_become_holes(void **unused)
{
	(void)unused;
	struct world w;
	u64 source, copy;
	open_two(&w, &source, &copy);
	assert_int_equal(world_truncate(&w, source, 6 * CHUNK_BYTES), 0);
	assert_int_equal(world_commit(&w, copy, 0, 20, 6), 0);
	assert_int_equal(world_clone(&w, source, 1, copy, 1, 4), 0);
	assert_int_equal(w.last.garbage_count, 4);
	const u64 expected[] = {20, 11, 12, 0, 0, 25};
	for (u64 i = 0; i < 6; i++)
		assert_int_equal(world_chunk_at(&w, copy, i), expected[i]);
	world_check(&w);
	world_close(&w);
}

static int clone_one(struct world *w, u64 source, u64 ino, u64 chunk, u64 end)
{
	struct dfs_writer chunks;
	dfs_writer_init(&chunks, DFS_PROTOCOL_VERSION, 0);
	dfs_id_put(&chunks, &(struct dfs_id){.id = chunk});
	int status = WORLD_DO(w, CLONE, clone, .ino = ino, .source = source, .end = end,
			      .chunks = dfs_writer_items(&chunks));
	dfs_writer_fini(&chunks);
	return status;
}

static void other_requests_are_refused(void **unused)
{
	(void)unused;
	struct world w;
	u64 source, copy;
	open_two(&w, &source, &copy);
	u64 directory = world_directory(&w, ROOT, "directory");
	assert_int_equal(world_make(&w, ROOT, "fifo", S_IFIFO | 0644), 0);
	u64 fifo = w.last.attr.ino;
	assert_int_equal(clone_one(&w, source, 999, 10, CHUNK_BYTES), DFS_ESTALE);
	assert_int_equal(clone_one(&w, 999, copy, 10, CHUNK_BYTES), DFS_ESTALE);
	assert_int_equal(clone_one(&w, directory, copy, 10, CHUNK_BYTES), DFS_EISDIR);
	assert_int_equal(clone_one(&w, source, directory, 10, CHUNK_BYTES), DFS_EISDIR);
	assert_int_equal(clone_one(&w, source, fifo, 10, CHUNK_BYTES), DFS_EINVAL);
	/* The source has another chunk there, or a hole. */
	assert_int_equal(clone_one(&w, source, copy, 11, CHUNK_BYTES), DFS_ESTALE);
	assert_int_equal(clone_one(&w, source, copy, 0, CHUNK_BYTES), DFS_ESTALE);
	/* More or less than the chunks told. */
	assert_int_equal(clone_one(&w, source, copy, 10, CHUNK_BYTES + 1), DFS_EINVAL);
	assert_int_equal(clone_one(&w, source, copy, 10, 0), DFS_EINVAL);
	assert_int_equal(world_clone(&w, source, 0, copy, UINT64_C(1) << 60, 1), DFS_EINVAL);
	assert_int_equal(WORLD_DO(&w, CLONE, clone, .ino = copy, .source = source), DFS_EINVAL);
	/* While a cut is not finished, nobody can tell what is there. */
	u64 huge = world_huge_file(&w, "huge", 1000);
	assert_int_equal(world_truncate(&w, huge, CHUNK_BYTES), 0);
	assert_int_equal(clone_one(&w, huge, copy, 1000, CHUNK_BYTES), DFS_EBUSY);
	assert_int_equal(clone_one(&w, source, huge, 10, CHUNK_BYTES), DFS_EBUSY);
	world_cut_all(&w);
	assert_int_equal(clone_one(&w, source, huge, 10, CHUNK_BYTES), 0);
	/* What failed has changed nothing. */
	assert_int_equal(world_attr(&w, copy).size, 0);
	world_check(&w);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_files_share_chunks_until_the_last_one_goes),
	    cmocka_unit_test(the_end_of_the_source_may_lie_inside_a_chunk),
	    cmocka_unit_test(what_is_cut_off_one_file_stays_in_the_other),
	    cmocka_unit_test(a_copy_takes_the_place_of_a_shared_chunk),
	    cmocka_unit_test(a_copy_of_what_counts_no_more_is_refused),
	    cmocka_unit_test(a_file_may_have_a_chunk_several_times),
	    cmocka_unit_test(holes_become_holes),
	    cmocka_unit_test(other_requests_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
