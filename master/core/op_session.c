/*
 * What the leader does for clients as a whole: SESSION_OPEN, SESSION_CLOSE, RESERVE of chunk ids.
 */
#include "master/core/ops.h"
#include "master/core/sessions.h"
#include "master/core/txn.h"

#define RESERVE_MAX (UINT64_C(1) << 32)

/* The root is made with the empty tables, when no operation has told the time yet: the first
 * session brings it. */
static int date_root(struct ms_state *state, nsec wall)
{
	struct ms_inode *root;
	int status = ms_txn_inode(state, DFS_INO_ROOT, &root);
	if (status != 0)
		return ms_must(state, status);
	root->row.atime = (s64)wall;
	root->row.btime = (s64)wall;
	ms_inode_modified(root, wall);
	return 0;
}

int ms_op_session_open(struct ms_state *state, const struct ms_op *op,
		       const struct dfs_session_open *body, struct ms_result *result)
{
	if (state->sessions.count >= DFS_SESSIONS_MAX)
		return DFS_EBUSY;
	u64 id = state->counters.next_session++;
	struct dfs_row_session row = {
	    .client = body->node,
	    .host = body->host,
	    .opened = op->wall,
	    .name = body->name,
	};
	ms_row_session_put(state, ms_key1(MS_TABLE_SESSION, id), &row);
	result->session = id;
	return id == 1 ? date_root(state, op->wall) : 0;
}

int ms_op_session_close(struct ms_state *state, const struct ms_op *op,
			const struct dfs_session_close *body, struct ms_result *result)
{
	(void)op;
	const struct ms_session *session = ms_session_find(state, body->session);
	if (session == NULL)
		return DFS_ENO_SESSION;
	for (u64 sequence = session->acked + 1; sequence <= session->highest; sequence++)
		ms_row_delete(state, ms_key2(MS_TABLE_RESULT, session->id, sequence));
	ms_row_delete(state, ms_key1(MS_TABLE_SESSION, session->id));
	result->session = session->id;
	return 0;
}

int ms_op_reserve(struct ms_state *state, const struct ms_op *op, const struct dfs_reserve *body,
		  struct ms_result *result)
{
	(void)op;
	if (body->chunks == 0 || body->chunks > RESERVE_MAX)
		return DFS_EINVAL;
	if (state->counters.next_chunk > UINT64_MAX - body->chunks)
		return DFS_ENOSPC;
	result->reserved = state->counters.next_chunk;
	state->counters.next_chunk += body->chunks;
	return 0;
}
