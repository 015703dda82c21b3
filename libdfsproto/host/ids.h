/*
 * Ids of machines, boots and nodes, and the small durable files that keep some of them.
 */
#ifndef DFS_HOST_IDS_H
#define DFS_HOST_IDS_H

#include "libdfsproto/base/span.h"
#include "libdfsproto/host/log.h"

#include <sys/types.h>

/* First 8 bytes of SHA-256(label | data), little-endian; never 0. */
u64 dfs_id_hash(const char *label, struct dfs_span data);
/* 64 random bits, never 0. */
u64 dfs_id_random(void);

/* This machine in this boot: equal in all daemons of the machine, changed by a reboot. */
u64 dfs_host_id(void);
/* This boot alone. A different value than at the last start means that a power cut may lie between.
 */
u64 dfs_boot_id(void);

/* The id kept in a small text file (16 hex digits and a newline); made at random, durably, when the
 * file does not exist. On failure a DFS_E… and a sentence. */
int dfs_node_id(const char *path, u64 *ret_id, struct dfs_sentence *ret_text);

/* Replace a small file so that after a crash either the old or the new content is there; it is on
 * stable storage when this returns. Returns 0 or a positive errno. */
int dfs_file_replace(const char *path, struct dfs_span content);
/* The whole of a small file. Returns its bytes, or a negative errno; -EFBIG when it does not fit.
 */
ssize_t dfs_file_read(const char *path, void *ret_data, size_t bytes_max);

#endif
