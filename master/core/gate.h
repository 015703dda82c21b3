/*
 * Where operations of clients wait before they go to the log: for an operation under way that
 * rebinds the same name, and for the other clients that may be caching what this one touches.
 *
 *   on_mutate.c -> ms_gate_enter --nobody to wait for--------------------------> proposed
 *                     |  name is changing                                           ^   |
 *                     v                                                             |   v
 *                  QUEUED --> RECALLING: INVALIDATE to each holder; it answers, -----+  applied:
 *                             its lease ends, or its session is closed ms_gate_leave
 *
 * If a holder dies, its lease's end lets the operation go on. If the caller's link breaks, what was
 * not proposed is dropped; if the master dies, nothing was changed: in both cases the caller
 * repeats. A COMMIT of chunks that are not to be had any more is refused instead of proposed.
 */
#ifndef MS_GATE_H
#define MS_GATE_H

#include "libdfsproto/base/step.h"
#include "master/core/leases.h"
#include "master/core/state.h"

struct dfs_session_event;
struct ms;
struct ms_peer;
struct ms_proposal;

struct ms_touch {
	u64 ino;
	struct dfs_span name; /* In the operation's body; empty: none. */
	u32 hash;             /* Of the name; 0: none. */
};

struct ms_touches {
	u32 count;
	struct ms_touch v[DFS_STALE_MAX];
};

/* touches.c */
void ms_touches_find(struct ms_state *state, const struct ms_op *op,
		     struct ms_touches *ret_touches);

enum ms_gated_state {
	MS_GATED_NEW,
	MS_GATED_QUEUED,
	MS_GATED_RECALLING,
	MS_GATED_PROPOSED,
};

/* One operation of a client, from its arrival until it was applied. */
struct ms_gated {
	enum ms_gated_state state;
	struct dfs_list in_gate;   /* QUEUED, RECALLING: gate.queued, gate.recalling. */
	struct dfs_list in_client; /* Until PROPOSED: client.gated. */
	struct ms_client *client;  /* NULL: none, a repair. */
	u64 link;                  /* Who gets the answer. */
	u64 request;
	struct ms_op op;      /* Until PROPOSED; its body is in `body`. */
	struct dfs_buf *body; /* NULL once PROPOSED. */
	struct dfs_list recalls;
	u32 changes_count;
	struct ms_change changes[DFS_STALE_MAX];
};

/* A client that was asked to forget something. */
struct ms_recall {
	struct dfs_map_node by_id;
	struct dfs_list in_gated;
	struct dfs_list in_client; /* client.recalls */
	struct ms_gated *gated;
	struct ms_client *client;
	nsec until; /* Its lease's end. */
};

struct ms_gate {
	struct dfs_list queued;
	struct dfs_list recalling;
	struct dfs_map recalls;
	u64 recalls_made;
};

void ms_gate_init(struct ms *ms);
void ms_gate_fini(struct ms *ms);
/* Takes the operation on its way; whoever asked is (link, request). `client` is NULL for what an
 * admin tool asked for. */
void ms_gate_enter(struct ms *ms, struct ms_client *client, const struct ms_op *op, u64 link,
		   u64 request, struct dfs_fxs *fxs);
/* What an admin tool asked for, as the leader's own operation: the body is what `body` holds, which
 * ms_own_writer() began; it is released. */
void ms_gate_enter_own(struct ms *ms, const struct ms_peer *peer,
		       const struct dfs_session_event *request, u16 op, struct dfs_writer *body,
		       struct dfs_fxs *fxs);
/* It was applied: leases may be given again; those it held up go on at the end of the step. */
void ms_gate_leave(struct ms *ms, struct ms_gated *gated);
/* INVALIDATE was answered. */
void ms_gate_answered(struct ms *ms, u64 recall, int status);
/* The client is back: it is asked again. */
void ms_gate_attached(struct ms *ms, struct ms_client *client, struct dfs_fxs *fxs);
/* The client's link is gone: what it asked for and was not proposed is dropped. It repeats it when
 * it is back; if it is dead, its operations do not haunt its successor. */
void ms_gate_unlinked(struct ms *ms, struct ms_client *client);
/* The client is gone for good. */
void ms_gate_let_go(struct ms *ms, struct ms_client *client);
/* Go on with what waits no longer. */
void ms_gate_work(struct ms *ms, struct dfs_fxs *fxs);
nsec ms_gate_deadline(const struct ms *ms);
/* For an answer to `client` about these inodes (0: none): for how long it may trust it, or 0. */
u32 ms_gate_lease(struct ms *ms, struct ms_client *client, u64 first, u64 second);

#endif
