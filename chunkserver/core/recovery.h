/*
 * The start: what the disks hold, and what the last stop left behind.
 */
#ifndef CS_CORE_RECOVERY_H
#define CS_CORE_RECOVERY_H

#include "chunkserver/core/cs_i.h"

void cs_recovery_begin(struct cs *cs, struct dfs_fxs *fxs);
/* The next bounded part of reading the inventories. */
void cs_recovery_work(struct cs *cs, struct dfs_fxs *fxs);
bool cs_recovery_has_work(const struct cs *cs);
/* A check or the list of files ended: when none is left, the rows are exact as of this boot. */
void cs_recovery_checked(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs);
/* Serve once the inventory of every disk is known. */
void cs_recovery_serve(struct cs *cs, struct dfs_fxs *fxs);

#endif
