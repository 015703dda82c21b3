/*
 * Taking bytes out of a chunk: TRIM_CHUNK ends it, PUNCH makes a hole. One op kind serves both; see
 * cut.c for its course.
 */
#ifndef CS_CORE_CUT_H
#define CS_CORE_CUT_H

#include "chunkserver/core/peers.h"

struct cs_cut_request {
	u32 epoch;
	u32 from; /* Bytes [from, to) go. */
	u32 to;
	bool trim;
	struct dfs_items chain; /* Of a PUNCH. */
};

/* The chunk exists. */
void cs_cut_begin(struct cs *cs, const struct cs_request *request, struct cs_chunk *chunk,
		  const struct cs_cut_request *cut, struct dfs_fxs *fxs);

#endif
