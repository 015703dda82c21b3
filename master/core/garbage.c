/*
 * Chunks that no file wants any more lie in the garbage table. They go in rounds: ask every server
 * that holds some of the round to delete them, and when all have answered, FORGET_CHUNKS drops
 * those that nobody refused. Rounds make up a pass over the table; a pass starts when something was
 * added. A server that is away and comes back with a forgotten chunk has a stray: strays.c.
 */
#include "master/core/master_i.h"

#define AGAIN_AFTER (5 * DFS_SEC)

enum { ROUND_CHUNKS = 1024 };
_Static_assert((int)ROUND_CHUNKS <= (int)DFS_REPORT_CHUNKS_MAX, "a round fits into one message");

nsec ms_garbage_deadline(const struct ms *ms)
{
	const struct ms_garbage *garbage = &ms->garbage;
	if (garbage->asked > 0 || garbage->forgetting)
		return DFS_NEVER;
	if (garbage->round.count > 0 || garbage->passing || garbage->wanted)
		return 0;
	return garbage->left_behind ? garbage->again_at : DFS_NEVER;
}

void ms_delete_chunks(struct ms_server *server, enum ms_ask ask, const struct ms_chunk_list *list,
		      struct dfs_fxs *fxs)
{
	struct dfs_writer ids;
	struct dfs_writer writer;
	dfs_writer_init(&ids, ms_peer_version(server->peer), 0);
	for (u32 i = 0; i < list->count; i++) {
		struct dfs_id id = {.id = list->chunks[i]};
		dfs_id_put(&ids, &id);
	}
	struct dfs_delete_chunks request = {.chunks = dfs_writer_items(&ids)};
	dfs_session_writer(server->peer->session, &writer);
	dfs_delete_chunks_put(&writer, &request);
	(void)dfs_session_request(server->peer->session, DFS_MSG_DELETE_CHUNKS, &writer, NULL,
				  (u64)ask << MS_ASK_SHIFT, fxs);
	dfs_writer_fini(&ids);
}

static void begin_round(struct ms *ms, struct dfs_fxs *fxs)
{
	struct ms_garbage *garbage = &ms->garbage;
	u64 chunks[ROUND_CHUNKS];
	u32 count = 0;
	int status = ms_scan_garbage(ms->state, garbage->after, chunks, ROUND_CHUNKS, &count);
	if (status != 0) {
		ms_give_up(ms, fxs, "cannot read the state store (state/)", status);
		return;
	}
	for (u32 i = 0; i < count; i++) {
		struct ms_server *holders[DFS_CHAIN_MAX];
		u32 held = ms_copy_holders(&ms->servers, chunks[i], holders);
		ms_chunk_list_add(&garbage->round, chunks[i]);
		for (u32 j = 0; j < held; j++) {
			if (holders[j]->peer != NULL)
				ms_chunk_list_add(&holders[j]->garbage, chunks[i]);
		}
	}
	for (u32 i = 0; i < ms->servers.count; i++) {
		struct ms_server *server = ms->servers.slots[i];
		if (server->garbage.count == 0)
			continue;
		garbage->asked++;
		ms_delete_chunks(server, MS_ASK_GARBAGE, &server->garbage, fxs);
	}
	if (count > 0)
		garbage->after = chunks[count - 1];
	if (count < ROUND_CHUNKS)
		garbage->passing = false;
}

static void forget_round(struct ms *ms)
{
	struct ms_garbage *garbage = &ms->garbage;
	struct dfs_writer ids;
	struct dfs_writer body;
	dfs_writer_init(&ids, DFS_PROTOCOL_VERSION, 0);
	for (u32 i = 0; i < garbage->round.count; i++) {
		struct dfs_id id = {.id = garbage->round.chunks[i]};
		dfs_id_put(&ids, &id);
	}
	struct dfs_forget_chunks forget = {.chunks = dfs_writer_items(&ids)};
	ms_own_writer(&body);
	dfs_forget_chunks_put(&body, &forget);
	(void)ms_propose_own(ms, DFS_OP_FORGET_CHUNKS, &body);
	dfs_writer_fini(&ids);
	garbage->forgetting = true;
}

void ms_garbage_work(struct ms *ms, struct dfs_fxs *fxs)
{
	struct ms_garbage *garbage = &ms->garbage;
	if (ms_garbage_deadline(ms) > ms->now)
		return;
	if (garbage->round.count > 0) {
		forget_round(ms);
		return;
	}
	if (!garbage->passing) {
		garbage->passing = true;
		garbage->wanted = false;
		garbage->left_behind = false;
		garbage->after = 0;
	}
	begin_round(ms, fxs);
}

/* Both lists are in ascending order: take out of the round what the server still has. */
static void leave_behind(struct ms_garbage *garbage, const struct ms_chunk_list *refused)
{
	u32 kept = 0;
	u32 at = 0;
	for (u32 i = 0; i < garbage->round.count; i++) {
		u64 chunk = garbage->round.chunks[i];
		while (at < refused->count && refused->chunks[at] < chunk)
			at++;
		if (at == refused->count || refused->chunks[at] != chunk)
			garbage->round.chunks[kept++] = chunk;
	}
	garbage->round.count = kept;
}

void ms_garbage_answered(struct ms *ms, struct ms_server *server, int status)
{
	struct ms_garbage *garbage = &ms->garbage;
	if (server->garbage.count == 0)
		return;
	if (status != 0) {
		leave_behind(garbage, &server->garbage);
		garbage->left_behind = true;
		garbage->again_at = ms->now + AGAIN_AFTER;
	} else {
		for (u32 i = 0; i < server->garbage.count; i++)
			ms_copy_drop(&ms->servers, server, server->garbage.chunks[i]);
	}
	server->garbage.count = 0;
	DFS_ASSERT(garbage->asked > 0);
	garbage->asked--;
}

void ms_garbage_forgotten(struct ms *ms)
{
	struct ms_garbage *garbage = &ms->garbage;
	for (u32 i = 0; i < garbage->round.count; i++) {
		/* Who holds one now reported it after the round had asked around, while it was
		 * garbage and no stray: it is one from here on. */
		ms_strays_abandoned(ms, garbage->round.chunks[i]);
		ms_copies_drop(&ms->servers, garbage->round.chunks[i]);
	}
	garbage->round.count = 0;
	garbage->forgetting = false;
}

void ms_garbage_fini(struct ms *ms)
{
	ms_chunk_list_fini(&ms->garbage.round);
}
