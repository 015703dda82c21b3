/*
 * Access times: when they move, who sees it, and when the master hears of it.
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
	w.lease_ms = 60000;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_fini(&w);
	return 0;
}

static struct world_file *file_of(s64 atime, s64 mtime)
{
	struct world_file *file = world_add(&w, 1, "f", S_IFREG | 0644);
	file->attr.atime = atime;
	file->attr.mtime = mtime;
	file->attr.ctime = mtime;
	return file;
}

static s64 atime_of(u64 ino)
{
	u64 id = world_handle_call(&w, CL_GETATTR, ino, 0);
	assert_int_equal(world_status(&w, id), 0);
	return world_answer(&w, id)->attr.atime;
}

/* Open, and close again. */
static void look(u64 ino, u32 flags)
{
	struct cl_call call = {.op = CL_OPEN, .ino = ino, .flags = flags};
	u64 id = world_call(&w, &call);
	assert_int_equal(world_status(&w, id), 0);
	world_handle_call(&w, CL_RELEASE, ino, world_answer(&w, id)->handle);
	world_settle(&w);
}

static void policy(u32 bits)
{
	struct cl_call call = {.op = CL_ATIME, .flags = bits};
	(void)world_call(&w, &call);
}

static s64 wall(void)
{
	return (s64)world_wall(&w);
}

static void a_changed_file_is_read_once(void **state)
{
	struct world_file *file = file_of(100, 200);
	u64 ino = file->attr.ino;
	(void)state;
	look(ino, O_RDONLY);
	s64 first = atime_of(ino);
	assert_int_equal(first, wall());
	assert_int_equal(w.stale[(w.stale_count - 1) % WORLD_STALE_MAX], ino); /* The kernel. */
	world_run(&w, DFS_SEC);
	look(ino, O_RDONLY);
	assert_int_equal(atime_of(ino), first);
	assert_int_equal(world_ops(&w, DFS_OP_ACCESSED), 0);
	world_run(&w, 30 * DFS_SEC);
	assert_int_equal(world_ops(&w, DFS_OP_ACCESSED), 1);
	assert_int_equal(file->attr.atime, first);
	assert_int_equal(atime_of(ino), first);
	world_run(&w, 60 * DFS_SEC);
	assert_int_equal(world_ops(&w, DFS_OP_ACCESSED), 1);
}

static void others_are_left_alone(void **state)
{
	struct world_file *file = file_of(wall() - 5, 200);
	u64 ino = file->attr.ino;
	(void)state;
	look(ino, O_RDONLY); /* Read since it was written. */
	assert_int_equal(atime_of(ino), file->attr.atime);
	file->attr.atime = 100;
	file->attr.change++;
	world_run(&w, 61 * DFS_SEC);
	look(ino, O_WRONLY);
	look(ino, O_RDONLY | O_NOATIME);
	policy(CL_ATIME_NEVER);
	look(ino, O_RDONLY);
	assert_int_equal(atime_of(ino), 100);
	world_run(&w, 60 * DFS_SEC);
	assert_int_equal(world_ops(&w, DFS_OP_ACCESSED), 0);
}

static void after_a_day_or_always(void **state)
{
	struct world_file *file = file_of(wall() - (s64)(86400 * DFS_SEC), 200);
	u64 ino = file->attr.ino;
	(void)state;
	look(ino, O_RDONLY);
	s64 first = atime_of(ino);
	assert_int_equal(first, wall());
	policy(CL_ATIME_ALWAYS);
	world_run(&w, DFS_SEC);
	look(ino, O_RDONLY);
	assert_int_equal(atime_of(ino), first + (s64)DFS_SEC);
}

static void a_time_that_is_set_counts(void **state)
{
	struct world_file *file = file_of(100, 200);
	u64 ino = file->attr.ino;
	(void)state;
	look(ino, O_RDONLY);
	/* As tar does that leaves no traces: the old time again. */
	struct cl_call call = {
	    .op = CL_SETATTR, .ino = ino, .set = {.valid = DFS_SETATTR_ATIME, .atime = 100}};
	assert_int_equal(world_status(&w, world_call(&w, &call)), 0);
	assert_int_equal(atime_of(ino), 100);
	world_run(&w, 60 * DFS_SEC);
	assert_int_equal(world_ops(&w, DFS_OP_ACCESSED), 0);
	assert_int_equal(file->attr.atime, 100);
}

static void what_was_not_told_is_told_at_the_end(void **state)
{
	struct world_file *file = file_of(100, 200);
	(void)state;
	look(file->attr.ino, O_RDONLY);
	s64 first = atime_of(file->attr.ino);
	world_stop(&w);
	world_run(&w, DFS_SEC);
	assert_true(w.exited);
	assert_int_equal(file->attr.atime, first);
}

static void a_listing_reads_its_directory(void **state)
{
	struct world_file *directory = world_add(&w, 1, "d", S_IFDIR | 0755);
	u64 ino = directory->attr.ino;
	(void)state;
	directory->attr.atime = 100;
	directory->attr.mtime = directory->attr.ctime = 200;
	assert_int_equal(atime_of(ino), 100);
	policy(CL_ATIME_NOT_OF_DIRECTORIES);
	for (u32 i = 0; i < 2; i++) {
		u64 id = world_handle_call(&w, CL_OPENDIR, ino, 0);
		u64 handle = world_answer(&w, id)->handle;
		struct cl_call call = {
		    .op = CL_READDIR, .ino = ino, .handle = handle, .size = 4096};
		assert_int_equal(world_status(&w, world_call(&w, &call)), 0);
		assert_int_equal(atime_of(ino), i == 0 ? 100 : wall());
		world_handle_call(&w, CL_RELEASEDIR, ino, handle);
		policy(0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_changed_file_is_read_once),
	    TEST(others_are_left_alone),
	    TEST(after_a_day_or_always),
	    TEST(a_time_that_is_set_counts),
	    TEST(what_was_not_told_is_told_at_the_end),
	    TEST(a_listing_reads_its_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
