/*
 * Copies of chunks that nobody knows: in no file, granted to nobody. They come from writers that
 * died before their COMMIT and from servers that were away while their chunks were forgotten. Every
 * chunk a server reports is looked up here, a few at a time; strays are deleted, but not before the
 * grace period is over: until then a client may still come and say that a chunk is its own.
 */
#include "master/core/master_i.h"

#include <stdlib.h>

enum { LOOK_UPS_PER_TURN = 128 };

struct ms_stray {
	u64 chunk;
	u32 slot;
};

static void push(struct ms_stray_queue *queue, struct ms_stray stray)
{
	if (queue->count == queue->capacity) {
		u32 capacity = dfs_max(queue->capacity * 2, 256u);
		struct ms_stray *entries = malloc(capacity * sizeof(*entries));
		DFS_ASSERT(entries != NULL);
		for (u32 i = 0; i < queue->count; i++)
			entries[i] = queue->entries[(queue->head + i) & (queue->capacity - 1)];
		free(queue->entries);
		queue->entries = entries;
		queue->capacity = capacity;
		queue->head = 0;
	}
	queue->entries[(queue->head + queue->count) & (queue->capacity - 1)] = stray;
	queue->count++;
}

static struct ms_stray pop(struct ms_stray_queue *queue)
{
	DFS_ASSERT(queue->count > 0);
	struct ms_stray stray = queue->entries[queue->head];
	queue->head = (queue->head + 1) & (queue->capacity - 1);
	queue->count--;
	return stray;
}

void ms_strays_add(struct ms *ms, u64 chunk, u32 slot)
{
	push(&ms->strays.reported, (struct ms_stray){.chunk = chunk, .slot = slot});
}

void ms_strays_abandoned(struct ms *ms, u64 chunk)
{
	struct ms_server *holders[DFS_CHAIN_MAX];
	u32 count = ms_copy_holders(&ms->servers, chunk, holders);
	for (u32 i = 0; i < count; i++)
		ms_strays_add(ms, chunk, holders[i]->slot);
}

nsec ms_strays_deadline(const struct ms *ms)
{
	const struct ms_strays *strays = &ms->strays;
	bool some =
	    strays->reported.count > 0 || (strays->unknown.count > 0 && ms->reaper.grace_over);
	return some ? 0 : DFS_NEVER;
}

/* 1 known, 0 stray, or the store's error. */
static int is_known(struct ms *ms, u64 chunk)
{
	struct ms_chunk there;
	if (ms_grant_find(&ms->grants, chunk) != NULL)
		return 1;
	int status = ms_chunk_get(ms->state, chunk, &there);
	if (status != DFS_ENOENT)
		return status == 0 ? 1 : status;
	status = ms_is_garbage(ms->state, chunk);
	if (status == 1)
		ms->garbage.wanted = true;
	return status;
}

/* Names it to its server, unless that has a request of ours in flight: then it waits for its turn.
 */
static void condemn(struct ms *ms, struct ms_stray stray)
{
	struct ms_server *server = ms->servers.slots[stray.slot];
	if (server->peer == NULL)
		return; /* It will be reported again. */
	if (server->strays_asked || server->strays.count >= DFS_REPORT_CHUNKS_MAX)
		push(&ms->strays.unknown, stray);
	else
		ms_chunk_list_add(&server->strays, stray.chunk);
}

static void ask(struct ms *ms, struct dfs_fxs *fxs)
{
	for (u32 i = 0; i < ms->servers.count; i++) {
		struct ms_server *server = ms->servers.slots[i];
		if (server->strays.count == 0 || server->strays_asked)
			continue;
		server->strays_asked = true;
		ms_delete_chunks(server, MS_ASK_STRAYS, &server->strays, fxs);
	}
}

void ms_strays_work(struct ms *ms, struct dfs_fxs *fxs)
{
	struct ms_strays *strays = &ms->strays;
	u32 unknown = ms->reaper.grace_over ? strays->unknown.count : 0;
	for (u32 i = 0; i < LOOK_UPS_PER_TURN; i++) {
		struct ms_stray stray;
		if (strays->reported.count > 0)
			stray = pop(&strays->reported);
		else if (unknown > 0 && unknown-- > 0)
			stray = pop(&strays->unknown);
		else
			break;
		int known = is_known(ms, stray.chunk);
		if (known < 0) {
			ms_give_up(ms, fxs, "cannot read the state store (state/)", known);
			return;
		}
		if (known == 0 && ms->reaper.grace_over)
			condemn(ms, stray);
		else if (known == 0)
			push(&strays->unknown, stray);
	}
	ask(ms, fxs);
}

void ms_strays_answered(struct ms *ms, struct ms_server *server, int status)
{
	for (u32 i = 0; status == 0 && i < server->strays.count; i++) {
		ms_copy_drop(&ms->servers, server, server->strays.chunks[i]);
		ms->strays.deleted_count++;
	}
	server->strays.count = 0;
	server->strays_asked = false;
}

void ms_strays_fini(struct ms *ms)
{
	free(ms->strays.reported.entries);
	free(ms->strays.unknown.entries);
}
