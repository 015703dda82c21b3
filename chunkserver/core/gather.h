/*
 * Waiting until what a request changed, or asks about, is durable in the indexes of several disks.
 */
#ifndef CS_CORE_GATHER_H
#define CS_CORE_GATHER_H

#include "chunkserver/core/op.h"

/* Everything written to the disk's index until now; its sync begins at once. */
void cs_gather_add(struct cs *cs, struct cs_gather *gather, struct cs_disk *disk,
		   struct dfs_fxs *fxs);
/* True: all durable. False: call again when the op gets CS_INDEX_DURABLE (with its status). */
bool cs_gather_wait(struct cs *cs, struct cs_gather *gather, struct cs_op *op, struct dfs_fxs *fxs);

#endif
