/*
 * See ms_plants.h.
 */
#include "tests/unit/ms_plants.h"

#include "master/core/dentry.h"
#include "master/core/quota.h"

void tree_open(struct tree *t)
{
	struct world *w = &t->w;
	world_open(w, 0);
	t->file = world_file(w, ROOT, "file");
	assert_int_equal(world_commit(w, t->file, 0, 10, 2), 0);
	assert_int_equal(world_truncate(w, t->file, (UINT64_C(1) << DFS_CHUNK_SHIFT) + 5), 0);
	assert_int_equal(WORLD_DO(w, SETXATTR, setxattr, .ino = t->file,
				  .name = dfs_span_text("user.a"), .value = dfs_span_text("v")),
			 0);
	t->dir = world_directory(w, ROOT, "dir");
	t->inner = world_directory(w, t->dir, "inner");
	assert_int_equal(world_make(w, ROOT, "link", S_IFLNK | 0777), 0);
	t->link = w->last.attr.ino;
	t->orphan = world_file(w, ROOT, "orphan");
	assert_int_equal(world_unlink(w, ROOT, "orphan"), 0);
	assert_int_equal(WORLD_DO(w, TRASH_KEEP, trash_keep, .ino = t->dir, .keep_s = 60), 0);
	t->trashed = world_file(w, t->dir, "old");
	assert_int_equal(world_commit(w, t->trashed, 0, 12, 1), 0);
	assert_int_equal(world_unlink(w, t->dir, "old"), 0);
	t->expires = w->last.expires;
	world_check(w);
}

/* Write what was put into the state's batch past every rule. */
static void force(struct tree *t)
{
	struct ms_state *state = t->w.state;
	assert_int_equal(dfs_kv_write(state->kv, &state->batch), 0);
	dfs_kv_batch_clear(&state->batch);
}

static struct dfs_row_inode inode_of(struct tree *t, u64 ino)
{
	struct dfs_row_inode row;
	assert_int_equal(ms_row_inode_get(t->w.state, ms_key1(MS_TABLE_INODE, ino), &row), 0);
	dfs_kv_batch_clear(&t->w.state->batch);
	return row;
}

static void put_inode(struct tree *t, u64 ino, const struct dfs_row_inode *row)
{
	ms_row_inode_put(t->w.state, ms_key1(MS_TABLE_INODE, ino), row);
	force(t);
}

static void drop(struct tree *t, struct ms_key key)
{
	dfs_kv_batch_clear(&t->w.state->batch);
	ms_row_delete(t->w.state, key);
	force(t);
}

static u64 cookie_of(struct tree *t, const char *name)
{
	return ms_name_cookie(t->w.state, dfs_span_text(name));
}

/* --- The plants. Each says which fault is to be found, and about what. --- */
#define PLANT_COUNT(name, field, FAULT, inode)                                                     \
	static void name(struct tree *t, struct ms_finding *expect)                                \
	{                                                                                          \
		struct dfs_row_inode row = inode_of(t, t->inode);                                  \
		*expect = (struct ms_finding){.fault = MS_FAULT_##FAULT,                           \
					      .subject = t->inode,                                 \
					      .noted = row.field + 3u,                             \
					      .found = row.field};                                 \
		row.field += 3;                                                                    \
		put_inode(t, t->inode, &row);                                                      \
	}
PLANT_COUNT(links, nlink, LINKS, file)
PLANT_COUNT(links_of_directory, nlink, LINKS, dir)
PLANT_COUNT(entries, entries, ENTRIES, dir)
PLANT_COUNT(chunks_count, chunks, CHUNKS_COUNT, file)
PLANT_COUNT(xattr_names, xattrs_names_bytes, XATTR_NAMES_BYTES, file)
PLANT_COUNT(xattr_bytes, xattrs_bytes, XATTR_BYTES, file)
PLANT_COUNT(acl_flags, acls, ACL_FLAGS, file)
PLANT_COUNT(linkable, linkable, LINKABLE, file)
PLANT_COUNT(place, place, PLACE, dir)

static void parent(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_inode row = inode_of(t, t->inner);
	row.parent = ROOT;
	put_inode(t, t->inner, &row);
	*expect = (struct ms_finding){MS_FAULT_PARENT, t->inner, 0, ROOT, t->dir};
}

static void cut_flag(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_inode row = inode_of(t, t->file);
	row.cutting = 1;
	put_inode(t, t->file, &row);
	*expect = (struct ms_finding){MS_FAULT_CUT_FLAG, t->file, 0, 1, 0};
}

/* A name is gone: of a file, whose inode is then nobody's. */
static void nameless(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_inode root = inode_of(t, ROOT);
	root.entries--;
	put_inode(t, ROOT, &root);
	drop(t, ms_key2(MS_TABLE_DENTRY, ROOT, cookie_of(t, "file")));
	*expect = (struct ms_finding){MS_FAULT_NAMELESS, t->file, 0, 1, 0};
}

static void put_name(struct tree *t, u64 directory, u64 at, u64 ino, u32 type, const char *name)
{
	struct dfs_row_dentry row = {.ino = ino, .type = type, .name = dfs_span_text(name)};
	ms_row_dentry_put(t->w.state, ms_key2(MS_TABLE_DENTRY, directory, at), &row);
	force(t);
}

static void name_dangling(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_inode row = inode_of(t, t->dir);
	row.entries++;
	put_inode(t, t->dir, &row);
	put_name(t, t->dir, cookie_of(t, "x"), 777, S_IFREG, "x");
	*expect = (struct ms_finding){MS_FAULT_NAME_DANGLING, t->dir, cookie_of(t, "x"), 777, 0};
}

static void name_unowned(struct tree *t, struct ms_finding *expect)
{
	put_name(t, t->file, cookie_of(t, "x"), t->link, S_IFLNK, "x");
	*expect =
	    (struct ms_finding){MS_FAULT_NAME_UNOWNED, t->file, cookie_of(t, "x"), t->link, 0};
}

static void name_type(struct tree *t, struct ms_finding *expect)
{
	put_name(t, ROOT, cookie_of(t, "link"), t->link, S_IFREG, "link");
	*expect =
	    (struct ms_finding){MS_FAULT_NAME_TYPE, ROOT, cookie_of(t, "link"), S_IFREG, S_IFLNK};
}

static void name_place(struct tree *t, struct ms_finding *expect)
{
	u64 at = cookie_of(t, "elsewhere");
	drop(t, ms_key2(MS_TABLE_DENTRY, ROOT, cookie_of(t, "file")));
	put_name(t, ROOT, at, t->file, S_IFREG, "file");
	*expect = (struct ms_finding){MS_FAULT_NAME_PLACE, ROOT, at, 0, 0};
}

static void target(struct tree *t, struct ms_finding *expect)
{
	drop(t, ms_key1(MS_TABLE_SYMLINK, t->link));
	*expect = (struct ms_finding){MS_FAULT_TARGET, t->link, 0, 0, 0};
}

static void target_unowned(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_symlink row = {.target = dfs_span_text("t")};
	ms_row_symlink_put(t->w.state, ms_key1(MS_TABLE_SYMLINK, 777), &row);
	force(t);
	*expect = (struct ms_finding){MS_FAULT_TARGET_UNOWNED, 777, 0, 0, 0};
}

static void xattr_unowned(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_xattr row = {.value = dfs_span_text("v")};
	ms_row_xattr_put(t->w.state, ms_key_name(MS_TABLE_XATTR, 777, dfs_span_text("user.b")),
			 &row);
	ms_row_xattr_put(t->w.state, ms_key_name(MS_TABLE_XATTR, 777, dfs_span_text("user.c")),
			 &row);
	force(t);
	*expect = (struct ms_finding){MS_FAULT_XATTR_UNOWNED, 777, 0, 0, 0};
}

static void put_orphan(struct tree *t, u64 ino)
{
	struct dfs_row_orphan row = {.since = 1};
	ms_row_orphan_put(t->w.state, ms_key1(MS_TABLE_ORPHAN, ino), &row);
	force(t);
}

static void orphan_unowned(struct tree *t, struct ms_finding *expect)
{
	put_orphan(t, 777);
	*expect = (struct ms_finding){MS_FAULT_ORPHAN_UNOWNED, 777, 0, 0, 0};
}

static void orphan_named(struct tree *t, struct ms_finding *expect)
{
	put_orphan(t, t->file);
	*expect = (struct ms_finding){MS_FAULT_ORPHAN_NAMED, t->file, 0, 0, 1};
}

static void directory_loop(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_inode dir = inode_of(t, t->dir);
	struct dfs_row_inode root = inode_of(t, ROOT);
	drop(t, ms_key2(MS_TABLE_DENTRY, ROOT, cookie_of(t, "dir")));
	root.entries--;
	root.nlink--;
	put_inode(t, ROOT, &root);
	struct dfs_row_inode inner = inode_of(t, t->inner);
	inner.entries++;
	inner.nlink++;
	put_inode(t, t->inner, &inner);
	dir.parent = t->inner;
	put_inode(t, t->dir, &dir);
	put_name(t, t->inner, cookie_of(t, "dir"), t->dir, S_IFDIR, "dir");
	*expect = (struct ms_finding){MS_FAULT_DIRECTORY_LOOP, t->dir, 0, 0, 0};
}

static void map_beyond(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_inode row = inode_of(t, t->file);
	row.size = 5;
	put_inode(t, t->file, &row);
	*expect = (struct ms_finding){MS_FAULT_MAP_BEYOND, t->file, 1, 0, 11};
}

static void map_unowned(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_map map = {.chunk = 20, .valid = DFS_VALID_ALL};
	struct dfs_row_chunk chunk = {.epoch = 1, .references = 1, .ino = 777};
	ms_row_map_put(t->w.state, ms_key2(MS_TABLE_MAP, 777, 0), &map);
	ms_row_chunk_put(t->w.state, ms_key1(MS_TABLE_CHUNK, 20), &chunk);
	t->w.state->counters.chunks++;
	ms_row_counters_put(t->w.state, ms_key0(MS_TABLE_COUNTERS), &t->w.state->counters);
	force(t);
	*expect = (struct ms_finding){MS_FAULT_MAP_UNOWNED, 777, 0, 0, 20};
}

/* The counter goes along, so that this fault stands alone. */
static void move_counter(struct tree *t, u64 *counter, s64 by)
{
	*counter += (u64)by;
	ms_row_counters_put(t->w.state, ms_key0(MS_TABLE_COUNTERS), &t->w.state->counters);
	force(t);
}

static void chunk_missing(struct tree *t, struct ms_finding *expect)
{
	drop(t, ms_key1(MS_TABLE_CHUNK, 10));
	move_counter(t, &t->w.state->counters.chunks, -1);
	*expect = (struct ms_finding){MS_FAULT_CHUNK_MISSING, t->file, 0, 1, 10};
}

static void chunk_owner(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_chunk row = {.epoch = 1, .goal = 1, .references = 1, .ino = t->orphan};
	ms_row_chunk_put(t->w.state, ms_key1(MS_TABLE_CHUNK, 10), &row);
	force(t);
	*expect = (struct ms_finding){MS_FAULT_CHUNK_OWNER, t->file, 0, 0, 10};
}

static void put_references(struct tree *t, u32 count)
{
	struct dfs_row_chunk row = {.epoch = 1, .goal = 1, .references = count, .ino = t->file};
	ms_row_chunk_put(t->w.state, ms_key1(MS_TABLE_CHUNK, 10), &row);
	force(t);
}

static void chunk_references(struct tree *t, struct ms_finding *expect)
{
	put_references(t, 5);
	*expect = (struct ms_finding){MS_FAULT_CHUNK_REFERENCES, 10, 0, 5, 1};
}

/* One reference too few: the chunk would go while a file still has it. */
static void chunk_references_few(struct tree *t, struct ms_finding *expect)
{
	assert_int_equal(world_clone(&t->w, t->file, 0, t->orphan, 0, 1), 0);
	put_references(t, 1);
	*expect = (struct ms_finding){MS_FAULT_CHUNK_REFERENCES, 10, 0, 1, 2};
}

static void chunk_missing_shared(struct tree *t, struct ms_finding *expect)
{
	assert_int_equal(world_clone(&t->w, t->file, 0, t->orphan, 0, 1), 0);
	drop(t, ms_key1(MS_TABLE_CHUNK, 10));
	move_counter(t, &t->w.state->counters.chunks, -1);
	*expect = (struct ms_finding){MS_FAULT_CHUNK_MISSING, t->file, 0, 2, 10};
}

static void chunk_unmapped(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_chunk row = {.epoch = 1, .references = 1, .ino = t->file, .index = 7};
	ms_row_chunk_put(t->w.state, ms_key1(MS_TABLE_CHUNK, 20), &row);
	move_counter(t, &t->w.state->counters.chunks, 1);
	*expect = (struct ms_finding){MS_FAULT_CHUNK_UNMAPPED, 20, t->file, 7, 0};
}

static void chunk_shared(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_map map = {.chunk = 10, .valid = DFS_VALID_ALL, .shared = 1};
	struct dfs_row_inode row = inode_of(t, t->orphan);
	row.chunks = 1;
	row.size = 1;
	put_inode(t, t->orphan, &row);
	put_references(t, 2);
	ms_row_map_put(t->w.state, ms_key2(MS_TABLE_MAP, t->orphan, 0), &map);
	force(t);
	*expect = (struct ms_finding){MS_FAULT_CHUNK_SHARED, 10, t->file, 0, 0};
}

static void put_garbage(struct tree *t, u64 chunk)
{
	struct dfs_row_garbage row = {.epoch = 1};
	ms_row_garbage_put(t->w.state, ms_key1(MS_TABLE_GARBAGE, chunk), &row);
	move_counter(t, &t->w.state->counters.garbage, 1);
}

static void chunk_garbage(struct tree *t, struct ms_finding *expect)
{
	put_garbage(t, 10);
	*expect = (struct ms_finding){MS_FAULT_CHUNK_GARBAGE, 10, 0, 0, 0};
}

static void garbage_number(struct tree *t, struct ms_finding *expect)
{
	put_garbage(t, 2000000);
	*expect = (struct ms_finding){MS_FAULT_GARBAGE_NUMBER, 2000000, 0, 0, 0};
}

static void trim_unowned(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_trim row = {.chunk = 10};
	ms_row_trim_put(t->w.state, ms_key2(MS_TABLE_TRIM, t->file, 0), &row);
	force(t);
	*expect = (struct ms_finding){MS_FAULT_TRIM_UNOWNED, t->file, 0, 0, 0};
}

static void trim_missing(struct tree *t, struct ms_finding *expect)
{
	drop(t, ms_key2(MS_TABLE_TRIM, t->file, 1));
	*expect = (struct ms_finding){MS_FAULT_TRIM_MISSING, t->file, 1, 0, 11};
}

static void result_unowned(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_result row = {.error = 0};
	ms_row_result_put(t->w.state, ms_key2(MS_TABLE_RESULT, 99, 5), &row);
	force(t);
	*expect = (struct ms_finding){MS_FAULT_RESULT_UNOWNED, 99, 5, 0, 0};
}

#define PLANT_COUNTER(name, field, FAULT)                                                          \
	static void name(struct tree *t, struct ms_finding *expect)                                \
	{                                                                                          \
		u64 right = t->w.state->counters.field;                                            \
		move_counter(t, &t->w.state->counters.field, 2);                                   \
		*expect = (struct ms_finding){MS_FAULT_##FAULT, 0, 0, right + 2, right};           \
	}
PLANT_COUNTER(counter_inodes, inodes, COUNT_INODES)
PLANT_COUNTER(counter_chunks, chunks, COUNT_CHUNKS)
PLANT_COUNTER(counter_garbage, garbage, COUNT_GARBAGE)
PLANT_COUNTER(counter_trash, trash, COUNT_TRASH)
PLANT_COUNTER(counter_trash_bytes, trash_bytes, COUNT_TRASH_BYTES)

static void trash_unowned(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_trash row = {.deleted = 1, .path = dfs_span_text("/x")};
	ms_row_trash_put(t->w.state, ms_key2(MS_TABLE_TRASH, 5, t->trashed), &row);
	move_counter(t, &t->w.state->counters.trash, 1);
	*expect = (struct ms_finding){MS_FAULT_TRASH_UNOWNED, t->trashed, 5, 0, 0};
}

static void trash_missing(struct tree *t, struct ms_finding *expect)
{
	drop(t, ms_key2(MS_TABLE_TRASH, t->expires, t->trashed));
	move_counter(t, &t->w.state->counters.trash, -1);
	*expect = (struct ms_finding){MS_FAULT_TRASH_MISSING, t->trashed, 0, t->expires, 0};
}

static void trash_named(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_inode row = inode_of(t, t->link);
	row.expires = 77;
	put_inode(t, t->link, &row);
	*expect = (struct ms_finding){MS_FAULT_TRASH_NAMED, t->link, 0, 77, 1};
}

static void trash_orphan(struct tree *t, struct ms_finding *expect)
{
	put_orphan(t, t->trashed);
	*expect = (struct ms_finding){MS_FAULT_TRASH_ORPHAN, t->trashed, 0, 0, 0};
}

static void row_damaged(struct tree *t, struct ms_finding *expect)
{
	static const u8 key[] = {MS_TABLE_ORPHAN, 0, 0, 0, 0, 0, 0, 3, 9};
	dfs_kv_batch_clear(&t->w.state->batch);
	dfs_kv_batch_put(&t->w.state->batch, dfs_span(key, sizeof(key)), dfs_span_text("junk"));
	force(t);
	*expect = (struct ms_finding){MS_FAULT_ROW_DAMAGED, MS_TABLE_ORPHAN, 777, 0, 0};
}

static void inode_number(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_inode row = inode_of(t, t->orphan);
	put_inode(t, 1 << 20, &row);
	put_orphan(t, 1 << 20);
	move_counter(t, &t->w.state->counters.inodes, 1);
	struct ms_owned owned = ms_owned_of(&row);
	assert_int_equal(ms_quota_move(t->w.state, &(struct ms_owned){0}, &owned), 0);
	ms_quotas_put(t->w.state, 0);
	ms_quotas_forget(t->w.state);
	force(t);
	*expect = (struct ms_finding){MS_FAULT_INODE_NUMBER, 1 << 20, 0, 0, 0};
}

static void inode_fields(struct tree *t, struct ms_finding *expect)
{
	struct dfs_row_inode row = inode_of(t, t->link);
	row.parent = 5;
	put_inode(t, t->link, &row);
	*expect = (struct ms_finding){MS_FAULT_INODE_FIELDS, t->link, 0, 0, 0};
}

const struct plant plants[] = {
#define PLANT(name)                                                                                \
	{                                                                                          \
#name, name                                                                        \
	}
    PLANT(links),
    PLANT(links_of_directory),
    PLANT(entries),
    PLANT(chunks_count),
    PLANT(xattr_names),
    PLANT(xattr_bytes),
    PLANT(acl_flags),
    PLANT(linkable),
    PLANT(parent),
    PLANT(cut_flag),
    PLANT(nameless),
    PLANT(name_dangling),
    PLANT(name_unowned),
    PLANT(name_type),
    PLANT(name_place),
    PLANT(target),
    PLANT(target_unowned),
    PLANT(xattr_unowned),
    PLANT(orphan_unowned),
    PLANT(orphan_named),
    PLANT(directory_loop),
    PLANT(map_beyond),
    PLANT(map_unowned),
    PLANT(chunk_missing),
    PLANT(chunk_owner),
    PLANT(chunk_unmapped),
    PLANT(chunk_shared),
    PLANT(chunk_garbage),
    PLANT(garbage_number),
    PLANT(chunk_references),
    PLANT(chunk_references_few),
    PLANT(chunk_missing_shared),
    PLANT(trim_unowned),
    PLANT(trim_missing),
    PLANT(result_unowned),
    PLANT(counter_inodes),
    PLANT(counter_chunks),
    PLANT(counter_garbage),
    PLANT(row_damaged),
    PLANT(inode_number),
    PLANT(inode_fields),
    PLANT(place),
    PLANT(trash_unowned),
    PLANT(trash_missing),
    PLANT(trash_named),
    PLANT(trash_orphan),
    PLANT(counter_trash),
    PLANT(counter_trash_bytes),
#undef PLANT
};

const u32 plants_count = dfs_array_count(plants);

void plant_one(struct tree *t, const char *name, struct ms_finding *ret_expect)
{
	for (u32 i = 0; i < plants_count; i++) {
		if (strcmp(plants[i].name, name) == 0) {
			plants[i].plant(t, ret_expect);
			return;
		}
	}
	fail_msg("there is no plant %s", name);
}

void tree_drop(struct tree *t, u8 table, u64 first)
{
	drop(t, ms_key1((enum ms_table)table, first));
}
