/*
 * Comparing a chunk's file with its checksums after an unclean stop, or taking the checksums from
 * the file when they are lost. Requests for the chunk wait until that is done; it is then done
 * next.
 */
#ifndef CS_CORE_CHECK_H
#define CS_CORE_CHECK_H

#include "chunkserver/core/cs_i.h"

/* At the start, for a chunk of the inventory. */
void cs_check_add(struct cs *cs, struct cs_chunk *chunk);
/* In service: an index row of the chunk turned out damaged. Running ops finish first. */
void cs_check_request(struct cs *cs, struct cs_chunk *chunk, struct dfs_fxs *fxs);
/* Somebody waits for it. */
void cs_check_urgent(struct cs *cs, struct cs_chunk *chunk);
/* Begin as many checks as may run. */
void cs_check_kick(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs);
/* The disk failed: nobody need wait for its checks. */
void cs_check_give_up(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs);

#endif
