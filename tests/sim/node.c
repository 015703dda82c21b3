/*
 * A node: a core, its clocks, its stores and disks, and the carrying out of its effects.
 */
#include "tests/sim/sim_i.h"

#include "libdfsproto/base/crc32c.h"

#include <stdlib.h>

/* A core that wants to be stepped more often than this in one instant is spinning. */
enum { TIMERS_IN_A_ROW_MAX = 10000 };

/* 2023-11-14, so that traces have a plausible year. */
#define WALL_BASE (UINT64_C(1700000000) * DFS_SEC)

static void timer_fired(struct sim_alarm *alarm);

struct sim_node *sim_add(struct sim *sim, const struct sim_node_spec *spec)
{
	DFS_ASSERT(sim->nodes_count < SIM_NODES_MAX);
	DFS_ASSERT(spec->disks_count <= SIM_DISKS_MAX && spec->kvs_count <= SIM_KVS_MAX);
	struct sim_node *node = calloc(1, sizeof(*node));
	DFS_ASSERT(node != NULL);
	node->spec = *spec;
	node->sim = sim;
	node->index = sim->nodes_count;
	node->powered = true;
	node->boot = 1 + dfs_prng_below(&sim->prng, UINT32_MAX);
	for (u32 i = 0; i < sim->nodes_count; i++) {
		if (sim->nodes[i]->spec.machine == spec->machine)
			node->boot = sim->nodes[i]->boot;
	}
	node->clock_base = dfs_prng_below(&sim->prng, 1000 * DFS_SEC);
	node->timer.fire = timer_fired;
	node->fxs.log_level = sim->trace != NULL ? sim->trace_level : DFS_LOG_INFO;
	dfs_list_init(&node->ends_list);
	dfs_list_init(&node->ios);
	for (u32 d = 0; d < spec->disks_count; d++)
		node->disks[d] = disk_sim_new(spec->disk_bytes, dfs_prng_next(&sim->prng));
	for (u32 k = 0; k < spec->kvs_count; k++)
		node->kvs[k] = kv_sim_new(spec->kv_kinds[k]);
	sim->nodes[sim->nodes_count++] = node;
	return node;
}

const char *sim_name(const struct sim_node *node)
{
	return node->spec.name;
}

struct sim *sim_of(const struct sim_node *node)
{
	return node->sim;
}

void *sim_core(const struct sim_node *node)
{
	return node->core;
}

bool sim_up(const struct sim_node *node)
{
	return node->core != NULL;
}

bool sim_powered(const struct sim_node *node)
{
	return node->powered;
}

struct disk_sim *sim_disk(const struct sim_node *node, u32 disk)
{
	DFS_ASSERT(disk < node->spec.disks_count);
	return node->disks[disk];
}

struct kv_sim *sim_kv(const struct sim_node *node, u32 kv)
{
	DFS_ASSERT(kv < node->spec.kvs_count);
	return node->kvs[kv];
}

u64 sim_boot(const struct sim_node *node)
{
	return node->boot;
}

u32 sim_machine(const struct sim_node *node)
{
	return node->spec.machine;
}

static nsec node_now(const struct sim_node *node)
{
	return node->sim->now + node->clock_base;
}

nsec sim_wall(const struct sim_node *node)
{
	return WALL_BASE + node->sim->now + (nsec)node->wall_offset;
}

void sim_wall_jump(struct sim_node *node, s64 delta)
{
	node->wall_offset += delta;
}

/* --- Effects. --- */

static u64 span_crc(struct dfs_span span)
{
	return dfs_crc32c(span.data, span.length);
}

static void mix_effect(struct sim *sim, const struct dfs_fx *fx)
{
	sim_mix(sim, (u64)fx->kind << 32 | (u32)fx->status);
	sim_mix(sim, fx->tag);
	switch (fx->kind) {
	case DFS_FX_LINK_OPEN:
		sim_mix(sim, span_crc(fx->address));
		break;
	case DFS_FX_LINK_SEND:
		sim_mix(sim, dfs_crc32c(fx->buf->data, fx->buf->length));
		if (fx->payload != NULL)
			sim_mix(sim, dfs_crc32c(fx->payload->data + fx->payload_offset,
						fx->payload_bytes));
		break;
	case DFS_FX_IO:
		sim_mix(sim, (u64)fx->io.kind << 32 | fx->io.disk);
		sim_mix(sim, fx->io.file);
		sim_mix(sim, fx->io.offset);
		sim_mix(sim, fx->io.length);
		sim_mix(sim, span_crc(fx->io.attribute));
		break;
	default:
		break;
	}
}

void node_drop_effects(struct sim_node *node, u32 from)
{
	for (u32 i = from; i < node->fxs.count; i++) {
		dfs_buf_unref(node->fxs.v[i].buf);
		dfs_buf_unref(node->fxs.v[i].payload);
	}
	node->fxs.count = 0;
}

static void carry_out(struct sim_node *node, struct dfs_fx *fx, bool *exiting, int *exit_status)
{
	struct sim *sim = node->sim;
	mix_effect(sim, fx);
	switch (fx->kind) {
	case DFS_FX_LINK_OPEN:
		link_open(node, fx->tag, fx->address);
		break;
	case DFS_FX_LINK_SEND:
		link_send(node, fx);
		break;
	case DFS_FX_LINK_CLOSE:
		link_close(node, fx->tag);
		break;
	case DFS_FX_IO:
		io_begin(node, fx);
		break;
	case DFS_FX_REPLY:
		DFS_ASSERT(node->spec.reply != NULL);
		node->spec.reply(node->spec.arg, node, fx->tag, fx->reply);
		break;
	case DFS_FX_LOG:
		if (sim->trace != NULL && fx->log.level <= sim->trace_level)
			sim_trace(sim, "%-8s log   %s", node->spec.name, fx->log.line);
		break;
	case DFS_FX_EXIT:
		*exiting = true;
		*exit_status = fx->status;
		break;
	}
	dfs_buf_unref(fx->buf);
	dfs_buf_unref(fx->payload);
	fx->buf = NULL;
	fx->payload = NULL;
}

/* --- Stepping. --- */

static void mix_event(struct sim *sim, const struct sim_node *node, const struct dfs_ev *ev)
{
	sim_mix(sim, sim->now);
	sim_mix(sim, (u64)node->index << 32 | (u64)ev->kind);
	sim_mix(sim, ev->tag);
	sim_mix(sim, (u64)(u32)ev->status << 32 ^ ev->count);
}

/* The crash comes between the writes of the step, or between its effects. */
static void crash_here(struct sim_node *node, const u64 *batches)
{
	struct sim *sim = node->sim;
	node->crash_armed = false;
	bool in_writes = sim_chance(sim, 128);
	u32 done = 0;
	bool exiting = false;
	int status;
	if (in_writes) {
		for (u32 k = 0; k < node->spec.kvs_count; k++)
			kv_sim_lose_after(node->kvs[k], batches[k], &sim->prng);
	} else {
		u32 upto = (u32)dfs_prng_below(&sim->prng, node->fxs.count);
		for (; done < upto; done++)
			carry_out(node, &node->fxs.v[done], &exiting, &status);
	}
	node_drop_effects(node, done);
	node->stepping = false;
	sim_crash(node, node->crash_how);
}

/* False when the node did not survive it. */
static bool step_once(struct sim_node *node, struct dfs_ev *ev)
{
	u64 batches[SIM_KVS_MAX] = {0};
	DFS_ASSERT(node->core != NULL && !node->stepping);
	ev->now = node_now(node);
	ev->wall = sim_wall(node);
	for (u32 k = 0; k < node->spec.kvs_count; k++)
		batches[k] = kv_sim_batches(node->kvs[k]);
	mix_event(node->sim, node, ev);
	node->stepping = true;
	node->fxs.count = 0;
	node->spec.ops->step(node->core, ev, &node->fxs);
	node->steps++;
	if (node->crash_armed && node->fxs.count > 0) {
		crash_here(node, batches);
		return false;
	}
	bool exiting = false;
	int exit_status = 0;
	for (u32 i = 0; i < node->fxs.count; i++)
		carry_out(node, &node->fxs.v[i], &exiting, &exit_status);
	node->fxs.count = 0;
	node->stepping = false;
	if (exiting) {
		node_exit(node, exit_status);
		return false;
	}
	u32 every = node->sim->tuning.check_every;
	if (every > 0 && node->steps % every == 0)
		node->spec.ops->check(node->core);
	return true;
}

void node_step(struct sim_node *node, struct dfs_ev *ev)
{
	if (!step_once(node, ev))
		return;
	nsec deadline = node->spec.ops->deadline(node->core);
	for (int i = 0; deadline <= node_now(node); i++) {
		DFS_ASSERT(i < TIMERS_IN_A_ROW_MAX);
		struct dfs_ev timer = {.kind = DFS_EV_TIMER};
		if (!step_once(node, &timer))
			return;
		deadline = node->spec.ops->deadline(node->core);
	}
	if (deadline == DFS_NEVER)
		sim_disarm(node->sim, &node->timer);
	else
		sim_at(node->sim, &node->timer, deadline - node->clock_base);
}

static void timer_fired(struct sim_alarm *alarm)
{
	struct sim_node *node = dfs_container_of(alarm, struct sim_node, timer);
	struct dfs_ev ev = {.kind = DFS_EV_TIMER};
	node_step(node, &ev);
}

void sim_call(struct sim_node *node, u64 id, const void *call)
{
	struct dfs_ev ev = {.kind = DFS_EV_CALL, .tag = id, .call = call};
	node_step(node, &ev);
}

void sim_cancel(struct sim_node *node, u64 id)
{
	struct dfs_ev ev = {.kind = DFS_EV_CALL_CANCEL, .tag = id};
	node_step(node, &ev);
}
