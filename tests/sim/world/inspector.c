/*
 * The inspector: see inspector.h. A node whose core is that of `dfs`; it ends by itself, is judged,
 * and is started anew after a while.
 */
#include "tests/sim/world/inspector.h"

#include "admin/core/fsck_i.h"

#include <stdlib.h>

#define FINISHED_WITHIN (300 * DFS_SEC)
#define GAP_MAX         (2 * DFS_SEC)

struct inspector {
	struct world *world;
	struct sim_node *node;
	struct sim_alarm again;
	struct dfs_prng prng; /* Its own: the cluster's course is the seed's. */
	struct ad_arguments arguments;
	u64 runs;      /* That ended by themselves ... */
	u64 completed; /* ... and had seen everything. */
	bool watching;
	bool at_rest;
	bool empty;
};

static void inspection_step(void *core, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	ad_core_ops.step(((struct inspection *)core)->ad, ev, fxs);
}

static nsec inspection_deadline(const void *core)
{
	return ad_core_ops.deadline(((const struct inspection *)core)->ad);
}

static void inspection_room(void *core, u64 link, u8 **ret_data, u32 *ret_length)
{
	static u8 nowhere[64];
	ad_core_ops.room(((struct inspection *)core)->ad, link, ret_data, ret_length);
	if (*ret_length == 0) { /* A link that the command has closed already. */
		*ret_data = nowhere;
		*ret_length = sizeof(nowhere);
	}
}

static void inspection_check(const void *core)
{
	ad_core_ops.check(((const struct inspection *)core)->ad);
}

const struct dfs_core_ops inspection_ops = {inspection_step, inspection_deadline, inspection_room,
					    inspection_check};

static void *make(void *arg, struct sim_node *node)
{
	struct inspector *inspector = arg;
	struct inspection *inspection = calloc(1, sizeof(*inspection));
	DFS_ASSERT(inspection != NULL);
	inspector->arguments = (struct ad_arguments){
	    .command = AD_FSCK,
	    .data = inspector->at_rest || dfs_prng_below(&inspector->prng, 4) == 0,
	    .timeout = 10 * DFS_SEC,
	};
	struct ad_config config = {
	    .arguments = &inspector->arguments,
	    .masters = WORLD_MASTERS,
	    .masters_from = "the simulator",
	    .tuning = &inspector->world->session,
	};
	cluster_identity(inspector->world, node, DFS_ROLE_ADMIN, dfs_prng_next(&inspector->prng),
			 "dfs", &config.identity);
	inspection->owner = inspector;
	inspection->ad = ad_new(&config);
	return inspection;
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

static void judge(struct inspector *inspector, const struct ad *ad)
{
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

static void drop(void *core)
{
	struct inspection *inspection = core;
	if (inspection->ad->exited)
		judge(inspection->owner, inspection->ad);
	ad_free(inspection->ad);
	free(inspection);
}

static void down(void *arg, struct sim_node *node, bool crashed, int status)
{
	struct inspector *inspector = arg;
	(void)node;
	(void)crashed;
	(void)status;
	if (inspector->watching)
		sim_after(inspector->world->sim, &inspector->again,
			  1 + dfs_prng_below(&inspector->prng, GAP_MAX));
}

static void begin(struct sim_alarm *alarm)
{
	struct inspector *inspector = dfs_container_of(alarm, struct inspector, again);
	if (!sim_up(inspector->node))
		sim_start(inspector->node);
}

void inspector_start(struct world *world)
{
	struct inspector *inspector = calloc(1, sizeof(*inspector));
	DFS_ASSERT(inspector != NULL);
	inspector->world = world;
	inspector->again.fire = begin;
	inspector->watching = true;
	dfs_prng_seed(&inspector->prng, ~world->seed);
	struct sim_node_spec spec = {
	    .name = "dfs",
	    .machine = 30,
	    .ops = &inspection_ops,
	    .make = make,
	    .drop = drop,
	    .down = down,
	    .arg = inspector,
	};
	inspector->node = sim_add(world->sim, &spec);
	world->inspector = inspector;
	sim_after(world->sim, &inspector->again, dfs_prng_below(&inspector->prng, GAP_MAX));
}

static void wait_until_down(struct inspector *inspector)
{
	struct sim *sim = inspector->world->sim;
	nsec end = sim_now(sim) + FINISHED_WITHIN;
	while (sim_up(inspector->node) && sim_now(sim) < end)
		sim_run_until(sim, sim_now(sim) + 10 * DFS_MSEC);
	if (sim_up(inspector->node))
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
	sim_start(inspector->node);
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
