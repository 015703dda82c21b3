/*
 * Leases and the gate: who is told before what changes, and who waits for whom.
 */
#include "tests/unit/ms_cluster.h"
#include "tests/unit/unit.h"

#include "libdfsproto/base/errors.h"

struct scene {
	struct ms_cluster c;
	struct puppet *a;
	struct puppet *b;
};

static void begin(struct scene *s, u64 seed)
{
	ms_cluster_init(&s->c, seed);
	s->a = puppet_new(&s->c, "a", DFS_ROLE_CLIENT);
	s->b = puppet_new(&s->c, "b", DFS_ROLE_CLIENT);
	puppet_attach(s->a);
	puppet_attach(s->b);
}

static struct dfs_lookup_reply look(struct puppet *puppet, const char *name)
{
	struct dfs_writer body;
	struct dfs_lookup_reply found;
	struct dfs_lookup ask = {.parent = 1, .name = dfs_span_text(name)};
	puppet_writer(puppet, &body);
	dfs_lookup_put(&body, &ask);
	const struct puppet_reply *reply = puppet_ask(puppet, DFS_MSG_LOOKUP, &body);
	assert_non_null(reply);
	assert_int_equal(reply->status, 0);
	assert_int_equal(dfs_lookup_reply_decode(dfs_span(reply->body, reply->length), 1, &found),
			 0);
	return found;
}

static u32 told(const struct puppet *puppet)
{
	return puppet_asked_count(puppet, DFS_MSG_INVALIDATE);
}

/* Begin to remove a name; the index of the reply. */
static u32 say_unlink(struct puppet *puppet, u64 sequence, const char *name)
{
	struct dfs_writer body;
	struct dfs_unlink unlink = {.parent = 1, .name = dfs_span_text(name)};
	dfs_writer_init(&body, 1, 0);
	dfs_unlink_put(&body, &unlink);
	return puppet_mutate(puppet, sequence, DFS_OP_UNLINK, &body);
}

static void answers_carry_leases(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 1);
	assert_int_equal(puppet_make(s.a, 1, "f", false, NULL), 0);
	assert_int_equal(look(s.a, "f").lease_ms, DFS_LEASE_MS);
	struct dfs_lookup_reply absent = look(s.a, "g");
	assert_int_equal(absent.attr.ino, 0);
	assert_int_equal(absent.lease_ms, DFS_LEASE_MS);
	ms_cluster_fini(&s.c);
}

static void holders_are_told_before_others_change_it(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 2);
	assert_int_equal(puppet_make(s.a, 1, "f", false, NULL), 0);
	(void)look(s.b, "f");
	s.b->holds_answers = true;
	u32 reply = say_unlink(s.a, 2, "f");
	ms_cluster_run(&s.c, DFS_SEC);
	assert_int_equal(told(s.b), 1);
	assert_false(s.a->replies[reply].done);
	/* The old state is told meanwhile, and not to be kept. */
	struct dfs_lookup_reply meanwhile = look(s.b, "f");
	assert_int_not_equal(meanwhile.attr.ino, 0);
	assert_int_equal(meanwhile.lease_ms, 0);
	puppet_answer(s.b, 0);
	ms_cluster_run(&s.c, DFS_SEC);
	assert_true(s.a->replies[reply].done);
	assert_int_equal(s.a->replies[reply].status, 0);
	assert_int_equal(look(s.b, "f").attr.ino, 0);
	ms_cluster_fini(&s.c);
}

static void who_changes_is_not_told(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 3);
	assert_int_equal(puppet_make(s.a, 1, "f", false, NULL), 0);
	(void)look(s.a, "f");
	assert_int_equal(puppet_unlink(s.a, 2, "f"), 0);
	assert_int_equal(told(s.a), 0);
	ms_cluster_fini(&s.c);
}

static void a_silent_holder_delays_until_its_lease_ends(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 4);
	assert_int_equal(puppet_make(s.a, 1, "f", false, NULL), 0);
	(void)look(s.b, "f");
	s.b->holds_answers = true;
	u32 reply = say_unlink(s.a, 2, "f");
	ms_cluster_run(&s.c, (DFS_LEASE_MS - 1000) * DFS_MSEC);
	assert_false(s.a->replies[reply].done);
	ms_cluster_run(&s.c, 2 * DFS_SEC);
	assert_true(s.a->replies[reply].done);
	assert_int_equal(s.a->replies[reply].status, 0);
	ms_cluster_fini(&s.c);
}

static void a_lease_that_ended_needs_no_telling(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 5);
	assert_int_equal(puppet_make(s.a, 1, "f", false, NULL), 0);
	(void)look(s.b, "f");
	ms_cluster_run(&s.c, (DFS_LEASE_MS + 1000) * DFS_MSEC);
	assert_int_equal(puppet_unlink(s.a, 2, "f"), 0);
	assert_int_equal(told(s.b), 0);
	ms_cluster_fini(&s.c);
}

static void changes_of_one_name_go_one_after_the_other(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 6);
	assert_int_equal(puppet_make(s.a, 1, "f", false, NULL), 0);
	(void)look(s.b, "f");
	s.b->holds_answers = true;
	u32 first = say_unlink(s.a, 2, "f");
	u32 second = say_unlink(s.a, 3, "f");
	ms_cluster_run(&s.c, DFS_SEC);
	assert_int_equal(told(s.b), 1); /* Of the first: the second has not begun. */
	assert_false(s.a->replies[second].done);
	puppet_answer(s.b, 0);
	ms_cluster_run(&s.c, DFS_SEC);
	assert_int_equal(s.a->replies[first].status, 0);
	puppet_answer(s.b, 0);
	ms_cluster_run(&s.c, DFS_SEC);
	assert_true(s.a->replies[second].done);
	assert_int_equal(s.a->replies[second].status, DFS_ENOENT);
	ms_cluster_fini(&s.c);
}

static void a_holder_that_comes_back_is_asked_again(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 7);
	assert_int_equal(puppet_make(s.a, 1, "f", false, NULL), 0);
	(void)look(s.b, "f");
	s.b->holds_answers = true;
	u32 reply = say_unlink(s.a, 2, "f");
	ms_cluster_run(&s.c, DFS_SEC);
	assert_int_equal(told(s.b), 1);
	s.b->holds_answers = false;
	puppet_cut(s.b);
	ms_cluster_run(&s.c, 3 * DFS_SEC);
	assert_int_equal(told(s.b), 2);
	assert_true(s.a->replies[reply].done);
	ms_cluster_fini(&s.c);
}

/* What waited at the gate goes with its link; the repetition takes place once. */
static void a_caller_whose_link_breaks_repeats(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 8);
	assert_int_equal(puppet_make(s.a, 1, "f", false, NULL), 0);
	(void)look(s.b, "f");
	s.b->holds_answers = true;
	u32 reply = say_unlink(s.a, 2, "f");
	ms_cluster_run(&s.c, DFS_SEC);
	puppet_cut(s.a);
	ms_cluster_run(&s.c, 3 * DFS_SEC);
	assert_int_equal(told(s.b), 2);
	puppet_answer(s.b, 0);
	puppet_answer(s.b, 0);
	ms_cluster_run(&s.c, DFS_SEC);
	assert_true(s.a->replies[reply].done);
	assert_int_equal(s.a->replies[reply].times, 1);
	assert_int_equal(s.a->replies[reply].status, 0);
	ms_cluster_fini(&s.c);
}

/* A new master does not know what its predecessor promised: everybody is told everything. */
static void leases_of_a_predecessor_count(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 9);
	assert_int_equal(puppet_make(s.a, 1, "f", false, NULL), 0);
	(void)look(s.b, "f");
	ms_cluster_restart(&s.c, SIM_KILL);
	ms_cluster_run(&s.c, 3 * DFS_SEC);
	assert_int_equal(puppet_unlink(s.a, 2, "f"), 0);
	assert_int_equal(told(s.b), 1);
	ms_cluster_run(&s.c, (DFS_LEASE_MS + 1000) * DFS_MSEC);
	assert_int_equal(puppet_make(s.a, 3, "g", false, NULL), 0);
	assert_int_equal(told(s.b), 1);
	ms_cluster_fini(&s.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_carry_leases),
	    cmocka_unit_test(holders_are_told_before_others_change_it),
	    cmocka_unit_test(who_changes_is_not_told),
	    cmocka_unit_test(a_silent_holder_delays_until_its_lease_ends),
	    cmocka_unit_test(a_lease_that_ended_needs_no_telling),
	    cmocka_unit_test(changes_of_one_name_go_one_after_the_other),
	    cmocka_unit_test(a_holder_that_comes_back_is_asked_again),
	    cmocka_unit_test(a_caller_whose_link_breaks_repeats),
	    cmocka_unit_test(leases_of_a_predecessor_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
