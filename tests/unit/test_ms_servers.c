/*
 * The master and its chunkservers: grants and where they go, locations, and chunks on their way
 * out: garbage, strays, cut ends.
 */
#include "tests/unit/ms_cluster.h"
#include "tests/unit/unit.h"

#include "libdfsproto/base/errors.h"

#define PLENTY (UINT64_C(1) << 36)

struct scene {
	struct ms_cluster c;
	struct puppet *client;
	struct puppet *server;
	u64 ino;
	u64 chunk;
};

static void begin(struct scene *s, u64 seed)
{
	ms_cluster_init(&s->c, seed);
	s->client = puppet_new(&s->c, "client", DFS_ROLE_CLIENT);
	s->server = puppet_new(&s->c, "server", DFS_ROLE_CHUNKSERVER);
	puppet_attach(s->client);
}

static struct dfs_location first_grant(const struct puppet_reply *reply)
{
	struct dfs_grant_reply decoded;
	struct dfs_location location;
	assert_true(reply->done);
	assert_int_equal(reply->status, 0);
	assert_int_equal(dfs_grant_reply_decode(dfs_span(reply->body, reply->length), 1, &decoded),
			 0);
	assert_true(puppet_first_location(decoded.chunks, &location));
	return location;
}

static const struct puppet_reply *wait_grant(struct scene *s, u64 index, nsec time)
{
	u32 at = puppet_grant(s->client, s->ino, index, 1);
	ms_cluster_run(&s->c, time);
	return &s->client->replies[at];
}

/* A file with one committed chunk, on a registered server. */
static void write_file(struct scene *s)
{
	struct dfs_mutate_reply made;
	struct dfs_location location;
	assert_int_equal(puppet_register(s->server, PLENTY, 0), 0);
	assert_int_equal(puppet_report(s->server, true, 0, 0), 0);
	assert_int_equal(puppet_make(s->client, 1, "a", true, &made), 0);
	s->ino = made.attr.ino;
	assert_true(puppet_first_location(made.grants, &location));
	s->chunk = location.chunk;
	assert_int_equal(location.replicas.count, 1);
	assert_int_equal(puppet_report(s->server, false, s->chunk, DFS_HELD_GOOD), 0);
	assert_int_equal(puppet_commit(s->client, 2, s->ino, s->chunk, 1000), 0);
}

static void a_grant_waits_for_a_server_and_then_gives_up(void **state)
{
	(void)state;
	struct scene s;
	struct dfs_mutate_reply made;
	begin(&s, 1);
	assert_int_equal(puppet_make(s.client, 1, "a", true, &made), 0);
	assert_int_equal(made.grants.count, 0);
	s.ino = made.attr.ino;
	assert_false(wait_grant(&s, 0, 4 * DFS_SEC)->done);
	ms_cluster_run(&s.c, 2 * DFS_SEC);
	assert_int_equal(s.client->replies[s.client->replies_count - 1].status, DFS_ENO_SERVER);
	u32 at = puppet_grant(s.client, s.ino, 0, 1);
	ms_cluster_run(&s.c, DFS_SEC);
	assert_false(s.client->replies[at].done);
	assert_int_equal(puppet_register(s.server, PLENTY, 0), 0);
	ms_cluster_run(&s.c, 100 * DFS_MSEC);
	struct dfs_location location = first_grant(&s.client->replies[at]);
	assert_int_equal(location.epoch, 1);
	assert_int_equal(location.replicas.count, 1);
	ms_cluster_fini(&s.c);
}

static void full_disks_are_no_space_and_failed_ones_are_not_used(void **state)
{
	(void)state;
	struct scene s;
	struct dfs_mutate_reply made;
	begin(&s, 2);
	assert_int_equal(puppet_register(s.server, PLENTY, DFS_DISK_FULL), 0);
	assert_int_equal(puppet_make(s.client, 1, "a", true, &made), 0);
	s.ino = made.attr.ino;
	assert_int_equal(wait_grant(&s, 0, DFS_SEC)->status, DFS_ENOSPC);
	assert_int_equal(puppet_register(s.server, PLENTY, DFS_DISK_FAILED), 0);
	assert_int_equal(wait_grant(&s, 0, DFS_SEC)->status, DFS_ENOSPC);
	assert_int_equal(puppet_register(s.server, 1000, DFS_DISK_IN_USE), 0);
	assert_int_equal(wait_grant(&s, 0, DFS_SEC)->status, DFS_ENOSPC);
	assert_int_equal(puppet_register(s.server, PLENTY, DFS_DISK_IN_USE), 0);
	assert_int_equal(wait_grant(&s, 0, DFS_SEC)->status, 0);
	ms_cluster_fini(&s.c);
}

static void asking_again_gives_the_same_chunk_until_its_disk_is_full(void **state)
{
	(void)state;
	struct scene s;
	struct dfs_mutate_reply made;
	begin(&s, 3);
	struct puppet *other = puppet_new(&s.c, "other", DFS_ROLE_CLIENT);
	puppet_attach(other);
	assert_int_equal(puppet_register(s.server, PLENTY, 0), 0);
	assert_int_equal(puppet_make(s.client, 1, "a", true, &made), 0);
	s.ino = made.attr.ino;
	u64 chunk = first_grant(wait_grant(&s, 5, DFS_SEC)).chunk;
	assert_int_equal(first_grant(wait_grant(&s, 5, DFS_SEC)).chunk, chunk);
	u32 at = puppet_grant(other, s.ino, 5, 1);
	ms_cluster_run(&s.c, DFS_SEC);
	assert_int_equal(first_grant(&other->replies[at]).chunk, chunk);
	struct puppet *second = puppet_new(&s.c, "second", DFS_ROLE_CHUNKSERVER);
	assert_int_equal(puppet_register(second, PLENTY, 0), 0);
	assert_int_equal(puppet_register(s.server, PLENTY, DFS_DISK_FULL), 0);
	assert_int_not_equal(first_grant(wait_grant(&s, 5, DFS_SEC)).chunk, chunk);
	ms_cluster_fini(&s.c);
}

static void a_grant_is_not_shared_with_a_client_that_is_away(void **state)
{
	(void)state;
	struct scene s;
	struct dfs_mutate_reply made;
	struct dfs_location location;
	begin(&s, 21);
	struct puppet *other = puppet_new(&s.c, "other", DFS_ROLE_CLIENT);
	puppet_attach(other);
	assert_int_equal(puppet_register(s.server, PLENTY, 0), 0);
	assert_int_equal(puppet_make(s.client, 1, "a", true, &made), 0);
	assert_true(puppet_first_location(made.grants, &location));
	s.ino = made.attr.ino;
	s.chunk = location.chunk;
	s.client->grants[0] = (struct dfs_grant_kept){.ino = s.ino, .chunk = s.chunk};
	/* What it has written may stay there for ever without a COMMIT. */
	sim_cut(s.client->node, s.c.master);
	sim_cut(s.c.master, s.client->node);
	ms_cluster_run(&s.c, 10 * DFS_SEC);
	u32 at = puppet_grant(other, s.ino, 0, 1);
	ms_cluster_run(&s.c, DFS_SEC);
	u64 fresh = first_grant(&other->replies[at]).chunk;
	assert_int_not_equal(fresh, s.chunk);
	/* Back again, it has what it had, until another chunk has taken the place. */
	sim_heal(s.c.sim);
	ms_cluster_run(&s.c, 5 * DFS_SEC);
	assert_int_equal(first_grant(wait_grant(&s, 0, DFS_SEC)).chunk, s.chunk);
	assert_int_equal(puppet_report(s.server, false, fresh, DFS_HELD_GOOD), 0);
	assert_int_equal(puppet_commit(other, 1, s.ino, fresh, 1000), 0);
	assert_int_equal(puppet_commit(s.client, 2, s.ino, s.chunk, 112), DFS_ESTALE);
	assert_int_equal(first_grant(wait_grant(&s, 0, DFS_SEC)).chunk, fresh);
	ms_cluster_fini(&s.c);
}

static void a_chunk_whose_server_is_away_is_listed_without_replicas(void **state)
{
	(void)state;
	struct scene s;
	struct dfs_writer body;
	struct dfs_chunks_reply chunks;
	struct dfs_location location;
	begin(&s, 4);
	write_file(&s);
	for (u32 away = 0; away < 2; away++) {
		struct dfs_chunks ask = {.ino = s.ino, .count = 10};
		puppet_writer(s.client, &body);
		dfs_chunks_put(&body, &ask);
		const struct puppet_reply *reply = puppet_ask(s.client, DFS_MSG_CHUNKS, &body);
		assert_int_equal(reply->status, 0);
		assert_int_equal(
		    dfs_chunks_reply_decode(dfs_span(reply->body, reply->length), 1, &chunks), 0);
		assert_int_equal(chunks.chunks.count, 1);
		assert_true(puppet_first_location(chunks.chunks, &location));
		assert_int_equal(location.chunk, s.chunk);
		assert_int_equal(location.replicas.count, away ? 0 : 1);
		sim_crash(s.server->node, SIM_KILL);
		ms_cluster_run(&s.c, 5 * DFS_SEC);
	}
	assert_false(wait_grant(&s, 0, DFS_SEC)->done);
	ms_cluster_fini(&s.c);
}

static void chunks_of_a_removed_file_are_deleted_and_forgotten(void **state)
{
	(void)state;
	struct scene s;
	begin(&s, 5);
	write_file(&s);
	s.server->holds_answers = true;
	assert_int_equal(puppet_unlink(s.client, 3, "a"), 0);
	ms_cluster_run(&s.c, DFS_SEC);
	assert_int_equal(puppet_asked_count(s.server, DFS_MSG_DELETE_CHUNKS), 0);
	assert_int_equal(puppet_release(s.client, s.ino), 0);
	ms_cluster_run(&s.c, DFS_SEC);
	assert_true(puppet_asked_delete(s.server, s.chunk));
	assert_int_equal(puppet_status(s.client, "garbage"), 1);
	puppet_answer(s.server, 0);
	ms_cluster_run(&s.c, DFS_SEC);
	assert_int_equal(puppet_status(s.client, "garbage"), 0);
	assert_int_equal(puppet_status(s.client, "copies"), 0);
	ms_cluster_fini(&s.c);
}

static void a_refused_deletion_is_asked_for_again(void **state)
{
	(void)state;
	struct scene s;
	begin(&s, 6);
	write_file(&s);
	s.server->answer_status = DFS_EIO;
	assert_int_equal(puppet_unlink(s.client, 3, "a"), 0);
	assert_int_equal(puppet_release(s.client, s.ino), 0);
	ms_cluster_run(&s.c, DFS_SEC);
	assert_int_equal(puppet_asked_count(s.server, DFS_MSG_DELETE_CHUNKS), 1);
	assert_int_equal(puppet_status(s.client, "garbage"), 1);
	s.server->answer_status = 0;
	ms_cluster_run(&s.c, 10 * DFS_SEC);
	assert_int_equal(puppet_asked_count(s.server, DFS_MSG_DELETE_CHUNKS), 2);
	assert_int_equal(puppet_status(s.client, "garbage"), 0);
	ms_cluster_fini(&s.c);
}

static void garbage_left_by_a_crash_is_found_again(void **state)
{
	(void)state;
	struct scene s;
	begin(&s, 7);
	write_file(&s);
	s.server->holds_answers = true;
	assert_int_equal(puppet_unlink(s.client, 3, "a"), 0);
	assert_int_equal(puppet_release(s.client, s.ino), 0);
	ms_cluster_run(&s.c, DFS_SEC);
	s.server->holds_answers = false;
	ms_cluster_restart(&s.c, SIM_POWER);
	assert_int_equal(puppet_register(s.server, PLENTY, 0), 0);
	assert_int_equal(puppet_report(s.server, true, s.chunk, DFS_HELD_GOOD), 0);
	ms_cluster_run(&s.c, 5 * DFS_SEC);
	assert_int_equal(puppet_status(s.client, "garbage"), 0);
	assert_true(puppet_asked_delete(s.server, s.chunk));
	assert_int_equal(puppet_status(s.client, "copies"), 0);
	ms_cluster_fini(&s.c);
}

static void a_stray_is_deleted_but_not_within_the_grace_period(void **state)
{
	(void)state;
	struct scene s;
	begin(&s, 8);
	write_file(&s);
	struct puppet *other = puppet_new(&s.c, "other", DFS_ROLE_CLIENT);
	puppet_attach(other);
	struct dfs_location fresh = first_grant(wait_grant(&s, 1, DFS_SEC));
	s.client->grants[0] =
	    (struct dfs_grant_kept){.ino = s.ino, .index = 1, .chunk = fresh.chunk};
	sim_crash(other->node, SIM_KILL);
	ms_cluster_restart(&s.c, SIM_KILL);
	assert_int_equal(puppet_register(s.server, PLENTY, 0), 0);
	assert_int_equal(puppet_report(s.server, true, s.chunk, DFS_HELD_GOOD), 0);
	assert_int_equal(puppet_report(s.server, false, fresh.chunk, DFS_HELD_GOOD), 0);
	assert_int_equal(puppet_report(s.server, false, 777777, DFS_HELD_GOOD), 0);
	ms_cluster_run(&s.c, 30 * DFS_SEC);
	assert_int_equal(puppet_asked_count(s.server, DFS_MSG_DELETE_CHUNKS), 0);
	ms_cluster_run(&s.c, 40 * DFS_SEC);
	assert_true(puppet_asked_delete(s.server, 777777));
	assert_false(puppet_asked_delete(s.server, s.chunk));
	assert_false(puppet_asked_delete(s.server, fresh.chunk));
	assert_int_equal(puppet_commit(s.client, 3, s.ino, s.chunk, 1000), 0);
	ms_cluster_fini(&s.c);
}

static void what_a_dead_client_wrote_without_commit_is_deleted(void **state)
{
	(void)state;
	struct scene s;
	struct dfs_mutate_reply made;
	struct dfs_location location;
	begin(&s, 9);
	assert_int_equal(puppet_register(s.server, PLENTY, 0), 0);
	assert_int_equal(puppet_make(s.client, 1, "a", true, &made), 0);
	assert_true(puppet_first_location(made.grants, &location));
	u64 chunk = location.chunk;
	assert_int_equal(puppet_report(s.server, false, chunk, DFS_HELD_GOOD), 0);
	ms_cluster_run(&s.c, 10 * DFS_SEC);
	assert_int_equal(puppet_asked_count(s.server, DFS_MSG_DELETE_CHUNKS), 0);
	sim_crash(s.client->node, SIM_KILL);
	ms_cluster_run(&s.c, 70 * DFS_SEC);
	assert_true(puppet_asked_delete(s.server, chunk));
	ms_cluster_fini(&s.c);
}

static int truncate_to(struct scene *s, u64 sequence, u64 size)
{
	struct dfs_writer body;
	struct dfs_setattr set = {.ino = s->ino, .valid = DFS_SETATTR_SIZE, .size = size};
	dfs_writer_init(&body, 1, 0);
	dfs_setattr_put(&body, &set);
	return puppet_change(s->client, sequence, DFS_OP_SETATTR, &body)->status;
}

static void a_chunk_that_was_deleted_is_not_committed_again(void **state)
{
	(void)state;
	struct scene s;
	begin(&s, 22);
	struct puppet *other = puppet_new(&s.c, "other", DFS_ROLE_CLIENT);
	puppet_attach(other);
	write_file(&s);
	/* The other one has written to it as well, and has not told yet. */
	assert_int_equal(truncate_to(&s, 3, 0), 0);
	ms_cluster_run(&s.c, 5 * DFS_SEC);
	assert_true(puppet_asked_delete(s.server, s.chunk));
	assert_int_equal(puppet_status(s.client, "garbage"), 0);
	assert_int_equal(puppet_commit(other, 1, s.ino, s.chunk, 1000), DFS_ESTALE);
	ms_cluster_fini(&s.c);
}

static void a_cut_chunk_is_not_granted_before_it_is_trimmed(void **state)
{
	(void)state;
	struct scene s;
	struct dfs_trim_chunk trim;
	begin(&s, 10);
	write_file(&s);
	s.server->holds_answers = true;
	assert_int_equal(truncate_to(&s, 3, 100), 0);
	ms_cluster_run(&s.c, DFS_SEC);
	assert_int_equal(puppet_asked_count(s.server, DFS_MSG_TRIM_CHUNK), 1);
	const struct puppet_asked *asked = &s.server->asked[s.server->asked_count - 1];
	assert_int_equal(dfs_trim_chunk_decode(dfs_span(asked->body, asked->length), 1, &trim), 0);
	assert_int_equal(trim.chunk, s.chunk);
	assert_int_equal(trim.length, 100);
	u32 at = puppet_grant(s.client, s.ino, 0, 1);
	ms_cluster_run(&s.c, DFS_SEC);
	assert_false(s.client->replies[at].done);
	puppet_answer(s.server, 0);
	ms_cluster_run(&s.c, DFS_SEC);
	assert_int_equal(first_grant(&s.client->replies[at]).valid, DFS_VALID_ALL);
	assert_int_equal(puppet_status(s.client, "trims"), 0);
	ms_cluster_fini(&s.c);
}

static void a_trim_is_resumed_after_a_restart_and_a_lower_one_wins(void **state)
{
	(void)state;
	struct scene s;
	struct dfs_trim_chunk trim;
	begin(&s, 11);
	write_file(&s);
	s.server->holds_answers = true;
	assert_int_equal(truncate_to(&s, 3, 100), 0);
	ms_cluster_run(&s.c, DFS_SEC);
	assert_int_equal(truncate_to(&s, 4, 50), 0);
	puppet_answer(s.server, 0);
	ms_cluster_run(&s.c, DFS_SEC);
	assert_int_equal(puppet_asked_count(s.server, DFS_MSG_TRIM_CHUNK), 2);
	ms_cluster_restart(&s.c, SIM_POWER);
	s.server->holds_answers = false;
	assert_int_equal(puppet_register(s.server, PLENTY, 0), 0);
	assert_int_equal(puppet_report(s.server, true, s.chunk, DFS_HELD_GOOD), 0);
	ms_cluster_run(&s.c, 3 * DFS_SEC);
	const struct puppet_asked *asked = &s.server->asked[s.server->asked_count - 1];
	assert_int_equal(asked->type, DFS_MSG_TRIM_CHUNK);
	assert_int_equal(dfs_trim_chunk_decode(dfs_span(asked->body, asked->length), 1, &trim), 0);
	assert_int_equal(trim.length, 50);
	assert_int_equal(first_grant(wait_grant(&s, 0, DFS_SEC)).valid, DFS_VALID_ALL);
	ms_cluster_fini(&s.c);
}

static void chunk_ids_are_never_given_out_twice(void **state)
{
	(void)state;
	struct scene s;
	struct dfs_mutate_reply made;
	u64 last = 0;
	begin(&s, 12);
	for (u64 i = 1; i <= 20; i++) {
		char name[16];
		struct dfs_location location;
		snprintf(name, sizeof(name), "f%llu", (unsigned long long)i);
		assert_int_equal(puppet_register(s.server, PLENTY, 0), 0);
		assert_int_equal(puppet_make(s.client, i, name, true, &made), 0);
		assert_true(puppet_first_location(made.grants, &location));
		assert_true(location.chunk > last);
		last = location.chunk;
		if (i % 4 == 0)
			ms_cluster_restart(&s.c, i % 8 ? SIM_KILL : SIM_POWER);
	}
	ms_cluster_fini(&s.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_grant_waits_for_a_server_and_then_gives_up),
	    cmocka_unit_test(full_disks_are_no_space_and_failed_ones_are_not_used),
	    cmocka_unit_test(asking_again_gives_the_same_chunk_until_its_disk_is_full),
	    cmocka_unit_test(a_grant_is_not_shared_with_a_client_that_is_away),
	    cmocka_unit_test(a_chunk_whose_server_is_away_is_listed_without_replicas),
	    cmocka_unit_test(chunks_of_a_removed_file_are_deleted_and_forgotten),
	    cmocka_unit_test(a_refused_deletion_is_asked_for_again),
	    cmocka_unit_test(garbage_left_by_a_crash_is_found_again),
	    cmocka_unit_test(a_stray_is_deleted_but_not_within_the_grace_period),
	    cmocka_unit_test(what_a_dead_client_wrote_without_commit_is_deleted),
	    cmocka_unit_test(a_chunk_that_was_deleted_is_not_committed_again),
	    cmocka_unit_test(a_cut_chunk_is_not_granted_before_it_is_trimmed),
	    cmocka_unit_test(a_trim_is_resumed_after_a_restart_and_a_lower_one_wins),
	    cmocka_unit_test(chunk_ids_are_never_given_out_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
