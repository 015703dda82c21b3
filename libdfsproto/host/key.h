/*
 * The cluster's key file: 64 hex digits and a newline, readable by its owner only. The cluster's
 * id follows from it, so nothing else needs to be configured.
 */
#ifndef DFS_HOST_KEY_H
#define DFS_HOST_KEY_H

#include "libdfsproto/host/log.h"
#include "libdfsproto/session/session.h"

#define DFS_KEY_PATH_DEFAULT "/etc/dfs/cluster.key"

/* On failure a DFS_E… and a sentence: missing, unreadable, wrong size, readable by others. */
int dfs_key_load(const char *path, u8 ret_key[DFS_KEY_BYTES], struct dfs_sentence *ret_text);

/* First 8 bytes of SHA-256("dfs cluster id" | key), read as little-endian. Never 0. */
u64 dfs_cluster_id(const u8 key[DFS_KEY_BYTES]);

#endif
