/*
 * Sets of four rows each, the least recently used one replaced: see kv_cache.h. A row that is not
 * in the inner store is kept as well: half of the questions are whether something exists.
 *
 * True at all times: a row that differs from the inner store is in `changed` and is not replaced
 * before it is settled.
 */
#include "libdfsproto/base/kv_cache.h"

#include "libdfsproto/base/crc32c.h"
#include "libdfsproto/base/errors.h"
#include "libdfsproto/base/list.h"

#include <stdlib.h>

enum {
	WAYS = 4,
	VALUE_BYTES_MAX = 2048,  /* Larger ones go to the inner store at once. */
	CHANGED_ROWS_MAX = 4096, /* Then they are settled, whether or not anybody asked. */
};

struct row {
	struct dfs_list in_changed;
	u32 hash;
	u32 used; /* Tick of the last use. */
	u8 *data; /* Key, then value; NULL: the row is free. */
	u32 capacity;
	u32 key_bytes;
	u32 value_bytes;
	bool absent;
	bool changed;
};

struct dfs_kv_cache {
	struct dfs_kv kv;
	struct dfs_kv *inner;
	int failure;
	struct row *rows;
	u32 sets_mask;
	u32 tick;
	struct dfs_list changed; /* Rows, in the order of their first change since. */
	u32 changed_count;
	struct dfs_kv_batch batch;
};

static struct dfs_kv_cache *cache_of(struct dfs_kv *kv)
{
	return dfs_container_of(kv, struct dfs_kv_cache, kv);
}

static u32 hash_of(struct dfs_span key)
{
	return dfs_crc32c(key.data, key.length);
}

static struct row *set_of(const struct dfs_kv_cache *cache, u32 hash)
{
	return &cache->rows[(hash & cache->sets_mask) * WAYS];
}

static struct row *find(struct dfs_kv_cache *cache, struct dfs_span key, u32 hash)
{
	struct row *set = set_of(cache, hash);
	for (u32 i = 0; i < WAYS; i++) {
		struct row *row = &set[i];
		if (row->data == NULL || row->hash != hash || row->key_bytes != key.length ||
		    memcmp(row->data, key.data, key.length) != 0)
			continue;
		row->used = ++cache->tick;
		return row;
	}
	return NULL;
}

static void unchange(struct dfs_kv_cache *cache, struct row *row)
{
	if (!row->changed)
		return;
	row->changed = false;
	dfs_list_remove(&row->in_changed);
	cache->changed_count--;
}

static void row_free(struct dfs_kv_cache *cache, struct row *row)
{
	unchange(cache, row);
	free(row->data);
	row->data = NULL;
	row->capacity = 0;
}

static void add_change(struct dfs_kv_batch *batch, const struct dfs_kv_change *change)
{
	switch (change->kind) {
	case DFS_KV_PUT:
		dfs_kv_batch_put(batch, change->key, change->value);
		return;
	case DFS_KV_DELETE:
		dfs_kv_batch_delete(batch, change->key);
		return;
	case DFS_KV_DELETE_RANGE:
		dfs_kv_batch_delete_range(batch, change->key, change->value);
		return;
	}
}

/* All changed rows, and `more` after them if it is not NULL: one batch, or half of `more` could
 * already be among the rows and survive a crash alone. */
static int settle(struct dfs_kv_cache *cache, const struct dfs_kv_batch *more)
{
	struct dfs_kv_change each;
	u32 at = 0;
	dfs_kv_batch_clear(&cache->batch);
	while (!dfs_list_empty(&cache->changed)) {
		struct row *row = dfs_list_first(&cache->changed, struct row, in_changed);
		each.key = dfs_span(row->data, row->key_bytes);
		each.value = dfs_span(row->data + row->key_bytes, row->value_bytes);
		each.kind = row->absent ? DFS_KV_DELETE : DFS_KV_PUT;
		add_change(&cache->batch, &each);
		unchange(cache, row);
	}
	while (more != NULL && dfs_kv_batch_next(more, &at, &each))
		add_change(&cache->batch, &each);
	int status = dfs_kv_write(cache->inner, &cache->batch);
	if (status != 0)
		cache->failure = status;
	return status;
}

int dfs_kv_cache_settle(struct dfs_kv_cache *cache)
{
	if (cache->failure != 0 || cache->changed_count == 0)
		return cache->failure;
	return settle(cache, NULL);
}

int dfs_kv_cache_drop(struct dfs_kv_cache *cache)
{
	int status = dfs_kv_cache_settle(cache);
	for (u32 i = 0; i < (cache->sets_mask + 1) * WAYS; i++)
		row_free(cache, &cache->rows[i]);
	return status;
}

/* A row for this key, which has none yet: a free one, or the longest unused of those that the inner
 * store has as they are. NULL when there is none. */
static struct row *take(struct dfs_kv_cache *cache, u32 hash)
{
	struct row *set = set_of(cache, hash);
	struct row *oldest = NULL;
	for (u32 i = 0; i < WAYS; i++) {
		struct row *row = &set[i];
		if (row->data == NULL)
			return row;
		if (!row->changed &&
		    (oldest == NULL || cache->tick - row->used > cache->tick - oldest->used))
			oldest = row;
	}
	return oldest;
}

static void fill(struct dfs_kv_cache *cache, struct row *row, u32 hash, struct dfs_span key,
		 const struct dfs_span *value)
{
	u32 value_bytes = value == NULL ? 0 : value->length;
	u32 needed = key.length + value_bytes;
	if (row->data == NULL || row->capacity < needed || row->capacity > 4 * needed + 64) {
		free(row->data);
		row->capacity = needed + 16;
		row->data = malloc(row->capacity);
		DFS_ASSERT(row->data != NULL);
	}
	memcpy(row->data, key.data, key.length);
	if (value_bytes > 0)
		memcpy(row->data + key.length, value->data, value_bytes);
	row->hash = hash;
	row->key_bytes = key.length;
	row->value_bytes = value_bytes;
	row->absent = value == NULL;
	row->used = ++cache->tick;
}

static int cache_get(struct dfs_kv *kv, struct dfs_span key, struct dfs_span *ret_value)
{
	struct dfs_kv_cache *cache = cache_of(kv);
	u32 hash = hash_of(key);
	struct row *row = find(cache, key, hash);
	if (cache->failure != 0)
		return cache->failure;
	if (row == NULL) {
		struct dfs_span value;
		int status = dfs_kv_get(cache->inner, key, &value);
		if (status != 0 && status != DFS_ENOENT)
			return status;
		row = take(cache, hash);
		if (row == NULL || (status == 0 && value.length > VALUE_BYTES_MAX)) {
			if (status == 0)
				*ret_value = value;
			return status;
		}
		fill(cache, row, hash, key, status == 0 ? &value : NULL);
	}
	if (row->absent)
		return DFS_ENOENT;
	*ret_value = dfs_span(row->data + row->key_bytes, row->value_bytes);
	return 0;
}

static int change(struct dfs_kv_cache *cache, struct dfs_span key, const struct dfs_span *value)
{
	u32 hash = hash_of(key);
	struct row *row = find(cache, key, hash);
	if (row == NULL)
		row = take(cache, hash);
	if (row == NULL)
		return DFS_EBUSY;
	fill(cache, row, hash, key, value);
	if (!row->changed) {
		row->changed = true;
		dfs_list_push_back(&cache->changed, &row->in_changed);
		cache->changed_count++;
	}
	return 0;
}

static bool keepable(const struct dfs_kv_batch *batch)
{
	struct dfs_kv_change each;
	u32 at = 0;
	if (batch->count > CHANGED_ROWS_MAX)
		return false;
	while (dfs_kv_batch_next(batch, &at, &each)) {
		if (each.kind == DFS_KV_DELETE_RANGE || each.value.length > VALUE_BYTES_MAX)
			return false;
	}
	return true;
}

static void forget_range(struct dfs_kv_cache *cache, struct dfs_span from, struct dfs_span to)
{
	for (u32 i = 0; i < (cache->sets_mask + 1) * WAYS; i++) {
		struct row *row = &cache->rows[i];
		struct dfs_span key = dfs_span(row->data, row->key_bytes);
		if (row->data != NULL && dfs_span_compare(key, from) >= 0 &&
		    dfs_span_compare(key, to) < 0)
			row_free(cache, row);
	}
}

/* Past the cache: what is in the batch is forgotten here. */
static int write_through(struct dfs_kv_cache *cache, const struct dfs_kv_batch *batch)
{
	struct dfs_kv_change each;
	u32 at = 0;
	int status = settle(cache, batch);
	if (status != 0)
		return status;
	while (dfs_kv_batch_next(batch, &at, &each)) {
		if (each.kind == DFS_KV_DELETE_RANGE) {
			forget_range(cache, each.key, each.value);
			continue;
		}
		struct row *row = find(cache, each.key, hash_of(each.key));
		if (row != NULL)
			row_free(cache, row);
	}
	return 0;
}

static int cache_write(struct dfs_kv *kv, const struct dfs_kv_batch *batch)
{
	struct dfs_kv_cache *cache = cache_of(kv);
	struct dfs_kv_change each;
	u32 at = 0;
	if (cache->failure != 0)
		return cache->failure;
	if (!keepable(batch))
		return write_through(cache, batch);
	while (dfs_kv_batch_next(batch, &at, &each)) {
		if (change(cache, each.key, each.kind == DFS_KV_PUT ? &each.value : NULL) != 0)
			return write_through(cache, batch);
	}
	return cache->changed_count > CHANGED_ROWS_MAX ? settle(cache, NULL) : 0;
}

static struct dfs_kv_iter *cache_iter_new(struct dfs_kv *kv, struct dfs_span from,
					  struct dfs_span to)
{
	struct dfs_kv_cache *cache = cache_of(kv);
	(void)dfs_kv_cache_settle(cache); /* A failure ends the iteration. */
	return dfs_kv_iter_new(cache->inner, from, to);
}

static bool cache_iter_next(struct dfs_kv *kv, struct dfs_kv_iter *iter, struct dfs_span *ret_key,
			    struct dfs_span *ret_value)
{
	struct dfs_kv_cache *cache = cache_of(kv);
	return cache->failure == 0 && dfs_kv_iter_next(cache->inner, iter, ret_key, ret_value);
}

static int cache_iter_free(struct dfs_kv *kv, struct dfs_kv_iter *iter)
{
	struct dfs_kv_cache *cache = cache_of(kv);
	int status = dfs_kv_iter_free(cache->inner, iter);
	return cache->failure != 0 ? cache->failure : status;
}

static u64 cache_memory(struct dfs_kv *kv)
{
	const struct dfs_kv_cache *cache = cache_of(kv);
	u64 rows = (u64)(cache->sets_mask + 1) * WAYS;
	u64 bytes = rows * sizeof(struct row);
	for (u64 i = 0; i < rows; i++)
		bytes += cache->rows[i].capacity;
	return bytes + dfs_kv_memory(cache->inner);
}

static const struct dfs_kv_ops cache_ops = {
    .get = cache_get,
    .write = cache_write,
    .iter_new = cache_iter_new,
    .iter_next = cache_iter_next,
    .iter_free = cache_iter_free,
    .memory = cache_memory,
};

struct dfs_kv_cache *dfs_kv_cache_new(struct dfs_kv *inner, u32 rows)
{
	struct dfs_kv_cache *cache = calloc(1, sizeof(*cache));
	u32 sets = 1;
	DFS_ASSERT(cache != NULL);
	while (sets * WAYS < rows)
		sets *= 2;
	cache->kv.ops = &cache_ops;
	cache->inner = inner;
	cache->sets_mask = sets - 1;
	cache->rows = calloc((size_t)sets * WAYS, sizeof(*cache->rows));
	DFS_ASSERT(cache->rows != NULL);
	dfs_list_init(&cache->changed);
	return cache;
}

void dfs_kv_cache_free(struct dfs_kv_cache *cache)
{
	if (cache == NULL)
		return;
	for (u32 i = 0; i < (cache->sets_mask + 1) * WAYS; i++)
		free(cache->rows[i].data);
	free(cache->rows);
	dfs_kv_batch_fini(&cache->batch);
	free(cache);
}

struct dfs_kv *dfs_kv_cache_kv(struct dfs_kv_cache *cache)
{
	return &cache->kv;
}

u32 dfs_kv_cache_unsettled(const struct dfs_kv_cache *cache)
{
	return cache->changed_count;
}
