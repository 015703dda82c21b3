/*
 * RENAME: replacing, NOREPLACE, EXCHANGE, subtrees, link counts.
 */
#include "tests/unit/ms_world.h"

static void a_name_moves_within_and_between_directories(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 d = world_directory(&w, ROOT, "d");
	u64 file = world_file(&w, ROOT, "a");
	assert_int_equal(world_rename(&w, ROOT, "a", ROOT, "b", 0), 0);
	assert_int_equal(w.last.attr.ino, file);
	assert_int_equal(world_lookup(&w, ROOT, "a"), 0);
	assert_int_equal(world_lookup(&w, ROOT, "b"), file);
	assert_int_equal(world_rename(&w, ROOT, "b", d, "c", 0), 0);
	assert_int_equal(world_lookup(&w, d, "c"), file);
	assert_int_equal(world_attr(&w, file).ctime, w.wall);
	assert_int_equal(world_attr(&w, ROOT).mtime, w.wall);
	assert_int_equal(world_attr(&w, d).mtime, w.wall);
	assert_int_equal(world_rename(&w, ROOT, "none", d, "x", 0), DFS_ENOENT);
	assert_int_equal(world_rename(&w, d, "c", ROOT, "..", 0), DFS_EINVAL);
	assert_int_equal(world_rename(&w, d, "c", file, "x", 0), DFS_ENOTDIR);
	world_check(&w);
	world_close(&w);
}

static void what_is_replaced_becomes_an_orphan(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 a = world_file(&w, ROOT, "a");
	u64 b = world_file(&w, ROOT, "b");
	assert_int_equal(world_link(&w, b, ROOT, "b2"), 0);
	assert_int_equal(world_rename(&w, ROOT, "a", ROOT, "b", 0), 0);
	assert_int_equal(w.last.orphaned, 0); /* b2 is still there. */
	assert_int_equal(world_attr(&w, b).nlink, 1);
	assert_int_equal(world_rename(&w, ROOT, "b", ROOT, "b2", 0), 0);
	assert_int_equal(w.last.orphaned, b);
	assert_int_equal(world_lookup(&w, ROOT, "b2"), a);

	u64 d = world_directory(&w, ROOT, "d");
	u64 e = world_directory(&w, ROOT, "e");
	u64 inner = world_directory(&w, e, "inner");
	assert_int_equal(world_rename(&w, ROOT, "b2", ROOT, "d", 0), DFS_EISDIR);
	assert_int_equal(world_rename(&w, ROOT, "d", ROOT, "b2", 0), DFS_ENOTDIR);
	assert_int_equal(world_rename(&w, ROOT, "d", ROOT, "e", 0), DFS_ENOTEMPTY);
	assert_int_equal(world_rename(&w, ROOT, "e", ROOT, "d", 0), 0);
	assert_int_equal(w.last.orphaned, d);
	assert_int_equal(world_attr(&w, d).nlink, 0);
	assert_int_equal(world_attr(&w, ROOT).nlink, 3);
	assert_int_equal(world_lookup(&w, ROOT, "d"), e);
	assert_int_equal(world_lookup(&w, inner, ".."), e);
	world_check(&w);
	world_close(&w);
}

static void two_names_of_one_inode_stay(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 a = world_file(&w, ROOT, "a");
	assert_int_equal(world_link(&w, a, ROOT, "b"), 0);
	u64 change = world_attr(&w, a).change;
	assert_int_equal(world_rename(&w, ROOT, "a", ROOT, "b", 0), 0);
	assert_int_equal(world_rename(&w, ROOT, "a", ROOT, "a", 0), 0);
	assert_int_equal(world_rename(&w, ROOT, "a", ROOT, "b", DFS_RENAME_EXCHANGE), 0);
	assert_int_equal(world_lookup(&w, ROOT, "a"), a);
	assert_int_equal(world_lookup(&w, ROOT, "b"), a);
	assert_int_equal(world_attr(&w, a).change, change);
	assert_int_equal(world_rename(&w, ROOT, "a", ROOT, "b", DFS_RENAME_NOREPLACE), DFS_EEXIST);
	world_check(&w);
	world_close(&w);
}

static void flags_are_obeyed(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 d = world_directory(&w, ROOT, "d");
	u64 sub = world_directory(&w, d, "sub");
	u64 file = world_file(&w, ROOT, "f");
	const u32 both = DFS_RENAME_NOREPLACE | DFS_RENAME_EXCHANGE;
	const u32 vanish = DFS_RENAME_WHITEOUT | DFS_RENAME_EXCHANGE;
	assert_int_equal(world_rename(&w, ROOT, "f", ROOT, "g", 8), DFS_EINVAL);
	assert_int_equal(world_rename(&w, ROOT, "f", ROOT, "g", vanish), DFS_EINVAL);
	assert_int_equal(world_rename(&w, ROOT, "f", ROOT, "g", both), DFS_EINVAL);
	assert_int_equal(world_rename(&w, ROOT, "f", ROOT, "d", DFS_RENAME_NOREPLACE), DFS_EEXIST);
	assert_int_equal(world_rename(&w, ROOT, "f", ROOT, "g", DFS_RENAME_EXCHANGE), DFS_ENOENT);
	assert_int_equal(world_rename(&w, ROOT, "f", ROOT, "g", DFS_RENAME_NOREPLACE), 0);
	/* A file and a directory with something in it change places. */
	assert_int_equal(world_rename(&w, ROOT, "g", d, "sub", DFS_RENAME_EXCHANGE), 0);
	assert_int_equal(w.last.orphaned, 0);
	assert_int_equal(world_lookup(&w, d, "sub"), file);
	assert_int_equal(world_lookup(&w, ROOT, "g"), sub);
	assert_int_equal(world_lookup(&w, sub, ".."), ROOT);
	assert_int_equal(world_attr(&w, d).nlink, 2);
	assert_int_equal(world_attr(&w, ROOT).nlink, 4);
	world_check(&w);
	world_close(&w);
}

static void a_whiteout_stays_behind(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 d = world_directory(&w, ROOT, "d");
	u64 sub = world_directory(&w, ROOT, "sub");
	u64 file = world_file(&w, ROOT, "f");
	const u32 careful = DFS_RENAME_WHITEOUT | DFS_RENAME_NOREPLACE;
	assert_int_equal(world_rename(&w, ROOT, "f", ROOT, "sub", careful), DFS_EEXIST);
	assert_int_equal(world_rename(&w, ROOT, "f", d, "g", careful), 0);
	assert_int_equal(world_lookup(&w, d, "g"), file);
	struct dfs_attr whiteout = world_attr(&w, world_lookup(&w, ROOT, "f"));
	assert_int_equal(whiteout.mode, S_IFCHR);
	assert_int_equal(whiteout.rdev, 0);
	assert_int_equal(whiteout.nlink, 1);
	/* A directory, to another: the whiteout is none. */
	assert_int_equal(world_rename(&w, ROOT, "sub", d, "sub", DFS_RENAME_WHITEOUT), 0);
	assert_int_equal(world_lookup(&w, sub, ".."), d);
	assert_int_equal(world_attr(&w, ROOT).nlink, 3);
	u64 replaced = world_lookup(&w, ROOT, "sub");
	assert_int_equal(world_rename(&w, ROOT, "f", ROOT, "sub", DFS_RENAME_WHITEOUT), 0);
	assert_int_equal(w.last.orphaned, replaced);
	world_check(&w);
	world_close(&w);
}

static void no_directory_moves_below_itself(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 a = world_directory(&w, ROOT, "a");
	u64 b = world_directory(&w, a, "b");
	u64 c = world_directory(&w, b, "c");
	u64 x = world_directory(&w, ROOT, "x");
	assert_int_equal(world_rename(&w, ROOT, "a", a, "in", 0), DFS_EINVAL);
	assert_int_equal(world_rename(&w, ROOT, "a", c, "in", 0), DFS_EINVAL);
	assert_int_equal(world_rename(&w, a, "b", b, "in", 0), DFS_EINVAL);
	assert_int_equal(world_rename(&w, b, "c", ROOT, "a", DFS_RENAME_EXCHANGE), DFS_EINVAL);
	assert_int_equal(world_rename(&w, ROOT, "a", b, "c", DFS_RENAME_EXCHANGE), DFS_EINVAL);
	assert_int_equal(world_rename(&w, b, "c", ROOT, "a", 0), DFS_ENOTEMPTY);
	assert_int_equal(world_rename(&w, a, "b", ROOT, "x", DFS_RENAME_EXCHANGE), 0);
	assert_int_equal(world_lookup(&w, a, "b"), x);
	assert_int_equal(world_lookup(&w, ROOT, "x"), b);
	assert_int_equal(world_rename(&w, ROOT, "a", c, "in", 0), 0);
	assert_int_equal(world_lookup(&w, a, ".."), c);
	assert_int_equal(world_attr(&w, ROOT).nlink, 3);
	world_check(&w);
	world_close(&w);
}

/* With 1 bit of hash nearly all names collide: every way a chain can be changed is used. */
static void names_with_equal_hashes_keep_apart(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 1);
	u64 d = world_directory(&w, ROOT, "d");
	u64 inodes[26];
	char name[2] = "a";
	for (int i = 0; i < 26; i++) {
		name[0] = (char)('a' + i);
		inodes[i] = world_file(&w, d, name);
	}
	world_check(&w);
	struct dfs_prng prng;
	dfs_prng_seed(&prng, 5);
	for (int i = 0; i < 4000; i++) {
		char from[2] = {(char)('a' + dfs_prng_below(&prng, 26)), 0};
		char to[2] = {(char)('a' + dfs_prng_below(&prng, 26)), 0};
		u64 source = inodes[from[0] - 'a'];
		u64 *target = &inodes[to[0] - 'a'];
		switch (dfs_prng_below(&prng, 5)) {
		case 0:
			assert_int_equal(world_unlink(&w, d, from), source == 0 ? DFS_ENOENT : 0);
			inodes[from[0] - 'a'] = 0;
			break;
		case 1:
			assert_int_equal(world_make(&w, d, from, S_IFREG),
					 source == 0 ? 0 : DFS_EEXIST);
			if (source == 0)
				inodes[from[0] - 'a'] = w.last.attr.ino;
			break;
		case 2:
			assert_int_equal(world_rename(&w, d, from, d, to, DFS_RENAME_EXCHANGE),
					 source == 0 || *target == 0 ? DFS_ENOENT : 0);
			if (source != 0 && *target != 0) {
				inodes[from[0] - 'a'] = *target;
				*target = source;
			}
			break;
		case 3:
			assert_int_equal(world_rename(&w, d, from, d, to, DFS_RENAME_WHITEOUT),
					 source == 0 ? DFS_ENOENT : 0);
			if (source != 0 && source != *target) {
				inodes[from[0] - 'a'] = world_lookup(&w, d, from);
				assert_int_not_equal(inodes[from[0] - 'a'], 0);
				*target = source;
			}
			break;
		default:
			assert_int_equal(world_rename(&w, d, from, d, to, 0),
					 source == 0 ? DFS_ENOENT : 0);
			if (source != 0 && source != *target) {
				inodes[from[0] - 'a'] = 0;
				*target = source;
			}
		}
		if (i % 16 == 0)
			world_check(&w);
		name[0] = (char)('a' + dfs_prng_below(&prng, 26));
		assert_int_equal(world_lookup(&w, d, name), inodes[name[0] - 'a']);
	}
	for (int i = 0; i < 26; i++) {
		name[0] = (char)('a' + i);
		if (inodes[i] != 0)
			assert_int_equal(world_unlink(&w, d, name), 0);
	}
	assert_int_equal(world_rmdir(&w, ROOT, "d"), 0);
	world_check(&w);
	world_close(&w);
}

static void a_chain_that_is_full_refuses_the_next_name(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 1);
	char name[16];
	u32 made = 0;
	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		int status = world_make(&w, ROOT, name, S_IFREG);
		made += status == 0;
		if (status != 0)
			assert_int_equal(status, DFS_ENOSPC);
	}
	assert_int_equal(made, 256); /* Two hashes of 128 slots. */
	assert_int_equal(ms_counts(w.state).inodes, 257);
	world_check(&w);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_moves_within_and_between_directories),
	    cmocka_unit_test(what_is_replaced_becomes_an_orphan),
	    cmocka_unit_test(two_names_of_one_inode_stay),
	    cmocka_unit_test(flags_are_obeyed),
	    cmocka_unit_test(a_whiteout_stays_behind),
	    cmocka_unit_test(no_directory_moves_below_itself),
	    cmocka_unit_test(names_with_equal_hashes_keep_apart),
	    cmocka_unit_test(a_chain_that_is_full_refuses_the_next_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
