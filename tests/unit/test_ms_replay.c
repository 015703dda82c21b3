/*
 * The log is the truth: applied from any earlier point, twice, after any crash, it leads to the
 * same bytes in the store; and random operations never break an invariant.
 */
#include "tests/unit/ms_world.h"

enum { OPERATIONS = 400, DIRECTORIES = 6 };

/* Anything an operation can be about: names that exist and not, few enough to meet each other. */
struct mess {
	struct world w;
	struct dfs_prng prng;
	u64 directories[DIRECTORIES];
	u64 next_chunk;
};

static u64 below(struct mess *m, u64 bound)
{
	return dfs_prng_below(&m->prng, bound);
}

static const char *some_name(struct mess *m)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
	return names[below(m, dfs_array_count(names))];
}

static u64 some_directory(struct mess *m)
{
	return m->directories[below(m, DIRECTORIES)];
}

static u64 some_inode(struct mess *m)
{
	u64 ino = world_lookup(&m->w, some_directory(m), some_name(m));
	return ino != 0 ? ino : 2 + below(m, 40);
}

static void do_namespace(struct mess *m)
{
	struct world *w = &m->w;
	static const u32 types[] = {S_IFREG, S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO};
	switch (below(m, 8)) {
	case 0:
	case 1:
	case 2:
		if (world_make(w, some_directory(m), some_name(m), types[below(m, 5)] | 0644) ==
			0 &&
		    S_ISDIR(w->last.attr.mode))
			m->directories[1 + below(m, DIRECTORIES - 1)] = w->last.attr.ino;
		break;
	case 3:
		(void)world_link(w, some_inode(m), some_directory(m), some_name(m));
		break;
	case 4:
		(void)world_unlink(w, some_directory(m), some_name(m));
		break;
	case 5:
		(void)world_rmdir(w, some_directory(m), some_name(m));
		break;
	default:
		(void)world_rename(w, some_directory(m), some_name(m), some_directory(m),
				   some_name(m), (u32)below(m, 4));
	}
}

static void do_data(struct mess *m)
{
	struct world *w = &m->w;
	u64 count = below(m, 4);
	switch (below(m, 7)) {
	case 0:
	case 1:
		(void)world_commit(w, some_inode(m), below(m, 6), m->next_chunk, (u32)count);
		m->next_chunk += count;
		break;
	case 2:
		(void)world_truncate(w, some_inode(m), below(m, 6 << DFS_CHUNK_SHIFT));
		break;
	case 3:
		(void)WORLD_DO(w, SETXATTR, setxattr, .ino = some_inode(m),
			       .name = dfs_span_text(below(m, 2) == 0 ? "user.a" : "trusted.b"),
			       .value = dfs_span_text(some_name(m)), .flags = (u32)below(m, 3));
		break;
	case 4:
		(void)WORLD_DO(w, REMOVEXATTR, removexattr, .ino = some_inode(m),
			       .name = dfs_span_text("user.a"));
		break;
	case 5: {
		struct ms_trim trim;
		u32 trims;
		assert_int_equal(ms_scan_trims(w->state, NULL, &trim, 1, &trims), 0);
		if (trims > 0)
			(void)WORLD_DO(w, TRIMMED, trimmed, .ino = trim.ino, .index = trim.index,
				       .chunk = trim.chunk, .length = trim.length);
		break;
	}
	default:
		(void)WORLD_DO(w, SETATTR, setattr, .ino = some_inode(m), .valid = (u32)below(m, 8),
			       .mode = 04755, .uid = 3, .gid = 4);
	}
}

static void do_leader(struct mess *m)
{
	struct world *w = &m->w;
	u64 ids[8];
	u32 count;
	struct dfs_writer list;
	dfs_writer_init(&list, DFS_PROTOCOL_VERSION, 0);
	if (below(m, 2) == 0) {
		assert_int_equal(ms_scan_orphans(w->state, 0, ids, 8, &count), 0);
		for (u32 i = 0; i < count; i++)
			dfs_id_put(&list, &(struct dfs_id){.id = ids[i]});
		assert_int_equal(WORLD_DO(w, PURGE, purge, .inodes = dfs_writer_items(&list)), 0);
	} else {
		assert_int_equal(ms_scan_garbage(w->state, 0, ids, 8, &count), 0);
		for (u32 i = 0; i < count; i++)
			dfs_id_put(&list, &(struct dfs_id){.id = ids[i]});
		assert_int_equal(
		    WORLD_DO(w, FORGET_CHUNKS, forget_chunks, .chunks = dfs_writer_items(&list)),
		    0);
	}
	dfs_writer_fini(&list);
}

static void do_session(struct mess *m)
{
	struct world *w = &m->w;
	if (below(m, 4) != 0) {
		w->keep_results = !w->keep_results;
		return;
	}
	if (below(m, 2) == 0)
		assert_int_equal(WORLD_DO(w, SESSION_CLOSE, session_close, .session = w->session),
				 0);
	assert_int_equal(WORLD_DO(w, SESSION_OPEN, session_open, .node = 1), 0);
	w->session = w->last.session;
	w->sequence = 0;
	w->acked = 0;
}

static void make_mess(struct mess *m, u64 seed, u32 operations)
{
	*m = (struct mess){.next_chunk = 1};
	dfs_prng_seed(&m->prng, seed);
	world_open(&m->w, 3);
	for (int i = 0; i < DIRECTORIES; i++)
		m->directories[i] = ROOT;
	while (m->w.log_count < operations) {
		u64 kind = below(m, 20);
		if (kind < 11)
			do_namespace(m);
		else if (kind < 18)
			do_data(m);
		else if (kind < 19)
			do_leader(m);
		else
			do_session(m);
		world_check(&m->w);
	}
}

static struct ms_state *open_on(struct kv_sim *sim, const struct world *w)
{
	struct ms_state *state = NULL;
	struct ms_state_config config = {
	    .kv = kv_sim_kv(sim), .cluster = WORLD_CLUSTER, .hash_bits = w->hash_bits};
	assert_int_equal(ms_state_open(&config, NULL, &state), 0);
	return state;
}

static void replay_all(const struct world *w, struct ms_state *state, u32 from, u32 to)
{
	struct ms_result result;
	for (u32 i = from; i < to; i++) {
		assert_int_equal(world_replay(w, i, state, &result), 0);
		if (i % 3 == 0)
			assert_int_equal(ms_state_settle(state), 0);
	}
}

static void random_operations_keep_every_invariant(void **unused)
{
	(void)unused;
	for (u64 seed = 1; seed <= 20; seed++) {
		struct mess m;
		make_mess(&m, seed, OPERATIONS);
		assert_true(ms_counts(m.w.state).inodes > 1);
		world_close(&m.w);
	}
}

static void a_log_applied_twice_from_any_point_gives_the_same(void **unused)
{
	(void)unused;
	struct mess m;
	make_mess(&m, 100, OPERATIONS);
	u32 wanted = kv_sim_hash(m.w.sim);
	for (u32 prefix = 0; prefix <= m.w.log_count; prefix += 7) {
		struct kv_sim *sim = kv_sim_new(KV_SIM_UNLOGGED);
		struct ms_state *state = open_on(sim, &m.w);
		replay_all(&m.w, state, 0, prefix);
		assert_int_equal(ms_state_settle(state), 0);
		ms_state_close(state);
		state = open_on(sim, &m.w);
		replay_all(&m.w, state, prefix / 2, m.w.log_count);
		assert_int_equal(ms_state_settle(state), 0);
		assert_int_equal(kv_sim_hash(sim), wanted);
		ms_state_close(state);
		kv_sim_free(sim);
	}
	world_close(&m.w);
}

/* No operation is split over batches: whatever prefix of the batches a power cut leaves, the log
 * leads on. */
static void a_crash_at_any_batch_is_made_good_by_the_log(void **unused)
{
	(void)unused;
	struct mess m;
	make_mess(&m, 200, OPERATIONS);
	u32 wanted = kv_sim_hash(m.w.sim);
	struct dfs_prng prng;
	dfs_prng_seed(&prng, 4);
	for (int round = 0; round < 60; round++) {
		struct kv_sim *sim = kv_sim_new(KV_SIM_UNLOGGED);
		struct ms_state *state = open_on(sim, &m.w);
		u32 first = (u32)dfs_prng_below(&prng, m.w.log_count);
		u32 second = first + (u32)dfs_prng_below(&prng, m.w.log_count - first);
		replay_all(&m.w, state, 0, first);
		assert_int_equal(ms_state_settle(state), 0);
		kv_sim_sync_finish(sim, kv_sim_sync_begin(sim));
		replay_all(&m.w, state, first, second);
		ms_state_close(state);
		kv_sim_crash(sim, true, &prng);
		state = open_on(sim, &m.w);
		assert_int_equal(ms_state_check(state, NULL), 0);
		replay_all(&m.w, state, 0, m.w.log_count);
		assert_int_equal(ms_state_settle(state), 0);
		assert_int_equal(kv_sim_hash(sim), wanted);
		ms_state_close(state);
		kv_sim_free(sim);
	}
	world_close(&m.w);
}

static void no_operation_is_split_over_batches(void **unused)
{
	(void)unused;
	struct mess m;
	make_mess(&m, 300, OPERATIONS);
	assert_true(kv_sim_batches(m.w.sim) > m.w.log_count / 2);
	assert_true(kv_sim_batches(m.w.sim) <= 1 + m.w.log_count); /* 1: the empty tables. */
	world_close(&m.w);
}

static void skipped_operations_still_know_their_answer(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	w.keep_results = true;
	u64 ino = world_file(&w, ROOT, "a");
	assert_int_equal(world_make(&w, ROOT, "a", S_IFREG), DFS_EEXIST);
	struct ms_result result;
	assert_int_equal(world_replay(&w, w.log_count - 2, w.state, &result), 0);
	assert_true(result.skipped);
	assert_int_equal(result.status, 0);
	assert_int_equal(result.attr.ino, ino);
	assert_int_equal(world_replay(&w, w.log_count - 1, w.state, &result), 0);
	assert_true(result.skipped);
	assert_int_equal(result.status, DFS_EEXIST);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_operations_keep_every_invariant),
	    cmocka_unit_test(a_log_applied_twice_from_any_point_gives_the_same),
	    cmocka_unit_test(a_crash_at_any_batch_is_made_good_by_the_log),
	    cmocka_unit_test(no_operation_is_split_over_batches),
	    cmocka_unit_test(skipped_operations_still_know_their_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
