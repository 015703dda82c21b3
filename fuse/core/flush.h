/*
 * Making a file's data safe: wait until every write up to now is stored and committed, and, for
 * fsync, synced on every chunkserver that took some of it. The write-back itself belongs to the
 * inode and goes on whether or not somebody waits; a flush only wants it and hears of its end.
 */
#ifndef CL_FLUSH_H
#define CL_FLUSH_H

#include "fuse/core/write_behind.h"

enum cl_flush_state {
	CL_FLUSH_IDLE,
	CL_FLUSH_STORING,   /* Waits for WRITE_REPLYs of everything up to `target`. */
	CL_FLUSH_FINISHING, /* Waits for COMMIT, and for SYNCs up to `sync_target`, side by side. */
};

struct cl_flush {
	struct dfs_list in_inode; /* inode.flushes */
	enum cl_flush_state state;
	struct cl_inode *inode;
	bool sync;
	u64 target;      /* inode.write_seq when it began. */
	u64 sync_target; /* inode.stored_count when all of it was stored. */
	/* Called once at the end, from cl_inodes_work. Failures are in inode.error. */
	void (*done)(struct cl *cl, struct cl_flush *flush);
};

/* The flush holds a reference of the inode until it ends. */
void cl_flush_start(struct cl *cl, struct cl_flush *flush, struct cl_inode *inode, bool sync,
		    void (*done)(struct cl *cl, struct cl_flush *flush));
/* Stop waiting; `done` is not called. Harmless when idle. */
void cl_flush_cancel(struct cl *cl, struct cl_flush *flush);
void cl_flushes_work(struct cl *cl, struct cl_inode *inode);
/* At the very end: those that nobody waits for. */
void cl_flushes_end(struct cl *cl, struct cl_inode *inode);
/* What was stored must be written again: those that waited for COMMIT start over. */
void cl_flushes_restart(struct cl_inode *inode);

/* commit.c */
void cl_commit_work(struct cl *cl, struct cl_inode *inode);
/* sync.c */
void cl_sync_work(struct cl *cl, struct cl_inode *inode);
/* Everything stored up to `target` is synced. */
bool cl_sync_reached(const struct cl_inode *inode, u64 target);
/* A chunkserver's machine was started anew: what it had not synced may be lost. */
void cl_sync_boot(struct cl *cl, const struct cl_server *server);
/* Forget SYNCs under way. */
void cl_sync_cancel(struct cl *cl, struct cl_inode *inode);

#endif
