/*
 * What a seed chooses: how large the cluster is, how hostile the world.
 */
#include "tests/sim/world/world.h"

static u64 pick(struct dfs_prng *prng, const u64 *values, u32 count)
{
	return values[dfs_prng_below(prng, count)];
}

#define PICK(prng, ...)                                                                            \
	pick(prng, (const u64[]){__VA_ARGS__}, (u32)(sizeof((const u64[]){__VA_ARGS__}) / 8))

static void draw_tuning(struct sim_tuning *tuning, struct dfs_prng *prng)
{
	*tuning = sim_calm;
	tuning->latency_min = PICK(prng, 5 * DFS_USEC, 50 * DFS_USEC);
	tuning->latency_max = PICK(prng, 100 * DFS_USEC, DFS_MSEC, 20 * DFS_MSEC);
	tuning->chop = (u32)PICK(prng, 0, 8, 64, 200);
	tuning->write_max = PICK(prng, 100 * DFS_USEC, 5 * DFS_MSEC);
	tuning->sync_max = PICK(prng, 500 * DFS_USEC, 3 * DFS_MSEC, 50 * DFS_MSEC);
	tuning->slow_io = (u32)PICK(prng, 0, 0, 2);
	tuning->check_every = (u32)PICK(prng, 1, 7, 50);
}

/* Damage that a single copy cannot survive: the seed's number decides, so that adding such worlds
 * did not change the course of the others. */
static void damage(struct shape *shape, u64 seed)
{
	if (seed % 8 == 5) {
		shape->full = true;
		shape->limited = seed % 16 == 13;
		if (!shape->limited)
			shape->disk_bytes = (seed / 8 % 4 + 1) * 256 * DFS_KIB;
	} else if (seed % 8 == 7) {
		shape->rot = true;
	}
}

/* By the seed's number as well. */
static void holes(struct shape *shape, u64 seed)
{
	shape->holes = seed % 8 < 6 && seed % 8 != 2;
}

/* By the seed's number as well. What is deleted is kept: by some for longer than a run takes, some
 * for a moment. */
static void trash(struct shape *shape, u64 seed)
{
	if (seed % 8 == 1 || seed % 8 == 3 || seed % 8 == 4)
		shape->keep_s = seed / 8 % 2 == 0 ? 86400 : 1;
	shape->tmpfiles = seed % 8 == 1 || seed % 8 == 4;
}

void shape_draw(struct shape *shape, u64 seed, struct dfs_prng *prng)
{
	memset(shape, 0, sizeof(*shape));
	shape->servers = 1 + (u32)dfs_prng_below(prng, WORLD_SERVERS_MAX);
	shape->rows_cached = (u32[]){4, 64, 1024}[seed % 3];
	shape->disks = 1 + (u32)dfs_prng_below(prng, 2);
	shape->disk_bytes = DFS_GIB;
	shape->mounts = 1 + (u32)dfs_prng_below(prng, WORLD_MOUNTS_MAX);
	shape->actors = 1 + (u32)dfs_prng_below(prng, 2);
	shape->shared = dfs_prng_below(prng, 2) == 0;
	shape->local = dfs_prng_below(prng, 2) == 0;
	shape->length = 20 * DFS_SEC;
	shape->fault_gap = PICK(prng, 0, 300 * DFS_MSEC, DFS_SEC, 3 * DFS_SEC);
	shape->interrupts = (u32)PICK(prng, 0, 0, 8);
	shape->forgets = (u32)PICK(prng, 0, 20, 256);
	shape->file_bytes = (u32)PICK(prng, 3000, 20000, 200000);
	shape->write_behind = PICK(prng, DFS_MIB, 64 * DFS_MIB);
	shape->write_behind_age = PICK(prng, 20 * DFS_MSEC, DFS_SEC, 5 * DFS_SEC);
	shape->session_timeout = PICK(prng, 5 * DFS_SEC, 60 * DFS_SEC);
	/* Each seed its own mix: some faults never, some often. */
	for (u32 i = 0; i < dfs_array_count(shape->weights); i++)
		shape->weights[i] = (u32)PICK(prng, 0, 1, 1, 4);
	/* The files that a mount has open without a name are gone when it was silent for longer
	 * than its session lives, which the models do not know: faults end sooner than that. */
	if (shape->weights[FAULT_CUT] + shape->weights[FAULT_STALL] + shape->weights[FAULT_RESET] >
	    0)
		shape->session_timeout = dfs_max(shape->session_timeout, shape->length);
	draw_tuning(&shape->tuning, prng);
	damage(shape, seed);
	holes(shape, seed);
	trash(shape, seed);
}
