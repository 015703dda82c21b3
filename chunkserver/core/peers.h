/*
 * Who talks to us: sessions that clients and other chunkservers open, their requests, our answers.
 */
#ifndef CS_CORE_PEERS_H
#define CS_CORE_PEERS_H

#include "chunkserver/core/op.h"

/* One request as it came in. `body` and `payload` are borrowed until the session is used again:
 * handlers copy what they keep before they answer anything. */
struct cs_request {
	struct cs_origin origin;
	u16 version;
	bool from_master;
	struct dfs_span body;
	struct dfs_buf *payload;
};

void cs_peers_step(struct cs *cs, const struct dfs_ev *ev, struct dfs_fxs *fxs);
void cs_peers_tick(struct cs *cs, struct dfs_fxs *fxs);
void cs_peers_close(struct cs *cs, struct dfs_fxs *fxs);
void cs_peers_fini(struct cs *cs);
struct cs_peer *cs_peer_find(const struct cs *cs, u64 link);

/* Hand a request to its on_….c. */
void cs_dispatch(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs);

/* The session to answer on, or NULL when the peer has gone. */
struct dfs_session *cs_session_of(const struct cs *cs, const struct cs_origin *origin);
/* Answer without a body. Harmless when the peer has gone or the origin is nobody. */
void cs_reply_status(struct cs *cs, const struct cs_origin *origin, int status,
		     struct dfs_fxs *fxs);

/* The requests. */
void cs_on_write(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs);
void cs_on_read(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs);
void cs_on_sync(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs);
void cs_on_punch(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs);
void cs_on_seal(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs);
void cs_on_seek(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs);
void cs_on_trim(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs);
void cs_on_delete(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs);
void cs_on_inventory(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs);
void cs_on_status(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs);

#endif
