/*
 * See limiter.h. A command (command.h) that is started anew after a while, as in inspector.c.
 */
#include "tests/sim/world/limiter.h"

#include "libdfsproto/wire/messages.h"
#include "tests/sim/world/command.h"

#include <stdlib.h>

#define FINISHED_WITHIN (300 * DFS_SEC)
#define GAP_MAX         (4 * DFS_SEC)

struct limiter {
	struct world *world;
	struct command command;
	struct sim_alarm again;
	u64 set_count; /* Runs that have set it. */
	bool watching;
};

static void prepare(struct limiter *limiter)
{
	u64 limit = (1 + dfs_prng_below(&limiter->command.prng, 6)) * 128 * DFS_KIB;
	limiter->command.file = (struct ad_file){.path = "/", .subtree = "/", .ino = DFS_INO_ROOT};
	limiter->command.arguments = (struct ad_arguments){
	    .command = AD_QUOTA,
	    .quota = {.verb = AD_QUOTA_SET, .valid = DFS_QUOTA_SET_BYTES, .bytes_hard = limit},
	    .timeout = 10 * DFS_SEC,
	};
}

static void ended(struct command *command, const struct ad *ad)
{
	struct limiter *limiter = dfs_container_of(command, struct limiter, command);
	limiter->set_count += ad_exit_code(ad) == AD_EXIT_OK;
	sim_trace(limiter->world->sim, "quota    %s%s", ad_text_get(ad_output(ad)),
		  ad_text_get(ad_complaints(ad)));
}

static void down(struct command *command)
{
	struct limiter *limiter = dfs_container_of(command, struct limiter, command);
	if (limiter->watching)
		sim_after(limiter->world->sim, &limiter->again,
			  1 + dfs_prng_below(&command->prng, GAP_MAX));
}

static void begin(struct sim_alarm *alarm)
{
	struct limiter *limiter = dfs_container_of(alarm, struct limiter, again);
	if (sim_up(limiter->command.node))
		return;
	prepare(limiter);
	sim_start(limiter->command.node);
}

void limiter_start(struct world *world)
{
	struct limiter *limiter = calloc(1, sizeof(*limiter));
	DFS_ASSERT(limiter != NULL);
	limiter->world = world;
	limiter->again.fire = begin;
	limiter->watching = true;
	dfs_prng_seed(&limiter->command.prng, world->seed ^ 0x71);
	limiter->command.ended = ended;
	limiter->command.down = down;
	command_add(&limiter->command, world, "quota", 31);
	world->limiter = limiter;
	prepare(limiter);
	sim_start(limiter->command.node);
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
	while (sim_up(limiter->command.node) && sim_now(world->sim) < end)
		sim_run_until(world->sim, sim_now(world->sim) + 10 * DFS_MSEC);
	if (sim_up(limiter->command.node))
		world_fail(world, "dfs quota does not end");
}
