/*
 * Looking for chunk files that have no row in the index.
 */
#ifndef CS_CORE_LISTING_H
#define CS_CORE_LISTING_H

#include "chunkserver/core/op.h"

/* MARKING is over: to LISTING, or READY when nothing need be looked for. */
void cs_listing_begin(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs);
void cs_listing_done(struct cs *cs, struct cs_op *op, const struct cs_done *done,
		     struct dfs_fxs *fxs);

#endif
