/*
 * The end: callers are let go, data is written back for a bounded time, files that lost some are
 * named, the session is closed in order, and the process exits.
 *
 *   SERVING --STOP--> STOPPING --clean, or too late--> DETACHING --answered, or too late--> ENDED
 */
#include "fuse/core/client_i.h"

#define WRITE_BACK_MAX (5 * DFS_SEC)
#define DETACH_MAX     (500 * DFS_MSEC)

static void on_stop_timer(struct cl *cl, struct cl_timer *timer)
{
	(void)cl;
	(void)timer; /* Only wakes the core: cl_stop_work looks at the time. */
}

static void wait_until(struct cl *cl, nsec deadline)
{
	cl->stop_deadline = deadline;
	cl_timer_set(cl, &cl->stop_timer, deadline, on_stop_timer);
}

void cl_stop(struct cl *cl)
{
	if (cl->phase >= CL_PHASE_STOPPING)
		return;
	bool nothing = cl->phase == CL_PHASE_NEW;
	cl->phase = CL_PHASE_STOPPING;
	cl_calls_end(cl, DFS_ESTOPPING);
	if (nothing) {
		cl->phase = CL_PHASE_ENDED;
		dfs_fx_exit(cl->fx, 0);
		return;
	}
	cl_atimes_send(cl);
	/* No call has this number: the flushes end unheard. */
	(void)cl_sync_all(cl, UINT64_MAX);
	wait_until(cl, cl->now + WRITE_BACK_MAX);
}

static bool clean(const struct cl *cl)
{
	if (!cl_atimes_told(cl))
		return false;
	dfs_list_for_each (node, &cl->inodes) {
		const struct cl_inode *inode = dfs_list_entry(node, struct cl_inode, in_all);
		if (cl_inode_uncommitted(inode) || !dfs_list_empty(&inode->flushes))
			return false;
	}
	return true;
}

static void name_losses(struct cl *cl)
{
	dfs_list_for_each (node, &cl->inodes) {
		const struct cl_inode *inode = dfs_list_entry(node, struct cl_inode, in_all);
		if (!cl_inode_uncommitted(inode))
			continue;
		dfs_fx_log(
		    cl->fx, DFS_LOG_ERROR,
		    "event=data_lost ino=%llu name=\"%.*s\" bytes=%llu cause=\"not written back in "
		    "time before the unmount\"",
		    (unsigned long long)inode->ino, (int)inode->hint_length,
		    inode->hint == NULL ? "" : (const char *)inode->hint,
		    (unsigned long long)(inode->unstored_bytes + inode->kept_bytes));
	}
}

static void exit_now(struct cl *cl)
{
	cl->phase = CL_PHASE_ENDED;
	cl_master_cancel(cl, &cl->detach);
	dfs_session_close(cl->master.session, cl->fx);
	cl_servers_close(cl);
	dfs_fx_exit(cl->fx, 0);
}

static void on_detached(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	(void)rpc;
	(void)answer;
	cl->stop_deadline = cl->now;
}

static void detach(struct cl *cl)
{
	struct dfs_detach body = {.session = cl->master.id};
	struct dfs_writer writer;
	cl->phase = CL_PHASE_DETACHING;
	if (cl->master.state != CL_MASTER_ATTACHED) {
		exit_now(cl);
		return;
	}
	wait_until(cl, cl->now + DETACH_MAX);
	cl->detach.done = on_detached;
	cl_master_begin(cl, &writer);
	dfs_detach_put(&writer, &body);
	cl_master_send(cl, &cl->detach, DFS_MSG_DETACH, &writer);
}

void cl_stop_work(struct cl *cl)
{
	bool late = cl->now >= cl->stop_deadline;
	if (cl->phase == CL_PHASE_STOPPING && (late || clean(cl))) {
		name_losses(cl);
		detach(cl);
	} else if (cl->phase == CL_PHASE_DETACHING && late) {
		exit_now(cl);
	}
}
