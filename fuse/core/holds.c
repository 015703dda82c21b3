/*
 * Holds at the master: while there is one, an inode outlives its last name. The client takes one
 * per inode, however many handles there are; the master counts, so one too many is given back at
 * once.
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>

void cl_hold_taken(struct cl *cl, struct cl_inode *inode)
{
	if (inode->held)
		cl_hold_release(cl, inode->ino);
	inode->held = true;
}

static void on_released(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	struct cl_release *release = dfs_container_of(rpc, struct cl_release, rpc);
	(void)cl;
	(void)answer; /* Nothing to do about it: with the session, the hold is gone too. */
	dfs_list_remove(&release->in_all);
	free(release);
}

void cl_hold_release(struct cl *cl, u64 ino)
{
	struct cl_release *release = calloc(1, sizeof(*release));
	DFS_ASSERT(release != NULL);
	struct dfs_release body = {.session = cl->master.id, .ino = ino};
	struct dfs_writer writer;
	release->ino = ino;
	release->rpc.done = on_released;
	dfs_list_push_back(&cl->releases, &release->in_all);
	cl_master_begin(cl, &writer);
	dfs_release_put(&writer, &body);
	cl_master_send(cl, &release->rpc, DFS_MSG_RELEASE, &writer);
}

static void on_reopened(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	struct cl_inode *inode = dfs_container_of(rpc, struct cl_inode, reopen);
	struct dfs_open_reply reply;
	int status = answer->status;
	if (status == 0)
		status = dfs_open_reply_decode(answer->body, answer->version, &reply);
	if (status == 0)
		status = cl_inode_attr(cl, inode, &reply.attr, false);
	if (status == 0)
		cl_quota_told(cl, inode, &reply.room);
	if (status == 0 && cl_inode_regular(inode) && inode->attr.change == reply.attr.change)
		status = cl_rows_told(cl, inode, &reply.chunks);
	if (status != 0) {
		/* Whoever uses it next hears STALE from the master. */
		inode->held = false;
		dfs_fx_log(cl->fx, DFS_LOG_WARN, "event=open_lost ino=%llu status=%s",
			   (unsigned long long)inode->ino, dfs_error_name(status));
	}
	cl_inode_touch(cl, inode);
}

static void ask(struct cl *cl, struct cl_inode *inode)
{
	struct dfs_open body = {.session = cl->master.id, .ino = inode->ino};
	struct dfs_writer writer;
	cl_master_cancel(cl, &inode->reopen);
	inode->reopen.done = on_reopened;
	cl_master_begin(cl, &writer);
	dfs_open_put(&writer, &body);
	cl_master_send(cl, &inode->reopen, DFS_MSG_OPEN, &writer);
}

void cl_hold_begin(struct cl *cl, struct cl_inode *inode)
{
	DFS_ASSERT(!inode->held);
	inode->held = true;
	ask(cl, inode);
}

void cl_holds_reopen(struct cl *cl)
{
	dfs_list_for_each (node, &cl->inodes) {
		struct cl_inode *inode = dfs_list_entry(node, struct cl_inode, in_all);
		if (inode->held)
			ask(cl, inode);
	}
}
