/*
 * The replicas of a chunk behind this one. A request that names a chain acts here and is sent on,
 * less the first of the chain, at the moment when its turn comes: so the head's order of a chunk's
 * changes is everybody's, since one link carries them in order. It is answered when both have
 * ended; the answer says which server behind this one did not carry it out.
 *
 * A server that does not answer in time, or whose link breaks, has failed this request, whatever it
 * did with it: nothing is repeated here, since a repetition could arrive after a newer write. The
 * client asks the master, which changes the epoch without that server. Read next: chain.c, write.c.
 */
#ifndef CS_CORE_CHAIN_H
#define CS_CORE_CHAIN_H

#include "chunkserver/core/peers.h"

/* 0, or DFS_EINVAL: the chain comes back to this server. */
int cs_chain_check(const struct cs *cs, const struct dfs_items *chain);
/* Keep what has to be sent on until the op's turn has come: a copy of the request, if its chain is
 * not empty. */
void cs_forward_keep(struct cs_op *op, const struct cs_request *request,
		     const struct dfs_items *chain);
/* Its turn has come; nothing when there is no chain. While it is pending afterwards, CS_NEXT_DONE
 * comes to the op's handler, never from within. */
void cs_forward(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs);
bool cs_forward_pending(const struct cs_op *op);
/* For answers. */
struct dfs_chained cs_forward_outcome(const struct cs_op *op);
/* Before the op is freed; what is still under way ends without anybody hearing of it. */
void cs_forward_release(struct cs_op *op);

/* Sessions with the servers behind us. */
bool cs_nexts_step(struct cs *cs, const struct dfs_ev *ev, struct dfs_fxs *fxs);
void cs_nexts_tick(struct cs *cs, struct dfs_fxs *fxs);
nsec cs_nexts_deadline(const struct cs *cs);
struct dfs_session *cs_nexts_find(const struct cs *cs, u64 link);
void cs_nexts_close(struct cs *cs, struct dfs_fxs *fxs);
void cs_nexts_fini(struct cs *cs);

#endif
