/*
 * Quotas: what users, groups and trees use, and what they may. Everything that has an inode row
 * counts, orphans too: one inode and its `allocated` bytes, for its user, its group, its tree and
 * the trees around that one.
 *
 * Operations know nothing of this: they change inodes, and when they are through, txn.c has the
 * difference counted and the limits looked at, once for all of an operation's inodes. So no
 * operation can forget it, and what cancels out (a file that moves between two trees inside a
 * third) is no growth. Only those that handle inode rows past txn.c call ms_quota_move()
 * themselves: PURGE, TAKE_IN.
 *
 * A tree is a directory and all that was made below it, as with the projects of XFS: an inode bears
 * the number of its tree, and new ones inherit their directory's. Read next: op_quota.c.
 */
#ifndef DFS_MASTER_QUOTA_H
#define DFS_MASTER_QUOTA_H

#include "master/core/state_i.h"

/* A quota that the operation in progress has to do with. */
struct ms_quota {
	struct dfs_map_node by_key;
	struct dfs_list in_order; /* state.quotas_in_order, or quotas_free. */
	u8 kind;                  /* enum dfs_quota_kind */
	u64 id;
	bool stored;      /* The store has a row. */
	u64 bytes_before; /* Use when the operation began: more than that is growth. */
	u64 inodes_before;
	struct dfs_row_quota row;
};

void ms_quotas_init(struct ms_state *state);
void ms_quotas_fini(struct ms_state *state);
/* Another operation begins, or this one failed. */
void ms_quotas_forget(struct ms_state *state);

struct ms_owned ms_owned_of(const struct dfs_row_inode *row);
/* An inode counted as `from`, and counts as `to` now. 0, or the store's failure. */
int ms_quota_move(struct ms_state *state, const struct ms_owned *from, const struct ms_owned *to);
/* All of a tree counts in the trees from `to` on (0: none) instead of those from `from` on. */
int ms_quota_move_tree(struct ms_state *state, const struct dfs_row_quota *tree, u64 from, u64 to);

/* May it grow so? DFS_EDQUOT, or 0. Operations of the leading master may do anything but restore
 * what has no room; COMMIT is always taken, since its bytes are on the disks: its client asked for
 * room before it took them from a program (fuse/core/quota.c). */
int ms_quota_check(struct ms_state *state, const struct ms_op *op);
/* Put all rows into the batch; grace begins and ends. */
void ms_quotas_put(struct ms_state *state, nsec wall);

/* One of the operation's; zeroed use and no limits if there is no row. */
int ms_quota_get(struct ms_state *state, u8 kind, u64 id, struct ms_quota **ret_quota);
/* The row as it is in the store: 0 or DFS_ENOENT. For questions. */
int ms_quota_read(struct ms_state *state, u8 kind, u64 id, struct dfs_row_quota *ret_row);
/* The topmost directory of a tree goes: no limits any more; what still counts in it leaves one by
 * one. */
void ms_quota_end(struct ms_state *state, u64 tree);

/* May the inode get a name in this directory? 0 when that stays in one tree, or the inode may
 * change to the directory's tree, and then it does; DFS_EXDEV. A tree that comes out of the trash
 * elsewhere than where it was is a directory like others. */
int ms_quota_enter(struct ms_state *state, struct ms_inode *inode,
		   const struct ms_inode *directory);

/* What is left until a limit: UINT64_MAX when there is none, 0 also when grace is over. */
u64 ms_quota_left(u64 used, u64 soft, u64 hard, bool grace_over);
static inline bool ms_quota_grace_over(const struct dfs_row_quota *row, u64 since, nsec wall)
{
	return since != 0 && wall >= since && wall - since >= row->grace * DFS_SEC;
}

#endif
