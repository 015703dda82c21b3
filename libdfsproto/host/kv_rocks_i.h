/*
 * The RocksDB store, shared by the files kv_rocks*.c.
 */
#ifndef DFS_HOST_KV_ROCKS_I_H
#define DFS_HOST_KV_ROCKS_I_H

#include "libdfsproto/host/kv_rocks.h"

#include <rocksdb/c.h>

struct kv_log;

struct dfs_kv_rocks {
	struct dfs_kv kv;
	struct kv_log *log; /* NULL for the unlogged kind. */
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

/* The DFS_E… for an error text of RocksDB. */
int kv_rocks_error_of(const char *text);
/* Logs RocksDB's error text, frees it, and returns the DFS_E… for it. */
int kv_rocks_failed(struct dfs_kv_rocks *kv, const char *what, char *text);

/* One batch into the memtable; a logged store notes this sequence number and its salt with it. */
int kv_rocks_write_tables(struct dfs_kv_rocks *kv, const struct dfs_kv_batch *batch, u64 sequence);
/* Everything in memtables becomes durable tables. Blocks; any thread. */
int kv_rocks_flush_tables(struct dfs_kv_rocks *kv);
/* Where a logged store keeps its position; scans end before it. */
struct dfs_span kv_rocks_position_key(void);

/* kv_rocks_log.c. On failure *ret_cause says what could not be done. */
int kv_log_open(struct dfs_kv_rocks *kv, u64 segment_bytes, const char **ret_cause);
void kv_log_close(struct dfs_kv_rocks *kv);
int kv_log_write(struct dfs_kv_rocks *kv, const struct dfs_kv_batch *batch);
u64 kv_log_salt(const struct dfs_kv_rocks *kv);
int kv_log_sync(struct dfs_kv_rocks *kv);

struct dfs_kv_iter *kv_rocks_iter_new(struct dfs_kv *kv, struct dfs_span from, struct dfs_span to);
bool kv_rocks_iter_next(struct dfs_kv *kv, struct dfs_kv_iter *iter, struct dfs_span *ret_key,
			struct dfs_span *ret_value);
int kv_rocks_iter_free(struct dfs_kv *kv, struct dfs_kv_iter *iter);

#endif
