/*
 * The RocksDB store, shared by kv_rocks.c and kv_rocks_iter.c.
 */
#ifndef DFS_HOST_KV_ROCKS_I_H
#define DFS_HOST_KV_ROCKS_I_H

#include "libdfsproto/host/kv_rocks.h"

#include <rocksdb/c.h>

struct dfs_kv_rocks {
	struct dfs_kv kv;
	enum dfs_kv_kind kind;
	char *path;
	rocksdb_t *db;
	rocksdb_options_t *options;
	rocksdb_cache_t *cache;
	rocksdb_readoptions_t *read_options;
	rocksdb_writeoptions_t *write_options;
	rocksdb_flushoptions_t *flush_options;
	rocksdb_writebatch_t *batch;     /* Reused by every write. */
	rocksdb_pinnableslice_t *pinned; /* What the last get returned. */
};

extern const struct dfs_kv_ops kv_rocks_ops;

/* Logs RocksDB's error text, frees it, and returns the DFS_E… for it. */
int kv_rocks_failed(struct dfs_kv_rocks *kv, const char *what, char *text);

struct dfs_kv_iter *kv_rocks_iter_new(struct dfs_kv *kv, struct dfs_span from, struct dfs_span to);
bool kv_rocks_iter_next(struct dfs_kv_iter *iter, struct dfs_span *ret_key,
			struct dfs_span *ret_value);
int kv_rocks_iter_free(struct dfs_kv_iter *iter);

#endif
