/*
 * The inspector: see inspector.h. A command (command.h) that ends by itself, is judged, and is
 * started anew after a while.
 */
#include "tests/sim/world/inspector.h"

#include "admin/core/fsck_i.h"
#include "tests/sim/world/command.h"

#include <stdlib.h>

#define FINISHED_WITHIN (300 * DFS_SEC)
#define GAP_MAX         (2 * DFS_SEC)

struct inspector {
	struct world *world;
	struct command command;
	struct sim_alarm again;
	u64 runs;      /* That ended by themselves ... */
	u64 completed; /* ... and had seen everything. */
	bool watching;
	bool at_rest;
	bool empty;
};

static void prepare(struct inspector *inspector)
{
	inspector->command.arguments = (struct ad_arguments){
	    .command = AD_FSCK,
	    .data = inspector->at_rest || dfs_prng_below(&inspector->command.prng, 4) == 0,
	    .timeout = 10 * DFS_SEC,
	};
}

/* May this be found in a cluster whose servers are killed and cut off? Power cuts take what was not
 * synced; servers that are away or slow keep strays for longer than the command waits. */
static bool is_excused(const struct inspector *inspector, u16 fault)
{
	switch (fault) {
	case MS_FAULT_CHUNK_LOST:
	case MS_FAULT_COPY_SUSPECT:
	case MS_FAULT_DATA_UNREADABLE:
		return !inspector->empty;
	case MS_FAULT_CHUNK_AWAY:
	case MS_FAULT_STRAY:
	case MS_FAULT_DISK_FAILED:
		return !inspector->at_rest;
	default:
		return false;
	}
}

static void judge(struct command *command, const struct ad *ad)
{
	struct inspector *inspector = dfs_container_of(command, struct inspector, command);
	const struct fsck *fsck = ad->work;
	bool completed = ad_exit_code(ad) != AD_EXIT_FAILED;
	inspector->runs++;
	inspector->completed += completed;
	sim_trace(inspector->world->sim, "fsck     %s", ad_text_get(ad_output(ad)));
	for (u32 i = 0; fsck->phase >= FSCK_REPAIR && i < fsck->faults_count; i++) {
		const struct ms_finding *finding = &fsck->faults[i].finding;
		if (!is_excused(inspector, finding->fault))
			world_fail(inspector->world, "fsck found: %s", ad_text_get(ad_output(ad)));
	}
	if (inspector->at_rest && !completed)
		world_fail(inspector->world, "fsck gave up: %s", ad_text_get(ad_complaints(ad)));
}

static void down(struct command *command)
{
	struct inspector *inspector = dfs_container_of(command, struct inspector, command);
	if (inspector->watching)
		sim_after(inspector->world->sim, &inspector->again,
			  1 + dfs_prng_below(&command->prng, GAP_MAX));
}

static void begin(struct sim_alarm *alarm)
{
	struct inspector *inspector = dfs_container_of(alarm, struct inspector, again);
	if (sim_up(inspector->command.node))
		return;
	prepare(inspector);
	sim_start(inspector->command.node);
}

void inspector_start(struct world *world)
{
	struct inspector *inspector = calloc(1, sizeof(*inspector));
	DFS_ASSERT(inspector != NULL);
	inspector->world = world;
	inspector->again.fire = begin;
	inspector->watching = true;
	inspector->command.ended = judge;
	inspector->command.down = down;
	command_add(&inspector->command, world, "dfs", 30);
	world->inspector = inspector;
	sim_after(world->sim, &inspector->again, dfs_prng_below(&inspector->command.prng, GAP_MAX));
}

static void wait_until_down(struct inspector *inspector)
{
	struct sim *sim = inspector->world->sim;
	nsec end = sim_now(sim) + FINISHED_WITHIN;
	while (sim_up(inspector->command.node) && sim_now(sim) < end)
		sim_run_until(sim, sim_now(sim) + 10 * DFS_MSEC);
	if (sim_up(inspector->command.node))
		world_fail(inspector->world, "fsck does not end");
}

void inspector_stop(struct world *world)
{
	world->inspector->watching = false;
	sim_disarm(world->sim, &world->inspector->again);
	wait_until_down(world->inspector);
}

void inspector_run(struct world *world, bool empty)
{
	struct inspector *inspector = world->inspector;
	u64 completed = inspector->completed;
	inspector->at_rest = true;
	inspector->empty = empty;
	prepare(inspector);
	sim_start(inspector->command.node);
	wait_until_down(inspector);
	if (inspector->completed != completed + 1)
		world_fail(world, "fsck did not come to an end of its own");
}

void inspector_free(struct world *world)
{
	if (world->inspector == NULL)
		return;
	sim_disarm(world->sim, &world->inspector->again);
}
