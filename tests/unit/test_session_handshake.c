/*
 * Handshakes that must not succeed: wrong key, cluster, role; peers that send garbage, are
 * silent, or cut off at any byte. And that refusals say something a person can act on.
 */
#include "libdfsproto/wire/frame.h"
#include "tests/unit/session_pair.h"
#include "tests/unit/unit.h"

static struct session_pair pair;

/* Both sides heard of the refusal with this error; nobody came up. */
static void expect_refusal(int error, const char *must_say)
{
	pair_settle(&pair);
	for (u32 side = 0; side < PAIR_SIDES; side++) {
		const struct pair_event *event = pair_last(&pair, side, DFS_SESSION_EV_REFUSED);
		assert_non_null(event);
		assert_int_equal(event->status, error);
		assert_non_null(strstr(event->text, must_say));
		assert_non_null(strstr(event->text, "client \"client-a\""));
		assert_non_null(strstr(event->text, "master \"master-b\""));
		assert_int_equal(pair_count(&pair, side, DFS_SESSION_EV_UP), 0);
		assert_int_equal(pair_count(&pair, side, DFS_SESSION_EV_LOST), 0);
	}
	assert_int_equal(dfs_session_state(pair.ends[PAIR_ACCEPTOR].session), DFS_SESSION_CLOSED);
	assert_int_equal(dfs_session_state(pair.ends[PAIR_CONNECTOR].session), DFS_SESSION_BACKOFF);
	/* It tries again, but slowly. */
	u32 before = pair.opens_count;
	pair_run(&pair, 490 * DFS_MSEC);
	assert_int_equal(pair.opens_count, before);
	pair_run(&pair, 10 * DFS_SEC);
	assert_in_range(pair.opens_count - before, 9, 20);
	pair_fini(&pair);
}

static void another_cluster_is_refused(void **state)
{
	(void)state;
	pair_init(&pair, 1);
	pair.ends[PAIR_CONNECTOR].identity.cluster++;
	pair_start(&pair);
	expect_refusal(DFS_EWRONG_CLUSTER, "key file");
}

static void another_key_is_refused_by_the_connector(void **state)
{
	(void)state;
	pair_init(&pair, 2);
	pair.ends[PAIR_CONNECTOR].identity.key[31] ^= 1;
	pair_start(&pair);
	expect_refusal(DFS_EWRONG_KEY, "copy the cluster's key file");
}

/* Whoever cannot prove the key gets no proof from us either, and no session. */
static void an_acceptor_without_the_key_learns_nothing(void **state)
{
	(void)state;
	pair_init(&pair, 15);
	pair.recording = true;
	pair.ends[PAIR_ACCEPTOR].identity.key[5] ^= 1;
	pair_start(&pair);
	pair_settle(&pair);
	struct pair_pipe *said = &pair.ends[PAIR_CONNECTOR].said;
	u32 hello_bytes = DFS_FRAME_HEADER_BYTES + dfs_load_u32(said->data + 20);
	assert_int_equal(dfs_load_u16(said->data + 6), DFS_MSG_HELLO);
	assert_int_equal(dfs_load_u16(said->data + hello_bytes + 6), DFS_MSG_REFUSE);
	assert_int_equal(pair_last(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REFUSED)->status,
			 DFS_EWRONG_KEY);
	pair_fini(&pair);
}

static void a_role_the_acceptor_does_not_serve_is_refused(void **state)
{
	(void)state;
	pair_init(&pair, 3);
	pair.roles = 1u << DFS_ROLE_ADMIN;
	pair_start(&pair);
	expect_refusal(DFS_EWRONG_ROLE, "takes no sessions of");
}

static void a_peer_of_another_role_than_expected_is_refused(void **state)
{
	(void)state;
	pair_init(&pair, 4);
	pair.expect_role = DFS_ROLE_CHUNKSERVER;
	pair_start(&pair);
	expect_refusal(DFS_EWRONG_ROLE, "expected a chunkserver at host-0:1");
}

/* The connector is told that its link is up; HELLO then waits in its pipe. */
static void greet(void)
{
	struct dfs_ev up = {.kind = DFS_EV_LINK_UP, .now = pair.now, .tag = 1};
	struct pair_end *end = &pair.ends[PAIR_CONNECTOR];
	dfs_session_step(end->session, &up, &end->fxs);
	pair_carry_out(&pair, PAIR_CONNECTOR);
}

static void a_reset_at_any_byte_of_the_handshake_is_recovered_from(void **state)
{
	(void)state;
	pair_init(&pair, 12);
	pair_start(&pair);
	pair_settle(&pair);
	u64 whole = pair.delivered_bytes;
	pair_fini(&pair);
	assert_in_range(whole, 300, 1200);
	for (u64 at = 0; at <= whole + 40; at++) {
		pair_init(&pair, 12 + at);
		pair.on_event = pair_echo;
		pair.chop_max = 1 + (u32)(at % 50);
		pair.cut_after = at;
		pair_start(&pair);
		pair_request(&pair, PAIR_CONNECTOR, 1, 10);
		pair_request(&pair, PAIR_CONNECTOR, 2, 0);
		pair_run(&pair, DFS_SEC);
		assert_true(pair_up(&pair));
		assert_int_equal(pair.opens_count, 2);
		assert_int_equal(pair_count(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REPLY), 2);
		pair_fini(&pair);
	}
}

static void a_flipped_bit_anywhere_in_a_hello_lets_nobody_in(void **state)
{
	(void)state;
	/* HELLO is sent at once when the link is up: damage it there. */
	for (u32 at = 0;; at++) {
		pair_init(&pair, 13);
		pair_start(&pair);
		greet();
		struct pair_end *end = &pair.ends[PAIR_CONNECTOR];
		bool done = at >= end->out.length;
		if (!done)
			end->out.data[at] ^= (u8)(1u << (at % 8));
		pair_settle(&pair);
		assert_int_equal(pair_up(&pair), done);
		pair_fini(&pair);
		if (done)
			break;
	}
}

static void garbage_ends_either_side(void **state)
{
	(void)state;
	for (u64 seed = 0; seed < 200; seed++) {
		u8 garbage[300];
		struct dfs_prng prng;
		dfs_prng_seed(&prng, seed);
		for (u32 i = 0; i < sizeof(garbage); i++)
			garbage[i] = (u8)dfs_prng_next(&prng);
		pair_init(&pair, seed);
		pair_start(&pair);
		pair.chop_max = 40;
		pair_inject(&pair, PAIR_ACCEPTOR, garbage, sizeof(garbage));
		pair_settle(&pair);
		assert_int_equal(dfs_session_state(pair.ends[PAIR_ACCEPTOR].session),
				 DFS_SESSION_CLOSED);
		pair_run(&pair, DFS_SEC);
		assert_true(pair_up(&pair)); /* The connector tried anew. */
		pair_inject(&pair, PAIR_CONNECTOR, garbage, sizeof(garbage));
		pair_settle(&pair);
		assert_false(pair_up(&pair));
		assert_int_equal(pair_last(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_LOST)->status,
				 DFS_EMALFORMED);
		pair_fini(&pair);
	}
}

static void a_peer_that_says_nothing_is_dropped_in_time(void **state)
{
	(void)state;
	pair_init(&pair, 14);
	pair_start(&pair);
	pair.stalled = true;
	pair_run(&pair, 2999 * DFS_MSEC);
	assert_int_equal(dfs_session_state(pair.ends[PAIR_ACCEPTOR].session), DFS_SESSION_GREETING);
	pair.silent_open = true;
	pair_run(&pair, 2 * DFS_MSEC);
	assert_int_equal(dfs_session_state(pair.ends[PAIR_ACCEPTOR].session), DFS_SESSION_CLOSED);
	assert_int_equal(pair.events_count, 0);
	pair_fini(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(another_cluster_is_refused),
	    cmocka_unit_test(another_key_is_refused_by_the_connector),
	    cmocka_unit_test(an_acceptor_without_the_key_learns_nothing),
	    cmocka_unit_test(a_role_the_acceptor_does_not_serve_is_refused),
	    cmocka_unit_test(a_peer_of_another_role_than_expected_is_refused),
	    cmocka_unit_test(a_reset_at_any_byte_of_the_handshake_is_recovered_from),
	    cmocka_unit_test(a_flipped_bit_anywhere_in_a_hello_lets_nobody_in),
	    cmocka_unit_test(garbage_ends_either_side),
	    cmocka_unit_test(a_peer_that_says_nothing_is_dropped_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
