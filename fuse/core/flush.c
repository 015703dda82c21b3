/*
 * See flush.h. Runs from cl_inodes_work, after anything happened to the inode.
 *
 *   IDLE --start--> STORING --all stored--> FINISHING --committed, synced--> IDLE, done
 *                      ^                        |
 *                      +---- written anew ------+
 */
#include "fuse/core/client_i.h"

static void flush_move(struct cl_flush *flush, enum cl_flush_state state)
{
	static const u8 legal[] = {
	    [CL_FLUSH_IDLE] = 1 << CL_FLUSH_STORING,
	    [CL_FLUSH_STORING] = 1 << CL_FLUSH_FINISHING | 1 << CL_FLUSH_IDLE,
	    [CL_FLUSH_FINISHING] = 1 << CL_FLUSH_STORING | 1 << CL_FLUSH_IDLE,
	};
	DFS_ASSERT((legal[flush->state] & 1 << state) != 0);
	flush->state = state;
}

void cl_flush_start(struct cl *cl, struct cl_flush *flush, struct cl_inode *inode, bool sync,
		    void (*done)(struct cl *cl, struct cl_flush *flush))
{
	flush_move(flush, CL_FLUSH_STORING);
	flush->inode = inode;
	flush->sync = sync;
	flush->target = inode->write_seq;
	flush->sync_target = 0;
	flush->done = done;
	inode->refs++;
	dfs_list_init(&flush->in_inode);
	dfs_list_push_back(&inode->flushes, &flush->in_inode);
	cl_inode_touch(cl, inode);
}

static void leave(struct cl *cl, struct cl_flush *flush)
{
	flush_move(flush, CL_FLUSH_IDLE);
	dfs_list_remove(&flush->in_inode);
	cl_inode_unref(cl, flush->inode);
}

void cl_flush_cancel(struct cl *cl, struct cl_flush *flush)
{
	if (flush->state != CL_FLUSH_IDLE)
		leave(cl, flush);
}

void cl_flushes_restart(struct cl_inode *inode)
{
	dfs_list_for_each (node, &inode->flushes) {
		struct cl_flush *flush = dfs_list_entry(node, struct cl_flush, in_inode);
		if (flush->state == CL_FLUSH_FINISHING)
			flush_move(flush, CL_FLUSH_STORING);
	}
}

static void end(struct cl *cl, struct cl_flush *flush)
{
	leave(cl, flush);
	flush->done(cl, flush);
}

void cl_flushes_end(struct cl *cl, struct cl_inode *inode)
{
	while (!dfs_list_empty(&inode->flushes))
		end(cl, dfs_list_first(&inode->flushes, struct cl_flush, in_inode));
}

/* True when the flush has ended. */
static bool advance(const struct cl_inode *inode, struct cl_flush *flush, u64 stored)
{
	if (flush->state == CL_FLUSH_STORING) {
		if (stored < flush->target)
			return false;
		flush_move(flush, CL_FLUSH_FINISHING);
		flush->sync_target = inode->stored_count;
	}
	return inode->committed_seq >= flush->target &&
	       (!flush->sync || cl_sync_reached(inode, flush->sync_target));
}

void cl_flushes_work(struct cl *cl, struct cl_inode *inode)
{
	struct dfs_list ended;
	u64 target = inode->background_seq;
	dfs_list_for_each (node, &inode->flushes)
		target = dfs_max(target, dfs_list_entry(node, struct cl_flush, in_inode)->target);
	if (target > inode->committed_seq)
		cl_write_want(cl, inode, target);

	u64 stored = cl_write_stored_seq(inode);
	dfs_list_init(&ended);
	dfs_list_for_each_safe (node, &inode->flushes) {
		struct cl_flush *flush = dfs_list_entry(node, struct cl_flush, in_inode);
		if (!advance(inode, flush, stored))
			continue;
		dfs_list_remove(&flush->in_inode);
		dfs_list_push_back(&ended, &flush->in_inode);
	}
	while (!dfs_list_empty(&ended))
		end(cl, dfs_list_first(&ended, struct cl_flush, in_inode));
}
