/*
 * Rows of the tree: inodes, names, targets, extended attributes, inodes without a name. Inodes come
 * first, so the others find theirs.
 */
#include "master/core/check_i.h"

#include "libdfsproto/wire/xattr_name.h"
#include "master/core/acl.h"
#include "master/core/dentry.h"
#include "master/core/name_hash.h"

#include <stdlib.h>

void check_see_inode(struct ms_check *check, u64 ino, const struct dfs_row_inode *row)
{
	struct check_inode *inode = calloc(1, sizeof(*inode));
	DFS_ASSERT(inode != NULL);
	inode->size = row->size;
	inode->parent = row->parent;
	inode->place = row->place;
	inode->expires = row->expires;
	inode->noted_entries = row->entries;
	inode->noted_chunks = row->chunks;
	inode->noted_space = row->allocated;
	inode->noted_acls = row->acls;
	inode->linkable = row->linkable;
	inode->noted_xattrs_names_bytes = row->xattrs_names_bytes;
	inode->noted_xattrs_bytes = row->xattrs_bytes;
	inode->mode = row->mode;
	inode->nlink = row->nlink;
	inode->chunk_shift = row->chunk_shift;
	inode->cutting = row->cutting != 0;
	inode->tree = row->tree;
	check_count_inode(check, row);
	dfs_map_insert(&check->inodes, &inode->node, ino);
	check->counts.inodes++;
	if (row->expires != 0)
		check->counts.trash_bytes += row->allocated;
	if (ino == 0 || ino >= check->counters.next_ino)
		check_wrong(check, MS_FAULT_INODE_NUMBER, ino, 0, 0, 0);
	bool shift_bad =
	    row->chunk_shift < DFS_CHUNK_SHIFT_MIN || row->chunk_shift > DFS_CHUNK_SHIFT_MAX;
	bool directory_bad = !S_ISDIR(row->mode) && (row->entries != 0 || row->parent != 0 ||
						     row->keep_s != 0 || row->place != 0);
	bool file_bad = !S_ISREG(row->mode) && (row->chunks != 0 || row->linkable != 0);
	if (shift_bad || directory_bad || file_bad)
		check_wrong(check, MS_FAULT_INODE_FIELDS, ino, 0, 0, 0);
	if (shift_bad)
		inode->chunk_shift = DFS_CHUNK_SHIFT;
}

/* An empty row keeps a place before another one, never the last of its chain. */
void check_chain_end(struct ms_check *check)
{
	struct check_chain *chain = &check->chain;
	if (chain->cookie != 0 && chain->empty)
		check_wrong(check, MS_FAULT_NAME_PLACE, chain->parent, chain->cookie, 0, 0);
	chain->cookie = 0;
	chain->names_bytes = 0;
}

/* True when the name is in the chain already; else it is added. */
static bool chain_has(struct check_chain *chain, struct dfs_span name)
{
	for (u32 at = 0; at < chain->names_bytes; at += 1u + chain->names[at]) {
		if (dfs_span_equal(dfs_span(chain->names + at + 1, chain->names[at]), name))
			return true;
	}
	if (chain->names_bytes + 1 + name.length > chain->names_capacity) {
		chain->names_capacity = chain->names_capacity * 2 + 2 * DFS_NAME_BYTES_MAX;
		chain->names = realloc(chain->names, chain->names_capacity);
		DFS_ASSERT(chain->names != NULL);
	}
	chain->names[chain->names_bytes] = (u8)name.length;
	if (name.length > 0)
		memcpy(chain->names + chain->names_bytes + 1, name.data, name.length);
	chain->names_bytes += 1 + name.length;
	return false;
}

/* As ms_dentry_find walks: the first slot, then the next one as long as each row says `more`. */
static bool is_found(struct ms_check *check, u64 parent, u64 cookie,
		     const struct dfs_row_dentry *row)
{
	struct check_chain *chain = &check->chain;
	bool follows = chain->cookie != 0 && chain->parent == parent && chain->cookie + 1 == cookie;
	bool first = cookie % MS_COOKIE_SLOTS == 0;
	if (first || !follows)
		check_chain_end(check);
	bool linked = first || (follows && chain->more);
	chain->parent = parent;
	chain->cookie = cookie;
	chain->more = row->more != 0;
	chain->empty = row->ino == 0;
	if (row->ino == 0)
		return linked && row->more != 0;
	if (ms_name_check(row->name) != 0 || chain_has(chain, row->name))
		return false;
	u64 hash = ms_name_hash(check->hash_key, row->name) & check->hash_mask;
	return linked && cookie / MS_COOKIE_SLOTS == MS_COOKIE_FIRST / MS_COOKIE_SLOTS + hash;
}

void check_see_dentry(struct ms_check *check, u64 parent, u64 cookie,
		      const struct dfs_row_dentry *row)
{
	if (!is_found(check, parent, cookie, row))
		check_wrong(check, MS_FAULT_NAME_PLACE, parent, cookie, 0, 0);
	if (row->ino == 0)
		return;
	struct check_inode *directory = check_find(check, parent);
	struct check_inode *inode = check_find(check, row->ino);
	if (directory == NULL || !S_ISDIR(directory->mode)) {
		check_wrong(check, MS_FAULT_NAME_UNOWNED, parent, cookie, row->ino, 0);
		return;
	}
	directory->entries++;
	if (inode == NULL) {
		check_wrong(check, MS_FAULT_NAME_DANGLING, parent, cookie, row->ino, 0);
		return;
	}
	if (row->type != (inode->mode & S_IFMT))
		check_wrong(check, MS_FAULT_NAME_TYPE, parent, cookie, row->type,
			    inode->mode & S_IFMT);
	inode->names++;
	inode->named_in = parent;
	inode->named_at = cookie;
	if (S_ISDIR(inode->mode))
		directory->subdirectories++;
}

void check_see_symlink(struct ms_check *check, u64 ino, const struct dfs_row_symlink *row)
{
	struct check_inode *inode = check_find(check, ino);
	if (inode == NULL || !S_ISLNK(inode->mode))
		check_wrong(check, MS_FAULT_TARGET_UNOWNED, ino, 0, 0, 0);
	else
		inode->symlink = inode->size == row->target.length;
}

static bool acl_good(const struct check_inode *inode, u8 which, struct dfs_span value)
{
	struct ms_acl acl;
	u32 mode;
	if (ms_acl_decode(value, &acl) != 0 || acl.count == 0)
		return false;
	bool whole = ms_acl_mode(&acl, inode->mode, &mode);
	if (which == DFS_ACL_DEFAULT)
		return S_ISDIR(inode->mode);
	return !whole && mode == inode->mode;
}

void check_see_xattr(struct ms_check *check, u64 ino, struct dfs_span name,
		     const struct dfs_row_xattr *row)
{
	struct check_inode *inode = check_find(check, ino);
	if (inode == NULL) {
		if (check->unowned_xattr != ino)
			check_wrong(check, MS_FAULT_XATTR_UNOWNED, ino, 0, 0, 0);
		check->unowned_xattr = ino;
		return;
	}
	inode->xattrs_names_bytes += name.length + 1;
	inode->xattrs_bytes += name.length + 1 + row->value.length;
	u8 which = dfs_xattr_acl(name);
	inode->acls |= which;
	if (which != 0 && !acl_good(inode, which, row->value))
		check_wrong(check, MS_FAULT_ACL, ino, 0, 0, 0);
}

void check_see_orphan(struct ms_check *check, u64 ino)
{
	struct check_inode *inode = check_find(check, ino);
	if (inode == NULL) {
		check_wrong(check, MS_FAULT_ORPHAN_UNOWNED, ino, 0, 0, 0);
		return;
	}
	inode->orphan = true;
	if (inode->names > 0) {
		check_wrong(check, MS_FAULT_ORPHAN_NAMED, ino, 0, 0, inode->names);
		return;
	}
	check_ids_add(&check->orphans, ino);
}

void check_see_trash(struct ms_check *check, u64 expires, u64 ino)
{
	struct check_inode *inode = check_find(check, ino);
	check->counts.trash++;
	if (inode == NULL || inode->expires != expires)
		check_wrong(check, MS_FAULT_TRASH_UNOWNED, ino, expires, 0, 0);
	else
		inode->trashed = true;
}
