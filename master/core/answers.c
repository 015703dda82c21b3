/*
 * What happens when an operation was applied: the leader's soft state follows, and whoever waits is
 * answered. Called by leader.c for each operation of each committed entry, also during replay (then
 * nobody waits and there is no soft state yet), and by on_mutate.c for repetitions.
 */
#include "master/core/master_i.h"

/* A MAKE that also opens counts as an open once, however often it is repeated: an ATTACH replaces
 * the opens by what the client knew of, and that cannot include this one. */
static void count_made(struct ms *ms, struct ms_client *client, const struct ms_op *op, u64 ino)
{
	ms_made_open_prune(client, op->acked);
	if (ms_made_open_add(client, op->sequence))
		(void)ms_open_add(&ms->clients, client, ino);
}

static bool opens(const struct ms_op *op)
{
	struct dfs_make make;
	return op->op == DFS_OP_MAKE && dfs_make_decode(op->body, op->version, &make) == 0 &&
	       make.open != 0;
}

/* Where the first chunk of a file just made goes, so that its writer need not ask. */
static void put_first_grant(struct ms *ms, struct ms_client *client, const struct dfs_attr *attr,
			    struct dfs_writer *locations)
{
	struct ms_place place = {.ino = attr->ino};
	struct ms_grant *grant;
	if ((attr->mode & MS_MODE_TYPE) != MS_MODE_REGULAR)
		return;
	if (ms_grant_take(&ms->grants, &ms->servers, client, &place, &grant) == 0)
		ms_location_put_grant(ms, locations, grant);
}

/* What is told of an operation right after it may be cached, like any other answer. */
static void put_lease(struct ms *ms, struct ms_client *client, const struct ms_op *op,
		      struct dfs_mutate_reply *reply, struct dfs_writer *parents)
{
	struct ms_touches touches;
	u32 lease_ms = ms_gate_lease(ms, client, reply->attr.ino, 0);
	if (lease_ms == 0)
		return;
	ms_touches_find(ms->state, op, &touches);
	for (u32 i = 0; i < touches.count && lease_ms != 0; i++)
		lease_ms = ms_gate_lease(ms, client, touches.v[i].ino, 0);
	reply->lease_ms = lease_ms;
	u64 told = 0;
	for (u32 i = 0; i < touches.count && lease_ms != 0; i++) {
		struct dfs_attr parent;
		u64 ino = touches.v[i].ino;
		if (touches.v[i].hash == 0 || ino == told ||
		    ms_getattr(ms->state, ino, &parent) != 0)
			continue;
		dfs_attr_put(parents, &parent);
		told = ino;
	}
}

void ms_answer_mutate(struct ms *ms, struct ms_peer *peer, u64 request, const struct ms_op *op,
		      const struct ms_result *result, struct dfs_fxs *fxs)
{
	struct dfs_writer writer;
	struct dfs_writer grants, parents;
	struct ms_client *client = ms_client_find(&ms->clients, op->session);
	bool opened = result->status == 0 && client != NULL && opens(op);
	if (opened)
		count_made(ms, client, op, result->attr.ino);
	if (peer == NULL)
		return;
	if (result->status != 0) {
		dfs_session_reply(peer->session, request, DFS_MSG_MUTATE, result->status, NULL,
				  NULL, fxs);
		return;
	}
	struct dfs_mutate_reply reply = {.existed = result->existed, .attr = result->attr};
	reply.room.bytes = DFS_ROOM_ALL;
	/* Those after which the client may write on, and that took some of it. */
	if (opened || op->op == DFS_OP_COMMIT || op->op == DFS_OP_CLONE)
		(void)ms_room_of(ms->state, reply.attr.ino, ms->wall, &reply.room);
	dfs_writer_init(&grants, ms_peer_version(peer), 0);
	if (opened && result->existed == 0 && !result->repeated && reply.room.bytes > 0)
		put_first_grant(ms, client, &result->attr, &grants);
	reply.grants = dfs_writer_items(&grants);
	dfs_writer_init(&parents, ms_peer_version(peer), 0);
	if (!result->repeated)
		put_lease(ms, client, op, &reply, &parents);
	reply.parents = dfs_writer_items(&parents);
	dfs_session_writer(peer->session, &writer);
	dfs_mutate_reply_put(&writer, &reply);
	dfs_session_reply(peer->session, request, DFS_MSG_MUTATE, 0, &writer, NULL, fxs);
	dfs_writer_fini(&grants);
	dfs_writer_fini(&parents);
}

/* Its writer stored it where the grant said; the server's report may come only after the first
 * reader or after its deletion. */
static void note_copy(struct ms *ms, const struct dfs_committed *committed)
{
	const struct ms_grant *grant = ms_grant_find(&ms->grants, committed->chunk);
	const struct ms_server *server = grant == NULL ? NULL : grant->server;
	struct ms_server *holders[DFS_CHAIN_MAX];
	if (server == NULL)
		server = ms_server_find(&ms->servers, committed->server);
	if (server != NULL && ms_copy_holders(&ms->servers, committed->chunk, holders) == 0)
		ms_lost_note(ms, server, committed->chunk);
}

/* Granted chunks that are in a table now need no grant. Of a refused COMMIT only those are let go
 * whose place in the file another chunk has taken. */
static void committed(struct ms *ms, const struct ms_op *op, int status)
{
	struct dfs_commit commit;
	struct dfs_committed each;
	struct ms_client *client = ms_client_find(&ms->clients, op->session);
	if (dfs_commit_decode(op->body, op->version, &commit) != 0)
		return;
	while (dfs_committed_next(&commit.chunks, &each)) {
		struct ms_location there;
		u32 count = 0;
		if (status == 0) {
			note_copy(ms, &each);
			ms_grant_committed(&ms->grants, each.chunk);
			continue;
		}
		int found = ms_chunks(ms->state, commit.ino, each.index, 1, &there, 1, &count);
		bool lost = found == DFS_ESTALE || (count == 1 && there.chunk != each.chunk);
		if (lost && client != NULL && ms_grant_release(&ms->grants, client, each.chunk))
			ms_strays_abandoned(ms, each.chunk);
	}
}

/* What the tables report of one operation that was really applied now. */
static void take_news(struct ms *ms, const struct ms_result *result)
{
	if (result->orphaned != 0)
		ms_reaper_orphaned(ms, result->orphaned);
	ms_expiry_noted(ms, result->expires);
	if (result->cutting != 0)
		ms->reaper.cuts_wanted = true;
	if (result->trim.chunk != 0)
		ms_trims_add(ms, &result->trim);
	if (result->garbage_count > 0)
		ms->garbage.wanted = true;
}

/* Whoever asked for it may have gone. */
static void answer_repair(struct ms *ms, const struct ms_proposal *proposal,
			  const struct ms_result *result, struct dfs_fxs *fxs)
{
	struct ms_peer *peer = ms_peer_find(ms, proposal->link);
	if (peer != NULL)
		dfs_session_reply(peer->session, proposal->request, DFS_MSG_REPAIR, result->status,
				  NULL, NULL, fxs);
}

static void answer_own(struct ms *ms, const struct ms_proposal *proposal, const struct ms_op *op,
		       const struct ms_result *result, struct dfs_fxs *fxs)
{
	struct dfs_purge purge;
	struct dfs_trimmed trimmed;
	struct dfs_reserve reserve;
	switch (op->op) {
	case DFS_OP_SESSION_OPEN:
		ms_attach_opened(ms, proposal, result->session, result->status, fxs);
		return;
	case DFS_OP_SESSION_CLOSE:
		ms_attach_closed(ms, proposal, result->session, fxs);
		return;
	case DFS_OP_RESERVE:
		if (result->status == 0 && dfs_reserve_decode(op->body, op->version, &reserve) == 0)
			ms_grants_reserved(&ms->grants, result->reserved, reserve.chunks);
		ms->waiting.wake = true;
		ms_reign_reserved(ms, fxs);
		return;
	case DFS_OP_PURGE:
		if (dfs_purge_decode(op->body, op->version, &purge) == 0)
			ms_reaper_purged(ms, &purge);
		return;
	case DFS_OP_FORGET_CHUNKS:
		ms_garbage_forgotten(ms);
		return;
	case DFS_OP_TRIMMED:
		if (dfs_trimmed_decode(op->body, op->version, &trimmed) == 0)
			ms_trims_done(ms, &trimmed);
		return;
	case DFS_OP_CUT:
		ms->reaper.cutting = false;
		return;
	case DFS_OP_TRASH_KEEP:
	case DFS_OP_RESTORE:
	case DFS_OP_REMAKE:
	case DFS_OP_EXPIRE:
		ms_trash_answer(ms, proposal, op, result, fxs);
		return;
	case DFS_OP_MEND:
		answer_repair(ms, proposal, result, fxs);
		return;
	case DFS_OP_LIMITS:
	case DFS_OP_TAKE_IN:
		ms_answer_quota(ms, proposal, result, fxs);
		return;
	default:
		return;
	}
}

void ms_answer(struct ms *ms, struct ms_proposal *proposal, const struct ms_op *op,
	       const struct ms_result *result, struct dfs_fxs *fxs)
{
	if (proposal == NULL)
		return; /* Replay: the tables tell all once it is over. */
	take_news(ms, result);
	if (proposal->gated != NULL)
		ms_gate_leave(ms, proposal->gated);
	proposal->gated = NULL;
	if (op->op >= DFS_OP_FROM_LEADER) {
		answer_own(ms, proposal, op, result, fxs);
		return;
	}
	if (op->op == DFS_OP_COMMIT && !result->repeated)
		committed(ms, op, result->status);
	struct ms_peer *peer = proposal->link == 0 ? NULL : ms_peer_find(ms, proposal->link);
	ms_answer_mutate(ms, peer, proposal->request, op, result, fxs);
}
