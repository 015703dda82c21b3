/*
 * The second half of ms_state_check: link counts, sizes of tables per inode, and that every
 * directory leads up to the root. The first inconsistency in order of inode number is reported.
 */
#include "master/core/check_i.h"

typedef unsigned long long ull;

static int check_directory(struct check *check, u64 ino, const struct check_inode *inode)
{
	u64 names = ino == DFS_INO_ROOT || inode->orphan ? 0 : 1;
	u64 nlink = inode->orphan ? 0 : 2 + inode->subdirectories;
	if (inode->names != names)
		return check_wrong(check, "directory %llu has %llu names", (ull)ino,
				   (ull)inode->names);
	if (inode->row.nlink != nlink)
		return check_wrong(check, "directory %llu: nlink %u, should be %llu", (ull)ino,
				   inode->row.nlink, (ull)nlink);
	if (inode->row.entries != inode->entries)
		return check_wrong(check, "directory %llu: %llu names noted, %llu found", (ull)ino,
				   (ull)inode->row.entries, (ull)inode->entries);
	if (names == 1 && inode->row.parent != inode->named_in)
		return check_wrong(check, "directory %llu: wrong parent", (ull)ino);
	if (inode->orphan && inode->entries != 0)
		return check_wrong(check, "directory %llu was removed with names in it", (ull)ino);
	return 0;
}

static int check_other(struct check *check, u64 ino, const struct check_inode *inode)
{
	if (inode->row.nlink != inode->names)
		return check_wrong(check, "inode %llu: nlink %u, %llu names", (ull)ino,
				   inode->row.nlink, (ull)inode->names);
	if (inode->orphan != (inode->row.nlink == 0))
		return check_wrong(check, "inode %llu: orphan or not?", (ull)ino);
	if (inode->row.linkable != 0 && !inode->orphan)
		return check_wrong(check, "inode %llu is linkable and has a name", (ull)ino);
	if (inode->symlink != S_ISLNK(inode->row.mode))
		return check_wrong(check, "symbolic link %llu without a target", (ull)ino);
	if (inode->row.entries != 0 || inode->row.parent != 0)
		return check_wrong(check, "inode %llu is no directory", (ull)ino);
	return 0;
}

static int check_one(struct check *check, u64 ino, const struct check_inode *inode)
{
	if (inode->row.chunks != inode->chunks)
		return check_wrong(check, "inode %llu: %llu chunks noted, %llu found", (ull)ino,
				   (ull)inode->row.chunks, (ull)inode->chunks);
	if (inode->row.allocated != inode->allocated)
		return check_wrong(check, "inode %llu: %llu bytes noted, %llu found", (ull)ino,
				   (ull)inode->row.allocated, (ull)inode->allocated);
	if (inode->chunks != 0 && !S_ISREG(inode->row.mode))
		return check_wrong(check, "inode %llu has chunks and is no file", (ull)ino);
	if (inode->row.xattrs_names_bytes != inode->xattrs_names_bytes ||
	    inode->row.xattrs_bytes != inode->xattrs_bytes || inode->row.acls != inode->acls)
		return check_wrong(check, "inode %llu: extended attributes miscounted", (ull)ino);
	if ((inode->row.cutting != 0) != inode->cut)
		return check_wrong(check, "inode %llu: being cut or not?", (ull)ino);
	return ms_is_directory(&inode->row) ? check_directory(check, ino, inode)
					    : check_other(check, ino, inode);
}

/* Up from one directory until a reached one; a loop among others would never end, hence the bound.
 */
static int check_reaches_root(struct check *check, u64 ino)
{
	u64 at = ino;
	for (u32 steps = 0; steps <= check->inodes.count; steps++) {
		struct check_inode *inode = check_find(check, at);
		if (inode == NULL)
			return check_wrong(check, "directory %llu: its parents end at %llu",
					   (ull)ino, (ull)at);
		if (at == DFS_INO_ROOT || inode->reached)
			break;
		if (steps == check->inodes.count)
			return check_wrong(check, "directory %llu is above itself", (ull)ino);
		at = inode->row.parent;
	}
	for (at = ino; at != DFS_INO_ROOT;) {
		struct check_inode *inode = check_find(check, at);
		if (inode->reached)
			break;
		inode->reached = true;
		at = inode->row.parent;
	}
	return 0;
}

int check_inodes(struct check *check)
{
	if (check_find(check, DFS_INO_ROOT) == NULL)
		return check_wrong(check, "there is no root directory");
	struct ms_scan scan; /* Again, for the order: the map has none. */
	int status = 0;
	ms_scan_begin(&scan, check->state, ms_key0(MS_TABLE_INODE), ms_key0(MS_TABLE_INODE + 1));
	while (status == 0 && ms_scan_next(&scan)) {
		u64 ino = ms_key_first(scan.key);
		struct check_inode *inode = check_find(check, ino);
		DFS_ASSERT(inode != NULL);
		status = check_one(check, ino, inode);
		if (status == 0 && ms_is_directory(&inode->row) && !inode->orphan)
			status = check_reaches_root(check, ino);
	}
	int scan_status = ms_scan_end(&scan);
	return status != 0 ? status : scan_status;
}
