/*
 * The engine of the simulator: the second host of the cores, beside libdfsproto/host. One process,
 * one virtual clock, one seed. Nodes run cores (struct dfs_core_ops); links are byte pipes; disks
 * and stores are disk_sim and kv_sim. Everything that happens is an event in one heap ordered by
 * (time, sequence), and everything a core does goes into one trace hash: equal seeds give equal
 * hashes.
 *
 * Not here: what the nodes are (cluster.h), what is asked of them (workload.h), what goes wrong
 * when (nemesis.h). Read next: sim.c for the loop, node.c for stepping a core, link.c for the
 * pipes.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "libdfsproto/base/heap.h"
#include "libdfsproto/base/list.h"
#include "libdfsproto/base/prng.h"
#include "libdfsproto/base/step.h"
#include "tests/sim/disk_sim.h"
#include "tests/sim/kv_sim.h"

#include <stdio.h>

enum { SIM_NODES_MAX = 16, SIM_DISKS_MAX = 4, SIM_KVS_MAX = 4 };

struct sim;
struct sim_node;

/* How the world behaves while nothing is wrong. Ranges are drawn from evenly. */
struct sim_tuning {
	nsec latency_min; /* One way, of each delivery. */
	nsec latency_max;
	u32 chop;        /* Of 256 deliveries so many are cut at a random byte. */
	nsec write_max;  /* Longest disk write, read, truncate, …; shortest: a tenth. */
	nsec sync_max;   /* Longest file or store sync; shortest: a tenth. */
	u32 slow_io;     /* Of 1024 I/Os so many take 100 times as long. */
	u32 check_every; /* Call the core's check() after every n-th step; 0: never. */
};

extern const struct sim_tuning sim_calm;

struct sim_node_spec {
	const char *name;
	const char *addresses[2]; /* What it listens on, or NULLs. */
	u32 machine;              /* Nodes with equal numbers share power and unix sockets. */
	const struct dfs_core_ops *ops;
	void *(*make)(void *arg,
		      struct sim_node *node); /* A fresh core around the node's stores. */
	void (*drop)(void *core);
	/* DFS_FX_REPLY. Must not step any core: use sim_call or sim_at. */
	void (*reply)(void *arg, struct sim_node *node, u64 call, const void *reply);
	/* The node went down; `crashed`: not by its own DFS_FX_EXIT. */
	void (*down)(void *arg, struct sim_node *node, bool crashed, int status);
	void *arg;
	u32 disks_count;
	u64 disk_bytes; /* Capacity of each. */
	u32 kvs_count;
	enum kv_sim_kind kv_kinds[SIM_KVS_MAX];
};

struct sim *sim_new(u64 seed, const struct sim_tuning *tuning);
/* Frees the cores too. */
void sim_free(struct sim *sim);

struct sim_node *sim_add(struct sim *sim, const struct sim_node_spec *spec);
const char *sim_name(const struct sim_node *node);
struct sim *sim_of(const struct sim_node *node);
void *sim_core(const struct sim_node *node); /* NULL while it is down. */
bool sim_up(const struct sim_node *node);
bool sim_powered(const struct sim_node *node); /* False from a power cut to the next start. */
struct disk_sim *sim_disk(const struct sim_node *node, u32 disk);
struct kv_sim *sim_kv(const struct sim_node *node, u32 kv);
/* Changes with each power cut: the machine's boot. */
u64 sim_boot(const struct sim_node *node);
u32 sim_machine(const struct sim_node *node);

/* --- Running. --- */

/* Deliver the earliest event; false when there is none. */
bool sim_step(struct sim *sim);
void sim_run_until(struct sim *sim, nsec time);
nsec sim_now(const struct sim *sim);
u64 sim_events(const struct sim *sim);
u64 sim_hash(const struct sim *sim);
struct dfs_prng *sim_prng(struct sim *sim);
nsec sim_wall(const struct sim_node *node);

/* Call fn(arg) then; the engine owns nothing of it. Embed the struct. */
struct sim_alarm {
	struct dfs_heap_node heap;
	void (*fire)(struct sim_alarm *alarm);
};
void sim_at(struct sim *sim, struct sim_alarm *alarm, nsec time);
void sim_after(struct sim *sim, struct sim_alarm *alarm, nsec delay);
void sim_disarm(struct sim *sim, struct sim_alarm *alarm);

/* --- Driving nodes. --- */

void sim_start(struct sim_node *node); /* Make a core and boot it. */
void sim_stop(struct sim_node *node);  /* EV_STOP: it exits by itself. */
/* Step the core with EV_CALL or EV_CALL_CANCEL. Only from alarms, never from within a step. */
void sim_call(struct sim_node *node, u64 id, const void *call);
void sim_cancel(struct sim_node *node, u64 id);

/* --- Breaking things. --- */

enum sim_crash {
	SIM_KILL,  /* The process dies; page cache and kernel live on. */
	SIM_POWER, /* The machine, with all its nodes, loses power. */
};
void sim_crash(struct sim_node *node, enum sim_crash how);
/* Crash at the next step that has any effect, after a random part of its effects. */
void sim_crash_in_step(struct sim_node *node, enum sim_crash how);
/* Bytes from a to b, and connection attempts, wait until sim_heal. */
void sim_cut(struct sim_node *a, struct sim_node *b);
void sim_heal(struct sim *sim);
/* The nth I/O of the node's disks and stores to end from now on fails; nothing else does. */
enum sim_io_fault {
	SIM_IO_EIO,   /* Of a write perhaps a part is done; of a sync nothing need be. */
	SIM_IO_NOSPC, /* Writes only; any other I/O is left alone. */
};
void sim_fail_io(struct sim_node *node, u64 nth, enum sim_io_fault fault);
/* I/Os that ended so far. */
u64 sim_ios(const struct sim_node *node);
/* One random live link of the node: reset it (its tail is lost), or stop its bytes for a while. */
bool sim_reset_link(struct sim_node *node);
bool sim_stall_link(struct sim_node *node, nsec time);
/* Of 256 connection attempts so many are refused though somebody listens. */
/* One bit of the next frame that the node sends is flipped on its way; `payload`: of the next one
 * with a payload, in that. */
void sim_flip_next(struct sim_node *node, bool payload);
/* Has everything that earlier lives of the node sent been delivered, or been lost for good? */
bool sim_drained(const struct sim_node *node);
void sim_refuse(struct sim *sim, u32 rate);
void sim_wall_jump(struct sim_node *node, s64 delta);

/* --- Watching. --- */

void sim_mix(struct sim *sim, u64 value); /* Into the trace hash. */
/* Lines for people go there from now on; NULL: nowhere. */
void sim_trace_to(struct sim *sim, FILE *file, enum dfs_log_level level);
bool sim_tracing(const struct sim *sim);
void sim_trace(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
