/*
 * Client sessions and the answers kept for them: what makes a mutation exactly-once.
 *
 * Each answer is a row (session, sequence) until the client acknowledges it. How far that went is
 * not a row of its own: every answer's row holds what had been acknowledged when it was asked for,
 * and the newest of them outlives all it acknowledges, so the highest one found is the truth after
 * a restart.
 */
#ifndef DFS_MASTER_SESSIONS_H
#define DFS_MASTER_SESSIONS_H

#include "master/core/state_i.h"

/* Fill the memory's copy from the tables. */
int ms_sessions_load(struct ms_state *state);
void ms_sessions_free(struct ms_state *state);

/* Put the answer into the batch, and delete those that the client acknowledged. */
void ms_session_answer(struct ms_state *state, const struct ms_op *op,
		       const struct ms_result *result);

/* The batch was written: bring the copy in memory up to it. */
void ms_session_opened(struct ms_state *state, u64 id, const struct dfs_row_session *row);
void ms_session_closed(struct ms_state *state, u64 id);
void ms_session_answered(struct ms_state *state, const struct ms_op *op);

#endif
