/*
 * All contact with libraft (0.22.1, its pure engine) is in raft.c: who owns which memory changes
 * between its versions. Agreement on the log for the rest of the core: submit data, learn what is
 * committed. Durability is the caller's turn: raft.c writes to the log, master.c syncs it and then
 * says so with ms_raft_persisted().
 *
 * Every function returns 0 or a negative DFS_E…; after any but DFS_ENOT_LEADER the process must
 * end.
 */
#ifndef MS_RAFT_H
#define MS_RAFT_H

#include "master/core/log.h"

#define MS_RAFT_COMMAND 1 /* log_entry.type of what ms_raft_submit appends. */

struct ms_raft;

struct ms_raft_config {
	struct ms_log *log;  /* Borrowed for life. */
	u64 cluster;         /* Must be the store's. */
	u64 server;          /* Our Raft id, not 0. */
	const char *address; /* Ours, for the configuration that a bootstrap writes. */
	bool bootstrap;      /* A blank store becomes a new cluster of one voter. */
	u64 applied;         /* Index up to which the state tables are known to reach. */
};

struct ms_raft *ms_raft_new(void);
void ms_raft_free(struct ms_raft *raft);

/* Read the log, or write the first entry of a new one. Sync the log before ms_raft_start. */
int ms_raft_load(struct ms_raft *raft, const struct ms_raft_config *config,
		 struct dfs_text *reason);
/* Go. A sole voter leads at once, with everything in its log committed. */
int ms_raft_start(struct ms_raft *raft, nsec now, struct dfs_text *reason);

bool ms_raft_leads(const struct ms_raft *raft);
u64 ms_raft_term(const struct ms_raft *raft);
/* Entries up to here are decided and may be applied. */
u64 ms_raft_committed(const struct ms_raft *raft);
/* When to call ms_raft_timeout. */
nsec ms_raft_deadline(const struct ms_raft *raft);
int ms_raft_timeout(struct ms_raft *raft, nsec now);

/* Append one command; ret_index is where it went. DFS_ENOT_LEADER. */
int ms_raft_submit(struct ms_raft *raft, nsec now, struct dfs_span data, u64 *ret_index);
/* Entries up to `index` are on stable storage. */
int ms_raft_persisted(struct ms_raft *raft, nsec now, u64 index);
/* The state tables on disk hold everything up to `index`, which is applied: the log before it may
 * go, except for a tail that spares slow peers a snapshot. */
int ms_raft_snapshot(struct ms_raft *raft, nsec now, u64 index);

#endif
