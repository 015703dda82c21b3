/*
 * What a program's file loses when it is written, cut or given away: set-id bits and capabilities.
 */
#include "tests/unit/ms_world.h"

static const char capability[] = "security.capability";

static u64 program(struct world *w, const char *name)
{
	assert_int_equal(world_make(w, ROOT, name, S_IFREG | 06755), 0);
	u64 ino = w->last.attr.ino;
	assert_int_equal(WORLD_DO(w, SETXATTR, setxattr, .ino = ino,
				  .name = dfs_span_text(capability), .value = dfs_span_text("cap")),
			 0);
	assert_int_equal(WORLD_DO(w, SETXATTR, setxattr, .ino = ino,
				  .name = dfs_span_text("user.a"), .value = dfs_span_text("kept")),
			 0);
	return ino;
}

static bool capable(struct world *w, u64 ino)
{
	int status = WORLD_DO(w, SETXATTR, setxattr, .ino = ino, .name = dfs_span_text(capability),
			      .value = dfs_span_text("cap"), .flags = DFS_SETXATTR_REPLACE);
	assert_true(status == 0 || status == DFS_ENODATA);
	return status == 0;
}

static void expect(struct world *w, u64 ino, u32 mode, bool capabilities)
{
	assert_int_equal(world_attr(w, ino).mode & 07777, mode);
	assert_int_equal(capable(w, ino), capabilities);
	assert_int_equal(WORLD_DO(w, SETXATTR, setxattr, .ino = ino,
				  .name = dfs_span_text("user.a"), .value = dfs_span_text("kept"),
				  .flags = DFS_SETXATTR_REPLACE),
			 0);
	world_check(w);
}

static void a_write_takes_privileges_away(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 ino = program(&w, "p");
	assert_int_equal(world_commit_size(&w, ino, 100), 0);
	expect(&w, ino, 0755, false);
	world_close(&w);
}

static void root_writes_and_the_set_id_bits_stay(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 ino = program(&w, "p");
	w.uid = 0;
	assert_int_equal(world_commit_size(&w, ino, 100), 0);
	expect(&w, ino, 06755, false);
	assert_int_equal(world_truncate(&w, ino, 10), 0);
	expect(&w, ino, 06755, false);
	world_close(&w);
}

static void truncation_takes_privileges_away(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 ino = program(&w, "p");
	assert_int_equal(world_truncate(&w, ino, 0), 0);
	expect(&w, ino, 0755, false);
	world_close(&w);
}

static void so_does_a_new_owner_and_nothing_else(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 ino = program(&w, "p");
	w.uid = 0;
	assert_int_equal(WORLD_DO(&w, SETATTR, setattr, .ino = ino, .valid = DFS_SETATTR_ATIME_NOW),
			 0);
	expect(&w, ino, 06755, true);
	assert_int_equal(
	    WORLD_DO(&w, SETATTR, setattr, .ino = ino, .valid = DFS_SETATTR_GID, .gid = 5), 0);
	expect(&w, ino, 0755, false);
	ino = program(&w, "q");
	assert_int_equal(WORLD_DO(&w, SETATTR, setattr, .ino = ino), 0); /* chown(path, -1, -1) */
	expect(&w, ino, 0755, false);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_write_takes_privileges_away),
	    cmocka_unit_test(root_writes_and_the_set_id_bits_stay),
	    cmocka_unit_test(truncation_takes_privileges_away),
	    cmocka_unit_test(so_does_a_new_owner_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
