/*
 * struct dfs_kv (base/kv.h) on RocksDB: the master's log and state, each disk's chunk index.
 *
 * get, write and iterators run on the loop's thread. dfs_kv_rocks_sync() and dfs_kv_rocks_flush()
 * block and run on a worker beside them (host_kv.c groups them).
 */
#ifndef DFS_HOST_KV_ROCKS_H
#define DFS_HOST_KV_ROCKS_H

#include "libdfsproto/base/kv.h"
#include "libdfsproto/host/log.h"

enum dfs_kv_kind {
	DFS_KV_LOGGED,   /* See base/kv.h. */
	DFS_KV_UNLOGGED, /* Likewise. */
};

/* Zeroes mean the defaults in parentheses. */
struct dfs_kv_options {
	u64 cache_bytes;    /* (32 MiB) Blocks of tables kept in memory. */
	u64 memtable_bytes; /* (16 MiB) Written and not yet in a table: up to three of them. A new
			     * logged store has a journal of twice this. */
	u32 open_files_max; /* (256) */
	bool must_exist;    /* Refuse to make a new store. */
};

struct dfs_kv_rocks;

/* Opens the store in directory `path`, or makes it; its parent must exist. On failure a DFS_E…
 * (ECORRUPT, EBUSY when another process has it open, EACCES, ENOENT, EIO …) and a sentence. */
int dfs_kv_rocks_open(const char *path, enum dfs_kv_kind kind, const struct dfs_kv_options *options,
		      struct dfs_kv_rocks **ret_kv, struct dfs_sentence *ret_text);
/* NULL is allowed. Iterators must be freed and no sync may be in flight. An unlogged store is
 * flushed: a clean stop needs no replay. */
void dfs_kv_rocks_close(struct dfs_kv_rocks *kv);
struct dfs_kv *dfs_kv_rocks_kv(struct dfs_kv_rocks *kv);

/* Everything written before the call is on stable storage afterwards: sync by the journal, which a
 * logged store has, flush by tables. For an unlogged store `sync` is `flush`. Both block and may be
 * called on any thread. */
int dfs_kv_rocks_sync(struct dfs_kv_rocks *kv);
int dfs_kv_rocks_flush(struct dfs_kv_rocks *kv);

/* Bytes of memory and of disk in use, for status pages. */
u64 dfs_kv_rocks_memory_bytes(struct dfs_kv_rocks *kv);

#endif
