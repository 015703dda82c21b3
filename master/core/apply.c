/*
 * One operation from the log to the tables: is it new, what does it do, one batch.
 *
 * The batch holds the operation's changes, its stored answer and its position in the log, so that a
 * crash leaves all of them or none. An operation that fails changes nothing but writes its answer:
 * the client that asks again must hear the same. What must agree on all replicas is decided by the
 * tables, the operation and its position alone.
 */
#include "master/core/chunk_refs.h"
#include "master/core/ops.h"
#include "master/core/quota.h"
#include "master/core/sessions.h"
#include "master/core/txn.h"

#define DECODE_AND_RUN(NAME, name)                                                                 \
	case DFS_OP_##NAME: {                                                                      \
		struct dfs_##name body;                                                            \
		if (dfs_##name##_decode(op->body, op->version, &body) != 0)                        \
			return DFS_EMALFORMED;                                                     \
		return ms_op_##name(state, op, &body, result);                                     \
	}

static int run(struct ms_state *state, const struct ms_op *op, struct ms_result *result)
{
	if (op->version < DFS_PROTOCOL_VERSION_MIN || op->version > DFS_PROTOCOL_VERSION)
		return DFS_EMALFORMED;
	switch (op->op) {
		DECODE_AND_RUN(MAKE, make)
		DECODE_AND_RUN(LINK, link)
		DECODE_AND_RUN(UNLINK, unlink)
		DECODE_AND_RUN(RMDIR, rmdir)
		DECODE_AND_RUN(RENAME, rename)
		DECODE_AND_RUN(SETATTR, setattr)
		DECODE_AND_RUN(SETXATTR, setxattr)
		DECODE_AND_RUN(REMOVEXATTR, removexattr)
		DECODE_AND_RUN(COMMIT, commit)
		DECODE_AND_RUN(ALLOCATE, allocate)
		DECODE_AND_RUN(ACCESSED, accessed)
		DECODE_AND_RUN(CLONE, clone)
		DECODE_AND_RUN(SESSION_OPEN, session_open)
		DECODE_AND_RUN(SESSION_CLOSE, session_close)
		DECODE_AND_RUN(RESERVE, reserve)
		DECODE_AND_RUN(PURGE, purge)
		DECODE_AND_RUN(FORGET_CHUNKS, forget_chunks)
		DECODE_AND_RUN(TRIMMED, trimmed)
		DECODE_AND_RUN(CUT, cut)
		DECODE_AND_RUN(MEND, mend)
		DECODE_AND_RUN(LIMITS, limits)
		DECODE_AND_RUN(TAKE_IN, take_in)
		DECODE_AND_RUN(TRASH_KEEP, trash_keep)
		DECODE_AND_RUN(RESTORE, restore)
		DECODE_AND_RUN(REMAKE, remake)
		DECODE_AND_RUN(EXPIRE, expire)
	default:
		return DFS_ENOSYS;
	}
}

/* As ms_repeat: 1 the stored answer, 0 new, or why the operation is not even looked at. */
static int admit(struct ms_state *state, const struct ms_op *op, struct ms_result *ret_result)
{
	if (op->op >= DFS_OP_FROM_LEADER)
		return op->session == 0 ? 0 : DFS_EMALFORMED;
	if (op->sequence == 0 || op->acked >= op->sequence)
		return DFS_EMALFORMED;
	return ms_repeat(state, op->session, op->sequence, ret_result);
}

static bool applied(const struct ms_state *state, struct ms_position at)
{
	const struct dfs_row_counters *counters = &state->counters;
	if (at.index != counters->applied_index)
		return at.index < counters->applied_index;
	return at.number <= counters->applied_number;
}

/* The operation failed: as if it had not been looked at, but for its answer. */
static void undo(struct ms_state *state, const struct dfs_row_counters *before,
		 struct ms_result *result)
{
	int status = result->status;
	memset(result, 0, sizeof(*result));
	result->status = status;
	state->counters = *before;
	state->garbage_count = 0;
	state->inodes_count = 0;
	ms_quotas_forget(state);
	ms_refs_clear(state);
	dfs_kv_batch_clear(&state->batch);
}

static int write_batch(struct ms_state *state, struct ms_position at)
{
	state->counters.applied_index = at.index;
	state->counters.applied_number = at.number;
	ms_row_counters_put(state, ms_key0(MS_TABLE_COUNTERS), &state->counters);
	int status = dfs_kv_write(state->kv, &state->batch);
	return status == 0 ? 0 : ms_fail(state, status);
}

/* The tables have it; now the copy in memory. */
static void follow(struct ms_state *state, const struct ms_op *op, const struct ms_result *result)
{
	if (op->op == DFS_OP_SESSION_OPEN && result->session != 0) {
		struct dfs_session_open body;
		int status = dfs_session_open_decode(op->body, op->version, &body);
		DFS_ASSERT(status == 0);
		struct dfs_row_session row = {
		    .client = body.node, .host = body.host, .opened = op->wall, .name = body.name};
		ms_session_opened(state, result->session, &row);
	}
	if (op->op == DFS_OP_SESSION_CLOSE && result->session != 0)
		ms_session_closed(state, result->session);
}

static void begin(struct ms_state *state)
{
	state->inodes_count = 0;
	state->garbage_count = 0;
	ms_quotas_forget(state);
	ms_refs_clear(state);
	dfs_kv_batch_clear(&state->batch);
}

int ms_apply(struct ms_state *state, struct ms_position at, const struct ms_op *op,
	     struct ms_result *ret_result)
{
	struct dfs_row_counters before = state->counters;
	struct ms_result *result = ret_result;
	memset(result, 0, sizeof(*result));
	if (state->failure != 0)
		return state->failure;
	begin(state);
	int admitted = admit(state, op, result);
	if (applied(state, at)) {
		if (admitted < 0)
			result->status = admitted;
		result->skipped = true;
		return state->failure;
	}
	if (admitted < 0)
		result->status = admitted;
	if (admitted == 0) {
		result->status = run(state, op, result);
		if (result->status == 0)
			result->status = ms_txn_flush(state, op);
		if (result->status != 0)
			undo(state, &before, result);
		if (state->failure != 0)
			goto failed;
		result->garbage = state->garbage;
		result->garbage_count = state->garbage_count;
		if (op->session != 0)
			ms_session_answer(state, op, result);
	}
	if (state->failure == 0 && write_batch(state, at) == 0) {
		if (admitted == 0 && op->session != 0)
			ms_session_answered(state, op);
		follow(state, op, result);
		return 0;
	}
failed:
	state->counters = before;
	return state->failure;
}

int ms_apply_nothing(struct ms_state *state, u64 index)
{
	struct ms_position at = {.index = index};
	if (state->failure != 0 || applied(state, at))
		return state->failure;
	struct dfs_row_counters before = state->counters;
	begin(state);
	if (write_batch(state, at) == 0)
		return 0;
	state->counters = before;
	return state->failure;
}
