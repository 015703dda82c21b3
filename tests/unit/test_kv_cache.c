/*
 * base/kv_cache.h against a store without it: the same answers, whatever is replaced, settled or
 * written past it; and what a crash leaves is the state after some batch, never half of one.
 */
#include "libdfsproto/base/errors.h"
#include "libdfsproto/base/kv_cache.h"
#include "tests/sim/kv_sim.h"
#include "tests/unit/unit.h"

enum { KEYS = 60, BATCHES = 400, LARGE_BYTES = 3000 };

struct world {
	struct kv_sim *inner;
	struct kv_sim *plain;
	struct dfs_kv_cache *cache;
	struct dfs_prng prng;
	u32 hashes[BATCHES + 1]; /* Of `plain` after each batch. */
};

static void world_open(struct world *w, u64 seed, u32 rows)
{
	memset(w, 0, sizeof(*w));
	dfs_prng_seed(&w->prng, seed);
	w->inner = kv_sim_new(KV_SIM_UNLOGGED);
	w->plain = kv_sim_new(KV_SIM_UNLOGGED);
	w->cache = dfs_kv_cache_new(kv_sim_kv(w->inner), rows);
	w->hashes[0] = kv_sim_hash(w->plain);
}

static void world_close(struct world *w)
{
	dfs_kv_cache_free(w->cache);
	kv_sim_free(w->inner);
	kv_sim_free(w->plain);
}

static struct dfs_span key_at(u8 bytes[2], u64 number)
{
	bytes[0] = 'k';
	bytes[1] = (u8)number;
	return dfs_span(bytes, 2);
}

static void add_random(struct world *w, struct dfs_kv_batch *batch)
{
	static u8 value[LARGE_BYTES];
	u8 from[2], to[2];
	u64 key = dfs_prng_below(&w->prng, KEYS);
	u64 kind = dfs_prng_below(&w->prng, 40);
	u32 bytes = kind == 1 ? LARGE_BYTES : (u32)dfs_prng_below(&w->prng, 100);
	memset(value, (int)dfs_prng_below(&w->prng, 256), bytes);
	if (kind == 0)
		dfs_kv_batch_delete_range(batch, key_at(from, key), key_at(to, key + 3));
	else if (kind < 10 && kind > 1)
		dfs_kv_batch_delete(batch, key_at(from, key));
	else
		dfs_kv_batch_put(batch, key_at(from, key), dfs_span(value, bytes));
}

static void write_random(struct world *w, u32 number)
{
	struct dfs_kv_batch batch = {0};
	for (u64 n = dfs_prng_below(&w->prng, 9); n > 0; n--)
		add_random(w, &batch);
	assert_int_equal(dfs_kv_write(dfs_kv_cache_kv(w->cache), &batch), 0);
	assert_int_equal(dfs_kv_write(kv_sim_kv(w->plain), &batch), 0);
	w->hashes[number] = kv_sim_hash(w->plain);
	dfs_kv_batch_fini(&batch);
}

static void compare_get(struct world *w)
{
	u8 bytes[2];
	struct dfs_span key = key_at(bytes, dfs_prng_below(&w->prng, KEYS + 2));
	struct dfs_span got, wanted;
	int status = dfs_kv_get(dfs_kv_cache_kv(w->cache), key, &got);
	assert_int_equal(status, dfs_kv_get(kv_sim_kv(w->plain), key, &wanted));
	if (status == 0)
		assert_true(dfs_span_equal(got, wanted));
}

static void compare_all(struct world *w)
{
	struct dfs_kv *kv = dfs_kv_cache_kv(w->cache);
	struct dfs_kv *plain = kv_sim_kv(w->plain);
	struct dfs_span key, value, plain_key, plain_value;
	struct dfs_kv_iter *a = dfs_kv_iter_new(kv, (struct dfs_span){0}, (struct dfs_span){0});
	struct dfs_kv_iter *b = dfs_kv_iter_new(plain, (struct dfs_span){0}, (struct dfs_span){0});
	while (dfs_kv_iter_next(kv, a, &key, &value)) {
		assert_true(dfs_kv_iter_next(plain, b, &plain_key, &plain_value));
		assert_true(dfs_span_equal(key, plain_key));
		assert_true(dfs_span_equal(value, plain_value));
	}
	assert_false(dfs_kv_iter_next(plain, b, &plain_key, &plain_value));
	assert_int_equal(dfs_kv_iter_free(kv, a), 0);
	assert_int_equal(dfs_kv_iter_free(plain, b), 0);
	assert_int_equal(dfs_kv_cache_unsettled(w->cache), 0);
}

static void answers_are_those_of_the_plain_store(void **state)
{
	(void)state;
	for (u64 seed = 1; seed <= 30; seed++) {
		struct world w;
		/* From one set of rows, in which everything collides, to room for all. */
		world_open(&w, seed, 1u << (seed % 9));
		for (u32 i = 1; i <= BATCHES; i++) {
			write_random(&w, i);
			for (u32 n = 0; n < 5; n++)
				compare_get(&w);
			if (dfs_prng_below(&w.prng, 20) == 0)
				compare_all(&w);
			if (dfs_prng_below(&w.prng, 10) == 0)
				assert_int_equal(dfs_kv_cache_settle(w.cache), 0);
		}
		compare_all(&w);
		world_close(&w);
	}
}

static void a_crash_leaves_the_state_after_some_batch(void **state)
{
	(void)state;
	for (u64 seed = 1; seed <= 200; seed++) {
		struct world w;
		u32 written = 1 + (u32)(seed % 60);
		bool found = false;
		world_open(&w, seed, 1u << (seed % 9));
		for (u32 i = 1; i <= written; i++) {
			write_random(&w, i);
			if (dfs_prng_below(&w.prng, 6) == 0)
				assert_int_equal(dfs_kv_cache_settle(w.cache), 0);
		}
		kv_sim_crash(w.inner, true, &w.prng);
		for (u32 i = 0; i <= written && !found; i++)
			found = kv_sim_hash(w.inner) == w.hashes[i];
		assert_true(found);
		world_close(&w);
	}
}

static void a_key_that_changes_often_is_written_once(void **state)
{
	(void)state;
	struct world w;
	struct dfs_kv_batch batch = {0};
	world_open(&w, 1, 64);
	for (u32 i = 0; i < 100; i++) {
		dfs_kv_batch_clear(&batch);
		dfs_kv_batch_put(&batch, dfs_span_text("counter"), dfs_span(&i, sizeof(i)));
		assert_int_equal(dfs_kv_write(dfs_kv_cache_kv(w.cache), &batch), 0);
	}
	assert_int_equal(kv_sim_batches(w.inner), 0);
	assert_int_equal(dfs_kv_cache_unsettled(w.cache), 1);
	assert_int_equal(dfs_kv_cache_settle(w.cache), 0);
	assert_int_equal(kv_sim_batches(w.inner), 1);
	assert_int_equal(dfs_kv_cache_settle(w.cache), 0);
	assert_int_equal(kv_sim_batches(w.inner), 1);
	dfs_kv_batch_fini(&batch);
	world_close(&w);
}

static void a_store_that_failed_is_not_believed_again(void **state)
{
	(void)state;
	struct world w;
	struct dfs_span value;
	struct dfs_kv_batch batch = {0};
	world_open(&w, 1, 64);
	dfs_kv_batch_put(&batch, dfs_span_text("a"), dfs_span_text("b"));
	assert_int_equal(dfs_kv_write(dfs_kv_cache_kv(w.cache), &batch), 0);
	kv_sim_fail(w.inner, DFS_EIO);
	assert_int_equal(dfs_kv_cache_settle(w.cache), DFS_EIO);
	kv_sim_fail(w.inner, 0);
	assert_int_equal(dfs_kv_cache_settle(w.cache), DFS_EIO);
	assert_int_equal(dfs_kv_get(dfs_kv_cache_kv(w.cache), dfs_span_text("a"), &value), DFS_EIO);
	assert_int_equal(dfs_kv_write(dfs_kv_cache_kv(w.cache), &batch), DFS_EIO);
	dfs_kv_batch_fini(&batch);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_are_those_of_the_plain_store),
	    cmocka_unit_test(a_crash_leaves_the_state_after_some_batch),
	    cmocka_unit_test(a_key_that_changes_often_is_written_once),
	    cmocka_unit_test(a_store_that_failed_is_not_believed_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
