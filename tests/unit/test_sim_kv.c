/*
 * The simulator's store must lose exactly what kv.h says a crash may lose: checked against a plain
 * model that remembers every batch.
 */
#include "libdfsproto/base/errors.h"
#include "tests/sim/kv_sim.h"

#include <stdarg.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

enum { KEYS = 40, BATCHES = 60 };

/* values[b][k]: what key k holds after batch b; 0 is absent. */
struct model {
	int values[BATCHES + 1][KEYS];
};

static struct dfs_span key_span(u8 text[2], int key)
{
	text[0] = 'k';
	text[1] = (u8)key;
	return dfs_span(text, 2);
}

static void write_random(struct dfs_kv *kv, struct model *model, int batch, struct dfs_prng *prng)
{
	struct dfs_kv_batch changes = {0};
	memcpy(model->values[batch], model->values[batch - 1], sizeof(model->values[0]));
	for (u64 n = dfs_prng_below(prng, 4); n > 0; n--) {
		u8 a[2], b[2];
		int key = (int)dfs_prng_below(prng, KEYS);
		int to = key + (int)dfs_prng_below(prng, 5);
		int value = 1 + (int)dfs_prng_below(prng, 1000);
		switch (dfs_prng_below(prng, 4)) {
		case 0:
			dfs_kv_batch_delete(&changes, key_span(a, key));
			model->values[batch][key] = 0;
			break;
		case 1:
			dfs_kv_batch_delete_range(&changes, key_span(a, key), key_span(b, to));
			for (int k = key; k < to && k < KEYS; k++)
				model->values[batch][k] = 0;
			break;
		default:
			dfs_kv_batch_put(&changes, key_span(a, key), dfs_span(&value, 4));
			model->values[batch][key] = value;
			break;
		}
	}
	assert_int_equal(dfs_kv_write(kv, &changes), 0);
	dfs_kv_batch_fini(&changes);
}

static bool equals(struct dfs_kv *kv, const int values[KEYS])
{
	bool equal = true;
	int next = 0;
	struct dfs_kv_iter *iter = dfs_kv_iter_new(kv, dfs_span_text("k"), (struct dfs_span){0});
	struct dfs_span key, value;
	while (dfs_kv_iter_next(kv, iter, &key, &value)) {
		int k = key.data[1], v;
		memcpy(&v, value.data, 4);
		while (next < k)
			equal = values[next++] == 0 && equal;
		equal = values[next++] == v && equal;
	}
	while (next < KEYS)
		equal = values[next++] == 0 && equal;
	assert_int_equal(dfs_kv_iter_free(kv, iter), 0);
	return equal;
}

static bool equals_some(struct dfs_kv *kv, const struct model *model, int from, int to)
{
	for (int b = from; b <= to; b++) {
		if (equals(kv, model->values[b]))
			return true;
	}
	return false;
}

static void crash_round(enum kv_sim_kind kind, bool power, u64 seed, bool *ret_lost)
{
	static struct model model;
	struct dfs_prng prng;
	dfs_prng_seed(&prng, seed);
	struct kv_sim *sim = kv_sim_new(kind);
	struct dfs_kv *kv = kv_sim_kv(sim);
	int synced = 0;
	for (int b = 1; b <= BATCHES; b++) {
		write_random(kv, &model, b, &prng);
		if (dfs_prng_below(&prng, 10) == 0) {
			kv_sim_sync_finish(sim, kv_sim_sync_begin(sim));
			synced = b;
		}
	}
	assert_true(equals(kv, model.values[BATCHES]));
	(void)kv_sim_sync_begin(sim); /* Never finished: promises nothing. */
	kv_sim_crash(sim, power, &prng);
	bool may_lose = power || kind == KV_SIM_UNLOGGED;
	assert_true(equals_some(kv, &model, may_lose ? synced : BATCHES, BATCHES));
	*ret_lost = *ret_lost || !equals(kv, model.values[BATCHES]);
	kv_sim_free(sim);
}

static void a_crash_keeps_a_prefix_not_older_than_the_last_sync(void **state)
{
	(void)state;
	for (int kind = KV_SIM_LOGGED; kind <= KV_SIM_UNLOGGED; kind++) {
		for (int power = 0; power < 2; power++) {
			bool lost = false;
			for (u64 seed = 0; seed < 100; seed++)
				crash_round((enum kv_sim_kind)kind, power == 1, seed, &lost);
			assert_int_equal(lost, power == 1 || kind == KV_SIM_UNLOGGED);
		}
	}
}

static void a_sync_covers_only_what_was_written_before_it_began(void **state)
{
	(void)state;
	bool second_lost = false;
	for (u64 seed = 0; seed < 20; seed++) {
		struct dfs_prng prng;
		dfs_prng_seed(&prng, seed);
		struct kv_sim *sim = kv_sim_new(KV_SIM_LOGGED);
		struct dfs_kv *kv = kv_sim_kv(sim);
		struct dfs_kv_batch batch = {0};
		dfs_kv_batch_put(&batch, dfs_span_text("a"), dfs_span_text("1"));
		assert_int_equal(dfs_kv_write(kv, &batch), 0);
		u64 mark = kv_sim_sync_begin(sim);
		dfs_kv_batch_clear(&batch);
		dfs_kv_batch_put(&batch, dfs_span_text("b"), dfs_span_text("2"));
		assert_int_equal(dfs_kv_write(kv, &batch), 0);
		kv_sim_sync_finish(sim, mark);
		kv_sim_crash(sim, true, &prng);
		struct dfs_span value;
		assert_int_equal(dfs_kv_get(kv, dfs_span_text("a"), &value), 0);
		second_lost =
		    second_lost || dfs_kv_get(kv, dfs_span_text("b"), &value) == DFS_ENOENT;
		dfs_kv_batch_fini(&batch);
		kv_sim_free(sim);
	}
	assert_true(second_lost);
}

static void an_iterator_sees_the_store_as_it_was(void **state)
{
	(void)state;
	struct kv_sim *sim = kv_sim_new(KV_SIM_LOGGED);
	struct dfs_kv *kv = kv_sim_kv(sim);
	struct dfs_kv_batch batch = {0};
	dfs_kv_batch_put(&batch, dfs_span_text("a"), dfs_span_text("1"));
	dfs_kv_batch_put(&batch, dfs_span_text("b"), dfs_span_text("2"));
	dfs_kv_batch_put(&batch, dfs_span_text("c"), dfs_span_text("3"));
	assert_int_equal(dfs_kv_write(kv, &batch), 0);
	struct dfs_kv_iter *iter = dfs_kv_iter_new(kv, dfs_span_text("a"), dfs_span_text("c"));
	struct dfs_span key, value;
	assert_true(dfs_kv_iter_next(kv, iter, &key, &value));
	dfs_kv_batch_clear(&batch);
	dfs_kv_batch_delete(&batch, dfs_span_text("b"));
	dfs_kv_batch_put(&batch, dfs_span_text("bb"), dfs_span_text("9"));
	assert_int_equal(dfs_kv_write(kv, &batch), 0);
	assert_true(dfs_kv_iter_next(kv, iter, &key, &value));
	assert_true(dfs_span_equal(key, dfs_span_text("b")));
	assert_true(dfs_span_equal(value, dfs_span_text("2")));
	assert_false(dfs_kv_iter_next(kv, iter, &key, &value));
	assert_int_equal(dfs_kv_iter_free(kv, iter), 0);
	dfs_kv_batch_fini(&batch);
	kv_sim_free(sim);
}

static void a_broken_store_answers_with_its_error(void **state)
{
	(void)state;
	struct kv_sim *sim = kv_sim_new(KV_SIM_LOGGED);
	struct dfs_kv *kv = kv_sim_kv(sim);
	struct dfs_kv_batch batch = {0};
	struct dfs_span key, value;
	kv_sim_fail(sim, DFS_EIO);
	assert_int_equal(dfs_kv_write(kv, &batch), DFS_EIO);
	assert_int_equal(dfs_kv_get(kv, dfs_span_text("a"), &value), DFS_EIO);
	struct dfs_kv_iter *iter = dfs_kv_iter_new(kv, dfs_span_text(""), dfs_span_text(""));
	assert_false(dfs_kv_iter_next(kv, iter, &key, &value));
	assert_int_equal(dfs_kv_iter_free(kv, iter), DFS_EIO);
	kv_sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_crash_keeps_a_prefix_not_older_than_the_last_sync),
	    cmocka_unit_test(a_sync_covers_only_what_was_written_before_it_began),
	    cmocka_unit_test(an_iterator_sees_the_store_as_it_was),
	    cmocka_unit_test(a_broken_store_answers_with_its_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
