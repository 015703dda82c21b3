/*
 * READDIR: complete, in order, stable while names come and go, bounded.
 */
#include "tests/unit/ms_world.h"

struct listing {
	u32 *seen; /* By the number that is the name. */
	u32 names; /* Bound of the numbers. */
	u32 replies;
	u64 cookie;
	u8 end;
	bool attributes;
	u32 bytes_max;
};

static void list_next(struct world *w, u64 ino, struct listing *l)
{
	struct dfs_writer entries;
	struct dfs_dirent entry;
	u64 parent;
	struct ms_readdir query = {.ino = ino,
				   .cookie = l->cookie,
				   .bytes_max = l->bytes_max,
				   .attributes = l->attributes};
	dfs_writer_init(&entries, DFS_PROTOCOL_VERSION, 0);
	assert_int_equal(ms_readdir(w->state, &query, &entries, &l->end, &parent), 0);
	struct dfs_items items = dfs_writer_items(&entries);
	assert_true(items.count > 0 || l->end);
	assert_true(items.count <= DFS_DIRENTS_MAX);
	assert_true(items.bytes.length <= l->bytes_max + 512);
	while (dfs_dirent_next(&items, &entry)) {
		char text[16] = "";
		assert_true(entry.cookie > l->cookie);
		assert_true(entry.cookie >= UINT64_C(1) << 62 && entry.cookie <= INT64_MAX);
		l->cookie = entry.cookie;
		assert_true(entry.name.length < sizeof(text));
		memcpy(text, entry.name.data, entry.name.length);
		u32 number = (u32)strtoul(text, NULL, 10);
		assert_true(number < l->names);
		l->seen[number]++;
		assert_int_equal(entry.attr.ino, world_lookup(w, ino, text));
		assert_int_equal(entry.attr.mode & S_IFMT, S_IFREG);
		assert_int_equal(entry.attr.nlink, l->attributes ? 1 : 0);
	}
	l->replies++;
	dfs_writer_fini(&entries);
}

static void name_of(u32 number, char text[16])
{
	(void)snprintf(text, 16, "%u", number);
}

static void stays_exact(u32 hash_bits, u32 count, u32 bytes_max, bool attributes)
{
	struct world w;
	world_open(&w, hash_bits);
	u64 d = world_directory(&w, ROOT, "d");
	char text[16];
	for (u32 i = 0; i < count; i++) {
		name_of(i, text);
		world_file(&w, d, text);
	}
	struct listing l = {.seen = calloc(2 * count, sizeof(u32)),
			    .names = 2 * count,
			    .attributes = attributes,
			    .bytes_max = bytes_max};
	assert_non_null(l.seen);
	/* Between replies: multiples of 3 go, new names come, some change theirs. Others stay. */
	struct dfs_prng prng;
	dfs_prng_seed(&prng, 11);
	u8 *touched = calloc(2 * count, 1);
	assert_non_null(touched);
	while (!l.end) {
		list_next(&w, d, &l);
		for (int i = 0; i < 20; i++) {
			u32 number = 3 * (u32)dfs_prng_below(&prng, count / 3);
			name_of(number, text);
			touched[number] = 1;
			if (dfs_prng_below(&prng, 2) == 0) {
				(void)world_unlink(&w, d, text);
			} else {
				char to[16];
				name_of(number + count, to);
				touched[number + count] = 1;
				(void)world_rename(&w, d, text, d, to, 0);
			}
		}
	}
	for (u32 i = 0; i < count; i++) {
		if (!touched[i])
			assert_int_equal(l.seen[i], 1);
	}
	for (u32 i = 0; i < 2 * count; i++)
		assert_true(l.seen[i] <= 2); /* Gone and come again under a name: twice at most. */
	assert_true(l.replies > 1);
	world_check(&w);
	free(touched);
	free(l.seen);
	world_close(&w);
}

static void a_listing_of_10000_is_exact_while_names_change(void **unused)
{
	(void)unused;
	stays_exact(0, 10000, 4096, false);
}

static void so_is_one_with_attributes(void **unused)
{
	(void)unused;
	stays_exact(0, 3000, 16384, true);
}

static void so_is_one_whose_hashes_collide(void **unused)
{
	(void)unused;
	stays_exact(5, 1000, 512, false);
}

static void replies_are_bounded_whatever_is_asked_for(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	char text[16];
	for (u32 i = 0; i < 5000; i++) {
		name_of(i, text);
		world_file(&w, ROOT, text);
	}
	u32 *seen = calloc(5000, sizeof(u32));
	assert_non_null(seen);
	struct listing l = {.seen = seen, .names = 5000, .bytes_max = UINT32_MAX - 512};
	list_next(&w, ROOT, &l);
	assert_false(l.end); /* DIRENTS_MAX. */
	list_next(&w, ROOT, &l);
	assert_true(l.end);
	struct listing one = {.seen = seen, .names = 5000, .bytes_max = 0};
	list_next(&w, ROOT, &one);
	assert_false(one.end);
	assert_int_equal(world_attr(&w, ROOT).size, 4096 * (1 + 5000 / 64));
	free(seen);
	world_close(&w);
}

static void empty_and_wrong_directories(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 d = world_directory(&w, ROOT, "d");
	u64 sub = world_directory(&w, d, "sub");
	u64 f = world_file(&w, ROOT, "f");
	struct dfs_writer entries;
	u64 parent = 0;
	u8 end = 0;
	dfs_writer_init(&entries, DFS_PROTOCOL_VERSION, 0);
	struct ms_readdir query = {.ino = sub, .bytes_max = 4096};
	assert_int_equal(ms_readdir(w.state, &query, &entries, &end, &parent), 0);
	assert_int_equal(end, 1);
	assert_int_equal(parent, d);
	assert_int_equal(entries.items, 0);
	query.ino = d;
	query.cookie = UINT64_MAX;
	assert_int_equal(ms_readdir(w.state, &query, &entries, &end, &parent), 0);
	assert_int_equal(end, 1);
	query.ino = f;
	assert_int_equal(ms_readdir(w.state, &query, &entries, &end, &parent), DFS_ENOTDIR);
	query.ino = 999;
	assert_int_equal(ms_readdir(w.state, &query, &entries, &end, &parent), DFS_ESTALE);
	dfs_writer_fini(&entries);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_listing_of_10000_is_exact_while_names_change),
	    cmocka_unit_test(so_is_one_with_attributes),
	    cmocka_unit_test(so_is_one_whose_hashes_collide),
	    cmocka_unit_test(replies_are_bounded_whatever_is_asked_for),
	    cmocka_unit_test(empty_and_wrong_directories),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
