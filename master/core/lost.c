/*
 * Chunks of which no copy is left. A chunk that was never synced may vanish with its server's
 * power, and a disk may be replaced: when the server that took a chunk's first bytes is there, has
 * reported everything, and neither it nor anybody else holds the chunk, waiting is in vain. Readers
 * and writers are told so; truncating or removing the file works.
 *
 * A COMMIT may come before its server's report: the copy is noted on the client's word, and if the
 * report does not confirm it in time, the note is dropped. Called by answers.c, locations.c,
 * on_grant.c and trims.c.
 */
#include "master/core/master_i.h"

#include <stdlib.h>

#define CONFIRMED_WITHIN (10 * DFS_SEC)
#define TOGETHER         (250 * DFS_MSEC) /* Notes fall due in bunches: each wake-up is dear. */

struct ms_note {
	struct dfs_list in_queue;
	u64 chunk;
	u32 slot;
	nsec due;
};

void ms_lost_init(struct ms *ms)
{
	dfs_list_init(&ms->notes);
}

bool ms_is_lost(const struct ms *ms, u64 chunk, u64 home)
{
	struct ms_server *holders[DFS_CHAIN_MAX];
	const struct ms_server *server = home == 0 ? NULL : ms_server_find(&ms->servers, home);
	if (server == NULL || server->peer == NULL || server->reporting)
		return false;
	return ms_copy_holders(&ms->servers, chunk, holders) == 0;
}

void ms_lost_note(struct ms *ms, const struct ms_server *server, u64 chunk)
{
	struct dfs_held held = {.chunk = chunk, .epoch = MS_GRANT_EPOCH, .state = MS_COPY_NOTED};
	struct ms_note *note = calloc(1, sizeof(*note));
	DFS_ASSERT(note != NULL);
	ms_copy_put(&ms->servers, server, &held);
	note->chunk = chunk;
	note->slot = server->slot;
	note->due = (ms->now / TOGETHER + 1) * TOGETHER + CONFIRMED_WITHIN;
	dfs_list_push_back(&ms->notes, &note->in_queue);
}

nsec ms_lost_deadline(const struct ms *ms)
{
	if (dfs_list_empty(&ms->notes))
		return DFS_NEVER;
	return dfs_list_first(&ms->notes, struct ms_note, in_queue)->due;
}

static void note_free(struct ms_note *note)
{
	dfs_list_remove(&note->in_queue);
	free(note);
}

void ms_lost_work(struct ms *ms)
{
	while (ms_lost_deadline(ms) <= ms->now) {
		struct ms_note *note = dfs_list_first(&ms->notes, struct ms_note, in_queue);
		ms_copy_drop_noted(&ms->servers, ms->servers.slots[note->slot], note->chunk);
		ms->waiting.wake = true;
		note_free(note);
	}
}

void ms_lost_fini(struct ms *ms)
{
	while (ms->notes.next != NULL && !dfs_list_empty(&ms->notes))
		note_free(dfs_list_first(&ms->notes, struct ms_note, in_queue));
}
