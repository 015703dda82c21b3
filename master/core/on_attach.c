/*
 * ATTACH and DETACH: a client's durable session begins, comes back, ends. A new session is a
 * SESSION_OPEN in the log; resuming only checks that it still exists and takes over what the client
 * says it holds: that list replaces what was known, because requests under way when the old link
 * broke are repeated after it.
 */
#include "master/core/master_i.h"

static void reply_attached(struct ms *ms, struct ms_peer *peer, u64 request, u64 session,
			   struct dfs_fxs *fxs)
{
	struct dfs_writer writer;
	struct dfs_attach_reply reply = {
	    .session = session,
	    .timeout_ms = (u32)dfs_min(ms->clients.timeout / DFS_MSEC, UINT32_MAX),
	};
	dfs_session_writer(peer->session, &writer);
	dfs_attach_reply_put(&writer, &reply);
	dfs_session_reply(peer->session, request, DFS_MSG_ATTACH, 0, &writer, NULL, fxs);
}

static void open_new(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request)
{
	const struct dfs_peer *who = dfs_session_peer(peer->session);
	struct dfs_session_open open = {
	    .node = who->node, .host = who->host, .name = dfs_span_text(who->name)};
	struct dfs_writer body;
	ms_own_writer(&body);
	dfs_session_open_put(&body, &open);
	struct ms_proposal *proposal = ms_propose_own(ms, DFS_OP_SESSION_OPEN, &body);
	proposal->link = peer->link;
	proposal->request = request->request;
	peer->attaching = request->request;
}

/* The client's word replaces what we knew. New opens are added before old ones go, so that nothing
 * it still holds looks released in between. */
static void reclaim(struct ms *ms, struct ms_client *client, const struct dfs_attach *attach)
{
	struct ms_chunk_list kept = {0};
	dfs_list_for_each (node, &client->opens) {
		struct ms_open *open = dfs_list_entry(node, struct ms_open, in_client);
		for (u64 i = 0; i < open->count; i++)
			ms_chunk_list_add(&kept, open->inode->by_ino.key);
	}
	struct dfs_items opens = attach->opens;
	struct dfs_items grants = attach->grants;
	struct dfs_id id;
	struct dfs_grant_kept grant;
	while (dfs_id_next(&opens, &id)) {
		if (id.id != 0)
			(void)ms_open_add(&ms->clients, client, id.id);
	}
	for (u32 i = 0; i < kept.count; i++) {
		if (ms_open_drop(&ms->clients, client, kept.chunks[i]))
			ms_reaper_released(ms, kept.chunks[i]);
	}
	ms_chunk_list_fini(&kept);
	while (dfs_grant_kept_next(&grants, &grant)) {
		struct ms_chunk there;
		if (grant.chunk != 0 && ms_chunk_get(ms->state, grant.chunk, &there) == DFS_ENOENT)
			ms_grant_reclaim(&ms->grants, client, &grant);
	}
	client->made_open_count = 0;
}

void ms_on_attach(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		  struct dfs_fxs *fxs)
{
	struct dfs_attach attach;
	int status = dfs_attach_decode(request->body, ms_peer_version(peer), &attach);
	if (status == 0 && (peer->client != NULL || peer->attaching != 0))
		status = DFS_EINVAL;
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	if (attach.session == 0) {
		if (ms_session_count(ms->state) >= DFS_SESSIONS_MAX)
			ms_reply_status(peer, request, DFS_EBUSY, fxs);
		else
			open_new(ms, peer, request);
		return;
	}
	struct ms_client *client = ms_client_find(&ms->clients, attach.session);
	const struct ms_session *session = ms_session_find(ms->state, attach.session);
	if (client == NULL || session == NULL || client->state == MS_CLIENT_CLOSING) {
		ms_reply_status(peer, request, DFS_ENO_SESSION, fxs);
		return;
	}
	if (session->client != dfs_session_peer(peer->session)->node) {
		ms_reply_status(peer, request, DFS_EPERM, fxs);
		return;
	}
	if (client->peer != NULL)
		ms_peer_close(ms, client->peer, fxs);
	reclaim(ms, client, &attach);
	ms_client_link(&ms->clients, client, peer);
	peer->client = client;
	ms->waiting.wake = true;
	reply_attached(ms, peer, request->request, attach.session, fxs);
	ms_gate_attached(ms, client, fxs);
}

void ms_attach_opened(struct ms *ms, const struct ms_proposal *proposal, u64 session, int status,
		      struct dfs_fxs *fxs)
{
	struct ms_peer *peer = ms_peer_find(ms, proposal->link);
	if (status == 0)
		(void)ms_client_add(&ms->clients, session, false, ms->now);
	if (peer == NULL || peer->attaching == 0)
		return;
	peer->attaching = 0;
	if (status != 0) {
		dfs_session_reply(peer->session, proposal->request, DFS_MSG_ATTACH, status, NULL,
				  NULL, fxs);
		return;
	}
	struct ms_client *client = ms_client_find(&ms->clients, session);
	ms_client_link(&ms->clients, client, peer);
	peer->client = client;
	dfs_fx_log(fxs, DFS_LOG_INFO, "event=session_opened session=%llu name=%.100s",
		   (unsigned long long)session, dfs_session_peer(peer->session)->name);
	reply_attached(ms, peer, proposal->request, session, fxs);
}

void ms_on_detach(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		  struct dfs_fxs *fxs)
{
	struct dfs_detach detach;
	struct ms_client *client = peer->client;
	int status = dfs_detach_decode(request->body, ms_peer_version(peer), &detach);
	if (status == 0 && detach.session != client->session)
		status = DFS_ENO_SESSION;
	if (status == 0 && client->state == MS_CLIENT_CLOSING)
		status = DFS_EINVAL;
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	struct ms_proposal *proposal = ms_session_close(ms, client);
	proposal->link = peer->link;
	proposal->request = request->request;
}

struct ms_proposal *ms_session_close(struct ms *ms, struct ms_client *client)
{
	struct dfs_session_close close = {.session = client->session};
	struct dfs_writer body;
	ms_client_closing(&ms->clients, client);
	ms_own_writer(&body);
	dfs_session_close_put(&body, &close);
	return ms_propose_own(ms, DFS_OP_SESSION_CLOSE, &body);
}

void ms_attach_closed(struct ms *ms, const struct ms_proposal *proposal, u64 session,
		      struct dfs_fxs *fxs)
{
	struct ms_client *client = ms_client_find(&ms->clients, session);
	if (client == NULL)
		return;
	if (client->peer != NULL)
		client->peer->client = NULL;
	ms_leader_forget_client(client);
	ms_gate_let_go(ms, client);
	ms_reaper_let_go(ms, client);
	ms_client_free(&ms->clients, client);
	dfs_fx_log(fxs, DFS_LOG_INFO, "event=session_closed session=%llu",
		   (unsigned long long)session);
	struct ms_peer *peer = proposal->link == 0 ? NULL : ms_peer_find(ms, proposal->link);
	if (peer != NULL)
		dfs_session_reply(peer->session, proposal->request, DFS_MSG_DETACH, 0, NULL, NULL,
				  fxs);
}
