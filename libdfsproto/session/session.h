/*
 * One peer link as a pure state machine: hello with version range, mutual proof of the cluster key,
 * request matching both ways, heartbeats, credits, reconnect with backoff.
 *
 * A connector opens links itself and opens new ones after a loss; requests that were not answered
 * are sent again, in their order, on the next link. So a request ends in exactly one of: its reply,
 * dfs_session_cancel(), or the session's own end. The owner must therefore never have two requests
 * in flight of which a late repetition of the first would undo the second (overlapping writes).
 * An acceptor serves one link and ends with it: after pulling, its owner looks for
 * DFS_SESSION_CLOSED (a peer that never came up leaves no event) and frees it. When a node connects
 * anew, the owner closes its old acceptor first: bytes still on the way there must not act any
 * more.
 *
 * The session calls nobody. The owner feeds it, then pulls: while (dfs_session_next(...)) handle
 * it. Who embeds it: the client core, the chunkserver core, the master core.
 */
#ifndef DFS_SESSION_SESSION_H
#define DFS_SESSION_SESSION_H

#include "libdfsproto/base/step.h"
#include "libdfsproto/wire/messages.h"

#define DFS_KEY_BYTES 32

/* Who we are; the same for all sessions of a daemon. Borrowed by them for their whole life. */
struct dfs_identity {
	u8 key[DFS_KEY_BYTES]; /* The cluster's. */
	u64 cluster;           /* The cluster's id. */
	u64 node;      /* This daemon, across reconnects; a client makes a new one per mount. */
	u64 host;      /* This machine and boot. */
	u16 role;      /* enum dfs_role. */
	char name[64]; /* For the logs of the peers. */
	u8 seed[DFS_SEED_BYTES]; /* From EV_BOOT; nonces are HMAC(seed, counter). */
	u64 nonces;              /* How many were made. */
	struct dfs_prng prng;    /* Jitter of backoffs. */
};

enum dfs_session_state {
	DFS_SESSION_IDLE,       /* Connector that was told to rest, or a zeroed session. */
	DFS_SESSION_BACKOFF,    /* Connector: waits for its next attempt. */
	DFS_SESSION_CONNECTING, /* Connector: LINK_OPEN is out. */
	DFS_SESSION_GREETING,   /* Handshake under way. */
	DFS_SESSION_UP,
	DFS_SESSION_CLOSED, /* Acceptor after its link; connector after close(). */
};

enum dfs_session_event_kind {
	DFS_SESSION_EV_UP,   /* Handshake done: peer fields are valid. Kept requests were sent. */
	DFS_SESSION_EV_LOST, /* Was up and is not any more. Connectors go on by themselves. */
	DFS_SESSION_EV_REFUSED, /* The peer, or we, refused: status and text say why. Connectors
				   retry slowly. */
	DFS_SESSION_EV_REQUEST, /* The peer asks: answer with dfs_session_reply, soon or later. */
	DFS_SESSION_EV_REPLY, /* The peer answered: tag is the one given to dfs_session_request. */
};

struct dfs_session_event {
	enum dfs_session_event_kind kind;
	u16 type;    /* REQUEST, REPLY: enum dfs_msg. */
	u64 request; /* REQUEST: id for dfs_session_reply. REPLY: what dfs_session_request gave. */
	u64 tag;     /* REPLY: the owner's. */
	u16 version; /* REQUEST, REPLY: what the body is coded with; not above the peer's. */
	int status;  /* REPLY, LOST, REFUSED. */
	struct dfs_span body;    /* Borrowed until the next pull or step. */
	struct dfs_buf *payload; /* Borrowed likewise; NULL when there is none. */
	struct dfs_span text;    /* LOST, REFUSED: a sentence for people. */
};

/* What the other side said of itself; valid from EV_UP on. */
struct dfs_peer {
	u16 version; /* Agreed: encode and decode bodies with it. */
	u16 role;
	u64 node;
	u64 host;
	char name[DFS_ADDRESS_BYTES_MAX + 1];
};

/* Timing; zeroes mean the defaults in parentheses. */
struct dfs_session_tuning {
	nsec heartbeat; /* (1 s) Silence after which a PING goes out; three of them end the link. */
	nsec connect_max; /* (3 s) From LINK_OPEN to UP. */
	nsec backoff_min; /* (20 ms) */
	nsec backoff_max; /* (1 s) */
};

struct dfs_session;

/* Connect to one of `count` addresses in turn (copied), each a text "host:port" or "unix:/path".
 * `expect_role` is the role the peer must have. `link` numbers: the session uses *next_link and
 * increments it for each attempt. */
struct dfs_session *dfs_session_new_connector(struct dfs_identity *identity, u16 expect_role,
					      const struct dfs_span *addresses, u32 count,
					      u64 *next_link);
/* Serve a link the host accepted. `roles` is a bit mask (1 << role) of whom to let in. */
struct dfs_session *dfs_session_new_acceptor(struct dfs_identity *identity, u64 link, u32 roles,
					     nsec now);
/* Any state; links are not closed by it (use close first). Buffers are released. */
void dfs_session_free(struct dfs_session *session);
void dfs_session_tune(struct dfs_session *session, const struct dfs_session_tuning *tuning);

/* Start connecting (now), or stop for good: the link closes, kept requests end unanswered. */
void dfs_session_open(struct dfs_session *session, nsec now, struct dfs_fxs *fxs);
void dfs_session_close(struct dfs_session *session, struct dfs_fxs *fxs);
/* Connector: drop this link and go on with the next address at once (the peer does not lead, say).
 * Once all addresses were left so in turn, the next round begins after a backoff. LOST pends as
 * usual. */
void dfs_session_next_address(struct dfs_session *session, nsec now, struct dfs_fxs *fxs);

/* Events of the link this session has now: LINK_UP, LINK_BYTES, LINK_ROOM, LINK_DOWN. */
void dfs_session_step(struct dfs_session *session, const struct dfs_ev *ev, struct dfs_fxs *fxs);
void dfs_session_room(struct dfs_session *session, u8 **ret_data, u32 *ret_length);
/* Call when the deadline has come (harmless before): heartbeats, timeouts, reconnects. */
void dfs_session_tick(struct dfs_session *session, nsec now, struct dfs_fxs *fxs);
nsec dfs_session_deadline(const struct dfs_session *session);

/* The next thing that happened, or false. Pull until false after each step and tick. `now` stamps
 * what the session sends while it works (handshake, answers to unknown requests). */
bool dfs_session_next(struct dfs_session *session, nsec now, struct dfs_session_event *ret_event,
		      struct dfs_fxs *fxs);

/*
 * Send a request: `writer` was begun by dfs_session_writer() and holds the body; the session takes
 * its buffer. `payload` (may be NULL) is referenced: payload[offset, +bytes). Kept for repetition
 * until answered or cancelled. Before UP it is kept and sent when the session comes up; beyond the
 * peer's credits it waits inside. Returns its id. DFS_CREDITS bounds nothing here: owners bound
 * themselves.
 */
struct dfs_payload {
	struct dfs_buf *buf;
	u32 offset;
	u32 bytes;
};
void dfs_session_writer(struct dfs_session *session, struct dfs_writer *ret_writer);
u64 dfs_session_request(struct dfs_session *session, u16 type, struct dfs_writer *writer,
			const struct dfs_payload *payload, u64 tag, struct dfs_fxs *fxs);
/* Ahead of everything kept, also ahead of repetitions after a reconnect, and only while UP: what a
 * client must say first on each link (ATTACH). Never repeated: EV_LOST ends it silently. */
u64 dfs_session_request_first(struct dfs_session *session, u16 type, struct dfs_writer *writer,
			      u64 tag, struct dfs_fxs *fxs);
/* Hold all other requests back from EV_UP on until released (so ATTACH can be answered first). */
void dfs_session_hold(struct dfs_session *session, bool hold, struct dfs_fxs *fxs);
/* Forget a request: its reply, if one comes, is dropped. */
void dfs_session_cancel(struct dfs_session *session, u64 request);

/* Answer a request. Negative status: no body. `writer` may be NULL for an empty body. Harmless when
 * the link has gone meanwhile. */
void dfs_session_reply(struct dfs_session *session, u64 request, u16 type, int status,
		       struct dfs_writer *writer, const struct dfs_payload *payload,
		       struct dfs_fxs *fxs);

enum dfs_session_state dfs_session_state(const struct dfs_session *session);
const struct dfs_peer *dfs_session_peer(const struct dfs_session *session);
/* 0 when it has none. */
u64 dfs_session_link(const struct dfs_session *session);
/* Text of the address in use, for logs. */
const char *dfs_session_address(const struct dfs_session *session);
/* Requests neither answered nor cancelled. */
u32 dfs_session_outstanding(const struct dfs_session *session);
void dfs_session_check(const struct dfs_session *session);

/* 32 bytes of HMAC-SHA256(key, label | a | b); session/auth.c, by OpenSSL. */
void dfs_auth_proof(const u8 key[DFS_KEY_BYTES], const char *label, struct dfs_span a,
		    struct dfs_span b, u8 ret_proof[32]);

#endif
