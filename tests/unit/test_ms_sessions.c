/*
 * Exactly-once: sessions, stored answers, repetition, and operations that are not worth an answer.
 */
#include "tests/unit/ms_world.h"

/* A MAKE of `name` with the given session and numbers, at the next position. */
static int make_as(struct world *w, const char *name, u64 session, u64 sequence, u64 acked)
{
	u64 keep_session = w->session;
	w->session = session;
	w->sequence = sequence - 1;
	w->acked = acked;
	w->keep_results = true;
	int status = world_make(w, ROOT, name, S_IFREG | 0600);
	w->session = keep_session;
	return status;
}

static void a_repeated_operation_gets_the_stored_answer(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 s = w.session;
	assert_int_equal(make_as(&w, "a", s, 1, 0), 0);
	u64 ino = w.last.attr.ino;
	assert_int_equal(make_as(&w, "a", s, 2, 0), DFS_EEXIST);
	assert_int_equal(world_unlink(&w, ROOT, "a"), 0); /* Sequence 3. */
	assert_int_equal(make_as(&w, "a", s, 1, 0), 0);
	assert_true(w.last.repeated);
	assert_int_equal(w.last.attr.ino, ino);
	assert_int_equal(w.last.attr.nlink, 1); /* As it was then. */
	assert_int_equal(world_lookup(&w, ROOT, "a"), 0);
	assert_int_equal(make_as(&w, "a", s, 2, 0), DFS_EEXIST);
	assert_true(w.last.repeated);
	w.sequence = 2;
	assert_int_equal(world_unlink(&w, ROOT, "a"), 0);
	assert_true(w.last.repeated);
	assert_int_equal(w.last.orphaned, 0); /* No news twice. */
	struct ms_result result;
	assert_int_equal(ms_repeat(w.state, s, 1, &result), 1);
	assert_int_equal(result.attr.ino, ino);
	assert_int_equal(ms_repeat(w.state, s, 4, &result), 0);
	world_check(&w);
	world_close(&w);
}

static void acknowledged_answers_are_dropped(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 s = w.session;
	assert_int_equal(ms_state_settle(w.state), 0);
	u64 rows = kv_sim_count(w.sim);
	char name[16];
	for (u32 i = 1; i <= 20; i++) {
		(void)snprintf(name, sizeof(name), "%u", i);
		assert_int_equal(make_as(&w, name, s, i, 0), 0);
	}
	assert_int_equal(ms_state_settle(w.state), 0);
	rows += 2; /* What the user uses, and the group. */
	assert_int_equal(kv_sim_count(w.sim), rows + 20 * 3);
	assert_int_equal(make_as(&w, "21", s, 21, 20), 0);
	assert_int_equal(ms_state_settle(w.state), 0);
	assert_int_equal(kv_sim_count(w.sim), rows + 21 * 2 + 1);
	assert_int_equal(make_as(&w, "20", s, 20, 0), DFS_EDUPLICATE);
	assert_int_equal(make_as(&w, "21", s, 21, 20), 0);
	assert_true(w.last.repeated);
	struct ms_result result;
	for (int i = 0; i < 2; i++) { /* The same after a restart. */
		assert_int_equal(ms_repeat(w.state, s, 20, &result), DFS_EDUPLICATE);
		assert_int_equal(ms_repeat(w.state, s, 21, &result), 1);
		assert_int_equal(ms_session_find(w.state, s)->acked, 20);
		assert_int_equal(ms_session_find(w.state, s)->highest, 21);
		world_check(&w);
		world_reopen(&w);
	}
	world_close(&w);
}

static void sequences_may_have_gaps_and_any_order(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 s = w.session;
	assert_int_equal(make_as(&w, "e", s, 5, 0), 0);
	assert_int_equal(make_as(&w, "c", s, 3, 0), 0);
	assert_int_equal(make_as(&w, "c", s, 3, 0), 0);
	assert_true(w.last.repeated);
	assert_int_equal(make_as(&w, "d", s, 4, 3), 0);
	assert_int_equal(make_as(&w, "e", s, 5, 3), 0);
	assert_true(w.last.repeated);
	assert_int_equal(make_as(&w, "b", s, 2, 1), DFS_EDUPLICATE);
	world_check(&w);
	world_close(&w);
}

static void too_many_unacknowledged_answers_are_refused(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 s = w.session;
	assert_int_equal(make_as(&w, "a", s, DFS_RESULTS_MAX, 0), 0);
	assert_int_equal(make_as(&w, "b", s, DFS_RESULTS_MAX + 1, 0), DFS_EBUSY);
	assert_int_equal(world_lookup(&w, ROOT, "b"), 0);
	/* What was refused was not answered for good. */
	assert_int_equal(make_as(&w, "c", s, 1, 0), 0);
	assert_int_equal(make_as(&w, "d", s, 2, 1), 0);
	assert_int_equal(make_as(&w, "b", s, DFS_RESULTS_MAX + 1, 0), 0);
	world_check(&w);
	world_close(&w);
}

static void sessions_come_and_go(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 first = w.session;
	assert_int_equal(WORLD_DO(&w, SESSION_OPEN, session_open, .node = 17, .host = 18,
				  .name = dfs_span_text("second")),
			 0);
	u64 second = w.last.session;
	assert_true(second > first);
	assert_int_equal(make_as(&w, "a", second, 1, 0), 0);
	assert_int_equal(make_as(&w, "b", 99, 1, 0), DFS_ENO_SESSION);
	assert_int_equal(make_as(&w, "b", 0, 1, 0), DFS_ENO_SESSION);
	world_reopen(&w);
	assert_int_equal(ms_session_count(w.state), 2);
	const struct ms_session *session = ms_session_next(w.state, NULL);
	assert_int_equal(session->id, first);
	session = ms_session_next(w.state, session);
	assert_int_equal(session->id, second);
	assert_int_equal(session->client, 17);
	assert_int_equal(session->host, 18);
	assert_true(
	    dfs_span_equal(dfs_span(session->name, session->name_bytes), dfs_span_text("second")));
	assert_null(ms_session_next(w.state, session));
	u64 rows = kv_sim_count(w.sim);
	assert_int_equal(WORLD_DO(&w, SESSION_CLOSE, session_close, .session = second), 0);
	assert_int_equal(w.last.session, second);
	assert_int_equal(ms_state_settle(w.state), 0);
	assert_int_equal(kv_sim_count(w.sim), rows - 2); /* The session and its answer. */
	assert_int_equal(make_as(&w, "b", second, 2, 0), DFS_ENO_SESSION);
	assert_int_equal(WORLD_DO(&w, SESSION_CLOSE, session_close, .session = second),
			 DFS_ENO_SESSION);
	assert_int_equal(WORLD_DO(&w, SESSION_OPEN, session_open, .node = 17), 0);
	assert_true(w.last.session > second); /* Never given out twice. */
	world_check(&w);
	world_close(&w);
}

static struct ms_op valid_op(struct world *w, struct dfs_writer *body)
{
	struct dfs_make make = {
	    .parent = ROOT, .name = dfs_span_text("new"), .mode = S_IFREG | 0600};
	dfs_writer_init(body, DFS_PROTOCOL_VERSION, 0);
	dfs_make_put(body, &make);
	return (struct ms_op){
	    .wall = w->wall,
	    .session = w->session,
	    .sequence = 1,
	    .op = DFS_OP_MAKE,
	    .version = DFS_PROTOCOL_VERSION,
	    .body = dfs_span(body->buf->data, body->buf->length),
	};
}

static void malformed_operations_change_nothing(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	struct dfs_writer body;
	struct ms_op good = valid_op(&w, &body);
	struct ms_position at = {.index = 100};
	struct ms_op bad[8];
	for (u32 i = 0; i < dfs_array_count(bad); i++)
		bad[i] = good;
	bad[0].sequence = 0;
	bad[1].acked = 1;
	bad[2].version = 0;
	bad[3].version = DFS_PROTOCOL_VERSION + 1;
	bad[4].op = DFS_OP_SESSION_OPEN; /* The leader's own, from a client. */
	bad[5].op = 63;
	bad[6].body.length--;
	bad[7].body = dfs_span(NULL, 0);
	for (u32 i = 0; i < dfs_array_count(bad); i++) {
		struct ms_result result;
		bad[i].sequence += i > 1 ? i : 0;
		at.index++;
		assert_int_equal(ms_apply(w.state, at, &bad[i], &result), 0);
		assert_int_equal(result.status, i == 5 ? DFS_ENOSYS : DFS_EMALFORMED);
		assert_int_equal(result.attr.ino, 0);
		assert_int_equal(ms_counts(w.state).inodes, 1);
		assert_int_equal(ms_state_applied(w.state).index, at.index);
	}
	/* Every byte flipped, every length: no crash, and the tables stay in step. */
	u8 copy[256];
	assert_true(good.body.length < sizeof(copy));
	for (u32 i = 0; i < good.body.length; i++) {
		struct ms_result result;
		struct ms_op op = good;
		memcpy(copy, good.body.data, good.body.length);
		copy[i] ^= 0xff;
		op.body = dfs_span(copy, i % 2 == 0 ? good.body.length : i);
		op.sequence = 100 + i;
		at.index++;
		assert_int_equal(ms_apply(w.state, at, &op, &result), 0);
	}
	world_check(&w);
	dfs_writer_fini(&body);
	world_close(&w);
}

static void entries_without_operations_move_the_position(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	assert_int_equal(ms_apply_nothing(w.state, 50), 0);
	assert_int_equal(ms_state_applied(w.state).index, 50);
	assert_int_equal(ms_apply_nothing(w.state, 40), 0);
	world_reopen(&w);
	assert_int_equal(ms_state_applied(w.state).index, 50);
	world_close(&w);
}

static void a_failing_store_stops_everything(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	struct dfs_writer body;
	struct ms_op op = valid_op(&w, &body);
	struct ms_result result;
	struct dfs_attr attr;
	kv_sim_fail(w.sim, DFS_EIO);
	assert_int_equal(ms_apply(w.state, (struct ms_position){.index = 100}, &op, &result),
			 DFS_EIO);
	kv_sim_fail(w.sim, 0);
	assert_int_equal(ms_state_failure(w.state), DFS_EIO);
	assert_int_equal(ms_apply(w.state, (struct ms_position){.index = 101}, &op, &result),
			 DFS_EIO);
	assert_int_equal(ms_getattr(w.state, ROOT, &attr), DFS_EIO);
	world_reopen(&w);
	assert_int_equal(ms_apply(w.state, (struct ms_position){.index = 100}, &op, &result), 0);
	assert_int_equal(result.status, 0);
	world_check(&w);
	dfs_writer_fini(&body);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_repeated_operation_gets_the_stored_answer),
	    cmocka_unit_test(acknowledged_answers_are_dropped),
	    cmocka_unit_test(sequences_may_have_gaps_and_any_order),
	    cmocka_unit_test(too_many_unacknowledged_answers_are_refused),
	    cmocka_unit_test(sessions_come_and_go),
	    cmocka_unit_test(malformed_operations_change_nothing),
	    cmocka_unit_test(entries_without_operations_move_the_position),
	    cmocka_unit_test(a_failing_store_stops_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
