/*
 * The trash as admin tools and clients see it at the master: SET_TRASH, LIST_TRASH, RECOVER,
 * EMPTY_TRASH, and what happens when the time is up.
 */
#include "tests/unit/ms_cluster.h"
#include "tests/unit/unit.h"

static struct dfs_span body_of(const struct puppet_reply *reply)
{
	return dfs_span(reply->body, reply->length);
}

static u32 set_trash(struct puppet *admin, u32 keep_s, bool change)
{
	struct dfs_writer body;
	struct dfs_set_trash set = {.ino = DFS_INO_ROOT, .keep_s = keep_s, .change = change};
	struct dfs_set_trash_reply reply;
	puppet_writer(admin, &body);
	dfs_set_trash_put(&body, &set);
	const struct puppet_reply *answer = puppet_ask(admin, DFS_MSG_SET_TRASH, &body);
	assert_non_null(answer);
	assert_int_equal(answer->status, 0);
	assert_int_equal(dfs_set_trash_reply_decode(body_of(answer), 1, &reply), 0);
	return reply.keep_s;
}

/* How many are listed; the first one's key. */
static u32 list_trash(struct puppet *admin, struct dfs_trash_key *ret_key)
{
	struct dfs_writer body;
	struct dfs_list_trash_reply reply;
	struct dfs_trash_item item;
	puppet_writer(admin, &body);
	dfs_list_trash_put(&body, &(struct dfs_list_trash){.path = dfs_span_text("/")});
	const struct puppet_reply *answer = puppet_ask(admin, DFS_MSG_LIST_TRASH, &body);
	assert_non_null(answer);
	assert_int_equal(answer->status, 0);
	assert_int_equal(dfs_list_trash_reply_decode(body_of(answer), 1, &reply), 0);
	assert_int_equal(reply.end, 1);
	u32 count = reply.items.count;
	if (dfs_trash_item_next(&reply.items, &item))
		*ret_key = item.key;
	return count;
}

/* The status; 0: the inode that came back and its path as text. */
static int recover(struct puppet *admin, u64 ino, u64 *ret_ino, char ret_path[64])
{
	struct dfs_writer body;
	struct dfs_recover_reply reply;
	puppet_writer(admin, &body);
	dfs_recover_put(&body, &(struct dfs_recover){.ino = ino});
	const struct puppet_reply *answer = puppet_ask(admin, DFS_MSG_RECOVER, &body);
	assert_non_null(answer);
	if (answer->status != 0)
		return answer->status;
	assert_int_equal(dfs_recover_reply_decode(body_of(answer), 1, &reply), 0);
	*ret_ino = reply.attr.ino;
	snprintf(ret_path, 64, "%.*s", (int)reply.path.length, (const char *)reply.path.data);
	return 0;
}

static int empty_trash(struct puppet *admin, struct dfs_trash_key key)
{
	struct dfs_writer body, keys;
	dfs_writer_init(&keys, DFS_PROTOCOL_VERSION, 0);
	dfs_trash_key_put(&keys, &key);
	puppet_writer(admin, &body);
	dfs_empty_trash_put(&body, &(struct dfs_empty_trash){.keys = dfs_writer_items(&keys)});
	const struct puppet_reply *answer = puppet_ask(admin, DFS_MSG_EMPTY_TRASH, &body);
	dfs_writer_fini(&keys);
	assert_non_null(answer);
	return answer->status;
}

/* A deleted file is listed and comes back, across a restart of the master, as often as asked. */
static void a_file_is_recovered_across_a_restart(void **unused)
{
	(void)unused;
	struct ms_cluster cluster;
	struct dfs_mutate_reply made;
	struct dfs_trash_key key;
	struct dfs_attr attr;
	u64 ino;
	char path[64];
	ms_cluster_init(&cluster, 1);
	struct puppet *client = puppet_new(&cluster, "client", DFS_ROLE_CLIENT);
	struct puppet *admin = puppet_new(&cluster, "admin", DFS_ROLE_ADMIN);
	puppet_attach(client);
	assert_int_equal(set_trash(admin, 0, false), 0);
	assert_int_equal(set_trash(admin, 3600, true), 3600);
	assert_int_equal(set_trash(admin, 0, false), 3600);
	assert_int_equal(puppet_make(client, 1, "f", false, &made), 0);
	assert_int_equal(recover(admin, made.attr.ino, &ino, path), 0);
	assert_int_equal(puppet_unlink(client, 2, "f"), 0);
	assert_int_equal(puppet_status(admin, "trash.files"), 1);
	ms_cluster_restart(&cluster, SIM_POWER);
	assert_int_equal(list_trash(admin, &key), 1);
	assert_int_equal(key.ino, made.attr.ino);
	for (u32 i = 0; i < 2; i++) {
		assert_int_equal(recover(admin, key.ino, &ino, path), 0);
		assert_int_equal(ino, key.ino);
		assert_string_equal(path, i == 0 ? "/f" : "");
	}
	assert_int_equal(puppet_lookup(client, "f", &attr), 0);
	assert_int_equal(attr.ino, key.ino);
	assert_int_equal(recover(admin, 999, &ino, path), DFS_ENOENT);
	/* What was restored meanwhile is not emptied. */
	assert_int_equal(empty_trash(admin, key), 0);
	assert_int_equal(puppet_lookup(client, "f", &attr), 0);
	ms_cluster_fini(&cluster);
}

/* Its time is up, also if the master was down then; what is open stays until it is closed. */
static void what_has_had_its_time_goes(void **unused)
{
	(void)unused;
	struct ms_cluster cluster;
	struct dfs_mutate_reply made, held;
	struct dfs_trash_key key;
	struct dfs_attr attr;
	ms_cluster_init(&cluster, 2);
	struct puppet *client = puppet_new(&cluster, "client", DFS_ROLE_CLIENT);
	struct puppet *admin = puppet_new(&cluster, "admin", DFS_ROLE_ADMIN);
	puppet_attach(client);
	assert_int_equal(set_trash(admin, 40, true), 40);
	assert_int_equal(puppet_make(client, 1, "f", false, &made), 0);
	assert_int_equal(puppet_make(client, 2, "g", true, &held), 0);
	client->opens[0] = held.attr.ino;
	assert_int_equal(puppet_unlink(client, 3, "f"), 0);
	assert_int_equal(puppet_unlink(client, 4, "g"), 0);
	ms_cluster_restart(&cluster, SIM_KILL);
	ms_cluster_run(&cluster, DFS_SEC);
	assert_int_equal(list_trash(admin, &key), 2);
	ms_cluster_run(&cluster, 45 * DFS_SEC);
	assert_int_equal(list_trash(admin, &key), 0);
	assert_int_equal(puppet_getattr(client, made.attr.ino, &attr), DFS_ESTALE);
	assert_int_equal(puppet_getattr(client, held.attr.ino, &attr), 0);
	assert_int_equal(puppet_release(client, held.attr.ino), 0);
	ms_cluster_run(&cluster, DFS_SEC);
	assert_int_equal(puppet_getattr(client, held.attr.ino, &attr), DFS_ESTALE);
	assert_int_equal(puppet_status(admin, "inodes"), 1);
	ms_cluster_fini(&cluster);
}

/* Another mount knows that the name is absent: it is told before the file is back. */
static void whoever_caches_is_told_of_a_recovery(void **unused)
{
	(void)unused;
	struct ms_cluster cluster;
	struct dfs_mutate_reply made;
	struct dfs_trash_key key;
	struct dfs_attr attr;
	u64 ino;
	char path[64];
	ms_cluster_init(&cluster, 3);
	struct puppet *client = puppet_new(&cluster, "client", DFS_ROLE_CLIENT);
	struct puppet *other = puppet_new(&cluster, "other", DFS_ROLE_CLIENT);
	struct puppet *admin = puppet_new(&cluster, "admin", DFS_ROLE_ADMIN);
	puppet_attach(client);
	puppet_attach(other);
	assert_int_equal(set_trash(admin, 3600, true), 3600);
	assert_int_equal(puppet_make(client, 1, "f", false, &made), 0);
	assert_int_equal(puppet_unlink(client, 2, "f"), 0);
	assert_int_equal(puppet_lookup(other, "f", &attr), 0);
	assert_int_equal(attr.ino, 0);
	u32 told = puppet_asked_count(other, DFS_MSG_INVALIDATE);
	assert_int_equal(recover(admin, made.attr.ino, &ino, path), 0);
	assert_true(puppet_asked_count(other, DFS_MSG_INVALIDATE) > told);
	/* For good, and at once. */
	assert_int_equal(puppet_unlink(client, 3, "f"), 0);
	assert_int_equal(list_trash(admin, &key), 1);
	assert_int_equal(empty_trash(admin, key), 0);
	ms_cluster_run(&cluster, DFS_SEC);
	assert_int_equal(puppet_getattr(client, made.attr.ino, &attr), DFS_ESTALE);
	assert_int_equal(recover(admin, made.attr.ino, &ino, path), DFS_ENOENT);
	ms_cluster_fini(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_is_recovered_across_a_restart),
	    cmocka_unit_test(what_has_had_its_time_goes),
	    cmocka_unit_test(whoever_caches_is_told_of_a_recovery),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
