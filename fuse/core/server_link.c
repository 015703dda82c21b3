/*
 * See server_link.h. A server's session begins with the first request to it; requests wait in the
 * session while it connects. Patience: a second without being up fails what waits, and whoever
 * waits asks the master where the chunk is now; half a minute without requests closes the session.
 */
#include "fuse/core/client_i.h"

#include "libdfsproto/wire/chained.h"

#include <stdlib.h>

#define DOWN_PATIENCE (1 * DFS_SEC)
#define IDLE_PATIENCE (30 * DFS_SEC)

static void on_patience(struct cl *cl, struct cl_timer *timer);

static struct cl_server *server_get(struct cl *cl, u64 id)
{
	struct dfs_map_node *found = dfs_map_find(&cl->servers_by_id, id);
	if (found != NULL)
		return dfs_map_entry(found, struct cl_server, by_id);
	struct cl_server *server = calloc(1, sizeof(*server));
	DFS_ASSERT(server != NULL);
	dfs_list_init(&server->rpcs);
	dfs_list_init(&server->ready);
	dfs_list_push_back(&cl->servers, &server->in_all);
	dfs_map_insert(&cl->servers_by_id, &server->by_id, id);
	cl->servers_count++;
	return server;
}

static bool text_set(char *text, struct dfs_span to)
{
	if (dfs_span_equal(dfs_span_text(text), to))
		return false;
	if (to.length > 0)
		memcpy(text, to.data, to.length);
	text[to.length] = '\0';
	return true;
}

/* Requests end with `status`; they may be sent again at once, to wherever. */
static void fail_all(struct cl *cl, struct cl_server *server, int status)
{
	struct cl_answer answer = {.status = status};
	struct dfs_list failed;
	dfs_list_init(&failed);
	dfs_list_for_each_safe (node, &server->rpcs) {
		struct cl_rpc *rpc = dfs_list_entry(node, struct cl_rpc, in_link);
		if (server->session != NULL)
			dfs_session_cancel(server->session, rpc->request);
		dfs_list_remove(node);
		dfs_list_push_back(&failed, node);
	}
	while (!dfs_list_empty(&failed)) {
		struct cl_rpc *rpc = dfs_list_first(&failed, struct cl_rpc, in_link);
		dfs_list_remove(&rpc->in_link);
		rpc->under_way = false;
		rpc->done(cl, rpc, &answer);
	}
}

static void close_session(struct cl *cl, struct cl_server *server)
{
	cl_timer_clear(cl, &server->patience);
	server->up = false;
	if (server->session == NULL)
		return;
	dfs_session_close(server->session, cl->fx);
	cl_retire_session(cl, server->session);
	server->session = NULL;
}

/* The master's word on a server; a new address ends the session to the old one, in cl_servers_work.
 */
static struct cl_server *server_learn(struct cl *cl, const struct dfs_replica *replica)
{
	struct cl_server *server = server_get(cl, replica->server);
	bool moved = text_set(server->address, replica->address);
	moved |= text_set(server->local, replica->local);
	moved |= server->host != replica->host;
	server->host = replica->host;
	if (moved && server->session != NULL) {
		server->moved = true;
		cl->servers_moved = true;
	}
	return server;
}

void cl_servers_work(struct cl *cl)
{
	if (!cl->servers_moved)
		return;
	cl->servers_moved = false;
	dfs_list_for_each (node, &cl->servers) {
		struct cl_server *server = dfs_list_entry(node, struct cl_server, in_all);
		if (!server->moved)
			continue;
		server->moved = false;
		close_session(cl, server);
		fail_all(cl, server, DFS_ELINK_LOST);
	}
}

void cl_place_of(struct cl *cl, const struct dfs_location *location, struct cl_place *ret_place)
{
	struct dfs_items replicas = location->replicas;
	struct dfs_replica replica;
	*ret_place = (struct cl_place){
	    .chunk = location->chunk,
	    .epoch = location->epoch,
	    .valid = location->valid,
	    .length = location->base == 0 ? location->length : location->base_bytes,
	    .shared = location->shared != 0,
	    .base = location->base,
	    .base_bytes = location->base_bytes,
	};
	while (dfs_replica_next(&replicas, &replica)) {
		if (replica.address.length > 0 && ret_place->count < DFS_CHAIN_MAX)
			ret_place->servers[ret_place->count++] = server_learn(cl, &replica);
	}
}

void cl_place_chain(const struct cl_place *place, struct dfs_writer *chain)
{
	for (u32 i = 1; i < place->count; i++) {
		const struct cl_server *server = place->servers[i];
		struct dfs_replica replica = {
		    .server = server->by_id.key,
		    .host = server->host,
		    .address = dfs_span_text(server->address),
		    .local = dfs_span_text(server->local),
		};
		dfs_replica_put(chain, &replica);
	}
}

static void arm(struct cl *cl, struct cl_server *server)
{
	bool waits = !dfs_list_empty(&server->rpcs);
	if (server->up && waits)
		cl_timer_clear(cl, &server->patience);
	else
		cl_timer_set(cl, &server->patience,
			     cl->now + (waits ? DOWN_PATIENCE : IDLE_PATIENCE), on_patience);
}

static void on_patience(struct cl *cl, struct cl_timer *timer)
{
	struct cl_server *server = dfs_container_of(timer, struct cl_server, patience);
	if (dfs_list_empty(&server->rpcs)) {
		close_session(cl, server);
		return;
	}
	fail_all(cl, server, DFS_ELINK_LOST);
	if (server->session != NULL)
		arm(cl, server);
}

/* The socket of the same machine first: it is faster; the network one should that fail. Nothing is
 * sent before it is known that the right server answers there. */
static void open_session(struct cl *cl, struct cl_server *server)
{
	struct dfs_span addresses[2];
	u32 count = 0;
	if (server->local[0] != '\0' && server->host == cl->identity.host)
		addresses[count++] = dfs_span_text(server->local);
	addresses[count++] = dfs_span_text(server->address);
	server->session = dfs_session_new_connector(&cl->identity, DFS_ROLE_CHUNKSERVER, addresses,
						    count, &cl->next_link);
	if (cl->tuned)
		dfs_session_tune(server->session, &cl->tuning);
	dfs_session_hold(server->session, true, cl->fx);
	dfs_session_open(server->session, cl->now, cl->fx);
}

void cl_server_begin(struct cl *cl, struct cl_server *server, struct dfs_writer *ret_writer)
{
	if (server->session == NULL)
		open_session(cl, server);
	dfs_session_writer(server->session, ret_writer);
}

void cl_server_send(struct cl *cl, struct cl_server *server, struct cl_rpc *rpc, u16 type,
		    struct dfs_writer *writer, const struct dfs_payload *payload)
{
	DFS_ASSERT(!rpc->under_way);
	bool first = dfs_list_empty(&server->rpcs);
	rpc->server = server;
	rpc->type = type;
	rpc->under_way = true;
	dfs_list_init(&rpc->in_link);
	dfs_list_push_back(&server->rpcs, &rpc->in_link);
	if (first)
		arm(cl, server);
	rpc->request = dfs_session_request(server->session, type, writer, payload,
					   (u64)(uintptr_t)rpc, cl->fx);
}

static void settle(struct cl *cl, struct cl_rpc *rpc)
{
	DFS_ASSERT(rpc->under_way);
	rpc->under_way = false;
	dfs_list_remove(&rpc->in_link);
	if (dfs_list_empty(&rpc->server->rpcs) && rpc->server->session != NULL)
		arm(cl, rpc->server);
}

void cl_server_cancel(struct cl *cl, struct cl_rpc *rpc)
{
	if (!rpc->under_way)
		return;
	DFS_ASSERT(rpc->server != NULL);
	if (rpc->server->session != NULL)
		dfs_session_cancel(rpc->server->session, rpc->request);
	settle(cl, rpc);
}

static void on_up(struct cl *cl, struct cl_server *server)
{
	const struct dfs_peer *peer = dfs_session_peer(server->session);
	if (peer->node != server->by_id.key) {
		dfs_fx_log(cl->fx, DFS_LOG_WARN,
			   "event=other_server address=%.100s expected=%llx found=%llx "
			   "cause=\"another chunkserver has this address now\"",
			   dfs_session_address(server->session),
			   (unsigned long long)server->by_id.key, (unsigned long long)peer->node);
		/* The master learns of the move; until then nothing may be sent there. */
		close_session(cl, server);
		fail_all(cl, server, DFS_ELINK_LOST);
		return;
	}
	server->up = true;
	arm(cl, server);
	if (server->boot != 0 && server->boot != peer->host)
		cl_sync_boot(cl, server);
	server->boot = peer->host;
	dfs_session_hold(server->session, false, cl->fx);
}

/* What did not reach the whole chain is as good as not done: the master is asked where to. */
static int whole_status(const struct dfs_session_event *event)
{
	struct dfs_chained chained;
	int status = event->status;
	if (status == 0)
		status = dfs_chained_of(event->type, event->body, event->version, &chained);
	return status == 0 && chained.failed != 0 ? DFS_ENO_SERVER : status;
}

static void on_reply(struct cl *cl, const struct dfs_session_event *event)
{
	struct cl_rpc *rpc = (struct cl_rpc *)(uintptr_t)event->tag;
	DFS_ASSERT(rpc->request == event->request);
	struct cl_answer answer = {
	    .status = whole_status(event),
	    .version = event->version,
	    .body = event->body,
	    .payload = event->payload,
	};
	settle(cl, rpc);
	rpc->done(cl, rpc, &answer);
}

void cl_server_pull(struct cl *cl, struct cl_server *server)
{
	struct dfs_session_event event;
	while (server->session != NULL &&
	       dfs_session_next(server->session, cl->now, &event, cl->fx)) {
		switch (event.kind) {
		case DFS_SESSION_EV_UP:
			on_up(cl, server);
			break;
		case DFS_SESSION_EV_LOST:
			server->up = false;
			dfs_session_hold(server->session, true, cl->fx);
			arm(cl, server);
			break;
		case DFS_SESSION_EV_REFUSED:
			dfs_fx_log(
			    cl->fx, DFS_LOG_ERROR,
			    "event=server_refused address=%.100s status=%s cause=\"%.*s\"",
			    dfs_session_address(server->session), dfs_error_name(event.status),
			    (int)dfs_min(event.text.length, 100u), (const char *)event.text.data);
			break;
		case DFS_SESSION_EV_REPLY:
			on_reply(cl, &event);
			break;
		case DFS_SESSION_EV_REQUEST:
			dfs_session_reply(server->session, event.request, event.type, DFS_ENOSYS,
					  NULL, NULL, cl->fx);
			break;
		}
	}
}

void cl_servers_close(struct cl *cl)
{
	dfs_list_for_each (node, &cl->servers)
		close_session(cl, dfs_list_entry(node, struct cl_server, in_all));
}

void cl_servers_fini(struct cl *cl)
{
	dfs_list_for_each_safe (node, &cl->servers) {
		struct cl_server *server = dfs_list_entry(node, struct cl_server, in_all);
		close_session(cl, server);
		dfs_map_remove(&cl->servers_by_id, &server->by_id);
		free(server);
	}
}
