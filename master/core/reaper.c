/*
 * Ends: client sessions that were silent too long, inodes without a name that nobody holds open,
 * map rows left behind by large truncations; and the grace period after a start, during which
 * clients may come back and say what they hold. It is over when every session of the tables has
 * attached or expired; no orphan is purged and no stray chunk deleted before.
 */
#include "master/core/master_i.h"

#include <stdlib.h>

enum { PURGE_INODES = 256, EXPIRE_PER_TURN = 64, SCAN_ROWS = 256 };

/* Orphans gather this long: a log entry, and its flush, for each would slow down `rm -r`. */
#define PURGE_AFTER (100 * DFS_MSEC)

struct purging {
	struct dfs_map_node by_ino;
};

bool ms_reaper_is_purging(const struct ms *ms, u64 ino)
{
	return dfs_map_find(&ms->reaper.purging, ino) != NULL;
}

void ms_reaper_orphaned(struct ms *ms, u64 ino)
{
	/* Before the end of the grace the table is the list: it is scanned then. */
	bool open = ms_is_open(&ms->clients, ino);
#ifdef DFS_PLANT_PURGE_OPEN
	open = false;
#endif
	if (!ms->reaper.grace_over || open)
		return;
	if (ms->reaper.orphans.count == 0)
		ms->reaper.purge_at = ms->now + PURGE_AFTER;
	ms_chunk_list_add(&ms->reaper.orphans, ino);
}

void ms_reaper_released(struct ms *ms, u64 ino)
{
	if (ms->reaper.grace_over && ms_is_orphan(ms->state, ino) == 1)
		ms_reaper_orphaned(ms, ino);
}

void ms_reaper_let_go(struct ms *ms, struct ms_client *client)
{
	u64 ino, chunk;
	while ((ino = ms_open_any(client)) != 0) {
		if (ms_open_drop_all(&ms->clients, client, ino))
			ms_reaper_released(ms, ino);
	}
	while ((chunk = ms_grant_oldest(client)) != 0) {
		if (ms_grant_release(&ms->grants, client, chunk))
			ms_strays_abandoned(ms, chunk);
	}
}

static void expire_sessions(struct ms *ms, struct dfs_fxs *fxs)
{
	struct ms_client *client;
	for (u32 i = 0; i < EXPIRE_PER_TURN; i++) {
		client = ms_clients_expired(&ms->clients, ms->now);
		if (client == NULL)
			return;
		dfs_fx_log(fxs, DFS_LOG_WARN, "event=session_expired session=%llu",
			   (unsigned long long)client->session);
		(void)ms_session_close(ms, client);
	}
}

static void end_grace(struct ms *ms, struct dfs_fxs *fxs)
{
	struct ms_reaper *reaper = &ms->reaper;
	if (reaper->grace_over || ms->clients.awaited_count > 0)
		return;
	reaper->grace_over = true;
	dfs_fx_log(fxs, DFS_LOG_INFO, "event=grace_over after_ms=%llu",
		   (unsigned long long)((ms->now - ms->started) / DFS_MSEC));
}

static int scan_orphans(struct ms *ms)
{
	struct ms_reaper *reaper = &ms->reaper;
	u64 inodes[SCAN_ROWS];
	u32 count = 0;
	int status = ms_scan_orphans(ms->state, reaper->orphans_after, inodes, SCAN_ROWS, &count);
	if (status != 0)
		return status;
	for (u32 i = 0; i < count; i++)
		ms_reaper_orphaned(ms, inodes[i]);
	if (count > 0)
		reaper->orphans_after = inodes[count - 1];
	reaper->orphans_scanned = count < SCAN_ROWS;
	return 0;
}

static nsec purge_deadline(const struct ms_reaper *reaper)
{
	if (reaper->orphans.count == 0 || reaper->purging.count > 0)
		return DFS_NEVER;
	return reaper->orphans.count >= PURGE_INODES ? 0 : reaper->purge_at;
}

/* Propose the end of some orphans. Those opened meanwhile come again when they are released. */
static void purge(struct ms *ms)
{
	struct ms_reaper *reaper = &ms->reaper;
	struct dfs_writer ids;
	struct dfs_writer body;
	if (purge_deadline(reaper) > ms->now)
		return;
	dfs_writer_init(&ids, DFS_PROTOCOL_VERSION, 0);
	while (reaper->orphans.count > 0 && ids.items < PURGE_INODES) {
		struct dfs_id id = {.id = reaper->orphans.chunks[--reaper->orphans.count]};
#ifndef DFS_PLANT_PURGE_OPEN
		if (ms_is_open(&ms->clients, id.id))
			continue;
#endif
		if (ms_reaper_is_purging(ms, id.id))
			continue;
		struct purging *purging = calloc(1, sizeof(*purging));
		DFS_ASSERT(purging != NULL);
		dfs_map_insert(&reaper->purging, &purging->by_ino, id.id);
		dfs_id_put(&ids, &id);
	}
	if (ids.items > 0) {
		struct dfs_purge request = {.inodes = dfs_writer_items(&ids)};
		ms_own_writer(&body);
		dfs_purge_put(&body, &request);
		(void)ms_propose_own(ms, DFS_OP_PURGE, &body);
	}
	dfs_writer_fini(&ids);
}

void ms_reaper_purged(struct ms *ms, const struct dfs_purge *purged)
{
	struct dfs_items inodes = purged->inodes;
	struct dfs_id id;
	while (dfs_id_next(&inodes, &id)) {
		struct dfs_map_node *found = dfs_map_find(&ms->reaper.purging, id.id);
		if (found != NULL) {
			dfs_map_remove(&ms->reaper.purging, found);
			free(dfs_map_entry(found, struct purging, by_ino));
		}
		/* Chunks granted for it can never be committed now. */
		u64 chunk;
		while ((chunk = ms_grant_of_file(&ms->grants, id.id)) != 0) {
			ms_grant_committed(&ms->grants, chunk);
			ms_strays_abandoned(ms, chunk);
		}
	}
}

static int cut(struct ms *ms)
{
	struct ms_reaper *reaper = &ms->reaper;
	struct dfs_writer body;
	struct dfs_cut request = {0};
	u32 count = 0;
	if (!reaper->cuts_wanted || reaper->cutting)
		return 0;
	int status = ms_scan_cuts(ms->state, 0, &request.ino, 1, &count);
	if (status != 0)
		return status;
	if (count == 0) {
		reaper->cuts_wanted = false;
		return 0;
	}
	ms_own_writer(&body);
	dfs_cut_put(&body, &request);
	(void)ms_propose_own(ms, DFS_OP_CUT, &body);
	reaper->cutting = true;
	return 0;
}

nsec ms_reaper_deadline(const struct ms *ms)
{
	const struct ms_reaper *reaper = &ms->reaper;
	bool now = (reaper->cuts_wanted && !reaper->cutting) ||
		   (!reaper->grace_over && ms->clients.awaited_count == 0) ||
		   (reaper->grace_over && !reaper->orphans_scanned);
	return now ? 0 : dfs_min(purge_deadline(reaper), ms_clients_deadline(&ms->clients));
}

void ms_reaper_work(struct ms *ms, struct dfs_fxs *fxs)
{
	expire_sessions(ms, fxs);
	end_grace(ms, fxs);
	int status = cut(ms);
	if (status == 0)
		status = ms_expiry_work(ms);
	if (status == 0 && ms->reaper.grace_over && !ms->reaper.orphans_scanned)
		status = scan_orphans(ms);
	if (status != 0) {
		ms_give_up(ms, fxs, "cannot read the state store (state/)", status);
		return;
	}
	purge(ms);
}

void ms_reaper_fini(struct ms *ms)
{
	struct dfs_map_node *node;
	while ((node = dfs_map_next(&ms->reaper.purging, NULL)) != NULL) {
		dfs_map_remove(&ms->reaper.purging, node);
		free(dfs_map_entry(node, struct purging, by_ino));
	}
	dfs_map_fini(&ms->reaper.purging);
	ms_chunk_list_fini(&ms->reaper.orphans);
}
