/*
 * The trash, for admin tools: SET_TRASH, LIST_TRASH, RECOVER, EMPTY_TRASH. What changes something
 * becomes an operation and goes past the gate: mounts may have the names and inodes cached.
 *
 * RECOVER is one operation at a time: what is needed first is found from the tables, and the tool
 * asks again until its file is back. So nothing is kept here between them, and whoever dies in
 * between leaves a directory more and no half of anything.
 */
#include "master/core/master_i.h"

static void answer_kept(struct ms *ms, struct ms_peer *peer, u64 request, u64 ino,
			struct dfs_fxs *fxs)
{
	struct dfs_set_trash_reply reply = {0};
	struct dfs_writer writer;
	int status = ms_trash_kept(ms->state, ino, &reply.keep_s);
	if (status != 0) {
		dfs_session_reply(peer->session, request, DFS_MSG_SET_TRASH, status, NULL, NULL,
				  fxs);
		return;
	}
	dfs_session_writer(peer->session, &writer);
	dfs_set_trash_reply_put(&writer, &reply);
	dfs_session_reply(peer->session, request, DFS_MSG_SET_TRASH, 0, &writer, NULL, fxs);
}

void ms_on_set_trash(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		     struct dfs_fxs *fxs)
{
	struct dfs_set_trash set;
	struct dfs_writer body;
	int status = dfs_set_trash_decode(request->body, ms_peer_version(peer), &set);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
	} else if (set.change == 0) {
		answer_kept(ms, peer, request->request, set.ino, fxs);
	} else {
		struct dfs_trash_keep keep = {.ino = set.ino, .keep_s = set.keep_s};
		ms_own_writer(&body);
		dfs_trash_keep_put(&body, &keep);
		ms_gate_enter_own(ms, peer, request, DFS_OP_TRASH_KEEP, &body, fxs);
	}
}

void ms_on_list_trash(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		      struct dfs_fxs *fxs)
{
	struct dfs_list_trash list;
	struct dfs_list_trash_reply reply;
	struct dfs_writer items, writer;
	int status = dfs_list_trash_decode(request->body, ms_peer_version(peer), &list);
	dfs_writer_init(&items, ms_peer_version(peer), 0);
	if (status == 0)
		status = ms_trash_list(ms->state, &list, &items, &reply);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
	} else {
		dfs_session_writer(peer->session, &writer);
		dfs_list_trash_reply_put(&writer, &reply);
		ms_reply(peer, request, &writer, fxs);
	}
	dfs_writer_fini(&items);
}

static void answer_recovered(struct ms *ms, struct ms_peer *peer, u64 request,
			     const struct dfs_attr *attr, struct dfs_span path, struct dfs_fxs *fxs)
{
	struct dfs_recover_reply reply = {.attr = *attr, .path = path};
	struct dfs_writer writer;
	(void)ms;
	dfs_session_writer(peer->session, &writer);
	dfs_recover_reply_put(&writer, &reply);
	dfs_session_reply(peer->session, request, DFS_MSG_RECOVER, 0, &writer, NULL, fxs);
}

void ms_on_recover(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		   struct dfs_fxs *fxs)
{
	struct dfs_recover recover;
	struct ms_recovery next;
	struct dfs_attr attr;
	struct dfs_writer body;
	int status = dfs_recover_decode(request->body, ms_peer_version(peer), &recover);
	if (status == 0)
		status = ms_trash_recovery(ms->state, &recover, &next);
	if (status == 0 && next.op == 0)
		status = ms_getattr(ms->state, next.ino, &attr);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	struct dfs_span name = dfs_span(next.name, next.name_bytes);
	if (next.op == 0) {
		answer_recovered(ms, peer, request->request, &attr, name, fxs);
	} else if (next.op == DFS_OP_REMAKE) {
		struct dfs_remake remake = {.parent = next.parent, .name = name};
		ms_own_writer(&body);
		dfs_remake_put(&body, &remake);
		ms_gate_enter_own(ms, peer, request, next.op, &body, fxs);
	} else {
		struct dfs_restore restore = {.ino = next.ino, .parent = next.parent, .name = name};
		ms_own_writer(&body);
		dfs_restore_put(&body, &restore);
		ms_gate_enter_own(ms, peer, request, next.op, &body, fxs);
	}
}

void ms_on_empty_trash(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		       struct dfs_fxs *fxs)
{
	struct dfs_empty_trash empty;
	struct dfs_writer body;
	int status = dfs_empty_trash_decode(request->body, ms_peer_version(peer), &empty);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	struct dfs_expire expire = {.keys = empty.keys};
	ms_own_writer(&body);
	dfs_expire_put(&body, &expire);
	ms_gate_enter_own(ms, peer, request, DFS_OP_EXPIRE, &body, fxs);
}

/* What is asked for was applied. */
static void answer_restored(struct ms *ms, struct ms_peer *peer, u64 request,
			    const struct ms_op *op, const struct ms_result *result,
			    struct dfs_fxs *fxs)
{
	u8 buffer[DFS_TRASH_PATH_BYTES_MAX];
	struct dfs_restore restore = {0};
	struct dfs_remake remake;
	struct dfs_span path;
	int status = result->status;
	if (status == 0 && op->op == DFS_OP_RESTORE) {
		status = dfs_restore_decode(op->body, op->version, &restore);
	} else if (status == 0) {
		status = dfs_remake_decode(op->body, op->version, &remake);
		restore.parent = remake.parent;
		restore.name = remake.name;
	}
	if (status == 0)
		status = ms_path_now(ms->state, restore.parent, restore.name, buffer, &path);
	if (status == 0)
		answer_recovered(ms, peer, request, &result->attr, path, fxs);
	else
		dfs_session_reply(peer->session, request, DFS_MSG_RECOVER, status, NULL, NULL, fxs);
}

void ms_trash_answer(struct ms *ms, const struct ms_proposal *proposal, const struct ms_op *op,
		     const struct ms_result *result, struct dfs_fxs *fxs)
{
	struct dfs_trash_keep keep;
	struct ms_peer *peer = proposal->link == 0 ? NULL : ms_peer_find(ms, proposal->link);
	if (op->op == DFS_OP_EXPIRE)
		ms_expiry_done(ms, op, proposal->link == 0);
	if (peer == NULL)
		return;
	if (op->op == DFS_OP_RESTORE || op->op == DFS_OP_REMAKE)
		answer_restored(ms, peer, proposal->request, op, result, fxs);
	else if (op->op == DFS_OP_EXPIRE)
		dfs_session_reply(peer->session, proposal->request, DFS_MSG_EMPTY_TRASH,
				  result->status, NULL, NULL, fxs);
	else if (result->status != 0)
		dfs_session_reply(peer->session, proposal->request, DFS_MSG_SET_TRASH,
				  result->status, NULL, NULL, fxs);
	else if (dfs_trash_keep_decode(op->body, op->version, &keep) == 0)
		answer_kept(ms, peer, proposal->request, keep.ino, fxs);
}
