/*
 * REPAIR: an admin tool found a fault and wants it put right. Faults of the tables go through the
 * log as MEND, past the gate like every change that clients may have cached; those of the leader's
 * memory are handed to whoever looks after them. Repeating one is harmless: it is not there any
 * more, and the answer is STALE.
 */
#include "master/core/check.h"
#include "master/core/master_i.h"

/* A chunk in no file: strays.c makes sure and has it deleted. */
static int repair_stray(struct ms *ms, const struct dfs_repair *repair)
{
	const struct ms_server *server = ms_server_find(&ms->servers, repair->at);
	if (server == NULL || server->peer == NULL)
		return DFS_ENO_SERVER;
	ms_strays_add(ms, repair->subject, server->slot);
	return 0;
}

static int repair_orphan(struct ms *ms, u64 ino)
{
	if (!ms->reaper.grace_over || ms_is_open(&ms->clients, ino))
		return DFS_ESTALE;
	int orphan = ms_is_orphan(ms->state, ino);
	if (orphan == 1)
		ms_reaper_orphaned(ms, ino);
	return orphan == 0 ? DFS_ESTALE : dfs_min(orphan, 0);
}

static void mend(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		 const struct dfs_repair *repair, struct dfs_fxs *fxs)
{
	struct dfs_writer body;
	struct dfs_mend what = {
	    .fault = repair->fault,
	    .subject = repair->subject,
	    .at = repair->at,
	    .noted = repair->noted,
	    .found = repair->found,
	};
	ms_own_writer(&body);
	dfs_mend_put(&body, &what);
	ms_gate_enter_own(ms, peer, request, DFS_OP_MEND, &body, fxs);
}

void ms_on_repair(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		  struct dfs_fxs *fxs)
{
	struct dfs_repair repair;
	int status = dfs_repair_decode(request->body, ms_peer_version(peer), &repair);
	const struct ms_fault_info *info = status == 0 ? ms_fault_info(repair.fault) : NULL;
	if (status == 0 && (info == NULL || !info->repair))
		status = DFS_ENOTSUP;
	if (status == 0) {
		dfs_fx_log(fxs, DFS_LOG_WARN,
			   "event=repair fault=%s subject=%llu at=%llu noted=%llu found=%llu",
			   info->id, (unsigned long long)repair.subject,
			   (unsigned long long)repair.at, (unsigned long long)repair.noted,
			   (unsigned long long)repair.found);
		if (repair.fault == MS_FAULT_STRAY) {
			status = repair_stray(ms, &repair);
		} else if (repair.fault == MS_FAULT_ORPHAN_KEPT) {
			status = repair_orphan(ms, repair.subject);
		} else {
			mend(ms, peer, request, &repair, fxs);
			return;
		}
	}
	ms_reply_status(peer, request, status, fxs);
}
