/*
 * OPEN and RELEASE: while a client holds an inode open it outlives its last name. Soft state of the
 * leader; clients say again what they hold after each reconnect.
 */
#include "master/core/master_i.h"

enum { FIRST_CHUNKS = 16 }; /* In the reply of OPEN: 1 GiB of file. */

void ms_on_open(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		struct dfs_fxs *fxs)
{
	struct dfs_open open;
	struct dfs_open_reply reply = {0};
	struct ms_location locations[FIRST_CHUNKS];
	struct dfs_writer writer;
	struct dfs_writer chunks;
	u32 count = 0;
	int status = dfs_open_decode(request->body, ms_peer_version(peer), &open);
	if (status == 0 &&
	    (open.session != peer->client->session || peer->client->state == MS_CLIENT_CLOSING))
		status = DFS_ENO_SESSION;
	if (status == 0 && ms_reaper_is_purging(ms, open.ino))
		status = DFS_ESTALE;
	if (status == 0)
		status = ms_getattr(ms->state, open.ino, &reply.attr);
	if (status == 0 && (reply.attr.mode & MS_MODE_TYPE) == MS_MODE_REGULAR)
		status = ms_chunks(ms->state, open.ino, 0, FIRST_CHUNKS, locations, FIRST_CHUNKS,
				   &count);
	if (status == 0)
		status = ms_room_of(ms->state, open.ino, ms->wall, &reply.room);
	if (status == 0)
		status = ms_open_add(&ms->clients, peer->client, open.ino);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	dfs_writer_init(&chunks, ms_peer_version(peer), 0);
	for (u32 i = 0; i < count; i++)
		ms_location_put(ms, &chunks, &locations[i], DFS_CHAIN_MAX);
	reply.chunks = dfs_writer_items(&chunks);
	dfs_session_writer(peer->session, &writer);
	dfs_open_reply_put(&writer, &reply);
	ms_reply(peer, request, &writer, fxs);
	dfs_writer_fini(&chunks);
}

void ms_on_release(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		   struct dfs_fxs *fxs)
{
	struct dfs_release release;
	int status = dfs_release_decode(request->body, ms_peer_version(peer), &release);
	if (status == 0 && release.session != peer->client->session)
		status = DFS_ENO_SESSION;
	if (status == 0 && ms_open_drop(&ms->clients, peer->client, release.ino))
		ms_reaper_released(ms, release.ino);
	ms_reply_status(peer, request, status, fxs);
}
