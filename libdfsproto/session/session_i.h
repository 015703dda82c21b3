/*
 * Inside of a session, shared by the files of this folder only.
 *
 *   session.c    the public face: life, events in, events out
 *   connect.c    attempts, backoff, heartbeats, loss: everything about the link as such
 *   handshake.c  HELLO, CHALLENGE, PROVE, READY, REFUSE
 *   requests.c   our requests: waiting, sent, repeated, answered
 *   answers.c    the peer's requests and our replies
 *   auth.c       the only caller of OpenSSL
 */
#ifndef DFS_SESSION_SESSION_I_H
#define DFS_SESSION_SESSION_I_H

#include "libdfsproto/base/list.h"
#include "libdfsproto/base/map.h"
#include "libdfsproto/session/session.h"
#include "libdfsproto/wire/frame.h"

#define DFS_NONCE_BYTES              32
#define DFS_PROOF_BYTES              32

/* HELLO and REFUSE are coded with this version for ever: they come before any agreement. */
#define DFS_VERSION_BEFORE_AGREEMENT 1

/*
 *   WAITING --session_pump()--> SENT --reply--> (gone)
 *      ^                         |  \--dfs_session_cancel()--> FORGOTTEN --reply or loss--> (gone)
 *      +--session_requests_lost()+
 *   WAITING --its version is newer than the peer's--> FAILED --session_take_failed()--> (gone)
 */
enum request_state {
	REQUEST_WAITING,   /* In `waiting`, for UP, for the hold's end or for a credit. */
	REQUEST_SENT,      /* In `sent`: its reply is to come. */
	REQUEST_FORGOTTEN, /* In `sent`: a reply is to come and will be dropped. */
	REQUEST_FAILED,    /* In `failed`: cannot be sent to this peer; the owner is to be told. */
};

struct session_request {
	struct dfs_map_node by_id; /* In session->requests, whatever its state. */
	struct dfs_list queued;    /* In the list its state names. */
	enum request_state state;
	bool once; /* By dfs_session_request_first: ends with its link. */
	u16 type;
	u16 version; /* Its body is coded with. */
	u64 tag;
	struct dfs_buf *buf; /* Header and body; shared with send effects, never changed. */
	struct dfs_payload payload;
};

/* A request of the peer that we have not answered. The id given to the owner names slot and serial,
 * so that a late answer cannot reach a request of a newer link. */
struct session_asked {
	u64 serial; /* 0: free. */
	u64 peer_request;
	u32 next_free; /* Index plus one; 0 ends. */
	u16 type;
};

struct session_address {
	char text[DFS_ADDRESS_BYTES_MAX + 1];
};

struct dfs_session {
	struct dfs_identity *identity;
	enum dfs_session_state state;
	bool connector; /* For life. Otherwise an acceptor. */
	struct dfs_session_tuning tuning;
	nsec now; /* Latest time anybody told us. */

	/* The link. */
	u64 link;                   /* 0: none. */
	struct dfs_framer *framer;  /* NULL: not connected. */
	struct dfs_framer *retired; /* Of a link just left: its last event may still be in use. */
	nsec attempt_at;            /* CONNECTING, GREETING: when it began. */
	nsec retry_at;              /* BACKOFF: when it ends. */
	nsec up_at;
	nsec received_at;   /* Latest sign of life from the peer. */
	u64 unframed_bytes; /* Received since then. */
	nsec sent_at;       /* Latest frame to the peer. */
	nsec heartbeat;     /* Agreed. */
	bool doubted; /* A long stop of our own was not yet followed by bytes from the peer. */

	/* Connector. */
	struct session_address *addresses;
	u32 addresses_count;
	u32 address_index; /* In use, or used last. */
	u32 address_next;
	u64 *next_link;
	u16 expect_role;
	u32 failures; /* Attempts without lasting success in a row: the exponent of the backoff. */
	u32 hops;     /* dfs_session_next_address() calls without lasting success in a row. */

	/* Handshake. */
	u32 roles;                 /* Acceptor: bit mask of whom to let in. */
	u16 awaited;               /* GREETING: the only enum dfs_msg that may come (or REFUSE). */
	struct dfs_buf *hello;     /* GREETING: body of HELLO. */
	struct dfs_buf *challenge; /* GREETING: body of CHALLENGE. */
	struct dfs_peer peer;
	u32 credits; /* Requests the peer takes in flight. */

	/* Our requests. */
	u64 requests_made; /* Also the newest id. */
	struct dfs_map requests;
	struct dfs_list waiting; /* In order of id. */
	struct dfs_list sent;    /* In order of sending. */
	struct dfs_list failed;
	u32 sent_count; /* In `sent`. */
	u32 outstanding;
	bool held;

	/* The peer's requests. */
	struct session_asked *asked;
	u32 asked_capacity;
	u32 asked_count; /* In use. */
	u32 asked_free;  /* Index plus one of the first free slot. */
	u64 asked_serial;

	/* What the owner has not pulled yet: LOST or REFUSED. */
	bool pending;
	struct dfs_session_event pending_event;
	char text[DFS_TEXT_BYTES_MAX + 1]; /* Of the pending event, or of the one just pulled. */
};

/* connect.c */
/* The only writer of ->state after creation; asserts that the move is legal. */
void session_move(struct dfs_session *session, enum dfs_session_state state);
void session_note_time(struct dfs_session *session, nsec now);
void session_connect(struct dfs_session *session, struct dfs_fxs *fxs);
void session_on_link_up(struct dfs_session *session, struct dfs_fxs *fxs);
/* The host has closed the link already (there is nothing to close), or we do it now. */
enum session_leave { LEAVE_DOWN, LEAVE_CLOSING };
/* The link broke or we break it: on to BACKOFF or CLOSED, LOST pends when it was up. `cause` is for
 * people, without full stop. */
void session_lose(struct dfs_session *session, enum session_leave leave, int status,
		  const char *cause, struct dfs_fxs *fxs);
/* The peer or we refused: on to a long BACKOFF or CLOSED, REFUSED pends. */
void session_refused(struct dfs_session *session, int status, struct dfs_span text,
		     struct dfs_fxs *fxs);
/* Drop everything that lives with the link, without a word to the owner. */
void session_leave_link(struct dfs_session *session, enum session_leave leave, struct dfs_fxs *fxs);
/* Send a frame whose body `buf` holds behind the header's headroom. Takes the reference. */
void session_send_take(struct dfs_session *session, struct dfs_buf *buf,
		       const struct dfs_payload *payload, struct dfs_fxs *fxs);
/* Copy what a peer calls itself or tells us: printable ASCII, the rest as question marks. */
void session_copy_text(struct dfs_span text, char *ret_text, u32 capacity);

/* handshake.c */
void session_greet(struct dfs_session *session, struct dfs_fxs *fxs);
void session_greeting_fini(struct dfs_session *session);
/* A frame in GREETING. True: *ret_event is UP. */
bool session_on_greeting(struct dfs_session *session, const struct dfs_frame *frame,
			 struct dfs_session_event *ret_event, struct dfs_fxs *fxs);

/* requests.c */
void session_pump(struct dfs_session *session, struct dfs_fxs *fxs);
void session_requests_lost(struct dfs_session *session);
void session_requests_drop_all(struct dfs_session *session);
bool session_take_failed(struct dfs_session *session, struct dfs_session_event *ret_event);
bool session_on_reply(struct dfs_session *session, const struct dfs_frame *frame,
		      struct dfs_session_event *ret_event, struct dfs_fxs *fxs);
void session_requests_check(const struct dfs_session *session);

/* answers.c */
bool session_on_request(struct dfs_session *session, const struct dfs_frame *frame,
			struct dfs_session_event *ret_event, struct dfs_fxs *fxs);
void session_asked_clear(struct dfs_session *session);
void session_asked_check(const struct dfs_session *session);

/* auth.c */
void session_nonce(struct dfs_identity *identity, u8 ret_nonce[DFS_NONCE_BYTES]);
/* In constant time. */
bool session_proof_equal(struct dfs_span a, const u8 b[DFS_PROOF_BYTES]);

#endif
