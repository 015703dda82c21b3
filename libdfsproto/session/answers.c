/*
 * The peer's requests and our replies to them.
 *
 * Each unanswered request of the peer has a slot; the id its owner gets is serial and slot
 * together, and serials are never reused, so an answer that comes after the link has gone, or
 * twice, finds nothing and is dropped. The peer's credits bound the slots. Called by session.c; our
 * own requests are in requests.c.
 */
#include "libdfsproto/session/session_i.h"

#include <stdlib.h>

enum { SLOT_BITS = 16 };
_Static_assert(DFS_CREDITS < 1 << SLOT_BITS, "a slot fits");

static u32 slot_take(struct dfs_session *session)
{
	if (session->asked_free == 0) {
		u32 capacity = dfs_max(session->asked_capacity * 2, 16u);
		struct session_asked *asked = realloc(session->asked, capacity * sizeof(*asked));
		DFS_ASSERT(asked != NULL);
		for (u32 i = session->asked_capacity; i < capacity; i++) {
			asked[i] = (struct session_asked){
			    .next_free = i + 1 < capacity ? i + 2 : 0,
			};
		}
		session->asked_free = session->asked_capacity + 1;
		session->asked = asked;
		session->asked_capacity = capacity;
	}
	u32 slot = session->asked_free - 1;
	session->asked_free = session->asked[slot].next_free;
	session->asked_count++;
	return slot;
}

static void slot_give_back(struct dfs_session *session, u32 slot)
{
	session->asked[slot] = (struct session_asked){.next_free = session->asked_free};
	session->asked_free = slot + 1;
	session->asked_count--;
}

void session_asked_clear(struct dfs_session *session)
{
	free(session->asked);
	session->asked = NULL;
	session->asked_capacity = 0;
	session->asked_count = 0;
	session->asked_free = 0;
}

static void send_reply(struct dfs_session *session, const struct dfs_frame *frame,
		       struct dfs_writer *writer, const struct dfs_payload *payload,
		       struct dfs_fxs *fxs)
{
	dfs_frame_seal(writer->buf, frame, payload == NULL ? 0 : payload->bytes);
	session_send_take(session, dfs_writer_take(writer), payload, fxs);
}

bool session_on_request(struct dfs_session *session, const struct dfs_frame *frame,
			struct dfs_session_event *ret_event, struct dfs_fxs *fxs)
{
	if (!dfs_msg_is_request(frame->type)) {
		struct dfs_writer writer;
		dfs_session_writer(session, &writer);
		struct dfs_frame reply = {
		    .version = writer.version,
		    .type = frame->type,
		    .flags = DFS_FRAME_REPLY,
		    .status = DFS_ENOSYS,
		    .request = frame->request,
		};
		send_reply(session, &reply, &writer, NULL, fxs);
		return false;
	}
	if (session->asked_count >= DFS_CREDITS) {
		session_lose(session, LEAVE_CLOSING, DFS_EMALFORMED,
			     "the peer sent more requests than it was allowed to", fxs);
		return false;
	}
	u32 slot = slot_take(session);
	struct session_asked *asked = &session->asked[slot];
	asked->serial = ++session->asked_serial;
	asked->peer_request = frame->request;
	asked->type = frame->type;
	ret_event->kind = DFS_SESSION_EV_REQUEST;
	ret_event->type = frame->type;
	ret_event->request = asked->serial << SLOT_BITS | slot;
	ret_event->version = frame->version;
	ret_event->body = frame->body;
	ret_event->payload = frame->payload;
	return true;
}

void dfs_session_reply(struct dfs_session *session, u64 request, u16 type, int status,
		       struct dfs_writer *writer, const struct dfs_payload *payload,
		       struct dfs_fxs *fxs)
{
	DFS_ASSERT(status <= 0);
	u32 slot = (u32)(request & ((1u << SLOT_BITS) - 1));
	struct dfs_writer empty;
	if (slot >= session->asked_capacity ||
	    session->asked[slot].serial != request >> SLOT_BITS) {
		if (writer != NULL)
			dfs_writer_fini(writer);
		return;
	}
	DFS_ASSERT(session->asked[slot].type == type);
	if (writer != NULL && status != 0)
		dfs_writer_fini(writer);
	if (writer == NULL || status != 0) {
		dfs_session_writer(session, &empty);
		writer = &empty;
		payload = status == 0 ? payload : NULL;
	}
	struct dfs_frame frame = {
	    .version = writer->version,
	    .type = type,
	    .flags = DFS_FRAME_REPLY,
	    .status = status,
	    .request = session->asked[slot].peer_request,
	};
	slot_give_back(session, slot);
	send_reply(session, &frame, writer, payload, fxs);
}

void session_asked_check(const struct dfs_session *session)
{
	u32 used = 0, free_count = 0;
	for (u32 i = 0; i < session->asked_capacity; i++)
		used += session->asked[i].serial != 0;
	for (u32 at = session->asked_free; at != 0; at = session->asked[at - 1].next_free)
		free_count++;
	DFS_ASSERT(used == session->asked_count);
	DFS_ASSERT(used + free_count == session->asked_capacity);
	DFS_ASSERT(session->link != 0 || used == 0);
}
