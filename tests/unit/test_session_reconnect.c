/*
 * Losses: backoff, round robin over addresses, repetition of unanswered requests in their order,
 * what must be said first on each link.
 */
#include "libdfsproto/wire/frame.h"
#include "tests/unit/session_pair.h"
#include "tests/unit/unit.h"

static struct session_pair pair;

/* The acceptor saw these tags' requests, in this order; requests carry GETATTR{ino = tag}. */
static u64 seen[4096];
static u32 seen_count;

static void note_and_echo(struct session_pair *world, enum pair_side side,
			  const struct dfs_session_event *event)
{
	struct dfs_getattr getattr;
	if (event->kind == DFS_SESSION_EV_REQUEST && event->type == DFS_MSG_GETATTR &&
	    dfs_getattr_decode(event->body, event->version, &getattr) == 0)
		seen[seen_count++] = getattr.ino;
	pair_echo(world, side, event);
}

static void note_only(struct session_pair *world, enum pair_side side,
		      const struct dfs_session_event *event)
{
	struct dfs_getattr getattr;
	(void)world;
	(void)side;
	if (event->kind == DFS_SESSION_EV_REQUEST && event->type == DFS_MSG_GETATTR &&
	    dfs_getattr_decode(event->body, event->version, &getattr) == 0)
		seen[seen_count++] = getattr.ino;
}

static void start(u64 seed)
{
	seen_count = 0;
	pair_init(&pair, seed);
	pair.on_event = note_only;
	pair_start(&pair);
	pair_settle(&pair);
}

static void unanswered_requests_are_repeated_in_order(void **state)
{
	(void)state;
	start(1);
	for (u64 tag = 1; tag <= 5; tag++)
		pair_request(&pair, PAIR_CONNECTOR, tag, tag == 3 ? 50000 : 0);
	pair_settle(&pair);
	assert_int_equal(seen_count, 5);
	struct dfs_session *session = pair.ends[PAIR_CONNECTOR].session;
	dfs_session_cancel(session, 2);
	pair_cut(&pair);
	pair_settle(&pair);
	const struct pair_event *lost = pair_last(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_LOST);
	assert_non_null(lost);
	assert_int_equal(lost->status, DFS_ELINK_LOST);
	pair_request(&pair, PAIR_CONNECTOR, 6, 0); /* Made while there is no link. */
	pair.on_event = note_and_echo;
	seen_count = 0;
	pair_run(&pair, DFS_SEC);
	static const u64 expected[] = {1, 3, 4, 5, 6};
	assert_int_equal(seen_count, dfs_array_count(expected));
	for (u32 i = 0; i < dfs_array_count(expected); i++)
		assert_int_equal(seen[i], expected[i]);
	assert_int_equal(pair_count(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REPLY), 5);
	assert_int_equal(dfs_session_outstanding(session), 0);
	pair_fini(&pair);
}

static void requests_that_waited_for_credits_come_after_the_repeated_ones(void **state)
{
	(void)state;
	start(8);
	u32 count = DFS_CREDITS + 50;
	for (u32 i = 0; i < count; i++)
		pair_request(&pair, PAIR_CONNECTOR, i, 0);
	pair_settle(&pair);
	assert_int_equal(seen_count, DFS_CREDITS);
	pair_cut(&pair);
	pair.on_event = note_and_echo;
	seen_count = 0;
	pair_run(&pair, DFS_SEC);
	assert_int_equal(seen_count, count);
	for (u32 i = 0; i < count; i++)
		assert_int_equal(seen[i], i);
	pair_fini(&pair);
}

/* Every request ends in exactly one reply, whenever and however often links break. */
static void requests_survive_resets_at_any_moment(void **state)
{
	(void)state;
	for (u64 seed = 0; seed < 60; seed++) {
		seen_count = 0;
		pair_init(&pair, seed);
		pair.on_event = note_and_echo;
		pair.chop_max = 1 + (u32)(seed * 37 % 3000);
		pair_start(&pair);
		u64 made = 0;
		for (u32 round = 0; round < 12; round++) {
			for (u32 i = 0; i < 6; i++)
				pair_request(&pair, PAIR_CONNECTOR, ++made, i == 2 ? 9000 : 8);
			pair.cut_after = pair.delivered_bytes +
					 dfs_prng_below(&pair.prng, round % 3 == 0 ? 900 : 40000);
			pair_run(&pair, 300 * DFS_MSEC);
		}
		pair.cut_after = DFS_NEVER;
		pair_run(&pair, 5 * DFS_SEC);
		assert_int_equal(pair_count(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REPLY), made);
		u64 next_tag = 1;
		for (u32 i = 0; i < pair.events_count; i++) {
			if (pair.events[i].side == PAIR_CONNECTOR &&
			    pair.events[i].kind == DFS_SESSION_EV_REPLY)
				assert_int_equal(pair.events[i].tag, next_tag++);
		}
		pair_fini(&pair);
	}
}

static void what_comes_first_on_a_link_passes_the_held_requests(void **state)
{
	(void)state;
	start(2);
	struct pair_end *end = &pair.ends[PAIR_CONNECTOR];
	pair_request(&pair, PAIR_CONNECTOR, 1, 0);
	pair_settle(&pair);
	pair_cut(&pair);
	pair_settle(&pair);
	dfs_session_hold(end->session, true, &end->fxs);
	pair.on_event = note_and_echo;
	seen_count = 0;
	pair_run(&pair, DFS_SEC);
	assert_true(pair_up(&pair));
	pair_request(&pair, PAIR_CONNECTOR, 2, 0);
	pair_settle(&pair);
	assert_int_equal(seen_count, 0);
	struct dfs_writer writer;
	dfs_session_writer(end->session, &writer);
	struct dfs_getattr first = {.ino = 99};
	dfs_getattr_put(&writer, &first);
	dfs_session_request_first(end->session, DFS_MSG_GETATTR, &writer, 99, &end->fxs);
	pair_carry_out(&pair, PAIR_CONNECTOR);
	pair_settle(&pair);
	assert_int_equal(seen_count, 1);
	assert_int_equal(seen[0], 99);
	dfs_session_hold(end->session, false, &end->fxs);
	pair_carry_out(&pair, PAIR_CONNECTOR);
	pair_settle(&pair);
	assert_int_equal(seen_count, 3);
	assert_int_equal(seen[1], 1);
	assert_int_equal(seen[2], 2);
	assert_int_equal(pair_last(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REPLY)->tag, 2);
	pair_fini(&pair);
}

static void what_came_first_is_not_repeated(void **state)
{
	(void)state;
	start(3);
	struct pair_end *end = &pair.ends[PAIR_CONNECTOR];
	struct dfs_writer writer;
	dfs_session_writer(end->session, &writer);
	dfs_session_request_first(end->session, DFS_MSG_STATFS, &writer, 99, &end->fxs);
	pair_carry_out(&pair, PAIR_CONNECTOR);
	assert_int_equal(dfs_session_outstanding(end->session), 1);
	pair_cut(&pair);
	pair_run(&pair, DFS_SEC);
	assert_true(pair_up(&pair));
	assert_int_equal(dfs_session_outstanding(end->session), 0);
	assert_int_equal(pair_count(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_REQUEST), 0);
	assert_int_equal(pair_count(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REPLY), 0);
	pair_fini(&pair);
}

/* The connector answers the acceptor's call of an old link after a new one came up. */
static void a_late_answer_does_not_reach_a_newer_link(void **state)
{
	(void)state;
	start(4);
	pair_request(&pair, PAIR_ACCEPTOR, 1, 0);
	pair_settle(&pair);
	u64 old = pair_last(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REQUEST)->request;
	pair_cut(&pair);
	pair_run(&pair, DFS_SEC);
	assert_true(pair_up(&pair));
	pair_request(&pair, PAIR_ACCEPTOR, 2, 0); /* Its id on this link is that of the old one. */
	pair_settle(&pair);
	struct pair_end *end = &pair.ends[PAIR_CONNECTOR];
	dfs_session_reply(end->session, old, DFS_MSG_GETATTR, 0, NULL, NULL, &end->fxs);
	assert_int_equal(end->fxs.count, 0);
	pair_settle(&pair);
	assert_int_equal(pair_count(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_REPLY), 0);
	pair_fini(&pair);
}

static void attempts_slow_down_and_go_round_the_addresses(void **state)
{
	(void)state;
	pair_init(&pair, 5);
	pair.addresses_count = 3;
	pair.unreachable = true;
	pair_start(&pair);
	assert_string_equal(pair.last_address, "host-0:1");
	for (u32 i = 1; i < 7; i++) {
		u32 before = pair.opens_count;
		while (pair.opens_count == before)
			pair_run(&pair, DFS_MSEC);
		char expected[32];
		snprintf(expected, sizeof(expected), "host-%u:1", i % 3);
		assert_string_equal(pair.last_address, expected);
	}
	/* In the long run about one attempt a second, with jitter. */
	pair_run(&pair, 10 * DFS_SEC);
	u32 before = pair.opens_count;
	pair_run(&pair, 100 * DFS_SEC);
	assert_in_range(pair.opens_count - before, 100, 200);
	assert_int_equal(pair.events_count, 0);
	/* And back at once when the peer returns. */
	pair.unreachable = false;
	pair_run(&pair, 2 * DFS_SEC);
	assert_true(pair_up(&pair));
	pair_fini(&pair);
}

/* Milliseconds from now until the next LINK_OPEN. */
static u32 wait_for_open(void)
{
	u32 before = pair.opens_count, waited = 0;
	for (; pair.opens_count == before; waited++)
		pair_run(&pair, DFS_MSEC);
	return waited;
}

static void a_link_that_lasted_makes_the_next_attempt_quick(void **state)
{
	(void)state;
	pair_init(&pair, 9);
	pair.unreachable = true;
	pair_start(&pair);
	pair_run(&pair, 20 * DFS_SEC); /* Attempts have become slow. */
	pair.unreachable = false;
	pair_run(&pair, 2 * DFS_SEC);
	assert_true(pair_up(&pair));
	pair_run(&pair, 5 * DFS_SEC);
	pair_cut(&pair);
	assert_in_range(wait_for_open(), 10, 22);
	/* One that is cut again and again is not tried so eagerly. */
	u32 waited = 0;
	for (u32 i = 0; i < 8; i++) {
		pair_settle(&pair);
		assert_true(pair_up(&pair));
		pair_cut(&pair);
		waited = wait_for_open();
	}
	assert_in_range(waited, 500, 1002);
	pair_fini(&pair);
}

static void sessions_do_not_come_back_in_step(void **state)
{
	(void)state;
	u32 waits[8], different = 0;
	for (u32 i = 0; i < dfs_array_count(waits); i++) {
		pair_init(&pair, 100 + i);
		pair.unreachable = true;
		pair_start(&pair);
		for (u32 attempt = 0; attempt < 8; attempt++)
			waits[i] = wait_for_open();
		assert_in_range(waits[i], 500, 1002);
		different += i > 0 && waits[i] != waits[0];
		pair_fini(&pair);
	}
	assert_in_range(different, 5, 7);
}

static void an_attempt_without_an_answer_is_given_up(void **state)
{
	(void)state;
	pair_init(&pair, 6);
	pair.silent_open = true;
	pair_start(&pair);
	pair_run(&pair, 2900 * DFS_MSEC);
	assert_int_equal(pair.opens_count, 1);
	pair_run(&pair, 200 * DFS_MSEC);
	assert_int_equal(pair.opens_count, 2);
	pair_fini(&pair);
}

static void the_next_address_is_tried_at_once_but_rounds_are_slow(void **state)
{
	(void)state;
	pair_init(&pair, 7);
	pair.addresses_count = 3;
	pair_start(&pair);
	struct pair_end *end = &pair.ends[PAIR_CONNECTOR];
	u32 opens = 1;
	for (u32 hop = 1; hop <= 6; hop++) {
		pair_settle(&pair);
		if (!pair_up(&pair))
			pair_run(&pair, 2 * DFS_SEC);
		assert_true(pair_up(&pair));
		nsec before = pair.now;
		dfs_session_next_address(end->session, pair.now, &end->fxs);
		pair_carry_out(&pair, PAIR_CONNECTOR);
		pair_settle(&pair);
		assert_int_equal(pair.now, before);
		if (hop % 3 != 0)
			opens++;
		assert_int_equal(pair.opens_count, opens);
		assert_int_equal(pair_count(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_LOST), hop);
		if (hop % 3 == 0)
			opens++;
	}
	pair_fini(&pair);
}

static void two_runs_of_one_seed_agree(void **state)
{
	(void)state;
	u64 digests[2];
	for (u32 run = 0; run < 2; run++) {
		seen_count = 0;
		pair_init(&pair, 99);
		pair.on_event = note_and_echo;
		pair.chop_max = 300;
		pair_start(&pair);
		for (u64 tag = 1; tag < 60; tag++) {
			pair_request(&pair, PAIR_CONNECTOR, tag, 500);
			if (tag % 20 == 0)
				pair_cut(&pair);
			pair_run(&pair, 30 * DFS_MSEC);
		}
		digests[run] = pair.delivered_bytes * 31 + pair.opens_count;
		for (u32 i = 0; i < pair.events_count; i++)
			digests[run] =
			    digests[run] * 1099511628211u ^ pair.events[i].at ^ pair.events[i].tag;
		pair_fini(&pair);
	}
	assert_int_equal(digests[0], digests[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unanswered_requests_are_repeated_in_order),
	    cmocka_unit_test(requests_that_waited_for_credits_come_after_the_repeated_ones),
	    cmocka_unit_test(requests_survive_resets_at_any_moment),
	    cmocka_unit_test(what_comes_first_on_a_link_passes_the_held_requests),
	    cmocka_unit_test(what_came_first_is_not_repeated),
	    cmocka_unit_test(a_late_answer_does_not_reach_a_newer_link),
	    cmocka_unit_test(attempts_slow_down_and_go_round_the_addresses),
	    cmocka_unit_test(a_link_that_lasted_makes_the_next_attempt_quick),
	    cmocka_unit_test(sessions_do_not_come_back_in_step),
	    cmocka_unit_test(an_attempt_without_an_answer_is_given_up),
	    cmocka_unit_test(the_next_address_is_tried_at_once_but_rounds_are_slow),
	    cmocka_unit_test(two_runs_of_one_seed_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
