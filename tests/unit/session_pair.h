/*
 * Two sessions joined by in-memory byte pipes on virtual time: what session tests run on, and what
 * other tests use to get a real peer for a session. Bytes arrive chopped at random, links can be
 * cut after any number of bytes, stalled, or not come about at all. A seed repeats a run exactly.
 *
 * There is one link at a time: a new LINK_OPEN of the connector replaces the acceptor of the old
 * one, as a daemon would.
 */
#ifndef DFS_TESTS_SESSION_PAIR_H
#define DFS_TESTS_SESSION_PAIR_H

#include "libdfsproto/session/session.h"

enum pair_side { PAIR_CONNECTOR, PAIR_ACCEPTOR, PAIR_SIDES };

#define PAIR_TEXT_BYTES 1100 /* A refusal's sentence fits. */

/* A copy of one event that a session gave. */
struct pair_event {
	enum pair_side side;
	enum dfs_session_event_kind kind;
	nsec at;
	u16 type;
	u64 request;
	u64 tag;
	int status;
	u32 body_bytes;
	u32 payload_bytes;
	u32 payload_crc;
	char text[PAIR_TEXT_BYTES];
};

struct pair_pipe {
	u8 *data;
	u32 length;
	u32 capacity;
	bool closed; /* The sender closed: the receiver sees LINK_DOWN once it is empty. */
};

struct pair_end {
	struct dfs_identity identity;
	struct dfs_session *session; /* The acceptor: NULL until a link came. */
	struct dfs_fxs fxs;
	struct pair_pipe out;
	struct pair_pipe said; /* All it ever sent, when the pair records. */
	u64 sent_bytes;
	bool lets_down; /* The link is gone under it and it has not heard yet. */
};

struct session_pair {
	struct pair_end ends[PAIR_SIDES];
	nsec now;
	struct dfs_prng prng;
	struct dfs_session_tuning tuning; /* Of both; set before pair_start. */
	u16 expect_role;                  /* Of the connector: master. */
	u32 roles;                        /* Of the acceptor: clients and chunkservers. */
	u32 addresses_count;              /* 1; the connector gets "host-0:1", "host-1:1", … */
	u64 next_link;
	u64 link;         /* In being, or 0. */
	u32 chop_max;     /* Bytes per delivery: 1..chop_max at random. */
	u64 cut_after;    /* Deliver so many bytes in all, then cut the link once; DFS_NEVER. */
	bool stalled;     /* Nothing is delivered: a half-open link. */
	bool unreachable; /* LINK_OPEN ends in LINK_DOWN. */
	bool silent_open; /* LINK_OPEN ends in nothing. */
	bool mute;        /* LINK_UP is withheld: the test speaks for the connector. */
	bool recording;
	u32 opens_count;  /* LINK_OPEN so far. */
	u32 closes_count; /* LINK_CLOSE of a living link so far, by either side. */
	u32 log_lines_count;
	u64 delivered_bytes;
	char last_address[DFS_ADDRESS_BYTES_MAX + 1];
	struct pair_event *events;
	u32 events_count;
	u32 events_capacity;
	/* Called for each event when set, to answer requests; the event is recorded already. */
	void (*on_event)(struct session_pair *pair, enum pair_side side,
			 const struct dfs_session_event *event);
	void *context; /* The test's own. */
};

/* Same key and cluster, a client that connects to a master; change fields before pair_start. */
void pair_init(struct session_pair *pair, u64 seed);
void pair_start(struct session_pair *pair);
/* Frees everything; fails the test when buffers are still referenced. */
void pair_fini(struct session_pair *pair);

/* Deliver and tick until nothing more happens at this time. */
void pair_settle(struct session_pair *pair);
/* The same, moving the time along deadlines up to now + duration. */
void pair_run(struct session_pair *pair, nsec duration);
/* Both sides lose the link now, with what is in the pipes. */
void pair_cut(struct session_pair *pair);
/* Carry out what the end's session emitted: after calling it directly. */
void pair_carry_out(struct session_pair *pair, enum pair_side side);
/* Hand bytes to a side as if its peer had sent them. */
void pair_inject(struct session_pair *pair, enum pair_side to, const void *data, u32 length);

/* A request with `payload_bytes` bytes of payload (all `tag`'s low byte); GETATTR with ino = tag.
 */
u64 pair_request(struct session_pair *pair, enum pair_side from, u64 tag, u32 payload_bytes);
/* An on_event that answers GETATTR with the same ino and echoes the payload. */
void pair_echo(struct session_pair *pair, enum pair_side side,
	       const struct dfs_session_event *event);
/* Events of a kind (and side) so far; the last of them, or NULL. */
u32 pair_count(const struct session_pair *pair, enum pair_side side,
	       enum dfs_session_event_kind kind);
const struct pair_event *pair_last(const struct session_pair *pair, enum pair_side side,
				   enum dfs_session_event_kind kind);
bool pair_up(const struct session_pair *pair);

#endif
