/*
 * The course of a run: build, work under faults, heal, finish, verify, verify through new mounts,
 * remove everything, and see that nothing is left on any disk.
 */
#include "libdfsproto/base/errors.h"
#include "tests/sim/world/actor.h"
#include "tests/sim/world/inspector.h"
#include "tests/sim/world/limiter.h"
#include "tests/sim/world/shared.h"
#include "tests/sim/world/world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

/* After all is healed, every call must have been answered by then … */
#define ANSWERED_WITHIN (900 * DFS_SEC) /* Large files are read a few KiB at a time. */
/* … and every chunk of a removed file be gone from every disk. */
#define CLEANED_WITHIN  (300 * DFS_SEC)

/* Chunkservers have marked their chunks clean by then. */
#define CALM            (60 * DFS_SEC)

/* The purge of what nobody holds any more. */
#define PURGED_WITHIN   (10 * DFS_SEC)

enum { ROTTEN_BITS = 20 };

_Noreturn void world_fail(struct world *world, const char *format, ...)
{
	char text[1000];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	sim_trace(world->sim, "WRONG    %s", text);
	if (world->trace != NULL)
		fflush(world->trace);
	fprintf(stderr, "wrong at %.6f s: %s\n", (double)sim_now(world->sim) / 1e9, text);
	fflush(NULL);
	_exit(1);
}

static void report_hang(struct world *world, const char *what)
{
	for (u32 i = 0; i < world->shape.mounts; i++) {
		enum cl_op op;
		u64 id;
		if (mount_oldest_call(world->mounts[i].mount, &op, &id))
			world_fail(world, "%s: call %llu (%s) of %s is not answered", what,
				   (unsigned long long)id, mount_op_name(op),
				   world->mounts[i].name);
	}
	world_fail(world, "%s: some actor does not finish", what);
}

static void run_phase(struct world *world, enum phase phase, nsec within, const char *what)
{
	nsec end = sim_now(world->sim) + within;
	world->phase = phase;
	sim_trace(world->sim, "---- %s", what);
	while (!actors_done(world) && sim_now(world->sim) < end)
		sim_run_until(world->sim, sim_now(world->sim) + 10 * DFS_MSEC);
	if (!actors_done(world))
		report_hang(world, what);
}

/* As umount and mount do. */
static void remount(struct world *world)
{
	for (u32 i = 0; i < world->shape.mounts; i++) {
		struct member *member = &world->mounts[i];
		sim_stop(member->node);
		nsec end = sim_now(world->sim) + 60 * DFS_SEC;
		u64 life = mount_life(member->mount);
		while ((life == mount_life(member->mount) || !sim_up(member->node)) &&
		       sim_now(world->sim) < end)
			sim_run_until(world->sim, sim_now(world->sim) + 10 * DFS_MSEC);
		if (!sim_up(member->node))
			world_fail(world, "%s does not stop", member->name);
	}
}

static u64 chunks_left(struct world *world, const char **ret_server, u64 *ret_chunk)
{
	u64 left = 0;
	for (u32 s = 0; s < world->shape.servers; s++) {
		for (u32 d = 0; d < world->shape.disks; d++) {
			const struct disk_sim *disk = sim_disk(world->servers[s].node, d);
			u64 files = disk_sim_files(disk);
			if (files > 0) {
				*ret_server = world->servers[s].name;
				*ret_chunk = disk_sim_next_file(disk, 0);
			}
			left += files;
		}
	}
	return left;
}

static void expect_clean(struct world *world)
{
	const char *server = "";
	u64 chunk = 0;
	nsec end = sim_now(world->sim) + CLEANED_WITHIN;
	while (chunks_left(world, &server, &chunk) > 0 && sim_now(world->sim) < end)
		sim_run_until(world->sim, sim_now(world->sim) + 100 * DFS_MSEC);
	u64 left = chunks_left(world, &server, &chunk);
	if (left > 0)
		world_fail(world, "%llu chunks of no file are left; %s has chunk %llx",
			   (unsigned long long)left, server, (unsigned long long)chunk);
}

struct world *world_new(u64 seed, const struct shape *shape, FILE *trace, enum dfs_log_level level)
{
	struct world *world = calloc(1, sizeof(*world));
	DFS_ASSERT(world != NULL);
	world->seed = seed;
	world->trace = trace;
	dfs_prng_seed(&world->prng, seed);
	if (shape == NULL)
		shape_draw(&world->shape, seed, &world->prng);
	else
		world->shape = *shape;
	world->sim = sim_new(seed, &world->shape.tuning);
	sim_trace_to(world->sim, trace, level);
	cluster_build(world);
	cluster_start(world);
	return world;
}

void world_free(struct world *world)
{
	nemesis_free(world);
	inspector_free(world);
	actors_free(world);
	shared_free(world);
	struct inspector *inspector = world->inspector;
	struct limiter *limiter = world->limiter;
	cluster_free(world);
	free(inspector);
	free(limiter);
	free(world);
	u64 buffers = dfs_buf_live_count();
	if (buffers != 0) {
		fprintf(stderr, "wrong: %llu buffers are leaked\n", (unsigned long long)buffers);
		_exit(1);
	}
}

u64 run_seed(const struct run_options *options, struct world *ret_summary)
{
	struct world *world = world_new(options->seed, NULL, options->trace, DFS_LOG_DEBUG);
	if (world->shape.limited)
		limiter_start(world);
	actors_start(world);
	if (world->shape.shared)
		shared_start(world);
	nemesis_start(world);
	if (options->inspect)
		inspector_start(world);
	world->phase = PHASE_WORK;
	sim_run_until(world->sim, world->shape.length);
	nemesis_stop(world);
	if (world->shape.limited)
		limiter_stop(world);
	run_phase(world, PHASE_FINISH, ANSWERED_WITHIN, "after healing");
	shared_check(world);
	run_phase(world, PHASE_VERIFY, ANSWERED_WITHIN, "verifying");
	remount(world);
	if (options->inspect) {
		inspector_stop(world);
		inspector_run(world, false);
	}
	if (world->shape.rot) {
		/* Once all is on the disks and known to be: what looks torn now is not taken for
		 * what a crash has left. */
		sim_run_until(world->sim, sim_now(world->sim) + CALM);
		nemesis_rot(world, ROTTEN_BITS);
	}
	run_phase(world, PHASE_AGAIN, ANSWERED_WITHIN, "verifying through new mounts");
	run_phase(world, PHASE_WIPE, ANSWERED_WITHIN, "removing everything");
	expect_clean(world);
	if (options->inspect) {
		/* A master that was restarted purges nothing before dead mounts' sessions end. */
		sim_run_until(world->sim,
			      sim_now(world->sim) + world->shape.session_timeout + PURGED_WITHIN);
		inspector_run(world, true);
	}
	run_phase(world, PHASE_END, DFS_SEC, "ending");
	u64 hash = sim_hash(world->sim);
	*ret_summary = *world;
	world_free(world);
	return hash;
}
