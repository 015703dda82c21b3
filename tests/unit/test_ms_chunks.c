/*
 * Chunk maps: COMMIT, truncation, bounds and TRIMMED, garbage, and work that is left to CUT.
 */
#include "tests/unit/ms_world.h"

#define CHUNK_BYTES (UINT64_C(1) << DFS_CHUNK_SHIFT)

static u32 valid_at(struct world *w, u64 ino, u64 index)
{
	struct ms_location location;
	u32 count;
	assert_int_equal(ms_chunks(w->state, ino, index, 1, &location, 1, &count), 0);
	assert_int_equal(count, 1);
	return location.valid;
}

static int trimmed(struct world *w, const struct ms_trim *trim)
{
	return WORLD_DO(w, TRIMMED, trimmed, .ino = trim->ino, .index = trim->index,
			.chunk = trim->chunk, .length = trim->length);
}

static void commit_maps_chunks_and_extends(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_file(&w, ROOT, "f");
	assert_int_equal(world_commit(&w, f, 0, 10, 2), 0);
	struct dfs_attr attr = world_attr(&w, f);
	assert_int_equal(attr.size, 2 * CHUNK_BYTES);
	assert_int_equal(attr.allocated, 2 * CHUNK_BYTES);
	assert_int_equal(attr.mtime, 77);
	assert_int_equal(attr.ctime, w.wall);
	assert_int_equal(world_commit_size(&w, f, 5), 0);
	assert_int_equal(world_attr(&w, f).size, 2 * CHUNK_BYTES); /* "At least". */
	assert_int_equal(world_commit(&w, f, 5, 12, 1), 0);
	struct ms_location at[8];
	u32 count;
	assert_int_equal(ms_chunks(w.state, f, 0, UINT64_MAX, at, 8, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(at[2].index, 5);
	assert_int_equal(at[2].chunk, 12);
	assert_int_equal(at[2].epoch, 1);
	assert_int_equal(at[2].valid, DFS_VALID_ALL);
	assert_int_equal(ms_chunks(w.state, f, 1, 3, at, 8, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(ms_chunks(w.state, f, 0, 8, at, 2, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(ms_chunks(w.state, 999, 0, 8, at, 2, &count), DFS_ESTALE);
	assert_int_equal(ms_chunks(w.state, ROOT, 0, 8, at, 2, &count), DFS_EISDIR);
	struct ms_chunk chunk;
	assert_int_equal(ms_chunk_get(w.state, 12, &chunk), 0);
	assert_int_equal(chunk.ino, f);
	assert_int_equal(chunk.index, 5);
	assert_int_equal(chunk.goal, 1);
	assert_int_equal(ms_chunk_get(w.state, 13, &chunk), DFS_ENOENT);
	struct ms_chunk all[2];
	assert_int_equal(ms_scan_chunks(w.state, 0, all, 2, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(ms_scan_chunks(w.state, all[1].chunk, all, 2, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(all[0].chunk, 12);
	world_check(&w);
	world_close(&w);
}

static void commit_refuses_what_is_taken_or_never_was(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_file(&w, ROOT, "f");
	u64 g = world_file(&w, ROOT, "g");
	assert_int_equal(world_commit(&w, f, 0, 10, 1), 0);
	assert_int_equal(world_commit(&w, f, 0, 10, 1), 0); /* The same again. */
	assert_int_equal(world_commit(&w, f, 0, 11, 2), DFS_ESTALE);
	assert_int_equal(world_chunk_at(&w, f, 1), 0); /* Nothing of it was done. */
	assert_int_equal(world_attr(&w, f).size, CHUNK_BYTES);
	assert_int_equal(world_commit(&w, g, 0, 10, 1), DFS_EINVAL); /* Another file's. */
	assert_int_equal(world_commit(&w, f, 1, 0, 1), DFS_EINVAL);
	assert_int_equal(world_commit(&w, f, 1, 1000001, 1), DFS_EINVAL);
	assert_int_equal(world_commit(&w, ROOT, 0, 20, 1), DFS_EISDIR);
	assert_int_equal(world_commit_size(&w, f, UINT64_C(1) << 63), DFS_EFBIG);
	assert_int_equal(world_commit_size(&w, 999, 1), DFS_ESTALE);
	world_check(&w);

	struct dfs_writer chunks;
	const struct dfs_committed twice[] = {{.index = 3, .chunk = 30, .server = 7},
					      {.index = 3, .chunk = 31, .server = 7}};
	const struct dfs_committed same[] = {{.index = 3, .chunk = 30, .server = 7},
					     {.index = 3, .chunk = 30, .server = 7}};
	const struct dfs_committed both[] = {{.index = 3, .chunk = 30, .server = 7},
					     {.index = 4, .chunk = 30, .server = 7}};
	const struct dfs_committed beyond[] = {{.index = 5, .chunk = 30, .server = 7},
					       {.index = 6, .chunk = 31, .server = 7}};
	const struct {
		const struct dfs_committed *items;
		int status;
	} rows[] = {{twice, DFS_EINVAL}, {both, DFS_EINVAL}, {beyond, DFS_EINVAL}, {same, 0}};
	for (u32 i = 0; i < dfs_array_count(rows); i++) {
		dfs_writer_init(&chunks, DFS_PROTOCOL_VERSION, 0);
		dfs_committed_put(&chunks, &rows[i].items[0]);
		dfs_committed_put(&chunks, &rows[i].items[1]);
		assert_int_equal(WORLD_DO(&w, COMMIT, commit, .ino = f, .size = 5 * CHUNK_BYTES,
					  .chunks = dfs_writer_items(&chunks)),
				 rows[i].status);
		dfs_writer_fini(&chunks);
		world_check(&w);
	}
	assert_int_equal(world_chunk_at(&w, f, 3), 30);
	/* What became garbage does not come back. */
	assert_int_equal(world_truncate(&w, f, 0), 0);
	assert_int_equal(world_commit(&w, f, 0, 10, 1), DFS_ESTALE);
	world_check(&w);
	world_close(&w);
}

static void truncation_drops_chunks_and_bounds_the_cut_one(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_file(&w, ROOT, "f");
	assert_int_equal(world_commit(&w, f, 0, 10, 8), 0);
	assert_int_equal(world_truncate(&w, f, 2 * CHUNK_BYTES + 100), 0);
	assert_int_equal(w.last.garbage_count, 5);
	assert_int_equal(w.last.garbage[0], 13);
	assert_int_equal(w.last.cutting, 0);
	struct ms_trim trim = w.last.trim;
	assert_int_equal(trim.ino, f);
	assert_int_equal(trim.index, 2);
	assert_int_equal(trim.chunk, 12);
	assert_int_equal(trim.epoch, 1);
	assert_int_equal(trim.length, 100);
	assert_int_equal(w.last.attr.size, 2 * CHUNK_BYTES + 100);
	assert_int_equal(w.last.attr.mtime, w.wall);
	assert_int_equal(valid_at(&w, f, 2), 100);
	world_check(&w);
	/* Growing again shows zeros: no old chunk, and the bound still stands. */
	assert_int_equal(world_truncate(&w, f, 8 * CHUNK_BYTES), 0);
	assert_int_equal(w.last.trim.chunk, 0);
	assert_int_equal(valid_at(&w, f, 2), 100);
	assert_int_equal(world_chunk_at(&w, f, 3), 0);
	/* A later, higher cut does not lift it. */
	assert_int_equal(world_truncate(&w, f, 2 * CHUNK_BYTES + 200), 0);
	assert_int_equal(w.last.trim.length, 100);
	assert_int_equal(world_truncate(&w, f, 2 * CHUNK_BYTES + 50), 0);
	assert_int_equal(w.last.trim.length, 50);
	assert_int_equal(trimmed(&w, &trim), 0); /* The old bound: a lower one stays. */
	assert_int_equal(valid_at(&w, f, 2), 50);
	struct ms_trim trims[2];
	u32 count;
	assert_int_equal(ms_scan_trims(w.state, NULL, trims, 2, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(trims[0].length, 50);
	assert_int_equal(ms_scan_trims(w.state, &trims[0], trims, 2, &count), 0);
	assert_int_equal(count, 0);
	trim.length = 50;
	assert_int_equal(trimmed(&w, &trim), 0);
	assert_int_equal(valid_at(&w, f, 2), NO_TRIM);
	world_check(&w);
	/* A bounded chunk that goes takes its bound along. */
	assert_int_equal(world_truncate(&w, f, 2 * CHUNK_BYTES + 20), 0);
	assert_int_equal(world_truncate(&w, f, 0), 0);
	assert_int_equal(ms_scan_trims(w.state, NULL, trims, 2, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(trimmed(&w, &trim), 0); /* Too late: nothing. */
	world_check(&w);
	assert_int_equal(ms_counts(w.state).chunks, 0);
	assert_int_equal(ms_counts(w.state).garbage, 8);
	world_close(&w);
}

static void forgotten_garbage_is_gone(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_file(&w, ROOT, "f");
	assert_int_equal(world_commit(&w, f, 0, 10, 3), 0);
	assert_int_equal(world_truncate(&w, f, 0), 0);
	u64 garbage[8];
	u32 count;
	assert_int_equal(ms_scan_garbage(w.state, 10, garbage, 8, &count), 0);
	assert_int_equal(count, 2);
	struct dfs_writer ids;
	dfs_writer_init(&ids, DFS_PROTOCOL_VERSION, 0);
	const u64 forget[] = {12, 10, 10, 999};
	for (u32 i = 0; i < dfs_array_count(forget); i++)
		dfs_id_put(&ids, &(struct dfs_id){.id = forget[i]});
	assert_int_equal(
	    WORLD_DO(&w, FORGET_CHUNKS, forget_chunks, .chunks = dfs_writer_items(&ids)), 0);
	dfs_writer_fini(&ids);
	assert_int_equal(ms_counts(w.state).garbage, 1);
	assert_int_equal(ms_is_garbage(w.state, 11), 1);
	assert_int_equal(ms_is_garbage(w.state, 10), 0);
	world_check(&w);
	world_close(&w);
}

static void truncating_a_huge_file_is_done_in_parts(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_huge_file(&w, "f", 1);
	assert_int_equal(world_truncate(&w, f, CHUNK_BYTES / 2), 0);
	assert_int_equal(w.last.garbage_count, DFS_MAP_ROWS_PER_OP);
	assert_int_equal(w.last.cutting, f);
	assert_int_equal(w.last.trim.length, CHUNK_BYTES / 2);
	world_check(&w);
	/* It grows at once: what is still to be dropped does not show. */
	assert_int_equal(world_truncate(&w, f, WORLD_MANY * CHUNK_BYTES), 0);
	assert_int_equal(world_chunk_at(&w, f, WORLD_MANY - 1), 0);
	struct ms_location at[4];
	u32 count;
	assert_int_equal(ms_chunks(w.state, f, 0, WORLD_MANY, at, 4, &count), 0);
	assert_int_equal(count, 1);
	/* New chunks over dead rows: those rows go first, the new ones stay. */
	assert_int_equal(world_commit(&w, f, WORLD_MANY - 2, 20000, 2), 0);
	assert_int_equal(w.last.garbage_count, 2);
	assert_int_equal(world_chunk_at(&w, f, WORLD_MANY - 1), 20001);
	assert_int_equal(world_commit(&w, f, 9000, 9001, 1), DFS_ESTALE); /* The dead one itself. */
	world_check(&w);
	world_reopen(&w);
	assert_int_equal(world_cut_all(&w), 2);
	world_check(&w);
	assert_int_equal(world_chunk_at(&w, f, WORLD_MANY - 2), 20000);
	assert_int_equal(ms_counts(w.state).chunks, 3);
	assert_int_equal(ms_counts(w.state).garbage, WORLD_MANY - 1);
	assert_int_equal(WORLD_DO(&w, CUT, cut, .ino = f), 0); /* Nothing left: left alone. */
	world_close(&w);
}

static void truncating_again_while_parts_are_left(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_huge_file(&w, "f", 1);
	assert_int_equal(world_truncate(&w, f, 10 * CHUNK_BYTES), 0);
	assert_int_equal(world_commit(&w, f, 9999, 20000, 1), 0);
	assert_int_equal(world_commit(&w, f, 20, 20001, 1), 0);
	/* Above the cut that is not finished: not now. */
	assert_int_equal(world_truncate(&w, f, 100 * CHUNK_BYTES), DFS_EBUSY);
	assert_int_equal(world_chunk_at(&w, f, 9999), 20000);
	/* At it or below: one cut covers both. */
	assert_int_equal(world_truncate(&w, f, 5 * CHUNK_BYTES), 0);
	assert_int_equal(w.last.cutting, f);
	assert_int_equal(world_chunk_at(&w, f, 5), 0);
	assert_int_equal(world_chunk_at(&w, f, 4), 5);
	world_check(&w);
	assert_true(world_cut_all(&w) > 0);
	world_check(&w);
	assert_int_equal(ms_counts(w.state).chunks, 5);
	assert_int_equal(world_attr(&w, f).allocated, 5 * CHUNK_BYTES);
	world_close(&w);
}

static void purging_huge_files_is_done_in_parts(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_huge_file(&w, "f", 1);
	u64 g = world_huge_file(&w, "g", 100000);
	assert_int_equal(world_truncate(&w, g, CHUNK_BYTES), 0); /* Already being cut. */
	assert_int_equal(world_unlink(&w, ROOT, "f"), 0);
	assert_int_equal(world_unlink(&w, ROOT, "g"), 0);
	struct dfs_writer inodes;
	dfs_writer_init(&inodes, DFS_PROTOCOL_VERSION, 0);
	const u64 purge[] = {g, f, f, 999};
	for (u32 i = 0; i < dfs_array_count(purge); i++)
		dfs_id_put(&inodes, &(struct dfs_id){.id = purge[i]});
	assert_int_equal(WORLD_DO(&w, PURGE, purge, .inodes = dfs_writer_items(&inodes)), 0);
	dfs_writer_fini(&inodes);
	assert_int_equal(w.last.garbage_count, DFS_MAP_ROWS_PER_OP);
	assert_int_not_equal(w.last.cutting, 0);
	assert_int_equal(ms_counts(w.state).inodes, 1);
	world_check(&w);
	assert_true(world_cut_all(&w) > 0);
	world_check(&w);
	assert_int_equal(ms_counts(w.state).chunks, 0);
	assert_int_equal(ms_counts(w.state).garbage, 2 * WORLD_MANY);
	world_close(&w);
}

static void reserved_ids_never_come_twice(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	assert_int_equal(ms_chunk_end(w.state), 1000001);
	assert_int_equal(WORLD_DO(&w, RESERVE, reserve, .chunks = 10), 0);
	assert_int_equal(w.last.reserved, 1000001);
	world_reopen(&w);
	assert_int_equal(WORLD_DO(&w, RESERVE, reserve, .chunks = 1), 0);
	assert_int_equal(w.last.reserved, 1000011);
	assert_int_equal(WORLD_DO(&w, RESERVE, reserve, .chunks = 0), DFS_EINVAL);
	assert_int_equal(WORLD_DO(&w, RESERVE, reserve, .chunks = UINT64_MAX), DFS_EINVAL);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(commit_maps_chunks_and_extends),
	    cmocka_unit_test(commit_refuses_what_is_taken_or_never_was),
	    cmocka_unit_test(truncation_drops_chunks_and_bounds_the_cut_one),
	    cmocka_unit_test(forgotten_garbage_is_gone),
	    cmocka_unit_test(truncating_a_huge_file_is_done_in_parts),
	    cmocka_unit_test(truncating_again_while_parts_are_left),
	    cmocka_unit_test(purging_huge_files_is_done_in_parts),
	    cmocka_unit_test(reserved_ids_never_come_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
