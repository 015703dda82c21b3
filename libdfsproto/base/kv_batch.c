/*
 * The batch format of kv.h, in memory only.
 */
#include "libdfsproto/base/kv.h"

#include <stdlib.h>

enum { CHANGE_HEADER_BYTES = 9 };

static void append(struct dfs_kv_batch *batch, enum dfs_kv_change_kind kind, struct dfs_span key,
		   struct dfs_span value)
{
	DFS_ASSERT(key.length <= DFS_KV_KEY_BYTES_MAX);
	DFS_ASSERT(value.length <= DFS_KV_VALUE_BYTES_MAX);
	u32 needed = CHANGE_HEADER_BYTES + key.length + value.length;
	if (batch->capacity - batch->length < needed) {
		u32 capacity = dfs_max(batch->capacity * 2, batch->length + needed + 256);
		void *data = realloc(batch->data, capacity);
		DFS_ASSERT(data != NULL);
		batch->data = data;
		batch->capacity = capacity;
	}
	u8 *at = batch->data + batch->length;
	at[0] = (u8)kind;
	memcpy(at + 1, &key.length, 4);
	memcpy(at + 5, &value.length, 4);
	at += CHANGE_HEADER_BYTES;
	if (key.length > 0)
		memcpy(at, key.data, key.length);
	if (value.length > 0)
		memcpy(at + key.length, value.data, value.length);
	batch->length += needed;
	batch->count++;
}

void dfs_kv_batch_put(struct dfs_kv_batch *batch, struct dfs_span key, struct dfs_span value)
{
	append(batch, DFS_KV_PUT, key, value);
}

void dfs_kv_batch_delete(struct dfs_kv_batch *batch, struct dfs_span key)
{
	append(batch, DFS_KV_DELETE, key, (struct dfs_span){0});
}

void dfs_kv_batch_delete_range(struct dfs_kv_batch *batch, struct dfs_span from, struct dfs_span to)
{
	append(batch, DFS_KV_DELETE_RANGE, from, to);
}

void dfs_kv_batch_clear(struct dfs_kv_batch *batch)
{
	batch->length = 0;
	batch->count = 0;
}

void dfs_kv_batch_fini(struct dfs_kv_batch *batch)
{
	free(batch->data);
	memset(batch, 0, sizeof(*batch));
}

bool dfs_kv_batch_next(const struct dfs_kv_batch *batch, u32 *at, struct dfs_kv_change *ret_change)
{
	if (*at >= batch->length)
		return false;
	const u8 *data = batch->data + *at;
	u32 key_bytes, value_bytes;
	memcpy(&key_bytes, data + 1, 4);
	memcpy(&value_bytes, data + 5, 4);
	ret_change->kind = (enum dfs_kv_change_kind)data[0];
	ret_change->key = dfs_span(data + CHANGE_HEADER_BYTES, key_bytes);
	ret_change->value = dfs_span(data + CHANGE_HEADER_BYTES + key_bytes, value_bytes);
	*at += CHANGE_HEADER_BYTES + key_bytes + value_bytes;
	return true;
}
