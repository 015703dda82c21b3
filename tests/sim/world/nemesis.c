/*
 * What goes wrong, and when: one fault after another, at random, healed again after a while.
 */
#include "tests/sim/world/world.h"

#include <stdlib.h>

struct nemesis {
	struct world *world;
	struct dfs_prng prng;
	struct sim_alarm strike;
	struct sim_alarm heal;
};

static void crash(struct member *member, enum sim_crash how)
{
	if (sim_up(member->node))
		sim_crash(member->node, how);
}

static struct member *any_server(struct nemesis *nemesis)
{
	struct world *world = nemesis->world;
	return &world->servers[dfs_prng_below(&nemesis->prng, world->shape.servers)];
}

static struct member *any_mount(struct nemesis *nemesis)
{
	struct world *world = nemesis->world;
	return &world->mounts[dfs_prng_below(&nemesis->prng, world->shape.mounts)];
}

static void crash_in_step(struct nemesis *nemesis, enum sim_crash how)
{
	struct member *member = cluster_pick(nemesis->world, &nemesis->prng);
	if (sim_up(member->node))
		sim_crash_in_step(member->node, how);
}

static void cut(struct nemesis *nemesis)
{
	struct world *world = nemesis->world;
	struct member *a = cluster_pick(world, &nemesis->prng);
	struct member *b = cluster_pick(world, &nemesis->prng);
	if (a == b)
		return;
	u64 which = dfs_prng_below(&nemesis->prng, 3);
	if (which != 0)
		sim_cut(a->node, b->node);
	if (which != 1)
		sim_cut(b->node, a->node);
	sim_after(world->sim, &nemesis->heal, dfs_prng_below(&nemesis->prng, 8 * DFS_SEC));
}

static void strike_once(struct nemesis *nemesis, enum fault fault)
{
	struct world *world = nemesis->world;
	struct member *any = cluster_pick(world, &nemesis->prng);
	switch (fault) {
	case FAULT_KILL_SERVER:
		crash(any_server(nemesis), SIM_KILL);
		break;
	case FAULT_KILL_MASTER:
		crash(&world->master, SIM_KILL);
		break;
	case FAULT_KILL_MOUNT:
		crash(any_mount(nemesis), SIM_KILL);
		break;
	case FAULT_POWER_SERVER:
		crash(any_server(nemesis), SIM_POWER);
		break;
	case FAULT_POWER_MASTER:
		crash(&world->master, SIM_POWER);
		break;
	case FAULT_KILL_IN_STEP:
		crash_in_step(nemesis, SIM_KILL);
		break;
	case FAULT_POWER_IN_STEP:
		crash_in_step(nemesis, SIM_POWER);
		break;
	case FAULT_CUT:
		cut(nemesis);
		break;
	case FAULT_STALL:
		sim_stall_link(any->node, dfs_prng_below(&nemesis->prng, 5 * DFS_SEC));
		break;
	case FAULT_RESET:
		sim_reset_link(any->node);
		break;
	case FAULT_REFUSE:
		sim_refuse(world->sim, 128);
		sim_after(world->sim, &nemesis->heal, dfs_prng_below(&nemesis->prng, DFS_SEC));
		break;
	case FAULT_CLOCK:
		sim_wall_jump(any->node, (s64)dfs_prng_below(&nemesis->prng, 600 * DFS_SEC) -
					     (s64)(300 * DFS_SEC));
		break;
	case FAULT_FLIP:
		sim_flip_next(any->node, dfs_prng_below(&nemesis->prng, 4) != 0);
		break;
	case FAULTS:
		break;
	}
	world->faults++;
}

static void arm(struct nemesis *nemesis)
{
	nsec gap = nemesis->world->shape.fault_gap;
	if (gap > 0)
		sim_after(nemesis->world->sim, &nemesis->strike,
			  dfs_prng_below(&nemesis->prng, 2 * gap));
}

static void strike(struct sim_alarm *alarm)
{
	struct nemesis *nemesis = dfs_container_of(alarm, struct nemesis, strike);
	const u32 *weights = nemesis->world->shape.weights;
	u64 total = 0;
	for (u32 i = 0; i < FAULTS; i++)
		total += weights[i];
	if (total > 0) {
		u64 chosen = dfs_prng_below(&nemesis->prng, total);
		u32 fault = 0;
		while (chosen >= weights[fault])
			chosen -= weights[fault++];
		strike_once(nemesis, (enum fault)fault);
	}
	arm(nemesis);
}

static void heal(struct sim_alarm *alarm)
{
	struct nemesis *nemesis = dfs_container_of(alarm, struct nemesis, heal);
	sim_trace(nemesis->world->sim, "all wires work again");
	sim_heal(nemesis->world->sim);
	sim_refuse(nemesis->world->sim, 0);
}

void nemesis_start(struct world *world)
{
	struct nemesis *nemesis = calloc(1, sizeof(*nemesis));
	DFS_ASSERT(nemesis != NULL);
	nemesis->world = world;
	nemesis->strike.fire = strike;
	nemesis->heal.fire = heal;
	dfs_prng_seed(&nemesis->prng, dfs_prng_next(&world->prng));
	world->nemesis = nemesis;
	arm(nemesis);
}

void nemesis_stop(struct world *world)
{
	sim_disarm(world->sim, &world->nemesis->strike);
	sim_disarm(world->sim, &world->nemesis->heal);
	cluster_heal(world);
}

void nemesis_rot(struct world *world, u32 bits)
{
	for (u32 i = 0; i < bits; i++) {
		struct member *server = any_server(world->nemesis);
		u32 disk = (u32)dfs_prng_below(&world->nemesis->prng, world->shape.disks);
		u64 chunk = disk_sim_rot(sim_disk(server->node, disk), &world->nemesis->prng);
		sim_trace(world->sim, "%-8s a bit of chunk %llx rots", server->name,
			  (unsigned long long)chunk);
	}
	world->rotten = true;
}

void nemesis_free(struct world *world)
{
	if (world->nemesis == NULL)
		return;
	sim_disarm(world->sim, &world->nemesis->strike);
	sim_disarm(world->sim, &world->nemesis->heal);
	free(world->nemesis);
	world->nemesis = NULL;
}
