/*
 * The hash that orders the names of a directory: SipHash-2-4 (Aumasson and Bernstein, 2012), keyed
 * per cluster so that nobody can prepare names that collide everywhere.
 */
#ifndef DFS_MASTER_NAME_HASH_H
#define DFS_MASTER_NAME_HASH_H

#include "libdfsproto/base/span.h"

u64 ms_name_hash(const u64 key[2], struct dfs_span name);

#endif
