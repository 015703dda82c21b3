/*
 * Names, directories, attributes of other kinds; the mounted subtree.
 */
#include "tests/unit/cl_world.h"
#include "tests/unit/unit.h"

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

static u64 opendir_call(u64 ino)
{
	struct cl_call call = {.op = CL_OPENDIR, .ino = ino};
	u64 id = world_call(&w, &call);
	assert_int_equal(world_status(&w, id), 0);
	return world_answer(&w, id)->handle;
}

static const struct world_call *readdir_call(u64 ino, u64 handle, u64 offset, u64 size)
{
	struct cl_call call = {
	    .op = CL_READDIR, .ino = ino, .handle = handle, .offset = offset, .size = size};
	u64 id = world_call(&w, &call);
	assert_int_equal(world_status(&w, id), 0);
	return world_answer(&w, id);
}

static void every_change_of_a_name_is_one_round_trip(void **state)
{
	struct cl_call calls[] = {
	    {.op = CL_MKDIR, .ino = 1, .name = dfs_span_text("d"), .mode = 0755},
	    {.op = CL_MKNOD, .ino = 1, .name = dfs_span_text("n"), .mode = S_IFIFO | 0600},
	    {.op = CL_SYMLINK, .ino = 1, .name = dfs_span_text("s"), .name2 = dfs_span_text("to")},
	    {.op = CL_LINK, .ino = 3, .ino2 = 1, .name = dfs_span_text("l")},
	    {.op = CL_RENAME,
	     .ino = 1,
	     .name = dfs_span_text("n"),
	     .ino2 = 2,
	     .name2 = dfs_span_text("m"),
	     .flags = 1},
	    {.op = CL_UNLINK, .ino = 1, .name = dfs_span_text("s")},
	    {.op = CL_RMDIR, .ino = 1, .name = dfs_span_text("d")},
	    {.op = CL_SETXATTR,
	     .ino = 2,
	     .name = dfs_span_text("user.a"),
	     .value = dfs_span_text("value")},
	    {.op = CL_REMOVEXATTR, .ino = 2, .name = dfs_span_text("user.a")},
	};
	(void)state;
	for (size_t i = 0; i < dfs_array_count(calls); i++) {
		assert_int_equal(world_status(&w, world_call(&w, &calls[i])), 0);
		assert_int_equal(world_trips(&w), i + 1);
	}
	assert_int_equal(w.sequence_max, dfs_array_count(calls));
	assert_int_equal(w.acked, dfs_array_count(calls) - 1);
}

static void attributes_answer_with_their_size_when_asked_for_it(void **state)
{
	struct world_file *file = world_add(&w, 1, "f", S_IFREG | 0644);
	struct cl_call call = {
	    .op = CL_GETXATTR, .ino = file->attr.ino, .name = dfs_span_text("user.a")};
	(void)state;
	assert_int_equal(world_status(&w, world_call(&w, &call)), DFS_ENODATA);
	memcpy(file->xattr, "hello", 5);
	file->xattr_length = 5;
	u64 id = world_call(&w, &call);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_answer(&w, id)->count, 5);
	call.size = 3;
	assert_int_equal(world_status(&w, world_call(&w, &call)), DFS_ERANGE);
	call.size = 5;
	id = world_call(&w, &call);
	assert_int_equal(world_answer(&w, id)->bytes_count, 5);
	assert_memory_equal(world_answer(&w, id)->bytes, "hello", 5);
}

static void a_number_alone_finds_what_still_has_a_name(void **state)
{
	struct world_file *file = world_add(&w, 1, "f", S_IFREG | 0644);
	struct cl_call call = {.op = CL_LOOKUP, .ino = file->attr.ino, .name = dfs_span_text(".")};
	(void)state;
	u64 id = world_call(&w, &call);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_answer(&w, id)->attr.ino, file->attr.ino);
	file->attr.nlink = 0; /* The master keeps an orphan while somebody holds it. */
	file->attr.change++;
	assert_int_equal(world_status(&w, world_call(&w, &call)), DFS_ENOENT);
	call.op = CL_GETATTR;
	assert_int_equal(world_status(&w, world_call(&w, &call)), 0);
}

static int list(u64 ino, const char *name, u32 room)
{
	struct cl_call call = {
	    .op = CL_GETXATTR, .ino = ino, .name = dfs_span_text(name), .size = room};
	return world_status(&w, world_call(&w, &call));
}

static void access_lists_are_kept_as_long_as_the_attributes(void **state)
{
	struct world_file *file = world_add(&w, 1, "f", S_IFREG | 0644);
	const char access[] = "system.posix_acl_access";
	const char standard[] = "system.posix_acl_default";
	(void)state;
	memcpy(file->xattr, "list", 4);
	file->xattr_length = 4;
	file->attr.xattrs = sizeof(access);
	file->attr.acls = DFS_ACL_ACCESS;
	u64 ino = file->attr.ino;
	assert_int_equal(list(ino, access, 100), 0);
	assert_int_equal(list(ino, access, 100), 0); /* Without a lease: asked twice. */
	assert_int_equal(world_count(&w, DFS_MSG_GETXATTR), 2);
	w.lease_ms = 10000;
	(void)world_status(&w, world_handle_call(&w, CL_GETATTR, ino, 0));
	assert_int_equal(list(ino, access, 100), 0);
	assert_int_equal(list(ino, access, 100), 0);
	assert_int_equal(list(ino, access, 3), DFS_ERANGE);
	assert_int_equal(list(ino, standard, 100), DFS_ENODATA); /* As the attributes say. */
	assert_int_equal(world_count(&w, DFS_MSG_GETXATTR), 3);
	world_run(&w, 11 * DFS_SEC);
	file->attr.change++;
	(void)world_status(&w, world_handle_call(&w, CL_GETATTR, ino, 0));
	assert_int_equal(list(ino, access, 100), 0);
	assert_int_equal(world_count(&w, DFS_MSG_GETXATTR), 4);
	assert_int_equal(list(ino, "system.other", 100), DFS_ENOTSUP);
	assert_int_equal(list(ino, "user.", 100), DFS_EINVAL);
	assert_int_equal(world_count(&w, DFS_MSG_GETXATTR), 4);
}

static void links_and_space_are_answered(void **state)
{
	struct world_file *file = world_add(&w, 1, "s", S_IFLNK | 0777);
	(void)state;
	strcpy(file->target, "../elsewhere");
	u64 id = world_handle_call(&w, CL_READLINK, file->attr.ino, 0);
	assert_int_equal(world_status(&w, id), 0);
	assert_memory_equal(world_answer(&w, id)->bytes, "../elsewhere", 12);
	id = world_handle_call(&w, CL_STATFS, 1, 0);
	assert_int_equal(world_answer(&w, id)->statfs.bytes_free, 600);
}

static void names_that_are_too_long_are_refused_here(void **state)
{
	char name[300];
	(void)state;
	memset(name, 'x', sizeof(name));
	struct cl_call call = {
	    .op = CL_LOOKUP, .ino = 1, .name = dfs_span(name, DFS_NAME_BYTES_MAX + 1)};
	assert_int_equal(world_status(&w, world_call(&w, &call)), DFS_ENAMETOOLONG);
	assert_int_equal(world_trips(&w), 0);
}

static void a_directory_is_listed_in_pages_and_pieces(void **state)
{
	char name[8];
	(void)state;
	for (u32 i = 0; i < 8; i++) {
		sprintf(name, "f%u", i);
		world_add(&w, 1, name, S_IFREG | 0644);
	}
	u64 handle = opendir_call(1);
	assert_int_equal(world_trips(&w), 0);
	u32 seen = 0;
	u64 offset = 0;
	for (;;) {
		/* Room for two entries of 32 bytes. */
		const struct world_call *answer = readdir_call(1, handle, offset, 64);
		if (answer->names_count == 0)
			break;
		assert_true(answer->names_count <= 2);
		for (u32 i = 0; i < answer->names_count; i++) {
			char expected[16];
			sprintf(expected, "f%u", seen - 2);
			const char *wanted = seen == 0 ? "." : seen == 1 ? ".." : expected;
			assert_string_equal(answer->names[i], wanted);
			seen++;
		}
		offset = answer->offsets[answer->names_count - 1];
	}
	assert_int_equal(seen, 10);
	assert_int_equal(world_count(&w, DFS_MSG_READDIR), 3); /* Three entries a page. */
	/* Starting over shows what is new. */
	world_add(&w, 1, "new", S_IFREG | 0644);
	assert_int_equal(readdir_call(1, handle, 0, 4096)->names_count, 5);
	assert_int_equal(world_count(&w, DFS_MSG_READDIR), 4);
	/* A place that is in no page is asked for. */
	assert_string_equal(readdir_call(1, handle, 1003, 4096)->names[0], "f2");
	world_handle_call(&w, CL_RELEASEDIR, 1, handle);
}

static void an_entry_is_given_however_small_the_room(void **state)
{
	(void)state;
	world_add(&w, 1, "a-rather-long-name", S_IFREG | 0644);
	u64 handle = opendir_call(1);
	assert_int_equal(readdir_call(1, handle, 2, 8)->names_count, 1);
	world_handle_call(&w, CL_RELEASEDIR, 1, handle);
}

static void choose_subtree(struct cl_config *config)
{
	config->subtree = "/a//b/";
}

static void the_subtree_is_the_root_of_the_mount(void **state)
{
	int error;
	struct dfs_span text;
	(void)state;
	world_fini(&w);
	world_boot(&w, choose_subtree);
	assert_false(cl_ready(w.cl, &error, &text));
	assert_int_equal(error, DFS_ENOENT);
	struct world_file *a = world_add(&w, 1, "a", S_IFDIR | 0755);
	struct world_file *b = world_add(&w, a->attr.ino, "b", S_IFDIR | 0755);
	world_add(&w, b->attr.ino, "f", S_IFREG | 0644);
	world_run(&w, 2 * DFS_SEC);
	assert_true(cl_ready(w.cl, &error, &text));
	u64 id = world_handle_call(&w, CL_GETATTR, 1, 0);
	assert_int_equal(world_answer(&w, id)->attr.ino, 1);
	assert_int_equal(world_lookup(&w, 1, ".."), 1);
	assert_int_equal(world_lookup(&w, 1, "f"), 4);
	u64 handle = opendir_call(1);
	const struct world_call *answer = readdir_call(1, handle, 0, 4096);
	assert_int_equal(answer->names_count, 3);
	assert_int_equal(answer->inos[0], 1);
	assert_int_equal(answer->inos[1], 1);
	world_handle_call(&w, CL_RELEASEDIR, 1, handle);
	/* The cluster's own root would be another inode: it has the subtree's number. */
	id = world_handle_call(&w, CL_GETATTR, b->attr.ino, 0);
	assert_int_equal(world_answer(&w, id)->attr.ino, b->attr.ino);
}

static void calls_wait_until_the_root_is_known(void **state)
{
	(void)state;
	world_fini(&w);
	world_boot(&w, choose_subtree);
	u64 waits = world_handle_call(&w, CL_GETATTR, 1, 0);
	u64 gone = world_handle_call(&w, CL_GETATTR, 1, 0);
	assert_false(world_answer(&w, waits)->done);
	world_cancel(&w, gone);
	assert_int_equal(world_status(&w, gone), DFS_EINTR);
	struct world_file *a = world_add(&w, 1, "a", S_IFDIR | 0755);
	world_add(&w, a->attr.ino, "b", S_IFDIR | 0755);
	world_run(&w, 2 * DFS_SEC);
	assert_int_equal(world_status(&w, waits), 0);
	assert_int_equal(world_answer(&w, waits)->attr.ino, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    TEST(every_change_of_a_name_is_one_round_trip),
	    TEST(attributes_answer_with_their_size_when_asked_for_it),
	    TEST(a_number_alone_finds_what_still_has_a_name),
	    TEST(access_lists_are_kept_as_long_as_the_attributes),
	    TEST(links_and_space_are_answered),
	    TEST(names_that_are_too_long_are_refused_here),
	    TEST(a_directory_is_listed_in_pages_and_pieces),
	    TEST(an_entry_is_given_however_small_the_room),
	    TEST(the_subtree_is_the_root_of_the_mount),
	    TEST(calls_wait_until_the_root_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
