/*
 * Sessions in memory and their stored answers: see sessions.h.
 */
#include "master/core/sessions.h"

#include <stdlib.h>

static struct ms_session *find(const struct ms_state *state, u64 id)
{
	struct dfs_map_node *node = dfs_map_find(&state->sessions, id);
	return node == NULL ? NULL : dfs_map_entry(node, struct ms_session, node);
}

const struct ms_session *ms_session_find(const struct ms_state *state, u64 session)
{
	return find(state, session);
}

const struct ms_session *ms_session_next(const struct ms_state *state,
					 const struct ms_session *session)
{
	const struct dfs_list *at =
	    session == NULL ? &state->sessions_in_order : &session->in_order;
	if (at->next == &state->sessions_in_order)
		return NULL;
	return dfs_list_entry(at->next, struct ms_session, in_order);
}

u32 ms_session_count(const struct ms_state *state)
{
	return state->sessions.count;
}

void ms_session_opened(struct ms_state *state, u64 id, const struct dfs_row_session *row)
{
	struct ms_session *session = calloc(1, sizeof(*session));
	DFS_ASSERT(session != NULL);
	DFS_ASSERT(row->name.length <= sizeof(session->name));
	session->id = id;
	session->client = row->client;
	session->host = row->host;
	session->opened = row->opened;
	session->name_bytes = row->name.length;
	if (row->name.length > 0)
		memcpy(session->name, row->name.data, row->name.length);
	dfs_map_insert(&state->sessions, &session->node, id);
	dfs_list_push_back(&state->sessions_in_order, &session->in_order); /* Ids only grow. */
}

static void forget(struct ms_state *state, struct ms_session *session)
{
	dfs_map_remove(&state->sessions, &session->node);
	dfs_list_remove(&session->in_order);
	free(session);
}

void ms_session_closed(struct ms_state *state, u64 id)
{
	struct ms_session *session = find(state, id);
	DFS_ASSERT(session != NULL);
	forget(state, session);
}

void ms_session_answered(struct ms_state *state, const struct ms_op *op)
{
	struct ms_session *session = find(state, op->session);
	DFS_ASSERT(session != NULL);
	session->acked = dfs_max(session->acked, op->acked);
	session->highest = dfs_max(session->highest, op->sequence);
}

void ms_sessions_free(struct ms_state *state)
{
	while (!dfs_list_empty(&state->sessions_in_order))
		forget(state,
		       dfs_list_first(&state->sessions_in_order, struct ms_session, in_order));
	dfs_map_fini(&state->sessions);
}

static int load_answers(struct ms_state *state)
{
	int status = 0;
	struct ms_scan scan;
	ms_scan_begin(&scan, state, ms_key0(MS_TABLE_RESULT), ms_key0(MS_TABLE_RESULT + 1));
	while (status == 0 && ms_scan_next(&scan)) {
		struct dfs_row_result row;
		struct ms_session *session = find(state, ms_key_first(scan.key));
		status = ms_row_result_open(state, scan.value, &row);
		if (status == 0 && session == NULL)
			status = ms_fail(state, DFS_ECORRUPT);
		if (status != 0)
			break;
		session->acked = dfs_max(session->acked, row.acked);
		session->highest = dfs_max(session->highest, ms_key_second(scan.key));
	}
	int scan_status = ms_scan_end(&scan);
	return status != 0 ? status : scan_status;
}

int ms_sessions_load(struct ms_state *state)
{
	int status = 0;
	struct ms_scan scan;
	ms_scan_begin(&scan, state, ms_key0(MS_TABLE_SESSION), ms_key0(MS_TABLE_SESSION + 1));
	while (status == 0 && ms_scan_next(&scan)) {
		struct dfs_row_session row;
		status = ms_row_session_open(state, scan.value, &row);
		if (status == 0)
			ms_session_opened(state, ms_key_first(scan.key), &row);
	}
	int scan_status = ms_scan_end(&scan);
	if (status == 0)
		status = scan_status;
	return status == 0 ? load_answers(state) : status;
}

int ms_repeat(struct ms_state *state, u64 session_id, u64 sequence, struct ms_result *ret_result)
{
	if (state->failure != 0)
		return state->failure;
	const struct ms_session *session = find(state, session_id);
	if (session == NULL)
		return DFS_ENO_SESSION;
	if (sequence <= session->acked)
		return DFS_EDUPLICATE;
	if (sequence - session->acked > DFS_RESULTS_MAX)
		return DFS_EBUSY;
	if (sequence > session->highest)
		return 0; /* The common case: nothing to look up. */
#ifdef DFS_PLANT_APPLY_TWICE
	return 0;
#endif
	struct dfs_row_result row;
	int status = ms_row_result_get(state, ms_key2(MS_TABLE_RESULT, session_id, sequence), &row);
	if (status != 0)
		return status == DFS_ENOENT ? 0 : status;
	memset(ret_result, 0, sizeof(*ret_result));
	ret_result->status = -(int)row.error;
	ret_result->existed = row.existed;
	ret_result->attr = row.attr;
	ret_result->repeated = true;
	return 1;
}

void ms_session_answer(struct ms_state *state, const struct ms_op *op,
		       const struct ms_result *result)
{
	const struct ms_session *session = find(state, op->session);
	DFS_ASSERT(session != NULL);
	DFS_ASSERT(op->acked < op->sequence);
	u64 end = dfs_min(op->acked, session->highest);
	for (u64 sequence = session->acked + 1; sequence <= end; sequence++)
		ms_row_delete(state, ms_key2(MS_TABLE_RESULT, session->id, sequence));
	struct dfs_row_result row = {
	    .error = (u32)-result->status,
	    .acked = op->acked,
	    .existed = result->existed,
	    .attr = result->attr,
	};
	ms_row_result_put(state, ms_key2(MS_TABLE_RESULT, session->id, op->sequence), &row);
}
