/*
 * Quotas: what users, groups and trees are said to use, against what the inodes add up to. Trees
 * are added up outwards at the end, when it is known which is inside which.
 */
#include "master/core/check_i.h"

#include <stdlib.h>

static struct check_quota *quota_get(struct ms_check *check, u8 kind, u64 id)
{
	u64 key = id << 2 | kind;
	struct dfs_map_node *node = dfs_map_find(&check->quotas, key);
	if (node != NULL)
		return dfs_map_entry(node, struct check_quota, node);
	struct check_quota *quota = calloc(1, sizeof(*quota));
	DFS_ASSERT(quota != NULL);
	quota->kind = kind;
	quota->id = id;
	dfs_map_insert(&check->quotas, &quota->node, key);
	return quota;
}

static void count(struct ms_check *check, u8 kind, u64 id, const struct dfs_row_inode *row)
{
	struct check_quota *quota = quota_get(check, kind, id);
	quota->own_bytes += row->allocated;
	quota->own_inodes++;
}

void check_count_inode(struct ms_check *check, const struct dfs_row_inode *row)
{
	count(check, DFS_QUOTA_USER, row->uid, row);
	count(check, DFS_QUOTA_GROUP, row->gid, row);
	if (row->tree != 0)
		count(check, DFS_QUOTA_TREE, row->tree, row);
}

void check_see_quota(struct ms_check *check, u64 kind, u64 id, const struct dfs_row_quota *row)
{
	if (kind < DFS_QUOTA_USER || kind > DFS_QUOTA_TREE) {
		check_wrong(check, MS_FAULT_ROW_DAMAGED, MS_TABLE_QUOTA, kind, 0, 0);
		return;
	}
	struct check_quota *quota = quota_get(check, (u8)kind, id);
	quota->row = true;
	quota->noted_bytes = row->bytes;
	quota->noted_inodes = row->inodes;
	quota->outer = kind == DFS_QUOTA_TREE ? row->outer : 0;
}

static bool is_tree(const struct ms_check *check, u64 tree)
{
	struct dfs_map_node *node = dfs_map_find(&check->quotas, tree << 2 | DFS_QUOTA_TREE);
	return node != NULL && dfs_map_entry(node, struct check_quota, node)->row;
}

/* For itself and for all around it: as quota.c counts. */
static void add_up(struct ms_check *check, const struct check_quota *quota)
{
	u64 at = quota->id;
	for (u32 depth = 0; depth == 0 || (at != 0 && depth < DFS_QUOTA_DEPTH_MAX); depth++) {
		struct dfs_map_node *node = dfs_map_find(&check->quotas, at << 2 | quota->kind);
		if (node == NULL)
			return;
		struct check_quota *around = dfs_map_entry(node, struct check_quota, node);
		around->bytes += quota->own_bytes;
		around->inodes += quota->own_inodes;
		at = around->outer;
	}
}

static void compare(struct ms_check *check, enum ms_fault fault, const struct check_quota *quota,
		    u64 noted, u64 found)
{
	if (noted != found)
		check_wrong(check, fault, quota->id, quota->kind, noted, found);
}

static void check_trees_of_inodes(struct ms_check *check)
{
	struct dfs_map_node *node = NULL;
	while ((node = dfs_map_next(&check->inodes, node)) != NULL) {
		const struct check_inode *inode = dfs_map_entry(node, struct check_inode, node);
		if (inode->tree == 0 || is_tree(check, inode->tree))
			continue;
		const struct check_inode *directory = check_find(check, inode->named_in);
		u64 found =
		    directory == NULL || !is_tree(check, directory->tree) ? 0 : directory->tree;
		check_wrong(check, MS_FAULT_TREE_UNKNOWN, node->key, 0, inode->tree, found);
	}
}

void check_quotas(struct ms_check *check)
{
	struct dfs_map_node *node = NULL;
	check_trees_of_inodes(check);
	while ((node = dfs_map_next(&check->quotas, node)) != NULL)
		add_up(check, dfs_map_entry(node, struct check_quota, node));
	while ((node = dfs_map_next(&check->quotas, node)) != NULL) {
		const struct check_quota *quota = dfs_map_entry(node, struct check_quota, node);
		if (quota->kind == DFS_QUOTA_TREE && !quota->row)
			continue; /* Its inodes were named. */
		compare(check, MS_FAULT_QUOTA_BYTES, quota, quota->noted_bytes, quota->bytes);
		compare(check, MS_FAULT_QUOTA_INODES, quota, quota->noted_inodes, quota->inodes);
	}
}
