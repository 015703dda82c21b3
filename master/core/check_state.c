/*
 * ms_state_check: the checker fed from the state machine's own store, and what only the process
 * itself can compare: its memory with the tables.
 */
#include "master/core/check_i.h"
#include "master/core/state_i.h"

typedef unsigned long long ull;

static int wrong(struct dfs_text *reason, const char *what, u64 id)
{
	if (reason != NULL)
		dfs_text_add(reason, "%s %llu", what, (ull)id);
	return DFS_ECORRUPT;
}

/* Sessions and their answers are kept in memory as well. */
static int check_memory(struct ms_state *state, const struct ms_scan *scan, struct dfs_text *reason)
{
	u8 table = scan->key.data[0];
	struct dfs_row_result row;
	if (table != MS_TABLE_SESSION && table != MS_TABLE_RESULT)
		return 0;
	u64 id = ms_key_first(scan->key);
	const struct ms_session *session = ms_session_find(state, id);
	if (session == NULL)
		return wrong(reason, "not in memory: session", id);
	if (table == MS_TABLE_SESSION)
		return 0;
	u64 sequence = ms_key_second(scan->key);
	int status = ms_row_result_open(state, scan->value, &row);
	if (status != 0)
		return status;
	if (sequence <= session->acked || sequence > session->highest || row.acked > session->acked)
		return wrong(reason, "not expected: a result of session", id);
	return 0;
}

static int report(const struct ms_check *check, struct dfs_text *reason)
{
	u32 count;
	u64 dropped;
	const struct ms_finding *finding = ms_check_findings(check, &count, &dropped);
	if (count == 0)
		return 0;
	const struct ms_fault_info *info = ms_fault_info(finding->fault);
	if (reason != NULL)
		dfs_text_add(reason, "%s: %s %llu, at %llu, noted %llu, found %llu", info->id,
			     info->words[0], (ull)finding->subject, (ull)finding->at,
			     (ull)finding->noted, (ull)finding->found);
	return DFS_ECORRUPT;
}

int ms_state_check(struct ms_state *state, struct dfs_text *reason)
{
	struct ms_check *check = ms_check_new();
	struct ms_scan scan;
	int status = state->failure != 0 ? state->failure : ms_state_reread(state);
	ms_scan_begin(&scan, state, ms_key0(MS_TABLE_FORMAT), ms_key0(MS_TABLE_END));
	while (status == 0 && ms_scan_next(&scan)) {
		status = ms_check_row(check, scan.key, scan.value);
		if (status == 0)
			status = check_memory(state, &scan, reason);
	}
	int scan_status = ms_scan_end(&scan);
	if (status == 0)
		status = scan_status;
	ms_check_end(check);
	if (status == 0 && ms_check_counts(check).sessions != state->sessions.count)
		status = wrong(reason, "sessions in memory:", state->sessions.count);
	if (status == 0)
		status = report(check, reason);
	ms_check_free(check);
	return status;
}
