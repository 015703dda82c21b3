/*
 * The connection to the leading master: one session that survives links, ATTACH first on each of
 * them, and mutations numbered so that each takes place exactly once. attach.c has ATTACH and what
 * a lost session means; master_link.c the requests.
 */
#ifndef CL_MASTER_LINK_H
#define CL_MASTER_LINK_H

#include "fuse/core/rpc.h"
#include "fuse/core/timer.h"

enum cl_master_state {
	CL_MASTER_DOWN,      /* No link, or it is being made. Waits for the session. */
	CL_MASTER_ATTACHING, /* ATTACH is out: waits for its answer, or for the link's end. */
	CL_MASTER_REFUSED,   /* ATTACH was refused: waits for `retry`. */
	CL_MASTER_ATTACHED,  /* Requests flow. */
};

/* Mutations that may be unanswered at once; the master keeps the results of twice as many. */
enum { CL_MUTATIONS_MAX = DFS_RESULTS_MAX / 2 };

struct cl_master {
	struct dfs_session *session;
	enum cl_master_state state;
	u64 id;         /* Of the client session, 0 before the first ATTACH. */
	u64 attach_tag; /* Of the ATTACH that is out: later ones have another. */
	bool renewed; /* The session before this one was lost: what is open must be opened anew. */
	u32 tries;
	struct cl_timer retry;
	struct dfs_list rpcs;      /* struct cl_rpc, in order of sending. */
	struct dfs_list mutations; /* struct cl_mutation, in order of sequence. */
	u64 sequence;              /* Of the last mutation. */
	int refusal;               /* Why no master took us lately; 0: none said so. */
	char refusal_text[DFS_TEXT_BYTES_MAX + 1];
};

/* A change of the namespace. rpc.done gets its outcome; DFS_ENO_SESSION: fate unknown. */
struct cl_mutation {
	struct cl_rpc rpc; /* First: see cl_mutation_of. */
	struct dfs_list in_order;
	u64 sequence;
	nsec sent_at; /* First. */
};

void cl_master_init(struct cl *cl, const char *masters);
void cl_master_fini(struct cl *cl);
void cl_master_open(struct cl *cl);
/* Pull what happened on the link. */
void cl_master_pull(struct cl *cl);

/* Begin a request's frame; put the body into it. A body with a session begins with its id. */
void cl_master_begin(struct cl *cl, struct dfs_writer *ret_writer);
/* Send it. The rpc must not be under way; its `done` is set by the caller. */
void cl_master_send(struct cl *cl, struct cl_rpc *rpc, u16 type, struct dfs_writer *writer);
void cl_master_cancel(struct cl *cl, struct cl_rpc *rpc);

/* May another mutation be sent? Else wait: cl_call_wait_mutation, or try later. */
bool cl_may_mutate(const struct cl *cl);
/* Who asks, and the operation as `body` (without headroom; released). */
struct cl_caller {
	u32 uid;
	u32 gid;
};
void cl_mutate(struct cl *cl, struct cl_mutation *mutation, struct cl_caller caller, u16 op,
	       struct dfs_writer *body);

/* attach.c */
void cl_attach(struct cl *cl);
void cl_attach_answer(struct cl *cl, const struct dfs_session_event *event);
/* The master does not know our session any more. */
void cl_session_lost(struct cl *cl);
/* master_link.c: for attach.c. */
void cl_master_answer(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer);
void cl_master_resend(struct cl *cl, struct cl_rpc *rpc);

#endif
