/*
 * Counting, and limits: see quota.h.
 *
 * A row that says nothing (no use, no limits) is deleted. Time comes with the operation, so soft
 * limits run out at the same moment on every replica.
 */
#include "master/core/quota.h"

#include "master/core/txn.h"

#include <stdlib.h>

void ms_quotas_init(struct ms_state *state)
{
	dfs_list_init(&state->quotas_in_order);
	dfs_list_init(&state->quotas_free);
}

void ms_quotas_forget(struct ms_state *state)
{
	dfs_list_for_each_safe (node, &state->quotas_in_order) {
		struct ms_quota *quota = dfs_list_entry(node, struct ms_quota, in_order);
		dfs_map_remove(&state->quotas, &quota->by_key);
		dfs_list_remove(&quota->in_order);
		dfs_list_push_back(&state->quotas_free, &quota->in_order);
	}
}

void ms_quotas_fini(struct ms_state *state)
{
	ms_quotas_forget(state);
	dfs_list_for_each_safe (node, &state->quotas_free) {
		struct ms_quota *quota = dfs_list_entry(node, struct ms_quota, in_order);
		dfs_list_remove(&quota->in_order);
		free(quota);
	}
	dfs_map_fini(&state->quotas);
}

struct ms_owned ms_owned_of(const struct dfs_row_inode *row)
{
	return (struct ms_owned){.inodes = 1,
				 .bytes = row->allocated,
				 .tree = row->tree,
				 .uid = row->uid,
				 .gid = row->gid};
}

int ms_quota_read(struct ms_state *state, u8 kind, u64 id, struct dfs_row_quota *ret_row)
{
	return ms_row_quota_get(state, ms_key2(MS_TABLE_QUOTA, kind, id), ret_row);
}

static struct ms_quota *quota_new(struct ms_state *state)
{
	struct ms_quota *quota;
	if (dfs_list_empty(&state->quotas_free)) {
		quota = malloc(sizeof(*quota));
		DFS_ASSERT(quota != NULL);
	} else {
		quota = dfs_list_first(&state->quotas_free, struct ms_quota, in_order);
		dfs_list_remove(&quota->in_order);
	}
	memset(quota, 0, sizeof(*quota));
	dfs_list_init(&quota->in_order);
	return quota;
}

int ms_quota_get(struct ms_state *state, u8 kind, u64 id, struct ms_quota **ret_quota)
{
	/* Inode numbers count from 1, and no file system gets to the two highest bits. */
	u64 key = id << 2 | kind;
	struct dfs_row_quota row = {0};
	struct dfs_map_node *found = dfs_map_find(&state->quotas, key);
	if (found != NULL) {
		*ret_quota = dfs_map_entry(found, struct ms_quota, by_key);
		return (*ret_quota)->id == id ? 0 : ms_fail(state, DFS_ECORRUPT);
	}
	int status = ms_quota_read(state, kind, id, &row);
	if (status != 0 && status != DFS_ENOENT)
		return status;
	struct ms_quota *quota = quota_new(state);
	quota->kind = kind;
	quota->id = id;
	quota->stored = status == 0;
	quota->bytes_before = row.bytes;
	quota->inodes_before = row.inodes;
	quota->row = row;
	dfs_map_insert(&state->quotas, &quota->by_key, key);
	dfs_list_push_back(&state->quotas_in_order, &quota->in_order);
	*ret_quota = quota;
	return 0;
}

/* Miscounted rows, which a check names and mends, must not become huge ones meanwhile. */
static u64 less(u64 from, u64 what)
{
	return from - dfs_min(from, what);
}

static int add(struct ms_state *state, u8 kind, u64 id, const struct ms_owned *what, bool more)
{
	struct ms_quota *quota;
	int status = ms_quota_get(state, kind, id, &quota);
	if (status != 0)
		return status;
	struct dfs_row_quota *row = &quota->row;
	row->bytes = more ? row->bytes + what->bytes : less(row->bytes, what->bytes);
	row->inodes = more ? row->inodes + what->inodes : less(row->inodes, what->inodes);
	return 0;
}

/* From this tree on outwards. LIMITS and TAKE_IN see to it that there are not too many. */
static int add_trees(struct ms_state *state, u64 tree, const struct ms_owned *what, bool more)
{
	int status = 0;
	for (u32 depth = 0; status == 0 && tree != 0 && depth < DFS_QUOTA_DEPTH_MAX; depth++) {
		struct ms_quota *quota;
		status = add(state, DFS_QUOTA_TREE, tree, what, more);
		if (status == 0)
			status = ms_quota_get(state, DFS_QUOTA_TREE, tree, &quota);
		if (status == 0)
			tree = quota->row.outer;
	}
	return status;
}

static int add_all(struct ms_state *state, const struct ms_owned *what, bool more)
{
	if (what->inodes == 0)
		return 0;
	int status = add(state, DFS_QUOTA_USER, what->uid, what, more);
	if (status == 0)
		status = add(state, DFS_QUOTA_GROUP, what->gid, what, more);
	if (status == 0)
		status = add_trees(state, what->tree, what, more);
	return status;
}

int ms_quota_move(struct ms_state *state, const struct ms_owned *from, const struct ms_owned *to)
{
	bool same = from->inodes == to->inodes && from->bytes == to->bytes &&
		    from->tree == to->tree && from->uid == to->uid && from->gid == to->gid;
	if (same)
		return 0;
	int status = add_all(state, to, true);
	return status == 0 ? add_all(state, from, false) : status;
}

int ms_quota_move_tree(struct ms_state *state, const struct dfs_row_quota *tree, u64 from, u64 to)
{
	struct ms_owned all = {.inodes = tree->inodes, .bytes = tree->bytes};
	int status = add_trees(state, to, &all, true);
	return status == 0 ? add_trees(state, from, &all, false) : status;
}

u64 ms_quota_left(u64 used, u64 soft, u64 hard, bool grace_over)
{
	if (soft != 0 && used > soft && grace_over)
		return 0;
	return hard == 0 ? UINT64_MAX : less(hard, used);
}

static bool exceeds(const struct ms_quota *quota, bool bytes, nsec wall)
{
	const struct dfs_row_quota *row = &quota->row;
	u64 before = bytes ? quota->bytes_before : quota->inodes_before;
	u64 now = bytes ? row->bytes : row->inodes;
	u64 soft = bytes ? row->bytes_soft : row->inodes_soft;
	u64 hard = bytes ? row->bytes_hard : row->inodes_hard;
	u64 since = bytes ? row->bytes_since : row->inodes_since;
	if (now <= before)
		return false;
	if (hard != 0 && now > hard)
		return true;
	/* Without grace a soft limit is a hard one. */
	bool over = row->grace == 0 || ms_quota_grace_over(row, since, wall);
	return soft != 0 && now > soft && over;
}

/* Restoring is the leader's operation, in the name of somebody whom limits are meant for. */
static bool is_limited(const struct ms_op *op)
{
	if (op->op >= DFS_OP_FROM_LEADER)
		return op->op == DFS_OP_RESTORE || op->op == DFS_OP_REMAKE;
	return op->op != DFS_OP_COMMIT;
}

int ms_quota_check(struct ms_state *state, const struct ms_op *op)
{
	if (!is_limited(op))
		return 0;
	dfs_list_for_each (node, &state->quotas_in_order) {
		const struct ms_quota *quota = dfs_list_entry(node, struct ms_quota, in_order);
		if (exceeds(quota, true, op->wall) || exceeds(quota, false, op->wall))
			return DFS_EDQUOT;
	}
	return 0;
}

static bool says_nothing(const struct dfs_row_quota *row)
{
	return row->bytes == 0 && row->inodes == 0 && row->bytes_soft == 0 &&
	       row->bytes_hard == 0 && row->inodes_soft == 0 && row->inodes_hard == 0;
}

static void follow_soft(u64 used, u64 soft, nsec wall, u64 *since)
{
	bool over = soft != 0 && used > soft;
	if (!over)
		*since = 0;
	else if (*since == 0)
		*since = wall;
}

void ms_quotas_put(struct ms_state *state, nsec wall)
{
	dfs_list_for_each (node, &state->quotas_in_order) {
		struct ms_quota *quota = dfs_list_entry(node, struct ms_quota, in_order);
		struct dfs_row_quota *row = &quota->row;
		struct ms_key key = ms_key2(MS_TABLE_QUOTA, quota->kind, quota->id);
		follow_soft(row->bytes, row->bytes_soft, wall, &row->bytes_since);
		follow_soft(row->inodes, row->inodes_soft, wall, &row->inodes_since);
		if (!says_nothing(row))
			ms_row_quota_put(state, key, row);
		else if (quota->stored)
			ms_row_delete(state, key);
	}
}

void ms_quota_end(struct ms_state *state, u64 tree)
{
	struct ms_quota *quota;
	if (ms_quota_get(state, DFS_QUOTA_TREE, tree, &quota) != 0)
		return; /* The state has failed: apply.c sees. */
	quota->row.bytes_soft = quota->row.bytes_hard = 0;
	quota->row.inodes_soft = quota->row.inodes_hard = 0;
	quota->row.state = DFS_QUOTA_ENDING;
}

int ms_quota_enter(struct ms_state *state, struct ms_inode *inode, const struct ms_inode *directory)
{
	u64 tree = inode->row.tree;
	if (tree == inode->ino) { /* It moves as a whole, and stays inside the same one. */
		struct ms_quota *quota;
		int status = ms_quota_get(state, DFS_QUOTA_TREE, tree, &quota);
		if (status != 0)
			return status;
		if (quota->row.outer == directory->row.tree)
			return 0;
		if (inode->row.nlink > 0)
			return DFS_EXDEV;
		/* From the trash: its tree ended with it, and nothing has a name in it. */
	}
	if (tree == directory->row.tree)
		return 0;
	/* Programs copy then: the other names, or all below, would count where they are not. */
	bool alone = ms_is_directory(&inode->row) ? inode->row.entries == 0 : inode->row.nlink <= 1;
	if (!alone)
		return DFS_EXDEV;
	inode->row.tree = directory->row.tree;
	return 0;
}
