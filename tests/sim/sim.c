/*
 * The clock, the heap of alarms and the trace hash. See sim.h.
 */
#include "tests/sim/sim_i.h"

#include <stdarg.h>
#include <stdlib.h>

const struct sim_tuning sim_calm = {
    .latency_min = 20 * DFS_USEC,
    .latency_max = 200 * DFS_USEC,
    .chop = 8,
    .write_max = 200 * DFS_USEC,
    .sync_max = 2 * DFS_MSEC,
    .slow_io = 0,
    .check_every = 1,
};

struct sim *sim_new(u64 seed, const struct sim_tuning *tuning)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	DFS_ASSERT(sim != NULL);
	sim->tuning = *tuning;
	sim->hash = seed;
	dfs_prng_seed(&sim->prng, seed);
	dfs_list_init(&sim->links);
	return sim;
}

void sim_free(struct sim *sim)
{
	if (sim == NULL)
		return;
	for (u32 i = 0; i < sim->nodes_count; i++) {
		struct sim_node *node = sim->nodes[i];
		node_drop_effects(node, 0);
		io_drop_all(node);
		if (node->core != NULL)
			node->spec.drop(node->core);
		for (u32 d = 0; d < node->spec.disks_count; d++)
			disk_sim_free(node->disks[d]);
		for (u32 k = 0; k < node->spec.kvs_count; k++)
			kv_sim_free(node->kvs[k]);
		dfs_fxs_fini(&node->fxs);
	}
	link_free_all(sim);
	for (u32 i = 0; i < sim->nodes_count; i++) {
		dfs_map_fini(&sim->nodes[i]->ends);
		free(sim->nodes[i]);
	}
	dfs_heap_fini(&sim->heap);
	free(sim);
}

/* --- Running. --- */

bool sim_step(struct sim *sim)
{
	struct dfs_heap_node *top = dfs_heap_top(&sim->heap);
	if (top == NULL)
		return false;
	struct sim_alarm *alarm = dfs_container_of(top, struct sim_alarm, heap);
	DFS_ASSERT(top->key >= sim->now);
	sim->now = top->key;
	sim->events++;
	dfs_heap_remove(&sim->heap, top);
	alarm->fire(alarm);
	return true;
}

void sim_run_until(struct sim *sim, nsec time)
{
	while (dfs_heap_top(&sim->heap) != NULL && dfs_heap_top(&sim->heap)->key <= time)
		sim_step(sim);
	sim->now = dfs_max(sim->now, time);
}

void sim_at(struct sim *sim, struct sim_alarm *alarm, nsec time)
{
	dfs_heap_remove(&sim->heap, &alarm->heap);
	dfs_heap_insert(&sim->heap, &alarm->heap, dfs_max(time, sim->now));
}

void sim_after(struct sim *sim, struct sim_alarm *alarm, nsec delay)
{
	sim_at(sim, alarm, sim->now + delay);
}

void sim_disarm(struct sim *sim, struct sim_alarm *alarm)
{
	dfs_heap_remove(&sim->heap, &alarm->heap);
}

nsec sim_now(const struct sim *sim)
{
	return sim->now;
}

u64 sim_events(const struct sim *sim)
{
	return sim->events;
}

struct dfs_prng *sim_prng(struct sim *sim)
{
	return &sim->prng;
}

nsec sim_between(struct sim *sim, nsec min, nsec max)
{
	return min + dfs_prng_below(&sim->prng, max - min + 1);
}

bool sim_chance(struct sim *sim, u32 of_256)
{
	return dfs_prng_below(&sim->prng, 256) < of_256;
}

/* --- Watching. --- */

void sim_mix(struct sim *sim, u64 value)
{
	u64 mixed = (sim->hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	sim->hash = mixed ^ (mixed >> 29);
}

u64 sim_hash(const struct sim *sim)
{
	return sim->hash;
}

void sim_trace_to(struct sim *sim, FILE *file, enum dfs_log_level level)
{
	sim->trace = file;
	sim->trace_level = level;
	for (u32 i = 0; i < sim->nodes_count; i++)
		sim->nodes[i]->fxs.log_level = file == NULL ? DFS_LOG_INFO : level;
}

bool sim_tracing(const struct sim *sim)
{
	return sim->trace != NULL;
}

void sim_trace(struct sim *sim, const char *format, ...)
{
	if (sim->trace == NULL)
		return;
	fprintf(sim->trace, "%4u.%06u ", (u32)(sim->now / DFS_SEC),
		(u32)(sim->now % DFS_SEC / DFS_USEC));
	va_list arguments;
	va_start(arguments, format);
	vfprintf(sim->trace, format, arguments);
	va_end(arguments);
	fputc('\n', sim->trace);
}
