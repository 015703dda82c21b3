/*
 * Chains of names with equal hashes: see dentry.h.
 *
 * A chain has no gap in its slots, but `more` may promise a row that has been removed since:
 * looking costs one get that finds nothing. Empty rows at a chain's end are removed with the row
 * after them, so a directory without names has no rows.
 */
#include "master/core/dentry.h"

#include "master/core/name_hash.h"

#define SLOT_MASK ((u64)MS_COOKIE_SLOTS - 1)

int ms_name_check(struct dfs_span name)
{
	if (name.length == 0 || name.length > DFS_NAME_BYTES_MAX)
		return DFS_EINVAL;
	if (memchr(name.data, '/', name.length) != NULL)
		return DFS_EINVAL;
	if (memchr(name.data, 0, name.length) != NULL)
		return DFS_EINVAL;
	if (dfs_span_equal(name, dfs_span(".", 1)) || dfs_span_equal(name, dfs_span("..", 2)))
		return DFS_EINVAL;
	return 0;
}

u64 ms_name_cookie(const struct ms_state *state, struct dfs_span name)
{
	u64 hash = ms_name_hash(state->hash_key, name) & state->hash_mask;
	return MS_COOKIE_FIRST | hash * MS_COOKIE_SLOTS;
}

static struct ms_key key_of(u64 parent, u64 cookie)
{
	return ms_key2(MS_TABLE_DENTRY, parent, cookie);
}

int ms_dentry_find(struct ms_state *state, u64 parent, struct dfs_span name,
		   struct ms_dentry *ret_dentry)
{
	u64 first = ms_name_cookie(state, name);
	struct ms_dentry place = {.parent = parent};
	u8 more = 1; /* What the row before promises; a first row is always worth a look. */
	for (u64 slot = 0; slot < MS_COOKIE_SLOTS; slot++) {
		struct dfs_row_dentry row;
		int status = DFS_ENOENT;
		if (more != 0)
			status = ms_row_dentry_get(state, key_of(parent, first + slot), &row);
		if (status == DFS_ENOENT) {
			if (place.cookie == 0) {
				place.cookie = first + slot;
				place.chain = slot > 0 && more == 0;
			}
			break;
		}
		if (status != 0)
			return status;
		if (row.ino != 0 && dfs_span_equal(row.name, name)) {
			*ret_dentry = (struct ms_dentry){
			    .parent = parent,
			    .cookie = first + slot,
			    .ino = row.ino,
			    .type = row.type,
			    .more = row.more,
			};
			return 0;
		}
		if (row.ino == 0 && place.cookie == 0) {
			place.cookie = first + slot;
			place.more = row.more;
		}
		more = row.more;
	}
	*ret_dentry = place;
	return DFS_ENOENT;
}

int ms_dentry_put(struct ms_state *state, const struct ms_dentry *dentry, struct dfs_span name)
{
	DFS_ASSERT(dentry->ino != 0);
	if (dentry->cookie == 0)
		return DFS_ENOSPC;
	struct dfs_row_dentry row;
	if (dentry->chain) {
		struct ms_key before = key_of(dentry->parent, dentry->cookie - 1);
		int status = ms_row_dentry_get(state, before, &row);
		if (status != 0)
			return ms_must(state, status);
		row.more = 1;
		ms_row_dentry_put(state, before, &row);
	}
	row = (struct dfs_row_dentry){
	    .ino = dentry->ino, .type = dentry->type, .more = dentry->more, .name = name};
	ms_row_dentry_put(state, key_of(dentry->parent, dentry->cookie), &row);
	return 0;
}

int ms_dentry_remove(struct ms_state *state, const struct ms_dentry *dentry)
{
	DFS_ASSERT(dentry->cookie >= MS_COOKIE_FIRST);
	u64 parent = dentry->parent;
	u64 cookie = dentry->cookie;
	struct dfs_row_dentry row;
	if (dentry->more != 0 && (cookie & SLOT_MASK) != SLOT_MASK) {
		int status = ms_row_dentry_get(state, key_of(parent, cookie + 1), &row);
		if (status == 0) {
			row = (struct dfs_row_dentry){.more = 1};
			ms_row_dentry_put(state, key_of(parent, cookie), &row);
			return 0;
		}
		if (status != DFS_ENOENT)
			return status;
	}
	ms_row_delete(state, key_of(parent, cookie));
	while ((cookie & SLOT_MASK) != 0) {
		cookie--;
		int status = ms_row_dentry_get(state, key_of(parent, cookie), &row);
		if (status != 0)
			return ms_must(state, status);
		if (row.ino != 0)
			break;
		ms_row_delete(state, key_of(parent, cookie));
	}
	return 0;
}
