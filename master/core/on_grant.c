/*
 * GRANT: where to write. Chunks of the map as they are; for holes, and in place of chunks that
 * several files share, fresh ones, promised softly.
 * While no server is there, an end is still being cut off, or ids are being reserved, the request
 * waits; it is looked at again when one of these changes, and given up with NO_SERVER after a
 * while, so that the client can look around.
 */
#include "master/core/master_i.h"

#include <stdlib.h>

#define WAIT_MAX (5 * DFS_SEC)

enum {
	GRANT_CHUNKS_MAX = 64,
	CLOSED_GRANTS_MAX = 4096, /* Beyond these, grants of files no longer open are dropped. */
};

struct ms_waiting_grant {
	struct dfs_list in_queue;
	u64 link;
	u64 request;
	nsec deadline;
	struct dfs_grant grant;
};

/* Creating a file grants it a chunk that it may never use. */
static void drop_unused(struct ms *ms, struct ms_client *client)
{
	/* A COMMIT that is under way may name any of them. */
	if (!dfs_list_empty(&client->pending))
		return;
	while (client->grants_count > CLOSED_GRANTS_MAX) {
		u64 chunk = ms_grant_oldest(client);
		u64 ino = ms_grant_ino(ms_grant_find(&ms->grants, chunk));
		if (ms_is_open(&ms->clients, ino))
			return;
		if (ms_grant_release(&ms->grants, client, chunk))
			ms_strays_abandoned(ms, chunk);
	}
}

/* Is it something that passes by itself? */
static bool passes(int status)
{
	return status == DFS_ENO_SERVER || status == DFS_EBUSY;
}

/* What the client holds for the place and cannot use any more is a stray from now on. */
static void drop_outdated(struct ms *ms, struct ms_client *client, const struct ms_place *place,
			  u64 refused)
{
	u64 chunk = refused;
	if (refused == 0)
		chunk = ms_grant_outdated(&ms->grants, client, place);
	while (chunk != 0) {
		if (ms_grant_release(&ms->grants, client, chunk))
			ms_strays_abandoned(ms, chunk);
		chunk = ms_grant_outdated(&ms->grants, client, place);
	}
}

/* The chunk of the map if it may be written, else one to take its place. */
static int put_one(struct ms *ms, struct ms_client *client, struct ms_place *place,
		   const struct ms_location *mapped, u64 refused, struct dfs_writer *rows)
{
	struct ms_grant *grant;
	if (mapped != NULL) {
		if (mapped->valid != DFS_VALID_ALL && !mapped->shared)
			return DFS_EBUSY;
		if (ms_is_lost(ms, mapped->chunk, mapped->home))
			return DFS_EIO;
		if (!ms_location_online(ms, mapped))
			return DFS_ENO_SERVER;
#ifndef DFS_PLANT_WRITE_SHARED
		bool writable = !mapped->shared && mapped->chunk != refused;
#else
		bool writable = mapped->valid == DFS_VALID_ALL;
#endif
		if (writable) {
			ms_location_put(ms, rows, mapped, DFS_CHAIN_MAX);
			return 0;
		}
		place->base = mapped->chunk;
		place->base_bytes = mapped->bytes;
	}
	drop_outdated(ms, client, place, refused);
	int status = ms_grant_take(&ms->grants, &ms->servers, client, place, &grant);
	if (status == 0)
		ms_location_put_grant(ms, rows, grant);
	return status;
}

static int check(struct ms *ms, const struct dfs_grant *grant)
{
	struct dfs_attr attr;
	int status = ms_getattr(ms->state, grant->ino, &attr);
	if (status != 0)
		return status;
	if ((attr.mode & MS_MODE_TYPE) != MS_MODE_REGULAR)
		return DFS_EINVAL;
	u64 end = (UINT64_C(1) << 63) >> attr.chunk_shift;
	if (grant->index >= end || grant->count > end - grant->index)
		return DFS_EFBIG;
	return ms_reaper_is_purging(ms, grant->ino) ? DFS_ESTALE : 0;
}

/* All rows of the reply, or why not. What was granted on the way stays granted: asking again gives
 * the same chunks. */
static int put_all(struct ms *ms, struct ms_client *client, const struct dfs_grant *grant,
		   struct dfs_room *ret_room, struct dfs_writer *rows)
{
	struct ms_location mapped[GRANT_CHUNKS_MAX];
	u32 mapped_count = 0;
	int status = check(ms, grant);
	if (status == 0)
		status = ms_chunks(ms->state, grant->ino, grant->index, grant->count, mapped,
				   GRANT_CHUNKS_MAX, &mapped_count);
	if (status == 0)
		status = ms_room_of(ms->state, grant->ino, ms->wall, ret_room);
	if (status != 0)
		return status;
	drop_unused(ms, client);
	u32 at = 0;
	for (u64 i = 0; i < grant->count && status == 0; i++) {
		struct ms_place place = {.ino = grant->ino, .index = grant->index + i};
		const struct ms_location *here = NULL;
		if (at < mapped_count && mapped[at].index == place.index)
			here = &mapped[at++];
		if (here == NULL && ret_room->bytes == 0)
			return DFS_EDQUOT; /* A hole, which quotas leave no room to fill. */
		status = put_one(ms, client, &place, here, grant->refused, rows);
	}
	return status;
}

/* Try to answer; false when the request has to wait (longer). */
static bool answer(struct ms *ms, struct ms_peer *peer, u64 request, const struct dfs_grant *grant,
		   struct dfs_fxs *fxs)
{
	struct dfs_writer writer;
	struct dfs_writer rows;
	dfs_writer_init(&rows, ms_peer_version(peer), 0);
	struct dfs_grant_reply reply = {0};
	int status = put_all(ms, peer->client, grant, &reply.room, &rows);
	if (status == 0) {
		reply.chunks = dfs_writer_items(&rows);
		dfs_session_writer(peer->session, &writer);
		dfs_grant_reply_put(&writer, &reply);
		dfs_session_reply(peer->session, request, DFS_MSG_GRANT, 0, &writer, NULL, fxs);
	} else if (!passes(status)) {
		dfs_session_reply(peer->session, request, DFS_MSG_GRANT, status, NULL, NULL, fxs);
	}
	dfs_writer_fini(&rows);
	return !passes(status);
}

void ms_on_grant(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		 struct dfs_fxs *fxs)
{
	struct dfs_grant grant;
	int status = dfs_grant_decode(request->body, ms_peer_version(peer), &grant);
	if (status == 0 &&
	    (grant.session != peer->client->session || peer->client->state == MS_CLIENT_CLOSING))
		status = DFS_ENO_SESSION;
	if (status == 0 && (grant.count == 0 || grant.count > GRANT_CHUNKS_MAX))
		status = DFS_EINVAL;
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	if (answer(ms, peer, request->request, &grant, fxs))
		return;
	if (ms->waiting.count >= DFS_WAITING_GRANTS_MAX) {
		ms_reply_status(peer, request, DFS_EBUSY, fxs);
		return;
	}
	struct ms_waiting_grant *waiting = calloc(1, sizeof(*waiting));
	DFS_ASSERT(waiting != NULL);
	waiting->link = peer->link;
	waiting->request = request->request;
	waiting->deadline = ms->now + WAIT_MAX;
	waiting->grant = grant;
	dfs_list_push_back(&ms->waiting.requests, &waiting->in_queue);
	ms->waiting.count++;
}

static void finish(struct ms *ms, struct ms_waiting_grant *waiting)
{
	dfs_list_remove(&waiting->in_queue);
	ms->waiting.count--;
	free(waiting);
}

void ms_waiting_wake(struct ms *ms, struct dfs_fxs *fxs)
{
	bool wake = ms->waiting.wake;
	ms->waiting.wake = false;
	dfs_list_for_each_safe (node, &ms->waiting.requests) {
		struct ms_waiting_grant *waiting =
		    dfs_list_entry(node, struct ms_waiting_grant, in_queue);
		bool late = waiting->deadline <= ms->now;
		if (!wake && !late)
			return;
		struct ms_peer *peer = ms_peer_find(ms, waiting->link);
		if (peer == NULL || peer->client == NULL ||
		    peer->client->session != waiting->grant.session ||
		    peer->client->state == MS_CLIENT_CLOSING) {
			finish(ms, waiting);
		} else if (answer(ms, peer, waiting->request, &waiting->grant, fxs)) {
			finish(ms, waiting);
		} else if (late) {
			dfs_session_reply(peer->session, waiting->request, DFS_MSG_GRANT,
					  DFS_ENO_SERVER, NULL, NULL, fxs);
			finish(ms, waiting);
		}
	}
}

nsec ms_waiting_deadline(const struct ms *ms)
{
	if (dfs_list_empty(&ms->waiting.requests))
		return DFS_NEVER;
	if (ms->waiting.wake)
		return 0;
	return dfs_list_first(&ms->waiting.requests, struct ms_waiting_grant, in_queue)->deadline;
}

void ms_waiting_fini(struct ms *ms)
{
	dfs_list_for_each_safe (node, &ms->waiting.requests)
		finish(ms, dfs_list_entry(node, struct ms_waiting_grant, in_queue));
}
