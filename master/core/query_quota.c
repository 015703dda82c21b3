/*
 * Questions about quotas: what a file may still take, what a tree shows as its size, what an
 * operator is told.
 */
#include "master/core/quota.h"
#include "master/core/trash.h"

static int read(struct ms_state *state, u8 kind, u64 id, struct dfs_row_quota *ret_row)
{
	*ret_row = (struct dfs_row_quota){0};
	int status = ms_quota_read(state, kind, id, ret_row);
	return status == DFS_ENOENT ? 0 : status;
}

static u64 bytes_left(const struct dfs_row_quota *row, nsec wall)
{
	bool over = ms_quota_grace_over(row, row->bytes_since, wall);
	/* Without grace a soft limit is a hard one. */
	u64 hard = row->grace == 0 && row->bytes_soft != 0 ? row->bytes_soft : row->bytes_hard;
	return ms_quota_left(row->bytes, row->bytes_soft, hard, over);
}

int ms_room_of(struct ms_state *state, u64 ino, nsec wall, struct dfs_room *ret_room)
{
	struct dfs_row_inode inode;
	struct dfs_row_quota user, group;
	if (state->failure != 0)
		return state->failure;
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, ino), &inode);
	if (status == DFS_ENOENT)
		return DFS_ESTALE;
	if (status == 0)
		status = read(state, DFS_QUOTA_USER, inode.uid, &user);
	if (status == 0)
		status = read(state, DFS_QUOTA_GROUP, inode.gid, &group);
	if (status != 0)
		return status;
	u64 left = dfs_min(bytes_left(&user, wall), bytes_left(&group, wall));
	u64 tree = inode.tree;
	for (u32 depth = 0; tree != 0 && depth < DFS_QUOTA_DEPTH_MAX; depth++) {
		struct dfs_row_quota row;
		status = read(state, DFS_QUOTA_TREE, tree, &row);
		if (status != 0)
			return status;
		left = dfs_min(left, bytes_left(&row, wall));
		tree = row.outer;
	}
	*ret_room = (struct dfs_room){.tree = inode.tree, .bytes = left};
	return 0;
}

/* What a limit shows as size, and what is left of it. */
static void narrow(u64 used, u64 soft, u64 hard, u64 *limit, u64 *left)
{
	u64 shown = hard != 0 ? hard : soft;
	if (shown == 0)
		return;
	*limit = dfs_min(*limit, shown);
	*left = dfs_min(*left, shown - dfs_min(shown, used));
}

int ms_tree_space(struct ms_state *state, u64 ino, struct ms_tree_space *ret_space)
{
	struct dfs_row_inode inode;
	struct ms_tree_space space = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
	if (state->failure != 0)
		return state->failure;
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, ino), &inode);
	u64 tree = status == 0 ? inode.tree : 0;
	if (status == DFS_ENOENT)
		status = 0;
	for (u32 depth = 0; status == 0 && tree != 0 && depth < DFS_QUOTA_DEPTH_MAX; depth++) {
		struct dfs_row_quota row;
		status = read(state, DFS_QUOTA_TREE, tree, &row);
		if (status != 0)
			break;
		narrow(row.bytes, row.bytes_soft, row.bytes_hard, &space.bytes, &space.bytes_left);
		narrow(row.inodes, row.inodes_soft, row.inodes_hard, &space.inodes,
		       &space.inodes_left);
		tree = row.outer;
	}
	*ret_space = space;
	return status;
}

static u64 seconds_left(const struct dfs_row_quota *row, u64 since, nsec wall)
{
	u64 gone = wall <= since ? 0 : (wall - since) / DFS_SEC;
	return since == 0 ? UINT64_MAX : row->grace - dfs_min((u64)row->grace, gone);
}

static int put_quota(struct ms_state *state, u8 kind, u64 id, const struct dfs_row_quota *row,
		     nsec wall, struct dfs_writer *quotas)
{
	struct ms_path path = {.at = sizeof(path.bytes)};
	int status = kind == DFS_QUOTA_TREE ? ms_path_of(state, id, &path) : 0;
	if (status != 0 && status != DFS_ENOENT)
		return status;
	struct dfs_quota quota = {
	    .kind = kind,
	    .id = id,
	    .bytes = row->bytes,
	    .inodes = row->inodes,
	    .bytes_soft = row->bytes_soft,
	    .bytes_hard = row->bytes_hard,
	    .inodes_soft = row->inodes_soft,
	    .inodes_hard = row->inodes_hard,
	    .grace = row->grace,
	    .bytes_left = seconds_left(row, row->bytes_since, wall),
	    .inodes_left = seconds_left(row, row->inodes_since, wall),
	    .outer = row->outer,
	    .state = row->state,
	    .path = ms_path_span(&path),
	};
	dfs_quota_put(quotas, &quota);
	return 0;
}

int ms_quotas(struct ms_state *state, const struct dfs_quotas *query, nsec wall,
	      struct dfs_writer *quotas, bool *ret_end)
{
	bool trees = query->kind == DFS_QUOTA_TREE;
	u32 max = dfs_min(query->count, (u32)(trees ? DFS_QUOTAS_TREES_MAX : DFS_QUOTAS_MAX));
	int status = 0;
	bool more = true;
	if (state->failure != 0)
		return state->failure;
	struct ms_scan scan;
	ms_scan_begin(&scan, state, ms_key2(MS_TABLE_QUOTA, query->kind, query->from),
		      ms_key1(MS_TABLE_QUOTA, (u64)query->kind + 1));
	while (status == 0 && quotas->items < max && (more = ms_scan_next(&scan))) {
		struct dfs_row_quota row;
		u64 id = ms_key_second(scan.key);
		status = ms_row_quota_open(state, scan.value, &row);
		if (status == 0)
			status = put_quota(state, query->kind, id, &row, wall, quotas);
	}
	int scan_status = ms_scan_end(&scan);
	*ret_end = !more;
	return status != 0 ? status : scan_status;
}
