/*
 * The orderly end.
 */
#ifndef CS_CORE_STOP_H
#define CS_CORE_STOP_H

#include "chunkserver/core/cs_i.h"

void cs_stop_begin(struct cs *cs, struct dfs_fxs *fxs);
void cs_stop_tick(struct cs *cs, struct dfs_fxs *fxs);
nsec cs_stop_deadline(const struct cs *cs);

#endif
