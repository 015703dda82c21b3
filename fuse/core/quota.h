/*
 * Quotas, as far as this mount must know of them: how much the files of one user, group and tree
 * may still grow, and by how much they will once everything written here is committed. The master
 * takes each COMMIT, since its bytes are stored already, so it is here that writing ends: write(2)
 * fails with EDQUOT when the master, asked anew, has no room for it.
 *
 * Another mount may use the same room up meanwhile. So a limit can be exceeded, by no more than
 * each mount holds uncommitted at that moment: at most its write-behind buffer. Every COMMIT that
 * is answered says what is left, to all files that count alike.
 */
#ifndef CL_QUOTA_H
#define CL_QUOTA_H

#include "fuse/core/write_behind.h"

struct cl_task;

/* Files that count alike. Only those of which the master told a limit have one. */
struct cl_quota {
	struct dfs_list in_all;
	u32 uid;
	u32 gid;
	u64 tree;
	u32 refs;   /* Inodes. */
	u64 room;   /* As the master said last. */
	u64 growth; /* Of its inodes. */
};

/* The master says how much a file may grow. */
void cl_quota_told(struct cl *cl, struct cl_inode *inode, const struct dfs_room *room);
void cl_quota_leave(struct cl_inode *inode);
/* A write that goes up to `end`, an offset of the file, went into the target. */
void cl_quota_wrote(struct cl_target *target, u64 end);
/* What is uncommitted of it, or what is known of its chunk, has changed. */
void cl_quota_recount(struct cl_target *target);
/* Is there room for a write? Chunks of which it is not known how long they are count as if the file
 * had nothing of them. */
bool cl_quota_allows(const struct cl_inode *inode, u64 offset, u32 bytes);
/* One that the write goes into is such a chunk: nobody who overwrites what is there is to be
 * refused, so the map has to be asked first. */
bool cl_quota_unknown(const struct cl_inode *inode, u64 offset, u32 bytes, u64 *ret_index);
/* By how much the file grows, at most, when so much of a chunk of its is in use. */
u64 cl_quota_growth(const struct cl_inode *inode, u64 index, u64 length);
/* Room beyond what is written. */
u64 cl_quota_left(const struct cl_inode *inode);
/* Ask the master anew (STATFS); the task's flow gets the answer. */
void cl_quota_ask(struct cl *cl, struct cl_task *task);

#endif
