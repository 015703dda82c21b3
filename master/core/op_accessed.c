/*
 * ACCESSED: access times that a client has collected. Nothing else moves, neither ctime nor the
 * change counter: nobody's cache is wrong for it. A time that somebody else has set or moved since
 * the client learned it stays.
 */
#include "master/core/ops.h"

int ms_op_accessed(struct ms_state *state, const struct ms_op *op, const struct dfs_accessed *body,
		   struct ms_result *result)
{
	(void)op;
	(void)result;
	struct dfs_items items = body->inodes;
	struct dfs_accessed_item item;
	while (dfs_accessed_item_next(&items, &item)) {
		struct ms_key key = ms_key1(MS_TABLE_INODE, item.ino);
		struct dfs_row_inode row;
		int status = ms_row_inode_get(state, key, &row);
		if (status != 0 && status != DFS_ENOENT)
			return status;
		if (status != 0 || row.atime != item.known)
			continue;
		row.atime = item.atime;
		ms_row_inode_put(state, key, &row);
	}
	return 0;
}
