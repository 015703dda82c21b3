/*
 * What the two halves of ms_state_check share: check.c looks at each table's rows, check_inodes.c
 * at what they add up to.
 */
#ifndef DFS_MASTER_CHECK_I_H
#define DFS_MASTER_CHECK_I_H

#include "master/core/txn.h"

/* One inode, and what other tables say about it. */
struct check_inode {
	struct dfs_map_node node;
	struct dfs_row_inode row;
	u64 names;
	u64 named_in; /* Of a directory: the parent its name is in. */
	u64 entries;
	u64 subdirectories;
	u64 chunks;
	u64 allocated;
	u64 xattrs_names_bytes;
	u64 xattrs_bytes;
	u8 acls;
	bool orphan;
	bool symlink;
	bool cut;
	bool reached; /* Its directories lead up to the root. */
};

struct check {
	struct ms_state *state;
	struct dfs_text *reason;
	struct dfs_map inodes;
	u64 chunks;
	u64 garbage;
	u64 sessions;
	u64 trims;
	u64 bounds;       /* Map rows with a bound: each has a trim row. */
	u64 empty_parent; /* An empty dentry row, which another must follow. */
	u64 empty_cookie; /* 0: none before this row. */
};

/* Say what is wrong: DFS_ECORRUPT. */
__attribute__((format(printf, 2, 3))) int check_wrong(struct check *check, const char *format, ...);
/* NULL when there is no such inode. */
struct check_inode *check_find(const struct check *check, u64 ino);

/* One row of a table about chunks, inodes having been seen. */
int check_see_map(struct check *check, const struct ms_scan *scan);
int check_see_chunk(struct check *check, const struct ms_scan *scan);
int check_see_garbage(struct check *check, const struct ms_scan *scan);
int check_see_trim(struct check *check, const struct ms_scan *scan);
int check_see_cut(struct check *check, const struct ms_scan *scan);

/* Once all rows have been seen. */
int check_inodes(struct check *check);

#endif
