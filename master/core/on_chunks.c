/*
 * CHUNKS: where the pieces of a file are. A chunk whose servers are all away is listed without
 * replicas: it is not a hole, and its reader asks again.
 */
#include "master/core/master_i.h"

#include <stdlib.h>

enum { FULL_ROWS = 128 }; /* So many rows may name all replicas and still fit into a body. */

_Static_assert(FULL_ROWS *(40 + DFS_CHAIN_MAX * (24 + 2 * DFS_ADDRESS_BYTES_MAX)) <
		   DFS_BODY_BYTES_MAX,
	       "rows with all replicas fit");
_Static_assert(DFS_MAP_CHUNKS_MAX *(40 + 24 + 2 * DFS_ADDRESS_BYTES_MAX) < DFS_BODY_BYTES_MAX,
	       "rows with one replica fit");

/* Over a hole, however long; to the end of all files when nothing follows. */
static int skip(struct ms *ms, struct dfs_chunks *chunks)
{
	struct ms_location first;
	u32 count = 0;
	int status =
	    ms_chunks(ms->state, chunks->ino, chunks->index, UINT64_MAX, &first, 1, &count);
	if (status == 0)
		chunks->index = count == 0 ? UINT64_MAX : first.index;
	return status;
}

void ms_on_chunks(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		  struct dfs_fxs *fxs)
{
	struct dfs_chunks chunks;
	struct dfs_chunks_reply reply = {0};
	struct dfs_writer writer;
	struct dfs_writer rows;
	u32 count = 0;
	int status = dfs_chunks_decode(request->body, ms_peer_version(peer), &chunks);
	if (status == 0 && (chunks.count == 0 || chunks.count > DFS_MAP_CHUNKS_MAX))
		status = DFS_EINVAL;
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	struct ms_location *locations = calloc(chunks.count, sizeof(*locations));
	DFS_ASSERT(locations != NULL);
	if (chunks.skip != 0)
		status = skip(ms, &chunks);
	if (status == 0)
		status = ms_chunks(ms->state, chunks.ino, chunks.index, chunks.count, locations,
				   chunks.count, &count);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		free(locations);
		return;
	}
	dfs_writer_init(&rows, ms_peer_version(peer), 0);
	for (u32 i = 0; i < count; i++)
		ms_location_put(ms, &rows, &locations[i], count <= FULL_ROWS ? DFS_CHAIN_MAX : 1);
	free(locations);
	reply.chunks = dfs_writer_items(&rows);
	dfs_session_writer(peer->session, &writer);
	dfs_chunks_reply_put(&writer, &reply);
	ms_reply(peer, request, &writer, fxs);
	dfs_writer_fini(&rows);
}
