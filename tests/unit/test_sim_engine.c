/*
 * The engine, with a toy for a cluster: a client sends numbers over a link, a server stores each
 * and acknowledges it once it is synced. The engine has to deliver every byte in order, however
 * chopped, to end links as TCP does, and to be a function of its seed; the toy's bug variants show
 * that it bites.
 */
#include "libdfsproto/base/errors.h"
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FRAME = 8 };

enum bug { NO_BUG, ACK_BEFORE_SYNC, KEEP_PARTIAL_FRAME };

/* What must outlive the cores. */
struct world {
	enum bug bug;
	struct sim *sim;
	struct sim_node *server;
	struct sim_node *client;
	u64 acked; /* Every number up to here is promised to be durable. */
	bool lost;
	bool garbled;
	struct sim_alarm restart_server;
	struct sim_alarm restart_client;
};

struct toy {
	struct world *world;
	bool serves;
	struct dfs_kv *kv;
	u64 link; /* 0: none. */
	u64 links;
	u8 frame[FRAME];
	u32 have;
	u64 stored; /* Server: last number in the store. Client: last number acknowledged. */
	nsec retry;
	bool syncing;
};

static u64 load(struct dfs_kv *kv)
{
	struct dfs_span value;
	u64 number = 0;
	if (dfs_kv_get(kv, dfs_span_text("n"), &value) == 0)
		memcpy(&number, value.data, sizeof(number));
	return number;
}

static void send_number(struct toy *toy, u64 number, struct dfs_fxs *fxs)
{
	struct dfs_buf *buf = dfs_buf_new(FRAME);
	memcpy(buf->data, &number, FRAME);
	buf->length = FRAME;
	dfs_fx_link_send_take(fxs, toy->link, buf);
}

static void server_got(struct toy *toy, u64 number, struct dfs_fxs *fxs)
{
	if (number > toy->stored + 1)
		toy->world->garbled = true;
	if (number == toy->stored + 1) {
		struct dfs_kv_batch batch = {0};
		dfs_kv_batch_put(&batch, dfs_span_text("n"), dfs_span(&number, sizeof(number)));
		assert_int_equal(dfs_kv_write(toy->kv, &batch), 0);
		dfs_kv_batch_fini(&batch);
		toy->stored = number;
	}
	dfs_fx_io(fxs, number, &(struct dfs_io){.kind = DFS_IO_KV_SYNC}, NULL);
	if (toy->world->bug == ACK_BEFORE_SYNC)
		send_number(toy, number, fxs);
}

static void got_number(struct toy *toy, u64 number, struct dfs_fxs *fxs)
{
	if (toy->serves) {
		server_got(toy, number, fxs);
		return;
	}
	if (number == toy->stored + 1) {
		toy->stored = number;
		toy->world->acked = number;
	}
	send_number(toy, toy->stored + 1, fxs);
}

static void got_bytes(struct toy *toy, u64 count, struct dfs_fxs *fxs)
{
	u64 number;
	toy->have += (u32)count;
	if (toy->have < FRAME)
		return;
	toy->have = 0;
	memcpy(&number, toy->frame, FRAME);
	got_number(toy, number, fxs);
}

static void toy_step(void *core, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	struct toy *toy = core;
	bool partial_kept = toy->world->bug == KEEP_PARTIAL_FRAME;
	switch (ev->kind) {
	case DFS_EV_BOOT:
		toy->stored = toy->serves ? load(toy->kv) : toy->world->acked;
		toy->retry = toy->serves ? DFS_NEVER : ev->now;
		break;
	case DFS_EV_TIMER: /* Also when a link was silent: its peer may have lost power. */
		if (toy->links > 0)
			dfs_fx_link_close(fxs, toy->links);
		toy->retry = ev->now + 100 * DFS_MSEC;
		dfs_fx_link_open(fxs, ++toy->links, dfs_span_text("server:1"));
		break;
	case DFS_EV_LINK_UP:
	case DFS_EV_LINK_NEW:
		toy->link = ev->tag;
		toy->have = partial_kept ? toy->have : 0;
		if (!toy->serves)
			send_number(toy, toy->stored + 1, fxs);
		break;
	case DFS_EV_LINK_BYTES:
		toy->retry = toy->serves ? DFS_NEVER : ev->now + 100 * DFS_MSEC;
		if (ev->tag == toy->link)
			got_bytes(toy, ev->count, fxs);
		break;
	case DFS_EV_LINK_DOWN:
		if (toy->link == ev->tag)
			toy->link = 0;
		if (!toy->serves)
			toy->retry = ev->now + 10 * DFS_MSEC;
		break;
	case DFS_EV_IO_DONE:
		if (toy->link != 0 && toy->world->bug != ACK_BEFORE_SYNC)
			send_number(toy, ev->tag, fxs);
		break;
	case DFS_EV_STOP:
		dfs_fx_exit(fxs, 0);
		break;
	default:
		break;
	}
}

static nsec toy_deadline(const void *core)
{
	return ((const struct toy *)core)->retry;
}

static void toy_room(void *core, u64 link, u8 **ret_data, u32 *ret_length)
{
	static u8 stray[FRAME];
	struct toy *toy = core;
	*ret_data = link == toy->link ? toy->frame + toy->have : stray;
	*ret_length = link == toy->link ? FRAME - toy->have : FRAME;
}

static void toy_check(const void *core)
{
	assert_true(((const struct toy *)core)->have < FRAME);
}

static const struct dfs_core_ops toy_ops = {toy_step, toy_deadline, toy_room, toy_check};

static void *toy_make(void *arg, struct sim_node *node)
{
	struct world *world = arg;
	struct toy *toy = calloc(1, sizeof(*toy));
	toy->world = world;
	toy->serves = strcmp(sim_name(node), "server") == 0;
	toy->kv = toy->serves ? kv_sim_kv(sim_kv(node, 0)) : NULL;
	if (toy->serves && load(toy->kv) < world->acked)
		world->lost = true;
	return toy;
}

static void toy_down(void *arg, struct sim_node *node, bool crashed, int status)
{
	struct world *world = arg;
	(void)crashed;
	(void)status;
	bool serves = strcmp(sim_name(node), "server") == 0;
	sim_after(world->sim, serves ? &world->restart_server : &world->restart_client, DFS_MSEC);
}

static void restart_server(struct sim_alarm *alarm)
{
	sim_start(dfs_container_of(alarm, struct world, restart_server)->server);
}

static void restart_client(struct sim_alarm *alarm)
{
	sim_start(dfs_container_of(alarm, struct world, restart_client)->client);
}

static void disturb(struct world *world)
{
	struct dfs_prng *prng = sim_prng(world->sim);
	struct sim_node *node = dfs_prng_below(prng, 4) == 0 ? world->client : world->server;
	switch (dfs_prng_below(prng, 7)) {
	case 0:
		if (sim_up(node))
			sim_crash(node, SIM_KILL);
		break;
	case 1:
		if (sim_up(node))
			sim_crash(node, SIM_POWER);
		break;
	case 2:
		sim_crash_in_step(node, SIM_POWER);
		break;
	case 3:
		sim_cut(world->client, world->server);
		sim_run_until(world->sim, sim_now(world->sim) + 20 * DFS_MSEC);
		sim_heal(world->sim);
		break;
	case 4:
		sim_stall_link(node, 5 * DFS_MSEC);
		break;
	default:
		sim_reset_link(node);
		break;
	}
}

static u64 run_world(u64 seed, enum bug bug, struct world *world)
{
	struct sim_tuning tuning = sim_calm;
	tuning.chop = 200;
	*world = (struct world){.bug = bug, .sim = sim_new(seed, &tuning)};
	world->restart_server.fire = restart_server;
	world->restart_client.fire = restart_client;
	struct sim_node_spec spec = {
	    .name = "server",
	    .addresses = {"server:1"},
	    .machine = 1,
	    .ops = &toy_ops,
	    .make = toy_make,
	    .drop = free,
	    .down = toy_down,
	    .arg = world,
	    .kvs_count = 1,
	    .kv_kinds = {KV_SIM_LOGGED},
	};
	world->server = sim_add(world->sim, &spec);
	spec.name = "client";
	spec.addresses[0] = NULL;
	spec.machine = 2;
	spec.kvs_count = 0;
	world->client = sim_add(world->sim, &spec);
	sim_start(world->server);
	sim_start(world->client);
	for (int i = 0; i < 100; i++) {
		sim_run_until(world->sim, sim_now(world->sim) + 30 * DFS_MSEC);
		disturb(world);
	}
	u64 before = world->acked;
	sim_run_until(world->sim, sim_now(world->sim) + DFS_SEC);
	if (bug == NO_BUG)
		assert_true(world->acked > before + 10); /* It goes on after all that. */
	u64 hash = sim_hash(world->sim);
	sim_free(world->sim);
	assert_int_equal(dfs_buf_live_count(), 0);
	return hash;
}

static void a_correct_toy_loses_nothing(void **state)
{
	(void)state;
	struct world world;
	for (u64 seed = 0; seed < 50; seed++) {
		run_world(seed, NO_BUG, &world);
		assert_false(world.lost);
		assert_false(world.garbled);
	}
}

static void equal_seeds_give_equal_hashes(void **state)
{
	(void)state;
	struct world world;
	for (u64 seed = 0; seed < 10; seed++) {
		u64 first = run_world(seed, NO_BUG, &world);
		assert_true(first == run_world(seed, NO_BUG, &world));
		assert_true(first != run_world(seed + 1000, NO_BUG, &world));
	}
}

static void an_acknowledgement_before_the_sync_is_caught(void **state)
{
	(void)state;
	struct world world = {0};
	u64 seed = 0;
	while (!world.lost && seed < 20)
		run_world(seed++, ACK_BEFORE_SYNC, &world);
	assert_true(world.lost);
}

static void a_partial_frame_kept_over_a_reset_is_caught(void **state)
{
	(void)state;
	struct world world = {0};
	u64 seed = 0;
	while (!world.garbled && seed < 20)
		run_world(seed++, KEEP_PARTIAL_FRAME, &world);
	assert_true(world.garbled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_correct_toy_loses_nothing),
	    cmocka_unit_test(equal_seeds_give_equal_hashes),
	    cmocka_unit_test(an_acknowledgement_before_the_sync_is_caught),
	    cmocka_unit_test(a_partial_frame_kept_over_a_reset_is_caught),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dfs_buf_pool_drain();
	return failed;
}
