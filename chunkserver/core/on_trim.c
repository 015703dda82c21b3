/*
 * TRIM_CHUNK, from the master: the chunk ends at `length`. Answered when that is durable, because
 * the master then lifts the bound that hid the rest, and a later write beyond must find zeros in
 * between.
 */
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/cut.h"
#include "libdfsproto/base/errors.h"

void cs_on_trim(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs)
{
	struct dfs_trim_chunk trim;
	int status = dfs_trim_chunk_decode(request->body, request->version, &trim);
	if (status == 0 && trim.length > CS_CHUNK_BYTES_MAX)
		status = DFS_EINVAL;
	struct cs_chunk *chunk = status != 0 ? NULL : cs_chunk_find(cs, trim.chunk);
	if (status == 0 && (chunk == NULL || chunk->state == CS_CHUNK_DELETING))
		status = DFS_ENO_CHUNK;
	if (status != 0) {
		cs_reply_status(cs, &request->origin, status, fxs);
		return;
	}
	struct cs_cut_request cut = {
	    .epoch = trim.epoch, .from = trim.length, .to = CS_CHUNK_BYTES_MAX, .trim = true};
	cs_cut_begin(cs, request, chunk, &cut, fxs);
}
