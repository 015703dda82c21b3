/*
 * What the master tells and does for admin tools: WALK, EXAMINE, REPAIR.
 */
#include "libdfsproto/wire/record.h"
#include "master/core/check.h"
#include "master/core/master_i.h"
#include "master/core/state_i.h"
#include "tests/unit/ms_cluster.h"
#include "tests/unit/unit.h"

static struct dfs_span body_of(const struct puppet_reply *reply)
{
	return dfs_span(reply->body, reply->length);
}

/* Ask for rows; they are fed to `check` unless it is NULL. The status; how many came. */
static int walk(struct puppet *admin, u64 position, u32 bytes_max, struct ms_check *check,
		u64 *ret_rows, bool *ret_end)
{
	struct dfs_writer body;
	struct dfs_walk request = {.position = position, .bytes_max = bytes_max};
	struct dfs_walk_reply reply;
	struct dfs_table_row row;
	puppet_writer(admin, &body);
	dfs_walk_put(&body, &request);
	const struct puppet_reply *answer = puppet_ask(admin, DFS_MSG_WALK, &body);
	assert_non_null(answer);
	if (answer->status != 0)
		return answer->status;
	assert_int_equal(dfs_walk_reply_decode(body_of(answer), 1, &reply), 0);
	*ret_rows = reply.rows.count;
	*ret_end = reply.end != 0;
	while (check != NULL && dfs_table_row_next(&reply.rows, &row))
		assert_int_equal(ms_check_row(check, row.key, row.value), 0);
	return 0;
}

/* The whole of it, while a client goes on changing the tree. */
static void a_walk_is_of_one_moment_and_in_steps(void **unused)
{
	(void)unused;
	struct ms_cluster cluster;
	u64 position = 0, rows;
	u32 steps = 0, count;
	u64 dropped;
	bool end = false;
	ms_cluster_init(&cluster, 1);
	struct puppet *client = puppet_new(&cluster, "client", DFS_ROLE_CLIENT);
	struct puppet *admin = puppet_new(&cluster, "admin", DFS_ROLE_ADMIN);
	puppet_attach(client);
	for (u64 i = 1; i <= 40; i++) {
		char name[16];
		snprintf(name, sizeof(name), "f%u", (unsigned)i);
		assert_int_equal(puppet_make(client, i, name, false, NULL), 0);
	}
	struct ms_check *check = ms_check_new();
	while (!end) {
		char name[16];
		snprintf(name, sizeof(name), "g%u", ++steps);
		assert_int_equal(walk(admin, position, 1000, check, &rows, &end), 0);
		position += rows;
		assert_int_equal(puppet_make(client, 40 + steps, name, false, NULL), 0);
	}
	ms_check_end(check);
	(void)ms_check_findings(check, &count, &dropped);
	assert_int_equal(count, 0);
	assert_true(steps > 5);
	assert_int_equal(ms_check_counts(check).inodes, 41);
	assert_int_equal(ms_check_counts(check).rows, position);
	/* It is over. */
	assert_int_equal(walk(admin, position, 1000, NULL, &rows, &end), DFS_ESTALE);
	ms_check_free(check);
	ms_cluster_fini(&cluster);
}

static void a_walk_ends_with_its_link_and_few_are_let_in(void **unused)
{
	(void)unused;
	struct ms_cluster cluster;
	struct puppet *admins[DFS_WALKS_MAX + 1];
	u64 rows;
	bool end;
	ms_cluster_init(&cluster, 2);
	struct puppet *client = puppet_new(&cluster, "client", DFS_ROLE_CLIENT);
	puppet_attach(client);
	assert_int_equal(walk(client, 0, 1, NULL, &rows, &end), DFS_EWRONG_ROLE);
	for (u32 i = 0; i <= DFS_WALKS_MAX; i++) {
		char name[16];
		snprintf(name, sizeof(name), "admin%u", i);
		admins[i] = puppet_new(&cluster, name, DFS_ROLE_ADMIN);
		assert_int_equal(walk(admins[i], 0, 1, NULL, &rows, &end),
				 i < DFS_WALKS_MAX ? 0 : DFS_EBUSY);
	}
	assert_int_equal(rows, 1);
	assert_int_equal(walk(admins[0], 0, 0, NULL, &rows, &end), DFS_EINVAL);
	assert_int_equal(walk(admins[0], 7, 1, NULL, &rows, &end), DFS_ESTALE);
	assert_int_equal(walk(admins[0], 1, 1, NULL, &rows, &end), 0);
	puppet_cut(admins[0]);
	ms_cluster_run(&cluster, DFS_SEC);
	assert_int_equal(walk(admins[0], 2, 1, NULL, &rows, &end), DFS_ESTALE);
	assert_int_equal(walk(admins[DFS_WALKS_MAX], 0, 1, NULL, &rows, &end), 0);
	ms_cluster_fini(&cluster);
}

static struct dfs_examine_reply examine(struct puppet *admin, u64 ino, u64 chunk)
{
	struct dfs_writer body, inodes, chunks;
	struct dfs_examine_reply reply;
	dfs_writer_init(&inodes, 1, 0);
	dfs_writer_init(&chunks, 1, 0);
	dfs_id_put(&inodes, &(struct dfs_id){.id = ino});
	dfs_id_put(&chunks, &(struct dfs_id){.id = chunk});
	struct dfs_examine request = {.inodes = dfs_writer_items(&inodes),
				      .chunks = dfs_writer_items(&chunks)};
	puppet_writer(admin, &body);
	dfs_examine_put(&body, &request);
	const struct puppet_reply *answer = puppet_ask(admin, DFS_MSG_EXAMINE, &body);
	assert_non_null(answer);
	assert_int_equal(answer->status, 0);
	assert_int_equal(dfs_examine_reply_decode(body_of(answer), 1, &reply), 0);
	dfs_writer_fini(&inodes);
	dfs_writer_fini(&chunks);
	return reply;
}

static struct dfs_chunk_fact chunk_fact(struct puppet *admin, u64 chunk)
{
	struct dfs_examine_reply reply = examine(admin, 1, chunk);
	struct dfs_chunk_fact fact;
	assert_true(dfs_chunk_fact_next(&reply.chunks, &fact));
	assert_int_equal(fact.chunk, chunk);
	return fact;
}

static struct dfs_inode_fact inode_fact(struct puppet *admin, u64 ino)
{
	struct dfs_examine_reply reply = examine(admin, ino, 1);
	struct dfs_inode_fact fact;
	assert_true(dfs_inode_fact_next(&reply.inodes, &fact));
	assert_int_equal(fact.ino, ino);
	return fact;
}

static void chunks_and_inodes_are_examined(void **unused)
{
	(void)unused;
	struct ms_cluster cluster;
	struct dfs_mutate_reply made;
	struct dfs_location first;
	ms_cluster_init(&cluster, 3);
	struct puppet *client = puppet_new(&cluster, "client", DFS_ROLE_CLIENT);
	struct puppet *server = puppet_new(&cluster, "server:1", DFS_ROLE_CHUNKSERVER);
	struct puppet *admin = puppet_new(&cluster, "admin", DFS_ROLE_ADMIN);
	puppet_attach(client);
	assert_int_equal(puppet_register(server, UINT64_C(1) << 39, DFS_DISK_IN_USE), 0);
	assert_int_equal(puppet_report(server, true, 0, DFS_HELD_GOOD), 0);
	assert_int_equal(puppet_make(client, 1, "f", true, &made), 0);
	assert_true(puppet_first_location(made.grants, &first));
	u64 ino = made.attr.ino;
	u64 chunk = first.chunk;
	assert_int_equal(chunk_fact(admin, chunk).state, DFS_CHUNK_GRANTED);
	assert_int_equal(puppet_commit(client, 2, ino, chunk, 100), 0);
	assert_int_equal(puppet_report(server, false, chunk, DFS_HELD_GOOD), 0);
	struct dfs_chunk_fact fact = chunk_fact(admin, chunk);
	assert_int_equal(fact.state, DFS_CHUNK_MAPPED);
	assert_int_equal(fact.ino, ino);
	assert_int_equal(fact.copies, 1);
	assert_int_equal(fact.copies_online, 1);
	assert_int_equal(fact.home_away, 0);
	assert_int_equal(chunk_fact(admin, 999999).state, DFS_CHUNK_UNKNOWN);
	assert_int_equal(inode_fact(admin, ino).exists, 1);
	assert_int_equal(inode_fact(admin, ino).orphan, 0);
	assert_int_equal(puppet_unlink(client, 3, "f"), 0);
	struct dfs_inode_fact held = inode_fact(admin, ino);
	assert_int_equal(held.exists, 1);
	assert_int_equal(held.orphan, 1);
	assert_int_equal(held.held, 1);
	assert_int_equal(puppet_release(client, ino), 0);
	server->holds_answers = true;
	ms_cluster_run(&cluster, DFS_SEC);
	assert_int_equal(inode_fact(admin, ino).exists, 0);
	assert_int_equal(chunk_fact(admin, chunk).state, DFS_CHUNK_GARBAGE);
	ms_cluster_fini(&cluster);
}

/* How many inodes the session holds open, the last of them; or a status. */
static int opens(struct puppet *admin, u64 session, u64 *ret_ino)
{
	struct dfs_writer body;
	struct dfs_opens_reply reply;
	struct dfs_id id = {0};
	puppet_writer(admin, &body);
	dfs_opens_put(&body, &(struct dfs_opens){.session = session});
	const struct puppet_reply *answer = puppet_ask(admin, DFS_MSG_OPENS, &body);
	assert_non_null(answer);
	if (answer->status != 0)
		return answer->status;
	assert_int_equal(dfs_opens_reply_decode(body_of(answer), 1, &reply), 0);
	int count = (int)reply.inodes.count;
	while (dfs_id_next(&reply.inodes, &id))
		*ret_ino = id.id;
	return count;
}

static void opens_and_sessions_are_told(void **unused)
{
	(void)unused;
	struct ms_cluster cluster;
	struct dfs_mutate_reply made;
	struct dfs_session_fact session;
	u64 ino = 0;
	ms_cluster_init(&cluster, 6);
	struct puppet *client = puppet_new(&cluster, "client", DFS_ROLE_CLIENT);
	struct puppet *admin = puppet_new(&cluster, "admin", DFS_ROLE_ADMIN);
	puppet_attach(client);
	assert_int_equal(opens(admin, client->attached, &ino), 0);
	assert_int_equal(puppet_make(client, 1, "f", true, &made), 0);
	assert_int_equal(opens(admin, client->attached, &ino), 1);
	assert_int_equal(ino, made.attr.ino);
	assert_int_equal(inode_fact(admin, ino).open, 1);
	assert_int_equal(puppet_release(client, ino), 0);
	assert_int_equal(opens(admin, client->attached, &ino), 0);
	assert_int_equal(inode_fact(admin, ino).open, 0);
	assert_int_equal(opens(admin, 999, &ino), DFS_ENO_SESSION);
	const u64 asked[] = {client->attached, 999};
	for (u32 i = 0; i < 2; i++) {
		struct dfs_writer body, ids;
		struct dfs_examine_reply reply;
		dfs_writer_init(&ids, 1, 0);
		dfs_id_put(&ids, &(struct dfs_id){.id = asked[i]});
		puppet_writer(admin, &body);
		dfs_examine_put(&body, &(struct dfs_examine){.sessions = dfs_writer_items(&ids)});
		dfs_writer_fini(&ids);
		const struct puppet_reply *answer = puppet_ask(admin, DFS_MSG_EXAMINE, &body);
		assert_int_equal(dfs_examine_reply_decode(body_of(answer), 1, &reply), 0);
		assert_true(dfs_session_fact_next(&reply.sessions, &session));
		assert_int_equal(session.exists, i == 0);
		assert_int_equal(session.known, i == 0);
	}
	ms_cluster_fini(&cluster);
}

static int repair(struct puppet *admin, struct dfs_repair what)
{
	struct dfs_writer body;
	puppet_writer(admin, &body);
	dfs_repair_put(&body, &what);
	const struct puppet_reply *answer = puppet_ask(admin, DFS_MSG_REPAIR, &body);
	assert_non_null(answer);
	return answer->status;
}

/* An inode's row past all rules. */
static void set_links(struct ms_cluster *cluster, u64 ino, u32 nlink)
{
	struct ms *ms = sim_core(cluster->master);
	struct dfs_kv *kv = ms->state->kv;
	u8 key[9] = {MS_TABLE_INODE, 0, 0, 0, 0, 0, 0, 0, (u8)ino};
	struct dfs_span value, sealed_body;
	struct dfs_row_inode row;
	struct dfs_writer writer;
	struct dfs_kv_batch batch = {0};
	u16 version;
	assert_int_equal(dfs_kv_get(kv, dfs_span(key, sizeof(key)), &value), 0);
	assert_int_equal(dfs_record_open(value, MS_MAGIC(MS_TABLE_INODE), MS_DISK_VERSION, &version,
					 &sealed_body),
			 0);
	assert_int_equal(dfs_row_inode_decode(sealed_body, version, &row), 0);
	row.nlink = nlink;
	dfs_writer_init(&writer, MS_DISK_VERSION, DFS_RECORD_HEADER_BYTES);
	dfs_record_begin(&writer);
	dfs_row_inode_put(&writer, &row);
	dfs_kv_batch_put(&batch, dfs_span(key, sizeof(key)),
			 dfs_record_seal(&writer, MS_MAGIC(MS_TABLE_INODE)));
	assert_int_equal(dfs_kv_write(kv, &batch), 0);
	dfs_kv_batch_fini(&batch);
	dfs_writer_fini(&writer);
}

static void a_repair_is_logged_and_whoever_cached_is_told_first(void **unused)
{
	(void)unused;
	struct ms_cluster cluster;
	struct dfs_mutate_reply made;
	struct dfs_attr attr;
	ms_cluster_init(&cluster, 4);
	struct puppet *client = puppet_new(&cluster, "client", DFS_ROLE_CLIENT);
	struct puppet *admin = puppet_new(&cluster, "admin", DFS_ROLE_ADMIN);
	puppet_attach(client);
	assert_int_equal(puppet_make(client, 1, "f", false, &made), 0);
	u64 ino = made.attr.ino;
	set_links(&cluster, ino, 5);
	assert_int_equal(puppet_getattr(client, ino, &attr), 0);
	assert_int_equal(attr.nlink, 5);
	struct dfs_repair links = {.fault = MS_FAULT_LINKS, .subject = ino, .noted = 5, .found = 1};
	u32 asked = puppet_asked_count(client, DFS_MSG_INVALIDATE);
	assert_int_equal(repair(admin, links), 0);
	assert_int_equal(puppet_asked_count(client, DFS_MSG_INVALIDATE), asked + 1);
	assert_int_equal(puppet_getattr(client, ino, &attr), 0);
	assert_int_equal(attr.nlink, 1);
	assert_int_equal(repair(admin, links), DFS_ESTALE);
	/* It is in the log: a power cut does not bring the fault back. */
	ms_cluster_restart(&cluster, SIM_POWER);
	assert_int_equal(puppet_getattr(admin, ino, &attr), 0);
	assert_int_equal(attr.nlink, 1);
	/* What is not safe, not known, or not an admin's. */
	struct dfs_repair nameless = {.fault = MS_FAULT_NAMELESS, .subject = ino};
	assert_int_equal(repair(admin, nameless), DFS_ENOTSUP);
	assert_int_equal(repair(admin, (struct dfs_repair){.fault = 9999}), DFS_ENOTSUP);
	assert_int_equal(repair(client, links), DFS_EWRONG_ROLE);
	ms_cluster_fini(&cluster);
}

static void a_stray_is_deleted_when_asked_for(void **unused)
{
	(void)unused;
	struct ms_cluster cluster;
	ms_cluster_init(&cluster, 5);
	struct puppet *server = puppet_new(&cluster, "server:1", DFS_ROLE_CHUNKSERVER);
	struct puppet *admin = puppet_new(&cluster, "admin", DFS_ROLE_ADMIN);
	assert_int_equal(puppet_register(server, UINT64_C(1) << 39, DFS_DISK_IN_USE), 0);
	assert_int_equal(puppet_report(server, true, 0, DFS_HELD_GOOD), 0);
	ms_cluster_run(&cluster, DFS_SEC);
	assert_false(puppet_asked_delete(server, 77));
	struct dfs_repair stray = {
	    .fault = MS_FAULT_STRAY, .subject = 77, .at = server->identity.node};
	assert_int_equal(repair(admin, stray), 0);
	ms_cluster_run(&cluster, DFS_SEC);
	assert_true(puppet_asked_delete(server, 77));
	stray.at = 12345;
	assert_int_equal(repair(admin, stray), DFS_ENO_SERVER);
	/* No orphan: nothing to remove. */
	struct dfs_repair orphan = {.fault = MS_FAULT_ORPHAN_KEPT, .subject = DFS_INO_ROOT};
	assert_int_equal(repair(admin, orphan), DFS_ESTALE);
	ms_cluster_fini(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_walk_is_of_one_moment_and_in_steps),
	    cmocka_unit_test(a_walk_ends_with_its_link_and_few_are_let_in),
	    cmocka_unit_test(chunks_and_inodes_are_examined),
	    cmocka_unit_test(opens_and_sessions_are_told),
	    cmocka_unit_test(a_repair_is_logged_and_whoever_cached_is_told_first),
	    cmocka_unit_test(a_stray_is_deleted_when_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
