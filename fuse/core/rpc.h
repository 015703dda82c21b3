/*
 * One request under way to the master or to a chunkserver, embedded in whatever waits for its
 * answer. `done` is called exactly once, unless the request is cancelled before.
 */
#ifndef CL_RPC_H
#define CL_RPC_H

#include "libdfsproto/base/list.h"
#include "libdfsproto/session/session.h"

struct cl;
struct cl_server;

/* Borrowed for the call of `done`. */
struct cl_answer {
	int status; /* 0, or a negative DFS_E…; then nothing else is valid. */
	u16 version;
	struct dfs_span body;
	struct dfs_buf *payload; /* NULL when there is none. */
};

struct cl_rpc {
	struct dfs_list in_link;  /* cl_master.rpcs or cl_server.rpcs, in order of sending. */
	struct cl_server *server; /* NULL: the master. */
	bool under_way;
	bool resting; /* To the master: it is to be sent again once a master takes it. */
	u16 type;
	u64 request;         /* The session's id. */
	struct dfs_buf *buf; /* To the master: the frame, kept for another master. */
	void (*done)(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer);
};

#endif
