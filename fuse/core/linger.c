/*
 * Files that nobody uses any more, but whose last writes no SYNC has covered: they are remembered
 * for half a minute. Should the chunkserver's machine lose power meanwhile, whoever opens the file
 * next and calls fsync hears of it, as on a local disk; an unmount makes them safe; and when their
 * time is over, a SYNC does. At the master nothing is held for them.
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>

#define LINGER_TIME (30 * DFS_SEC)

enum {
	LINGER_MAX = 8192,  /* Beyond it the oldest are synced early, */
	FORGET_MAX = 16384, /* and beyond this forgotten: a server is away. */
	SYNCING_MAX = 64,
};

static bool safe(const struct cl_inode *inode)
{
	return cl_sync_reached(inode, inode->stored_count) &&
	       inode->errors_told == inode->errors_count;
}

static void on_timer(struct cl *cl, struct cl_timer *timer)
{
	(void)timer;
	cl_linger_work(cl);
}

void cl_linger_leave(struct cl *cl, struct cl_inode *inode)
{
	if (dfs_list_empty(&inode->in_linger))
		return;
	dfs_list_remove(&inode->in_linger);
	cl->lingering_count--;
}

bool cl_linger(struct cl *cl, struct cl_inode *inode)
{
	if (inode->expired || safe(inode))
		return false;
	if (!dfs_list_empty(&inode->in_linger))
		return true;
	inode->linger_until = cl->now + LINGER_TIME;
	dfs_list_push_back(&cl->lingering, &inode->in_linger);
	cl->lingering_count++;
	if (!cl_timer_armed(&cl->linger_timer) || cl->lingering_count > LINGER_MAX)
		cl_timer_set(cl, &cl->linger_timer,
			     cl->lingering_count > LINGER_MAX ? cl->now : inode->linger_until,
			     on_timer);
	return true;
}

static void on_synced(struct cl *cl, struct cl_flush *flush)
{
	cl->linger_syncs--;
	flush->inode->expired = true;
	cl_inode_touch(cl, flush->inode);
	free(flush);
	if (!cl_timer_armed(&cl->linger_timer))
		cl_timer_set(cl, &cl->linger_timer, cl->now, on_timer);
}

/* Its time is over: sync it, or, with only an error to tell, let it go. */
static void expire(struct cl *cl, struct cl_inode *inode)
{
	cl_linger_leave(cl, inode);
	cl_inode_touch(cl, inode);
	if (cl_sync_reached(inode, inode->stored_count)) {
		inode->expired = true;
		return;
	}
	struct cl_flush *flush = calloc(1, sizeof(*flush));
	DFS_ASSERT(flush != NULL);
	cl->linger_syncs++;
	cl_flush_start(cl, flush, inode, true, on_synced);
}

void cl_linger_work(struct cl *cl)
{
	while (!dfs_list_empty(&cl->lingering)) {
		struct cl_inode *oldest =
		    dfs_list_first(&cl->lingering, struct cl_inode, in_linger);
		if (cl->lingering_count > FORGET_MAX) {
			cl_linger_leave(cl, oldest);
			oldest->expired = true;
			cl_inode_touch(cl, oldest);
			continue;
		}
		bool due = oldest->linger_until <= cl->now || cl->lingering_count > LINGER_MAX;
		if (!due && !cl_timer_armed(&cl->linger_timer))
			cl_timer_set(cl, &cl->linger_timer, oldest->linger_until, on_timer);
		if (!due || cl->linger_syncs >= SYNCING_MAX)
			return;
		expire(cl, oldest);
	}
}
