/*
 * MUTATE: a change of the namespace. New ones go through the gate to the log; one that is under way
 * already gets its answer when that is done; one that was applied before is answered from the
 * stored result. So each takes place exactly once, however often links break.
 */
#include "master/core/master_i.h"

/* The proposal of this sequence that is still under way, or NULL. */
static struct ms_proposal *find_pending(const struct ms_client *client, u64 sequence)
{
	if (sequence > client->sequence_max)
		return NULL;
	dfs_list_for_each (node, &client->pending) {
		struct ms_proposal *proposal = dfs_list_entry(node, struct ms_proposal, in_client);
		if (proposal->sequence == sequence)
			return proposal;
	}
	return NULL;
}

static int check(const struct ms_peer *peer, const struct dfs_mutate *mutate)
{
	const struct ms_client *client = peer->client;
	if (mutate->session != client->session || client->state == MS_CLIENT_CLOSING)
		return DFS_ENO_SESSION;
	if (mutate->sequence == 0 || mutate->acked >= mutate->sequence)
		return DFS_EMALFORMED;
	if (mutate->op == 0 || mutate->op >= DFS_OP_FROM_LEADER)
		return DFS_EPERM;
	if (mutate->op == DFS_OP_MAKE && client->opens_count >= DFS_CLIENT_OPENS_MAX)
		return DFS_EBUSY;
	return 0;
}

void ms_on_mutate(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		  struct dfs_fxs *fxs)
{
	struct dfs_mutate mutate;
	struct ms_result result = {0};
	int status = dfs_mutate_decode(request->body, ms_peer_version(peer), &mutate);
	if (status == 0)
		status = check(peer, &mutate);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	struct ms_client *client = peer->client;
	struct ms_proposal *proposal = find_pending(client, mutate.sequence);
	if (proposal != NULL) {
		proposal->link = peer->link;
		proposal->request = request->request;
		return;
	}
	struct ms_op op = {
	    .session = mutate.session,
	    .sequence = mutate.sequence,
	    .acked = mutate.acked,
	    .uid = mutate.uid,
	    .gid = mutate.gid,
	    .op = mutate.op,
	    .version = ms_peer_version(peer),
	    .body = mutate.body,
	};
	status = ms_repeat(ms->state, op.session, op.sequence, &result);
	if (status < 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	if (status == 1) {
		result.repeated = true;
		ms_answer_mutate(ms, peer, request->request, &op, &result, fxs);
		return;
	}
	ms_gate_enter(ms, client, &op, peer->link, request->request, fxs);
}
