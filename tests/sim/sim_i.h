/*
 * What the engine's files share: sim.c (clock, heap, trace), node.c (cores), node_io.c (disks and
 * stores), link.c (pipes), crash.c.
 */
#ifndef TESTS_SIM_SIM_I_H
#define TESTS_SIM_SIM_I_H

#include "libdfsproto/base/map.h"
#include "tests/sim/sim.h"

/* One end of a link. */
struct end {
	struct dfs_map_node by_tag; /* In node->ends. */
	struct dfs_list of_node;    /* In node->ends_list, oldest first. */
	struct sim_node *node;      /* Whose end; stays after `open` is over. */
	u64 tag;
	bool open; /* The core knows it: opened or accepted, neither closed nor told LINK_DOWN. */
	bool
	    vanished; /* Power went: it answers nothing until the machine is back, then by reset. */
	/* The pipe to the other end. */
	struct sim_alarm delivery;
	u8 *bytes;
	u32 start;
	u32 count;
	u32 capacity;
	bool finish;  /* LINK_DOWN at the other end follows the bytes. */
	bool choked;  /* Over the mark: LINK_ROOM is due. */
	bool waiting; /* A cut or a dead machine is in the way. */
	nsec stalled_until;
};

enum link_state { LINK_CONNECTING, LINK_OPEN, LINK_ENDED };

struct link {
	struct dfs_list all; /* In sim->links. */
	enum link_state state;
	struct end ends[2]; /* 0 opened it. */
	struct sim_alarm connect;
	char address[256];
	bool connect_waiting; /* As end.waiting. */
};

/* An I/O under way. */
struct io {
	struct dfs_list link; /* In node->ios. */
	struct sim_alarm done;
	struct sim_node *node;
	u64 tag;
	enum dfs_io_kind kind;
	u32 disk;
	struct disk_op *op; /* NULL for stores. */
	u64 mark;           /* Stores: what kv_sim_sync_begin gave. */
};

struct sim_node {
	struct sim_node_spec spec;
	struct sim *sim;
	u32 index;
	void *core;
	bool powered;
	u64 boot;
	u64 links_accepted;
	nsec clock_base; /* Monotonic clock: sim->now + clock_base. */
	s64 wall_offset;
	struct dfs_fxs fxs;
	bool stepping;
	u64 steps;
	struct sim_alarm timer;
	struct dfs_map ends;
	struct dfs_list ends_list;
	struct dfs_list ios;
	struct disk_sim *disks[SIM_DISKS_MAX];
	struct kv_sim *kvs[SIM_KVS_MAX];
	u64 ios_ended;
	u64 fail_at; /* The I/O that fails, as ios_ended counts; 0: none. */
	enum sim_io_fault fault;
	bool crash_armed;
	enum sim_crash crash_how;
	enum { FLIP_NOTHING, FLIP_FRAME, FLIP_PAYLOAD } flip;
};

struct sim {
	nsec now;
	u64 events;
	u64 hash;
	struct dfs_prng prng;
	struct sim_tuning tuning;
	struct dfs_heap heap;
	struct sim_node *nodes[SIM_NODES_MAX];
	u32 nodes_count;
	bool cut[SIM_NODES_MAX][SIM_NODES_MAX]; /* [from][to] */
	u32 refuse;
	struct dfs_list links;
	FILE *trace;
	enum dfs_log_level trace_level;
};

/* Even between min and max, both included. */
nsec sim_between(struct sim *sim, nsec min, nsec max);
bool sim_chance(struct sim *sim, u32 of_256);

/* node.c: build the rest of `ev` (clocks), step, carry out the effects. */
void node_step(struct sim_node *node, struct dfs_ev *ev);
/* Release what effects [from, count) refer to, undone. */
void node_drop_effects(struct sim_node *node, u32 from);

/* node_io.c */
void io_begin(struct sim_node *node, const struct dfs_fx *fx);
void io_drop_all(struct sim_node *node);

/* link.c */
void link_open(struct sim_node *node, u64 tag, struct dfs_span address);
void link_send(struct sim_node *node, const struct dfs_fx *fx);
void link_close(struct sim_node *node, u64 tag);
void link_retry_waiting(struct sim *sim);
/* All of a node's ends, when it dies. */
void link_drop_all(struct sim_node *node, enum sim_crash how, bool orderly);
void link_free_all(struct sim *sim);

/* crash.c */
void node_exit(struct sim_node *node, int status);

/* trace.c */
void trace_send(struct sim_node *node, const struct end *to, const struct dfs_fx *fx);

#endif
