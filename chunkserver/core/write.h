/*
 * The states of a WRITE, shared by on_write.c (the request), write.c (its course) and
 * write_repair.c (what happens when the disk refuses the bytes).
 *
 *   WAITING   in the chunk's queue: no conflicting op runs
 *      | cs_write_start()
 *   CLEARING  a leftover file of that id is being unlinked (only right after a power cut)
 *      |
 *   LOADING   old contents of blocks that change in part are being read
 *      | record(): new checksums with pending marks are in the index
 *   MARKING   the index is being synced: the chunk was clean, and nothing of it may change before
 *      |      the disk knows that it is dirty
 *   STORING   the bytes are being written
 *      | \----> UNDOING → REREADING: the disk refused; the checksums are made true again
 *   SETTLING  a new chunk below the fresh mark: its row must be durable before the answer
 *      |
 *   CHAINED   done here, or failed: the replicas behind this one have not said so yet (chain.h)
 *      |
 *   (answered)
 */
#ifndef CS_CORE_WRITE_H
#define CS_CORE_WRITE_H

#include "chunkserver/core/op.h"

enum cs_write_state {
	CS_WRITE_WAITING,
	CS_WRITE_CLEARING,
	CS_WRITE_LOADING,
	CS_WRITE_MARKING,
	CS_WRITE_STORING,
	CS_WRITE_UNDOING,
	CS_WRITE_REREADING,
	CS_WRITE_SETTLING,
	CS_WRITE_CHAINED,
	CS_WRITE_STATES,
};

void cs_write_move(struct cs_op *op, enum cs_write_state to);
/* The end here: answer, make way for others, release everything, when the rest of the chain has
 * ended as well. */
void cs_write_finish(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs);

/* write_repair.c */
void cs_write_repair(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs);
void cs_write_repair_done(struct cs *cs, struct cs_op *op, const struct cs_done *done,
			  struct dfs_fxs *fxs);

static inline u32 cs_write_end(const struct cs_op *op)
{
	return op->write.offset + op->write.length;
}

#endif
