/*
 * The cluster: one master, some chunkservers, some mounts, around the cores that the daemons run.
 */
#include "chunkserver/core/chunkserver.h"
#include "fuse/core/client.h"
#include "master/core/master.h"
#include "tests/sim/world/actor.h"
#include "tests/sim/world/world.h"

#include <stdio.h>
#include <stdlib.h>

#define CLUSTER_ID UINT64_C(0xc1)

void cluster_identity(const struct world *world, const struct sim_node *node, u16 role, u64 id,
		      const char *name, struct dfs_identity *ret_identity)
{
	memcpy(ret_identity->key, world->key, DFS_KEY_BYTES);
	ret_identity->cluster = CLUSTER_ID;
	ret_identity->node = id;
	ret_identity->host = (u64)sim_machine(node) << 40 | sim_boot(node);
	ret_identity->role = role;
	snprintf(ret_identity->name, sizeof(ret_identity->name), "%s", name);
}

static void fill_identity(const struct member *member, u16 role, u64 node,
			  struct dfs_identity *identity)
{
	cluster_identity(member->world, member->node, role, node, member->name, identity);
}

/* --- The master. --- */

static void *make_master(void *arg, struct sim_node *node)
{
	struct member *member = arg;
	struct ms_config config = {
	    .address = WORLD_MASTERS,
	    .server = 1,
	    .bootstrap = true,
	    .session_timeout = member->world->shape.session_timeout,
	    .rows_cached = member->world->shape.rows_cached,
	    .tuning = &member->world->session,
	};
	member->node = node;
	fill_identity(member, DFS_ROLE_MASTER, member->id, &config.identity);
	config.kvs[MS_KV_LOG] = kv_sim_kv(sim_kv(node, MS_KV_LOG));
	config.kvs[MS_KV_STATE] = kv_sim_kv(sim_kv(node, MS_KV_STATE));
	return ms_new(&config);
}

static void drop_master(void *core)
{
	ms_free(core);
}

/* --- Chunkservers. --- */

static void *make_server(void *arg, struct sim_node *node)
{
	struct member *member = arg;
	struct world *world = member->world;
	struct cs_config config = {
	    .masters = WORLD_MASTERS,
	    .address = member->address,
	    .local = member->local,
	    .disks_count = world->shape.disks,
	    .boot = sim_boot(node),
	    .reserve_bytes = 0,
	    .tuning = &world->session,
	};
	member->node = node;
	fill_identity(member, DFS_ROLE_CHUNKSERVER, member->id, &config.identity);
	for (u32 d = 0; d < config.disks_count; d++)
		config.kvs[d] = kv_sim_kv(sim_kv(node, d));
	return cs_new(&config);
}

static void drop_server(void *core)
{
	cs_free(core);
}

/* --- Mounts. --- */

static void *make_mount(void *arg, struct sim_node *node)
{
	struct member *member = arg;
	struct world *world = member->world;
	struct cl_config config = {
	    .masters = WORLD_MASTERS,
	    .subtree = "/",
	    .write_behind_bytes = world->shape.write_behind,
	    .write_behind_age = world->shape.write_behind_age,
	    .timeout = world->shape.timeout,
	    .clone_bytes_min = 1,
	    .tuning = &world->session,
	};
	member->node = node;
	/* A mount is a new node each time. */
	fill_identity(member, DFS_ROLE_CLIENT, dfs_prng_next(sim_prng(world->sim)),
		      &config.identity);
	struct cl *core = cl_new(&config);
	mount_serve(member->mount, core);
	return core;
}

static void drop_mount(void *core)
{
	cl_free(core);
}

static void reply(void *arg, struct sim_node *node, u64 call, const void *from)
{
	struct member *member = arg;
	(void)node;
	mount_reply(member->mount, call, from);
}

/* --- Up and down. --- */

static void restart(struct sim_alarm *alarm)
{
	struct member *member = dfs_container_of(alarm, struct member, restart);
	if (!sim_up(member->node))
		sim_start(member->node);
}

static void down(void *arg, struct sim_node *node, bool crashed, int status)
{
	struct member *member = arg;
	struct world *world = member->world;
	if (!crashed && status != 0 && !world->shape.faulty)
		world_fail(world, "%s exited with %d by itself", member->name, status);
	if (!sim_powered(node) && member != &world->master)
		actors_power_cut(world);
	if (member->mount != NULL) {
		mount_died(member->mount);
		actors_mount_died(world, member->mount);
	}
	if (!member->keep_down)
		sim_after(world->sim, &member->restart,
			  DFS_MSEC + dfs_prng_below(&world->prng, 3 * DFS_SEC));
}

static void add(struct member *member, struct sim_node_spec *spec)
{
	member->restart.fire = restart;
	member->id = 1 + (dfs_prng_next(&member->world->prng) >> 1);
	spec->name = member->name;
	spec->down = down;
	spec->arg = member;
	member->node = sim_add(member->world->sim, spec);
	if (member->mount != NULL)
		mount_bind(member->mount, member->node);
}

static void add_server(struct world *world, u32 i)
{
	struct member *member = &world->servers[i];
	member->world = world;
	member->index = i;
	snprintf(member->name, sizeof(member->name), "cs%u", i + 1);
	snprintf(member->address, sizeof(member->address), "cs%u:9422", i + 1);
	snprintf(member->local, sizeof(member->local), "unix:/run/cs%u", i + 1);
	struct sim_node_spec spec = {
	    .addresses = {member->address, member->local},
	    .machine = 10 + i,
	    .ops = &cs_core_ops,
	    .make = make_server,
	    .drop = drop_server,
	    .disks_count = world->shape.disks,
	    .disk_bytes = world->shape.disk_bytes,
	    .kvs_count = world->shape.disks,
	};
	for (u32 d = 0; d < world->shape.disks; d++)
		spec.kv_kinds[d] = KV_SIM_LOGGED;
	add(member, &spec);
}

static void add_mount(struct world *world, u32 i)
{
	struct member *member = &world->mounts[i];
	member->world = world;
	member->index = i;
	member->mount = mount_new(world->sim);
	snprintf(member->name, sizeof(member->name), "mount%u", i + 1);
	struct sim_node_spec spec = {
	    .machine = i == 0 && world->shape.local ? 10 : 20 + i,
	    .ops = &cl_core_ops,
	    .make = make_mount,
	    .drop = drop_mount,
	    .reply = reply,
	};
	add(member, &spec);
}

void cluster_build(struct world *world)
{
	for (u32 i = 0; i < DFS_KEY_BYTES; i++)
		world->key[i] = (u8)(i * 7 + 1);
	world->master.world = world;
	snprintf(world->master.name, sizeof(world->master.name), "master1");
	struct sim_node_spec spec = {
	    .addresses = {WORLD_MASTERS},
	    .machine = 1,
	    .ops = &ms_core_ops,
	    .make = make_master,
	    .drop = drop_master,
	    .kvs_count = MS_KV_COUNT,
	    .kv_kinds = {[MS_KV_LOG] = KV_SIM_LOGGED, [MS_KV_STATE] = KV_SIM_UNLOGGED},
	};
	add(&world->master, &spec);
	for (u32 i = 0; i < world->shape.servers; i++)
		add_server(world, i);
	for (u32 i = 0; i < world->shape.mounts; i++)
		add_mount(world, i);
}

/* All nodes in a fixed order: master, chunkservers, mounts. */
static struct member *member_at(struct world *world, u32 i)
{
	if (i == 0)
		return &world->master;
	if (i <= world->shape.servers)
		return &world->servers[i - 1];
	return &world->mounts[i - 1 - world->shape.servers];
}

static u32 members_count(const struct world *world)
{
	return 1 + world->shape.servers + world->shape.mounts;
}

void cluster_start(struct world *world)
{
	for (u32 i = 0; i < members_count(world); i++) {
		struct member *member = member_at(world, i);
		sim_after(world->sim, &member->restart,
			  dfs_prng_below(&world->prng, 10 * DFS_MSEC));
	}
}

void cluster_heal(struct world *world)
{
	sim_heal(world->sim);
	sim_refuse(world->sim, 0);
	for (u32 i = 0; i < members_count(world); i++) {
		struct member *member = member_at(world, i);
		if (!sim_up(member->node) && !member->keep_down)
			sim_after(world->sim, &member->restart, DFS_MSEC);
	}
}

struct member *cluster_pick(struct world *world, struct dfs_prng *prng)
{
	return member_at(world, (u32)dfs_prng_below(prng, members_count(world)));
}

void cluster_free(struct world *world)
{
	for (u32 i = 0; i < members_count(world); i++)
		sim_disarm(world->sim, &member_at(world, i)->restart);
	sim_free(world->sim);
	for (u32 i = 0; i < world->shape.mounts; i++)
		mount_free(world->mounts[i].mount);
}
