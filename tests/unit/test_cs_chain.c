/*
 * Requests through a chain of replicas. Whatever was acknowledged for the whole chain is on every
 * replica, in the head's order; what a server behind the head did not do is told, with its name, in
 * time.
 */
#include "libdfsproto/base/errors.h"
#include "tests/unit/cs_chain_world.h"
#include "tests/unit/unit.h"

static void expect_whole(const struct ask *ask)
{
	assert_true(ask->done);
	assert_int_equal(ask->status, 0);
	assert_int_equal(ask->chained.failed, 0);
}

static void expect_failed(const struct ask *ask, u64 server, int error)
{
	assert_true(ask->done);
	assert_int_equal(ask->status, 0);
	assert_int_equal(ask->chained.failed, server);
	assert_int_equal(ask->chained.error, -error);
}

/* Every server that is up has these bytes, zeros behind what it has. */
static void expect_bytes(struct chain_world *world, const u8 *data)
{
	for (u32 i = 0; i < SERVERS; i++) {
		if (!sim_up(world->servers[i]))
			continue;
		struct ask *ask = ask_read(world, i);
		chain_run(world, 3 * DFS_SEC);
		assert_true(ask->done);
		assert_int_equal(ask->status, 0);
		assert_memory_equal(ask->data, data, BYTES);
	}
}

static void fill(struct dfs_prng *prng, u8 *data, u32 length)
{
	for (u32 i = 0; i < length; i++)
		data[i] = (u8)dfs_prng_next(prng);
}

/* --- The tests. --- */

static void overlapping_writes_act_alike_everywhere(void **state)
{
	(void)state;
	for (u64 seed = 1; seed <= 10; seed++) {
		struct chain_world world;
		static u8 model[BYTES], data[BYTES];
		struct ask *asks[40];
		chain_begin(&world, seed);
		memset(model, 0, sizeof(model));
		for (u32 i = 0; i < dfs_array_count(asks); i++) {
			struct dfs_prng *prng = sim_prng(world.sim);
			u32 offset = (u32)dfs_prng_below(prng, BYTES - 1);
			u32 length = 1 + (u32)dfs_prng_below(prng, BYTES - offset);
			fill(prng, data, length);
			memcpy(model + offset, data, length);
			asks[i] = ask_write(&world, offset, data, length);
			if (i % 5 == 4)
				chain_run(&world, dfs_prng_below(prng, 5 * DFS_MSEC));
		}
		chain_run(&world, 2 * DFS_SEC);
		for (u32 i = 0; i < dfs_array_count(asks); i++)
			expect_whole(asks[i]);
		expect_bytes(&world, model);
		chain_end(&world);
	}
}

static void a_punch_acts_everywhere(void **state)
{
	(void)state;
	struct chain_world world;
	static u8 model[BYTES];
	chain_begin(&world, 1);
	fill(sim_prng(world.sim), model, BYTES);
	struct ask *write = ask_write(&world, 0, model, BYTES);
	struct ask *punch = ask_punch(&world, 5000, 30000);
	memset(model + 5000, 0, 30000);
	chain_run(&world, DFS_SEC);
	expect_whole(write);
	expect_whole(punch);
	expect_bytes(&world, model);
	chain_end(&world);
}

static void what_sync_covers_survives_a_power_cut_of_all(void **state)
{
	(void)state;
	for (u64 seed = 1; seed <= 10; seed++) {
		struct chain_world world;
		static u8 model[BYTES];
		chain_begin(&world, seed);
		fill(sim_prng(world.sim), model, BYTES);
		struct ask *write = ask_write(&world, 0, model, BYTES);
		chain_run(&world, DFS_SEC);
		expect_whole(write);
		struct ask *sync = ask_sync(&world);
		chain_run(&world, DFS_SEC);
		expect_whole(sync);
		for (u32 i = 0; i < SERVERS; i++)
			sim_crash(world.servers[i], SIM_POWER);
		for (u32 i = 0; i < SERVERS; i++)
			sim_start(world.servers[i]);
		chain_run(&world, 5 * DFS_SEC);
		expect_bytes(&world, model);
		chain_end(&world);
	}
}

static void a_server_that_died_is_named(void **state)
{
	(void)state;
	for (u32 victim = 1; victim < SERVERS; victim++) {
		struct chain_world world;
		u8 data[100] = {1};
		chain_begin(&world, victim);
		struct ask *before = ask_write(&world, 0, data, sizeof(data));
		chain_run(&world, DFS_SEC);
		expect_whole(before);
		sim_crash(world.servers[victim], SIM_KILL);
		struct ask *write = ask_write(&world, 10, data, sizeof(data));
		struct ask *punch = ask_punch(&world, 0, 10);
		chain_run(&world, 2 * DFS_SEC);
		assert_true(write->done && punch->done);
		assert_int_equal(write->chained.failed, 1 + victim);
		assert_int_equal(punch->chained.failed, 1 + victim);
		struct ask *sync = ask_sync(&world);
		chain_run(&world, 2 * DFS_SEC);
		expect_failed(sync, 1 + victim, DFS_ELINK_LOST);
		/* It comes back: the chain works again, with no help from outside. */
		sim_start(world.servers[victim]);
		chain_run(&world, 3 * DFS_SEC);
		struct ask *after = ask_write(&world, 0, data, sizeof(data));
		chain_run(&world, 2 * DFS_SEC);
		expect_whole(after);
		chain_end(&world);
	}
}

static void a_server_that_hangs_is_named_in_time(void **state)
{
	(void)state;
	struct chain_world world;
	u8 data[100] = {1};
	chain_begin(&world, 1);
	struct ask *before = ask_write(&world, 0, data, sizeof(data));
	chain_run(&world, DFS_SEC);
	expect_whole(before);
	sim_cut(world.servers[1], world.servers[2]);
	struct ask *write = ask_write(&world, 0, data, sizeof(data));
	chain_run(&world, 1900 * DFS_MSEC);
	expect_failed(write, 3, DFS_ETIMEDOUT);
	chain_end(&world);
}

/* Killed at any moment, with writes under way: each is answered, and what was acknowledged for the
 * whole chain is everywhere. */
static void nothing_acknowledged_is_missing(void **state)
{
	(void)state;
	enum { WRITES = 24, PIECE = 2000 };
	for (u64 seed = 1; seed <= 60; seed++) {
		struct chain_world world;
		struct ask *asks[WRITES];
		static u8 data[WRITES][PIECE];
		chain_begin(&world, seed);
		struct dfs_prng *prng = sim_prng(world.sim);
		u32 victim = 1 + (u32)dfs_prng_below(prng, SERVERS - 1);
		u32 moment = (u32)dfs_prng_below(prng, WRITES);
		for (u32 i = 0; i < WRITES; i++) {
			fill(prng, data[i], PIECE);
			asks[i] = ask_write(&world, i * PIECE, data[i], PIECE);
			chain_run(&world, dfs_prng_below(prng, 2 * DFS_MSEC));
			if (i == moment)
				sim_crash_in_step(world.servers[victim], SIM_KILL);
		}
		chain_run(&world, 4 * DFS_SEC);
		if (!sim_up(world.servers[victim]))
			sim_start(world.servers[victim]);
		chain_run(&world, 4 * DFS_SEC);
		struct ask *reads[SERVERS];
		for (u32 s = 0; s < SERVERS; s++)
			reads[s] = ask_read(&world, s);
		chain_run(&world, 4 * DFS_SEC);
		for (u32 i = 0; i < WRITES; i++) {
			assert_true(asks[i]->done);
			if (asks[i]->status != 0 || asks[i]->chained.failed != 0)
				continue;
			for (u32 s = 0; s < SERVERS; s++)
				assert_memory_equal(reads[s]->data + i * PIECE, data[i], PIECE);
		}
		chain_end(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(overlapping_writes_act_alike_everywhere),
	    cmocka_unit_test(a_punch_acts_everywhere),
	    cmocka_unit_test(what_sync_covers_survives_a_power_cut_of_all),
	    cmocka_unit_test(a_server_that_died_is_named),
	    cmocka_unit_test(a_server_that_hangs_is_named_in_time),
	    cmocka_unit_test(nothing_acknowledged_is_missing),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dfs_buf_pool_drain();
	return failed;
}
