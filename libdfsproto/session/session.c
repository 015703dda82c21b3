/*
 * The public face of a session: its life, events fed in, events pulled out.
 *
 * What happens to the link is in connect.c, the handshake in handshake.c, requests in requests.c
 * and answers.c. Nothing here calls the owner: it pulls with dfs_session_next().
 */
#include "libdfsproto/session/session_i.h"

#include <stdlib.h>

/* Of an unfinished frame, within three heartbeats: any link carries more, heartbeats are less. */
enum { HEARD_BYTES = 16 << 10 };

static struct dfs_session *session_new(struct dfs_identity *identity)
{
	struct dfs_session *session = calloc(1, sizeof(*session));
	DFS_ASSERT(session != NULL);
	session->identity = identity;
	dfs_list_init(&session->waiting);
	dfs_list_init(&session->sent);
	dfs_list_init(&session->failed);
	dfs_session_tune(session, NULL);
	return session;
}

struct dfs_session *dfs_session_new_connector(struct dfs_identity *identity, u16 expect_role,
					      const struct dfs_span *addresses, u32 count,
					      u64 *next_link)
{
	DFS_ASSERT(count > 0);
	DFS_ASSERT(*next_link > 0 && *next_link < DFS_LINK_ACCEPTED);
	struct dfs_session *session = session_new(identity);
	session->connector = true;
	session->expect_role = expect_role;
	session->next_link = next_link;
	session->addresses = calloc(count, sizeof(*session->addresses));
	DFS_ASSERT(session->addresses != NULL);
	session->addresses_count = count;
	for (u32 i = 0; i < count; i++) {
		DFS_ASSERT(addresses[i].length <= DFS_ADDRESS_BYTES_MAX);
		memcpy(session->addresses[i].text, addresses[i].data, addresses[i].length);
	}
	return session;
}

struct dfs_session *dfs_session_new_acceptor(struct dfs_identity *identity, u64 link, u32 roles,
					     nsec now)
{
	DFS_ASSERT(link != 0);
	struct dfs_session *session = session_new(identity);
	session->state = DFS_SESSION_GREETING;
	session->link = link;
	session->roles = roles;
	session->awaited = DFS_MSG_HELLO;
	session->now = now;
	session->attempt_at = now;
	session->framer = dfs_framer_new();
	dfs_framer_bound(session->framer, DFS_HANDSHAKE_BODY_BYTES_MAX, 0);
	return session;
}

void dfs_session_free(struct dfs_session *session)
{
	if (session == NULL)
		return;
	session_requests_drop_all(session);
	dfs_map_fini(&session->requests);
	session_asked_clear(session);
	session_greeting_fini(session);
	dfs_framer_free(session->framer);
	dfs_framer_free(session->retired);
	free(session->addresses);
	free(session);
}

void dfs_session_tune(struct dfs_session *session, const struct dfs_session_tuning *tuning)
{
	struct dfs_session_tuning chosen = {0};
	if (tuning != NULL)
		chosen = *tuning;
	if (chosen.heartbeat == 0)
		chosen.heartbeat = DFS_SEC;
	if (chosen.connect_max == 0)
		chosen.connect_max = 3 * DFS_SEC;
	if (chosen.backoff_min == 0)
		chosen.backoff_min = 20 * DFS_MSEC;
	if (chosen.backoff_max == 0)
		chosen.backoff_max = DFS_SEC;
	session->tuning = chosen;
}

void dfs_session_open(struct dfs_session *session, nsec now, struct dfs_fxs *fxs)
{
	session_note_time(session, now);
	if (session->state == DFS_SESSION_IDLE)
		session_connect(session, fxs);
}

void dfs_session_close(struct dfs_session *session, struct dfs_fxs *fxs)
{
	session_leave_link(session, LEAVE_CLOSING, fxs);
	session_requests_drop_all(session);
	session->pending = false;
	if (session->state != DFS_SESSION_CLOSED)
		session_move(session, DFS_SESSION_CLOSED);
}

/* The peer lives: a whole frame came, or a good part of a large one. Bytes alone do not count:
 * after a length that was damaged on its way, heartbeats would be swallowed as that frame's body
 * and keep the link for hours, while nothing is answered. */
static void heard(struct dfs_session *session)
{
	session->received_at = session->now;
	session->unframed_bytes = 0;
}

void dfs_session_step(struct dfs_session *session, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	session_note_time(session, ev->now);
	if (session->link == 0 || ev->tag != session->link)
		return;
	switch (ev->kind) {
	case DFS_EV_LINK_UP:
		if (session->state == DFS_SESSION_CONNECTING)
			session_on_link_up(session, fxs);
		break;
	case DFS_EV_LINK_BYTES:
		DFS_ASSERT(session->framer != NULL);
		dfs_framer_received(session->framer, (u32)ev->count);
		session->doubted = false;
		session->unframed_bytes += ev->count;
		if (session->unframed_bytes >= HEARD_BYTES)
			heard(session);
		break;
	case DFS_EV_LINK_DOWN:
		session_lose(session, LEAVE_DOWN, ev->status < 0 ? ev->status : DFS_ELINK_LOST,
			     session->state == DFS_SESSION_CONNECTING
				 ? "the connection could not be made"
				 : "the peer or the network closed the connection",
			     fxs);
		break;
	default: /* LINK_ROOM: credits bound what is queued; nothing waits for room. */
		break;
	}
}

void dfs_session_room(struct dfs_session *session, u8 **ret_data, u32 *ret_length)
{
	DFS_ASSERT(session->framer != NULL);
	dfs_framer_room(session->framer, ret_data, ret_length);
}

/* A frame on a session that is up. True: *ret_event was filled. */
static bool on_frame(struct dfs_session *session, const struct dfs_frame *frame,
		     struct dfs_session_event *ret_event, struct dfs_fxs *fxs)
{
	if (session->state == DFS_SESSION_GREETING)
		return session_on_greeting(session, frame, ret_event, fxs);
	DFS_ASSERT(session->state == DFS_SESSION_UP);
	bool readable =
	    frame->version >= DFS_PROTOCOL_VERSION_MIN && frame->version <= session->peer.version;
	if (readable && (frame->flags & DFS_FRAME_REPLY) != 0)
		return session_on_reply(session, frame, ret_event, fxs);
	if (readable && frame->type >= DFS_MSG_REQUESTS)
		return session_on_request(session, frame, ret_event, fxs);
	if (!readable || frame->type != DFS_MSG_PING)
		session_lose(session, LEAVE_CLOSING, DFS_EMALFORMED,
			     "the peer sent a message that has no place here", fxs);
	return false;
}

bool dfs_session_next(struct dfs_session *session, nsec now, struct dfs_session_event *ret_event,
		      struct dfs_fxs *fxs)
{
	session_note_time(session, now);
#ifndef DFS_PLANT_KEEP_PARTIAL_FRAME
	dfs_framer_free(session->retired);
	session->retired = NULL;
#endif
	for (;;) {
		memset(ret_event, 0, sizeof(*ret_event));
		if (session->pending) {
			session->pending = false;
			*ret_event = session->pending_event;
			return true;
		}
		if (session_take_failed(session, ret_event))
			return true;
		struct dfs_frame frame;
		int got = session->framer == NULL ? 0 : dfs_framer_next(session->framer, &frame);
		if (got == 0)
			return false;
		if (got > 0)
			heard(session);
		if (got < 0)
			session_lose(session, LEAVE_CLOSING, got,
				     got == DFS_ECORRUPT
					 ? "a message from the peer was damaged on its way"
					 : "the peer does not speak the dfs protocol",
				     fxs);
		else if (on_frame(session, &frame, ret_event, fxs))
			return true;
	}
}

enum dfs_session_state dfs_session_state(const struct dfs_session *session)
{
	return session->state;
}

const struct dfs_peer *dfs_session_peer(const struct dfs_session *session)
{
	return &session->peer;
}

u64 dfs_session_link(const struct dfs_session *session)
{
	return session->link;
}

const char *dfs_session_address(const struct dfs_session *session)
{
	return session->connector ? session->addresses[session->address_index].text : "accepted";
}

void dfs_session_check(const struct dfs_session *session)
{
	bool linked = session->state == DFS_SESSION_CONNECTING ||
		      session->state == DFS_SESSION_GREETING || session->state == DFS_SESSION_UP;
	bool framed = linked && session->state != DFS_SESSION_CONNECTING;
	DFS_ASSERT(linked == (session->link != 0));
	DFS_ASSERT(framed == (session->framer != NULL));
	DFS_ASSERT((session->state == DFS_SESSION_GREETING) == (session->awaited != 0));
	DFS_ASSERT(session->state != DFS_SESSION_UP || session->credits > 0);
	session_requests_check(session);
	session_asked_check(session);
}
