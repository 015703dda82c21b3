/*
 * The link as such: attempts and backoff, heartbeats, silence, loss.
 *
 *   IDLE --open--> CONNECTING --LINK_UP--> GREETING --handshake--> UP
 *                    ^   |                    |                    |
 *                    |   +------ failed, refused, lost, timed out -+
 *                    |                        v
 *                    +----- retry_at ----- BACKOFF          (an acceptor: CLOSED instead)
 *
 * CONNECTING and GREETING wait until attempt_at + connect_max, BACKOFF until retry_at, UP as long
 * as a frame, or much of one, comes in three heartbeats. Called by session.c; see handshake.c next.
 */
#include "libdfsproto/session/session_i.h"

enum { SILENT_PERIODS = 3, BACKOFF_SHIFT_MAX = 20 };

void session_move(struct dfs_session *session, enum dfs_session_state state)
{
	static const u8 legal[] = {
	    [DFS_SESSION_IDLE] = 1 << DFS_SESSION_CONNECTING | 1 << DFS_SESSION_CLOSED,
	    [DFS_SESSION_BACKOFF] = 1 << DFS_SESSION_CONNECTING | 1 << DFS_SESSION_CLOSED,
	    [DFS_SESSION_CONNECTING] =
		1 << DFS_SESSION_GREETING | 1 << DFS_SESSION_BACKOFF | 1 << DFS_SESSION_CLOSED,
	    [DFS_SESSION_GREETING] =
		1 << DFS_SESSION_UP | 1 << DFS_SESSION_BACKOFF | 1 << DFS_SESSION_CLOSED,
	    [DFS_SESSION_UP] = 1 << DFS_SESSION_BACKOFF | 1 << DFS_SESSION_CLOSED,
	    [DFS_SESSION_CLOSED] = 0,
	};
	DFS_ASSERT((legal[session->state] & 1 << state) != 0);
	session->state = state;
}

void session_note_time(struct dfs_session *session, nsec now)
{
	session->now = dfs_max(session->now, now);
}

void session_connect(struct dfs_session *session, struct dfs_fxs *fxs)
{
	DFS_ASSERT(session->connector);
	DFS_ASSERT(session->link == 0);
	session_move(session, DFS_SESSION_CONNECTING);
	session->address_index = session->address_next;
	session->address_next = (session->address_next + 1) % session->addresses_count;
	session->link = (*session->next_link)++;
	session->attempt_at = session->now;
	const char *address = session->addresses[session->address_index].text;
	dfs_fx_link_open(fxs, session->link, dfs_span_text(address));
}

void session_on_link_up(struct dfs_session *session, struct dfs_fxs *fxs)
{
	session_move(session, DFS_SESSION_GREETING);
	session->framer = dfs_framer_new();
#ifdef DFS_PLANT_KEEP_PARTIAL_FRAME
	if (session->retired != NULL) {
		dfs_framer_free(session->framer);
		session->framer = session->retired;
		session->retired = NULL;
	}
#endif
	dfs_framer_bound(session->framer, DFS_HANDSHAKE_BODY_BYTES_MAX, 0);
	session_greet(session, fxs);
}

/* Somewhere in the second half of a delay that doubles with each failure: many clients of one
 * server that died do not come back in step. */
static nsec backoff(struct dfs_session *session)
{
	struct dfs_prng *prng = &session->identity->prng;
	if ((prng->state[0] | prng->state[1] | prng->state[2] | prng->state[3]) == 0)
		dfs_prng_seed(prng, dfs_load_u64(session->identity->seed));
	u32 shift = dfs_min(session->failures, (u32)BACKOFF_SHIFT_MAX);
	nsec delay = session->tuning.backoff_max;
	if (session->tuning.backoff_min < delay >> shift)
		delay = session->tuning.backoff_min << shift;
	return delay - dfs_prng_below(prng, delay / 2 + 1);
}

/* Without a link: a connector tries again later, an acceptor has ended. */
static void rest(struct dfs_session *session)
{
	if (!session->connector) {
		session_requests_drop_all(session);
		session_move(session, DFS_SESSION_CLOSED);
		return;
	}
	session->retry_at = session->now + backoff(session);
	if (session->failures < UINT32_MAX)
		session->failures++;
	session_move(session, DFS_SESSION_BACKOFF);
}

void session_leave_link(struct dfs_session *session, enum session_leave leave, struct dfs_fxs *fxs)
{
	/* A link that was up for a while is a success: what follows begins with short delays. */
	if (session->state == DFS_SESSION_UP &&
	    session->now - session->up_at >= session->tuning.backoff_max) {
		session->failures = 0;
		session->hops = 0;
	}
	if (session->link != 0 && leave == LEAVE_CLOSING)
		dfs_fx_link_close(fxs, session->link);
	session->link = 0;
	if (session->framer != NULL) {
		dfs_framer_free(session->retired);
		session->retired = session->framer;
		session->framer = NULL;
	}
	session_greeting_fini(session);
	session_requests_lost(session);
	session_asked_clear(session);
}

static void pend(struct dfs_session *session, enum dfs_session_event_kind kind, int status)
{
	DFS_ASSERT(!session->pending);
	session->pending = true;
	session->pending_event = (struct dfs_session_event){
	    .kind = kind,
	    .status = status,
	    .text = dfs_span_text(session->text),
	};
}

void session_copy_text(struct dfs_span text, char *ret_text, u32 capacity)
{
	u32 length = dfs_min(text.length, capacity - 1);
	for (u32 i = 0; i < length; i++) {
		bool printable = text.data[i] >= 0x20 && text.data[i] < 0x7f;
		ret_text[i] = printable ? (char)text.data[i] : '?';
	}
	ret_text[length] = 0;
}

void session_lose(struct dfs_session *session, enum session_leave leave, int status,
		  const char *cause, struct dfs_fxs *fxs)
{
	bool was_up = session->state == DFS_SESSION_UP;
	session_leave_link(session, leave, fxs);
	if (was_up) {
		session_copy_text(dfs_span_text(cause), session->text, sizeof(session->text));
		pend(session, DFS_SESSION_EV_LOST, status);
	}
	rest(session);
	u32 failures = session->failures;
	if (!was_up && session->connector && (failures & (failures - 1)) == 0)
		dfs_fx_log(fxs, DFS_LOG_WARN,
			   "event=connect_failed address=%s attempts=%u status=%s cause=\"%s\"",
			   dfs_session_address(session), failures, dfs_error_name(status), cause);
}

void session_refused(struct dfs_session *session, int status, struct dfs_span text,
		     struct dfs_fxs *fxs)
{
	session_leave_link(session, LEAVE_CLOSING, fxs);
	session_copy_text(text, session->text, sizeof(session->text));
	pend(session, DFS_SESSION_EV_REFUSED, status);
	session->failures = dfs_max(session->failures, (u32)BACKOFF_SHIFT_MAX);
	rest(session);
}

void dfs_session_next_address(struct dfs_session *session, nsec now, struct dfs_fxs *fxs)
{
	DFS_ASSERT(session->connector);
	session_note_time(session, now);
	if (session->link == 0)
		return;
	bool was_up = session->state == DFS_SESSION_UP;
	session_leave_link(session, LEAVE_CLOSING, fxs);
	if (was_up) {
		session_copy_text(dfs_span_text("left for the next address"), session->text,
				  sizeof(session->text));
		pend(session, DFS_SESSION_EV_LOST, DFS_ELINK_LOST);
	}
	session->hops++;
	rest(session);
	if (session->hops % session->addresses_count != 0)
		session_connect(session, fxs);
}

void session_send_take(struct dfs_session *session, struct dfs_buf *buf,
		       const struct dfs_payload *payload, struct dfs_fxs *fxs)
{
	DFS_ASSERT(session->link != 0);
	struct dfs_fx *fx = dfs_fx_link_send_take(fxs, session->link, buf);
	if (payload != NULL && payload->bytes > 0) {
		fx->payload = dfs_buf_ref(payload->buf);
		fx->payload_offset = payload->offset;
		fx->payload_bytes = payload->bytes;
	}
	session->sent_at = session->now;
}

static void ping(struct dfs_session *session, struct dfs_fxs *fxs)
{
	struct dfs_writer writer;
	dfs_writer_init(&writer, session->peer.version, DFS_FRAME_HEADER_BYTES);
	struct dfs_frame frame = {.version = session->peer.version, .type = DFS_MSG_PING};
	dfs_frame_seal(writer.buf, &frame, 0);
	session_send_take(session, dfs_writer_take(&writer), NULL, fxs);
}

static void tick_up(struct dfs_session *session, struct dfs_fxs *fxs)
{
	nsec due = session->received_at + SILENT_PERIODS * session->heartbeat;
	if (session->now >= due) {
		/* We ourselves were stopped for long (suspended, starved): bytes may be waiting. */
		if (session->now - due >= session->heartbeat && !session->doubted) {
			session->doubted = true;
			session->received_at =
			    session->now - (SILENT_PERIODS - 1) * session->heartbeat;
		} else {
			session_lose(session, LEAVE_CLOSING, DFS_ETIMEDOUT,
				     "nothing was heard from the peer for three heartbeats", fxs);
			return;
		}
	}
	if (session->now - session->sent_at >= session->heartbeat)
		ping(session, fxs);
}

void dfs_session_tick(struct dfs_session *session, nsec now, struct dfs_fxs *fxs)
{
	session_note_time(session, now);
	switch (session->state) {
	case DFS_SESSION_IDLE:
	case DFS_SESSION_CLOSED:
		break;
	case DFS_SESSION_BACKOFF:
		if (session->now >= session->retry_at)
			session_connect(session, fxs);
		break;
	case DFS_SESSION_CONNECTING:
	case DFS_SESSION_GREETING:
		if (session->now - session->attempt_at >= session->tuning.connect_max)
			session_lose(session, LEAVE_CLOSING, DFS_ETIMEDOUT,
				     session->state == DFS_SESSION_CONNECTING
					 ? "the connection was not made in time"
					 : "the handshake did not end in time",
				     fxs);
		break;
	case DFS_SESSION_UP:
		tick_up(session, fxs);
		break;
	}
}

nsec dfs_session_deadline(const struct dfs_session *session)
{
	if (session->pending || !dfs_list_empty(&session->failed))
		return 0; /* Something waits to be pulled. */
	switch (session->state) {
	case DFS_SESSION_IDLE:
	case DFS_SESSION_CLOSED:
		break;
	case DFS_SESSION_BACKOFF:
		return session->retry_at;
	case DFS_SESSION_CONNECTING:
	case DFS_SESSION_GREETING:
		return session->attempt_at + session->tuning.connect_max;
	case DFS_SESSION_UP:
		return dfs_min(session->sent_at + session->heartbeat,
			       session->received_at + SILENT_PERIODS * session->heartbeat);
	}
	return DFS_NEVER;
}
