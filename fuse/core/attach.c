/*
 * How each link to a master begins, and what is done when the master has forgotten us.
 *
 *   DOWN --session up--> ATTACHING --reply--> ATTACHED --lost--> DOWN
 *                         |     ^
 *                         v     | retry
 *                        REFUSED
 *
 * ATTACH names what we hold: opens (and those whose RELEASE is under way, since it will be
 * repeated) and grants. While it is unanswered nothing else is sent. NO_SESSION: we were silent for
 * too long. Then mutations under way fail, for nobody can tell whether they took place; opens are
 * made again; data that was in no file's map yet is written again.
 */
#include "fuse/core/client_i.h"

static void put_opens(struct cl *cl, struct dfs_writer *writer)
{
	dfs_list_for_each (node, &cl->inodes) {
		struct cl_inode *inode = dfs_list_entry(node, struct cl_inode, in_all);
		if (inode->held && !inode->reopen.under_way && writer->items < DFS_ATTACH_ITEMS_MAX)
			dfs_id_put(writer, &(struct dfs_id){.id = inode->ino});
	}
	dfs_list_for_each (node, &cl->releases) {
		struct cl_release *held = dfs_list_entry(node, struct cl_release, in_all);
		if (writer->items < DFS_ATTACH_ITEMS_MAX)
			dfs_id_put(writer, &(struct dfs_id){.id = held->ino});
	}
}

/* A body holds 1 MiB: opens take up to half of it. */
enum { GRANTS_KEPT_MAX = 16384 };
_Static_assert(DFS_ATTACH_ITEMS_MAX * 8 + GRANTS_KEPT_MAX * 24 < DFS_BODY_BYTES_MAX - 64,
	       "ATTACH fits");

static void put_grants(struct cl *cl, struct dfs_writer *writer)
{
	dfs_list_for_each (node, &cl->inodes) {
		struct cl_inode *inode = dfs_list_entry(node, struct cl_inode, in_all);
		dfs_list_for_each (at, &inode->targets_list) {
			struct cl_target *target = dfs_list_entry(at, struct cl_target, in_inode);
			if (!target->fresh || writer->items >= GRANTS_KEPT_MAX)
				continue;
			struct dfs_grant_kept kept = {
			    .ino = inode->ino,
			    .index = target->by_index.key,
			    .chunk = target->place.chunk,
			};
			dfs_grant_kept_put(writer, &kept);
		}
	}
}

void cl_attach(struct cl *cl)
{
	struct cl_master *master = &cl->master;
	u16 version = dfs_session_peer(master->session)->version;
	struct dfs_writer opens, grants, writer;
	dfs_writer_init(&opens, version, 0);
	dfs_writer_init(&grants, version, 0);
	put_opens(cl, &opens);
	put_grants(cl, &grants);
	struct dfs_attach attach = {
	    .session = master->id,
	    .opens = dfs_writer_items(&opens),
	    .grants = dfs_writer_items(&grants),
	};
	cl_master_begin(cl, &writer);
	dfs_attach_put(&writer, &attach);
	dfs_writer_fini(&opens);
	dfs_writer_fini(&grants);
	master->state = CL_MASTER_ATTACHING;
	(void)dfs_session_request_first(master->session, DFS_MSG_ATTACH, &writer,
					++master->attach_tag, cl->fx);
}

static void on_retry(struct cl *cl, struct cl_timer *timer)
{
	(void)timer;
	if (cl->master.state == CL_MASTER_REFUSED &&
	    dfs_session_state(cl->master.session) == DFS_SESSION_UP)
		cl_attach(cl);
}

static void resend_resting(struct cl *cl)
{
	dfs_list_for_each_safe (node, &cl->master.rpcs) {
		struct cl_rpc *rpc = dfs_list_entry(node, struct cl_rpc, in_link);
		if (rpc->resting)
			cl_master_resend(cl, rpc);
	}
}

static void attached(struct cl *cl, u64 id)
{
	struct cl_master *master = &cl->master;
	bool renewed = master->renewed;
	master->id = id;
	master->renewed = false;
	master->tries = 0;
	master->state = CL_MASTER_ATTACHED;
	dfs_fx_log(cl->fx, DFS_LOG_INFO, "event=attached address=%s session=%llu",
		   dfs_session_address(master->session), (unsigned long long)id);
	if (renewed)
		cl_holds_reopen(cl);
	resend_resting(cl);
	dfs_session_hold(master->session, false, cl->fx);
	if (cl->phase == CL_PHASE_STARTING)
		cl_subtree_walk(cl);
	dfs_list_for_each (node, &cl->inodes)
		cl_inode_touch(cl, dfs_list_entry(node, struct cl_inode, in_all));
}

void cl_attach_answer(struct cl *cl, const struct dfs_session_event *event)
{
	struct cl_master *master = &cl->master;
	struct dfs_attach_reply reply;
	if (event->tag != master->attach_tag || master->state != CL_MASTER_ATTACHING)
		return;
	int status = event->status;
	if (status == 0)
		status = dfs_attach_reply_decode(event->body, event->version, &reply);
	if (status == 0 && reply.session == 0)
		status = DFS_EMALFORMED;
	if (status == 0) {
		attached(cl, reply.session);
		return;
	}
	if (status == DFS_ENOT_LEADER || status == DFS_ESTOPPING) {
		master->state = CL_MASTER_DOWN;
		dfs_session_next_address(master->session, cl->now, cl->fx);
		return;
	}
	if (status == DFS_ENO_SESSION && master->id != 0) {
		cl_session_lost(cl);
		return;
	}
	if ((master->tries & (master->tries - 1)) == 0)
		dfs_fx_log(cl->fx, DFS_LOG_WARN, "event=attach_failed address=%s status=%s",
			   dfs_session_address(master->session), dfs_error_name(status));
	master->state = CL_MASTER_REFUSED;
	cl_timer_set(cl, &master->retry, cl->now + cl_backoff(master->tries++), on_retry);
}

/* Requests that name the session: mutations end, the others are made again under the next one. */
static void end_requests(struct cl *cl)
{
	static const struct cl_answer gone = {.status = DFS_ENO_SESSION};
	struct cl_master *master = &cl->master;
	struct dfs_list ended;
	dfs_list_init(&ended);
	dfs_list_for_each_safe (node, &master->rpcs) {
		struct cl_rpc *rpc = dfs_list_entry(node, struct cl_rpc, in_link);
		if (rpc->type == DFS_MSG_OPEN || rpc->type == DFS_MSG_GRANT) {
			if (!rpc->resting)
				dfs_session_cancel(master->session, rpc->request);
			rpc->resting = true;
		} else if (rpc->type == DFS_MSG_MUTATE || rpc->type == DFS_MSG_RELEASE ||
			   rpc->type == DFS_MSG_DETACH) {
			if (!rpc->resting)
				dfs_session_cancel(master->session, rpc->request);
			dfs_list_remove(&rpc->in_link);
			dfs_list_push_back(&ended, &rpc->in_link);
			if (rpc->type == DFS_MSG_MUTATE)
				dfs_list_remove(
				    &dfs_container_of(rpc, struct cl_mutation, rpc)->in_order);
		}
	}
	while (!dfs_list_empty(&ended))
		cl_master_answer(cl, dfs_list_first(&ended, struct cl_rpc, in_link), &gone);
}

/* Uncommitted chunks may be deleted at any time now: their data goes elsewhere. */
static void redo_writes(struct cl *cl)
{
	dfs_list_for_each (node, &cl->inodes) {
		struct cl_inode *inode = dfs_list_entry(node, struct cl_inode, in_all);
		dfs_list_for_each_safe (at, &inode->targets_list)
			cl_target_redo(cl, dfs_list_entry(at, struct cl_target, in_inode));
		cl_rows_drop(cl, inode);
		cl_targets_forget(cl, inode);
		cl_inode_touch(cl, inode);
	}
}

void cl_session_lost(struct cl *cl)
{
	struct cl_master *master = &cl->master;
	if (master->id == 0)
		return; /* Told already: the next ATTACH is under way. */
	dfs_fx_log(
	    cl->fx, DFS_LOG_WARN,
	    "event=session_lost session=%llu cause=\"the master expired it after silence; changes "
	    "under way may or may not have been made\"",
	    (unsigned long long)master->id);
	cl_cache_drop_all(cl);
	master->id = 0;
	master->sequence = 0;
	master->renewed = true;
	dfs_session_hold(master->session, true, cl->fx);
	/* Before answers: they may send again, and must find the new state. */
	bool up = dfs_session_state(master->session) == DFS_SESSION_UP;
	master->state = CL_MASTER_DOWN;
	end_requests(cl);
	redo_writes(cl);
	if (up)
		cl_attach(cl);
}
