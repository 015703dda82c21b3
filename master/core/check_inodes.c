/*
 * Once all rows were seen: link counts, what is counted per inode, and that every directory leads
 * up to the root. Findings are sorted afterwards, so the order of the map does not show.
 */
#include "master/core/check_i.h"

static void compare(struct ms_check *check, enum ms_fault fault, u64 ino, u64 noted, u64 found)
{
	if (noted != found)
		check_wrong(check, fault, ino, 0, noted, found);
}

/* Without a name on purpose: it waits to be removed, or lies in the trash. */
static bool is_nameless(const struct check_inode *inode)
{
	return inode->names == 0 && (inode->orphan || inode->expires != 0);
}

static void check_trash(struct ms_check *check, u64 ino, const struct check_inode *inode)
{
	if (inode->expires == 0)
		return;
	if (inode->names > 0)
		check_wrong(check, MS_FAULT_TRASH_NAMED, ino, 0, inode->expires, inode->names);
	else if (!inode->trashed)
		check_wrong(check, MS_FAULT_TRASH_MISSING, ino, 0, inode->expires, 0);
	else if (inode->orphan)
		check_wrong(check, MS_FAULT_TRASH_ORPHAN, ino, 0, 0, 0);
}

static void check_directory(struct ms_check *check, u64 ino, const struct check_inode *inode)
{
	bool root = ino == DFS_INO_ROOT;
	u64 nlink = is_nameless(inode) ? 0 : 2 + inode->subdirectories;
	compare(check, MS_FAULT_LINKS, ino, inode->nlink, nlink);
	compare(check, MS_FAULT_ENTRIES, ino, inode->noted_entries, inode->entries);
	if (root ? inode->names > 0 : inode->names > 1)
		check_wrong(check, MS_FAULT_DIRECTORY_NAMES, ino, 0, 0, inode->names);
	if (root)
		compare(check, MS_FAULT_PARENT, ino, inode->parent, DFS_INO_ROOT);
	else if (inode->names == 1)
		compare(check, MS_FAULT_PARENT, ino, inode->parent, inode->named_in);
	else if (inode->names == 0 && !is_nameless(inode))
		check_wrong(check, MS_FAULT_NAMELESS, ino, 0, inode->nlink, 0);
	if (!root && inode->names == 1)
		compare(check, MS_FAULT_PLACE, ino, inode->place, inode->named_at);
	if (!root && is_nameless(inode) && inode->entries != 0)
		check_wrong(check, MS_FAULT_ORPHAN_FULL, ino, 0, 0, inode->entries);
}

static void check_other(struct ms_check *check, u64 ino, const struct check_inode *inode)
{
	/* A link count without names is no miscount: the names are what is missing. */
	if (inode->names == 0 && !is_nameless(inode))
		check_wrong(check, MS_FAULT_NAMELESS, ino, 0, inode->nlink, 0);
	else
		compare(check, MS_FAULT_LINKS, ino, inode->nlink, inode->names);
	if (inode->linkable != 0 && inode->names > 0)
		check_wrong(check, MS_FAULT_LINKABLE, ino, 0, inode->linkable, 0);
	if (S_ISLNK(inode->mode) && !inode->symlink)
		check_wrong(check, MS_FAULT_TARGET, ino, 0, 0, 0);
}

static void check_one(struct ms_check *check, u64 ino, const struct check_inode *inode)
{
	compare(check, MS_FAULT_CHUNKS_COUNT, ino, inode->noted_chunks, inode->chunks);
	compare(check, MS_FAULT_SPACE, ino, inode->noted_space, inode->space);
	compare(check, MS_FAULT_ACL_FLAGS, ino, inode->noted_acls, inode->acls);
	compare(check, MS_FAULT_XATTR_NAMES_BYTES, ino, inode->noted_xattrs_names_bytes,
		inode->xattrs_names_bytes);
	compare(check, MS_FAULT_XATTR_BYTES, ino, inode->noted_xattrs_bytes, inode->xattrs_bytes);
	check_trash(check, ino, inode);
	compare(check, MS_FAULT_CUT_FLAG, ino, inode->cutting, inode->cut);
	if (S_ISDIR(inode->mode))
		check_directory(check, ino, inode);
	else
		check_other(check, ino, inode);
}

/* A loop is named once, by the smallest of its directories. */
static void name_loop(struct ms_check *check, u64 from)
{
	u64 smallest = from;
	for (u64 at = check_find(check, from)->parent; at != from;
	     at = check_find(check, at)->parent)
		smallest = dfs_min(smallest, at);
	check_wrong(check, MS_FAULT_DIRECTORY_LOOP, smallest, 0, 0, 0);
}

/* Up until a directory that was looked at before, or the end: the root, a missing one (whose child
 * is found elsewhere), or one on this very way. */
static void check_way_up(struct ms_check *check, u64 ino)
{
	u64 at = ino;
	struct check_inode *inode = check_find(check, at);
	while (inode != NULL && inode->reached == CHECK_UNKNOWN && at != DFS_INO_ROOT) {
		inode->reached = CHECK_ON_THE_WAY;
		at = inode->parent;
		inode = check_find(check, at);
	}
	if (inode != NULL && inode->reached == CHECK_ON_THE_WAY)
		name_loop(check, at);
	at = ino;
	inode = check_find(check, at);
	while (inode != NULL && inode->reached == CHECK_ON_THE_WAY) {
		inode->reached = CHECK_REACHED;
		at = inode->parent;
		inode = check_find(check, at);
	}
}

void check_inodes(struct ms_check *check)
{
	struct dfs_map_node *node = NULL;
	const struct check_inode *root = check_find(check, DFS_INO_ROOT);
	if (root == NULL || !S_ISDIR(root->mode))
		check_wrong(check, MS_FAULT_ROOT, 0, 0, 0, 0);
	while ((node = dfs_map_next(&check->inodes, node)) != NULL) {
		const struct check_inode *inode = dfs_map_entry(node, struct check_inode, node);
		check_one(check, node->key, inode);
		if (S_ISDIR(inode->mode))
			check_way_up(check, node->key);
	}
}
