/*
 * WALK: the tables row by row, as of the moment the walk began, for an admin tool that checks them.
 * One walk per link, a few at once: each keeps the store from giving back what it has not read. It
 * ends with its link, so a tool that dies holds nothing up.
 */
#include "master/core/master_i.h"

void ms_walk_end(struct ms *ms, struct ms_peer *peer)
{
	if (peer->walk == NULL)
		return;
	DFS_ASSERT(ms->walks_count > 0);
	ms->walks_count--;
	/* What the store thinks of it is told to whoever asks for rows. */
	(void)ms_walk_free(peer->walk);
	peer->walk = NULL;
}

static int find(struct ms *ms, struct ms_peer *peer, const struct dfs_walk *walk)
{
	if (walk->bytes_max == 0)
		return DFS_EINVAL;
	if (walk->position == 0) {
		ms_walk_end(ms, peer);
		if (ms->walks_count >= DFS_WALKS_MAX)
			return DFS_EBUSY;
		peer->walk = ms_walk_new(ms->state);
		ms->walks_count++;
	}
	bool here = peer->walk != NULL && ms_walk_position(peer->walk) == walk->position;
	return here ? 0 : DFS_ESTALE;
}

void ms_on_walk(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		struct dfs_fxs *fxs)
{
	struct dfs_walk walk;
	struct dfs_writer rows;
	struct dfs_writer writer;
	int status = dfs_walk_decode(request->body, ms_peer_version(peer), &walk);
	if (status == 0)
		status = find(ms, peer, &walk);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	dfs_writer_init(&rows, ms_peer_version(peer), 0);
	u32 bytes_max = dfs_min(walk.bytes_max, (u32)DFS_WALK_BYTES_MAX);
	bool more = ms_walk_step(peer->walk, bytes_max, &rows);
	struct dfs_walk_reply reply = {.end = !more, .rows = dfs_writer_items(&rows)};
	if (!more) {
		/* An iteration may also end early. */
		status = ms_walk_free(peer->walk);
		peer->walk = NULL;
		ms->walks_count--;
	}
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
	} else {
		dfs_session_writer(peer->session, &writer);
		dfs_walk_reply_put(&writer, &reply);
		ms_reply(peer, request, &writer, fxs);
	}
	dfs_writer_fini(&rows);
}
