/*
 * The one door to ordered key-value storage: the master's state and log, and each disk's chunk
 * index. Production: RocksDB (libdfsproto/host/kv_rocks.c). Simulator: an ordered map with crash
 * semantics (tests/sim/kv_sim.c).
 *
 * Calls are synchronous and run at memory speed; making things durable is an effect
 * (DFS_IO_KV_SYNC, DFS_IO_KV_FLUSH), because only that waits for a disk.
 *
 * Two kinds of store, chosen when it is opened:
 * - logged: what dfs_kv_write() accepted survives the death of the process at once, and a power cut
 *   once a KV_SYNC emitted after it is done. A power cut keeps some prefix of the later writes.
 * - unlogged: any crash goes back to some state not older than the last finished KV_FLUSH; it is
 *   always the state after some prefix of the batches.
 * A batch is atomic in both.
 */
#ifndef DFS_BASE_KV_H
#define DFS_BASE_KV_H

#include "libdfsproto/base/span.h"
#include "libdfsproto/base/types.h"

struct dfs_kv;
struct dfs_kv_iter;

#define DFS_KV_KEY_BYTES_MAX   320u
#define DFS_KV_VALUE_BYTES_MAX (4u << 20)

/* A growing list of puts and deletes. A zeroed struct is an empty batch; reuse it with clear. */
struct dfs_kv_batch {
	u8 *data; /* Sequence of {u8 kind, u32 key bytes, u32 value bytes, key, value}. */
	u32 length;
	u32 capacity;
	u32 count;
};

enum dfs_kv_change_kind { DFS_KV_PUT = 1, DFS_KV_DELETE = 2, DFS_KV_DELETE_RANGE = 3 };

struct dfs_kv_change {
	enum dfs_kv_change_kind kind;
	struct dfs_span key;
	struct dfs_span value; /* DELETE_RANGE: the first key that stays. */
};

void dfs_kv_batch_put(struct dfs_kv_batch *batch, struct dfs_span key, struct dfs_span value);
void dfs_kv_batch_delete(struct dfs_kv_batch *batch, struct dfs_span key);
void dfs_kv_batch_delete_range(struct dfs_kv_batch *batch, struct dfs_span from,
			       struct dfs_span to);
void dfs_kv_batch_clear(struct dfs_kv_batch *batch);
void dfs_kv_batch_fini(struct dfs_kv_batch *batch);
/* Walk a batch: *at starts at 0; false at the end. */
bool dfs_kv_batch_next(const struct dfs_kv_batch *batch, u32 *at, struct dfs_kv_change *ret_change);

struct dfs_kv_ops {
	int (*get)(struct dfs_kv *, struct dfs_span key, struct dfs_span *ret_value);
	int (*write)(struct dfs_kv *, const struct dfs_kv_batch *);
	struct dfs_kv_iter *(*iter_new)(struct dfs_kv *, struct dfs_span from, struct dfs_span to);
	bool (*iter_next)(struct dfs_kv *, struct dfs_kv_iter *, struct dfs_span *ret_key,
			  struct dfs_span *ret_value);
	int (*iter_free)(struct dfs_kv *, struct dfs_kv_iter *);
	u64 (*memory)(struct dfs_kv *);
};

/* The first member of each implementation's own struct. */
struct dfs_kv {
	const struct dfs_kv_ops *ops;
};

/* 0 and the value, borrowed until the next call on this store; DFS_ENOENT when absent;
 * DFS_ECORRUPT when the place where it should be is damaged, which others need not be; DFS_EIO when
 * the store failed: treat the disk as broken. */
static inline int dfs_kv_get(struct dfs_kv *kv, struct dfs_span key, struct dfs_span *ret_value)
{
	return kv->ops->get(kv, key, ret_value);
}

/* Apply all changes or none, visible to the next get. */
static inline int dfs_kv_write(struct dfs_kv *kv, const struct dfs_kv_batch *batch)
{
	return kv->ops->write(kv, batch);
}

/* Keys in [from, to), ascending as memcmp orders them, as of now. An empty `to` means no end. */
static inline struct dfs_kv_iter *dfs_kv_iter_new(struct dfs_kv *kv, struct dfs_span from,
						  struct dfs_span to)
{
	return kv->ops->iter_new(kv, from, to);
}

/* Both spans are borrowed until the next call on this iterator. */
static inline bool dfs_kv_iter_next(struct dfs_kv *kv, struct dfs_kv_iter *iter,
				    struct dfs_span *ret_key, struct dfs_span *ret_value)
{
	return kv->ops->iter_next(kv, iter, ret_key, ret_value);
}

/* 0, or the error that ended the iteration early. */
static inline int dfs_kv_iter_free(struct dfs_kv *kv, struct dfs_kv_iter *iter)
{
	return kv->ops->iter_free(kv, iter);
}

/* Bytes of memory in use, roughly: for status pages. */
static inline u64 dfs_kv_memory(struct dfs_kv *kv)
{
	return kv->ops->memory(kv);
}

#endif
