/*
 * Handshakes made by hand: forged, replayed, senseless, oversized messages, and a correct one as
 * the protocol's page describes it. Between two real sessions: test_session_handshake.c.
 */
#include "libdfsproto/wire/frame.h"
#include "tests/unit/session_pair.h"
#include "tests/unit/unit.h"

static struct session_pair pair;

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

/* A peer made by hand from PROTOCOL.md gets in; one that gives no credits is of no use. */
static void proofs_are_as_documented_and_credits_are_needed(void **state)
{
	(void)state;
	for (u32 credits = 0; credits < 2; credits++) {
		start_mute(16);
		pair.mute = true;
		pair.recording = true;
		struct dfs_hello hello = good_hello();
		struct dfs_buf *hello_buf = hello_frame(&hello);
		struct dfs_span hello_body = dfs_span(hello_buf->data + DFS_FRAME_HEADER_BYTES,
						      hello_buf->length - DFS_FRAME_HEADER_BYTES);
		say(dfs_buf_ref(hello_buf));
		struct pair_pipe *said = &pair.ends[PAIR_ACCEPTOR].said;
		assert_int_equal(dfs_load_u16(said->data + 6), DFS_MSG_CHALLENGE);
		struct dfs_span challenge_body =
		    dfs_span(said->data + DFS_FRAME_HEADER_BYTES, dfs_load_u32(said->data + 20));
		u8 proof[32];
		dfs_auth_proof(pair.ends[PAIR_ACCEPTOR].identity.key, "dfs opener 1", hello_body,
			       challenge_body, proof);
		struct dfs_prove prove = {.credits = credits, .proof = dfs_span(proof, 32)};
		struct dfs_writer writer;
		struct dfs_frame frame = {.version = 1, .type = DFS_MSG_PROVE};
		dfs_writer_init(&writer, 1, DFS_FRAME_HEADER_BYTES);
		dfs_prove_put(&writer, &prove);
		say(sealed(&frame, &writer));
		dfs_buf_unref(hello_buf);
		assert_int_equal(pair_count(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_UP), credits);
		assert_int_equal(pair_count(&pair, PAIR_ACCEPTOR, DFS_SESSION_EV_REFUSED), 0);
		pair_fini(&pair);
	}
}

/* The other way round: an acceptor made by hand. */
static void a_challenge_with_senseless_terms_is_not_followed(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4; i++) {
		start_mute(17);
		greet();
		struct pair_pipe *pipe = &pair.ends[PAIR_CONNECTOR].out;
		struct dfs_span hello_body = dfs_span(pipe->data + DFS_FRAME_HEADER_BYTES,
						      pipe->length - DFS_FRAME_HEADER_BYTES);
		struct dfs_challenge challenge = {
		    .version = 1,
		    .role = DFS_ROLE_MASTER,
		    .cluster = 0xc1,
		    .heartbeat_ms = i == 0   ? 0
				    : i == 1 ? UINT32_MAX
					     : 1000,
		    .credits = i == 2 ? 0 : 5,
		    .nonce = dfs_span(some_nonce, 32),
		};
		struct dfs_writer writer;
		u8 proof[32];
		dfs_writer_init(&writer, 1, 0);
		dfs_challenge_put(&writer, &challenge);
		dfs_auth_proof(pair.ends[PAIR_CONNECTOR].identity.key, "dfs acceptor 1", hello_body,
			       dfs_span(writer.buf->data, writer.buf->length), proof);
		dfs_writer_fini(&writer);
		challenge.proof = dfs_span(proof, 32);
		dfs_writer_init(&writer, 1, DFS_FRAME_HEADER_BYTES);
		dfs_challenge_put(&writer, &challenge);
		struct dfs_frame frame = {.version = 1, .type = DFS_MSG_CHALLENGE};
		struct dfs_buf *buf = sealed(&frame, &writer);
		pair.recording = true;
		pipe->length = 0; /* The real acceptor hears nothing. */
		pair_inject(&pair, PAIR_CONNECTOR, buf->data, buf->length);
		dfs_buf_unref(buf);
		pair_settle(&pair);
		/* Sensible terms are answered with PROVE, the others with the link's end. */
		struct pair_pipe *said = &pair.ends[PAIR_CONNECTOR].said;
		assert_int_equal(said->length > 0, i == 3);
		pair_fini(&pair);
	}
}

static void a_connector_takes_nothing_large_before_the_proof(void **state)
{
	(void)state;
	start_mute(18);
	greet();
	struct dfs_hello hello = good_hello();
	struct dfs_buf *buf = hello_frame(&hello);
	dfs_store_u32(buf->data + 20, DFS_HANDSHAKE_BODY_BYTES_MAX + 1);
	pair_inject(&pair, PAIR_CONNECTOR, buf->data, DFS_FRAME_HEADER_BYTES);
	dfs_buf_unref(buf);
	pair_settle(&pair);
	assert_int_equal(dfs_session_state(pair.ends[PAIR_CONNECTOR].session), DFS_SESSION_BACKOFF);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_common_version_is_refused_with_both_ranges),
	    cmocka_unit_test(a_newer_peer_that_speaks_our_version_too_is_let_in),
	    cmocka_unit_test(an_acceptor_closes_on_hellos_that_make_no_sense),
	    cmocka_unit_test(nothing_large_is_taken_before_the_proof),
	    cmocka_unit_test(a_recorded_handshake_cannot_be_played_back),
	    cmocka_unit_test(a_hello_changed_on_its_way_is_noticed_by_its_sender),
	    cmocka_unit_test(proofs_are_as_documented_and_credits_are_needed),
	    cmocka_unit_test(a_challenge_with_senseless_terms_is_not_followed),
	    cmocka_unit_test(a_connector_takes_nothing_large_before_the_proof),
	    cmocka_unit_test(texts_of_strangers_are_made_printable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
