/*
 * One run of the simulator: a cluster of the real cores, processes that use it and check it, and a
 * nemesis that breaks it; all drawn from one seed.
 *
 * Read next: cluster.c (what the nodes are), actor.h (what the processes do), nemesis.c (what goes
 * wrong), run.c (the course of a run).
 */
#ifndef TESTS_SIM_WORLD_WORLD_H
#define TESTS_SIM_WORLD_WORLD_H

#include "libdfsproto/base/errors.h"
#include "libdfsproto/session/session.h"
#include "tests/sim/world/proc.h"

#define WORLD_MASTERS "master1:9421"

enum { WORLD_SERVERS_MAX = 3, WORLD_MOUNTS_MAX = 2, WORLD_ACTORS_MAX = 6 };

enum fault {
	FAULT_KILL_SERVER,
	FAULT_KILL_MASTER,
	FAULT_KILL_MOUNT,
	FAULT_POWER_SERVER,
	FAULT_POWER_MASTER,
	FAULT_KILL_IN_STEP,
	FAULT_POWER_IN_STEP,
	FAULT_CUT,
	FAULT_STALL,
	FAULT_RESET,
	FAULT_REFUSE,
	FAULT_CLOCK,
	FAULT_FLIP,
	FAULTS,
};

/* What a seed chose. */
struct shape {
	u32 servers;
	u32 rows_cached; /* Of the master's state, in memory. */
	u32 disks;       /* Of each chunkserver. */
	u64 disk_bytes;
	u32 mounts;
	u32 actors;          /* On each mount. */
	bool shared;         /* Actors also meet in a shared directory. */
	nsec length;         /* How long the nemesis works. */
	nsec fault_gap;      /* Between faults, on average; 0: no faults. */
	u32 weights[FAULTS]; /* Of each fault. */
	u32 interrupts;      /* Of 256 calls. */
	u32 forgets;
	u32 file_bytes;   /* Typical size of a write. */
	u64 write_behind; /* cl_config.write_behind_bytes. */
	nsec write_behind_age;
	nsec session_timeout;
	struct sim_tuning tuning;
	bool full;    /* Disks are small: writes fail with ENOSPC now and then. */
	bool limited; /* `full`, by a quota of all that there is, which changes: EDQUOT. */
	nsec timeout; /* Of calls on the mounts; 0: they wait. */
	bool faulty;  /* I/Os fail: daemons may end by themselves with an error, and are started
			 anew. */
	bool rot;     /* At last, bits of stored chunks flip: reads fail with EIO, and never lie. */
	bool local;   /* The first mount shares a machine, and unix sockets, with the first
			 chunkserver. */
	bool holes;   /* Actors use fallocate(2) and lseek(2). */
	bool tmpfiles; /* Actors use O_TMPFILE. */
	u32 keep_s;    /* The actors' directories keep what is deleted for so long; 0: not. */
};

/* The course of a run. */
enum phase {
	PHASE_NONE,
	PHASE_WORK,   /* Actors work at random, the nemesis too. */
	PHASE_FINISH, /* All is healed; actors finish what they do and close their files. */
	PHASE_VERIFY, /* Everything is looked at. */
	PHASE_AGAIN,  /* The same through mounts made anew. */
	PHASE_WIPE,   /* Everything is removed. */
	PHASE_END,
};

struct world;
struct actor;
struct inspector;
struct limiter;

/* A node and what it takes to bring it back. */
struct member {
	struct world *world;
	struct sim_node *node;
	struct mount *mount; /* Mounts only. */
	u32 index;
	u64 id; /* Node id, across restarts. */
	char name[16];
	char address[32];
	char local[32];
	struct sim_alarm restart;
	bool keep_down; /* Somebody else starts it. */
};

struct world {
	struct sim *sim;
	u64 seed;
	struct dfs_prng prng; /* Of the nemesis and the shape. */
	struct shape shape;
	u8 key[DFS_KEY_BYTES];
	struct dfs_session_tuning session;
	struct member master;
	struct member servers[WORLD_SERVERS_MAX];
	struct member mounts[WORLD_MOUNTS_MAX];
	struct actor *actors[WORLD_ACTORS_MAX];
	u32 actors_count;
	struct nemesis *nemesis;
	struct inspector *inspector; /* NULL: nobody inspects. */
	struct limiter *limiter;     /* NULL: nothing is limited. */
	enum phase phase;
	bool rotten; /* Reads may fail now. */
	u64 operations;
	u64 checked_bytes;
	u64 faults;
	FILE *trace;
	/* Of the shared directory; see shared.c. */
	struct shared *shared;
};

/* Is that how a world without room says so? */
static inline bool world_is_full(const struct shape *shape, int status)
{
	int expected = shape->limited ? DFS_EDQUOT : DFS_ENOSPC;
	return shape->full && dfs_error_errno(status) == dfs_error_errno(expected);
}

/* The seed's shape. */
void shape_draw(struct shape *shape, u64 seed, struct dfs_prng *prng);

/* cluster.c */
void cluster_build(struct world *world);
void cluster_start(struct world *world);
void cluster_free(struct world *world);
/* Who a node of this cluster says that it is. */
void cluster_identity(const struct world *world, const struct sim_node *node, u16 role, u64 id,
		      const char *name, struct dfs_identity *ret_identity);
/* Start again whatever is down, and let all wires work. */
void cluster_heal(struct world *world);
struct member *cluster_pick(struct world *world, struct dfs_prng *prng);

/* nemesis.c */
void nemesis_start(struct world *world);
void nemesis_stop(struct world *world);
/* Flip so many bits of stored chunks. */
void nemesis_rot(struct world *world, u32 bits);
void nemesis_free(struct world *world);

/* run.c */
/* A cluster that is starting; nobody uses it and nothing goes wrong yet. `shape` NULL: the seed's.
 */
struct world *world_new(u64 seed, const struct shape *shape, FILE *trace, enum dfs_log_level level);
void world_free(struct world *world);
struct run_options {
	u64 seed;
	FILE *trace;
	bool quiet;
	bool inspect; /* With `dfs fsck` running all the time: another course than without. */
};
/* Run a seed; returns its trace hash. Does not return when something is wrong: see world_fail. */
u64 run_seed(const struct run_options *options, struct world *ret_summary);
/* Print what is wrong and how to see it again, then end the process. */
_Noreturn void world_fail(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
