/*
 * The part of an answer that tells of the replicas behind the one that gave it: WRITE, SYNC and
 * PUNCH have it.
 */
#ifndef DFS_WIRE_CHAINED_H
#define DFS_WIRE_CHAINED_H

#include "libdfsproto/wire/messages.h"

/* From the body of a good answer to a request of that type; all zeros for types without a chain.
 * 0, or DFS_EMALFORMED. */
int dfs_chained_of(u16 type, struct dfs_span body, u16 version, struct dfs_chained *ret_chained);

#endif
