/*
 * Requests of the kernel become calls, answers of the core become what the kernel expects.
 */
#include "fuse/shell/shell_i.h"
#include "tests/unit/fuse_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

static void init_asks_for_parallel_lookups_and_large_writes(void **state)
{
	struct fuse_init_out out;
	fuse_bench_greet(*state, &out);
	assert_int_equal(out.max_write, 1 << 20);
	assert_int_equal(out.max_pages, 256);
	assert_true(out.flags & FUSE_PARALLEL_DIROPS);
	assert_true(out.flags & FUSE_ASYNC_READ);
	assert_true(out.flags & FUSE_AUTO_INVAL_DATA);
	assert_true(out.flags & FUSE_ATOMIC_O_TRUNC);
	assert_true(out.flags & FUSE_POSIX_ACL);
	assert_true(out.flags & FUSE_DONT_MASK);
	assert_true(out.flags & FUSE_SETXATTR_EXT);
	assert_false(out.flags & FUSE_WRITEBACK_CACHE);
	assert_false(out.flags & FUSE_DO_READDIRPLUS);
}

static void a_lookup_waits_for_the_core_and_is_never_cached(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	struct fuse_entry_out entry;
	int error;
	u8 *body;
	fuse_bench_greet(bench, &init);
	u64 unique = fuse_bench_put(bench, FUSE_LOOKUP, 7, "name", 5, NULL, 0);
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), -1);
	assert_int_equal(fuse_shell_parked_count(bench->shell), 1);
	assert_int_equal(bench->call.op, CL_LOOKUP);
	assert_int_equal(bench->call.ino, 7);
	assert_int_equal(bench->call.uid, 1000);
	assert_int_equal(bench->call.gid, 100);
	assert_string_equal(bench->name, "name");
	struct cl_reply reply = {.op = CL_LOOKUP,
				 .attr = {.ino = 42,
					  .size = 5000000000,
					  .allocated = 513,
					  .mtime = -1,
					  .mode = S_IFREG | 04755,
					  .nlink = 3,
					  .uid = 5,
					  .gid = 6}};
	fuse_shell_reply(bench->shell, bench->id, &reply);
	assert_true(fuse_bench_get(bench, unique, &error, &body) >= (ssize_t)sizeof(entry));
	memcpy(&entry, body, sizeof(entry));
	assert_int_equal(error, 0);
	assert_int_equal(entry.nodeid, 42);
	assert_int_equal(entry.entry_valid + entry.attr_valid, 0);
	assert_int_equal(entry.entry_valid_nsec + entry.attr_valid_nsec, 0);
	assert_int_equal(entry.attr.size, 5000000000);
	assert_int_equal(entry.attr.blocks, 2);
	assert_int_equal(entry.attr.mode, S_IFREG | 04755);
	assert_int_equal((s64)entry.attr.mtime, -1);
	assert_int_equal(entry.attr.mtimensec, 999999999);
	assert_int_equal(fuse_shell_parked_count(bench->shell), 0);
}

static void an_error_of_the_core_becomes_an_errno(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	int error;
	u8 *body;
	fuse_bench_greet(bench, &init);
	u64 unique = fuse_bench_put(bench, FUSE_RMDIR, 1, "d", 2, NULL, 0);
	fuse_shell_reply(bench->shell, bench->id,
			 &(struct cl_reply){.op = CL_RMDIR, .status = DFS_ENOTEMPTY});
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), 0);
	assert_int_equal(error, ENOTEMPTY);
}

static u64 put_write(struct bench *bench, u8 fill, u32 bytes)
{
	struct fuse_write_in in = {.fh = 9, .offset = 4096, .size = bytes, .flags = O_WRONLY};
	u8 *data = malloc(bytes);
	memset(data, fill, bytes);
	u64 unique = fuse_bench_put(bench, FUSE_WRITE, 42, &in, sizeof(in), data, bytes);
	free(data);
	return unique;
}

static void a_large_write_is_kept_by_reference_on_a_page_boundary(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	struct fuse_write_out out;
	int error;
	u8 *body;
	u32 bytes = 1u << 20;
	fuse_bench_greet(bench, &init);
	bench->keep_data = true;
	u64 unique = put_write(bench, 0xab, bytes);
	assert_int_equal(bench->call.op, CL_WRITE);
	assert_int_equal(bench->call.handle, 9);
	assert_int_equal(bench->call.offset, 4096);
	assert_int_equal(bench->kept.bytes, bytes);
	const u8 *data = bench->kept.buf->data + bench->kept.offset;
	assert_int_equal((uintptr_t)data % 4096, 0);
	struct dfs_buf *first = bench->kept.buf;
	fuse_shell_reply(bench->shell, bench->id,
			 &(struct cl_reply){.op = CL_WRITE, .count = bytes});
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), sizeof(out));
	memcpy(&out, body, sizeof(out));
	assert_int_equal(out.size, bytes);
	/* The next request must not be received over it. */
	unique = put_write(bench, 0xcd, bytes);
	assert_ptr_not_equal(bench->kept.buf, first);
	assert_int_equal(first->data[4096], 0xab);
	assert_int_equal(data[bytes - 1], 0xab);
	fuse_shell_reply(bench->shell, bench->id,
			 &(struct cl_reply){.op = CL_WRITE, .count = bytes});
	fuse_bench_get(bench, unique, &error, &body);
	dfs_buf_unref(first);
	dfs_buf_unref(bench->kept.buf);
}

static void a_small_write_is_copied_into_a_small_buffer(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	int error;
	u8 *body;
	fuse_bench_greet(bench, &init);
	bench->keep_data = true;
	u64 unique = put_write(bench, 0x11, 5000);
	assert_int_equal(bench->kept.bytes, 5000);
	assert_true(bench->kept.buf->capacity <= 8192);
	assert_int_equal(bench->kept.buf->data[bench->kept.offset + 4999], 0x11);
	fuse_shell_reply(bench->shell, bench->id,
			 &(struct cl_reply){.op = CL_WRITE, .count = 5000});
	fuse_bench_get(bench, unique, &error, &body);
	dfs_buf_unref(bench->kept.buf);
}

static void a_read_is_gathered_and_its_holes_are_zeros(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	struct fuse_read_in in = {.fh = 3, .offset = 1 << 20, .size = 1 << 20};
	int error;
	u8 *body;
	fuse_bench_greet(bench, &init);
	u64 unique = fuse_bench_put(bench, FUSE_READ, 42, &in, sizeof(in), NULL, 0);
	assert_int_equal(bench->call.size, 1 << 20);
	struct dfs_buf *buf = dfs_buf_new(8192);
	memset(buf->data, 'x', 8192);
	struct cl_reply reply = {.op = CL_READ, .pieces_count = 3};
	reply.pieces[0] = (struct dfs_payload){.buf = buf, .offset = 100, .bytes = 1000};
	reply.pieces[1] = (struct dfs_payload){.bytes = 200000};
	reply.pieces[2] = (struct dfs_payload){.buf = buf, .bytes = 8192};
	fuse_shell_reply(bench->shell, bench->id, &reply);
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), 209192);
	assert_int_equal(body[999], 'x');
	for (u32 i = 1000; i < 201000; i++)
		assert_int_equal(body[i], 0);
	assert_int_equal(body[201000], 'x');
	assert_int_equal(body[209191], 'x');
	dfs_buf_unref(buf);
}

static void a_listing_takes_what_fits(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	struct fuse_read_in in = {.fh = 3, .offset = 5, .size = 100};
	struct fuse_dirent dirent;
	int error;
	u8 *body;
	fuse_bench_greet(bench, &init);
	u64 unique = fuse_bench_put(bench, FUSE_READDIR, 1, &in, sizeof(in), NULL, 0);
	assert_int_equal(bench->call.op, CL_READDIR);
	assert_int_equal(bench->call.offset, 5);
	assert_int_equal(bench->call.flags, 0);
	struct cl_entry entries[4];
	for (u32 i = 0; i < 4; i++)
		entries[i] = (struct cl_entry){.name = dfs_span_text("file-name"),
					       .next_offset = 10 + i,
					       .attr = {.ino = 20 + i, .mode = S_IFDIR}};
	struct cl_reply reply = {.op = CL_READDIR, .entries = entries, .entries_count = 4};
	fuse_shell_reply(bench->shell, bench->id, &reply);
	/* 24 bytes and a name of 9, padded to 8: two of them fit into 100. */
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), 80);
	memcpy(&dirent, body + 40, sizeof(dirent));
	assert_int_equal(dirent.ino, 21);
	assert_int_equal(dirent.off, 11);
	assert_int_equal(dirent.namelen, 9);
	assert_int_equal(dirent.type, S_IFDIR >> 12);
	assert_memory_equal(body + 40 + FUSE_NAME_OFFSET, "file-name", 9);
}

static void look_ups_the_kernel_did_not_take_are_given_back(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	struct fuse_read_in in = {.fh = 3, .size = 300};
	int error;
	u8 *body;
	fuse_bench_greet(bench, &init);
	u64 unique = fuse_bench_put(bench, FUSE_READDIRPLUS, 1, &in, sizeof(in), NULL, 0);
	assert_int_equal(bench->call.flags, 1);
	struct cl_entry entries[] = {
	    {.name = dfs_span_text("a"), .next_offset = 1, .attr = {.ino = 21, .mode = S_IFREG}},
	    {.name = dfs_span_text("b"), .next_offset = 2, .attr = {.ino = 22, .mode = S_IFREG}},
	};
	struct cl_reply reply = {.op = CL_READDIR, .entries = entries, .entries_count = 2};
	fuse_shell_reply(bench->shell, bench->id, &reply);
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), 160);
	assert_int_equal(bench->call.op, CL_READDIR);
	uv_run(&bench->loop, UV_RUN_NOWAIT);
	assert_int_equal(bench->call.op, CL_FORGET);
	assert_int_equal(bench->call.ino, 22);
	assert_int_equal(bench->call.count, 1);
}

static void an_attribute_is_measured_or_fetched(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	struct {
		struct fuse_getxattr_in in;
		char name[7];
	} request = {.in = {.size = 0}, .name = "user.a"};
	struct fuse_getxattr_out out;
	int error;
	u8 *body;
	fuse_bench_greet(bench, &init);
	u64 unique =
	    fuse_bench_put(bench, FUSE_GETXATTR, 5, &request, sizeof(request.in) + 7, NULL, 0);
	assert_string_equal(bench->name, "user.a");
	fuse_shell_reply(bench->shell, bench->id,
			 &(struct cl_reply){.op = CL_GETXATTR, .count = 12});
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), sizeof(out));
	memcpy(&out, body, sizeof(out));
	assert_int_equal(out.size, 12);

	struct cl_reply reply = {.op = CL_GETXATTR, .bytes = dfs_span_text("twelve bytes")};
	request.in.size = 12;
	unique = fuse_bench_put(bench, FUSE_GETXATTR, 5, &request, sizeof(request.in) + 7, NULL, 0);
	fuse_shell_reply(bench->shell, bench->id, &reply);
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), 12);
	assert_memory_equal(body, "twelve bytes", 12);
	request.in.size = 11;
	unique = fuse_bench_put(bench, FUSE_GETXATTR, 5, &request, sizeof(request.in) + 7, NULL, 0);
	fuse_shell_reply(bench->shell, bench->id, &reply);
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), 0);
	assert_int_equal(error, ERANGE);
}

static void names_others_may_not_see_are_left_out(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	struct fuse_getxattr_in in = {.size = 64};
	static const char names[] = "security.s\0trusted.t\0user.u";
	struct cl_reply reply = {.op = CL_LISTXATTR, .bytes = dfs_span(names, sizeof(names))};
	struct fuse_getxattr_out out;
	int error;
	u8 *body;
	bool all = caller_is_administrator((u32)getpid());
	fuse_bench_greet(bench, &init);
	u64 unique = fuse_bench_put(bench, FUSE_LISTXATTR, 5, &in, sizeof(in), NULL, 0);
	fuse_shell_reply(bench->shell, bench->id, &reply);
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), all ? 28 : 18);
	bench->pid = 0; /* Somebody of whom nothing is known. */
	unique = fuse_bench_put(bench, FUSE_LISTXATTR, 5, &in, sizeof(in), NULL, 0);
	fuse_shell_reply(bench->shell, bench->id, &reply);
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), 18);
	assert_memory_equal(body, "security.s\0user.u", 18);
	in.size = 0;
	unique = fuse_bench_put(bench, FUSE_LISTXATTR, 5, &in, sizeof(in), NULL, 0);
	fuse_shell_reply(bench->shell, bench->id, &reply);
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), sizeof(out));
	memcpy(&out, body, sizeof(out));
	assert_int_equal(out.size, 18);
	in.size = 17;
	unique = fuse_bench_put(bench, FUSE_LISTXATTR, 5, &in, sizeof(in), NULL, 0);
	fuse_shell_reply(bench->shell, bench->id, &reply);
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), 0);
	assert_int_equal(error, ERANGE);
}

static void put_list(struct bench *bench, u32 setxattr_flags)
{
	static const char rest[] = "system.posix_acl_access\0value";
	struct fuse_setxattr_in in = {.size = 5, .setxattr_flags = setxattr_flags};
	(void)fuse_bench_put(bench, FUSE_SETXATTR, 5, &in, sizeof(in), rest, sizeof(rest) - 1);
	assert_int_equal(bench->call.op, CL_SETXATTR);
	assert_string_equal(bench->name, "system.posix_acl_access");
	assert_int_equal(bench->call.value.length, 5);
}

static void a_list_says_if_it_takes_set_group_id_away(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	fuse_bench_greet(bench, &init);
	put_list(bench, FUSE_SETXATTR_ACL_KILL_SGID);
	assert_int_equal(bench->call.flags, DFS_SETXATTR_DROP_SGID);
	put_list(bench, 0);
	assert_int_equal(bench->call.flags, 0);
}

static void a_file_without_a_name_is_a_create_without_one(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	struct fuse_create_in in = {.flags = O_TMPFILE | O_RDWR, .mode = S_IFREG | 0600};
	struct fuse_entry_out entry;
	int error;
	u8 *body;
	fuse_bench_greet(bench, &init);
	u64 unique = fuse_bench_put(bench, FUSE_TMPFILE, 5, &in, sizeof(in), "/", 2);
	assert_int_equal(bench->call.op, CL_CREATE);
	assert_int_equal(bench->call.name.length, 0);
	struct cl_reply reply = {
	    .op = CL_CREATE, .attr = {.ino = 42, .mode = S_IFREG | 0600}, .handle = 7};
	fuse_shell_reply(bench->shell, bench->id, &reply);
	assert_true(fuse_bench_get(bench, unique, &error, &body) >
		    (ssize_t)sizeof(struct fuse_entry_out));
	memcpy(&entry, body, sizeof(entry));
	assert_int_equal(error, 0);
	assert_int_equal(entry.nodeid, 42);
	assert_int_equal(entry.attr.nlink, 0);
}

static void the_umask_comes_along(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	struct fuse_mkdir_in in = {.mode = 0777, .umask = 027};
	fuse_bench_greet(bench, &init);
	(void)fuse_bench_put(bench, FUSE_MKDIR, 5, &in, sizeof(in), "d", 2);
	assert_int_equal(bench->call.mode & 07777, 0777);
	assert_int_equal(bench->call.umask, 027);
}

static void access_lists_are_refused_if_the_kernel_does_not_know_them(void **state)
{
	struct bench *bench = *state;
	bench->withheld = FUSE_POSIX_ACL;
	struct fuse_init_out init;
	struct fuse_getxattr_in in = {.size = 64};
	static const char name[] = "system.posix_acl_access";
	int error;
	u8 *body;
	fuse_bench_greet(bench, &init);
	u32 before = bench->calls;
	u64 unique = fuse_bench_put(bench, FUSE_GETXATTR, 5, &in, sizeof(in), name, sizeof(name));
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), 0);
	assert_int_equal(error, EOPNOTSUPP);
	assert_int_equal(bench->calls, before);
}

static void holes_are_made_and_found_by_the_core(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	struct fuse_fallocate_in allocate = {
	    .fh = 9, .offset = 5, .length = 7, .mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE};
	struct fuse_lseek_in seek = {.fh = 9, .offset = 11, .whence = SEEK_HOLE};
	struct fuse_lseek_out out;
	int error;
	u8 *body;
	fuse_bench_greet(bench, &init);
	u64 unique = fuse_bench_put(bench, FUSE_FALLOCATE, 5, &allocate, sizeof(allocate), NULL, 0);
	assert_int_equal(bench->call.op, CL_FALLOCATE);
	assert_int_equal(bench->call.handle, 9);
	assert_int_equal(bench->call.offset, 5);
	assert_int_equal(bench->call.size, 7);
	assert_int_equal(bench->call.flags, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
	fuse_shell_reply(bench->shell, bench->id, &(struct cl_reply){.op = CL_FALLOCATE});
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), 0);
	assert_int_equal(error, 0);

	unique = fuse_bench_put(bench, FUSE_LSEEK, 5, &seek, sizeof(seek), NULL, 0);
	assert_int_equal(bench->call.op, CL_LSEEK);
	assert_int_equal(bench->call.offset, 11);
	assert_int_equal(bench->call.flags, 1);
	fuse_shell_reply(bench->shell, bench->id,
			 &(struct cl_reply){.op = CL_LSEEK, .count = 4096});
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), sizeof(out));
	memcpy(&out, body, sizeof(out));
	assert_int_equal(out.offset, 4096);
	seek.whence = SEEK_DATA;
	(void)fuse_bench_put(bench, FUSE_LSEEK, 5, &seek, sizeof(seek), NULL, 0);
	assert_int_equal(bench->call.flags, 0);
	seek.whence = SEEK_END;
	unique = fuse_bench_put(bench, FUSE_LSEEK, 5, &seek, sizeof(seek), NULL, 0);
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), 0);
	assert_int_equal(error, EINVAL);
}

static void what_the_kernel_can_do_itself_is_left_to_it(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	struct fuse_lk_in lock = {0};
	int error;
	u8 *body;
	fuse_bench_greet(bench, &init);
	u64 unique = fuse_bench_put(bench, FUSE_SETLK, 5, &lock, sizeof(lock), NULL, 0);
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), 0);
	assert_int_equal(error, ENOSYS);
}

/* What the core cannot share the kernel copies itself, this time and not for ever. */
static void copying_a_range_names_both_files(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	struct fuse_copy_file_range_in copy = {.fh_in = 21,
					       .off_in = 1 << 26,
					       .nodeid_out = 6,
					       .fh_out = 22,
					       .off_out = 2 << 26,
					       .len = 3 << 26};
	struct fuse_write_out out;
	int error;
	u8 *body;
	fuse_bench_greet(bench, &init);
	u64 unique = fuse_bench_put(bench, FUSE_COPY_FILE_RANGE, 5, &copy, sizeof(copy), NULL, 0);
	assert_int_equal(bench->call.op, CL_CLONE);
	assert_int_equal(bench->call.ino, 6);
	assert_int_equal(bench->call.handle, 22);
	assert_int_equal(bench->call.offset, 2 << 26);
	assert_int_equal(bench->call.ino2, 5);
	assert_int_equal(bench->call.handle2, 21);
	assert_int_equal(bench->call.offset2, 1 << 26);
	assert_int_equal(bench->call.size, 3 << 26);
	fuse_shell_reply(bench->shell, bench->id,
			 &(struct cl_reply){.op = CL_CLONE, .count = 1 << 26});
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), sizeof(out));
	memcpy(&out, body, sizeof(out));
	assert_int_equal(out.size, 1 << 26);
	unique = fuse_bench_put(bench, FUSE_COPY_FILE_RANGE, 5, &copy, sizeof(copy), NULL, 0);
	fuse_shell_reply(bench->shell, bench->id,
			 &(struct cl_reply){.op = CL_CLONE, .status = DFS_ENOTSUP});
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), 0);
	assert_int_equal(error, EOPNOTSUPP);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
#define TEST(name) cmocka_unit_test_setup_teardown(name, fuse_bench_setup, fuse_bench_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(init_asks_for_parallel_lookups_and_large_writes),
	    TEST(a_lookup_waits_for_the_core_and_is_never_cached),
	    TEST(an_error_of_the_core_becomes_an_errno),
	    TEST(a_large_write_is_kept_by_reference_on_a_page_boundary),
	    TEST(a_small_write_is_copied_into_a_small_buffer),
	    TEST(a_read_is_gathered_and_its_holes_are_zeros),
	    TEST(a_listing_takes_what_fits),
	    TEST(look_ups_the_kernel_did_not_take_are_given_back),
	    TEST(an_attribute_is_measured_or_fetched),
	    TEST(holes_are_made_and_found_by_the_core),
	    TEST(names_others_may_not_see_are_left_out),
	    TEST(a_list_says_if_it_takes_set_group_id_away),
	    TEST(a_file_without_a_name_is_a_create_without_one),
	    TEST(the_umask_comes_along),
	    TEST(access_lists_are_refused_if_the_kernel_does_not_know_them),
	    TEST(what_the_kernel_can_do_itself_is_left_to_it),
	    TEST(copying_a_range_names_both_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
