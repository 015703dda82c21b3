/*
 * See peers.h. Peers are few (hundreds); the deadline kept for all of them is a lower bound, so
 * that asking for it after each step costs nothing.
 */
#include "chunkserver/core/peers.h"

#include "chunkserver/core/report.h"
#include "libdfsproto/base/errors.h"

#include <stdlib.h>

enum {
	ROLES_SERVED = 1 << DFS_ROLE_CLIENT | 1 << DFS_ROLE_CHUNKSERVER | 1 << DFS_ROLE_ADMIN,
};

struct cs_peer *cs_peer_find(const struct cs *cs, u64 link)
{
	struct dfs_map_node *node = dfs_map_find(&cs->peers, link);
	return node == NULL ? NULL : dfs_map_entry(node, struct cs_peer, node);
}

static void peer_free(struct cs *cs, struct cs_peer *peer)
{
	dfs_map_remove(&cs->peers, &peer->node);
	dfs_list_remove(&peer->list_node);
	dfs_session_free(peer->session);
	free(peer);
}

static void peer_new(struct cs *cs, u64 link, struct dfs_fxs *fxs)
{
	if (!cs->serving || cs->stopping) {
		dfs_fx_link_close(fxs, link); /* They come again. */
		return;
	}
	struct cs_peer *peer = calloc(1, sizeof(*peer));
	DFS_ASSERT(peer != NULL);
	peer->session = dfs_session_new_acceptor(&cs->identity, link, ROLES_SERVED, cs->now);
	DFS_ASSERT(peer->session != NULL);
	if (cs->config.tuning != NULL)
		dfs_session_tune(peer->session, cs->config.tuning);
	dfs_map_insert(&cs->peers, &peer->node, link);
	dfs_list_push_back(&cs->peers_list, &peer->list_node);
}

/* Bytes of the node's older links must not act any more. */
static void close_older(struct cs *cs, const struct cs_peer *peer, struct dfs_fxs *fxs)
{
	const struct dfs_peer *who = dfs_session_peer(peer->session);
	dfs_list_for_each_safe (node, &cs->peers_list) {
		struct cs_peer *other = dfs_list_entry(node, struct cs_peer, list_node);
		if (other == peer || !other->up ||
		    dfs_session_peer(other->session)->node != who->node)
			continue;
		dfs_session_close(other->session, fxs);
		peer_free(cs, other);
	}
}

static void pull(struct cs *cs, struct cs_peer *peer, struct dfs_fxs *fxs)
{
	struct dfs_session_event event;
	while (dfs_session_next(peer->session, cs->now, &event, fxs)) {
		switch (event.kind) {
		case DFS_SESSION_EV_UP: {
			const struct dfs_peer *who = dfs_session_peer(peer->session);
			peer->up = true;
			dfs_fx_log(fxs, DFS_LOG_INFO,
				   "event=peer_up node=%016llx name=\"%s\" role=%u",
				   (unsigned long long)who->node, who->name, who->role);
			close_older(cs, peer, fxs);
			break;
		}
		case DFS_SESSION_EV_REQUEST: {
			struct cs_request request = {
			    .origin = {peer->node.key, event.request, event.type},
			    .version = dfs_session_peer(peer->session)->version,
			    .body = event.body,
			    .payload = event.payload,
			};
			cs_dispatch(cs, &request, fxs);
			break;
		}
		case DFS_SESSION_EV_LOST:
		case DFS_SESSION_EV_REFUSED:
			dfs_fx_log(fxs, DFS_LOG_INFO, "event=peer_gone error=%s text=\"%.*s\"",
				   dfs_error_name(event.status), (int)event.text.length,
				   event.text.length > 0 ? (const char *)event.text.data : "");
			break;
		case DFS_SESSION_EV_REPLY:
			break; /* We ask them nothing. */
		}
	}
	if (dfs_session_state(peer->session) == DFS_SESSION_CLOSED) {
		peer_free(cs, peer);
		return;
	}
	nsec deadline = dfs_session_deadline(peer->session);
	cs->peers_deadline = dfs_min(cs->peers_deadline, deadline);
}

void cs_peers_step(struct cs *cs, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	if (ev->kind == DFS_EV_LINK_NEW)
		peer_new(cs, ev->tag, fxs);
	struct cs_peer *peer = cs_peer_find(cs, ev->tag);
	if (peer == NULL)
		return;
	if (ev->kind != DFS_EV_LINK_NEW)
		dfs_session_step(peer->session, ev, fxs);
	pull(cs, peer, fxs);
}

void cs_peers_tick(struct cs *cs, struct dfs_fxs *fxs)
{
	if (cs->now < cs->peers_deadline)
		return;
	cs->peers_deadline = DFS_NEVER;
	dfs_list_for_each_safe (node, &cs->peers_list) {
		struct cs_peer *peer = dfs_list_entry(node, struct cs_peer, list_node);
		dfs_session_tick(peer->session, cs->now, fxs);
		pull(cs, peer, fxs);
	}
}

void cs_peers_close(struct cs *cs, struct dfs_fxs *fxs)
{
	while (!dfs_list_empty(&cs->peers_list)) {
		struct cs_peer *peer = dfs_list_first(&cs->peers_list, struct cs_peer, list_node);
		dfs_session_close(peer->session, fxs);
		peer_free(cs, peer);
	}
}

void cs_peers_fini(struct cs *cs)
{
	while (!dfs_list_empty(&cs->peers_list))
		peer_free(cs, dfs_list_first(&cs->peers_list, struct cs_peer, list_node));
	dfs_map_fini(&cs->peers);
}

struct dfs_session *cs_session_of(const struct cs *cs, const struct cs_origin *origin)
{
	if (origin->link == 0)
		return NULL;
	if ((origin->link & DFS_LINK_ACCEPTED) == 0)
		return cs->masters[origin->link - 1].session;
	struct cs_peer *peer = cs_peer_find(cs, origin->link);
	return peer == NULL ? NULL : peer->session;
}

void cs_reply_status(struct cs *cs, const struct cs_origin *origin, int status, struct dfs_fxs *fxs)
{
	struct dfs_session *session = cs_session_of(cs, origin);
	if (session != NULL)
		dfs_session_reply(session, origin->request, origin->type, status, NULL, NULL, fxs);
}
