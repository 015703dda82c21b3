/*
 * Chunks of which no copy is left: told as lost when their server is there without them, waited for
 * when it may still have them.
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
	struct dfs_mutate_reply made;
	struct dfs_location location;
	ms_cluster_init(&s->c, seed);
	s->client = puppet_new(&s->c, "client", DFS_ROLE_CLIENT);
	s->server = puppet_new(&s->c, "server", DFS_ROLE_CHUNKSERVER);
	puppet_attach(s->client);
	assert_int_equal(puppet_register(s->server, PLENTY, 0), 0);
	assert_int_equal(puppet_report(s->server, true, 0, 0), 0);
	assert_int_equal(puppet_make(s->client, 1, "a", true, &made), 0);
	assert_true(puppet_first_location(made.grants, &location));
	s->ino = made.attr.ino;
	s->chunk = location.chunk;
}

static int commit(struct scene *s, u64 server)
{
	struct dfs_writer body, chunks;
	struct dfs_committed committed = {.chunk = s->chunk, .server = server};
	dfs_writer_init(&chunks, 1, 0);
	dfs_committed_put(&chunks, &committed);
	struct dfs_commit commit = {
	    .ino = s->ino, .size = 1000, .mtime = 1, .chunks = dfs_writer_items(&chunks)};
	dfs_writer_init(&body, 1, 0);
	dfs_commit_put(&body, &commit);
	dfs_writer_fini(&chunks);
	return puppet_change(s->client, 2, DFS_OP_COMMIT, &body)->status;
}

static struct dfs_location locate(struct scene *s, u32 *ret_replicas)
{
	struct dfs_writer body;
	struct dfs_chunks_reply chunks;
	struct dfs_location location = {0};
	struct dfs_chunks ask = {.ino = s->ino, .count = 10};
	puppet_writer(s->client, &body);
	dfs_chunks_put(&body, &ask);
	const struct puppet_reply *reply = puppet_ask(s->client, DFS_MSG_CHUNKS, &body);
	assert_int_equal(reply->status, 0);
	assert_int_equal(dfs_chunks_reply_decode(dfs_span(reply->body, reply->length), 1, &chunks),
			 0);
	assert_true(puppet_first_location(chunks.chunks, &location));
	*ret_replicas = location.replicas.count;
	return location;
}

static int grant(struct scene *s)
{
	u32 at = puppet_grant(s->client, s->ino, 0, 1);
	ms_cluster_run(&s->c, DFS_SEC);
	const struct puppet_reply *reply = &s->client->replies[at];
	return reply->done ? reply->status : DFS_EBUSY;
}

static void a_chunk_that_its_server_has_no_more_is_lost(void **state)
{
	(void)state;
	struct scene s;
	u32 replicas;
	begin(&s, 1);
	assert_int_equal(puppet_report(s.server, false, s.chunk, DFS_HELD_GOOD), 0);
	assert_int_equal(commit(&s, s.server->identity.node), 0);
	assert_int_equal(locate(&s, &replicas).epoch, 1);
	assert_int_equal(grant(&s), 0);
	puppet_cut(s.server);
	ms_cluster_run(&s.c, 5 * DFS_SEC);
	assert_int_equal(puppet_register(s.server, PLENTY, 0), 0);
	assert_int_equal(locate(&s, &replicas).epoch, 1); /* Its report is still to come. */
	assert_int_equal(puppet_report(s.server, true, 0, 0), 0);
	assert_int_equal(locate(&s, &replicas).epoch, 0);
	assert_int_equal(replicas, 0);
	assert_int_equal(grant(&s), DFS_EIO);
	/* It was only away: the disk that has it is back. */
	assert_int_equal(puppet_report(s.server, false, s.chunk, DFS_HELD_GOOD), 0);
	assert_int_equal(locate(&s, &replicas).epoch, 1);
	assert_int_equal(replicas, 1);
	assert_int_equal(grant(&s), 0);
	ms_cluster_fini(&s.c);
}

static void it_is_known_after_a_restart_of_the_master_too(void **state)
{
	(void)state;
	struct scene s;
	u32 replicas;
	begin(&s, 2);
	assert_int_equal(commit(&s, s.server->identity.node), 0);
	s.client->resumes = true;
	ms_cluster_restart(&s.c, SIM_POWER);
	ms_cluster_run(&s.c, 5 * DFS_SEC);
	assert_int_equal(locate(&s, &replicas).epoch, 1); /* The server is not there yet. */
	assert_int_equal(puppet_register(s.server, PLENTY, 0), 0);
	assert_int_equal(puppet_report(s.server, true, 0, 0), 0);
	assert_int_equal(locate(&s, &replicas).epoch, 0);
	ms_cluster_fini(&s.c);
}

static void a_chunk_that_nobody_reported_yet_is_not_lost_at_once(void **state)
{
	(void)state;
	struct scene s;
	u32 replicas;
	begin(&s, 3);
	assert_int_equal(commit(&s, s.server->identity.node), 0);
	assert_int_equal(locate(&s, &replicas).epoch, 1);
	assert_int_equal(replicas, 1);
	/* Its report never comes: what the client said does not count for ever. */
	ms_cluster_run(&s.c, 15 * DFS_SEC);
	assert_int_equal(locate(&s, &replicas).epoch, 0);
	ms_cluster_fini(&s.c);
}

static void a_lost_chunk_can_be_cut_and_removed(void **state)
{
	(void)state;
	struct scene s;
	struct dfs_writer body;
	begin(&s, 4);
	assert_int_equal(commit(&s, s.server->identity.node), 0);
	ms_cluster_run(&s.c, 15 * DFS_SEC);
	struct dfs_setattr set = {.ino = s.ino, .valid = DFS_SETATTR_SIZE, .size = 10};
	dfs_writer_init(&body, 1, 0);
	dfs_setattr_put(&body, &set);
	assert_int_equal(puppet_change(s.client, 3, DFS_OP_SETATTR, &body)->status, 0);
	ms_cluster_run(&s.c, 2 * DFS_SEC);
	assert_int_equal(puppet_status(s.client, "trims"), 0);
	assert_int_equal(puppet_asked_count(s.server, DFS_MSG_TRIM_CHUNK), 0);
	ms_cluster_fini(&s.c);
}

static void without_a_known_server_nothing_is_lost(void **state)
{
	(void)state;
	struct scene s;
	u32 replicas;
	begin(&s, 5);
	assert_int_equal(commit(&s, 0), 0);
	ms_cluster_run(&s.c, 15 * DFS_SEC);
	assert_int_equal(locate(&s, &replicas).epoch, 1);
	ms_cluster_fini(&s.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_chunk_that_its_server_has_no_more_is_lost),
	    cmocka_unit_test(it_is_known_after_a_restart_of_the_master_too),
	    cmocka_unit_test(a_chunk_that_nobody_reported_yet_is_not_lost_at_once),
	    cmocka_unit_test(a_lost_chunk_can_be_cut_and_removed),
	    cmocka_unit_test(without_a_known_server_nothing_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
