/*
 * A borrowed run of bytes. Names, xattr values and encoded records travel as spans; whoever
 * wants to keep one copies it. Lengths are always explicit: names may hold any byte but `/` and
 * NUL.
 */
#ifndef DFS_BASE_SPAN_H
#define DFS_BASE_SPAN_H

#include "libdfsproto/base/types.h"

#include <string.h>

struct dfs_span {
	const u8 *data; /* Borrowed; NULL only when length is 0. */
	u32 length;     /* Bytes. */
};

static inline struct dfs_span dfs_span(const void *data, size_t length)
{
	DFS_ASSERT(length <= UINT32_MAX);
	return (struct dfs_span){.data = data, .length = (u32)length};
}

static inline struct dfs_span dfs_span_text(const char *text)
{
	return dfs_span(text, strlen(text));
}

static inline bool dfs_span_equal(struct dfs_span a, struct dfs_span b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* Order as memcmp does, a prefix before what it is a prefix of. */
static inline int dfs_span_compare(struct dfs_span a, struct dfs_span b)
{
	u32 shorter = dfs_min(a.length, b.length);
	int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
	if (order != 0)
		return order;
	return a.length < b.length ? -1 : a.length > b.length;
}

#endif
