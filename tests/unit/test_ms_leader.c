/*
 * The way of a mutation through the leader: answered once, and only when no crash can take it back.
 */
#include "tests/unit/ms_cluster.h"
#include "tests/unit/unit.h"

#include "libdfsproto/base/errors.h"

static void an_answered_change_survives_a_power_cut_at_once(void **state)
{
	(void)state;
	struct ms_cluster c;
	struct dfs_attr attr;
	ms_cluster_init(&c, 1);
	struct puppet *client = puppet_new(&c, "client", DFS_ROLE_CLIENT);
	puppet_attach(client);
	assert_int_equal(client->attach_status, 0);
	for (u32 i = 1; i <= 20; i++) {
		char name[16];
		snprintf(name, sizeof(name), "f%u", i);
		assert_int_equal(puppet_make(client, i, name, false, NULL), 0);
		ms_cluster_restart(&c, i % 2 ? SIM_POWER : SIM_KILL);
		assert_int_equal(puppet_lookup(client, name, &attr), 0);
	}
	ms_cluster_fini(&c);
}

/* Says how many of `count` changes, all under way at once, were answered well. */
static u32 answered_well(const struct puppet *client, u32 first, u32 count)
{
	u32 well = 0;
	for (u32 i = 0; i < count; i++) {
		const struct puppet_reply *reply = &client->replies[first + i];
		if (reply->done)
			assert_int_equal(reply->status, 0);
		well += reply->done;
	}
	return well;
}

/* The master dies in the middle of steps, again and again, while changes are under way: each of
 * them takes place exactly once. A second execution would answer EXIST. */
static void crash_all_the_time(u64 seed, enum sim_crash how)
{
	struct ms_cluster c;
	enum { CHANGES = 60 };
	ms_cluster_init(&c, seed);
	struct puppet *client = puppet_new(&c, "client", DFS_ROLE_CLIENT);
	struct dfs_prng prng;
	dfs_prng_seed(&prng, seed);
	puppet_attach(client);
	c.restarts = true;
	u32 first = client->replies_count;
	for (u64 i = 1; i <= CHANGES; i++) {
		char name[16];
		struct dfs_writer body;
		snprintf(name, sizeof(name), "f%llu", (unsigned long long)i);
		struct dfs_make make = {
		    .parent = DFS_INO_ROOT, .name = dfs_span_text(name), .mode = 0100600};
		dfs_writer_init(&body, 1, 0);
		dfs_make_put(&body, &make);
		(void)puppet_mutate(client, i, DFS_OP_MAKE, &body);
		ms_cluster_run(&c, dfs_prng_below(&prng, 4) * DFS_MSEC);
		if (i % 6 == 0 && sim_up(c.master))
			sim_crash_in_step(c.master, how);
	}
	for (u32 i = 0; i < 100 && answered_well(client, first, CHANGES) < CHANGES; i++)
		ms_cluster_run(&c, DFS_SEC);
	assert_int_equal(answered_well(client, first, CHANGES), CHANGES);
	assert_true(c.crashes_count > 0);
	assert_int_equal(c.exits_count, 0);
	ms_cluster_restart(&c, SIM_POWER);
	for (u64 i = 1; i <= CHANGES; i++) {
		char name[16];
		struct dfs_attr attr;
		struct dfs_mutate_reply reply;
		const struct puppet_reply *answer = &client->replies[first + i - 1];
		snprintf(name, sizeof(name), "f%llu", (unsigned long long)i);
		assert_int_equal(puppet_lookup(client, name, &attr), 0);
		assert_int_equal(
		    dfs_mutate_reply_decode(dfs_span(answer->body, answer->length), 1, &reply), 0);
		assert_int_equal(reply.attr.ino, attr.ino);
	}
	ms_cluster_fini(&c);
}

static void changes_happen_exactly_once_however_often_the_master_dies(void **state)
{
	(void)state;
	for (u64 seed = 1; seed <= 25; seed++)
		crash_all_the_time(seed, seed % 2 ? SIM_KILL : SIM_POWER);
}

static void a_repetition_after_the_answer_gets_the_same_answer(void **state)
{
	(void)state;
	struct ms_cluster c;
	struct dfs_mutate_reply first, second;
	ms_cluster_init(&c, 2);
	struct puppet *client = puppet_new(&c, "client", DFS_ROLE_CLIENT);
	puppet_attach(client);
	assert_int_equal(puppet_make(client, 1, "a", false, &first), 0);
	u64 ino = first.attr.ino;
	assert_int_equal(puppet_make(client, 1, "a", false, &second), 0);
	assert_int_equal(second.attr.ino, ino);
	assert_int_equal(puppet_make(client, 2, "a", false, NULL), DFS_EEXIST);
	ms_cluster_restart(&c, SIM_POWER);
	assert_int_equal(puppet_make(client, 1, "a", false, &second), 0);
	assert_int_equal(second.attr.ino, ino);
	assert_int_equal(puppet_make(client, 2, "a", false, NULL), DFS_EEXIST);
	ms_cluster_fini(&c);
}

static void a_repetition_on_a_new_link_joins_the_change_under_way(void **state)
{
	(void)state;
	struct ms_cluster c;
	ms_cluster_init_slow(&c, 3, 500 * DFS_MSEC);
	struct puppet *client = puppet_new(&c, "client", DFS_ROLE_CLIENT);
	puppet_attach(client);
	u64 before = puppet_status(client, "state.operations_applied");
	u32 first = client->replies_count;
	for (u64 i = 1; i <= 32; i++) {
		char name[16];
		struct dfs_writer body;
		snprintf(name, sizeof(name), "f%llu", (unsigned long long)i);
		struct dfs_make make = {
		    .parent = DFS_INO_ROOT, .name = dfs_span_text(name), .mode = 0100600};
		dfs_writer_init(&body, 1, 0);
		dfs_make_put(&body, &make);
		(void)puppet_mutate(client, i, DFS_OP_MAKE, &body);
		ms_cluster_run(&c, 30 * DFS_MSEC);
		if (i % 4 == 0)
			puppet_cut(client);
	}
	ms_cluster_run(&c, 20 * DFS_SEC);
	assert_int_equal(answered_well(client, first, 32), 32);
	assert_int_equal(puppet_status(client, "state.operations_applied"), before + 32);
	ms_cluster_fini(&c);
}

static void changes_under_way_together_share_a_sync(void **state)
{
	(void)state;
	struct ms_cluster c;
	ms_cluster_init(&c, 4);
	struct puppet *client = puppet_new(&c, "client", DFS_ROLE_CLIENT);
	puppet_attach(client);
	u64 before = puppet_status(client, "log.syncs");
	for (u64 i = 1; i <= 64; i++) {
		char name[16];
		struct dfs_writer body;
		snprintf(name, sizeof(name), "f%llu", (unsigned long long)i);
		struct dfs_make make = {
		    .parent = DFS_INO_ROOT, .name = dfs_span_text(name), .mode = 0100600};
		dfs_writer_init(&body, 1, 0);
		dfs_make_put(&body, &make);
		(void)puppet_mutate(client, i, DFS_OP_MAKE, &body);
	}
	ms_cluster_run(&c, DFS_SEC);
	assert_int_equal(puppet_status(client, "inodes"), 65);
	assert_in_range(puppet_status(client, "log.syncs") - before, 1, 16);
	ms_cluster_fini(&c);
}

static void a_log_that_cannot_be_synced_ends_the_process(void **state)
{
	(void)state;
	struct ms_cluster c;
	struct dfs_writer body;
	ms_cluster_init(&c, 5);
	struct puppet *client = puppet_new(&c, "client", DFS_ROLE_CLIENT);
	puppet_attach(client);
	kv_sim_fail(sim_kv(c.master, MS_KV_LOG), DFS_EIO);
	struct dfs_make make = {
	    .parent = DFS_INO_ROOT, .name = dfs_span_text("x"), .mode = 0100600};
	dfs_writer_init(&body, 1, 0);
	dfs_make_put(&body, &make);
	u32 index = puppet_mutate(client, 1, DFS_OP_MAKE, &body);
	ms_cluster_run(&c, DFS_SEC);
	assert_int_equal(c.exits_count, 1);
	assert_int_equal(c.exit_status, DFS_EIO);
	assert_false(client->replies[index].done);
	ms_cluster_fini(&c);
}

static void a_state_that_cannot_be_read_ends_the_process(void **state)
{
	(void)state;
	struct ms_cluster c;
	struct dfs_writer body;
	ms_cluster_init(&c, 9);
	struct puppet *client = puppet_new(&c, "client", DFS_ROLE_CLIENT);
	puppet_attach(client);
	assert_int_equal(puppet_make(client, 1, "a", false, NULL), 0);
	kv_sim_fail(sim_kv(c.master, MS_KV_STATE), DFS_EIO);
	struct dfs_lookup lookup = {.parent = DFS_INO_ROOT, .name = dfs_span_text("a")};
	puppet_writer(client, &body);
	dfs_lookup_put(&body, &lookup);
	(void)puppet_say(client, DFS_MSG_LOOKUP, &body);
	ms_cluster_run(&c, DFS_SEC);
	assert_int_equal(c.exits_count, 1);
	assert_int_equal(c.exit_status, DFS_EIO);
	ms_cluster_fini(&c);
}

static void an_orderly_stop_leaves_nothing_to_replay(void **state)
{
	(void)state;
	struct ms_cluster c;
	struct dfs_attr attr;
	ms_cluster_init(&c, 6);
	struct puppet *client = puppet_new(&c, "client", DFS_ROLE_CLIENT);
	puppet_attach(client);
	assert_int_equal(puppet_make(client, 1, "a", false, NULL), 0);
	sim_stop(c.master);
	ms_cluster_run(&c, DFS_SEC);
	assert_int_equal(c.exits_count, 1);
	assert_int_equal(c.exit_status, 0);
	sim_start(c.master);
	ms_cluster_run(&c, 3 * DFS_SEC);
	assert_int_equal(puppet_lookup(client, "a", &attr), 0);
	/* Only what came after the start: the entry the tables already held, and the new reign's.
	 */
	assert_in_range(puppet_status(client, "state.operations_applied"), 1, 2);
	ms_cluster_fini(&c);
}

static void a_lost_log_beside_a_state_is_refused(void **state)
{
	(void)state;
	struct ms_cluster c;
	ms_cluster_init(&c, 7);
	struct puppet *client = puppet_new(&c, "client", DFS_ROLE_CLIENT);
	puppet_attach(client);
	assert_int_equal(puppet_make(client, 1, "a", false, NULL), 0);
	sim_stop(c.master);
	ms_cluster_run(&c, DFS_SEC);
	kv_sim_wipe(sim_kv(c.master, MS_KV_LOG));
	sim_start(c.master);
	ms_cluster_run(&c, DFS_SEC);
	assert_int_equal(c.exits_count, 2);
	assert_int_equal(c.exit_status, DFS_ECORRUPT);
	ms_cluster_fini(&c);
}

static int status_of(struct puppet *puppet, u16 type, struct dfs_writer *body)
{
	const struct puppet_reply *reply = puppet_ask(puppet, type, body);
	assert_non_null(reply);
	return reply->status;
}

static void requests_that_do_not_fit_their_sender_are_refused(void **state)
{
	(void)state;
	struct ms_cluster c;
	struct dfs_writer body;
	ms_cluster_init(&c, 8);
	struct puppet *client = puppet_new(&c, "client", DFS_ROLE_CLIENT);
	struct puppet *server = puppet_new(&c, "server", DFS_ROLE_CHUNKSERVER);
	puppet_writer(client, &body);
	dfs_getattr_put(&body, &(struct dfs_getattr){.ino = 1});
	assert_int_equal(status_of(client, DFS_MSG_GETATTR, &body), DFS_ENO_SESSION);
	assert_int_equal(puppet_register(client, 1, 0), DFS_EWRONG_ROLE);
	puppet_writer(server, &body);
	dfs_getattr_put(&body, &(struct dfs_getattr){.ino = 1});
	assert_int_equal(status_of(server, DFS_MSG_GETATTR, &body), DFS_EWRONG_ROLE);
	assert_int_equal(puppet_report(server, true, 0, 0), DFS_EINVAL);
	puppet_writer(client, &body);
	assert_int_equal(status_of(client, DFS_MSG_WRITE, &body), DFS_ENOSYS);
	puppet_attach(client);
	puppet_writer(client, &body);
	dfs_put_u32(&body, 77);
	assert_int_equal(status_of(client, DFS_MSG_MUTATE, &body), DFS_EMALFORMED);
	dfs_writer_init(&body, 1, 0);
	dfs_put_u64(&body, 3);
	assert_int_equal(puppet_change(client, 1, DFS_OP_RESERVE, &body)->status, DFS_EPERM);
	dfs_writer_init(&body, 1, 0);
	assert_int_equal(puppet_change(client, 0, DFS_OP_UNLINK, &body)->status, DFS_EMALFORMED);
	client->attached++;
	assert_int_equal(puppet_make(client, 1, "a", false, NULL), DFS_ENO_SESSION);
	ms_cluster_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answered_change_survives_a_power_cut_at_once),
	    cmocka_unit_test(changes_happen_exactly_once_however_often_the_master_dies),
	    cmocka_unit_test(a_repetition_after_the_answer_gets_the_same_answer),
	    cmocka_unit_test(a_repetition_on_a_new_link_joins_the_change_under_way),
	    cmocka_unit_test(changes_under_way_together_share_a_sync),
	    cmocka_unit_test(a_log_that_cannot_be_synced_ends_the_process),
	    cmocka_unit_test(a_state_that_cannot_be_read_ends_the_process),
	    cmocka_unit_test(an_orderly_stop_leaves_nothing_to_replay),
	    cmocka_unit_test(a_lost_log_beside_a_state_is_refused),
	    cmocka_unit_test(requests_that_do_not_fit_their_sender_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
