/*
 * Names and inodes: MAKE, LINK, UNLINK, RMDIR, LOOKUP, and the errors that Linux gives.
 */
#include "tests/unit/ms_world.h"

static void make_gives_an_inode_with_the_callers_ids(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 ino = world_file(&w, ROOT, "a");
	struct dfs_attr attr = world_attr(&w, ino);
	assert_int_equal(attr.mode, S_IFREG | 0644);
	assert_int_equal(attr.uid, 1000);
	assert_int_equal(attr.nlink, 1);
	assert_int_equal(attr.size, 0);
	assert_int_equal(attr.atime, w.wall);
	assert_int_equal(attr.mtime, w.wall);
	assert_int_equal(attr.ctime, w.wall);
	assert_int_equal(attr.btime, w.wall);
	assert_int_equal(attr.chunk_shift, DFS_CHUNK_SHIFT);
	assert_int_equal(w.last.attr.ino, ino);
	assert_int_equal(w.last.attr.change, attr.change);
	struct dfs_attr root = world_attr(&w, ROOT);
	assert_int_equal(root.mtime, w.wall);
	assert_int_equal(root.ctime, w.wall);
	assert_int_equal(root.nlink, 2);
	assert_int_equal(world_lookup(&w, ROOT, "a"), ino);
	assert_int_equal(ms_counts(w.state).inodes, 2);
	world_check(&w);
	world_close(&w);
}

static void make_refuses_what_cannot_be(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 file = world_file(&w, ROOT, "file");
	assert_int_equal(ms_state_settle(w.state), 0);
	u32 before = kv_sim_hash(w.sim);
	u64 change = world_attr(&w, ROOT).change;
	assert_int_equal(world_make(&w, ROOT, "file", S_IFREG), DFS_EEXIST);
	assert_int_equal(world_make(&w, file, "x", S_IFREG), DFS_ENOTDIR);
	assert_int_equal(world_make(&w, 999, "x", S_IFREG), DFS_ENOENT);
	assert_int_equal(world_make(&w, ROOT, "", S_IFREG), DFS_EINVAL);
	assert_int_equal(world_make(&w, ROOT, ".", S_IFREG), DFS_EINVAL);
	assert_int_equal(world_make(&w, ROOT, "..", S_IFDIR), DFS_EINVAL);
	assert_int_equal(world_make(&w, ROOT, "a/b", S_IFREG), DFS_EINVAL);
	assert_int_equal(world_make(&w, ROOT, "x", 0170000), DFS_EINVAL);
	assert_int_equal(world_make(&w, ROOT, "x", S_IFREG | 0x10000), DFS_EINVAL);
	assert_int_equal(
	    WORLD_DO(&w, MAKE, make, .parent = ROOT, .name = dfs_span("a\0b", 3), .mode = S_IFREG),
	    DFS_EINVAL);
	assert_int_equal(
	    WORLD_DO(&w, MAKE, make, .parent = ROOT, .name = dfs_span_text("l"), .mode = S_IFLNK),
	    DFS_ENOENT);
	assert_int_equal(WORLD_DO(&w, MAKE, make, .parent = ROOT, .name = dfs_span_text("l"),
				  .mode = S_IFREG, .target = dfs_span_text("t")),
			 DFS_EINVAL);
	assert_int_equal(w.last.attr.ino, 0);
	assert_int_equal(ms_counts(w.state).inodes, 2);
	assert_int_equal(world_attr(&w, ROOT).change, change);
	assert_int_equal(ms_state_settle(w.state), 0);
	assert_int_not_equal(kv_sim_hash(w.sim), before); /* The answers were stored. */
	world_check(&w);
	world_close(&w);
}

static void names_of_255_bytes_with_any_bytes_work(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u8 name[256];
	struct dfs_attr attr;
	for (int i = 0; i < 256; i++)
		name[i] = (u8)(i == '/' || i == 0 ? 'x' : i);
	assert_int_equal(WORLD_DO(&w, MAKE, make, .parent = ROOT, .name = dfs_span(name, 255),
				  .mode = S_IFREG | 0600),
			 0);
	assert_int_equal(ms_lookup(w.state, ROOT, dfs_span(name, 255), &attr), 0);
	assert_int_equal(attr.ino, w.last.attr.ino);
	assert_int_equal(ms_lookup(w.state, ROOT, dfs_span(name, 254), &attr), DFS_ENOENT);
	world_check(&w);
	world_close(&w);
}

static void reuse_answers_with_the_existing_file(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 file = world_file(&w, ROOT, "file");
	world_directory(&w, ROOT, "dir");
	assert_int_equal(world_make(&w, ROOT, "fifo", S_IFIFO | 0600), 0);
	u64 change = world_attr(&w, file).change;
#define REUSE(text)                                                                                \
	WORLD_DO(&w, MAKE, make, .parent = ROOT, .name = dfs_span_text(text),                      \
		 .mode = S_IFREG | 0600, .open = 1, .reuse = 1)
	assert_int_equal(REUSE("file"), 0);
	assert_int_equal(w.last.existed, 1);
	assert_int_equal(w.last.attr.ino, file);
	assert_int_equal(w.last.attr.mode, S_IFREG | 0644);
	assert_int_equal(world_attr(&w, file).change, change);
	assert_int_equal(REUSE("dir"), DFS_EISDIR);
	assert_int_equal(REUSE("fifo"), DFS_EEXIST);
	assert_int_equal(REUSE("new"), 0);
	assert_int_equal(w.last.existed, 0);
	world_check(&w);
	world_close(&w);
}

static void every_type_of_inode_can_be_made(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	const u32 types[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK};
	for (u32 i = 0; i < dfs_array_count(types); i++) {
		char name[2] = {(char)('a' + i), 0};
		struct dfs_span target =
		    types[i] == S_IFLNK ? dfs_span_text("to/there") : dfs_span(NULL, 0);
		assert_int_equal(WORLD_DO(&w, MAKE, make, .parent = ROOT,
					  .name = dfs_span_text(name), .mode = types[i] | 0640,
					  .rdev = 0x0103, .target = target),
				 0);
		struct dfs_attr attr = world_attr(&w, w.last.attr.ino);
		bool device = types[i] == S_IFCHR || types[i] == S_IFBLK;
		assert_int_equal(attr.mode & S_IFMT, types[i]);
		assert_int_equal(attr.mode & 07777, types[i] == S_IFLNK ? 0777 : 0640);
		assert_int_equal(attr.rdev, device ? 0x0103 : 0);
	}
	struct dfs_span target;
	assert_int_equal(ms_readlink(w.state, world_lookup(&w, ROOT, "c"), &target), 0);
	assert_true(dfs_span_equal(target, dfs_span_text("to/there")));
	assert_int_equal(world_attr(&w, world_lookup(&w, ROOT, "c")).size, 8);
	assert_int_equal(ms_readlink(w.state, ROOT, &target), DFS_EINVAL);
	assert_int_equal(ms_readlink(w.state, 999, &target), DFS_ESTALE);
	assert_int_equal(world_make(&w, ROOT, "plain", 0600), 0); /* mknod without a type. */
	assert_int_equal(w.last.attr.mode, S_IFREG | 0600);
	world_check(&w);
	world_close(&w);
}

static void a_set_group_id_directory_hands_its_group_on(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 dir = world_directory(&w, ROOT, "shared");
	assert_int_equal(WORLD_DO(&w, SETATTR, setattr, .ino = dir,
				  .valid = DFS_SETATTR_MODE | DFS_SETATTR_GID, .mode = 02775,
				  .gid = 50),
			 0);
	assert_int_equal(w.last.attr.mode, S_IFDIR | 02775);
	u64 file = world_file(&w, dir, "f");
	u64 sub = world_directory(&w, dir, "d");
	assert_int_equal(world_attr(&w, file).gid, 50);
	assert_int_equal(world_attr(&w, file).mode & S_ISGID, 0);
	assert_int_equal(world_attr(&w, sub).gid, 50);
	assert_int_equal(world_attr(&w, sub).mode, S_IFDIR | 02755);
	world_check(&w);
	world_close(&w);
}

static void links_share_an_inode_up_to_the_limit(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 file = world_file(&w, ROOT, "a");
	u64 dir = world_directory(&w, ROOT, "d");
	nsec before = w.wall;
	assert_int_equal(world_link(&w, file, dir, "b"), 0);
	assert_int_equal(w.last.attr.nlink, 2);
	assert_int_equal(w.last.attr.ctime, before + DFS_SEC);
	assert_int_equal(world_attr(&w, dir).mtime, before + DFS_SEC);
	assert_int_equal(world_lookup(&w, dir, "b"), file);
	assert_int_equal(world_link(&w, file, dir, "b"), DFS_EEXIST);
	assert_int_equal(world_link(&w, dir, dir, "c"), DFS_EPERM);
	assert_int_equal(world_link(&w, 999, dir, "c"), DFS_ENOENT);
	assert_int_equal(world_link(&w, file, file, "c"), DFS_ENOTDIR);
	assert_int_equal(world_unlink(&w, dir, "b"), 0);
	assert_int_equal(w.last.orphaned, 0);
	assert_int_equal(w.last.attr.nlink, 1);
	assert_int_equal(world_unlink(&w, ROOT, "a"), 0);
	assert_int_equal(w.last.orphaned, file);
	assert_int_equal(world_link(&w, file, ROOT, "again"), DFS_ENOENT);
	world_check(&w);

	u64 many = world_file(&w, dir, "many");
	char name[16];
	for (u32 i = 1; i < DFS_NLINK_MAX; i++) {
		(void)snprintf(name, sizeof(name), "%u", i);
		assert_int_equal(world_link(&w, many, dir, name), 0);
	}
	assert_int_equal(world_link(&w, many, dir, "one more"), DFS_EMLINK);
	assert_int_equal(world_attr(&w, many).nlink, DFS_NLINK_MAX);
	world_close(&w);
}

static void unlinked_inodes_live_until_they_are_purged(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 file = world_file(&w, ROOT, "a");
	assert_int_equal(ms_is_orphan(w.state, file), 0);
	assert_int_equal(world_unlink(&w, ROOT, "a"), 0);
	assert_int_equal(w.last.orphaned, file);
	assert_int_equal(w.last.attr.nlink, 0);
	assert_int_equal(ms_is_orphan(w.state, file), 1);
	assert_int_equal(world_attr(&w, file).nlink, 0);
	assert_int_equal(world_commit(&w, file, 0, 1, 1), 0);
	world_check(&w);
	u64 orphans[4];
	u32 count;
	assert_int_equal(ms_scan_orphans(w.state, 0, orphans, 4, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(orphans[0], file);
	assert_int_equal(world_purge(&w, file), 0);
	assert_int_equal(w.last.garbage_count, 1);
	assert_int_equal(w.last.garbage[0], 1);
	assert_int_equal(ms_is_garbage(w.state, 1), 1);
	struct dfs_attr attr;
	assert_int_equal(ms_getattr(w.state, file, &attr), DFS_ESTALE);
	assert_int_equal(world_commit_size(&w, file, 1), DFS_ESTALE);
	assert_int_equal(ms_counts(w.state).inodes, 1);
	assert_int_equal(world_purge(&w, file), 0);
	assert_int_equal(world_purge(&w, ROOT), 0); /* No orphan: left alone. */
	assert_int_equal(ms_counts(w.state).inodes, 1);
	world_check(&w);
	world_close(&w);
}

static void removing_names_has_the_errors_of_linux(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	world_file(&w, ROOT, "file");
	u64 dir = world_directory(&w, ROOT, "dir");
	world_file(&w, dir, "inside");
	assert_int_equal(world_unlink(&w, ROOT, "none"), DFS_ENOENT);
	assert_int_equal(world_unlink(&w, ROOT, "dir"), DFS_EISDIR);
	assert_int_equal(world_unlink(&w, dir, "."), DFS_EINVAL);
	assert_int_equal(world_rmdir(&w, ROOT, "none"), DFS_ENOENT);
	assert_int_equal(world_rmdir(&w, ROOT, "file"), DFS_ENOTDIR);
	assert_int_equal(world_rmdir(&w, ROOT, "dir"), DFS_ENOTEMPTY);
	assert_int_equal(world_attr(&w, ROOT).nlink, 3);
	assert_int_equal(world_unlink(&w, dir, "inside"), 0);
	assert_int_equal(world_rmdir(&w, ROOT, "dir"), 0);
	assert_int_equal(w.last.orphaned, dir);
	assert_int_equal(world_attr(&w, ROOT).nlink, 2);
	assert_int_equal(world_attr(&w, dir).nlink, 0);
	world_check(&w);
	/* Held open, a removed directory takes no names. */
	assert_int_equal(world_make(&w, dir, "late", S_IFREG), DFS_ENOENT);
	assert_int_equal(world_link(&w, world_lookup(&w, ROOT, "file"), dir, "late"), DFS_ENOENT);
	assert_int_equal(world_rename(&w, ROOT, "file", dir, "late", 0), DFS_ENOENT);
	assert_int_equal(world_lookup(&w, dir, "inside"), 0);
	assert_int_equal(world_purge(&w, dir), 0);
	assert_int_equal(world_make(&w, dir, "late", S_IFREG), DFS_ENOENT);
	world_check(&w);
	world_close(&w);
}

static void dot_and_dot_dot_are_looked_up(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 a = world_directory(&w, ROOT, "a");
	u64 b = world_directory(&w, a, "b");
	u64 file = world_file(&w, b, "f");
	struct dfs_attr attr;
	assert_int_equal(world_lookup(&w, b, "."), b);
	assert_int_equal(world_lookup(&w, b, ".."), a);
	assert_int_equal(world_lookup(&w, ROOT, ".."), ROOT);
	assert_int_equal(ms_lookup(w.state, file, dfs_span_text("."), &attr), DFS_ENOTDIR);
	assert_int_equal(ms_lookup(w.state, 999, dfs_span_text("x"), &attr), DFS_ENOENT);
	world_close(&w);
}

static int make_nameless(struct world *w, u64 parent, u32 mode, u8 nameless)
{
	return WORLD_DO(w, MAKE, make, .parent = parent, .mode = mode, .open = 1,
			.nameless = nameless);
}

static void a_file_without_a_name_may_get_one(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 d = world_directory(&w, ROOT, "d");
	struct dfs_attr before = world_attr(&w, d);
	assert_int_equal(make_nameless(&w, d, S_IFREG | 0640, DFS_NAMELESS_YET), 0);
	u64 f = w.last.attr.ino;
	assert_int_equal(w.last.attr.nlink, 0);
	assert_int_equal(w.last.attr.mode, S_IFREG | 0640);
	assert_int_equal(w.last.orphaned, f);
	assert_int_equal(ms_is_orphan(w.state, f), 1);
	struct dfs_attr after = world_attr(&w, d);
	assert_int_equal(after.change, before.change);
	assert_int_equal(after.mtime, before.mtime);
	world_check(&w);
	assert_int_equal(world_link(&w, f, d, "f"), 0);
	assert_int_equal(w.last.attr.nlink, 1);
	assert_int_equal(world_lookup(&w, d, "f"), f);
	assert_int_equal(ms_is_orphan(w.state, f), 0);
	assert_int_equal(world_purge(&w, f), 0); /* On its way when it was linked: too late. */
	assert_int_equal(world_lookup(&w, d, "f"), f);
	world_check(&w);
	assert_int_equal(world_unlink(&w, d, "f"), 0);
	assert_int_equal(world_link(&w, f, d, "g"), DFS_ENOENT); /* As any other now. */
	world_check(&w);
	world_close(&w);
}

static void some_never_get_a_name(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	assert_int_equal(make_nameless(&w, ROOT, S_IFREG | 0600, DFS_NAMELESS_EVER), 0);
	u64 f = w.last.attr.ino;
	assert_int_equal(world_link(&w, f, ROOT, "f"), DFS_ENOENT);
	assert_int_equal(world_purge(&w, f), 0);
	assert_int_equal(world_link(&w, f, ROOT, "f"), DFS_ENOENT);
	assert_int_equal(make_nameless(&w, ROOT, S_IFDIR | 0700, DFS_NAMELESS_YET), DFS_EINVAL);
	assert_int_equal(make_nameless(&w, ROOT, S_IFREG | 0700, 3), DFS_EINVAL);
	assert_int_equal(make_nameless(&w, f, S_IFREG | 0700, 1), DFS_ENOENT);
	assert_int_equal(WORLD_DO(&w, MAKE, make, .parent = ROOT, .name = dfs_span_text("n"),
				  .mode = S_IFREG | 0600, .nameless = 1),
			 DFS_EINVAL);
	world_check(&w);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_without_a_name_may_get_one),
	    cmocka_unit_test(some_never_get_a_name),
	    cmocka_unit_test(make_gives_an_inode_with_the_callers_ids),
	    cmocka_unit_test(make_refuses_what_cannot_be),
	    cmocka_unit_test(names_of_255_bytes_with_any_bytes_work),
	    cmocka_unit_test(reuse_answers_with_the_existing_file),
	    cmocka_unit_test(every_type_of_inode_can_be_made),
	    cmocka_unit_test(a_set_group_id_directory_hands_its_group_on),
	    cmocka_unit_test(links_share_an_inode_up_to_the_limit),
	    cmocka_unit_test(unlinked_inodes_live_until_they_are_purged),
	    cmocka_unit_test(removing_names_has_the_errors_of_linux),
	    cmocka_unit_test(dot_and_dot_dot_are_looked_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
