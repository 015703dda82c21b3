/*
 * EXAMINE: what is known of some inodes and chunks at this moment, by the tables and by the
 * leader's memory. An admin tool asks for those that looked wrong in older answers.
 */
#include "master/core/master_i.h"

enum { QUEUE_LOOKED_AT = 4096 };

/* Somebody has it open or may still say so; or its end is on its way. */
static bool is_held(const struct ms *ms, u64 ino)
{
	if (!ms->reaper.grace_over || !ms->reaper.orphans_scanned)
		return true;
	if (ms_is_open(&ms->clients, ino) || ms_reaper_is_purging(ms, ino))
		return true;
	/* So many that looking through them would take long: it will be asked again. */
	if (ms->reaper.orphans.count > QUEUE_LOOKED_AT)
		return true;
	for (u32 i = 0; i < ms->reaper.orphans.count; i++) {
		if (ms->reaper.orphans.chunks[i] == ino)
			return true;
	}
	return false;
}

static int put_inode(struct ms *ms, u64 ino, struct dfs_writer *inodes)
{
	struct dfs_attr attr;
	int orphan = ms_is_orphan(ms->state, ino);
	int status = ms_getattr(ms->state, ino, &attr);
	if (orphan < 0)
		return orphan;
	if (status != 0 && status != DFS_ESTALE)
		return status;
	struct dfs_inode_fact fact = {
	    .ino = ino,
	    .exists = status == 0,
	    .orphan = orphan == 1,
	    .open = ms_is_open(&ms->clients, ino),
	    .held = is_held(ms, ino),
	};
	dfs_inode_fact_put(inodes, &fact);
	return 0;
}

/* Where a chunk may be that nobody has told of. */
static bool is_away(const struct ms *ms, u64 home)
{
	const struct ms_server *server = home == 0 ? NULL : ms_server_find(&ms->servers, home);
	return home != 0 && (server == NULL || server->peer == NULL || server->reporting);
}

static int put_chunk(struct ms *ms, u64 id, struct dfs_writer *chunks)
{
	struct ms_chunk chunk;
	struct ms_server *holders[DFS_CHAIN_MAX];
	struct dfs_chunk_fact fact = {.chunk = id};
	int status = ms_chunk_get(ms->state, id, &chunk);
	int garbage = status == DFS_ENOENT ? ms_is_garbage(ms->state, id) : 0;
	if (garbage < 0)
		return garbage;
	if (status != 0 && status != DFS_ENOENT)
		return status;
	if (status == 0) {
		fact.state = DFS_CHUNK_MAPPED;
		fact.ino = chunk.ino;
		fact.index = chunk.index;
		fact.epoch = chunk.epoch;
		fact.references = chunk.references;
		fact.home_away = is_away(ms, chunk.home);
	} else if (garbage == 1) {
		fact.state = DFS_CHUNK_GARBAGE;
	} else if (!ms->reaper.grace_over || ms_grant_find(&ms->grants, id) != NULL) {
		fact.state = DFS_CHUNK_GRANTED;
	}
	fact.copies = ms_copy_holders(&ms->servers, id, holders);
	for (u32 i = 0; i < fact.copies; i++)
		fact.copies_online += holders[i]->peer != NULL;
	dfs_chunk_fact_put(chunks, &fact);
	return 0;
}

static void put_session(struct ms *ms, u64 session, struct dfs_writer *sessions)
{
	struct dfs_session_fact fact = {
	    .session = session,
	    .exists = ms_session_find(ms->state, session) != NULL,
	    .known = ms_client_find(&ms->clients, session) != NULL,
	};
	dfs_session_fact_put(sessions, &fact);
}

void ms_on_examine(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		   struct dfs_fxs *fxs)
{
	struct dfs_examine examine;
	struct dfs_writer inodes, chunks, sessions, writer;
	struct dfs_id id;
	int status = dfs_examine_decode(request->body, ms_peer_version(peer), &examine);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	dfs_writer_init(&inodes, ms_peer_version(peer), 0);
	dfs_writer_init(&chunks, ms_peer_version(peer), 0);
	dfs_writer_init(&sessions, ms_peer_version(peer), 0);
	while (status == 0 && dfs_id_next(&examine.inodes, &id))
		status = put_inode(ms, id.id, &inodes);
	while (status == 0 && dfs_id_next(&examine.chunks, &id))
		status = put_chunk(ms, id.id, &chunks);
	while (status == 0 && dfs_id_next(&examine.sessions, &id))
		put_session(ms, id.id, &sessions);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
	} else {
		struct dfs_examine_reply reply = {.inodes = dfs_writer_items(&inodes),
						  .chunks = dfs_writer_items(&chunks),
						  .sessions = dfs_writer_items(&sessions)};
		dfs_session_writer(peer->session, &writer);
		dfs_examine_reply_put(&writer, &reply);
		ms_reply(peer, request, &writer, fxs);
	}
	dfs_writer_fini(&inodes);
	dfs_writer_fini(&chunks);
	dfs_writer_fini(&sessions);
}
