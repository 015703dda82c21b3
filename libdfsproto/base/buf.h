/*
 * Reference-counted byte buffers: how payloads and encoded messages travel between cores and
 * hosts without copies. Sizes come in classes (powers of two) and freed buffers are kept for
 * reuse, so the hot path does not allocate. One pool per thread: a buffer is made, referenced and
 * released on the loop's thread; a worker may read or fill one that the loop holds a reference to.
 */
#ifndef DFS_BASE_BUF_H
#define DFS_BASE_BUF_H

#include "libdfsproto/base/types.h"

struct dfs_buf {
	u8 *data;     /* `capacity` bytes, 4096-aligned from 4 KiB up. */
	u32 capacity; /* Bytes. */
	u32 length;   /* Bytes in use; the owner's business. */
	u32 refs;
	u32 size_class;
	struct dfs_buf *next_free;
};

/* A buffer with at least `capacity` bytes, length 0, one reference; contents undefined.
 * Aborts when memory is exhausted or capacity exceeds DFS_BUF_BYTES_MAX. */
struct dfs_buf *dfs_buf_new(u32 capacity);
struct dfs_buf *dfs_buf_ref(struct dfs_buf *buf);
/* NULL is allowed. */
void dfs_buf_unref(struct dfs_buf *buf);

/* Buffers that are referenced by someone now: tests check that it returns to where it was. */
u64 dfs_buf_live_count(void);
/* Give the calling thread's kept buffers back to the system. */
void dfs_buf_pool_drain(void);

#define DFS_BUF_BYTES_MAX (4u << 20)

#endif
