/*
 * The operator's command `dfs` in the simulated cluster: a node whose core is that of admin/. It
 * runs once each time it is started, and ends by itself.
 */
#ifndef TESTS_SIM_WORLD_COMMAND_H
#define TESTS_SIM_WORLD_COMMAND_H

#include "admin/core/admin.h"
#include "tests/sim/world/world.h"

struct command {
	struct world *world;
	struct sim_node *node;
	struct dfs_prng prng; /* Its own: the cluster's course is the seed's. */
	struct ad_arguments arguments;
	struct ad_file file;   /* As in struct ad_config; path NULL: none. */
	struct ad_place place; /* As in struct ad_config. */
	struct ad_place to;
	void (*ended)(struct command *command, const struct ad *ad); /* By itself. May be NULL. */
	void (*down)(struct command *command); /* It ended, however. May be NULL. */
};

/* Fill in what it is to do, then sim_start(command->node); the memory stays the caller's. */
void command_add(struct command *command, struct world *world, const char *name, u32 machine);

#endif
