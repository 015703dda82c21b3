/*
 * Starting, stopping and crashing nodes, and cutting the wires between them.
 */
#include "tests/sim/sim_i.h"

#include "libdfsproto/base/errors.h"

void sim_start(struct sim_node *node)
{
	struct sim *sim = node->sim;
	DFS_ASSERT(node->core == NULL);
	if (!node->powered) {
		node->powered = true;
		node->clock_base = dfs_prng_below(&sim->prng, 1000 * DFS_SEC);
	}
	sim_trace(sim, "%-8s starts", node->spec.name);
	node->core = node->spec.make(node->spec.arg, node);
	DFS_ASSERT(node->core != NULL);
	u64 seed[DFS_SEED_BYTES / 8];
	for (u32 i = 0; i < dfs_array_count(seed); i++)
		seed[i] = dfs_prng_next(&sim->prng);
	struct dfs_ev ev = {.kind = DFS_EV_BOOT, .seed = (const u8 *)seed};
	node_step(node, &ev);
	link_retry_waiting(sim);
}

void sim_stop(struct sim_node *node)
{
	struct dfs_ev ev = {.kind = DFS_EV_STOP};
	sim_trace(node->sim, "%-8s is told to stop", node->spec.name);
	node_step(node, &ev);
}

static void gone(struct sim_node *node, enum sim_crash how, bool orderly, int status)
{
	struct sim *sim = node->sim;
	DFS_ASSERT(!node->stepping);
	sim_mix(sim, (u64)node->index << 32 | (u64)how << 8 | orderly);
	sim_disarm(sim, &node->timer);
	node->crash_armed = false;
	io_drop_all(node);
	node->spec.drop(node->core);
	node->core = NULL;
	link_drop_all(node, how, orderly);
	if (node->spec.down != NULL)
		node->spec.down(node->spec.arg, node, !orderly, status);
}

static void lose_storage(struct sim_node *node, enum sim_crash how)
{
	struct sim *sim = node->sim;
	for (u32 d = 0; d < node->spec.disks_count; d++)
		disk_sim_crash(node->disks[d], how == SIM_POWER, &sim->prng);
	for (u32 k = 0; k < node->spec.kvs_count; k++)
		kv_sim_crash(node->kvs[k], how == SIM_POWER, &sim->prng);
}

void node_exit(struct sim_node *node, int status)
{
	sim_trace(node->sim, "%-8s exits status=%s", node->spec.name,
		  status == 0 ? "0" : dfs_error_name(status));
	gone(node, SIM_KILL, true, status);
	lose_storage(node, SIM_KILL);
}

/* Storage goes after the core: a core that is freed may still hold iterators until then. */
static void crash_one(struct sim_node *node, enum sim_crash how)
{
	if (how == SIM_POWER) {
		node->powered = false;
		node->boot++; /* Equal on all nodes of the machine: all are here. */
	}
	if (node->core != NULL)
		gone(node, how, false, 0);
	lose_storage(node, how);
}

void sim_crash(struct sim_node *node, enum sim_crash how)
{
	struct sim *sim = node->sim;
	sim_trace(sim, "%-8s %s", node->spec.name, how == SIM_POWER ? "loses power" : "is killed");
	if (how == SIM_KILL) {
		crash_one(node, how);
		return;
	}
	for (u32 i = 0; i < sim->nodes_count; i++) {
		if (sim->nodes[i]->spec.machine == node->spec.machine)
			crash_one(sim->nodes[i], how);
	}
}

void sim_crash_in_step(struct sim_node *node, enum sim_crash how)
{
	node->crash_armed = true;
	node->crash_how = how;
}

void sim_cut(struct sim_node *a, struct sim_node *b)
{
	sim_trace(a->sim, "%-8s is cut from %s", b->spec.name, a->spec.name);
	sim_mix(a->sim, (u64)a->index << 32 | b->index);
	a->sim->cut[a->index][b->index] = true;
}

void sim_heal(struct sim *sim)
{
	memset(sim->cut, 0, sizeof(sim->cut));
	link_retry_waiting(sim);
}

void sim_refuse(struct sim *sim, u32 rate)
{
	sim->refuse = rate;
}
