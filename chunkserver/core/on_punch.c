/*
 * PUNCH: a range of a chunk becomes zeros and gives its space back. As durable as a write: when it
 * is answered it survives the daemon's death, and a power cut once the chunk is synced. A chunk
 * that is not here is an error: its disk may come back with the bytes.
 */
#include "chunkserver/core/chain.h"
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/cut.h"
#include "libdfsproto/base/errors.h"

void cs_on_punch(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs)
{
	struct dfs_punch punch;
	int status = dfs_punch_decode(request->body, request->version, &punch);
	if (status == 0)
		status = cs_chain_check(cs, &punch.chain);
	if (status == 0 && (punch.length == 0 || punch.offset > CS_CHUNK_BYTES_MAX ||
			    punch.length > CS_CHUNK_BYTES_MAX - punch.offset))
		status = DFS_EINVAL;
	struct cs_chunk *chunk = status != 0 ? NULL : cs_chunk_find(cs, punch.chunk);
	if (status == 0 && (chunk == NULL || chunk->state == CS_CHUNK_DELETING))
		status = DFS_ENO_CHUNK;
	if (status != 0) {
		cs_reply_status(cs, &request->origin, status, fxs);
		return;
	}
	struct cs_cut_request cut = {
	    .epoch = punch.epoch,
	    .from = punch.offset,
	    .to = punch.offset + punch.length,
	    .chain = punch.chain,
	};
	cs_cut_begin(cs, request, chunk, &cut, fxs);
}
