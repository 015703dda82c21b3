/*
 * The checker of the tables, and MEND: each fault is planted, named, put right where that is safe,
 * and put right only once.
 */
#include "master/core/tables.h"
#include "tests/unit/ms_plants.h"

static struct ms_check *check(struct tree *t)
{
	struct ms_check *check = ms_check_new();
	struct ms_scan scan;
	ms_scan_begin(&scan, t->w.state, ms_key0(MS_TABLE_FORMAT), ms_key0(MS_TABLE_END));
	while (ms_scan_next(&scan))
		assert_int_equal(ms_check_row(check, scan.key, scan.value), 0);
	assert_int_equal(ms_scan_end(&scan), 0);
	ms_check_end(check);
	return check;
}

/* MEND it twice: the second time nothing is wrong any more. */
static void repair(struct tree *t, const struct ms_finding *finding, const char *name)
{
	for (u32 i = 0; i < 2; i++) {
		int status = WORLD_DO(&t->w, MEND, mend, .fault = finding->fault,
				      .subject = finding->subject, .at = finding->at,
				      .noted = finding->noted, .found = finding->found);
		if (i == 0 && status != 0)
			fail_msg("%s: not repaired: %d", name, status);
		/* Rows that are only deleted may be deleted again. */
		if (i == 1 && status != DFS_ESTALE && status != 0)
			fail_msg("%s: repaired again: %d", name, status);
	}
}

static void every_fault_is_named_and_the_safe_ones_repaired(void **unused)
{
	(void)unused;
	for (u32 i = 0; i < plants_count; i++) {
		struct tree t;
		struct ms_finding expect = {0};
		u32 count;
		u64 dropped;
		tree_open(&t);
		plants[i].plant(&t, &expect);
		struct ms_check *found = check(&t);
		const struct ms_finding *findings = ms_check_findings(found, &count, &dropped);
		if (count != 1 || ms_finding_compare(findings, &expect) != 0)
			fail_msg("%s: %u findings, the first %u at %llu", plants[i].name, count,
				 count == 0 ? 0 : findings->fault,
				 count == 0 ? 0 : (unsigned long long)findings->subject);
		const struct ms_fault_info *info = ms_fault_info(expect.fault);
		assert_non_null(info);
		if (info->repair) {
			repair(&t, &expect, plants[i].name);
			world_check(&t.w);
		} else {
			assert_int_equal(WORLD_DO(&t.w, MEND, mend, .fault = expect.fault,
						  .subject = expect.subject, .at = expect.at),
					 DFS_ENOTSUP);
		}
		ms_check_free(found);
		world_close(&t.w);
	}
}

/* What changed between the check and the repair is left alone. */
static void a_repair_of_something_else_is_refused(void **unused)
{
	(void)unused;
	struct tree t;
	struct ms_finding expect;
	tree_open(&t);
	plant_one(&t, "links", &expect);
	assert_int_equal(world_link(&t.w, t.file, ROOT, "second"), 0);
	assert_int_equal(WORLD_DO(&t.w, MEND, mend, .fault = MS_FAULT_LINKS, .subject = t.file,
				  .noted = expect.noted, .found = expect.found),
			 DFS_ESTALE);
	assert_int_equal(WORLD_DO(&t.w, MEND, mend, .fault = MS_FAULT_LINKS, .subject = t.file,
				  .noted = expect.noted + 1, .found = expect.found + 1),
			 0);
	world_check(&t.w);
	/* Never without links, unless it is an orphan. */
	assert_int_equal(WORLD_DO(&t.w, MEND, mend, .fault = MS_FAULT_LINKS, .subject = t.file,
				  .noted = 2, .found = 0),
			 DFS_ESTALE);
	/* An orphan that has no link left is one. */
	assert_int_equal(WORLD_DO(&t.w, MEND, mend, .fault = MS_FAULT_ORPHAN_NAMED,
				  .subject = t.orphan, .found = 1),
			 DFS_ESTALE);
	/* Nor are rows dropped whose owner is there. */
	const u16 faults[] = {MS_FAULT_TARGET_UNOWNED, MS_FAULT_XATTR_UNOWNED,
			      MS_FAULT_ORPHAN_UNOWNED, MS_FAULT_CHUNK_MISSING,
			      MS_FAULT_CHUNK_OWNER,    MS_FAULT_TRIM_UNOWNED,
			      MS_FAULT_TRIM_MISSING,   MS_FAULT_CUT_FLAG,
			      MS_FAULT_NAME_DANGLING,  MS_FAULT_NAME_UNOWNED};
	for (u32 i = 0; i < dfs_array_count(faults); i++)
		assert_int_equal(
		    WORLD_DO(&t.w, MEND, mend, .fault = faults[i], .subject = t.file, .found = 10),
		    DFS_ESTALE);
	assert_int_equal(WORLD_DO(&t.w, MEND, mend, .fault = MS_FAULT_RESULT_UNOWNED,
				  .subject = t.w.session, .at = t.w.sequence),
			 DFS_ESTALE);
	const u16 chunk_faults[] = {MS_FAULT_CHUNK_UNMAPPED, MS_FAULT_CHUNK_GARBAGE,
				    MS_FAULT_GARBAGE_NUMBER};
	for (u32 i = 0; i < dfs_array_count(chunk_faults); i++)
		assert_int_equal(
		    WORLD_DO(&t.w, MEND, mend, .fault = chunk_faults[i], .subject = 10),
		    DFS_ESTALE);
	assert_int_equal(WORLD_DO(&t.w, MEND, mend, .fault = 9999, .subject = 1), DFS_ENOTSUP);
	world_check(&t.w);
	world_close(&t.w);
}

/* Two faults at once do not hide each other, and each is repaired by what was found at first. */
static void faults_are_repaired_together(void **unused)
{
	(void)unused;
	struct tree t;
	struct ms_finding ignored;
	u32 count;
	u64 dropped;
	tree_open(&t);
	plant_one(&t, "counter_chunks", &ignored);
	plant_one(&t, "links", &ignored);
	plant_one(&t, "name_dangling", &ignored);
	plant_one(&t, "orphan_named", &ignored);
	tree_drop(&t, MS_TABLE_CHUNK, 10);
	struct ms_check *found = check(&t);
	const struct ms_finding *findings = ms_check_findings(found, &count, &dropped);
	assert_int_equal(count, 5);
	for (u32 i = count; i > 0; i--) { /* Counters first: the others move them. */
		const struct ms_finding *finding = &findings[i - 1];
		assert_int_equal(WORLD_DO(&t.w, MEND, mend, .fault = finding->fault,
					  .subject = finding->subject, .at = finding->at,
					  .noted = finding->noted, .found = finding->found),
				 0);
	}
	ms_check_free(found);
	world_check(&t.w);
	world_close(&t.w);
}

/* A walk sees the tables as of its begin, whatever is changed meanwhile. */
static void a_walk_sees_one_moment(void **unused)
{
	(void)unused;
	struct tree t;
	struct dfs_table_row row;
	u32 count;
	u64 dropped;
	tree_open(&t);
	struct ms_walk *walk = ms_walk_new(t.w.state);
	struct ms_check *found = ms_check_new();
	bool more = true;
	for (u32 i = 0; more; i++) {
		char name[16];
		struct dfs_writer rows;
		dfs_writer_init(&rows, 1, 0);
		more = ms_walk_step(walk, 100, &rows);
		struct dfs_items items = dfs_writer_items(&rows);
		while (dfs_table_row_next(&items, &row))
			assert_int_equal(ms_check_row(found, row.key, row.value), 0);
		dfs_writer_fini(&rows);
		snprintf(name, sizeof(name), "new%u", i);
		(void)world_file(&t.w, t.inner, name);
	}
	assert_int_equal(ms_walk_position(walk), ms_check_counts(found).rows);
	assert_int_equal(ms_walk_free(walk), 0);
	ms_check_end(found);
	(void)ms_check_findings(found, &count, &dropped);
	assert_int_equal(count, 0);
	assert_int_equal(ms_check_counts(found).inodes, 7);
	assert_int_equal(ms_check_counts(found).chunks, 3);
	(void)ms_check_orphans(found, &count);
	assert_int_equal(count, 1);
	assert_int_equal(ms_check_chunk(found, 11)->index, 1);
	assert_null(ms_check_chunk(found, 13));
	ms_check_free(found);
	world_close(&t.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_fault_is_named_and_the_safe_ones_repaired),
	    cmocka_unit_test(a_repair_of_something_else_is_refused),
	    cmocka_unit_test(faults_are_repaired_together),
	    cmocka_unit_test(a_walk_sees_one_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
