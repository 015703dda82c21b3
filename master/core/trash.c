/*
 * Into the trash and out of it, and what things there were called: see trash.h.
 */
#include "master/core/trash.h"

bool ms_trash_keeps(const struct ms_inode *inode, const struct ms_named_in *was)
{
	u32 mode = inode->row.mode;
	if (was == NULL || was->parent->row.keep_s == 0)
		return false;
	return S_ISREG(mode) || S_ISLNK(mode) || S_ISDIR(mode);
}

/* One component more in front. False when there is no room for all of it. */
static bool prepend(struct ms_path *path, struct dfs_span name)
{
	u32 room = path->at;
	u32 bytes = dfs_min(name.length + 1, room);
	path->at -= bytes;
	if (bytes <= name.length) {
		memcpy(path->bytes + path->at, name.data + (name.length - bytes), bytes);
		return false;
	}
	path->bytes[path->at] = '/';
	if (name.length > 0)
		memcpy(path->bytes + path->at + 1, name.data, name.length);
	return true;
}

/* From a directory up to the root by each one's place. Where the tables are damaged the path just
 * ends: that is the checker's business, and no reason to stop deleting files. */
static int climb(struct ms_state *state, u64 ino, struct dfs_row_inode row,
		 struct ms_path *ret_path)
{
	while (!ret_path->cut && ino != DFS_INO_ROOT) {
		struct dfs_row_dentry dentry;
		struct ms_key key = ms_key2(MS_TABLE_DENTRY, row.parent, row.place);
		int status = ms_row_dentry_get(state, key, &dentry);
		if (status == 0 && dentry.ino != ino)
			status = DFS_ENOENT;
		if (status == 0)
			ret_path->cut = !prepend(ret_path, dentry.name);
		ino = row.parent;
		if (status == 0)
			status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, ino), &row);
		if (status != 0 && status != DFS_ENOENT)
			return status;
		if (status != 0)
			ret_path->cut = true;
	}
	return 0;
}

int ms_path_of(struct ms_state *state, u64 ino, struct ms_path *ret_path)
{
	struct dfs_row_inode row;
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, ino), &row);
	if (status != 0)
		return status;
	ret_path->at = sizeof(ret_path->bytes);
	ret_path->cut = ino == DFS_INO_ROOT && !prepend(ret_path, dfs_span_text(""));
	return row.nlink == 0 ? 0 : climb(state, ino, row, ret_path);
}

int ms_path_find(struct ms_state *state, const struct ms_inode *parent, struct dfs_span name,
		 struct ms_path *ret_path)
{
	ret_path->at = sizeof(ret_path->bytes);
	ret_path->cut = !prepend(ret_path, name);
	return climb(state, parent->ino, parent->row, ret_path);
}

int ms_trash_take(struct ms_state *state, const struct ms_op *op, struct ms_inode *inode,
		  const struct ms_named_in *was, struct ms_result *result)
{
	struct ms_path path;
	int status = ms_path_find(state, was->parent, was->name, &path);
	if (status != 0)
		return status;
	struct dfs_row_trash row = {
	    .deleted = op->wall,
	    .parent = was->parent->ino,
	    .uid = op->uid,
	    .cut = path.cut,
	    .path = ms_path_span(&path),
	};
	inode->row.expires = op->wall + was->parent->row.keep_s * DFS_SEC;
	inode->dirty = true;
	ms_row_trash_put(state, ms_key2(MS_TABLE_TRASH, inode->row.expires, inode->ino), &row);
	state->counters.trash++;
	result->expires = inode->row.expires;
	return 0;
}

void ms_trash_release(struct ms_state *state, struct ms_inode *inode)
{
	DFS_ASSERT(inode->row.expires != 0);
	ms_row_delete(state, ms_key2(MS_TABLE_TRASH, inode->row.expires, inode->ino));
	inode->row.expires = 0;
	inode->dirty = true;
	state->counters.trash--;
}
