/*
 * Our requests: kept until answered, sent while the peer has credits, sent again after a loss.
 *
 * `waiting` and `sent` together are all requests in the order they were made: what is sent comes
 * from the front of `waiting`, and after a loss goes back there. A request's frame is encoded once,
 * with its id, and shared by every repetition. The states are in session_i.h; the peer's requests
 * are in answers.c. Called by session.c, handshake.c (up: pump) and connect.c (loss).
 */
#include "libdfsproto/session/session_i.h"

#include <stdlib.h>

static void request_move(struct session_request *request, enum request_state state)
{
	static const u8 legal[] = {
	    [REQUEST_WAITING] = 1 << REQUEST_SENT | 1 << REQUEST_FAILED,
	    [REQUEST_SENT] = 1 << REQUEST_FORGOTTEN | 1 << REQUEST_WAITING,
	    [REQUEST_FORGOTTEN] = 0,
	    [REQUEST_FAILED] = 0,
	};
	DFS_ASSERT((legal[request->state] & 1 << state) != 0);
	request->state = state;
}

static void release_buffers(struct session_request *request)
{
	dfs_buf_unref(request->buf);
	request->buf = NULL;
	dfs_buf_unref(request->payload.buf);
	request->payload.buf = NULL;
}

static void request_free(struct dfs_session *session, struct session_request *request)
{
	if (request->state == REQUEST_SENT || request->state == REQUEST_FORGOTTEN)
		session->sent_count--;
	if (request->state != REQUEST_FORGOTTEN)
		session->outstanding--;
	dfs_map_remove(&session->requests, &request->by_id);
	dfs_list_remove(&request->queued);
	release_buffers(request);
	free(request);
}

/* Take the writer's buffer, make the frame. In no list yet. */
static struct session_request *request_new(struct dfs_session *session, u16 type,
					   struct dfs_writer *writer,
					   const struct dfs_payload *payload, u64 tag)
{
	DFS_ASSERT(dfs_msg_is_request(type));
	struct session_request *request = calloc(1, sizeof(*request));
	DFS_ASSERT(request != NULL);
	u64 id = ++session->requests_made;
	request->state = REQUEST_WAITING;
	request->type = type;
	request->version = writer->version;
	request->tag = tag;
	request->buf = dfs_writer_take(writer);
	if (payload != NULL && payload->bytes > 0) {
		request->payload = *payload;
		dfs_buf_ref(payload->buf);
	}
	struct dfs_frame frame = {.version = request->version, .type = type, .request = id};
	dfs_frame_seal(request->buf, &frame, request->payload.bytes);
	dfs_map_insert(&session->requests, &request->by_id, id);
	dfs_list_init(&request->queued);
	session->outstanding++;
	return request;
}

static void request_send(struct dfs_session *session, struct session_request *request,
			 struct dfs_fxs *fxs)
{
	request_move(request, REQUEST_SENT);
	dfs_list_remove(&request->queued);
	dfs_list_push_back(&session->sent, &request->queued);
	session->sent_count++;
	session_send_take(session, dfs_buf_ref(request->buf), &request->payload, fxs);
}

void session_pump(struct dfs_session *session, struct dfs_fxs *fxs)
{
	if (session->state != DFS_SESSION_UP || session->held)
		return;
	while (session->sent_count < session->credits && !dfs_list_empty(&session->waiting)) {
		struct session_request *request =
		    dfs_list_first(&session->waiting, struct session_request, queued);
		if (request->version <= session->peer.version) {
			request_send(session, request, fxs);
			continue;
		}
		request_move(request, REQUEST_FAILED);
		dfs_list_remove(&request->queued);
		dfs_list_push_back(&session->failed, &request->queued);
	}
}

/* Those that an older peer could not read: they fail now, since nobody can code them anew. */
bool session_take_failed(struct dfs_session *session, struct dfs_session_event *ret_event)
{
	if (dfs_list_empty(&session->failed))
		return false;
	struct session_request *request =
	    dfs_list_first(&session->failed, struct session_request, queued);
	ret_event->kind = DFS_SESSION_EV_REPLY;
	ret_event->type = request->type;
	ret_event->request = request->by_id.key;
	ret_event->tag = request->tag;
	ret_event->version = session->peer.version;
	ret_event->status = DFS_EWRONG_VERSION;
	request_free(session, request);
	return true;
}

void session_requests_lost(struct dfs_session *session)
{
	struct dfs_list again;
	dfs_list_init(&again);
	dfs_list_for_each_safe (node, &session->sent) {
		struct session_request *request =
		    dfs_list_entry(node, struct session_request, queued);
		if (request->once || request->state == REQUEST_FORGOTTEN) {
			request_free(session, request);
			continue;
		}
		request_move(request, REQUEST_WAITING);
		session->sent_count--;
		dfs_list_remove(&request->queued);
		dfs_list_push_back(&again, &request->queued);
	}
	dfs_list_splice_back(&again, &session->waiting);
	dfs_list_splice_back(&session->waiting, &again);
	DFS_ASSERT(session->sent_count == 0);
}

static void free_all(struct dfs_session *session, struct dfs_list *list)
{
	dfs_list_for_each_safe (node, list)
		request_free(session, dfs_list_entry(node, struct session_request, queued));
}

void session_requests_drop_all(struct dfs_session *session)
{
	free_all(session, &session->sent);
	free_all(session, &session->waiting);
	free_all(session, &session->failed);
}

bool session_on_reply(struct dfs_session *session, const struct dfs_frame *frame,
		      struct dfs_session_event *ret_event, struct dfs_fxs *fxs)
{
	struct dfs_map_node *node = dfs_map_find(&session->requests, frame->request);
	struct session_request *request =
	    node == NULL ? NULL : dfs_map_entry(node, struct session_request, by_id);
	if (request == NULL || request->type != frame->type ||
	    (request->state != REQUEST_SENT && request->state != REQUEST_FORGOTTEN)) {
		session_lose(session, LEAVE_CLOSING, DFS_EMALFORMED,
			     "the peer answered what it was not asked", fxs);
		return false;
	}
	bool wanted = request->state == REQUEST_SENT;
	ret_event->kind = DFS_SESSION_EV_REPLY;
	ret_event->type = frame->type;
	ret_event->request = frame->request;
	ret_event->tag = request->tag;
	ret_event->version = frame->version;
	ret_event->status = frame->status;
	ret_event->body = frame->body;
	ret_event->payload = frame->payload;
	request_free(session, request);
	session_pump(session, fxs);
	return wanted;
}

void dfs_session_writer(struct dfs_session *session, struct dfs_writer *ret_writer)
{
	/* Before the first handshake: our own version. A peer that is older says so by pump(). */
	u16 version = session->peer.version;
	dfs_writer_init(ret_writer, version == 0 ? DFS_PROTOCOL_VERSION : version,
			DFS_FRAME_HEADER_BYTES);
}

u64 dfs_session_request(struct dfs_session *session, u16 type, struct dfs_writer *writer,
			const struct dfs_payload *payload, u64 tag, struct dfs_fxs *fxs)
{
	struct session_request *request = request_new(session, type, writer, payload, tag);
	u64 id = request->by_id.key;
	dfs_list_push_back(&session->waiting, &request->queued);
	if (session->state == DFS_SESSION_CLOSED)
		request_free(session, request);
	else
		session_pump(session, fxs);
	return id;
}

u64 dfs_session_request_first(struct dfs_session *session, u16 type, struct dfs_writer *writer,
			      u64 tag, struct dfs_fxs *fxs)
{
	DFS_ASSERT(session->state == DFS_SESSION_UP);
	struct session_request *request = request_new(session, type, writer, NULL, tag);
	request->once = true;
	request_send(session, request, fxs);
	return request->by_id.key;
}

void dfs_session_hold(struct dfs_session *session, bool hold, struct dfs_fxs *fxs)
{
	session->held = hold;
	session_pump(session, fxs);
}

void dfs_session_cancel(struct dfs_session *session, u64 id)
{
	struct dfs_map_node *node = dfs_map_find(&session->requests, id);
	if (node == NULL)
		return;
	struct session_request *request = dfs_map_entry(node, struct session_request, by_id);
	if (request->state == REQUEST_FORGOTTEN)
		return;
	if (request->state != REQUEST_SENT) {
		request_free(session, request);
		return;
	}
	/* The peer may still work at it: it keeps its credit until the reply. */
	request_move(request, REQUEST_FORGOTTEN);
	session->outstanding--;
	release_buffers(request);
}

u32 dfs_session_outstanding(const struct dfs_session *session)
{
	return session->outstanding;
}

static void check_list(const struct dfs_session *session, const struct dfs_list *list, u32 states,
		       bool ordered, u32 *counted, u32 *wanted)
{
	u64 previous = 0;
	dfs_list_for_each (node, list) {
		const struct session_request *request =
		    dfs_list_entry(node, struct session_request, queued);
		DFS_ASSERT((states & 1u << request->state) != 0);
		DFS_ASSERT(dfs_map_find(&session->requests, request->by_id.key) == &request->by_id);
		DFS_ASSERT(!ordered || request->by_id.key > previous);
		DFS_ASSERT((request->state == REQUEST_FORGOTTEN) == (request->buf == NULL));
		previous = request->by_id.key;
		*counted += 1;
		*wanted += request->state != REQUEST_FORGOTTEN;
	}
}

void session_requests_check(const struct dfs_session *session)
{
	u32 counted = 0, wanted = 0;
	check_list(session, &session->sent, 1u << REQUEST_SENT | 1u << REQUEST_FORGOTTEN, false,
		   &counted, &wanted);
	DFS_ASSERT(counted == session->sent_count);
	check_list(session, &session->waiting, 1u << REQUEST_WAITING, true, &counted, &wanted);
	check_list(session, &session->failed, 1u << REQUEST_FAILED, true, &counted, &wanted);
	DFS_ASSERT(counted == session->requests.count);
	DFS_ASSERT(wanted == session->outstanding);
	DFS_ASSERT(session->state == DFS_SESSION_UP || session->sent_count == 0);
}
