/*
 * An ordered map in memory behind kv.h, with the crash semantics that kv.h promises and no more:
 * what a crash may take is taken at random. Used by the simulator for every store of every node,
 * and by unit tests of cores that need a store.
 *
 * Strict where RocksDB is forgiving: a value from dfs_kv_get() is freed by the next call on the
 * store, so that ASan sees a core that keeps it too long, and a store must have no iterator left
 * when it crashes.
 */
#ifndef TESTS_SIM_KV_SIM_H
#define TESTS_SIM_KV_SIM_H

#include "libdfsproto/base/kv.h"
#include "libdfsproto/base/prng.h"

enum kv_sim_kind {
	KV_SIM_LOGGED,   /* The chunkserver's indexes, the master's log. */
	KV_SIM_UNLOGGED, /* The master's state. */
};

struct kv_sim;

struct kv_sim *kv_sim_new(enum kv_sim_kind kind);
void kv_sim_free(struct kv_sim *kv);
struct dfs_kv *kv_sim_kv(struct kv_sim *kv);

/* KV_SYNC or KV_FLUSH: begin when the effect is emitted, finish with what begin gave when it is
 * done. */
u64 kv_sim_sync_begin(const struct kv_sim *kv);
int kv_sim_sync_finish(struct kv_sim *kv, u64 mark);

/* The process dies, or the machine loses power. */
void kv_sim_crash(struct kv_sim *kv, bool power, struct dfs_prng *prng);
/* The process dies between its writes: those after write number `from` are there only up to some
 * point. `from` is an earlier kv_sim_batches(). Call kv_sim_crash afterwards. */
void kv_sim_lose_after(struct kv_sim *kv, u64 from, struct dfs_prng *prng);

/* Batches written so far, those lost in crashes not counted. */
u64 kv_sim_batches(const struct kv_sim *kv);
/* The disk broke: every call answers `status` until it is set to 0 again. */
void kv_sim_fail(struct kv_sim *kv, int status);
/* Everything is gone, as on a new disk. */
void kv_sim_wipe(struct kv_sim *kv);
/* CRC over all keys and values. */
u32 kv_sim_hash(const struct kv_sim *kv);
u64 kv_sim_count(const struct kv_sim *kv);

#endif
