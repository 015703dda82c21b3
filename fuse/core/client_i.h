/*
 * The inside of the client's core: what its files share. The way of a read:
 *
 *   client.c -> call.c -> op_read.c -> read_part.c (-> chunk_map.c -> master_link.c) ->
 * server_link.c
 *
 * and of a write:
 *
 *   client.c -> call.c -> op_write.c -> write_behind.c: answered
 *   store.c (-> target.c -> master_link.c) -> server_link.c; then commit.c; for fsync also sync.c
 *
 * Work that an event makes possible is done once, before the step ends: inodes concerned are
 * `touched`. Everything runs under struct cl, which also carries the step's time and effects.
 */
#ifndef CL_CLIENT_I_H
#define CL_CLIENT_I_H

#include "fuse/core/atime.h"
#include "fuse/core/cache.h"
#include "fuse/core/call.h"
#include "fuse/core/chunk_map.h"
#include "fuse/core/linger.h"
#include "fuse/core/quota.h"

enum cl_phase {
	CL_PHASE_NEW,      /* Waits for BOOT. */
	CL_PHASE_STARTING, /* Waits for a master, then for the subtree's inode. */
	CL_PHASE_SERVING,
	CL_PHASE_STOPPING,  /* Writes back; until `stop_deadline`. */
	CL_PHASE_DETACHING, /* Waits for DETACH's answer; until `stop_deadline`. */
	CL_PHASE_ENDED,     /* DFS_FX_EXIT is out: events are ignored. */
};

/* The walk from the root of the cluster to the root of the mount: subtree.c. */
struct cl_subtree {
	char *path;
	u32 at;  /* Where the next component begins. */
	u64 ino; /* Reached so far. */
	struct cl_rpc rpc;
	struct cl_timer retry;
	int refusal; /* Why it is not found; 0: not known yet. */
};

struct cl {
	struct dfs_identity identity;
	struct dfs_session_tuning tuning;
	bool tuned;
	u64 held_bytes_max; /* Of all slots. */
	nsec age;
	nsec timeout;
	u64 clone_bytes_min;

	enum cl_phase phase;
	nsec now;
	nsec wall;
	struct dfs_fxs *fx; /* Of the step under way. */
	u64 next_link;
	struct dfs_heap timers;

	struct cl_master master;
	struct cl_subtree subtree;
	u64 root; /* The mount's root as the master numbers it. */

	struct dfs_map servers_by_id;
	struct dfs_list servers;
	u32 servers_count;
	bool servers_moved;
	/* Sessions that ended in this step: their spans may be in its effects. */
	struct dfs_session **retired;
	u32 retired_count;
	u32 retired_capacity;

	struct dfs_map inodes_by_ino;
	struct dfs_list inodes;
	struct dfs_list touched;
	struct dfs_list dirty; /* Inodes with uncommitted writes, oldest first. */
	u64 held_bytes;
	u64 unstored_bytes;
	bool room_changed;         /* Writers that wait may go on. */
	struct dfs_list quotas;    /* struct cl_quota */
	struct dfs_list lingering; /* Inodes, in order of linger_until. */
	u32 lingering_count;
	u32 linger_syncs; /* Under way for those whose time is over. */
	struct cl_timer linger_timer;
	struct dfs_list releases; /* struct cl_release: RELEASEs under way. */

	struct cl_cache cache;
	struct cl_atimes atimes;

	struct dfs_map handles;
	u64 handles_made;

	struct dfs_map tasks_by_id;
	struct dfs_list tasks;
	struct dfs_list free_tasks;
	u32 free_tasks_count;
	struct dfs_list waiting;  /* Tasks: for SERVING. */
	struct dfs_list mutators; /* Tasks: for fewer unanswered mutations. */
	struct dfs_list writers;  /* WRITEs: for room. */

	struct dfs_list replies; /* struct cl_reply_node of this step. */
	struct dfs_list free_replies;
	struct dfs_buf **kept; /* Until the next step. */
	u32 kept_count;
	u32 kept_capacity;

	nsec stop_deadline;
	struct cl_timer stop_timer;
	struct cl_rpc detach;
};

/* RELEASE on its way: ATTACH still counts it as held, since it will be repeated. */
struct cl_release {
	struct dfs_list in_all;
	struct cl_rpc rpc;
	u64 ino;
};

/* client.c: free it at the start of the next step. */
void cl_retire_session(struct cl *cl, struct dfs_session *session);

/* op_flush.c: start a flush and sync of every inode that has something to lose; how many. Each that
 * ends counts down the task's `flushes_left`, if the task is still there. */
u32 cl_sync_all(struct cl *cl, u64 task);

/* subtree.c */
void cl_subtree_init(struct cl *cl, const char *path);
void cl_subtree_fini(struct cl *cl);
void cl_subtree_walk(struct cl *cl);

/* stop.c */
void cl_stop(struct cl *cl);
void cl_stop_work(struct cl *cl);

/* check.c: struct dfs_core_ops.check. */
void cl_check(const void *core);

#endif
