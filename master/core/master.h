/*
 * The master's core: namespace, chunk map, sessions, placement, behind a Raft log. Pure: see
 * base/step.h.
 *
 * Stores: io.disk MS_KV_LOG is the log (logged, DFS_IO_KV_SYNC), MS_KV_STATE the state tables
 * (unlogged, DFS_IO_KV_FLUSH). Every mutation is a log entry first; it is applied to the state when
 * it is committed and answered after that. After a crash the state is some prefix, and the log has
 * the rest.
 */
#ifndef DFS_MASTER_H
#define DFS_MASTER_H

#include "libdfsproto/base/kv.h"
#include "libdfsproto/base/step.h"
#include "libdfsproto/session/session.h"

enum ms_kv { MS_KV_LOG, MS_KV_STATE, MS_KV_COUNT };

struct ms_config {
	struct dfs_identity identity; /* Copied. identity.seed is filled from EV_BOOT. */
	struct dfs_kv *kvs[MS_KV_COUNT];
	const char *address;  /* host:port that others reach us by: our Raft address. */
	u64 server;           /* Our Raft id, 1 for a single master. */
	bool bootstrap;       /* The stores are empty and this is to become a new cluster. */
	nsec session_timeout; /* 0: 60 s. */
	u32 rows_cached;      /* Rows of the state kept in memory; 0: 65,536. */
	const struct dfs_session_tuning *tuning; /* NULL: defaults. */
};

struct ms;

struct ms *ms_new(const struct ms_config *config);
void ms_free(struct ms *ms);

/* struct dfs_core_ops for the hosts; `core` is a struct ms. */
extern const struct dfs_core_ops ms_core_ops;

#endif
