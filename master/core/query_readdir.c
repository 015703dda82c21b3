/*
 * READDIR: entries after a cookie, in order of cookie. A name that is there during a whole listing
 * is listed exactly once, whatever else comes and goes, because its cookie never moves (dentry.h).
 */
#include "master/core/dentry.h"
#include "master/core/txn.h"

/* Room that stays for the rest of the reply's body. */
#define BYTES_MAX ((u32)DFS_BODY_BYTES_MAX - 65536u)

static int put_entry(struct ms_state *state, const struct ms_scan *scan,
		     const struct dfs_row_dentry *row, bool attributes, struct dfs_writer *entries)
{
	struct dfs_dirent entry = {
	    .cookie = ms_key_second(scan->key),
	    .name = row->name,
	    .attr = {.ino = row->ino, .mode = row->type},
	};
	if (attributes) {
		struct dfs_row_inode inode;
		int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, row->ino), &inode);
		if (status != 0)
			return ms_must(state, status);
		entry.attr = ms_inode_attr(row->ino, &inode);
	}
	dfs_dirent_put(entries, &entry);
	return 0;
}

int ms_readdir(struct ms_state *state, const struct ms_readdir *query, struct dfs_writer *entries,
	       u8 *ret_end, u64 *ret_parent)
{
	struct dfs_row_inode directory;
	if (state->failure != 0)
		return state->failure;
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, query->ino), &directory);
	if (status != 0)
		return status == DFS_ENOENT ? DFS_ESTALE : status;
	if (!ms_is_directory(&directory))
		return DFS_ENOTDIR;
	DFS_ASSERT(entries->buf->length == 0);
	u32 bytes_max = dfs_min(query->bytes_max, BYTES_MAX);
	u8 end = 1;
	if (query->cookie < UINT64_MAX && directory.entries > 0) {
		struct ms_scan scan;
		ms_scan_begin(&scan, state, ms_key2(MS_TABLE_DENTRY, query->ino, query->cookie + 1),
			      ms_key1(MS_TABLE_DENTRY, query->ino + 1));
		while (status == 0 && ms_scan_next(&scan)) {
			struct dfs_row_dentry row;
			if (entries->items > 0 && (entries->buf->length >= bytes_max ||
						   entries->items >= DFS_DIRENTS_MAX)) {
				end = 0;
				break;
			}
			status = ms_row_dentry_open(state, scan.value, &row);
			if (status == 0 && row.ino != 0)
				status = put_entry(state, &scan, &row, query->attributes, entries);
		}
		int scan_status = ms_scan_end(&scan);
		if (status == 0)
			status = scan_status;
	}
	if (status != 0)
		return status;
	*ret_end = end;
	*ret_parent = directory.parent;
	return 0;
}
