/*
 * Names in directories: where a name's row is, or would be. One get in all but freak cases.
 *
 * The row's position is the READDIR cookie: 01 | 55 bits of the name's hash | 7 bits of slot, so
 * cookies are at least 2^62, fit into a signed 64-bit off_t, and never move while the name exists.
 * Names with equal hashes fill slots 0, 1, 2 …: a row's `more` says that the next slot is worth a
 * look, and a row that is removed before the end of its chain stays as an empty one (ino 0).
 */
#ifndef DFS_MASTER_DENTRY_H
#define DFS_MASTER_DENTRY_H

#include "master/core/state_i.h"

#define MS_COOKIE_FIRST (UINT64_C(1) << 62)
#define MS_COOKIE_SLOTS 128u

struct ms_dentry {
	u64 parent;
	u64 cookie; /* Of the row; when the name is absent, of the row to be made. 0: no slot is
		       free. */
	u64 ino;    /* 0: absent. */
	u32 type;   /* S_IFMT of the inode. */
	u8 more;    /* As the row has it, or must have it. */
	bool chain; /* The row to be made extends a chain: the row before it must say so. */
};

/* DFS_EINVAL unless this may be a name: 1 to 255 bytes, no `/`, no NUL, not `.` or `..`. */
int ms_name_check(struct dfs_span name);
u64 ms_name_cookie(const struct ms_state *state, struct dfs_span name);

/* 0 and the name's row; DFS_ENOENT and the place for it; or the store's failure. */
int ms_dentry_find(struct ms_state *state, u64 parent, struct dfs_span name,
		   struct ms_dentry *ret_dentry);
/* Make the row of a name that find did not find (0, DFS_ENOSPC, failure), or overwrite one it
 * found. */
int ms_dentry_put(struct ms_state *state, const struct ms_dentry *dentry, struct dfs_span name);
/* Remove a row that find found. */
int ms_dentry_remove(struct ms_state *state, const struct ms_dentry *dentry);

#endif
