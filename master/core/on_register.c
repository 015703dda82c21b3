/*
 * What chunkservers say: REGISTER (who I am), REPORT (what I hold), SPACE (how full I am); and
 * their answers to what we ask of them. A reported chunk is noted at once; strays.c looks later
 * whether anybody knows it.
 */
#include "master/core/master_i.h"

static void copy_text(char *to, struct dfs_span from)
{
	u32 length = dfs_min(from.length, (u32)DFS_ADDRESS_BYTES_MAX);
	if (length > 0)
		memcpy(to, from.data, length);
	to[length] = '\0';
}

void ms_on_register(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		    struct dfs_fxs *fxs)
{
	struct dfs_register registration;
	const struct dfs_peer *who = dfs_session_peer(peer->session);
	int status = dfs_register_decode(request->body, who->version, &registration);
	if (status == 0 && registration.address.length == 0)
		status = DFS_EINVAL;
	struct ms_server *server = status != 0 ? NULL : ms_server_find(&ms->servers, who->node);
	if (status == 0 && server == NULL)
		server = ms_server_add(&ms->servers, who->node);
	if (status == 0 && server == NULL)
		status = DFS_EBUSY;
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	DFS_ASSERT(server->peer == NULL || server->peer == peer);
	server->peer = peer;
	peer->server = server;
	server->host = who->host;
	server->generation++;
	server->reporting = true;
	copy_text(server->address, registration.address);
	copy_text(server->local, registration.local);
	ms_server_set_disks(server, registration.disks);
	ms->waiting.wake = true;
	dfs_fx_log(fxs, DFS_LOG_INFO,
		   "event=server_registered server=%016llx address=%.100s disks=%u free_mib=%llu",
		   (unsigned long long)server->node, server->address, server->disks_count,
		   (unsigned long long)(server->bytes_free >> 20));
	ms_reply_status(peer, request, 0, fxs);
}

void ms_on_report(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		  struct dfs_fxs *fxs)
{
	struct dfs_report report;
	struct dfs_held held;
	struct ms_server *server = peer->server;
	int status = dfs_report_decode(request->body, ms_peer_version(peer), &report);
	if (status == 0 && server == NULL)
		status = DFS_EINVAL;
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	while (dfs_held_next(&report.chunks, &held)) {
		if (held.state == DFS_HELD_GONE) {
			ms_copy_drop(&ms->servers, server, held.chunk);
			continue;
		}
		ms_copy_put(&ms->servers, server, &held);
		ms_strays_add(ms, held.chunk, server->slot);
	}
	if (report.full != 0 && report.last != 0) {
		server->reporting = false;
		ms->garbage.wanted = true;
		dfs_fx_log(fxs, DFS_LOG_INFO, "event=server_reported server=%016llx copies=%llu",
			   (unsigned long long)server->node,
			   (unsigned long long)ms->servers.copies_count);
	}
	ms_trims_retry(ms);
	ms->waiting.wake = true;
	ms_reply_status(peer, request, 0, fxs);
}

void ms_on_space(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		 struct dfs_fxs *fxs)
{
	struct dfs_space space;
	int status = dfs_space_decode(request->body, ms_peer_version(peer), &space);
	if (status == 0 && peer->server == NULL)
		status = DFS_EINVAL;
	if (status == 0) {
		ms_server_set_disks(peer->server, space.disks);
		ms->waiting.wake = true;
	}
	ms_reply_status(peer, request, status, fxs);
}

/* Its copies stay known: it will most likely come back with them. */
void ms_server_lost(struct ms *ms, struct ms_server *server, struct dfs_fxs *fxs)
{
	server->peer = NULL;
	ms_garbage_answered(ms, server, DFS_ELINK_LOST);
	ms_strays_answered(ms, server, DFS_ELINK_LOST);
	ms_trims_lost(ms, server);
	dfs_fx_log(fxs, DFS_LOG_WARN, "event=server_lost server=%016llx address=%.100s",
		   (unsigned long long)server->node, server->address);
}

void ms_asked(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *reply,
	      struct dfs_fxs *fxs)
{
	struct ms_server *server = peer->server;
	u64 what = reply->tag & (((u64)1 << MS_ASK_SHIFT) - 1);
	(void)fxs;
	if (reply->tag >> MS_ASK_SHIFT == MS_ASK_INVALIDATE)
		ms_gate_answered(ms, what, reply->status);
	if (server == NULL)
		return;
	switch ((enum ms_ask)(reply->tag >> MS_ASK_SHIFT)) {
	case MS_ASK_GARBAGE:
		ms_garbage_answered(ms, server, reply->status);
		break;
	case MS_ASK_STRAYS:
		ms_strays_answered(ms, server, reply->status);
		break;
	case MS_ASK_TRIM:
		ms_trims_answered(ms, server, what, reply->status);
		break;
	case MS_ASK_INVALIDATE:
		break;
	}
}
