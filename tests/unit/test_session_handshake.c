/*
 * Handshakes that must not succeed: wrong key, cluster, role, version; peers that are hostile,
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

/* --- An acceptor alone, with bytes made by hand. --- */

static struct dfs_buf *sealed(const struct dfs_frame *frame, struct dfs_writer *writer)
{
	dfs_frame_seal(writer->buf, frame, 0);
	return dfs_writer_take(writer);
}

static struct dfs_buf *hello_frame(const struct dfs_hello *hello)
{
	struct dfs_writer writer;
	struct dfs_frame frame = {.version = 1, .type = DFS_MSG_HELLO};
	dfs_writer_init(&writer, 1, DFS_FRAME_HEADER_BYTES);
	dfs_hello_put(&writer, hello);
	return sealed(&frame, &writer);
}

static const u8 some_nonce[32] = {1, 2, 3};

static struct dfs_hello good_hello(void)
{
	return (struct dfs_hello){
	    .version_min = 1,
	    .version_max = 1,
	    .role = DFS_ROLE_CLIENT,
	    .cluster = 0xc1,
	    .node = 5,
	    .host = 6,
	    .nonce = dfs_span(some_nonce, 32),
	    .name = dfs_span_text("client-a"),
	};
}

/* A connector that connects and says nothing, so that the test can speak for it. */
static void start_mute(u64 seed)
{
	pair_init(&pair, seed);
	pair_start(&pair);
}

/* Speak as the opener; returns the acceptor's last event, if it had any. */
static const struct pair_event *say(struct dfs_buf *buf)
{
	pair_inject(&pair, PAIR_ACCEPTOR, buf->data, buf->length);
	dfs_buf_unref(buf);
	pair_settle(&pair);
	return pair.events_count == 0 ? NULL : &pair.events[pair.events_count - 1];
}

static void no_common_version_is_refused_with_both_ranges(void **state)
{
	(void)state;
	start_mute(5);
	struct dfs_hello hello = good_hello();
	hello.version_min = 7;
	hello.version_max = 9;
	say(hello_frame(&hello));
	const struct pair_event *event = pair_last(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_REFUSED);
	assert_non_null(event);
	assert_int_equal(event->status, DFS_EWRONG_VERSION);
	assert_string_equal(event->text,
			    "client \"client-a\" speaks dfs protocol 7 to 9, master \"master-b\" "
			    "speaks 1 to 1; upgrade the older of the two");
	event = pair_last(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REFUSED);
	assert_int_equal(event->status, DFS_EWRONG_VERSION);
	pair_fini(&pair);
}

static void a_newer_peer_that_speaks_our_version_too_is_let_in(void **state)
{
	(void)state;
	start_mute(6);
	struct dfs_hello hello = good_hello();
	hello.version_max = 9;
	u64 before = pair.ends[PAIR_ACCEPTOR].sent_bytes;
	say(hello_frame(&hello));
	assert_true(pair.ends[PAIR_ACCEPTOR].sent_bytes > before);
	assert_null(pair_last(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_REFUSED));
	pair_fini(&pair);
}

static void an_acceptor_closes_on_hellos_that_make_no_sense(void **state)
{
	(void)state;
	for (u32 i = 0; i < 6; i++) {
		start_mute(7);
		struct dfs_hello hello = good_hello();
		if (i == 0)
			hello.nonce.length = 31;
		if (i == 1)
			hello.version_min = 2; /* Above its maximum. */
		struct dfs_buf *buf = hello_frame(&hello);
		if (i >= 2) {
			struct dfs_frame frame = {.version = 1, .type = DFS_MSG_HELLO};
			frame.version = i == 2 ? 2 : 1;
			frame.type = i == 3 ? DFS_MSG_GETATTR : DFS_MSG_HELLO;
			frame.request = i == 4;
			frame.flags = i == 5 ? DFS_FRAME_REPLY : 0;
			dfs_frame_seal(buf, &frame, 0);
		}
		say(buf);
		assert_int_equal(dfs_session_state(pair.ends[PAIR_ACCEPTOR].session),
				 DFS_SESSION_CLOSED);
		assert_int_equal(pair_count(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_UP), 0);
		pair_fini(&pair);
	}
}

static void nothing_large_is_taken_before_the_proof(void **state)
{
	(void)state;
	for (u32 i = 0; i < 2; i++) {
		start_mute(8);
		struct dfs_buf *buf = dfs_buf_new(DFS_FRAME_HEADER_BYTES);
		buf->length = DFS_FRAME_HEADER_BYTES;
		struct dfs_frame frame = {.version = 1, .type = DFS_MSG_HELLO};
		dfs_frame_seal(buf, &frame, 0);
		/* Lengths are judged when the header is there, before any of it is waited for. */
		dfs_store_u32(buf->data + (i == 0 ? 20 : 24), DFS_HANDSHAKE_BODY_BYTES_MAX + 1);
		say(buf);
		assert_int_equal(dfs_session_state(pair.ends[PAIR_ACCEPTOR].session),
				 DFS_SESSION_CLOSED);
		pair_fini(&pair);
	}
}

/* The connector is told that its link is up; HELLO then waits in its pipe. */
static void greet(void)
{
	struct dfs_ev up = {.kind = DFS_EV_LINK_UP, .now = pair.now, .tag = 1};
	struct pair_end *end = &pair.ends[PAIR_CONNECTOR];
	dfs_session_step(end->session, &up, &end->fxs);
	pair_carry_out(&pair, PAIR_CONNECTOR);
}

static void a_recorded_handshake_cannot_be_played_back(void **state)
{
	(void)state;
	u8 said[2048];
	u32 said_bytes;
	pair_init(&pair, 9);
	pair.recording = true;
	pair_start(&pair);
	pair_settle(&pair);
	assert_true(pair_up(&pair));
	said_bytes = pair.ends[PAIR_CONNECTOR].said.length;
	memcpy(said, pair.ends[PAIR_CONNECTOR].said.data, said_bytes);
	pair_fini(&pair);
	/* The same acceptor with the same nonce would take it; with any other it does not. */
	for (u32 fresh = 0; fresh < 2; fresh++) {
		start_mute(9);
		pair.ends[PAIR_ACCEPTOR].identity.nonces = fresh;
		pair_inject(&pair, PAIR_ACCEPTOR, said, said_bytes);
		pair_settle(&pair);
		assert_int_equal(pair_count(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_UP), 1 - fresh);
		if (fresh == 1) {
			const struct pair_event *event =
			    pair_last(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_REFUSED);
			assert_non_null(event);
			assert_int_equal(event->status, DFS_EWRONG_KEY);
		}
		pair_fini(&pair);
	}
}

static void a_hello_changed_on_its_way_is_noticed_by_its_sender(void **state)
{
	(void)state;
	pair_init(&pair, 10);
	pair_start(&pair);
	greet();
	struct pair_pipe *pipe = &pair.ends[PAIR_CONNECTOR].out;
	struct dfs_hello hello;
	struct dfs_span body =
	    dfs_span(pipe->data + DFS_FRAME_HEADER_BYTES, pipe->length - DFS_FRAME_HEADER_BYTES);
	assert_int_equal(dfs_hello_decode(body, 1, &hello), 0);
	hello.node++;
	struct dfs_buf *forged = hello_frame(&hello);
	assert_int_equal(forged->length, pipe->length);
	memcpy(pipe->data, forged->data, forged->length);
	dfs_buf_unref(forged);
	pair_settle(&pair);
	assert_int_equal(pair_last(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REFUSED)->status,
			 DFS_EWRONG_KEY);
	assert_int_equal(pair_count(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_UP), 0);
	pair_fini(&pair);
}

static void texts_of_strangers_are_made_printable(void **state)
{
	(void)state;
	start_mute(11);
	greet();
	struct dfs_writer writer;
	struct dfs_refuse refuse = {.error = 4000, .text = dfs_span_text("a\n\x1b[2Jb\xff")};
	dfs_writer_init(&writer, 1, DFS_FRAME_HEADER_BYTES);
	dfs_refuse_put(&writer, &refuse);
	struct dfs_frame frame = {.version = 1, .type = DFS_MSG_REFUSE};
	struct dfs_buf *buf = sealed(&frame, &writer);
	pair_inject(&pair, PAIR_CONNECTOR, buf->data, buf->length);
	dfs_buf_unref(buf);
	pair_settle(&pair);
	const struct pair_event *event = pair_last(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REFUSED);
	assert_non_null(event);
	assert_string_equal(event->text, "a??[2Jb?");
	assert_int_equal(event->status, DFS_EIO);
	pair_fini(&pair);
}

/* --- Losses during the handshake. --- */

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
		start_mute(seed);
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
	start_mute(14);
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
	    cmocka_unit_test(no_common_version_is_refused_with_both_ranges),
	    cmocka_unit_test(a_newer_peer_that_speaks_our_version_too_is_let_in),
	    cmocka_unit_test(an_acceptor_closes_on_hellos_that_make_no_sense),
	    cmocka_unit_test(nothing_large_is_taken_before_the_proof),
	    cmocka_unit_test(a_recorded_handshake_cannot_be_played_back),
	    cmocka_unit_test(a_hello_changed_on_its_way_is_noticed_by_its_sender),
	    cmocka_unit_test(texts_of_strangers_are_made_printable),
	    cmocka_unit_test(a_reset_at_any_byte_of_the_handshake_is_recovered_from),
	    cmocka_unit_test(a_flipped_bit_anywhere_in_a_hello_lets_nobody_in),
	    cmocka_unit_test(garbage_ends_either_side),
	    cmocka_unit_test(a_peer_that_says_nothing_is_dropped_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
