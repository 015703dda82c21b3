/*
 * SET_QUOTA, QUOTAS and ADOPT: an operator's questions and orders about quotas. What changes goes
 * through the log as LIMITS and TAKE_IN; repeating either is harmless.
 */
#include "master/core/master_i.h"

void ms_on_set_quota(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		     struct dfs_fxs *fxs)
{
	struct dfs_set_quota set;
	struct dfs_writer body;
	int status = dfs_set_quota_decode(request->body, ms_peer_version(peer), &set);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	dfs_fx_log(fxs, DFS_LOG_INFO,
		   "event=quota kind=%u id=%llu valid=%u bytes=%llu:%llu inodes=%llu:%llu grace=%u",
		   set.kind, (unsigned long long)set.id, set.valid,
		   (unsigned long long)set.bytes_soft, (unsigned long long)set.bytes_hard,
		   (unsigned long long)set.inodes_soft, (unsigned long long)set.inodes_hard,
		   set.grace);
	struct dfs_limits limits = {
	    .kind = set.kind,
	    .id = set.id,
	    .valid = set.valid,
	    .bytes_soft = set.bytes_soft,
	    .bytes_hard = set.bytes_hard,
	    .inodes_soft = set.inodes_soft,
	    .inodes_hard = set.inodes_hard,
	    .grace = set.grace,
	};
	ms_own_writer(&body);
	dfs_limits_put(&body, &limits);
	ms_gate_enter_own(ms, peer, request, DFS_OP_LIMITS, &body, fxs);
}

void ms_on_adopt(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		 struct dfs_fxs *fxs)
{
	struct dfs_adopt adopt;
	struct dfs_writer body;
	int status = dfs_adopt_decode(request->body, ms_peer_version(peer), &adopt);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	struct dfs_take_in take_in = {.ino = adopt.ino, .tree = adopt.tree, .cookie = adopt.cookie};
	ms_own_writer(&body);
	dfs_take_in_put(&body, &take_in);
	ms_gate_enter_own(ms, peer, request, DFS_OP_TAKE_IN, &body, fxs);
}

void ms_answer_quota(struct ms *ms, const struct ms_proposal *proposal,
		     const struct ms_result *result, struct dfs_fxs *fxs)
{
	struct ms_peer *peer = ms_peer_find(ms, proposal->link);
	struct dfs_writer writer;
	if (peer == NULL)
		return; /* Whoever asked for it has gone. */
	if (proposal->op == DFS_OP_LIMITS || result->status != 0) {
		u16 type = proposal->op == DFS_OP_LIMITS ? DFS_MSG_SET_QUOTA : DFS_MSG_ADOPT;
		dfs_session_reply(peer->session, proposal->request, type, result->status, NULL,
				  NULL, fxs);
		return;
	}
	struct dfs_adopt_reply reply = {.next = result->next};
	dfs_session_writer(peer->session, &writer);
	dfs_adopt_reply_put(&writer, &reply);
	dfs_session_reply(peer->session, proposal->request, DFS_MSG_ADOPT, 0, &writer, NULL, fxs);
}

void ms_on_quotas(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		  struct dfs_fxs *fxs)
{
	struct dfs_quotas query;
	struct dfs_writer writer;
	struct dfs_writer quotas;
	bool end;
	int status = dfs_quotas_decode(request->body, ms_peer_version(peer), &query);
	dfs_writer_init(&quotas, ms_peer_version(peer), 0);
	if (status == 0)
		status = ms_quotas(ms->state, &query, ms->wall, &quotas, &end);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
	} else {
		struct dfs_quotas_reply reply = {.quotas = dfs_writer_items(&quotas), .end = end};
		dfs_session_writer(peer->session, &writer);
		dfs_quotas_reply_put(&writer, &reply);
		ms_reply(peer, request, &writer, fxs);
	}
	dfs_writer_fini(&quotas);
}
