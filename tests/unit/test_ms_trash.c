/*
 * The trash: what goes in and what does not, what it was called, and the ways out.
 */
#include "master/core/tables.h"
#include "tests/unit/ms_world.h"

#define KEEP 100u

static int keep(struct world *w, u64 ino, u32 seconds)
{
	return WORLD_DO(w, TRASH_KEEP, trash_keep, .ino = ino, .keep_s = seconds);
}

static int restore(struct world *w, u64 ino, u64 parent, const char *name)
{
	return WORLD_DO(w, RESTORE, restore, .ino = ino, .parent = parent,
			.name = dfs_span_text(name));
}

static u64 in_trash(struct world *w)
{
	return ms_counts(w->state).trash;
}

/* One item: copied, with its path as text. */
struct item {
	struct dfs_trash_item item;
	char path[DFS_TRASH_PATH_BYTES_MAX + 1];
};

static u32 list(struct world *w, const struct dfs_list_trash *query, struct item *ret_items,
		u32 max)
{
	struct dfs_writer writer;
	struct dfs_list_trash_reply reply;
	struct dfs_list_trash page = *query;
	u32 count = 0;
	do {
		struct dfs_trash_item item;
		dfs_writer_init(&writer, DFS_PROTOCOL_VERSION, 0);
		assert_int_equal(ms_trash_list(w->state, &page, &writer, &reply), 0);
		while (dfs_trash_item_next(&reply.items, &item)) {
			assert_true(count < max);
			ret_items[count].item = item;
			memcpy(ret_items[count].path, item.path.data, item.path.length);
			ret_items[count].path[item.path.length] = '\0';
			count++;
		}
		page.after = reply.next;
		dfs_writer_fini(&writer);
	} while (reply.end == 0);
	return count;
}

static u32 list_below(struct world *w, const char *path, struct item *ret_items, u32 max)
{
	return list(w, &(struct dfs_list_trash){.path = dfs_span_text(path)}, ret_items, max);
}

/* EXPIRE of all that is due at `until`; how many. */
static u32 expire(struct world *w, u64 until)
{
	struct dfs_trash_key keys[8];
	struct dfs_writer writer, body;
	u32 count;
	u64 next;
	assert_int_equal(ms_trash_due(w->state, until, keys, 8, &count, &next), 0);
	dfs_writer_init(&writer, DFS_PROTOCOL_VERSION, 0);
	for (u32 i = 0; i < count; i++)
		dfs_trash_key_put(&writer, &keys[i]);
	dfs_writer_init(&body, DFS_PROTOCOL_VERSION, 0);
	dfs_expire_put(&body, &(struct dfs_expire){.keys = dfs_writer_items(&writer)});
	assert_int_equal(world_apply(w, DFS_OP_EXPIRE, &body), 0);
	dfs_writer_fini(&writer);
	return count;
}

static int expire_key(struct world *w, struct dfs_trash_key key)
{
	struct dfs_writer writer, body;
	dfs_writer_init(&writer, DFS_PROTOCOL_VERSION, 0);
	dfs_trash_key_put(&writer, &key);
	dfs_writer_init(&body, DFS_PROTOCOL_VERSION, 0);
	dfs_expire_put(&body, &(struct dfs_expire){.keys = dfs_writer_items(&writer)});
	int status = world_apply(w, DFS_OP_EXPIRE, &body);
	dfs_writer_fini(&writer);
	return status;
}

/* RECOVER as a tool does it; the number of steps, or a status. */
static int recover(struct world *w, const struct dfs_recover *request)
{
	for (int steps = 1;; steps++) {
		struct ms_recovery next;
		int status = ms_trash_recovery(w->state, request, &next);
		if (status != 0)
			return status;
		struct dfs_span name = dfs_span(next.name, next.name_bytes);
		if (next.op == 0)
			return steps;
		if (next.op == DFS_OP_REMAKE)
			status = WORLD_DO(w, REMAKE, remake, .parent = next.parent, .name = name);
		else
			status = WORLD_DO(w, RESTORE, restore, .ino = next.ino,
					  .parent = next.parent, .name = name);
		if (status != 0)
			return status;
		if (w->last.attr.ino == request->ino)
			return steps;
	}
}

static void a_deleted_file_waits_in_the_trash_and_comes_back(void **unused)
{
	(void)unused;
	struct world w;
	struct item item;
	world_open(&w, 0);
	u64 dir = world_directory(&w, ROOT, "dir");
	assert_int_equal(keep(&w, dir, KEEP), 0);
	u64 sub = world_directory(&w, dir, "sub");
	u64 ino = world_file(&w, sub, "f");
	assert_int_equal(world_commit(&w, ino, 0, 1, 2), 0);
	struct dfs_attr before = world_attr(&w, ino);
	w.uid = 1000;
	assert_int_equal(world_unlink(&w, sub, "f"), 0);
	assert_int_equal(w.last.orphaned, 0);
	assert_int_equal(w.last.attr.nlink, 0);
	assert_true(w.last.attr.ctime > before.ctime);
	assert_int_equal(w.last.expires, w.wall + KEEP * DFS_SEC);
	world_check(&w);
	assert_int_equal(ms_is_orphan(w.state, ino), 0);
	assert_int_equal(in_trash(&w), 1);
	assert_int_equal(ms_counts(w.state).trash_bytes, before.allocated);
	assert_true(before.allocated > 0);

	assert_int_equal(list_below(&w, "", &item, 1), 1);
	assert_string_equal(item.path, "/dir/sub/f");
	assert_int_equal(item.item.uid, 1000);
	assert_int_equal(item.item.deleted, w.wall);
	assert_int_equal(item.item.attr.size, before.size);
	assert_int_equal(list_below(&w, "/dir/su", &item, 1), 0);
	assert_int_equal(list_below(&w, "/dir", &item, 1), 1);
	assert_int_equal(list_below(&w, "/", &item, 1), 1);
	assert_int_equal(list_below(&w, "/dir/sub/f", &item, 1), 1);
	assert_int_equal(
	    list(&w, &(struct dfs_list_trash){.path = dfs_span_text("/dir"), .exact = 1}, &item, 1),
	    0);
	assert_int_equal(list(&w, &(struct dfs_list_trash){.deleted_after = w.wall}, &item, 1), 0);
	assert_int_equal(list(&w, &(struct dfs_list_trash){.ino = ino}, &item, 1), 1);

	world_reopen(&w);
	assert_int_equal(restore(&w, ino, sub, "f"), 0);
	world_check(&w);
	struct dfs_attr after = world_attr(&w, ino);
	assert_int_equal(after.nlink, 1);
	assert_int_equal(after.mtime, before.mtime);
	assert_int_equal(after.size, before.size);
	assert_int_equal(world_lookup(&w, sub, "f"), ino);
	assert_int_equal(world_chunk_at(&w, ino, 1), 2);
	assert_int_equal(in_trash(&w), 0);
	assert_int_equal(ms_counts(w.state).trash_bytes, 0);
	/* A repetition finds it there. */
	assert_int_equal(restore(&w, ino, sub, "f"), 0);
	assert_int_equal(restore(&w, ino, sub, "g"), DFS_ENOENT);
	world_check(&w);
	world_close(&w);
}

static void only_last_names_of_what_holds_something_are_kept(void **unused)
{
	(void)unused;
	struct world w;
	struct item items[4];
	world_open(&w, 0);
	assert_int_equal(keep(&w, ROOT, KEEP), 0);
	u64 ino = world_file(&w, ROOT, "a");
	assert_int_equal(world_link(&w, ino, ROOT, "b"), 0);
	assert_int_equal(world_unlink(&w, ROOT, "a"), 0);
	assert_int_equal(in_trash(&w), 0);
	assert_int_equal(world_unlink(&w, ROOT, "b"), 0);
	assert_int_equal(list_below(&w, "", items, 4), 1);
	assert_string_equal(items[0].path, "/b");
	assert_int_equal(world_make(&w, ROOT, "fifo", S_IFIFO | 0644), 0);
	assert_int_equal(world_unlink(&w, ROOT, "fifo"), 0);
	assert_int_not_equal(w.last.orphaned, 0);
	/* A file without a name is an orphan, not something deleted. */
	assert_int_equal(WORLD_DO(&w, MAKE, make, .parent = ROOT, .mode = S_IFREG | 0600,
				  .nameless = DFS_NAMELESS_YET),
			 0);
	assert_int_not_equal(w.last.orphaned, 0);
	assert_int_equal(in_trash(&w), 1);
	assert_int_equal(world_make(&w, ROOT, "link", S_IFLNK | 0777), 0);
	assert_int_equal(world_unlink(&w, ROOT, "link"), 0);
	/* An empty directory, for its owner and mode. */
	u64 dir = world_directory(&w, ROOT, "dir");
	assert_int_equal(world_rmdir(&w, ROOT, "dir"), 0);
	assert_int_equal(in_trash(&w), 3);
	assert_int_equal(world_make(&w, dir, "x", S_IFREG | 0644), DFS_ENOENT);
	world_check(&w);
	/* Where no trash is kept, nothing changes. */
	assert_int_equal(keep(&w, ROOT, 0), 0);
	u64 gone = world_file(&w, ROOT, "gone");
	assert_int_equal(world_unlink(&w, ROOT, "gone"), 0);
	assert_int_equal(w.last.orphaned, gone);
	assert_int_equal(keep(&w, gone, KEEP), DFS_ENOTDIR);
	world_check(&w);
	world_close(&w);
}

static void a_file_that_was_replaced_is_kept(void **unused)
{
	(void)unused;
	struct world w;
	struct item items[4];
	world_open(&w, 0);
	u64 dir = world_directory(&w, ROOT, "dir");
	assert_int_equal(keep(&w, dir, KEEP), 0);
	u64 old = world_file(&w, dir, "f");
	u64 new = world_file(&w, ROOT, "new");
	assert_int_equal(world_rename(&w, ROOT, "new", dir, "f", 0), 0);
	assert_int_equal(list_below(&w, "/dir/f", items, 4), 1);
	assert_int_equal(items[0].item.key.ino, old);
	assert_int_equal(restore(&w, old, dir, "f"), DFS_EEXIST);
	assert_int_equal(restore(&w, old, dir, "f.old"), 0);
	assert_int_equal(world_lookup(&w, dir, "f"), new);
	world_check(&w);
	world_close(&w);
}

static void what_is_open_can_be_written_in_the_trash(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	assert_int_equal(keep(&w, ROOT, KEEP), 0);
	u64 ino = world_file(&w, ROOT, "f");
	assert_int_equal(world_unlink(&w, ROOT, "f"), 0);
	assert_int_equal(ms_counts(w.state).trash_bytes, 0);
	assert_int_equal(world_commit(&w, ino, 0, 1, 3), 0);
	assert_int_equal(ms_counts(w.state).trash_bytes, world_attr(&w, ino).allocated);
	world_check(&w);
	assert_int_equal(world_truncate(&w, ino, 5), 0);
	world_check(&w);
	assert_int_equal(world_link(&w, ino, ROOT, "again"), DFS_ENOENT);
	assert_int_equal(world_purge(&w, ino), 0);
	assert_int_equal(world_attr(&w, ino).ino, ino);
	assert_int_equal(expire(&w, UINT64_MAX), 1);
	assert_int_equal(ms_is_orphan(w.state, ino), 1);
	world_check(&w);
	assert_int_equal(world_purge(&w, ino), 0);
	struct dfs_attr attr;
	assert_int_equal(ms_getattr(w.state, ino, &attr), DFS_ESTALE);
	world_check(&w);
	world_close(&w);
}

/* An EXPIRE that was under way while the file came back, and perhaps went again. */
static void what_was_restored_does_not_expire(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	assert_int_equal(keep(&w, ROOT, KEEP), 0);
	u64 ino = world_file(&w, ROOT, "f");
	assert_int_equal(world_unlink(&w, ROOT, "f"), 0);
	struct dfs_trash_key key = {.expires = w.last.expires, .ino = ino};
	assert_int_equal(restore(&w, ino, ROOT, "f"), 0);
	assert_int_equal(expire_key(&w, key), 0);
	assert_int_equal(world_lookup(&w, ROOT, "f"), ino);
	assert_int_equal(ms_is_orphan(w.state, ino), 0);
	assert_int_equal(world_unlink(&w, ROOT, "f"), 0);
	assert_int_equal(expire_key(&w, key), 0);
	assert_int_equal(in_trash(&w), 1);
	world_check(&w);
	world_close(&w);
}

static void what_is_due_is_found_in_order(void **unused)
{
	(void)unused;
	struct world w;
	struct dfs_trash_key keys[2];
	u32 count;
	u64 next;
	world_open(&w, 0);
	assert_int_equal(ms_trash_due(w.state, UINT64_MAX, keys, 2, &count, &next), 0);
	assert_int_equal(count, 0);
	assert_int_equal(next, 0);
	const u32 times[] = {500, 100, 300};
	u64 inodes[3], expires[3];
	for (u32 i = 0; i < 3; i++) {
		char name[2] = {(char)('a' + i), 0};
		assert_int_equal(keep(&w, ROOT, times[i]), 0);
		inodes[i] = world_file(&w, ROOT, name);
		assert_int_equal(world_unlink(&w, ROOT, name), 0);
		expires[i] = w.last.expires;
	}
	assert_int_equal(ms_trash_due(w.state, expires[1] - 1, keys, 2, &count, &next), 0);
	assert_int_equal(count, 0);
	assert_int_equal(next, expires[1]);
	assert_int_equal(ms_trash_due(w.state, UINT64_MAX, keys, 2, &count, &next), 0);
	assert_int_equal(count, 2);
	assert_int_equal(keys[0].ino, inodes[1]);
	assert_int_equal(keys[1].ino, inodes[2]);
	assert_int_equal(next, expires[0]);
	assert_int_equal(expire(&w, expires[2]), 2);
	assert_int_equal(in_trash(&w), 1);
	world_check(&w);
	world_close(&w);
}

/* rm -rf and back: directories come back as they were, in front of what was in them. */
static void a_tree_comes_back_with_its_directories(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 top = world_directory(&w, ROOT, "top");
	assert_int_equal(keep(&w, top, KEEP), 0);
	w.uid = 1000;
	u64 a = world_directory(&w, top, "a");
	u64 b = world_directory(&w, a, "b");
	w.uid = 0;
	u64 f = world_file(&w, b, "f");
	assert_int_equal(world_unlink(&w, b, "f"), 0);
	assert_int_equal(world_rmdir(&w, a, "b"), 0);
	assert_int_equal(world_rmdir(&w, top, "a"), 0);
	assert_int_equal(recover(&w, &(struct dfs_recover){.ino = f}), 3);
	assert_int_equal(world_lookup(&w, top, "a"), a);
	assert_int_equal(world_lookup(&w, a, "b"), b);
	assert_int_equal(world_lookup(&w, b, "f"), f);
	assert_int_equal(world_attr(&w, b).uid, 1000);
	assert_int_equal(world_attr(&w, a).nlink, 3);
	assert_int_equal(in_trash(&w), 0);
	world_check(&w);
	/* What is there already is no mistake. */
	assert_int_equal(recover(&w, &(struct dfs_recover){.ino = f}), 1);
	world_close(&w);
}

/* The directory was moved: that is where the file belongs. */
static void a_file_follows_its_directory(void **unused)
{
	(void)unused;
	struct world w;
	u8 buffer[DFS_TRASH_PATH_BYTES_MAX];
	struct dfs_span path;
	world_open(&w, 0);
	u64 top = world_directory(&w, ROOT, "top");
	u64 dir = world_directory(&w, ROOT, "dir");
	assert_int_equal(keep(&w, dir, KEEP), 0);
	u64 f = world_file(&w, dir, "f");
	assert_int_equal(world_unlink(&w, dir, "f"), 0);
	assert_int_equal(world_rename(&w, ROOT, "dir", top, "moved", 0), 0);
	assert_int_equal(recover(&w, &(struct dfs_recover){.ino = f}), 1);
	assert_int_equal(world_lookup(&w, dir, "f"), f);
	assert_int_equal(ms_path_now(w.state, dir, dfs_span_text("f"), buffer, &path), 0);
	assert_true(dfs_span_equal(path, dfs_span_text("/top/moved/f")));
	world_check(&w);
	world_close(&w);
}

static void directories_gone_for_good_are_made_anew(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 top = world_directory(&w, ROOT, "top");
	u64 a = world_directory(&w, top, "a");
	assert_int_equal(keep(&w, a, KEEP), 0);
	u64 b = world_directory(&w, a, "b");
	u64 f = world_file(&w, b, "f");
	u64 g = world_file(&w, b, "g");
	assert_int_equal(world_unlink(&w, b, "f"), 0);
	assert_int_equal(world_unlink(&w, b, "g"), 0);
	assert_int_equal(keep(&w, a, 0), 0);
	assert_int_equal(world_rmdir(&w, a, "b"), 0);
	assert_int_equal(world_purge(&w, b), 0);
	assert_int_equal(world_rmdir(&w, top, "a"), 0);
	assert_int_equal(recover(&w, &(struct dfs_recover){.ino = f}), 3);
	u64 b2 = world_lookup(&w, world_lookup(&w, top, "a"), "b");
	assert_int_not_equal(b2, 0);
	assert_int_equal(world_attr(&w, b2).mode, S_IFDIR | 0700);
	assert_int_equal(world_attr(&w, b2).uid, 0);
	assert_int_equal(world_lookup(&w, b2, "f"), f);
	assert_int_equal(recover(&w, &(struct dfs_recover){.ino = g, .name = dfs_span_text("h")}),
			 1);
	assert_int_equal(world_lookup(&w, b2, "h"), g);
	world_check(&w);
	world_close(&w);
}

/* Another directory has the name by now: what was in the old one comes into it. */
static void a_directory_that_was_replaced_takes_what_was_in_the_old_one(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	assert_int_equal(keep(&w, ROOT, KEEP), 0);
	u64 a = world_directory(&w, ROOT, "a");
	u64 b = world_directory(&w, a, "b");
	u64 f = world_file(&w, b, "f");
	assert_int_equal(world_unlink(&w, b, "f"), 0);
	assert_int_equal(world_rmdir(&w, a, "b"), 0);
	assert_int_equal(world_rmdir(&w, ROOT, "a"), 0);
	u64 a2 = world_directory(&w, ROOT, "a");
	assert_int_equal(recover(&w, &(struct dfs_recover){.ino = f}), 2);
	assert_int_equal(world_lookup(&w, a2, "b"), b);
	assert_int_equal(world_lookup(&w, b, "f"), f);
	assert_int_equal(world_unlink(&w, b, "f"), 0);
	assert_int_equal(world_rmdir(&w, a2, "b"), 0);
	assert_int_equal(world_make(&w, a2, "b", S_IFREG | 0644), 0);
	assert_int_equal(recover(&w, &(struct dfs_recover){.ino = f}), DFS_ENOTDIR);
	assert_int_equal(recover(&w, &(struct dfs_recover){.ino = f, .parent = ROOT}), 1);
	assert_int_equal(world_lookup(&w, ROOT, "f"), f);
	world_check(&w);
	world_close(&w);
}

static void of_a_very_long_path_the_end_is_kept(void **unused)
{
	(void)unused;
	struct world w;
	struct item item;
	char name[DFS_NAME_BYTES_MAX + 1];
	world_open(&w, 0);
	assert_int_equal(keep(&w, ROOT, KEEP), 0);
	memset(name, 'n', DFS_NAME_BYTES_MAX);
	name[DFS_NAME_BYTES_MAX] = '\0';
	u64 at = ROOT;
	for (u32 i = 0; i < DFS_TRASH_PATH_BYTES_MAX / 256; i++)
		at = world_directory(&w, at, name);
	u64 f = world_file(&w, at, "f");
	assert_int_equal(world_unlink(&w, at, "f"), 0);
	assert_int_equal(list_below(&w, "", &item, 1), 1);
	assert_int_equal(item.item.cut, 1);
	assert_int_equal(strlen(item.path), DFS_TRASH_PATH_BYTES_MAX);
	assert_string_equal(item.path + DFS_TRASH_PATH_BYTES_MAX - 3, "n/f");
	assert_int_equal(recover(&w, &(struct dfs_recover){.ino = f}), 1);
	assert_int_equal(world_lookup(&w, at, "f"), f);
	world_check(&w);
	world_close(&w);
}

/* Equal hashes, renames and exchanges: a directory always knows its name's place. */
static void directories_know_their_place(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 1);
	u64 a = world_directory(&w, ROOT, "a");
	u64 b = world_directory(&w, ROOT, "b");
	u64 c = world_directory(&w, a, "c");
	for (u32 i = 0; i < 4; i++) {
		world_check(&w);
		assert_int_equal(world_rename(&w, a, "c", b, "d", 0), 0);
		world_check(&w);
		assert_int_equal(world_rename(&w, b, "d", b, "e", 0), 0);
		world_check(&w);
		assert_int_equal(world_rename(&w, b, "e", a, "c", 0), 0);
		(void)world_file(&w, b, (char[]){(char)('p' + i), 0});
	}
	u64 d = world_directory(&w, b, "d");
	assert_int_equal(world_rename(&w, a, "c", b, "d", DFS_RENAME_EXCHANGE), 0);
	assert_int_equal(world_lookup(&w, b, "d"), c);
	assert_int_equal(world_lookup(&w, a, "c"), d);
	world_check(&w);
	assert_int_equal(keep(&w, b, KEEP), 0);
	u64 e = world_directory(&w, ROOT, "e");
	assert_int_equal(world_rename(&w, ROOT, "e", b, "d", 0), 0);
	assert_int_equal(world_lookup(&w, b, "d"), e);
	assert_int_equal(in_trash(&w), 1);
	world_check(&w);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_deleted_file_waits_in_the_trash_and_comes_back),
	    cmocka_unit_test(only_last_names_of_what_holds_something_are_kept),
	    cmocka_unit_test(a_file_that_was_replaced_is_kept),
	    cmocka_unit_test(what_is_open_can_be_written_in_the_trash),
	    cmocka_unit_test(what_was_restored_does_not_expire),
	    cmocka_unit_test(what_is_due_is_found_in_order),
	    cmocka_unit_test(a_tree_comes_back_with_its_directories),
	    cmocka_unit_test(a_file_follows_its_directory),
	    cmocka_unit_test(directories_gone_for_good_are_made_anew),
	    cmocka_unit_test(a_directory_that_was_replaced_takes_what_was_in_the_old_one),
	    cmocka_unit_test(of_a_very_long_path_the_end_is_kept),
	    cmocka_unit_test(directories_know_their_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
