/*
 * SETATTR but for truncation (test_ms_chunks.c), and extended attributes.
 */
#include "tests/unit/ms_world.h"

static void the_mode_changes_and_the_type_stays(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 file = world_file(&w, ROOT, "f");
	u64 change = world_attr(&w, file).change;
	assert_int_equal(WORLD_DO(&w, SETATTR, setattr, .ino = file, .valid = DFS_SETATTR_MODE,
				  .mode = S_IFDIR | 04711),
			 0);
	assert_int_equal(w.last.attr.mode, S_IFREG | 04711);
	assert_int_equal(w.last.attr.ctime, w.wall);
	assert_int_equal(w.last.attr.mtime, w.wall - DFS_SEC);
	assert_int_equal(w.last.attr.change, change + 1);
	world_check(&w);
	world_close(&w);
}

static void a_new_owner_takes_set_id_bits_from_programs(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	const struct {
		u32 type, before, after;
	} rows[] = {
	    {S_IFREG, 06755, 0755},
	    {S_IFREG, 06745, 02745}, /* Without group execution the bit is no set-group-id. */
	    {S_IFDIR, 06755, 06755},
	};
	for (u32 i = 0; i < dfs_array_count(rows); i++) {
		char name[2] = {(char)('a' + i), 0};
		assert_int_equal(world_make(&w, ROOT, name, rows[i].type | rows[i].before), 0);
		u64 ino = w.last.attr.ino;
		assert_int_equal(
		    WORLD_DO(&w, SETATTR, setattr, .ino = ino, .valid = DFS_SETATTR_UID, .uid = 5),
		    0);
		assert_int_equal(w.last.attr.uid, 5);
		assert_int_equal(w.last.attr.gid, 1000);
		assert_int_equal(w.last.attr.mode & 07777, rows[i].after);
	}
	world_check(&w);
	world_close(&w);
}

static void times_are_set_to_the_nanosecond(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 file = world_file(&w, ROOT, "f");
	assert_int_equal(WORLD_DO(&w, SETATTR, setattr, .ino = file,
				  .valid = DFS_SETATTR_ATIME | DFS_SETATTR_MTIME, .atime = -1,
				  .mtime = 123456789),
			 0);
	assert_int_equal(w.last.attr.atime, -1);
	assert_int_equal(w.last.attr.mtime, 123456789);
	assert_int_equal(WORLD_DO(&w, SETATTR, setattr, .ino = file,
				  .valid = DFS_SETATTR_ATIME_NOW | DFS_SETATTR_MTIME_NOW),
			 0);
	assert_int_equal(w.last.attr.atime, w.wall);
	assert_int_equal(w.last.attr.mtime, w.wall);
	world_close(&w);
}

static int accessed(struct world *w, u64 ino, s64 known, s64 atime)
{
	struct dfs_writer items;
	dfs_writer_init(&items, DFS_PROTOCOL_VERSION, 0);
	struct dfs_accessed_item rows[] = {{.ino = 999, .known = 5, .atime = 6},
					   {.ino = ino, .known = known, .atime = atime}};
	for (u32 i = 0; i < dfs_array_count(rows); i++)
		dfs_accessed_item_put(&items, &rows[i]);
	int status = WORLD_DO(w, ACCESSED, accessed, .inodes = dfs_writer_items(&items));
	dfs_writer_fini(&items);
	return status;
}

static void reading_moves_one_time_and_nothing_else(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 file = world_file(&w, ROOT, "f");
	struct dfs_attr before = world_attr(&w, file);
	assert_int_equal(accessed(&w, file, before.atime, before.atime + 7), 0);
	struct dfs_attr after = world_attr(&w, file);
	assert_int_equal(after.atime, before.atime + 7);
	assert_int_equal(after.ctime, before.ctime);
	assert_int_equal(after.mtime, before.mtime);
	assert_int_equal(after.change, before.change);
	/* Somebody else was there first: theirs stays. */
	assert_int_equal(accessed(&w, file, before.atime, before.atime + 9), 0);
	assert_int_equal(world_attr(&w, file).atime, before.atime + 7);
	assert_int_equal(
	    WORLD_DO(&w, SETATTR, setattr, .ino = file, .valid = DFS_SETATTR_ATIME, .atime = 1), 0);
	assert_int_equal(accessed(&w, file, before.atime + 7, before.atime + 20), 0);
	assert_int_equal(world_attr(&w, file).atime, 1);
	world_check(&w);
	world_close(&w);
}

static void nonsense_is_refused(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 file = world_file(&w, ROOT, "f");
	assert_int_equal(world_make(&w, ROOT, "fifo", S_IFIFO), 0);
	u64 fifo = w.last.attr.ino;
	assert_int_equal(world_truncate(&w, ROOT, 0), DFS_EISDIR);
	assert_int_equal(world_truncate(&w, fifo, 0), DFS_EINVAL);
	assert_int_equal(world_truncate(&w, file, UINT64_C(1) << 63), DFS_EFBIG);
	assert_int_equal(world_truncate(&w, file, INT64_MAX), 0);
	assert_int_equal(world_attr(&w, file).allocated, 0);
	assert_int_equal(world_truncate(&w, 999, 0), DFS_ESTALE);
	assert_int_equal(WORLD_DO(&w, SETATTR, setattr, .ino = file, .valid = 256), DFS_EINVAL);
	assert_int_equal(WORLD_DO(&w, SETATTR, setattr, .ino = file, .valid = DFS_SETATTR_UID,
				  .uid = UINT32_MAX),
			 DFS_EINVAL);
	world_check(&w);
	world_close(&w);
}

static int set(struct world *w, u64 ino, const char *name, struct dfs_span value, u32 flags)
{
	return WORLD_DO(w, SETXATTR, setxattr, .ino = ino, .name = dfs_span_text(name),
			.value = value, .flags = flags);
}

static int get(struct world *w, u64 ino, const char *name, struct dfs_span *ret_value,
	       u64 *ret_change)
{
	return ms_getxattr(w->state, ino, dfs_span_text(name), ret_value, ret_change);
}

static int remove_attribute(struct world *w, u64 ino, const char *name)
{
	return WORLD_DO(w, REMOVEXATTR, removexattr, .ino = ino, .name = dfs_span_text(name));
}

static void attributes_are_set_listed_and_removed(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_file(&w, ROOT, "f");
	struct dfs_span value;
	u64 change;
	assert_int_equal(get(&w, f, "user.a", &value, &change), DFS_ENODATA);
	assert_int_equal(set(&w, f, "user.b", dfs_span_text("two"), 0), 0);
	assert_int_equal(set(&w, f, "user.a", dfs_span(NULL, 0), DFS_SETXATTR_CREATE), 0);
	assert_int_equal(w.last.attr.ctime, w.wall);
	assert_int_equal(set(&w, f, "user.a", dfs_span_text("x"), DFS_SETXATTR_CREATE), DFS_EEXIST);
	assert_int_equal(set(&w, f, "user.c", dfs_span_text("x"), DFS_SETXATTR_REPLACE),
			 DFS_ENODATA);
	assert_int_equal(set(&w, f, "user.a", dfs_span_text("one"), DFS_SETXATTR_REPLACE), 0);
	assert_int_equal(set(&w, f, "security.capability", dfs_span_text("c"), 0), 0);
	assert_int_equal(set(&w, f, "trusted.t", dfs_span_text("t"), 0), 0);
	assert_int_equal(get(&w, f, "user.a", &value, &change), 0);
	assert_int_equal(change, w.last.attr.change);
	assert_true(dfs_span_equal(value, dfs_span_text("one")));
	struct dfs_writer names;
	dfs_writer_init(&names, DFS_PROTOCOL_VERSION, 0);
	assert_int_equal(ms_listxattr(w.state, f, &names), 0);
	const char expected[] = "security.capability\0trusted.t\0user.a\0user.b";
	assert_int_equal(names.buf->length, sizeof(expected));
	assert_memory_equal(names.buf->data, expected, sizeof(expected));
	dfs_writer_fini(&names);
	world_check(&w);
	assert_int_equal(remove_attribute(&w, f, "user.a"), 0);
	assert_int_equal(remove_attribute(&w, f, "user.a"), DFS_ENODATA);
	assert_int_equal(get(&w, f, "user.a", &value, &change), DFS_ENODATA);
	world_check(&w);
	assert_int_equal(world_unlink(&w, ROOT, "f"), 0);
	assert_int_equal(world_purge(&w, f), 0);
	world_check(&w); /* The attributes went with it. */
	world_close(&w);
}

static void attribute_names_need_a_namespace(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_file(&w, ROOT, "f");
	assert_int_equal(world_make(&w, ROOT, "l", S_IFLNK), 0);
	u64 link = w.last.attr.ino;
	struct dfs_span v = dfs_span_text("v");
	assert_int_equal(set(&w, f, "plain", v, 0), DFS_ENOTSUP);
	assert_int_equal(set(&w, f, "user", v, 0), DFS_ENOTSUP);
	assert_int_equal(set(&w, f, "user.", v, 0), DFS_EINVAL);
	assert_int_equal(set(&w, f, "trusted.", v, 0), DFS_EINVAL);
	assert_int_equal(set(&w, f, "", v, 0), DFS_EINVAL);
	assert_int_equal(set(&w, f, "system.posix_acl_access", v, 0), DFS_EINVAL);
	assert_int_equal(set(&w, f, "system.posix_acl_other", v, 0), DFS_ENOTSUP);
	assert_int_equal(set(&w, f, "system.other", v, 0), DFS_ENOTSUP);
	struct dfs_span value;
	u64 change;
	assert_int_equal(get(&w, f, "system.other", &value, &change), DFS_ENOTSUP);
	assert_int_equal(get(&w, f, "user.", &value, &change), DFS_EINVAL);
	assert_int_equal(remove_attribute(&w, f, "plain"), DFS_ENOTSUP);
	assert_int_equal(set(&w, link, "user.a", v, 0), DFS_EPERM);
	assert_int_equal(set(&w, link, "trusted.a", v, 0), 0);
	assert_int_equal(set(&w, f, "user.a", v, 8), DFS_EINVAL);
	assert_int_equal(set(&w, 999, "user.a", v, 0), DFS_ESTALE);
	assert_int_equal(remove_attribute(&w, 999, "user.a"), DFS_ESTALE);
	world_check(&w);
	world_close(&w);
}

static void attributes_are_limited_per_inode(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_file(&w, ROOT, "f");
	u8 *large = calloc(1, DFS_XATTR_VALUE_BYTES_MAX);
	char name[200];
	assert_non_null(large);
	int status = 0;
	u32 count = 0;
	for (; status == 0; count++) {
		(void)snprintf(name, sizeof(name), "user.%u", count);
		status = set(&w, f, name, dfs_span(large, DFS_XATTR_VALUE_BYTES_MAX), 0);
	}
	assert_int_equal(status, DFS_ENOSPC);
	assert_int_equal(count, DFS_XATTR_TOTAL_BYTES_MAX / DFS_XATTR_VALUE_BYTES_MAX);
	assert_int_equal(set(&w, f, "user.0", dfs_span_text("shorter"), 0), 0);
	world_check(&w);
	u64 g = world_file(&w, ROOT, "g");
	for (status = 0, count = 0; status == 0; count++) {
		(void)snprintf(name, sizeof(name), "user.%0190u", count);
		status = set(&w, g, name, dfs_span_text("v"), 0);
	}
	assert_int_equal(status, DFS_ENOSPC);
	assert_int_equal(count, DFS_XATTR_LIST_BYTES_MAX / 196 + 1);
	world_check(&w);
	free(large);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_mode_changes_and_the_type_stays),
	    cmocka_unit_test(a_new_owner_takes_set_id_bits_from_programs),
	    cmocka_unit_test(times_are_set_to_the_nanosecond),
	    cmocka_unit_test(reading_moves_one_time_and_nothing_else),
	    cmocka_unit_test(nonsense_is_refused),
	    cmocka_unit_test(attributes_are_set_listed_and_removed),
	    cmocka_unit_test(attribute_names_need_a_namespace),
	    cmocka_unit_test(attributes_are_limited_per_inode),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
