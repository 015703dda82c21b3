/*
 * See command.h.
 */
#include "tests/sim/world/command.h"

#include "admin/core/admin_i.h"

#include <stdlib.h>

/* The core of the node: the command's, and whose it is. */
struct running {
	struct ad *ad;
	struct command *command;
};

static void running_step(void *core, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	ad_core_ops.step(((struct running *)core)->ad, ev, fxs);
}

static nsec running_deadline(const void *core)
{
	return ad_core_ops.deadline(((const struct running *)core)->ad);
}

static void running_room(void *core, u64 link, u8 **ret_data, u32 *ret_length)
{
	static u8 nowhere[64];
	ad_core_ops.room(((struct running *)core)->ad, link, ret_data, ret_length);
	if (*ret_length == 0) { /* A link that the command has closed already. */
		*ret_data = nowhere;
		*ret_length = sizeof(nowhere);
	}
}

static void running_check(const void *core)
{
	ad_core_ops.check(((const struct running *)core)->ad);
}

static const struct dfs_core_ops running_ops = {running_step, running_deadline, running_room,
						running_check};

static void *make(void *arg, struct sim_node *node)
{
	struct command *command = arg;
	struct running *running = calloc(1, sizeof(*running));
	DFS_ASSERT(running != NULL);
	struct ad_config config = {
	    .arguments = &command->arguments,
	    .masters = WORLD_MASTERS,
	    .masters_from = "the simulator",
	    .files = &command->file,
	    .files_count = command->file.path != NULL,
	    .place = command->place,
	    .to = command->to,
	    .tuning = &command->world->session,
	};
	cluster_identity(command->world, node, DFS_ROLE_ADMIN, dfs_prng_next(&command->prng), "dfs",
			 &config.identity);
	running->command = command;
	running->ad = ad_new(&config);
	return running;
}

static void drop(void *core)
{
	struct running *running = core;
	struct command *command = running->command;
	if (running->ad->exited && command->ended != NULL)
		command->ended(command, running->ad);
	ad_free(running->ad);
	free(running);
}

static void down(void *arg, struct sim_node *node, bool crashed, int status)
{
	struct command *command = arg;
	(void)node;
	(void)crashed;
	(void)status;
	if (command->down != NULL)
		command->down(command);
}

void command_add(struct command *command, struct world *world, const char *name, u32 machine)
{
	struct sim_node_spec spec = {
	    .name = name,
	    .machine = machine,
	    .ops = &running_ops,
	    .make = make,
	    .drop = drop,
	    .down = down,
	    .arg = command,
	};
	command->world = world;
	dfs_prng_seed(&command->prng, ~world->seed + machine - 30);
	command->node = sim_add(world->sim, &spec);
}
