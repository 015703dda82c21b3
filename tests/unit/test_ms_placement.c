/*
 * Weighted rendezvous: shares follow the weights, and a change of one server moves nothing else.
 */
#include "tests/unit/unit.h"

#include "master/core/placement.h"

enum { SERVERS = 5, CHUNKS = 100000 };

static u32 choose(u64 chunk, const u64 *weights)
{
	u32 best = SERVERS;
	u64 best_score = 0;
	for (u32 i = 0; i < SERVERS; i++) {
		u64 score = ms_placement_score(chunk, 1000 + i, weights[i]);
		if (score > best_score) {
			best = i;
			best_score = score;
		}
	}
	return best;
}

static void shares_follow_the_weights(void **state)
{
	(void)state;
	static const u64 weights[SERVERS] = {100000, 200000, 300000, 400000, 0};
	u32 counts[SERVERS + 1] = {0};
	for (u64 chunk = 1; chunk <= CHUNKS; chunk++)
		counts[choose(chunk, weights)]++;
	for (u32 i = 0; i < 4; i++) {
		u32 expected = (u32)(weights[i] / 10);
		assert_in_range(counts[i], expected - expected / 20, expected + expected / 20);
	}
	assert_int_equal(counts[4], 0);
	assert_int_equal(counts[SERVERS], 0);
}

static void a_server_that_goes_moves_only_its_own_chunks(void **state)
{
	(void)state;
	static const u64 before[SERVERS] = {7, 7, 7, 7, 7};
	static const u64 after[SERVERS] = {7, 7, 0, 7, 7};
	for (u64 chunk = 1; chunk <= CHUNKS; chunk++) {
		u32 chosen = choose(chunk, before);
		if (chosen != 2)
			assert_int_equal(choose(chunk, after), chosen);
		else
			assert_int_not_equal(choose(chunk, after), 2);
	}
}

static void extreme_weights_neither_overflow_nor_vanish(void **state)
{
	(void)state;
	static const u64 weights[SERVERS] = {UINT64_MAX, 1, 0, 0, 0};
	for (u64 chunk = 1; chunk <= 1000; chunk++)
		assert_int_equal(choose(chunk, weights), 0);
	static const u64 tiny[SERVERS] = {1, 0, 0, 0, 0};
	assert_int_equal(choose(1, tiny), 0);
	static const u64 none[SERVERS] = {0};
	assert_int_equal(choose(1, none), SERVERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shares_follow_the_weights),
	    cmocka_unit_test(a_server_that_goes_moves_only_its_own_chunks),
	    cmocka_unit_test(extreme_weights_neither_overflow_nor_vanish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
