/*
 * Sessions that work: requests both ways, credits, heartbeats, answers that come too late. Refusals
 * and hostile peers are in test_session_handshake.c, losses and repetition in
 * test_session_reconnect.c.
 */
#include "libdfsproto/base/crc32c.h"
#include "libdfsproto/wire/frame.h"
#include "tests/unit/session_pair.h"
#include "tests/unit/unit.h"

static struct session_pair pair;

static void start(u64 seed)
{
	pair_init(&pair, seed);
	pair.on_event = pair_echo;
	pair_start(&pair);
}

static void comes_up_and_knows_its_peer(void **state)
{
	(void)state;
	start(1);
	pair_settle(&pair);
	assert_true(pair_up(&pair));
	const struct dfs_peer *peer = dfs_session_peer(pair.ends[PAIR_CONNECTOR].session);
	assert_int_equal(peer->role, DFS_ROLE_MASTER);
	assert_int_equal(peer->node, pair.ends[PAIR_ACCEPTOR].identity.node);
	assert_string_equal(peer->name, "master-b");
	peer = dfs_session_peer(pair.ends[PAIR_ACCEPTOR].session);
	assert_int_equal(peer->role, DFS_ROLE_CLIENT);
	assert_int_equal(peer->version, DFS_PROTOCOL_VERSION);
	assert_string_equal(peer->name, "client-a");
	assert_int_equal(pair.events_count, 2);
	assert_string_equal(dfs_session_address(pair.ends[PAIR_CONNECTOR].session), "host-0:1");
	pair_fini(&pair);
}

static void requests_made_before_up_are_sent_when_it_comes(void **state)
{
	(void)state;
	start(2);
	pair_request(&pair, PAIR_CONNECTOR, 7, 0);
	pair_request(&pair, PAIR_CONNECTOR, 8, 0);
	assert_int_equal(dfs_session_outstanding(pair.ends[PAIR_CONNECTOR].session), 2);
	pair_settle(&pair);
	assert_int_equal(pair_count(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REPLY), 2);
	assert_int_equal(pair_last(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REPLY)->tag, 8);
	assert_int_equal(dfs_session_outstanding(pair.ends[PAIR_CONNECTOR].session), 0);
	pair_fini(&pair);
}

static void requests_flow_both_ways_however_bytes_are_chopped(void **state)
{
	(void)state;
	static const u32 chops[] = {1, 7, 100, 5000, 70000};
	static const u32 sizes[] = {0, 1, 4096, 20000, 40000, 262144};
	for (u32 i = 0; i < dfs_array_count(chops); i++) {
		pair_init(&pair, 3 + i);
		pair.on_event = pair_echo;
		pair.chop_max = chops[i];
		pair_start(&pair);
		u32 count = chops[i] < 100 ? 4 : dfs_array_count(sizes);
		for (u32 j = 0; j < count; j++)
			pair_request(&pair, PAIR_CONNECTOR, j, sizes[j]);
		pair_settle(&pair);
		for (u32 j = 0; j < count; j++)
			pair_request(&pair, PAIR_ACCEPTOR, 100 + j, sizes[j]);
		pair_settle(&pair);
		assert_int_equal(pair_count(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REPLY), count);
		assert_int_equal(pair_count(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_REPLY), count);
		u8 expected[262144];
		u32 last = sizes[count - 1];
		memset(expected, (int)(100 + count - 1), last);
		const struct pair_event *reply =
		    pair_last(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_REPLY);
		assert_int_equal(reply->payload_bytes, last);
		assert_int_equal(reply->payload_crc, dfs_crc32c(expected, last));
		assert_int_equal(reply->status, 0);
		pair_fini(&pair);
	}
}

static void a_negative_status_travels_without_a_body(void **state)
{
	(void)state;
	pair_init(&pair, 4);
	pair_start(&pair);
	pair_request(&pair, PAIR_CONNECTOR, 1, 100);
	pair_settle(&pair);
	struct pair_end *end = &pair.ends[PAIR_ACCEPTOR];
	struct dfs_writer writer;
	dfs_session_writer(end->session, &writer);
	dfs_put_u64(&writer, 1);
	u64 request = pair_last(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_REQUEST)->request;
	dfs_session_reply(end->session, request, DFS_MSG_GETATTR, DFS_ESTALE, &writer, NULL,
			  &end->fxs);
	pair_carry_out(&pair, PAIR_ACCEPTOR);
	pair_settle(&pair);
	const struct pair_event *reply = pair_last(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REPLY);
	assert_int_equal(reply->status, DFS_ESTALE);
	assert_int_equal(reply->body_bytes, 0);
	/* A second answer to the same request finds nothing. */
	dfs_session_reply(end->session, request, DFS_MSG_GETATTR, 0, NULL, NULL, &end->fxs);
	pair_carry_out(&pair, PAIR_ACCEPTOR);
	pair_settle(&pair);
	assert_int_equal(pair_count(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REPLY), 1);
	assert_true(pair_up(&pair));
	pair_fini(&pair);
}

static void at_most_the_peers_credits_are_on_the_wire(void **state)
{
	(void)state;
	pair_init(&pair, 5);
	pair_start(&pair);
	pair_settle(&pair);
	for (u32 i = 0; i < DFS_CREDITS + 300; i++)
		pair_request(&pair, PAIR_CONNECTOR, i, 0);
	pair_settle(&pair);
	assert_int_equal(pair_count(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_REQUEST), DFS_CREDITS);
	/* Each answer makes room for one more. */
	struct pair_end *end = &pair.ends[PAIR_ACCEPTOR];
	u32 answered = 0;
	for (u32 i = 0; i < pair.events_count && answered < 10; i++) {
		if (pair.events[i].kind != DFS_SESSION_EV_REQUEST)
			continue;
		dfs_session_reply(end->session, pair.events[i].request, DFS_MSG_GETATTR, 0, NULL,
				  NULL, &end->fxs);
		answered++;
	}
	pair_carry_out(&pair, PAIR_ACCEPTOR);
	pair_settle(&pair);
	assert_int_equal(pair_count(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_REQUEST),
			 DFS_CREDITS + 10);
	assert_int_equal(pair_last(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REPLY)->tag, 9);
	pair_fini(&pair);
}

static void a_cancelled_request_is_not_answered_and_keeps_its_credit(void **state)
{
	(void)state;
	pair_init(&pair, 6);
	pair_start(&pair);
	pair_settle(&pair);
	u64 sent = pair_request(&pair, PAIR_CONNECTOR, 1, 0);
	for (u32 i = 1; i < DFS_CREDITS; i++)
		pair_request(&pair, PAIR_CONNECTOR, 1, 0);
	u64 waiting = pair_request(&pair, PAIR_CONNECTOR, 2, 0);
	pair_request(&pair, PAIR_CONNECTOR, 3, 0);
	struct dfs_session *session = pair.ends[PAIR_CONNECTOR].session;
	dfs_session_cancel(session, sent);
	dfs_session_cancel(session, sent);
	dfs_session_cancel(session, waiting);
	dfs_session_cancel(session, 123456789);
	dfs_session_check(session);
	assert_int_equal(dfs_session_outstanding(session), DFS_CREDITS);
	pair_settle(&pair);
	assert_int_equal(pair_count(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_REQUEST), DFS_CREDITS);
	struct pair_end *end = &pair.ends[PAIR_ACCEPTOR];
	for (u32 i = 0; i < pair.events_count; i++) {
		if (pair.events[i].kind == DFS_SESSION_EV_REQUEST)
			dfs_session_reply(end->session, pair.events[i].request, DFS_MSG_GETATTR, 0,
					  NULL, NULL, &end->fxs);
	}
	pair_carry_out(&pair, PAIR_ACCEPTOR);
	pair.on_event = pair_echo;
	pair_settle(&pair);
	assert_int_equal(pair_count(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REPLY), DFS_CREDITS);
	assert_int_equal(pair_last(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REPLY)->tag, 3);
	assert_int_equal(dfs_session_outstanding(session), 0);
	pair_fini(&pair);
}

/* A frame of any type as the connector would send it. */
static void inject(enum pair_side to, const struct dfs_frame *frame)
{
	struct dfs_buf *buf = dfs_buf_new(DFS_FRAME_HEADER_BYTES);
	buf->length = DFS_FRAME_HEADER_BYTES;
	dfs_frame_seal(buf, frame, 0);
	pair_inject(&pair, to, buf->data, buf->length);
	dfs_buf_unref(buf);
	pair_settle(&pair);
}

static void an_unknown_request_is_answered_with_nosys(void **state)
{
	(void)state;
	start(7);
	pair_settle(&pair);
	u64 before = pair.ends[PAIR_ACCEPTOR].sent_bytes;
	struct dfs_frame frame = {.version = 1, .type = 60000, .request = 5};
	struct pair_end *end = &pair.ends[PAIR_ACCEPTOR];
	struct dfs_session *connector = pair.ends[PAIR_CONNECTOR].session;
	inject(PAIR_ACCEPTOR, &frame);
	assert_int_equal(end->sent_bytes - before, DFS_FRAME_HEADER_BYTES);
	assert_int_equal(pair_count(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_REQUEST), 0);
	/* And an answer nobody asked for ends the link. */
	assert_int_equal(dfs_session_state(connector), DFS_SESSION_BACKOFF);
	assert_int_equal(pair_last(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_LOST)->status,
			 DFS_EMALFORMED);
	pair_fini(&pair);
}

static void messages_out_of_place_end_the_link(void **state)
{
	(void)state;
	static const struct dfs_frame frames[] = {
	    {.version = 1, .type = DFS_MSG_HELLO},
	    {.version = 1, .type = DFS_MSG_REFUSE},
	    {.version = 1, .type = 0},
	    {.version = 2, .type = DFS_MSG_PING},
	    {.version = 0, .type = DFS_MSG_GETATTR, .request = 1},
	    {.version = 1, .type = DFS_MSG_GETATTR, .request = 9, .flags = DFS_FRAME_REPLY},
	};
	for (u32 i = 0; i < dfs_array_count(frames); i++) {
		start(8);
		pair_settle(&pair);
		inject(PAIR_ACCEPTOR, &frames[i]);
		assert_int_equal(dfs_session_state(pair.ends[PAIR_ACCEPTOR].session),
				 DFS_SESSION_CLOSED);
		assert_int_equal(pair_last(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_LOST)->status,
				 DFS_EMALFORMED);
		pair_fini(&pair);
	}
}

static void a_peer_that_ignores_its_credits_is_cut_off(void **state)
{
	(void)state;
	pair_init(&pair, 9);
	pair_start(&pair);
	pair_settle(&pair);
	struct dfs_frame frame = {.version = 1, .type = DFS_MSG_STATFS};
	for (u32 i = 0; i < DFS_CREDITS; i++) {
		frame.request = i;
		inject(PAIR_ACCEPTOR, &frame);
	}
	assert_true(pair_up(&pair));
	inject(PAIR_ACCEPTOR, &frame);
	assert_int_equal(dfs_session_state(pair.ends[PAIR_ACCEPTOR].session), DFS_SESSION_CLOSED);
	pair_fini(&pair);
}

static void heartbeats_keep_an_idle_link_and_send_little(void **state)
{
	(void)state;
	start(10);
	pair_settle(&pair);
	u64 before = pair.ends[PAIR_CONNECTOR].sent_bytes;
	pair_run(&pair, 60 * DFS_SEC);
	assert_true(pair_up(&pair));
	assert_int_equal(pair.opens_count, 1);
	u64 pings = (pair.ends[PAIR_CONNECTOR].sent_bytes - before) / DFS_FRAME_HEADER_BYTES;
	assert_in_range(pings, 59, 61);
	pair_fini(&pair);
}

static void a_silent_peer_is_given_up_after_three_heartbeats(void **state)
{
	(void)state;
	pair_init(&pair, 11);
	pair.tuning.heartbeat = 200 * DFS_MSEC;
	pair_start(&pair);
	pair_settle(&pair);
	nsec since = pair.now;
	pair.stalled = true;
	pair_run(&pair, 590 * DFS_MSEC);
	assert_int_equal(pair_count(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_LOST), 0);
	pair_run(&pair, 20 * DFS_MSEC);
	const struct pair_event *lost = pair_last(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_LOST);
	assert_non_null(lost);
	assert_int_equal(lost->at - since, 600 * DFS_MSEC);
	assert_int_equal(lost->status, DFS_ETIMEDOUT);
	assert_non_null(pair_last(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_LOST));
	pair.stalled = false;
	pair_run(&pair, DFS_SEC);
	assert_true(pair_up(&pair));
	pair_fini(&pair);
}

static void a_damaged_length_does_not_swallow_heartbeats_for_ever(void **state)
{
	(void)state;
	u8 header[DFS_FRAME_HEADER_BYTES] = {0};
	pair_init(&pair, 1);
	pair_start(&pair);
	pair_settle(&pair);
	assert_true(pair_up(&pair));
	dfs_store_u32(header, DFS_FRAME_MAGIC);
	dfs_store_u32(header + 20, DFS_BODY_BYTES_MAX);
	pair_inject(&pair, PAIR_ACCEPTOR, header, sizeof(header));
	pair_run(&pair, 10 * DFS_SEC);
	assert_int_equal(pair_count(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_LOST), 1);
	assert_true(pair_up(&pair));
	pair_fini(&pair);
}

static void the_acceptors_heartbeat_holds_for_both(void **state)
{
	(void)state;
	pair_init(&pair, 12);
	pair.tuning.heartbeat = 100 * DFS_MSEC;
	pair_start(&pair);
	dfs_session_tune(pair.ends[PAIR_CONNECTOR].session, NULL); /* 1 s, were it asked. */
	pair_run(&pair, 10 * DFS_SEC);
	assert_true(pair_up(&pair));
	assert_int_equal(pair.opens_count, 1);
	pair_fini(&pair);
}

static void a_process_that_was_suspended_does_not_blame_its_peer(void **state)
{
	(void)state;
	start(13);
	pair_settle(&pair);
	for (u32 i = 0; i < 3; i++) {
		pair.now += 3600 * DFS_SEC;
		pair_run(&pair, 10 * DFS_SEC);
		assert_true(pair_up(&pair));
	}
	assert_int_equal(pair.opens_count, 1);
	/* With a peer that is really gone it is only put off. */
	pair.stalled = true;
	pair.now += 3600 * DFS_SEC;
	pair_run(&pair, 1500 * DFS_MSEC);
	assert_int_equal(pair_count(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_LOST), 1);
	pair_fini(&pair);
}

static void close_is_final_and_silent(void **state)
{
	(void)state;
	pair_init(&pair, 14);
	pair_start(&pair);
	pair_settle(&pair);
	pair_request(&pair, PAIR_CONNECTOR, 1, 5000);
	struct pair_end *end = &pair.ends[PAIR_CONNECTOR];
	dfs_session_close(end->session, &end->fxs);
	dfs_session_close(end->session, &end->fxs);
	pair_carry_out(&pair, PAIR_CONNECTOR);
	pair_request(&pair, PAIR_CONNECTOR, 2, 5000);
	pair_run(&pair, 10 * DFS_SEC);
	assert_int_equal(dfs_session_outstanding(end->session), 0);
	assert_int_equal(pair_count(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_LOST), 0);
	assert_int_equal(pair_count(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_REQUEST), 1);
	assert_int_equal(pair_count(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_LOST), 1);
	assert_int_equal(pair.opens_count, 1);
	assert_int_equal(dfs_session_deadline(end->session), DFS_NEVER);
	/* The acceptor's answer comes too late and is dropped. */
	struct pair_end *acceptor = &pair.ends[PAIR_ACCEPTOR];
	dfs_session_reply(acceptor->session,
			  pair_last(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_REQUEST)->request,
			  DFS_MSG_GETATTR, 0, NULL, NULL, &acceptor->fxs);
	assert_int_equal(acceptor->fxs.count, 0);
	pair_fini(&pair);
}

static void a_request_newer_than_its_peer_fails_alone(void **state)
{
	(void)state;
	start(15);
	struct pair_end *end = &pair.ends[PAIR_CONNECTOR];
	struct dfs_writer writer;
	dfs_writer_init(&writer, DFS_PROTOCOL_VERSION + 1, DFS_FRAME_HEADER_BYTES);
	dfs_session_request(end->session, DFS_MSG_STATFS, &writer, NULL, 77, &end->fxs);
	pair_request(&pair, PAIR_CONNECTOR, 78, 0);
	pair_settle(&pair);
	assert_int_equal(pair_count(&pair, PAIR_CONNECTOR, DFS_SESSION_EV_REPLY), 2);
	for (u32 i = 0; i < pair.events_count; i++) {
		if (pair.events[i].kind == DFS_SESSION_EV_REPLY)
			assert_int_equal(pair.events[i].status,
					 pair.events[i].tag == 77 ? DFS_EWRONG_VERSION : 0);
	}
	pair_fini(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(comes_up_and_knows_its_peer),
	    cmocka_unit_test(requests_made_before_up_are_sent_when_it_comes),
	    cmocka_unit_test(requests_flow_both_ways_however_bytes_are_chopped),
	    cmocka_unit_test(a_negative_status_travels_without_a_body),
	    cmocka_unit_test(at_most_the_peers_credits_are_on_the_wire),
	    cmocka_unit_test(a_cancelled_request_is_not_answered_and_keeps_its_credit),
	    cmocka_unit_test(an_unknown_request_is_answered_with_nosys),
	    cmocka_unit_test(messages_out_of_place_end_the_link),
	    cmocka_unit_test(a_peer_that_ignores_its_credits_is_cut_off),
	    cmocka_unit_test(heartbeats_keep_an_idle_link_and_send_little),
	    cmocka_unit_test(a_silent_peer_is_given_up_after_three_heartbeats),
	    cmocka_unit_test(a_damaged_length_does_not_swallow_heartbeats_for_ever),
	    cmocka_unit_test(the_acceptors_heartbeat_holds_for_both),
	    cmocka_unit_test(a_process_that_was_suspended_does_not_blame_its_peer),
	    cmocka_unit_test(close_is_final_and_silent),
	    cmocka_unit_test(a_request_newer_than_its_peer_fails_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
