/*
 * The state machine's own struct, for the files of it only: state.c, tables.c, txn.c, apply.c,
 * op_*.c, query_*.c, check*.c.
 */
#ifndef DFS_MASTER_STATE_I_H
#define DFS_MASTER_STATE_I_H

#include "libdfsproto/base/kv_cache.h"
#include "libdfsproto/base/map.h"
#include "master/core/tables.h"

/* An operation changes at most two directories and two inodes in them; a rename may leave a
 * whiteout behind. */
#define MS_TXN_INODES_MAX 5

/* What counts in quotas, and where: see quota.h. Zeroed: nothing, of an inode that is not there. */
struct ms_owned {
	u64 inodes; /* 0 or 1. */
	u64 bytes;
	u64 tree;
	u32 uid;
	u32 gid;
};

struct ms_inode {
	u64 ino;
	bool dirty;              /* The row goes into the batch. */
	struct ms_owned charged; /* As the quotas have it. */
	struct dfs_row_inode row;
	u64 trash_bytes; /* What it adds to the counter of that name, as the tables are. */
};

/* Chunks that one operation may drop: CUT, PURGE and truncation have a budget of their own; COMMIT
 * replaces at most its list. */
#define MS_GARBAGE_PER_OP_MAX DFS_MAP_ROWS_PER_OP
_Static_assert(MS_GARBAGE_PER_OP_MAX >= 1024, "COMMIT's whole list fits");

/* The row of a chunk of which the operation changes the references: chunk_refs.c. */
struct ms_ref {
	struct dfs_map_node by_chunk;
	struct dfs_row_chunk row;
};

struct ms_state {
	struct dfs_kv_cache *cache;
	struct dfs_kv *kv; /* The cache, as everybody here sees it. */
	int failure;       /* 0 or the store's first error; then nothing is applied. */
	u64 cluster;
	u64 hash_key[2]; /* Of names: from the cluster id, the same on all replicas. */
	u64 hash_mask;
	struct dfs_row_counters counters; /* As in the store, but for the operation in progress. */
	struct dfs_map sessions;          /* struct ms_session by id. */
	struct dfs_list sessions_in_order;

	/* The operation in progress. */
	struct dfs_writer writer; /* Codes one row at a time. */
	struct dfs_kv_batch batch;
	struct ms_inode inodes[MS_TXN_INODES_MAX];
	u32 inodes_count;
	u64 garbage[MS_GARBAGE_PER_OP_MAX];
	u32 garbage_count;
	struct dfs_map quotas;           /* struct ms_quota by kind and id. */
	struct dfs_list quotas_in_order; /* In which they were first needed. */
	struct dfs_list quotas_free;
	struct dfs_map refs_by_chunk;
	struct ms_ref refs[MS_GARBAGE_PER_OP_MAX];
	u32 refs_count;
};

#endif
