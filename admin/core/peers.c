/*
 * Links to the master and to chunkservers, and the questions that wait for their answers.
 *
 *   ad_ask() --> WAITING --reply--------------------> answered(), freed
 *                   |  --deadline, or a refusal-----> answered() with the cause, freed
 *                   '--ad_peers_close()-------------> freed
 *
 * A link that breaks is the session's business: it connects anew and asks again, until the
 * deadline.
 */
#include "admin/core/admin_i.h"

#include <stdio.h>
#include <stdlib.h>

struct ad_request {
	struct dfs_list in_peer;
	struct ad_peer *peer;
	u64 tag;
	u64 request;
	nsec deadline;
};

static u32 split(const char *addresses, struct dfs_span ret_spans[AD_MASTERS_MAX])
{
	u32 count = 0;
	while (*addresses != '\0' && count < AD_MASTERS_MAX) {
		size_t length = strcspn(addresses, ",");
		if (length > 0 && length <= DFS_ADDRESS_BYTES_MAX)
			ret_spans[count++] = dfs_span(addresses, length);
		addresses += length;
		addresses += *addresses == ',';
	}
	return count;
}

struct ad_peer *ad_peer_new(struct ad *ad, u16 role, const char *addresses, struct dfs_fxs *fxs)
{
	struct dfs_span spans[AD_MASTERS_MAX];
	u32 count = split(addresses, spans);
	DFS_ASSERT(count > 0); /* The shell has checked the operator's text. */
	struct ad_peer *peer = calloc(1, sizeof(*peer));
	DFS_ASSERT(peer != NULL);
	dfs_list_init(&peer->in_all);
	dfs_list_init(&peer->requests);
	snprintf(peer->address, sizeof(peer->address), "%s", addresses);
	peer->session =
	    dfs_session_new_connector(&ad->identity, role, spans, count, &ad->next_link);
	if (ad->config.tuning != NULL)
		dfs_session_tune(peer->session, ad->config.tuning);
	dfs_list_push_back(&ad->peers, &peer->in_all);
	dfs_session_open(peer->session, ad->now, fxs);
	return peer;
}

struct ad_peer *ad_server(struct ad *ad, u64 node, const char *address, struct dfs_fxs *fxs)
{
	dfs_list_for_each (at, &ad->peers) {
		struct ad_peer *peer = dfs_list_entry(at, struct ad_peer, in_all);
		if (peer->node == node)
			return peer;
	}
	struct ad_peer *peer = ad_peer_new(ad, DFS_ROLE_CHUNKSERVER, address, fxs);
	peer->node = node;
	return peer;
}

static void request_free(struct ad_request *request)
{
	dfs_list_remove(&request->in_peer);
	free(request);
}

static void drop_requests(struct ad_peer *peer)
{
	while (!dfs_list_empty(&peer->requests))
		request_free(dfs_list_first(&peer->requests, struct ad_request, in_peer));
}

void ad_peers_fini(struct ad *ad)
{
	while (!dfs_list_empty(&ad->peers)) {
		struct ad_peer *peer = dfs_list_first(&ad->peers, struct ad_peer, in_all);
		drop_requests(peer);
		dfs_list_remove(&peer->in_all);
		dfs_session_free(peer->session);
		free(peer);
	}
}

void ad_peers_close(struct ad *ad, struct dfs_fxs *fxs)
{
	dfs_list_for_each (at, &ad->peers) {
		struct ad_peer *peer = dfs_list_entry(at, struct ad_peer, in_all);
		drop_requests(peer);
		dfs_session_close(peer->session, fxs);
	}
}

struct ad_peer *ad_peer_find(const struct ad *ad, u64 link)
{
	dfs_list_for_each (at, &ad->peers) {
		struct ad_peer *peer = dfs_list_entry(at, struct ad_peer, in_all);
		if (dfs_session_link(peer->session) == link)
			return peer;
	}
	return NULL;
}

void ad_begin(struct ad_peer *peer, struct dfs_writer *ret_writer)
{
	dfs_session_writer(peer->session, ret_writer);
}

void ad_ask(struct ad *ad, struct ad_peer *peer, u16 type, struct dfs_writer *writer, u64 tag,
	    struct dfs_fxs *fxs)
{
	struct ad_request *request = calloc(1, sizeof(*request));
	DFS_ASSERT(request != NULL);
	request->peer = peer;
	request->tag = tag;
	request->deadline = ad->now + ad->config.arguments->timeout;
	dfs_list_init(&request->in_peer);
	dfs_list_push_back(&peer->requests, &request->in_peer);
	request->request =
	    dfs_session_request(peer->session, type, writer, NULL, (u64)(uintptr_t)request, fxs);
	/* One that has refused us already will not do better: the tick answers. */
	if (peer->refusal != 0)
		request->deadline = ad->now;
}

static void on_reply(struct ad *ad, struct ad_peer *peer, const struct dfs_session_event *event,
		     struct dfs_fxs *fxs)
{
	struct ad_request *request = (struct ad_request *)(uintptr_t)event->tag;
	struct ad_answer answer = {
	    .peer = peer,
	    .tag = request->tag,
	    .status = event->status,
	    .version = event->version,
	    .body = event->body,
	    .payload = event->payload,
	};
	DFS_ASSERT(request->peer == peer);
	DFS_ASSERT(request->request == event->request);
	request_free(request);
	if (!ad->finished)
		ad->handlers->answered(ad, &answer, fxs);
}

static void on_refused(struct ad *ad, struct ad_peer *peer, const struct dfs_session_event *event)
{
	u32 length = dfs_min(event->text.length, (u32)DFS_TEXT_BYTES_MAX);
	if (length > 0)
		memcpy(peer->refusal_text, event->text.data, length);
	peer->refusal_text[length] = '\0';
	peer->refusal = event->status;
	dfs_list_for_each (at, &peer->requests)
		dfs_list_entry(at, struct ad_request, in_peer)->deadline = ad->now;
}

static void pull(struct ad *ad, struct ad_peer *peer, struct dfs_fxs *fxs)
{
	struct dfs_session_event event;
	while (dfs_session_next(peer->session, ad->now, &event, fxs)) {
		switch (event.kind) {
		case DFS_SESSION_EV_UP:
			peer->was_up = true;
			peer->refusal = 0;
			break;
		case DFS_SESSION_EV_REFUSED:
			on_refused(ad, peer, &event);
			break;
		case DFS_SESSION_EV_REPLY:
			on_reply(ad, peer, &event, fxs);
			break;
		case DFS_SESSION_EV_REQUEST:
			dfs_session_reply(peer->session, event.request, event.type, DFS_ENOSYS,
					  NULL, NULL, fxs);
			break;
		case DFS_SESSION_EV_LOST:
			break;
		}
	}
}

void ad_peers_step(struct ad *ad, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	struct ad_peer *peer = ad_peer_find(ad, ev->tag);
	if (peer == NULL)
		return;
	dfs_session_step(peer->session, ev, fxs);
	pull(ad, peer, fxs);
}

/* The peer was asked, and its time is up. */
static void expire(struct ad *ad, struct ad_request *request, struct dfs_fxs *fxs)
{
	struct ad_peer *peer = request->peer;
	struct ad_answer answer = {
	    .peer = peer,
	    .tag = request->tag,
	    .status = peer->refusal != 0 ? peer->refusal : DFS_ETIMEDOUT,
	    .version = DFS_PROTOCOL_VERSION,
	};
	dfs_session_cancel(peer->session, request->request);
	request_free(request);
	ad->handlers->answered(ad, &answer, fxs);
}

void ad_peers_tick(struct ad *ad, struct dfs_fxs *fxs)
{
	dfs_list_for_each_safe (at, &ad->peers) {
		struct ad_peer *peer = dfs_list_entry(at, struct ad_peer, in_all);
		if (dfs_session_deadline(peer->session) <= ad->now)
			dfs_session_tick(peer->session, ad->now, fxs);
		pull(ad, peer, fxs);
		while (!ad->finished && !dfs_list_empty(&peer->requests)) {
			struct ad_request *first =
			    dfs_list_first(&peer->requests, struct ad_request, in_peer);
			if (first->deadline > ad->now)
				break;
			expire(ad, first, fxs);
		}
	}
}

nsec ad_peers_deadline(const struct ad *ad)
{
	nsec due = DFS_NEVER;
	dfs_list_for_each (at, &ad->peers) {
		struct ad_peer *peer = dfs_list_entry(at, struct ad_peer, in_all);
		due = dfs_min(due, dfs_session_deadline(peer->session));
		if (!dfs_list_empty(&peer->requests))
			due = dfs_min(
			    due,
			    dfs_list_first(&peer->requests, struct ad_request, in_peer)->deadline);
	}
	return due;
}
