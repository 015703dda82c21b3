/*
 * Reading and writing a RocksDB store: see kv_rocks.h; iterators are in kv_rocks_iter.c, opening in
 * kv_rocks_open.c. RocksDB's own write-ahead log is off for both kinds of store: the unlogged kind
 * has none, the logged kind has one of ours (kv_rocks_log.c).
 */
#include "libdfsproto/host/kv_rocks_i.h"

#include "libdfsproto/base/errors.h"

/* RocksDB's errors reach C as texts: "Corruption: …", "IO error: While lock file: …". */
int kv_rocks_error_of(const char *text)
{
	if (strstr(text, "Corruption") != NULL)
		return DFS_ECORRUPT;
	if (strstr(text, "No space left") != NULL)
		return DFS_EDISK_FULL;
	return DFS_EIO;
}

int kv_rocks_failed(struct dfs_kv_rocks *kv, const char *what, char *text)
{
	int error = kv_rocks_error_of(text);
	dfs_log_printf(DFS_LOG_ERROR, "event=store_failed store=%s operation=%s cause=\"%s\"",
		       kv->path, what, text);
	rocksdb_free(text);
	return error;
}

struct dfs_kv *dfs_kv_rocks_kv(struct dfs_kv_rocks *kv)
{
	return kv == NULL ? NULL : &kv->kv;
}

int dfs_kv_rocks_sync(struct dfs_kv_rocks *kv)
{
	if (kv->kind == DFS_KV_UNLOGGED)
		return kv_rocks_flush_tables(kv);
	int status = kv_log_sync(kv);
	if (status != 0)
		dfs_log_printf(DFS_LOG_ERROR, "event=store_failed store=%s operation=sync",
			       kv->path);
	return status;
}

int dfs_kv_rocks_flush(struct dfs_kv_rocks *kv)
{
	return kv_rocks_flush_tables(kv);
}

int kv_rocks_flush_tables(struct dfs_kv_rocks *kv)
{
	char *error = NULL;
	rocksdb_flush(kv->db, kv->flush_options, &error);
	return error == NULL ? 0 : kv_rocks_failed(kv, "flush", error);
}

u64 dfs_kv_rocks_memory_bytes(struct dfs_kv_rocks *kv)
{
	u64 tables = 0;
	rocksdb_property_int(kv->db, "rocksdb.cur-size-all-mem-tables", &tables);
	return tables + rocksdb_cache_get_usage(kv->cache);
}

static int kv_get(struct dfs_kv *base, struct dfs_span key, struct dfs_span *ret_value)
{
	struct dfs_kv_rocks *kv = dfs_container_of(base, struct dfs_kv_rocks, kv);
	if (kv->pinned != NULL)
		rocksdb_pinnableslice_destroy(kv->pinned);
	char *error = NULL;
	kv->pinned = rocksdb_get_pinned(kv->db, kv->read_options, (const char *)key.data,
					key.length, &error);
	if (error != NULL)
		return kv_rocks_failed(kv, "get", error);
	if (kv->pinned == NULL)
		return DFS_ENOENT;
	size_t bytes;
	const char *value = rocksdb_pinnableslice_value(kv->pinned, &bytes);
	*ret_value = dfs_span(value, bytes);
	return 0;
}

/* Above every key of the cores, which begin with the number of a table. */
struct dfs_span kv_rocks_position_key(void)
{
	return dfs_span("\xff\xff\xff\xff\xff\xff\xff\xff"
			"position",
			16);
}

static void add_change(rocksdb_writebatch_t *batch, const struct dfs_kv_change *change)
{
	const char *key = (const char *)change->key.data;
	const char *value = (const char *)change->value.data;
	DFS_ASSERT(dfs_span_compare(change->key, kv_rocks_position_key()) < 0);
	switch (change->kind) {
	case DFS_KV_PUT:
		rocksdb_writebatch_put(batch, key, change->key.length, value, change->value.length);
		break;
	case DFS_KV_DELETE:
		rocksdb_writebatch_delete(batch, key, change->key.length);
		break;
	case DFS_KV_DELETE_RANGE:
		DFS_ASSERT(dfs_span_compare(change->value, kv_rocks_position_key()) <= 0);
		rocksdb_writebatch_delete_range(batch, key, change->key.length, value,
						change->value.length);
		break;
	}
}

int kv_rocks_write_tables(struct dfs_kv_rocks *kv, const struct dfs_kv_batch *batch, u64 sequence)
{
	struct dfs_kv_change change;
	struct dfs_span key = kv_rocks_position_key();
	u32 at = 0;
	rocksdb_writebatch_clear(kv->batch);
	while (dfs_kv_batch_next(batch, &at, &change))
		add_change(kv->batch, &change);
	if (kv->kind == DFS_KV_LOGGED) {
		const u64 position[2] = {sequence, kv_log_salt(kv)};
		rocksdb_writebatch_put(kv->batch, (const char *)key.data, key.length,
				       (const char *)position, sizeof(position));
	}
	char *error = NULL;
	rocksdb_write(kv->db, kv->write_options, kv->batch, &error);
	return error == NULL ? 0 : kv_rocks_failed(kv, "write", error);
}

static int kv_write(struct dfs_kv *base, const struct dfs_kv_batch *batch)
{
	struct dfs_kv_rocks *kv = dfs_container_of(base, struct dfs_kv_rocks, kv);
	return kv->kind == DFS_KV_LOGGED ? kv_log_write(kv, batch)
					 : kv_rocks_write_tables(kv, batch, 0);
}

static u64 kv_memory(struct dfs_kv *base)
{
	return dfs_kv_rocks_memory_bytes(dfs_container_of(base, struct dfs_kv_rocks, kv));
}

const struct dfs_kv_ops kv_rocks_ops = {
    .get = kv_get,
    .write = kv_write,
    .iter_new = kv_rocks_iter_new,
    .iter_next = kv_rocks_iter_next,
    .iter_free = kv_rocks_iter_free,
    .memory = kv_memory,
};
