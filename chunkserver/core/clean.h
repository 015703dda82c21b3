/*
 * Chunks become clean again some seconds after the last write, in the background and few at a time:
 * the file is synced, then the row says clean and no block is pending. Not at once after a SYNC,
 * since a loop of write and fdatasync would then pay for the dirty mark each time.
 */
#ifndef CS_CORE_CLEAN_H
#define CS_CORE_CLEAN_H

#include "chunkserver/core/cs_i.h"

void cs_clean_tick(struct cs *cs, struct dfs_fxs *fxs);
nsec cs_clean_deadline(const struct cs *cs);
/* At the stop: everything now. */
bool cs_clean_all_done(const struct cs *cs);

#endif
