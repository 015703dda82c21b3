/*
 * The log and Raft below the leader, on a store with crash semantics: trimming, restarts from what
 * a crash left, and the damage that is refused.
 */
#include "tests/sim/kv_sim.h"
#include "tests/unit/unit.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/wire/record.h"
#include "master/core/raft.h"

struct bench {
	struct kv_sim *store;
	struct ms_log log;
	struct ms_raft *raft;
	struct dfs_prng prng;
	char text[256];
};

static void open_store(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->store = kv_sim_new(KV_SIM_LOGGED);
	dfs_prng_seed(&b->prng, 1);
}

static int load(struct bench *b, u64 applied)
{
	struct dfs_text reason = {.data = b->text, .capacity = sizeof(b->text)};
	struct ms_raft_config config = {.log = &b->log,
					.cluster = 7,
					.server = 1,
					.address = "here:1",
					.bootstrap = true,
					.applied = applied};
	memset(b->text, 0, sizeof(b->text));
	ms_log_init(&b->log, kv_sim_kv(b->store));
	b->raft = ms_raft_new();
	int status = ms_raft_load(b->raft, &config, &reason);
	return status != 0 ? status : ms_raft_start(b->raft, DFS_SEC, &reason);
}

static void close_raft(struct bench *b)
{
	ms_raft_free(b->raft);
	ms_log_fini(&b->log);
}

static void close_store(struct bench *b)
{
	close_raft(b);
	kv_sim_free(b->store);
}

static void sync_store(struct bench *b)
{
	assert_int_equal(kv_sim_sync_finish(b->store, kv_sim_sync_begin(b->store)), 0);
	assert_int_equal(ms_raft_persisted(b->raft, DFS_SEC, b->log.last), 0);
}

/* Entries whose data is their own index. */
static void append(struct bench *b, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		u64 expected = b->log.last + 1;
		u64 index = 0;
		assert_int_equal(
		    ms_raft_submit(b->raft, DFS_SEC, dfs_span(&expected, sizeof(expected)), &index),
		    0);
		assert_int_equal(index, expected);
	}
}

static void assert_entry(struct bench *b, u64 index)
{
	struct dfs_log_entry entry;
	u16 version;
	assert_int_equal(ms_log_get(&b->log, index, &entry, &version), 0);
	assert_int_equal(entry.type, MS_RAFT_COMMAND);
	assert_int_equal(entry.data.length, sizeof(index));
	assert_memory_equal(entry.data.data, &index, sizeof(index));
}

static void a_sole_voter_leads_at_once(void **state)
{
	(void)state;
	struct bench b;
	open_store(&b);
	assert_int_equal(load(&b, 0), 0);
	assert_true(ms_raft_leads(b.raft));
	assert_int_equal(ms_raft_committed(b.raft), 1);
	assert_int_equal(ms_raft_deadline(b.raft), DFS_NEVER);
	close_store(&b);
}

static void an_entry_is_committed_when_it_is_persisted_not_before(void **state)
{
	(void)state;
	struct bench b;
	open_store(&b);
	assert_int_equal(load(&b, 0), 0);
	append(&b, 3);
	assert_int_equal(ms_raft_committed(b.raft), 1);
	assert_int_equal(ms_raft_persisted(b.raft, DFS_SEC, 3), 0);
	assert_int_equal(ms_raft_committed(b.raft), 3);
	sync_store(&b);
	assert_int_equal(ms_raft_committed(b.raft), 4);
	close_store(&b);
}

static void the_log_is_trimmed_behind_a_snapshot_and_starts_from_it(void **state)
{
	(void)state;
	struct bench b;
	open_store(&b);
	assert_int_equal(load(&b, 0), 0);
	for (u32 round = 0; round < 5; round++) {
		append(&b, 1000);
		sync_store(&b);
		u64 applied = b.log.last - 3;
		assert_int_equal(ms_raft_snapshot(b.raft, DFS_SEC, applied), 0);
		assert_int_equal(ms_raft_snapshot(b.raft, DFS_SEC, applied), 0);
		u64 first = b.log.first;
		u64 last = b.log.last;
		assert_true(first + 1100 > applied);
		sync_store(&b);
		close_raft(&b);
		kv_sim_crash(b.store, round % 2, &b.prng);
		assert_int_equal(load(&b, applied), 0);
		assert_int_equal(b.log.first, first);
		assert_int_equal(b.log.last, last);
		assert_int_equal(ms_raft_committed(b.raft), last);
		assert_entry(&b, last);
	}
	close_store(&b);
}

/* Whatever part of the last writes a power cut leaves, all that was synced is there, in order. */
static void a_power_cut_leaves_a_prefix_with_all_that_was_synced(void **state)
{
	(void)state;
	struct bench b;
	open_store(&b);
	assert_int_equal(load(&b, 0), 0);
	u64 synced = 1;
	for (u32 round = 0; round < 60; round++) {
		append(&b, 1 + (u32)dfs_prng_below(&b.prng, 20));
		if (round % 3 != 0) {
			sync_store(&b);
			synced = b.log.last;
		}
		append(&b, (u32)dfs_prng_below(&b.prng, 20));
		if (round % 7 == 0 && synced > 5)
			assert_int_equal(ms_raft_snapshot(b.raft, DFS_SEC, synced - 2), 0);
		close_raft(&b);
		kv_sim_crash(b.store, true, &b.prng);
		assert_int_equal(load(&b, synced > 2 ? synced - 2 : 0), 0);
		assert_true(b.log.last >= synced);
		for (u64 i = dfs_max(b.log.first, 2u); i <= b.log.last; i++)
			assert_entry(&b, i);
		sync_store(&b);
		synced = b.log.last;
	}
	close_store(&b);
}

static void a_store_of_another_cluster_or_master_is_refused(void **state)
{
	(void)state;
	struct bench b;
	open_store(&b);
	assert_int_equal(load(&b, 0), 0);
	close_raft(&b);
	struct dfs_text reason = {.data = b.text, .capacity = sizeof(b.text)};
	struct ms_raft_config config = {
	    .log = &b.log, .cluster = 8, .server = 1, .address = "here:1", .bootstrap = true};
	ms_log_init(&b.log, kv_sim_kv(b.store));
	b.raft = ms_raft_new();
	assert_int_equal(ms_raft_load(b.raft, &config, &reason), DFS_EWRONG_CLUSTER);
	assert_non_null(strstr(b.text, "0000000000000007"));
	close_raft(&b);
	config.cluster = 7;
	config.server = 2;
	ms_log_init(&b.log, kv_sim_kv(b.store));
	b.raft = ms_raft_new();
	assert_int_equal(ms_raft_load(b.raft, &config, &reason), DFS_EWRONG_CLUSTER);
	close_store(&b);
}

static void a_blank_store_is_no_cluster_unless_one_is_wanted(void **state)
{
	(void)state;
	struct bench b;
	open_store(&b);
	struct dfs_text reason = {.data = b.text, .capacity = sizeof(b.text)};
	struct ms_raft_config config = {
	    .log = &b.log, .cluster = 7, .server = 1, .address = "here:1"};
	ms_log_init(&b.log, kv_sim_kv(b.store));
	b.raft = ms_raft_new();
	assert_int_equal(ms_raft_load(b.raft, &config, &reason), DFS_ENOENT);
	close_raft(&b);
	assert_int_equal(load(&b, 5), DFS_ECORRUPT);
	assert_non_null(strstr(b.text, "log is missing"));
	close_store(&b);
}

static void a_state_beyond_the_log_or_before_it_is_refused(void **state)
{
	(void)state;
	struct bench b;
	open_store(&b);
	assert_int_equal(load(&b, 0), 0);
	append(&b, 3000);
	sync_store(&b);
	assert_int_equal(ms_raft_snapshot(b.raft, DFS_SEC, 2900), 0);
	u64 first = b.log.first;
	assert_true(first > 1);
	close_raft(&b);
	assert_int_equal(load(&b, 3002), DFS_ECORRUPT);
	close_raft(&b);
	assert_int_equal(load(&b, first - 2), DFS_ECORRUPT);
	assert_non_null(strstr(b.text, "restore"));
	close_raft(&b);
	assert_int_equal(load(&b, 2900), 0);
	close_store(&b);
}

/* Flip each bit of a few records in turn: none of them may pass for sound. */
static void damaged_records_are_refused(void **state)
{
	(void)state;
	static const u8 keys[][9] = {
	    {1}, {2}, {16, 0, 0, 0, 0, 0, 0, 0, 1}, {16, 0, 0, 0, 0, 0, 0, 0, 3}};
	struct bench b;
	open_store(&b);
	assert_int_equal(load(&b, 0), 0);
	append(&b, 4);
	sync_store(&b);
	close_raft(&b);
	for (size_t k = 0; k < dfs_array_count(keys); k++) {
		struct dfs_kv *kv = kv_sim_kv(b.store);
		struct dfs_span key = dfs_span(keys[k], keys[k][0] == 16 ? 9 : 1);
		struct dfs_span value;
		struct dfs_kv_batch batch = {0};
		u8 sound[512], broken[512];
		assert_int_equal(dfs_kv_get(kv, key, &value), 0);
		u32 length = value.length;
		assert_true(length <= sizeof(sound));
		memcpy(sound, value.data, length);
		for (u32 bit = 0; bit < 8 * length; bit += 3) {
			memcpy(broken, sound, length);
			broken[bit / 8] ^= (u8)(1u << bit % 8);
			dfs_kv_batch_clear(&batch);
			dfs_kv_batch_put(&batch, key, dfs_span(broken, length));
			assert_int_equal(dfs_kv_write(kv, &batch), 0);
			assert_int_equal(load(&b, 0), DFS_ECORRUPT);
			assert_true(b.text[0] != '\0');
			close_raft(&b);
		}
		dfs_kv_batch_clear(&batch);
		dfs_kv_batch_put(&batch, key, dfs_span(sound, length));
		assert_int_equal(dfs_kv_write(kv, &batch), 0);
		dfs_kv_batch_fini(&batch);
	}
	assert_int_equal(load(&b, 0), 0);
	close_store(&b);
}

static void a_missing_entry_is_refused(void **state)
{
	(void)state;
	static const u8 key[9] = {16, 0, 0, 0, 0, 0, 0, 0, 3};
	struct bench b;
	struct dfs_kv_batch batch = {0};
	open_store(&b);
	assert_int_equal(load(&b, 0), 0);
	append(&b, 4);
	close_raft(&b);
	dfs_kv_batch_delete(&batch, dfs_span(key, sizeof(key)));
	assert_int_equal(dfs_kv_write(kv_sim_kv(b.store), &batch), 0);
	dfs_kv_batch_fini(&batch);
	assert_int_equal(load(&b, 0), DFS_ECORRUPT);
	assert_non_null(strstr(b.text, "entry 3"));
	close_store(&b);
}

static void a_write_that_fails_is_told(void **state)
{
	(void)state;
	struct bench b;
	u64 index;
	open_store(&b);
	assert_int_equal(load(&b, 0), 0);
	kv_sim_fail(b.store, DFS_EIO);
	assert_int_equal(ms_raft_submit(b.raft, DFS_SEC, dfs_span("x", 1), &index), DFS_EIO);
	close_store(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sole_voter_leads_at_once),
	    cmocka_unit_test(an_entry_is_committed_when_it_is_persisted_not_before),
	    cmocka_unit_test(the_log_is_trimmed_behind_a_snapshot_and_starts_from_it),
	    cmocka_unit_test(a_power_cut_leaves_a_prefix_with_all_that_was_synced),
	    cmocka_unit_test(a_store_of_another_cluster_or_master_is_refused),
	    cmocka_unit_test(a_blank_store_is_no_cluster_unless_one_is_wanted),
	    cmocka_unit_test(a_state_beyond_the_log_or_before_it_is_refused),
	    cmocka_unit_test(damaged_records_are_refused),
	    cmocka_unit_test(a_missing_entry_is_refused),
	    cmocka_unit_test(a_write_that_fails_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
