/*
 * What the files of `dfs trash` share.
 *
 *   cmd_trash.c      the paths that were named become inodes; then one of:
 *   trash_keep.c     on, off, show: SET_TRASH of a directory and of those below it
 *   trash_gather.c   LIST_TRASH page by page, for list, restore and empty
 *   trash_restore.c  RECOVER of one thing after another
 *   trash_view.c     what is printed
 */
#ifndef DFS_ADMIN_TRASH_I_H
#define DFS_ADMIN_TRASH_I_H

#include "admin/core/resolve.h"

/* Something in the trash. */
struct trash_row {
	struct dfs_trash_key key;
	u64 deleted;
	u64 size;
	u64 allocated;
	u32 mode;
	u32 uid;
	bool cut;
	u32 path_bytes;
	char *path; /* With a NUL behind it, which it may also hold. */
};

enum trash_phase {
	TRASH_TO,        /* Resolves --to. */
	TRASH_DIRECTORY, /* on, off, show: resolves the directory. */
	TRASH_KEEPING,
	TRASH_LISTING,
	TRASH_EMPTYING, /* EMPTY_TRASH of one page. */
	TRASH_RESTORING,
};

struct trash {
	enum trash_phase phase;
	struct ad_resolve resolve;
	u64 since; /* Only what was deleted after this moment. */
	/* KEEPING: directories whose turn has not come. */
	u64 *directories;
	u32 directories_count;
	u32 directories_capacity;
	u32 waiting; /* Questions under way; also RESTORING. */
	u64 kept_count;
	u32 keep_s; /* show */
	/* LISTING */
	struct trash_row *rows;
	u32 rows_count;
	u32 rows_capacity;
	u64 dropped_count; /* Rows seen before those: too many for memory, or for the reader. */
	struct dfs_trash_key next;
	bool end;
	/* EMPTYING */
	u64 emptied_count;
	u64 emptied_bytes;
	/* RESTORING */
	u64 to_parent;
	struct dfs_span to_name;
	u32 at;
	u32 older_count; /* Versions that stay in the trash. */
	u32 restored_count;
	u32 made_count; /* Directories above that came back, or were made. */
	u32 failed_count;
};

/* cmd_trash.c: the whole work has failed. */
void trash_fail(struct ad *ad, const struct ad_answer *answer, int status, const char *what);

/* Each begins its phase, and takes the answers to what it asked. */
void trash_keep_start(struct ad *ad, u64 ino, struct dfs_fxs *fxs);
void trash_keep_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs);
void trash_gather_start(struct ad *ad, struct dfs_fxs *fxs);
void trash_gather_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs);
void trash_restore_start(struct ad *ad, struct dfs_fxs *fxs);
void trash_restore_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs);

/* trash_view.c */
void trash_print_list(struct ad *ad);
void trash_print_kept(struct ad *ad);
void trash_print_emptied(struct ad *ad);
void trash_print_restored(struct ad *ad);

#endif
