/*
 * Quotas: what each operation charges to whom, limits soft and hard, trees inside trees, and who
 * may move where. world_check() compares all counts with the inodes each time.
 */
#include "master/core/check.h"
#include "master/core/quota.h"
#include "tests/unit/ms_world.h"

#define CHUNK_BYTES (UINT64_C(1) << DFS_CHUNK_SHIFT)

enum { USER = DFS_QUOTA_USER, GROUP = DFS_QUOTA_GROUP, TREE = DFS_QUOTA_TREE };
enum { BYTES = DFS_QUOTA_SET_BYTES, INODES = DFS_QUOTA_SET_INODES };

static void assert_used(struct world *w, u8 kind, u64 id, u64 bytes, u64 inodes)
{
	struct dfs_row_quota row = {0};
	int status = ms_quota_read(w->state, kind, id, &row);
	assert_true(status == 0 || status == DFS_ENOENT);
	assert_int_equal(row.bytes, bytes);
	assert_int_equal(row.inodes, inodes);
	assert_int_equal(status == 0, (bytes | inodes | row.bytes_soft | row.bytes_hard |
				       row.inodes_soft | row.inodes_hard) != 0);
	world_check(w);
}

static int limit_bytes(struct world *w, u8 kind, u64 id, u64 soft, u64 hard)
{
	return WORLD_DO(w, LIMITS, limits, .kind = kind, .id = id, .valid = BYTES,
			.bytes_soft = soft, .bytes_hard = hard);
}

static int limit_inodes(struct world *w, u8 kind, u64 id, u64 soft, u64 hard)
{
	return WORLD_DO(w, LIMITS, limits, .kind = kind, .id = id, .valid = INODES,
			.inodes_soft = soft, .inodes_hard = hard);
}

static int end_tree(struct world *w, u64 id)
{
	return WORLD_DO(w, LIMITS, limits, .kind = TREE, .id = id, .valid = DFS_QUOTA_END);
}

static int take_in(struct world *w, u64 ino, u64 tree)
{
	return WORLD_DO(w, TAKE_IN, take_in, .ino = ino, .tree = tree);
}

static int chown_to(struct world *w, u64 ino, u32 uid)
{
	return WORLD_DO(w, SETATTR, setattr, .ino = ino, .valid = DFS_SETATTR_UID, .uid = uid);
}

static u64 room(struct world *w, u64 ino)
{
	struct dfs_room room;
	assert_int_equal(ms_room_of(w->state, ino, w->wall, &room), 0);
	return room.bytes;
}

static void open_as_user(struct world *w)
{
	world_open(w, 0);
	w->uid = 7;
	w->gid = 8;
}

static void everything_charges_its_user_and_group(void **unused)
{
	(void)unused;
	struct world w;
	open_as_user(&w);
	u64 f = world_file(&w, ROOT, "f");
	assert_used(&w, USER, 7, 0, 1);
	assert_used(&w, GROUP, 8, 0, 1);
	assert_int_equal(world_commit(&w, f, 0, 10, 2), 0);
	assert_used(&w, USER, 7, 2 * CHUNK_BYTES, 1);
	assert_int_equal(world_truncate(&w, f, CHUNK_BYTES + 4096), 0);
	assert_used(&w, USER, 7, CHUNK_BYTES + 4096, 1);
	assert_int_equal(WORLD_DO(&w, ALLOCATE, allocate, .ino = f, .length = CHUNK_BYTES,
				  .flags = DFS_ALLOCATE_PUNCH),
			 0);
	assert_used(&w, USER, 7, 4096, 1);
	assert_int_equal(chown_to(&w, f, 9), 0);
	assert_used(&w, USER, 7, 0, 0);
	assert_used(&w, USER, 9, 4096, 1);
	assert_int_equal(world_link(&w, f, ROOT, "g"), 0);
	assert_int_equal(world_unlink(&w, ROOT, "f"), 0);
	assert_int_equal(world_unlink(&w, ROOT, "g"), 0);
	assert_used(&w, USER, 9, 4096, 1); /* An orphan takes its space still. */
	assert_int_equal(world_purge(&w, f), 0);
	assert_used(&w, USER, 9, 0, 0);
	assert_used(&w, GROUP, 8, 0, 0);
	world_close(&w);
}

static void what_is_cut_later_counts_until_then(void **unused)
{
	(void)unused;
	struct world w;
	open_as_user(&w);
	u64 f = world_huge_file(&w, "huge", 1000);
	assert_used(&w, USER, 7, WORLD_MANY * CHUNK_BYTES, 1);
	assert_int_equal(world_truncate(&w, f, 0), 0);
	world_check(&w);
	assert_true(world_cut_all(&w) > 0);
	assert_used(&w, USER, 7, 0, 1);
	world_close(&w);
}

static void a_hard_limit_stops_growth_and_nothing_else(void **unused)
{
	(void)unused;
	struct world w;
	open_as_user(&w);
	assert_int_equal(limit_inodes(&w, USER, 7, 0, 2), 0);
	u64 f = world_file(&w, ROOT, "f");
	u64 d = world_directory(&w, ROOT, "d");
	assert_int_equal(world_make(&w, d, "more", S_IFREG | 0644), DFS_EDQUOT);
	assert_int_equal(world_lookup(&w, d, "more"), 0);
	assert_int_equal(world_link(&w, f, d, "same"), 0);
	assert_int_equal(limit_bytes(&w, USER, 9, 0, CHUNK_BYTES), 0);
	assert_int_equal(world_commit(&w, f, 0, 10, 2), 0);
	assert_int_equal(chown_to(&w, f, 9), DFS_EDQUOT);
	assert_int_equal(world_truncate(&w, f, CHUNK_BYTES), 0);
	assert_int_equal(chown_to(&w, f, 9), 0);
	assert_int_equal(room(&w, f), 0);
	assert_int_equal(world_truncate(&w, f, 4096), 0);
	assert_int_equal(room(&w, f), CHUNK_BYTES - 4096);
	assert_int_equal(room(&w, d), DFS_ROOM_ALL);
	/* Its bytes are stored: it is taken, and then there is no room. */
	assert_int_equal(world_commit(&w, f, 1, 20, 2), 0);
	assert_used(&w, USER, 9, 2 * CHUNK_BYTES + 4096, 1);
	assert_int_equal(room(&w, f), 0);
	assert_int_equal(limit_bytes(&w, USER, 0, 0, 5), DFS_EINVAL);
	assert_int_equal(limit_bytes(&w, GROUP, 5, 9, 5), DFS_EINVAL);
	world_close(&w);
}

static void shared_chunks_count_in_every_file_that_has_them(void **unused)
{
	(void)unused;
	struct world w;
	open_as_user(&w);
	u64 source = world_file(&w, ROOT, "source"), copy = world_file(&w, ROOT, "copy");
	assert_int_equal(world_commit(&w, source, 0, 10, 2), 0);
	assert_int_equal(limit_bytes(&w, USER, 7, 0, 3 * CHUNK_BYTES), 0);
	assert_int_equal(world_clone(&w, source, 0, copy, 0, 2), DFS_EDQUOT);
	assert_used(&w, USER, 7, 2 * CHUNK_BYTES, 2);
	assert_int_equal(world_attr(&w, copy).size, 0);
	assert_int_equal(world_clone(&w, source, 0, copy, 0, 1), 0);
	assert_int_equal(room(&w, copy), 0);
	/* In the place of as much there is always room. */
	assert_int_equal(world_clone(&w, source, 1, copy, 0, 1), 0);
	assert_int_equal(world_clone(&w, source, 1, copy, 1, 1), DFS_EDQUOT);
	assert_used(&w, USER, 7, 3 * CHUNK_BYTES, 2);
	world_close(&w);
}

static void a_soft_limit_may_be_exceeded_for_a_while(void **unused)
{
	(void)unused;
	struct world w;
	open_as_user(&w);
	assert_int_equal(WORLD_DO(&w, LIMITS, limits, .kind = USER, .id = 7,
				  .valid = INODES | DFS_QUOTA_SET_GRACE, .inodes_soft = 1,
				  .inodes_hard = 4, .grace = 100),
			 0);
	(void)world_file(&w, ROOT, "1");
	(void)world_file(&w, ROOT, "2");
	(void)world_file(&w, ROOT, "3");
	w.wall += 101 * DFS_SEC;
	assert_int_equal(world_make(&w, ROOT, "4", S_IFREG), DFS_EDQUOT);
	/* Below the limit once, grace begins anew. */
	u64 second = world_lookup(&w, ROOT, "2"), third = world_lookup(&w, ROOT, "3");
	assert_int_equal(world_unlink(&w, ROOT, "2"), 0);
	assert_int_equal(world_unlink(&w, ROOT, "3"), 0);
	assert_int_equal(world_purge(&w, second), 0);
	assert_int_equal(world_purge(&w, third), 0);
	(void)world_file(&w, ROOT, "5");
	(void)world_file(&w, ROOT, "6");
	(void)world_file(&w, ROOT, "7");
	assert_int_equal(world_make(&w, ROOT, "8", S_IFREG), DFS_EDQUOT); /* Hard. */
	world_check(&w);
	world_close(&w);
}

static void trees_count_inside_each_other(void **unused)
{
	(void)unused;
	struct world w;
	open_as_user(&w);
	u64 a = world_directory(&w, ROOT, "a");
	assert_int_equal(limit_inodes(&w, TREE, a, 0, 5), 0);
	u64 b = world_directory(&w, a, "b");
	assert_int_equal(limit_inodes(&w, TREE, b, 0, 100), 0);
	u64 f = world_file(&w, b, "f");
	assert_used(&w, TREE, b, 0, 2);
	assert_used(&w, TREE, a, 0, 3);
	(void)world_file(&w, b, "g");
	(void)world_file(&w, b, "h");
	assert_int_equal(world_make(&w, b, "i", S_IFREG), DFS_EDQUOT); /* The outer one's. */
	assert_int_equal(limit_bytes(&w, TREE, a, 0, 10 * CHUNK_BYTES), 0);
	assert_int_equal(limit_bytes(&w, TREE, b, 0, 4 * CHUNK_BYTES), 0);
	assert_int_equal(room(&w, f), 4 * CHUNK_BYTES);
	assert_int_equal(world_commit(&w, f, 0, 10, 1), 0);
	assert_used(&w, TREE, a, CHUNK_BYTES, 5);
	struct ms_tree_space space;
	assert_int_equal(ms_tree_space(w.state, f, &space), 0);
	assert_int_equal(space.bytes, 4 * CHUNK_BYTES);
	assert_int_equal(space.bytes_left, 3 * CHUNK_BYTES);
	assert_int_equal(space.inodes, 5);
	assert_int_equal(space.inodes_left, 0);
	/* From the inner to the outer one: no growth of that. */
	assert_int_equal(world_rename(&w, b, "f", a, "f", 0), 0);
	assert_used(&w, TREE, a, CHUNK_BYTES, 5);
	assert_used(&w, TREE, b, 0, 3);
	world_close(&w);
}

static void moving_across_a_border(void **unused)
{
	(void)unused;
	struct world w;
	open_as_user(&w);
	u64 t = world_directory(&w, ROOT, "t");
	u64 out = world_directory(&w, ROOT, "out");
	assert_int_equal(limit_inodes(&w, TREE, t, 0, 4), 0);
	u64 f = world_file(&w, out, "f");
	(void)world_file(&w, out, "full");
	u64 sub = world_directory(&w, t, "sub");
	assert_int_equal(world_link(&w, f, t, "f"), DFS_EXDEV);
	assert_int_equal(world_rename(&w, out, "f", t, "f", 0), 0);
	assert_used(&w, TREE, t, 0, 3);
	assert_int_equal(world_link(&w, f, sub, "f2"), 0);
	assert_int_equal(world_rename(&w, t, "f", out, "f", 0), DFS_EXDEV); /* Two names. */
	assert_int_equal(world_rename(&w, t, "sub", out, "sub", 0), DFS_EXDEV);
	assert_int_equal(world_unlink(&w, sub, "f2"), 0);
	assert_int_equal(world_rename(&w, t, "sub", out, "sub", 0), 0); /* It is empty. */
	assert_int_equal(world_rename(&w, out, "sub", t, "sub", 0), 0);
	(void)world_file(&w, t, "x");
	assert_int_equal(world_rename(&w, out, "full", t, "full", 0), DFS_EDQUOT);
	assert_int_equal(world_rename(&w, out, "full", t, "x", DFS_RENAME_EXCHANGE), 0);
	assert_used(&w, TREE, t, 0, 4);
	/* The tree itself. */
	assert_int_equal(world_rename(&w, ROOT, "t", out, "t", 0), 0);
	u64 other = world_directory(&w, ROOT, "other");
	assert_int_equal(limit_inodes(&w, TREE, other, 0, 100), 0);
	assert_int_equal(world_rename(&w, out, "t", other, "t", 0), DFS_EXDEV);
	world_check(&w);
	world_close(&w);
}

static void a_full_directory_becomes_a_tree_and_ends(void **unused)
{
	(void)unused;
	struct world w;
	open_as_user(&w);
	u64 d = world_directory(&w, ROOT, "d");
	u64 sub = world_directory(&w, d, "sub");
	char name[16];
	for (u32 i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		(void)world_file(&w, sub, name);
	}
	assert_int_equal(world_link(&w, world_lookup(&w, sub, "f1"), sub, "again"), 0);
	/* One inside it that was there before. */
	u64 inner = world_directory(&w, d, "inner");
	assert_int_equal(limit_inodes(&w, TREE, inner, 0, 100), 0);
	(void)world_file(&w, inner, "x");
	assert_int_equal(limit_inodes(&w, TREE, d, 0, 1000), 0);
	assert_used(&w, TREE, d, 0, 1);
	assert_int_equal(take_in(&w, sub, d), DFS_ESTALE); /* Not its turn. */
	assert_int_equal(take_in(&w, d, d), 0);
	assert_used(&w, TREE, d, 0, 4);
	assert_int_equal(take_in(&w, sub, d), 0);
	assert_int_not_equal(w.last.next, 0);
	for (u64 next = w.last.next; next != 0; next = w.last.next)
		assert_int_equal(
		    WORLD_DO(&w, TAKE_IN, take_in, .ino = sub, .tree = d, .cookie = next), 0);
	assert_used(&w, TREE, d, 0, 304);
	assert_int_equal(take_in(&w, sub, d), 0); /* Again. */
	assert_used(&w, TREE, d, 0, 304);
	assert_int_equal(end_tree(&w, d), 0);
	assert_used(&w, TREE, d, 0, 303);
	assert_int_equal(take_in(&w, d, 0), 0);
	assert_used(&w, TREE, d, 0, 300);
	for (u64 next = 0;; next = w.last.next) {
		assert_int_equal(WORLD_DO(&w, TAKE_IN, take_in, .ino = sub, .cookie = next), 0);
		if (w.last.next == 0)
			break;
	}
	assert_used(&w, TREE, d, 0, 0);
	assert_used(&w, TREE, inner, 0, 2);
	world_close(&w);
}

static void a_tree_ends_with_its_directory(void **unused)
{
	(void)unused;
	struct world w;
	open_as_user(&w);
	u64 d = world_directory(&w, ROOT, "d");
	assert_int_equal(limit_inodes(&w, TREE, d, 0, 10), 0);
	assert_int_equal(world_rmdir(&w, ROOT, "d"), 0);
	assert_used(&w, TREE, d, 0, 1);
	assert_int_equal(world_purge(&w, d), 0);
	assert_used(&w, TREE, d, 0, 0);
	world_close(&w);
}

static int keep(struct world *w, u64 ino)
{
	return WORLD_DO(w, TRASH_KEEP, trash_keep, .ino = ino, .keep_s = 100);
}

static int restore(struct world *w, u64 ino, u64 parent, const char *name)
{
	return WORLD_DO(w, RESTORE, restore, .ino = ino, .parent = parent,
			.name = dfs_span_text(name));
}

static void what_is_restored_into_a_tree_must_fit(void **unused)
{
	(void)unused;
	struct world w;
	open_as_user(&w);
	u64 t = world_directory(&w, ROOT, "t");
	assert_int_equal(limit_inodes(&w, TREE, t, 0, 2), 0);
	assert_int_equal(keep(&w, t), 0);
	assert_int_equal(keep(&w, ROOT), 0);
	u64 inside = world_file(&w, t, "inside"), outside = world_file(&w, ROOT, "outside");
	assert_int_equal(world_unlink(&w, t, "inside"), 0);
	assert_int_equal(world_unlink(&w, ROOT, "outside"), 0);
	assert_used(&w, TREE, t, 0, 2);
	assert_int_equal(restore(&w, outside, t, "outside"), DFS_EDQUOT);
	assert_int_equal(WORLD_DO(&w, REMAKE, remake, .parent = t, .name = dfs_span_text("d")),
			 DFS_EDQUOT);
	assert_int_equal(restore(&w, inside, t, "inside"), 0); /* It counted all the time. */
	assert_int_equal(world_unlink(&w, t, "inside"), 0);
	assert_int_equal(restore(&w, inside, ROOT, "inside"), 0);
	assert_int_equal(restore(&w, outside, t, "outside"), 0);
	assert_used(&w, TREE, t, 0, 2);
	world_close(&w);
}

static void a_deleted_tree_comes_back_wherever(void **unused)
{
	(void)unused;
	struct world w;
	open_as_user(&w);
	u64 around = world_directory(&w, ROOT, "around");
	assert_int_equal(limit_inodes(&w, TREE, around, 0, 100), 0);
	assert_int_equal(keep(&w, around), 0);
	u64 d = world_directory(&w, around, "d");
	assert_int_equal(limit_inodes(&w, TREE, d, 0, 10), 0);
	u64 f = world_file(&w, d, "f");
	assert_int_equal(world_unlink(&w, d, "f"), 0);
	assert_int_equal(world_rmdir(&w, around, "d"), 0);
	/* Where it was it is a tree still, of no limits. */
	assert_int_equal(restore(&w, d, around, "d"), 0);
	assert_used(&w, TREE, d, 0, 2);
	assert_int_equal(world_rmdir(&w, around, "d"), 0);
	/* Anywhere else it is a directory like others; what is in its trash follows on its way. */
	assert_int_equal(end_tree(&w, around), 0);
	assert_int_equal(restore(&w, d, around, "d"), 0);
	assert_used(&w, TREE, d, 0, 1);
	assert_used(&w, TREE, around, 0, 1);
	assert_int_equal(restore(&w, f, d, "f"), 0);
	assert_used(&w, TREE, d, 0, 0);
	assert_used(&w, TREE, around, 0, 0);
	assert_int_equal(limit_inodes(&w, TREE, d, 0, 10), 0);
	assert_used(&w, TREE, d, 0, 1);
	world_close(&w);
}

static void trees_are_not_too_deep(void **unused)
{
	(void)unused;
	struct world w;
	open_as_user(&w);
	u64 at[10];
	u64 parent = ROOT;
	for (u32 i = 0; i < 10; i++)
		parent = at[i] = world_directory(&w, parent, "d");
	/* From the inside out, so that each takes those below in. */
	for (u32 i = 10; i-- > 2;) {
		assert_int_equal(limit_inodes(&w, TREE, at[i], 0, 100), 0);
		assert_int_equal(take_in(&w, at[i], at[i]), 0);
	}
	assert_used(&w, TREE, at[2], 0, 8);
	assert_int_equal(limit_inodes(&w, TREE, at[1], 0, 100), 0);
	assert_int_equal(take_in(&w, at[1], at[1]), DFS_EMLINK);
	assert_used(&w, TREE, at[1], 0, 1);
	world_close(&w);
}

/* What the checker finds first, MEND puts right. */
static void assert_mended(struct world *w, u16 fault, u64 subject, u64 at, u64 noted, u64 found)
{
	assert_int_equal(dfs_kv_write(w->state->kv, &w->state->batch), 0);
	dfs_kv_batch_clear(&w->state->batch);
	assert_int_equal(ms_state_check(w->state, NULL), DFS_ECORRUPT);
	for (u32 i = 0; i < 2; i++)
		assert_int_equal(WORLD_DO(w, MEND, mend, .fault = fault, .subject = subject,
					  .at = at, .noted = noted, .found = found),
				 i == 0 ? 0 : DFS_ESTALE);
	world_check(w);
}

static void miscounts_are_found_and_mended(void **unused)
{
	(void)unused;
	struct world w;
	struct dfs_row_quota row;
	struct dfs_row_inode inode;
	open_as_user(&w);
	u64 f = world_file(&w, ROOT, "f");
	struct ms_key key = ms_key2(MS_TABLE_QUOTA, USER, 7);
	assert_int_equal(ms_row_quota_get(w.state, key, &row), 0);
	dfs_kv_batch_clear(&w.state->batch);
	row.bytes = 4096;
	ms_row_quota_put(w.state, key, &row);
	assert_mended(&w, MS_FAULT_QUOTA_BYTES, 7, USER, 4096, 0);
	dfs_kv_batch_clear(&w.state->batch);
	row.bytes = 0;
	row.inodes = 3;
	ms_row_quota_put(w.state, key, &row);
	assert_mended(&w, MS_FAULT_QUOTA_INODES, 7, USER, 3, 1);
	assert_int_equal(ms_row_inode_get(w.state, ms_key1(MS_TABLE_INODE, f), &inode), 0);
	dfs_kv_batch_clear(&w.state->batch);
	inode.tree = 77;
	ms_row_inode_put(w.state, ms_key1(MS_TABLE_INODE, f), &inode);
	assert_mended(&w, MS_FAULT_TREE_UNKNOWN, f, 0, 77, 0);
	/* What an inode says of itself is what is counted: both are mended together. */
	dfs_kv_batch_clear(&w.state->batch);
	inode.tree = 0;
	inode.allocated = 4096;
	ms_row_inode_put(w.state, ms_key1(MS_TABLE_INODE, f), &inode);
	row.inodes = 1;
	row.bytes = 4096;
	ms_row_quota_put(w.state, key, &row);
	ms_row_quota_put(w.state, ms_key2(MS_TABLE_QUOTA, GROUP, 8), &row);
	assert_mended(&w, MS_FAULT_SPACE, f, 0, 4096, 0);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(everything_charges_its_user_and_group),
	    cmocka_unit_test(what_is_cut_later_counts_until_then),
	    cmocka_unit_test(a_hard_limit_stops_growth_and_nothing_else),
	    cmocka_unit_test(shared_chunks_count_in_every_file_that_has_them),
	    cmocka_unit_test(a_soft_limit_may_be_exceeded_for_a_while),
	    cmocka_unit_test(trees_count_inside_each_other),
	    cmocka_unit_test(moving_across_a_border),
	    cmocka_unit_test(a_full_directory_becomes_a_tree_and_ends),
	    cmocka_unit_test(a_tree_ends_with_its_directory),
	    cmocka_unit_test(what_is_restored_into_a_tree_must_fit),
	    cmocka_unit_test(a_deleted_tree_comes_back_wherever),
	    cmocka_unit_test(trees_are_not_too_deep),
	    cmocka_unit_test(miscounts_are_found_and_mended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
