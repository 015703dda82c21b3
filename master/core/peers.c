/*
 * Links: an acceptor session for each, requests handed to their handlers after checking that the
 * peer's role may send them, and what happens when a link ends. A node that connects anew replaces
 * its old link at once, so that bytes still under way there act no more.
 */
#include "master/core/master_i.h"

#include <stdlib.h>

enum {
	FOR_CLIENT = 1 << DFS_ROLE_CLIENT,
	FOR_SERVER = 1 << DFS_ROLE_CHUNKSERVER,
	FOR_ADMIN = 1 << DFS_ROLE_ADMIN,
};

struct route {
	u16 type;
	u16 roles;
	bool attached; /* Clients must have attached on this link. */
	ms_handler *handler;
};

static const struct route routes[] = {
    {DFS_MSG_MUTATE, FOR_CLIENT, true, ms_on_mutate},
    {DFS_MSG_LOOKUP, FOR_CLIENT | FOR_ADMIN, true, ms_on_lookup},
    {DFS_MSG_GETATTR, FOR_CLIENT | FOR_ADMIN, true, ms_on_getattr},
    {DFS_MSG_OPEN, FOR_CLIENT, true, ms_on_open},
    {DFS_MSG_RELEASE, FOR_CLIENT, true, ms_on_release},
    {DFS_MSG_CHUNKS, FOR_CLIENT | FOR_ADMIN, true, ms_on_chunks},
    {DFS_MSG_GRANT, FOR_CLIENT, true, ms_on_grant},
    {DFS_MSG_READDIR, FOR_CLIENT | FOR_ADMIN, true, ms_on_readdir},
    {DFS_MSG_READLINK, FOR_CLIENT | FOR_ADMIN, true, ms_on_readlink},
    {DFS_MSG_GETXATTR, FOR_CLIENT | FOR_ADMIN, true, ms_on_getxattr},
    {DFS_MSG_LISTXATTR, FOR_CLIENT | FOR_ADMIN, true, ms_on_listxattr},
    {DFS_MSG_STATFS, FOR_CLIENT | FOR_ADMIN, true, ms_on_statfs},
    {DFS_MSG_REPORT, FOR_SERVER, false, ms_on_report},
    {DFS_MSG_SPACE, FOR_SERVER, false, ms_on_space},
    {DFS_MSG_REGISTER, FOR_SERVER, false, ms_on_register},
    {DFS_MSG_ATTACH, FOR_CLIENT, false, ms_on_attach},
    {DFS_MSG_DETACH, FOR_CLIENT, true, ms_on_detach},
    {DFS_MSG_STATUS, FOR_CLIENT | FOR_ADMIN, false, ms_on_status},
    {DFS_MSG_WALK, FOR_ADMIN, false, ms_on_walk},
    {DFS_MSG_EXAMINE, FOR_ADMIN, false, ms_on_examine},
    {DFS_MSG_REPAIR, FOR_ADMIN, false, ms_on_repair},
    {DFS_MSG_OPENS, FOR_ADMIN, false, ms_on_opens},
    {DFS_MSG_SET_QUOTA, FOR_ADMIN, false, ms_on_set_quota},
    {DFS_MSG_QUOTAS, FOR_ADMIN, false, ms_on_quotas},
    {DFS_MSG_ADOPT, FOR_ADMIN, false, ms_on_adopt},
    {DFS_MSG_SET_TRASH, FOR_ADMIN, false, ms_on_set_trash},
    {DFS_MSG_LIST_TRASH, FOR_ADMIN, false, ms_on_list_trash},
    {DFS_MSG_RECOVER, FOR_ADMIN, false, ms_on_recover},
    {DFS_MSG_EMPTY_TRASH, FOR_ADMIN, false, ms_on_empty_trash},
};

void ms_peers_init(struct ms *ms)
{
	dfs_list_init(&ms->peers);
	dfs_list_init(&ms->dead_peers);
}

static void peer_free(struct ms_peer *peer)
{
	dfs_list_remove(&peer->in_order);
	dfs_session_free(peer->session);
	free(peer);
}

void ms_peers_bury(struct ms *ms)
{
	while (!dfs_list_empty(&ms->dead_peers))
		peer_free(dfs_list_first(&ms->dead_peers, struct ms_peer, in_order));
}

void ms_peers_fini(struct ms *ms)
{
	ms_peers_bury(ms);
	while (!dfs_list_empty(&ms->peers)) {
		struct ms_peer *peer = dfs_list_first(&ms->peers, struct ms_peer, in_order);
		ms_walk_end(ms, peer);
		peer_free(peer);
	}
	dfs_map_fini(&ms->links);
	dfs_heap_fini(&ms->due);
}

struct ms_peer *ms_peer_find(const struct ms *ms, u64 link)
{
	struct dfs_map_node *found = dfs_map_find(&ms->links, link);
	return found == NULL ? NULL : dfs_map_entry(found, struct ms_peer, by_link);
}

u16 ms_peer_version(const struct ms_peer *peer)
{
	return dfs_session_peer(peer->session)->version;
}

void ms_reply_status(struct ms_peer *peer, const struct dfs_session_event *request, int status,
		     struct dfs_fxs *fxs)
{
	dfs_session_reply(peer->session, request->request, request->type, status, NULL, NULL, fxs);
}

void ms_reply(struct ms_peer *peer, const struct dfs_session_event *request,
	      struct dfs_writer *writer, struct dfs_fxs *fxs)
{
	dfs_session_reply(peer->session, request->request, request->type, 0, writer, NULL, fxs);
}

/* The link is over; its memory goes when the step ends. */
static void peer_end(struct ms *ms, struct ms_peer *peer, struct dfs_fxs *fxs)
{
	if (peer->dead)
		return;
	peer->dead = true;
	dfs_map_remove(&ms->links, &peer->by_link);
	dfs_heap_remove(&ms->due, &peer->due);
	ms_walk_end(ms, peer);
	dfs_list_remove(&peer->in_order);
	dfs_list_push_back(&ms->dead_peers, &peer->in_order);
	if (peer->client != NULL) {
		ms_gate_unlinked(ms, peer->client);
		ms_client_unlink(&ms->clients, peer->client, ms->now);
	}
	if (peer->server != NULL)
		ms_server_lost(ms, peer->server, fxs);
	peer->client = NULL;
	peer->server = NULL;
}

void ms_peer_close(struct ms *ms, struct ms_peer *peer, struct dfs_fxs *fxs)
{
	if (peer->dead)
		return;
	dfs_session_close(peer->session, fxs);
	peer_end(ms, peer, fxs);
}

/* `peer` has just proved who it is: links that the same node had before are over. */
static void replace_older(struct ms *ms, struct ms_peer *peer, struct dfs_fxs *fxs)
{
	u64 node = dfs_session_peer(peer->session)->node;
	dfs_list_for_each_safe (at, &ms->peers) {
		struct ms_peer *other = dfs_list_entry(at, struct ms_peer, in_order);
		if (other != peer && other->up && dfs_session_peer(other->session)->node == node)
			ms_peer_close(ms, other, fxs);
	}
}

static void on_up(struct ms *ms, struct ms_peer *peer, struct dfs_fxs *fxs)
{
	const struct dfs_peer *who = dfs_session_peer(peer->session);
	peer->up = true;
	replace_older(ms, peer, fxs);
	dfs_fx_log(fxs, DFS_LOG_DEBUG, "event=link_up role=%u node=%016llx name=%.100s", who->role,
		   (unsigned long long)who->node, who->name);
}

static void on_request(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		       struct dfs_fxs *fxs)
{
	const struct route *route = NULL;
	u32 role = dfs_session_peer(peer->session)->role;
	for (size_t i = 0; i < dfs_array_count(routes) && route == NULL; i++) {
		if (routes[i].type == request->type)
			route = &routes[i];
	}
	int status = 0;
	if (route == NULL)
		status = DFS_ENOSYS;
	else if ((route->roles & (1u << role)) == 0)
		status = DFS_EWRONG_ROLE;
	else if (ms->phase == MS_PHASE_STOPPING)
		status = DFS_ESTOPPING;
	else if (ms->phase != MS_PHASE_LEADING && request->type != DFS_MSG_STATUS)
		status = DFS_ENOT_LEADER;
	else if (route->attached && role == DFS_ROLE_CLIENT && peer->client == NULL)
		status = DFS_ENO_SESSION;
	if (status != 0)
		ms_reply_status(peer, request, status, fxs);
	else
		route->handler(ms, peer, request, fxs);
}

static void pull(struct ms *ms, struct ms_peer *peer, struct dfs_fxs *fxs)
{
	struct dfs_session_event event;
	while (!peer->dead && dfs_session_next(peer->session, ms->now, &event, fxs)) {
		switch (event.kind) {
		case DFS_SESSION_EV_UP:
			on_up(ms, peer, fxs);
			break;
		case DFS_SESSION_EV_REQUEST:
			on_request(ms, peer, &event, fxs);
			break;
		case DFS_SESSION_EV_REPLY:
			ms_asked(ms, peer, &event, fxs);
			break;
		case DFS_SESSION_EV_REFUSED:
			dfs_fx_log(fxs, DFS_LOG_WARN, "event=peer_refused error=%s text=\"%.*s\"",
				   dfs_error_name(event.status),
				   (int)dfs_min(event.text.length, 160u), event.text.data);
			break;
		case DFS_SESSION_EV_LOST:
			break;
		}
	}
	if (peer->dead)
		return;
	if (dfs_session_state(peer->session) == DFS_SESSION_CLOSED) {
		peer_end(ms, peer, fxs);
		return;
	}
	/* Traffic only moves the deadline away: a tick that comes too early is harmless, and
	 * cheaper than a heap operation for each message. */
	nsec deadline = dfs_session_deadline(peer->session);
	if (peer->due.position != 0 && peer->due.key <= deadline)
		return;
	dfs_heap_remove(&ms->due, &peer->due);
	if (deadline != DFS_NEVER)
		dfs_heap_insert(&ms->due, &peer->due, deadline);
}

void ms_peer_new(struct ms *ms, u64 link, struct dfs_fxs *fxs)
{
	if (ms->links.count >= DFS_PEERS_MAX || ms->phase >= MS_PHASE_STOPPING) {
		dfs_fx_link_close(fxs, link);
		return;
	}
	struct ms_peer *peer = calloc(1, sizeof(*peer));
	DFS_ASSERT(peer != NULL);
	peer->link = link;
	peer->session = dfs_session_new_acceptor(&ms->identity, link,
						 FOR_CLIENT | FOR_SERVER | FOR_ADMIN, ms->now);
	if (ms->tuned)
		dfs_session_tune(peer->session, &ms->tuning);
	dfs_map_insert(&ms->links, &peer->by_link, link);
	dfs_list_push_back(&ms->peers, &peer->in_order);
	pull(ms, peer, fxs);
}

void ms_peer_step(struct ms *ms, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	struct ms_peer *peer = ms_peer_find(ms, ev->tag);
	if (peer == NULL)
		return; /* Closed by us while the event was under way. */
	dfs_session_step(peer->session, ev, fxs);
	pull(ms, peer, fxs);
}

void ms_peers_tick(struct ms *ms, struct dfs_fxs *fxs)
{
	for (u32 left = ms->due.count; left > 0; left--) {
		struct dfs_heap_node *top = dfs_heap_top(&ms->due);
		if (top == NULL || top->key > ms->now)
			return;
		struct ms_peer *peer = dfs_container_of(top, struct ms_peer, due);
		dfs_heap_remove(&ms->due, &peer->due);
		dfs_session_tick(peer->session, ms->now, fxs);
		pull(ms, peer, fxs);
	}
}
