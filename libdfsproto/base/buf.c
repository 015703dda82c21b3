/*
 * Size classes from 256 bytes to 4 MiB; each keeps a bounded number of free buffers per thread.
 */
#include "libdfsproto/base/buf.h"

#include <stdlib.h>

enum {
	CLASS_SHIFT_MIN = 8,
	CLASSES_COUNT = 15,
	KEPT_BYTES_PER_CLASS = 8 << 20,
};
_Static_assert(DFS_BUF_BYTES_MAX == 1u << (CLASS_SHIFT_MIN + CLASSES_COUNT - 1), "largest class");

static _Thread_local struct dfs_buf *free_lists[CLASSES_COUNT];
static _Thread_local u32 free_counts[CLASSES_COUNT];
static _Thread_local u64 live_count;

static u32 class_of(u32 capacity)
{
	u32 class = 0;
	while ((1u << (CLASS_SHIFT_MIN + class)) < capacity)
		class ++;
	return class;
}

static void destroy(struct dfs_buf *buf)
{
	free(buf->data);
	free(buf);
}

struct dfs_buf *dfs_buf_new(u32 capacity)
{
	DFS_ASSERT(capacity <= DFS_BUF_BYTES_MAX);
	u32 class = class_of(capacity);
	struct dfs_buf *buf = free_lists[class];
	if (buf != NULL) {
		free_lists[class] = buf->next_free;
		free_counts[class]--;
	} else {
		buf = calloc(1, sizeof(*buf));
		DFS_ASSERT(buf != NULL);
		buf->capacity = 1u << (CLASS_SHIFT_MIN + class);
		buf->size_class = class;
		buf->data = buf->capacity >= 4096 ? aligned_alloc(4096, buf->capacity)
						  : malloc(buf->capacity);
		DFS_ASSERT(buf->data != NULL);
	}
	buf->next_free = NULL;
	buf->refs = 1;
	buf->length = 0;
	live_count++;
	return buf;
}

struct dfs_buf *dfs_buf_ref(struct dfs_buf *buf)
{
	DFS_ASSERT(buf->refs > 0);
	buf->refs++;
	return buf;
}

void dfs_buf_unref(struct dfs_buf *buf)
{
	if (buf == NULL)
		return;
	DFS_ASSERT(buf->refs > 0);
	if (--buf->refs > 0)
		return;
	live_count--;
	u32 kept_max = dfs_max((u32)KEPT_BYTES_PER_CLASS / buf->capacity, 2u);
	if (free_counts[buf->size_class] >= dfs_min(kept_max, 1024u)) {
		destroy(buf);
		return;
	}
	buf->next_free = free_lists[buf->size_class];
	free_lists[buf->size_class] = buf;
	free_counts[buf->size_class]++;
}

u64 dfs_buf_live_count(void)
{
	return live_count;
}

void dfs_buf_pool_drain(void)
{
	for (u32 class = 0; class < CLASSES_COUNT; class ++) {
		while (free_lists[class] != NULL) {
			struct dfs_buf *buf = free_lists[class];
			free_lists[class] = buf->next_free;
			destroy(buf);
		}
		free_counts[class] = 0;
	}
}
