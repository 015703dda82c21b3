/*
 * Client sessions at the leader: attach, resume, expiry, the grace period, and inodes that outlive
 * their names while somebody holds them open.
 */
#include "tests/unit/ms_cluster.h"
#include "tests/unit/unit.h"

#include "libdfsproto/base/errors.h"

static u64 make_open(struct puppet *client, u64 sequence, const char *name)
{
	struct dfs_mutate_reply made;
	assert_int_equal(puppet_make(client, sequence, name, true, &made), 0);
	return made.attr.ino;
}

static void an_open_file_outlives_its_name_until_it_is_released(void **state)
{
	(void)state;
	struct ms_cluster c;
	struct dfs_attr attr;
	ms_cluster_init(&c, 1);
	struct puppet *one = puppet_new(&c, "one", DFS_ROLE_CLIENT);
	struct puppet *two = puppet_new(&c, "two", DFS_ROLE_CLIENT);
	puppet_attach(one);
	puppet_attach(two);
	u64 ino = make_open(one, 1, "a");
	assert_int_equal(puppet_open(two, ino), 0);
	assert_int_equal(puppet_unlink(one, 2, "a"), 0);
	ms_cluster_run(&c, DFS_SEC);
	assert_int_equal(puppet_getattr(one, ino, &attr), 0);
	assert_int_equal(attr.nlink, 0);
	assert_int_equal(puppet_release(one, ino), 0);
	ms_cluster_run(&c, DFS_SEC);
	assert_int_equal(puppet_getattr(two, ino, &attr), 0);
	assert_int_equal(puppet_release(two, ino), 0);
	ms_cluster_run(&c, DFS_SEC);
	assert_int_equal(puppet_getattr(two, ino, &attr), DFS_ESTALE);
	assert_int_equal(puppet_open(two, ino), DFS_ESTALE);
	assert_int_equal(puppet_status(one, "inodes"), 1);
	ms_cluster_fini(&c);
}

static void a_file_unlinked_and_not_open_goes_at_once(void **state)
{
	(void)state;
	struct ms_cluster c;
	ms_cluster_init(&c, 2);
	struct puppet *client = puppet_new(&c, "client", DFS_ROLE_CLIENT);
	puppet_attach(client);
	assert_int_equal(puppet_make(client, 1, "a", false, NULL), 0);
	assert_int_equal(puppet_status(client, "inodes"), 2);
	assert_int_equal(puppet_unlink(client, 2, "a"), 0);
	ms_cluster_run(&c, DFS_SEC);
	assert_int_equal(puppet_status(client, "inodes"), 1);
	ms_cluster_fini(&c);
}

static void a_silent_session_expires_and_lets_go_of_its_opens(void **state)
{
	(void)state;
	struct ms_cluster c;
	struct dfs_attr attr;
	ms_cluster_init(&c, 3);
	struct puppet *one = puppet_new(&c, "one", DFS_ROLE_CLIENT);
	struct puppet *two = puppet_new(&c, "two", DFS_ROLE_CLIENT);
	puppet_attach(one);
	puppet_attach(two);
	u64 ino = make_open(one, 1, "a");
	assert_int_equal(puppet_unlink(two, 1, "a"), 0);
	sim_crash(one->node, SIM_KILL);
	ms_cluster_run(&c, 50 * DFS_SEC);
	assert_int_equal(puppet_getattr(two, ino, &attr), 0);
	assert_int_equal(puppet_status(two, "sessions"), 2);
	ms_cluster_run(&c, 15 * DFS_SEC);
	assert_int_equal(puppet_getattr(two, ino, &attr), DFS_ESTALE);
	assert_int_equal(puppet_status(two, "sessions"), 1);
	ms_cluster_fini(&c);
}

static void a_session_that_keeps_its_link_never_expires(void **state)
{
	(void)state;
	struct ms_cluster c;
	ms_cluster_init(&c, 4);
	struct puppet *client = puppet_new(&c, "client", DFS_ROLE_CLIENT);
	puppet_attach(client);
	u64 session = client->attached;
	ms_cluster_run(&c, 300 * DFS_SEC);
	assert_int_equal(puppet_make(client, 1, "a", false, NULL), 0);
	puppet_cut(client);
	ms_cluster_run(&c, 2 * DFS_SEC);
	assert_int_equal(client->ups_count, 2);
	assert_int_equal(client->attach_status, 0);
	assert_int_equal(client->attached, session);
	assert_int_equal(puppet_make(client, 2, "b", false, NULL), 0);
	ms_cluster_fini(&c);
}

static void an_expired_session_cannot_be_resumed(void **state)
{
	(void)state;
	struct ms_cluster c;
	ms_cluster_init(&c, 5);
	struct puppet *client = puppet_new(&c, "client", DFS_ROLE_CLIENT);
	struct puppet *other = puppet_new(&c, "other", DFS_ROLE_CLIENT);
	puppet_attach(client);
	puppet_attach(other);
	sim_cut(client->node, c.master);
	sim_cut(c.master, client->node);
	ms_cluster_run(&c, 80 * DFS_SEC);
	sim_heal(c.sim);
	ms_cluster_run(&c, 10 * DFS_SEC);
	assert_int_equal(client->attach_status, DFS_ENO_SESSION);
	assert_int_equal(puppet_status(other, "sessions"), 1);
	ms_cluster_fini(&c);
}

static void a_session_belongs_to_the_node_that_opened_it(void **state)
{
	(void)state;
	struct ms_cluster c;
	ms_cluster_init(&c, 6);
	struct puppet *one = puppet_new(&c, "one", DFS_ROLE_CLIENT);
	struct puppet *two = puppet_new(&c, "two", DFS_ROLE_CLIENT);
	puppet_attach(one);
	two->attached = one->attached;
	puppet_attach(two);
	assert_int_equal(two->attach_status, DFS_EPERM);
	assert_int_equal(puppet_make(one, 1, "a", false, NULL), 0);
	ms_cluster_fini(&c);
}

static void a_detached_session_is_gone(void **state)
{
	(void)state;
	struct ms_cluster c;
	struct dfs_writer body;
	struct dfs_attr attr;
	ms_cluster_init(&c, 7);
	struct puppet *one = puppet_new(&c, "one", DFS_ROLE_CLIENT);
	struct puppet *two = puppet_new(&c, "two", DFS_ROLE_CLIENT);
	puppet_attach(one);
	puppet_attach(two);
	u64 ino = make_open(one, 1, "a");
	assert_int_equal(puppet_unlink(one, 2, "a"), 0);
	puppet_writer(one, &body);
	dfs_detach_put(&body, &(struct dfs_detach){.session = one->attached});
	assert_int_equal(puppet_ask(one, DFS_MSG_DETACH, &body)->status, 0);
	assert_int_equal(puppet_make(one, 3, "b", false, NULL), DFS_ENO_SESSION);
	ms_cluster_run(&c, DFS_SEC);
	assert_int_equal(puppet_getattr(two, ino, &attr), DFS_ESTALE);
	assert_int_equal(puppet_status(two, "sessions"), 1);
	ms_cluster_fini(&c);
}

static void after_a_restart_a_client_says_what_it_holds_open(void **state)
{
	(void)state;
	struct ms_cluster c;
	struct dfs_attr attr;
	ms_cluster_init(&c, 8);
	struct puppet *one = puppet_new(&c, "one", DFS_ROLE_CLIENT);
	struct puppet *two = puppet_new(&c, "two", DFS_ROLE_CLIENT);
	puppet_attach(one);
	puppet_attach(two);
	u64 held = make_open(one, 1, "held");
	u64 dropped = make_open(one, 2, "dropped");
	assert_int_equal(puppet_unlink(two, 1, "held"), 0);
	assert_int_equal(puppet_unlink(two, 2, "dropped"), 0);
	one->opens[0] = held;
	ms_cluster_restart(&c, SIM_KILL);
	ms_cluster_run(&c, 5 * DFS_SEC);
	assert_int_equal(puppet_getattr(two, held, &attr), 0);
	assert_int_equal(puppet_getattr(two, dropped, &attr), DFS_ESTALE);
	assert_int_equal(puppet_release(one, held), 0);
	ms_cluster_run(&c, DFS_SEC);
	assert_int_equal(puppet_getattr(two, held, &attr), DFS_ESTALE);
	ms_cluster_fini(&c);
}

static void the_grace_period_waits_for_every_session(void **state)
{
	(void)state;
	struct ms_cluster c;
	struct dfs_attr attr;
	ms_cluster_init(&c, 9);
	struct puppet *one = puppet_new(&c, "one", DFS_ROLE_CLIENT);
	struct puppet *two = puppet_new(&c, "two", DFS_ROLE_CLIENT);
	puppet_attach(one);
	puppet_attach(two);
	u64 ino = make_open(one, 1, "a");
	assert_int_equal(puppet_unlink(one, 2, "a"), 0);
	sim_crash(one->node, SIM_KILL);
	ms_cluster_restart(&c, SIM_POWER);
	ms_cluster_run(&c, 40 * DFS_SEC);
	assert_int_equal(puppet_status(two, "sessions_awaited"), 1);
	assert_int_equal(puppet_getattr(two, ino, &attr), 0);
	ms_cluster_run(&c, 30 * DFS_SEC);
	assert_int_equal(puppet_status(two, "sessions_awaited"), 0);
	assert_int_equal(puppet_getattr(two, ino, &attr), DFS_ESTALE);
	ms_cluster_fini(&c);
}

/* The reply of an open MAKE is lost with the link: the client does not know the inode, cannot list
 * it in ATTACH, and repeats the MAKE. Afterwards it holds the file open, exactly once. */
static void a_repeated_open_make_holds_the_file_open_once(void **state)
{
	(void)state;
	for (u32 delay = 0; delay < 12; delay++) {
		struct ms_cluster c;
		struct dfs_writer body;
		struct dfs_attr attr;
		ms_cluster_init(&c, 10 + delay);
		struct puppet *one = puppet_new(&c, "one", DFS_ROLE_CLIENT);
		struct puppet *two = puppet_new(&c, "two", DFS_ROLE_CLIENT);
		puppet_attach(one);
		puppet_attach(two);
		struct dfs_make make = {
		    .parent = DFS_INO_ROOT, .name = dfs_span_text("a"), .mode = 0100600, .open = 1};
		dfs_writer_init(&body, 1, 0);
		dfs_make_put(&body, &make);
		u32 index = puppet_mutate(one, 1, DFS_OP_MAKE, &body);
		ms_cluster_run(&c, delay * 100 * DFS_USEC);
		puppet_cut(one);
		ms_cluster_run(&c, 3 * DFS_SEC);
		assert_true(one->replies[index].done);
		assert_int_equal(puppet_lookup(two, "a", &attr), 0);
		u64 ino = attr.ino;
		assert_int_equal(puppet_unlink(two, 1, "a"), 0);
		ms_cluster_run(&c, DFS_SEC);
		bool knew = one->ups_count == 2 && puppet_status(two, "open_inodes") == 0;
		if (!knew)
			assert_int_equal(puppet_getattr(two, ino, &attr), 0);
		assert_int_equal(puppet_release(one, ino), 0);
		ms_cluster_run(&c, DFS_SEC);
		assert_int_equal(puppet_getattr(two, ino, &attr), DFS_ESTALE);
		ms_cluster_fini(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_open_file_outlives_its_name_until_it_is_released),
	    cmocka_unit_test(a_file_unlinked_and_not_open_goes_at_once),
	    cmocka_unit_test(a_silent_session_expires_and_lets_go_of_its_opens),
	    cmocka_unit_test(a_session_that_keeps_its_link_never_expires),
	    cmocka_unit_test(an_expired_session_cannot_be_resumed),
	    cmocka_unit_test(a_session_belongs_to_the_node_that_opened_it),
	    cmocka_unit_test(a_detached_session_is_gone),
	    cmocka_unit_test(after_a_restart_a_client_says_what_it_holds_open),
	    cmocka_unit_test(the_grace_period_waits_for_every_session),
	    cmocka_unit_test(a_repeated_open_make_holds_the_file_open_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
