/*
 * Iterators of the RocksDB store. RocksDB keeps pointers to the bounds, so they live in the
 * iterator.
 */
#include "libdfsproto/host/kv_rocks_i.h"

#include <stdlib.h>

struct dfs_kv_iter {
	struct dfs_kv_rocks *kv;
	rocksdb_readoptions_t *read_options;
	rocksdb_iterator_t *rocks;
	bool started; /* The first next() reads the position that seek found. */
	u32 bound_bytes;
	u8 bound[]; /* The first key that is not ours. */
};

struct dfs_kv_iter *kv_rocks_iter_new(struct dfs_kv *base, struct dfs_span from, struct dfs_span to)
{
	struct dfs_kv_rocks *kv = dfs_container_of(base, struct dfs_kv_rocks, kv);
	if (to.length == 0)
		to = kv_rocks_position_key();
	struct dfs_kv_iter *iter = calloc(1, sizeof(*iter) + to.length);
	DFS_ASSERT(iter != NULL);
	iter->kv = kv;
	iter->read_options = rocksdb_readoptions_create();
	memcpy(iter->bound, to.data, to.length);
	iter->bound_bytes = to.length;
	rocksdb_readoptions_set_iterate_upper_bound(iter->read_options, (const char *)iter->bound,
						    to.length);
	iter->rocks = rocksdb_create_iterator(kv->db, iter->read_options);
	if (from.length == 0)
		rocksdb_iter_seek_to_first(iter->rocks);
	else
		rocksdb_iter_seek(iter->rocks, (const char *)from.data, from.length);
	return iter;
}

bool kv_rocks_iter_next(struct dfs_kv *kv, struct dfs_kv_iter *iter, struct dfs_span *ret_key,
			struct dfs_span *ret_value)
{
	(void)kv;
	if (iter->started && rocksdb_iter_valid(iter->rocks))
		rocksdb_iter_next(iter->rocks);
	iter->started = true;
	if (!rocksdb_iter_valid(iter->rocks))
		return false;
	size_t bytes;
	const char *key = rocksdb_iter_key(iter->rocks, &bytes);
	*ret_key = dfs_span(key, bytes);
	const char *value = rocksdb_iter_value(iter->rocks, &bytes);
	*ret_value = dfs_span(value, bytes);
	return true;
}

int kv_rocks_iter_free(struct dfs_kv *kv, struct dfs_kv_iter *iter)
{
	char *error = NULL;
	(void)kv;
	rocksdb_iter_get_error(iter->rocks, &error);
	int status = error == NULL ? 0 : kv_rocks_failed(iter->kv, "iterate", error);
	rocksdb_iter_destroy(iter->rocks);
	rocksdb_readoptions_destroy(iter->read_options);
	free(iter);
	return status;
}
