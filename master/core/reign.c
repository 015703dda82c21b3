/*
 * From a log that was read to a master that serves. When everything committed is applied, the new
 * leader's first entry is a RESERVE of chunk ids: once that is applied it has committed an entry of
 * its own reign, so its tables are the newest there are, and the soft state can be built from them.
 */
#include "master/core/master_i.h"

void ms_reserve_chunks(struct ms *ms)
{
	struct dfs_reserve reserve = {.chunks = ms_grants_wanted(&ms->grants)};
	struct dfs_writer body;
	if (reserve.chunks == 0)
		return;
	ms_own_writer(&body);
	dfs_reserve_put(&body, &reserve);
	(void)ms_propose_own(ms, DFS_OP_RESERVE, &body);
	ms->grants.reserving = true;
}

void ms_reign_reserved(struct ms *ms, struct dfs_fxs *fxs)
{
	if (ms->phase != MS_PHASE_REPLAYING)
		return;
	const struct ms_session *session = NULL;
	while ((session = ms_session_next(ms->state, session)) != NULL)
		(void)ms_client_add(&ms->clients, session->id, true, ms->now);
	ms->phase = MS_PHASE_LEADING;
	ms->garbage.wanted = true;
	ms->reaper.cuts_wanted = true;
	dfs_fx_log(fxs, DFS_LOG_INFO,
		   "event=ready address=%.100s term=%llu entry=%llu sessions=%u after_ms=%llu",
		   ms->address, (unsigned long long)ms_raft_term(ms->raft),
		   (unsigned long long)ms->leader.next, ms_session_count(ms->state),
		   (unsigned long long)((ms->now - ms->started) / DFS_MSEC));
}
