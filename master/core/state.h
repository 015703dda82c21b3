/*
 * The master's deterministic state machine: the tables of the file system, the operations that
 * change them, the questions that read them. The rest of the core calls this and nothing below it.
 *
 * Every replica applies the same log to the same tables and gets the same bytes: time and callers
 * come in the operation, inode numbers and sessions from counters in the tables. Each operation is
 * one kv batch together with the position it had in the log, so after a crash the log is simply
 * applied again from anywhere before that position.
 *
 * Leases, open files, chunk locations and grants are not here: they are the leader's soft state.
 * Read next: tables.h (keys and rows), apply.c (one operation from log to batch).
 */
#ifndef DFS_MASTER_STATE_H
#define DFS_MASTER_STATE_H

#include "libdfsproto/base/kv.h"
#include "libdfsproto/base/list.h"
#include "libdfsproto/base/map.h"
#include "libdfsproto/wire/messages.h"

struct ms_state;

struct ms_state_config {
	struct dfs_kv *kv; /* Borrowed until ms_state_close. */
	u64 cluster;       /* Cluster id; a store of another cluster is refused. */
	u32 rows_cached;   /* Rows kept in memory; 0: 65,536. */
	u32 hash_bits;     /* 0: all. Tests make names collide with fewer; never change it later. */
};

/* Position in the log; op numbers count the operations inside one entry from 0. */
struct ms_position {
	u64 index; /* Raft log index; 0: nothing was applied yet. */
	u32 number;
};

/* Open the tables, making an empty root directory when there are none. `reason` (may be NULL) gets
 * a sentence for the operator on failure: DFS_EWRONG_VERSION for a newer format,
 * DFS_EWRONG_CLUSTER, DFS_ECORRUPT, DFS_EIO. */
int ms_state_open(const struct ms_state_config *config, struct dfs_text *reason,
		  struct ms_state **ret_state);
/* NULL is allowed. The store stays as it is: what was not settled is lost, as in a crash. */
void ms_state_close(struct ms_state *state);

/* Rows that changed in memory and not yet in the store; settling hands them over as one batch. To
 * be done before the store is made durable, and now and then. 0 or ms_state_failure(). */
u32 ms_state_unsettled(const struct ms_state *state);
int ms_state_settle(struct ms_state *state);
/* Settle, and take every row from the store again. */
int ms_state_reread(struct ms_state *state);

/* Bytes that the store and the rows in front of it take. */
u64 ms_state_memory(const struct ms_state *state);

/* 0, or the first error of the store (DFS_EIO, DFS_ECORRUPT): the process must stop. Queries return
 * that error as well. */
int ms_state_failure(const struct ms_state *state);

/* The last operation that was applied. */
struct ms_position ms_state_applied(const struct ms_state *state);

/* --- Changing it. --- */
struct ms_op {
	nsec wall;    /* The leader's clock when it proposed the operation. */
	u64 session;  /* 0 for operations from DFS_OP_FROM_LEADER on, which keep no results. */
	u64 sequence; /* From 1; gaps and any order are fine, within DFS_RESULTS_MAX of acked. */
	u64 acked;    /* Below sequence. Results up to here are dropped. */
	u32 uid;
	u32 gid;
	u16 op;      /* enum dfs_op. */
	u16 version; /* Protocol version that the body is coded in: 1..DFS_PROTOCOL_VERSION. */
	struct dfs_span body; /* Untrusted. */
};

/* A bound that TRIM_CHUNK must carry out at the replicas and TRIMMED then clears. */
struct ms_trim {
	u64 ino;
	u64 index;
	u64 chunk; /* 0: none. */
	u32 epoch;
	u32 length;
};

/* What ms_apply tells; spans and arrays are borrowed until the next ms_apply. */
struct ms_result {
	int status;    /* The answer: 0 or a negative DFS_E…. Nothing was changed unless 0. */
	bool skipped;  /* At or below ms_state_applied(): nothing done; facts below are absent. */
	bool repeated; /* (session, sequence) was applied before: the stored answer. */
	u8 existed;    /* MAKE with reuse: the name was there. */
	struct dfs_attr attr; /* As MUTATE_REPLY.attr; ino 0: none. The made inode after MAKE. */

	/* News for the leader's soft state; only of operations that were really applied now. */
	u64 session;  /* SESSION_OPEN: the new session. SESSION_CLOSE: the one that ended. */
	u64 reserved; /* RESERVE: the first id; the number asked for follows from it. */
	u64 orphaned; /* This inode has no name any more: PURGE it when nobody holds it open. */
	u64 expires;  /* Something is in the trash now until then. 0: no news. */
	u64 cutting;  /* Some chunk map (this inode's, perhaps more) has dead rows left: as long
		       * as ms_scan_cuts finds any, propose CUT for the first. 0: no news. */
	u64 next;     /* TAKE_IN: the cookie to go on from; 0: all was seen. */
	struct ms_trim trim; /* SETATTR(size): trim.chunk != 0 when a chunk was cut inside. */
	const u64
	    *garbage; /* Chunks that were dropped from the tables: delete, then FORGET_CHUNKS. */
	u32 garbage_count;
};

/* Apply one committed operation. 0 whatever the operation's own outcome is; otherwise the store
 * failed (see ms_state_failure) and nothing was changed. Positions must grow, except that a replay
 * may start anywhere: what was applied already is skipped, with the stored result where one is
 * kept. */
int ms_apply(struct ms_state *state, struct ms_position at, const struct ms_op *op,
	     struct ms_result *ret_result);

/* An entry without operations: only the position moves, so that the log before it may go. */
int ms_apply_nothing(struct ms_state *state, u64 index);

/* Before proposing: 1 and the stored result when (session, sequence) was applied; 0 when it is new;
 * DFS_EDUPLICATE when its result is no longer kept; DFS_ENO_SESSION; DFS_EBUSY when it is more than
 * DFS_RESULTS_MAX beyond what was acknowledged. */
int ms_repeat(struct ms_state *state, u64 session, u64 sequence, struct ms_result *ret_result);

/* --- Sessions. Kept in memory as well, in order of id. --- */
struct ms_session {
	struct dfs_map_node node; /* By id. */
	struct dfs_list in_order;
	u64 id;
	u64 client;  /* The client's node id. */
	u64 host;    /* Its host id. */
	u64 opened;  /* Wall time. */
	u64 acked;   /* Results up to this sequence are gone. */
	u64 highest; /* Highest sequence with a stored result. */
	u32 name_bytes;
	u8 name[DFS_ADDRESS_BYTES_MAX];
};

/* NULL when there is none; borrowed until the next ms_apply. */
const struct ms_session *ms_session_find(const struct ms_state *state, u64 session);
/* In order of id; NULL starts and ends. */
const struct ms_session *ms_session_next(const struct ms_state *state,
					 const struct ms_session *session);
u32 ms_session_count(const struct ms_state *state);

/* --- Reading. 0 or a negative DFS_E…; spans are borrowed until the next call on the state. --- */
/* `.` and `..` are understood. DFS_ENOENT also when the directory itself is gone. */
int ms_lookup(struct ms_state *state, u64 parent, struct dfs_span name, struct dfs_attr *ret_attr);
/* DFS_ESTALE when the inode is gone. Orphans are still there: their nlink is 0. */
int ms_getattr(struct ms_state *state, u64 ino, struct dfs_attr *ret_attr);
int ms_readlink(struct ms_state *state, u64 ino, struct dfs_span *ret_target);
/* Also the inode's change counter. */
int ms_getxattr(struct ms_state *state, u64 ino, struct dfs_span name, struct dfs_span *ret_value,
		u64 *ret_change);
/* Names with a NUL behind each are appended to `names`, which has no headroom. */
int ms_listxattr(struct ms_state *state, u64 ino, struct dfs_writer *names);

struct ms_readdir {
	u64 ino;
	u64 cookie;    /* 0 starts. */
	u32 bytes_max; /* At least one entry is given whatever it is; capped at what a body may
			  hold. */
	bool attributes;
};
/* dfs_dirent records are put into `entries` (no headroom; its version decides the coding):
 * dfs_writer_items() of it is the reply's list. */
int ms_readdir(struct ms_state *state, const struct ms_readdir *query, struct dfs_writer *entries,
	       u8 *ret_end, u64 *ret_parent);

struct ms_location {
	u64 index;
	u64 chunk;
	u64 home; /* Chunkserver that took its first bytes; 0: not known. */
	u32 epoch;
	u32 valid;  /* As LOCATION.valid: bytes from here on read as zeros. */
	u32 length; /* As LOCATION.length. */
	u32 bytes;  /* So many count: known to be written, and not cut off. */
	bool shared;
};
/* Mapped chunks with index in [index, index + count), in order; at most `max` of them. */
int ms_chunks(struct ms_state *state, u64 ino, u64 index, u64 count,
	      struct ms_location *ret_locations, u32 max, u32 *ret_count);

struct ms_chunk {
	u64 chunk;
	u64 ino; /* File that maps it, and where; of several the first one, 0 when that is gone. */
	u64 index;
	u64 home; /* As in struct ms_location. */
	u32 epoch;
	u32 goal; /* Copies wanted. */
	u32 references;
};
/* DFS_ENOENT when no file maps it: then it is granted, garbage or unknown. */
int ms_chunk_get(struct ms_state *state, u64 chunk, struct ms_chunk *ret_chunk);
/* 1 in the garbage table, 0 not. */
int ms_is_garbage(struct ms_state *state, u64 chunk);
/* 1 an inode without a name, 0 not (it has one, or does not exist). */
int ms_is_orphan(struct ms_state *state, u64 ino);

/* --- The trash. --- */
/* So long a directory keeps what is deleted in it, in seconds; DFS_ESTALE, DFS_ENOTDIR. */
int ms_trash_kept(struct ms_state *state, u64 ino, u32 *ret_keep_s);
/* Places behind `after` that expire at `until` or before, at most `max`, in order of place. `next`
 * is when the first one beyond them does; 0: there is none. */
int ms_trash_due(struct ms_state *state, u64 until, struct dfs_trash_key *ret_keys, u32 max,
		 u32 *ret_count, u64 *ret_next);
/* trash_item records are put into `items` (no headroom); reply.items is theirs. Bounded work. */
int ms_trash_list(struct ms_state *state, const struct dfs_list_trash *query,
		  struct dfs_writer *items, struct dfs_list_trash_reply *ret_reply);
/* The next operation on the way to a RECOVER. */
struct ms_recovery {
	u16 op;     /* DFS_OP_RESTORE or DFS_OP_REMAKE; 0: it has a name already, nothing to do. */
	u64 ino;    /* RESTORE: what; not the one asked for when a directory above comes first. */
	u64 parent; /* Where. */
	u32 name_bytes;
	u8 name[DFS_NAME_BYTES_MAX];
};
int ms_trash_recovery(struct ms_state *state, const struct dfs_recover *request,
		      struct ms_recovery *ret_recovery);
/* The path of a name in a directory, as it is now, in `buffer`; borrowed from there. */
int ms_path_now(struct ms_state *state, u64 parent, struct dfs_span name,
		u8 buffer[DFS_TRASH_PATH_BYTES_MAX], struct dfs_span *ret_path);

/* Chunk ids below this were reserved at some time. */
u64 ms_chunk_end(const struct ms_state *state);

struct ms_counts {
	u64 inodes;      /* Orphans included. */
	u64 chunks;      /* Mapped by files. */
	u64 garbage;     /* Chunks on their way out. */
	u64 trash;       /* Inodes in the trash ... */
	u64 trash_bytes; /* ... and the space of their chunks. */
};
struct ms_counts ms_counts(const struct ms_state *state);

/* Walking whole tables in bounded steps: up to `max` rows with a key above `after` (0 starts).
 * Fewer than `max` rows means that the end was reached. */
int ms_scan_orphans(struct ms_state *state, u64 after, u64 *ret_inodes, u32 max, u32 *ret_count);
int ms_scan_garbage(struct ms_state *state, u64 after, u64 *ret_chunks, u32 max, u32 *ret_count);
int ms_scan_cuts(struct ms_state *state, u64 after, u64 *ret_inodes, u32 max, u32 *ret_count);
int ms_scan_chunks(struct ms_state *state, u64 after, struct ms_chunk *ret_chunks, u32 max,
		   u32 *ret_count);
/* In order of (ino, index), after that of `after` (NULL starts). */
int ms_scan_trims(struct ms_state *state, const struct ms_trim *after, struct ms_trim *ret_trims,
		  u32 max, u32 *ret_count);

/* --- Quotas. --- */
/* By how much the inode may grow, by the limits of its user, group and trees. DFS_ESTALE. */
int ms_room_of(struct ms_state *state, u64 ino, nsec wall, struct dfs_room *ret_room);
/* The smallest limits of the trees around an inode: *ret_bytes and *ret_inodes are UINT64_MAX where
 * there is none, with what is left of them. An inode that is gone has none. */
struct ms_tree_space {
	u64 bytes;
	u64 bytes_left;
	u64 inodes;
	u64 inodes_left;
};
int ms_tree_space(struct ms_state *state, u64 ino, struct ms_tree_space *ret_space);
/* dfs_quota records of one kind, from an id on, at most query->count, into `quotas` (no headroom);
 * ret_end: nothing follows. */
int ms_quotas(struct ms_state *state, const struct dfs_quotas *query, nsec wall,
	      struct dfs_writer *quotas, bool *ret_end);

/* All rows as of the moment the walk is made, handed out in order of key as TABLE_ROW records until
 * `rows` has `bytes_max` bytes: false when nothing follows. An iteration that ended early says so
 * when it is freed: 0, or the store's error. Free it before the state. */
struct ms_walk;
struct ms_walk *ms_walk_new(struct ms_state *state);
bool ms_walk_step(struct ms_walk *walk, u32 bytes_max, struct dfs_writer *rows);
u64 ms_walk_position(const struct ms_walk *walk);
int ms_walk_free(struct ms_walk *walk);

/* Walk all tables and compare them with each other: 0, or DFS_ECORRUPT and what is wrong. O(state);
 * for tests, the simulator and an operator's check. */
int ms_state_check(struct ms_state *state, struct dfs_text *reason);

#endif
