/*
 * The Raft log on its key-value store: entries, term and vote, the bookkeeping of snapshots, and
 * whose cluster it is. Synchronous at memory speed; durable once log_sync()'s effect is done. One
 * sync is in flight at most: what is written meanwhile is covered by the next.
 *
 * It knows nothing of Raft's rules: raft.c does, and is the only caller but for master.c's syncs.
 */
#ifndef MS_LOG_H
#define MS_LOG_H

#include "libdfsproto/base/kv.h"
#include "libdfsproto/wire/coding.h"

#define DFS_TABLE "libdfsproto/schema/disk_log.def"
#include "libdfsproto/wire/rows.h"
#undef DFS_TABLE

#define MS_LOG_VERSION    1        /* Of disk_log.def. */
#define MS_LOG_DATA_BYTES 2097152u /* Largest data of one entry. */

struct ms_log {
	struct dfs_kv *kv;
	struct dfs_writer record;  /* For sealing; kept. */
	struct dfs_kv_batch batch; /* Kept. */
	u64 first;                 /* Index of the oldest entry; last + 1 when there is none. */
	u64 last;                  /* Index of the newest entry; 0 before the first. */
	u64 bytes;                 /* Data appended by this process; for deciding on flushes. */
	bool dirty;                /* Something was written since the last sync was started. */
};

/* What was found in the store, besides entries. Spans live until the next call on the log. */
struct ms_log_found {
	bool blank; /* Not even an identity: never used, or its first start was cut short. */
	struct dfs_log_identity identity;
	struct dfs_log_vote vote;
	bool has_snapshot;
	struct dfs_log_snapshot snapshot;
};

void ms_log_init(struct ms_log *log, struct dfs_kv *kv);
void ms_log_fini(struct ms_log *log);

/* Read everything but the entries. DFS_ECORRUPT or the store's error; `reason` says what. */
int ms_log_read(struct ms_log *log, struct ms_log_found *ret_found, struct dfs_text *reason);

/* Walk all entries in order; sets first and last. `visit` takes a sealed entry apart; its own
 * negative status ends the walk. Gaps are DFS_ECORRUPT. */
int ms_log_walk(struct ms_log *log,
		int (*visit)(void *context, u64 index, const struct dfs_log_entry *entry),
		void *context, struct dfs_text *reason);

/* The entry at `index`, borrowed until the next call on the log; `ret_version` is what its log_op
 * records are coded in. */
int ms_log_get(struct ms_log *log, u64 index, struct dfs_log_entry *ret_entry, u16 *ret_version);

/* Collect changes in log->batch, then write them as one. */
void ms_log_put_identity(struct ms_log *log, const struct dfs_log_identity *identity);
void ms_log_put_vote(struct ms_log *log, const struct dfs_log_vote *vote);
void ms_log_put_snapshot(struct ms_log *log, const struct dfs_log_snapshot *snapshot);
/* Entries beyond `index`, if any, are replaced: they were never committed. */
void ms_log_put_entry(struct ms_log *log, u64 index, const struct dfs_log_entry *entry);
/* Entries up to `index` go. */
void ms_log_drop(struct ms_log *log, u64 index);
int ms_log_write(struct ms_log *log);

#endif
