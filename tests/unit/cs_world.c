/*
 * See cs_world.h.
 */
#include "tests/unit/cs_world_i.h"

#include "libdfsproto/base/errors.h"
#include "tests/unit/unit.h"

static const u8 key[DFS_KEY_BYTES] = {7, 7, 7};

void world_fill(u8 *data, u32 length, u32 seed)
{
	struct dfs_prng prng;
	dfs_prng_seed(&prng, seed);
	for (u32 i = 0; i < length; i++)
		data[i] = (u8)dfs_prng_next(&prng);
}

/* --- The chunkserver. --- */

static void io_begin(struct cs_world *world, struct dfs_fx *fx)
{
	if (world->ios_count == world->ios_capacity) {
		world->ios_capacity = world->ios_capacity * 2 + 16;
		world->ios = realloc(world->ios, world->ios_capacity * sizeof(*world->ios));
		assert_non_null(world->ios);
	}
	struct world_io *io = &world->ios[world->ios_count++];
	memset(io, 0, sizeof(*io));
	io->tag = fx->tag;
	io->io = fx->io;
	world->kind_counts[fx->io.kind]++;
	assert_true(fx->io.disk < world->disks_count);
	if (fx->io.kind == DFS_IO_KV_SYNC)
		io->mark = kv_sim_sync_begin(world->kvs[fx->io.disk]);
	else
		io->op = disk_sim_begin(world->disks[fx->io.disk], &fx->io, fx->buf);
	dfs_buf_unref(fx->buf);
}

static void io_finish(struct cs_world *world, u32 index)
{
	struct world_io io = world->ios[index];
	memmove(&world->ios[index], &world->ios[index + 1],
		(world->ios_count - index - 1) * sizeof(io));
	world->ios_count--;
	world->ios_done++;
	struct disk_result result = {0};
	if (io.op == NULL)
		kv_sim_sync_finish(world->kvs[io.io.disk], io.mark);
	else
		disk_sim_finish(world->disks[io.io.disk], io.op, &result);
	struct dfs_ev ev = {.kind = DFS_EV_IO_DONE,
			    .tag = io.tag,
			    .status = result.status,
			    .count = result.count,
			    .aux = result.aux,
			    .buf = result.buf};
	world_step(world, &ev);
	dfs_buf_unref(result.buf);
}

static void log_line(struct cs_world *world, const struct dfs_fx *fx)
{
	if (getenv("WORLD_LOG") != NULL)
		fprintf(stderr, "%llu %d %s\n", (unsigned long long)world->now, fx->log.level,
			fx->log.line);
	if (fx->log.level != DFS_LOG_ERROR)
		return;
	memcpy(world->last_error, fx->log.line, sizeof(world->last_error));
	world->errors_count++;
}

static void carry_out(struct cs_world *world, struct dfs_fxs *fxs)
{
	u64 opens[16];
	u32 opens_count = 0;
	for (u32 i = 0; i < fxs->count; i++) {
		struct dfs_fx *fx = &fxs->v[i];
		switch (fx->kind) {
		case DFS_FX_IO:
			io_begin(world, fx);
			break;
		case DFS_FX_LINK_OPEN:
			opens[opens_count++] = fx->tag;
			break;
		case DFS_FX_LINK_SEND:
			if (fx->tag == world->client.cs_link)
				world_pipe_send(&world->client.in, fx);
			else
				world_pipe_send(&world->master.in, fx);
			break;
		case DFS_FX_LINK_CLOSE:
			if (fx->tag == world->client.cs_link)
				world->client.cs_link = 0;
			break;
		case DFS_FX_LOG:
			log_line(world, fx);
			break;
		case DFS_FX_EXIT:
			world->exited = true;
			world->exit_status = fx->status;
			break;
		case DFS_FX_REPLY:
			fail();
		}
	}
	fxs->count = 0;
	for (u32 i = 0; i < opens_count; i++)
		world_connect_master(world, opens[i]);
}

static void drop_effects(struct dfs_fxs *fxs, u32 from)
{
	for (u32 i = from; i < fxs->count; i++) {
		dfs_buf_unref(fxs->v[i].buf);
		dfs_buf_unref(fxs->v[i].payload);
	}
	fxs->count = from;
}

/* Either only a part of the step's index writes happened, or all and a part of its effects. */
static void die(struct cs_world *world, struct dfs_fxs *fxs, const u64 *batches)
{
	bool in_writes = dfs_prng_below(&world->prng, 2) == 0;
	for (u32 i = 0; in_writes && i < world->disks_count; i++)
		kv_sim_lose_after(world->kvs[i], batches[i], &world->prng);
	drop_effects(fxs, in_writes ? 0 : (u32)dfs_prng_below(&world->prng, fxs->count + 1));
	for (u32 i = 0; i < fxs->count; i++) {
		if (fxs->v[i].kind == DFS_FX_IO)
			continue;
		drop_effects(fxs, i); /* Links die with the daemon. */
	}
	world->died = true;
}

void world_step(struct cs_world *world, struct dfs_ev *ev)
{
	struct dfs_fxs fxs = {.log_level = DFS_LOG_DEBUG};
	u64 batches[WORLD_DISKS_MAX];
	if (world->died)
		return;
	for (u32 i = 0; i < world->disks_count; i++)
		batches[i] = kv_sim_batches(world->kvs[i]);
	ev->now = world->now;
	ev->wall = world->now;
	cs_core_ops.step(world->cs, ev, &fxs);
	cs_core_ops.check(world->cs);
	if (world->die_in > 0 && --world->die_in == 0)
		die(world, &fxs, batches);
	carry_out(world, &fxs);
	dfs_fxs_fini(&fxs);
}

static bool messages(struct cs_world *world)
{
	if (world->died)
		return false;
	bool any = world_deliver_to_server(world, &world->client);
	any |= world_deliver_to_server(world, &world->master);
	any |= world_deliver_to_peer(world, &world->client);
	if (world->master.session != NULL)
		any |= world_deliver_to_peer(world, &world->master);
	any |= world_tick_peer(world, &world->client);
	any |= world_tick_peer(world, &world->master);
	if (!world->exited && cs_core_ops.deadline(world->cs) <= world->now) {
		struct dfs_ev ev = {.kind = DFS_EV_TIMER};
		world_step(world, &ev);
		any = true;
	}
	return any;
}

void world_finish(struct cs_world *world, u32 count)
{
	while (messages(world))
		;
	for (u32 i = 0; i < count && world->ios_count > 0 && !world->died; i++) {
		u32 index =
		    world->shuffle ? (u32)dfs_prng_below(&world->prng, world->ios_count) : 0;
		io_finish(world, index);
		while (messages(world))
			;
	}
}

void world_settle(struct cs_world *world)
{
	for (;;) {
		world_finish(world, world->holding ? 0 : UINT32_MAX);
		if (world->holding || world->ios_count == 0 || world->died)
			return;
	}
}

void world_run(struct cs_world *world, nsec duration)
{
	nsec end = world->now + duration;
	for (;;) {
		world_settle(world);
		nsec next = world->exited ? DFS_NEVER : cs_core_ops.deadline(world->cs);
		next = dfs_min(next, dfs_session_deadline(world->client.session));
		if (world->master.session != NULL)
			next = dfs_min(next, dfs_session_deadline(world->master.session));
		if (next > end || world->died)
			break;
		world->now = dfs_max(next, world->now);
	}
	world->now = end;
	world_settle(world);
}

/* --- Life. --- */

static void identity(struct cs_world *world, struct dfs_identity *ret, u16 role, u64 node)
{
	memcpy(ret->key, key, sizeof(key));
	ret->cluster = world->cluster;
	ret->node = node;
	ret->role = role;
	dfs_prng_seed(&ret->prng, node);
}

void world_init(struct cs_world *world, u32 disks, u64 seed)
{
	memset(world, 0, sizeof(*world));
	world->disks_count = disks;
	world->boot = 1;
	world->cluster = 99;
	world->now = DFS_SEC;
	dfs_prng_seed(&world->prng, seed);
	for (u32 i = 0; i < disks; i++) {
		world->disks[i] = disk_sim_new(64 * DFS_MIB, seed + i);
		world->kvs[i] = kv_sim_new(KV_SIM_LOGGED);
	}
	identity(world, &world->client.identity, DFS_ROLE_CLIENT, 1);
	identity(world, &world->master.identity, DFS_ROLE_MASTER, 2);
}

static void peers_drop(struct cs_world *world)
{
	dfs_session_free(world->client.session);
	dfs_session_free(world->master.session);
	world->client.session = NULL;
	world->master.session = NULL;
	world->client.in.length = world->client.out.length = 0;
	world->master.in.length = world->master.out.length = 0;
	world->client.up = world->master.up = false;
	world->client.link = world->client.cs_link = 0;
	world->master.link = world->master.cs_link = 0;
	for (u32 i = 0; i < world->fxs.count; i++)
		dfs_buf_unref(world->fxs.v[i].buf);
	world->fxs.count = 0;
}

void world_crash(struct cs_world *world, bool power)
{
	cs_free(world->cs);
	world->cs = NULL;
	peers_drop(world);
	world->ios_count = 0;
	for (u32 i = 0; i < world->disks_count; i++) {
		disk_sim_crash(world->disks[i], power, &world->prng);
		kv_sim_crash(world->kvs[i], power, &world->prng);
	}
	world->boot += power;
	world->die_in = 0;
	world->died = false;
	world->now += DFS_SEC;
}

void world_boot(struct cs_world *world)
{
	static const u8 seed[DFS_SEED_BYTES] = {1, 2, 3, 4};
	struct cs_config config = {
	    .masters = "master:1",
	    .address = "chunkserver:1",
	    .local = "",
	    .disks_count = world->disks_count,
	    .boot = world->boot,
	    .reserve_bytes = world->reserve_bytes,
	};
	identity(world, &config.identity, DFS_ROLE_CHUNKSERVER, 3);
	for (u32 i = 0; i < world->disks_count; i++)
		config.kvs[i] = world->kv_missing[i] ? NULL : kv_sim_kv(world->kvs[i]);
	world->exited = false;
	if (world->client_next_link == 0)
		world->client_next_link = 1;
	world->cs = cs_new(&config);
	struct dfs_ev ev = {.kind = DFS_EV_BOOT, .seed = seed};
	world_step(world, &ev);
	struct dfs_span address = dfs_span_text("chunkserver:1");
	world->client.session = dfs_session_new_connector(
	    &world->client.identity, DFS_ROLE_CHUNKSERVER, &address, 1, &world->client_next_link);
	dfs_session_open(world->client.session, world->now, &world->fxs);
	world_peer_carry_out(world, &world->client);
}

void world_start(struct cs_world *world)
{
	world_boot(world);
	for (u32 i = 0; i < 200 && !world->client.up; i++)
		world_run(world, 20 * DFS_MSEC);
	assert_true(world->client.up);
	if (!world->master_away)
		assert_true(world->master.up);
}

void world_stop(struct cs_world *world)
{
	struct dfs_ev ev = {.kind = DFS_EV_STOP};
	world_step(world, &ev);
	for (u32 i = 0; i < 100 && !world->exited; i++)
		world_run(world, 100 * DFS_MSEC);
	assert_true(world->exited);
	assert_int_equal(world->exit_status, 0);
	cs_free(world->cs);
	world->cs = NULL;
	peers_drop(world);
}

void world_fini(struct cs_world *world)
{
	if (world->cs != NULL)
		world_crash(world, false);
	for (u32 i = 0; i < world->disks_count; i++) {
		disk_sim_free(world->disks[i]);
		kv_sim_free(world->kvs[i]);
	}
	for (u32 i = 0; i < world->requests_count; i++) {
		free(world->replies[i].body);
		free(world->replies[i].payload);
	}
	free(world->ios);
	free(world->client.in.data);
	free(world->client.out.data);
	free(world->master.in.data);
	free(world->master.out.data);
	dfs_fxs_fini(&world->fxs);
	assert_int_equal(dfs_buf_live_count(), 0);
	dfs_buf_pool_drain();
}
