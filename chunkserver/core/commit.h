/*
 * Group commit of a disk's index. A ticket is the number of index writes so far; whoever must know
 * that write durable waits until so many are. One sync runs at a time per disk and covers everybody
 * who came before it was emitted; those who come meanwhile share the next one.
 */
#ifndef CS_CORE_COMMIT_H
#define CS_CORE_COMMIT_H

#include "chunkserver/core/op.h"

static inline u64 cs_commit_ticket(const struct cs_disk *disk)
{
	return disk->kv_written;
}

/* True: durable already. False: the op gets CS_INDEX_DURABLE later. */
bool cs_commit_wait(struct cs *cs, struct cs_disk *disk, struct cs_op *op, u64 ticket,
		    struct dfs_fxs *fxs);
/* Begin a sync now, so that a later wait is shorter. */
void cs_commit_begin(struct cs *cs, struct cs_disk *disk, u64 ticket, struct dfs_fxs *fxs);
/* What was written a while ago and nobody waits for. */
void cs_commit_tick(struct cs *cs, struct dfs_fxs *fxs);
nsec cs_commit_deadline(const struct cs *cs);
/* The disk failed: wake all who wait. */
void cs_commit_fail(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs);

#endif
