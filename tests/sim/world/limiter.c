/*
 * See limiter.h. As inspector.c, a node whose core is that of `dfs`.
 */
#include "tests/sim/world/limiter.h"

#include "admin/core/admin_i.h"
#include "tests/sim/world/inspector.h"

#include <stdlib.h>

#define FINISHED_WITHIN (300 * DFS_SEC)
#define GAP_MAX         (4 * DFS_SEC)

struct limiter {
	struct world *world;
	struct sim_node *node;
	struct sim_alarm again;
	struct dfs_prng prng; /* Its own: the cluster's course is the seed's. */
	struct ad_arguments arguments;
	struct ad_file root;
	u64 set_count; /* Runs that have set it. */
	bool watching;
};

static void *make(void *arg, struct sim_node *node)
{
	struct limiter *limiter = arg;
	struct inspection *inspection = calloc(1, sizeof(*inspection));
	DFS_ASSERT(inspection != NULL);
	limiter->root = (struct ad_file){.path = "/", .subtree = "/", .ino = DFS_INO_ROOT};
	limiter->arguments = (struct ad_arguments){
	    .command = AD_QUOTA,
	    .quota = {.verb = AD_QUOTA_SET,
		      .valid = DFS_QUOTA_SET_BYTES,
		      .bytes_hard = (1 + dfs_prng_below(&limiter->prng, 6)) * 128 * DFS_KIB},
	    .timeout = 10 * DFS_SEC,
	};
	struct ad_config config = {
	    .arguments = &limiter->arguments,
	    .masters = WORLD_MASTERS,
	    .masters_from = "the simulator",
	    .files = &limiter->root,
	    .files_count = 1,
	    .tuning = &limiter->world->session,
	};
	cluster_identity(limiter->world, node, DFS_ROLE_ADMIN, dfs_prng_next(&limiter->prng),
			 "dfs quota", &config.identity);
	inspection->owner = limiter;
	inspection->ad = ad_new(&config);
	return inspection;
}

static void drop(void *core)
{
	struct inspection *inspection = core;
	struct limiter *limiter = inspection->owner;
	if (inspection->ad->exited && ad_exit_code(inspection->ad) == AD_EXIT_OK)
		limiter->set_count++;
	sim_trace(limiter->world->sim, "quota    %s%s", ad_text_get(ad_output(inspection->ad)),
		  ad_text_get(ad_complaints(inspection->ad)));
	ad_free(inspection->ad);
	free(inspection);
}

static void down(void *arg, struct sim_node *node, bool crashed, int status)
{
	struct limiter *limiter = arg;
	(void)node;
	(void)crashed;
	(void)status;
	if (limiter->watching)
		sim_after(limiter->world->sim, &limiter->again,
			  1 + dfs_prng_below(&limiter->prng, GAP_MAX));
}

static void begin(struct sim_alarm *alarm)
{
	struct limiter *limiter = dfs_container_of(alarm, struct limiter, again);
	if (!sim_up(limiter->node))
		sim_start(limiter->node);
}

void limiter_start(struct world *world)
{
	struct limiter *limiter = calloc(1, sizeof(*limiter));
	DFS_ASSERT(limiter != NULL);
	limiter->world = world;
	limiter->again.fire = begin;
	limiter->watching = true;
	dfs_prng_seed(&limiter->prng, world->seed ^ 0x71);
	struct sim_node_spec spec = {
	    .name = "quota",
	    .machine = 31,
	    .ops = &inspection_ops,
	    .make = make,
	    .drop = drop,
	    .down = down,
	    .arg = limiter,
	};
	limiter->node = sim_add(world->sim, &spec);
	world->limiter = limiter;
	sim_start(limiter->node);
	nsec end = sim_now(world->sim) + FINISHED_WITHIN;
	while (limiter->set_count == 0 && sim_now(world->sim) < end)
		sim_run_until(world->sim, sim_now(world->sim) + 10 * DFS_MSEC);
	if (limiter->set_count == 0)
		world_fail(world, "no quota can be set");
}

void limiter_stop(struct world *world)
{
	struct limiter *limiter = world->limiter;
	limiter->watching = false;
	sim_disarm(world->sim, &limiter->again);
	nsec end = sim_now(world->sim) + FINISHED_WITHIN;
	while (sim_up(limiter->node) && sim_now(world->sim) < end)
		sim_run_until(world->sim, sim_now(world->sim) + 10 * DFS_MSEC);
	if (sim_up(limiter->node))
		world_fail(world, "dfs quota does not end");
}
