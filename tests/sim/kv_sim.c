/*
 * kv_sim.h by one current map and a list of undo records: each batch that is not durable yet keeps
 * what it replaced, so that a crash walks back batch by batch to the state it chose.
 */
#include "tests/sim/kv_sim.h"

#include "libdfsproto/base/crc32c.h"
#include "libdfsproto/base/errors.h"
#include "libdfsproto/base/list.h"
#include "tests/sim/skip_list.h"

#include <stdlib.h>

/* Batch number `number`, undone by applying `inverse` backwards. */
struct undo {
	struct dfs_list link;
	u64 number;
	struct dfs_kv_batch inverse;
};

struct kv_sim {
	struct dfs_kv kv;
	enum kv_sim_kind kind;
	struct skip_list map;
	struct dfs_list undos; /* Oldest first: batches `durable` + 1 .. `written`. */
	u64 written;           /* Number of the last batch; from 1. */
	u64 durable;           /* Everything up to it survives every crash. */
	int fail;
	u8 *lent; /* The value of the last get. */
	struct dfs_list iters;
};

/* Walks the live map until the first write, then a private copy of what was left. */
struct dfs_kv_iter {
	struct dfs_list link;
	struct kv_sim *kv;
	struct skip_node *at;  /* While `copied` is false; NULL at the end. */
	struct skip_list copy; /* While `copied` is true: what is left, consumed from its front. */
	bool copied;
	u8 *to;
	u32 to_bytes;
	u8 *lent_key;
	u8 *lent_value;
};

static struct kv_sim *of(struct dfs_kv *kv)
{
	return dfs_container_of(kv, struct kv_sim, kv);
}

static u8 *lend(struct dfs_span span)
{
	u8 *copy = malloc(dfs_max(span.length, 1u));
	DFS_ASSERT(copy != NULL);
	if (span.length > 0)
		memcpy(copy, span.data, span.length);
	return copy;
}

static void take_back(u8 **lent)
{
	free(*lent);
	*lent = NULL;
}

static int sim_get(struct dfs_kv *base, struct dfs_span key, struct dfs_span *ret_value)
{
	struct kv_sim *kv = of(base);
	if (kv->fail != 0)
		return kv->fail;
	struct skip_node *node = skip_find(&kv->map, key);
	take_back(&kv->lent); /* After the search: the key may lie in it. */
	if (node == NULL)
		return DFS_ENOENT;
	kv->lent = lend(node->value);
	*ret_value = dfs_span(kv->lent, node->value.length);
	return 0;
}

/* --- Iterators. --- */

static bool iter_covers(const struct dfs_kv_iter *iter, const struct skip_node *node)
{
	struct dfs_span to = dfs_span(iter->to, iter->to_bytes);
	return node != NULL && (to.length == 0 || dfs_span_compare(node->key, to) < 0);
}

static struct dfs_kv_iter *sim_iter_new(struct dfs_kv *base, struct dfs_span from,
					struct dfs_span to)
{
	struct kv_sim *kv = of(base);
	struct dfs_kv_iter *iter = calloc(1, sizeof(*iter));
	DFS_ASSERT(iter != NULL);
	iter->kv = kv;
	iter->at = skip_seek(&kv->map, from);
	iter->to = lend(to);
	iter->to_bytes = to.length;
	skip_init(&iter->copy);
	dfs_list_push_back(&kv->iters, &iter->link);
	take_back(&kv->lent);
	return iter;
}

/* Before the map changes: keep what the iterator has not given yet. */
static void iter_detach(struct dfs_kv_iter *iter)
{
	if (iter->copied)
		return;
	iter->copied = true;
	for (; iter_covers(iter, iter->at); iter->at = skip_next(iter->at))
		skip_put(&iter->copy, iter->at->key, iter->at->value);
	iter->at = NULL;
}

static bool sim_iter_next(struct dfs_kv *kv, struct dfs_kv_iter *iter, struct dfs_span *ret_key,
			  struct dfs_span *ret_value)
{
	(void)kv;
	take_back(&iter->lent_key);
	take_back(&iter->lent_value);
	struct skip_node *node = iter->copied ? iter->copy.heads[0] : iter->at;
	if (iter->kv->fail != 0 || !iter_covers(iter, node))
		return false;
	iter->lent_key = lend(node->key);
	iter->lent_value = lend(node->value);
	*ret_key = dfs_span(iter->lent_key, node->key.length);
	*ret_value = dfs_span(iter->lent_value, node->value.length);
	if (iter->copied)
		skip_delete(&iter->copy, *ret_key);
	else
		iter->at = skip_next(node);
	return true;
}

static int sim_iter_free(struct dfs_kv *kv, struct dfs_kv_iter *iter)
{
	int status = iter->kv->fail;
	(void)kv;
	dfs_list_remove(&iter->link);
	take_back(&iter->lent_key);
	take_back(&iter->lent_value);
	free(iter->to);
	skip_clear(&iter->copy);
	free(iter);
	return status;
}

/* --- Writing. --- */

static void change_key(struct kv_sim *kv, struct dfs_span key, const struct dfs_span *value,
		       struct dfs_kv_batch *inverse)
{
	struct skip_node *old = skip_find(&kv->map, key);
	if (old != NULL)
		dfs_kv_batch_put(inverse, key, old->value);
	else
		dfs_kv_batch_delete(inverse, key);
	if (value != NULL)
		skip_put(&kv->map, key, *value);
	else if (old != NULL)
		skip_delete(&kv->map, key);
}

static void change(struct kv_sim *kv, const struct dfs_kv_change *todo,
		   struct dfs_kv_batch *inverse)
{
	if (todo->kind != DFS_KV_DELETE_RANGE) {
		bool put = todo->kind == DFS_KV_PUT;
		change_key(kv, todo->key, put ? &todo->value : NULL, inverse);
		return;
	}
	for (;;) {
		struct skip_node *node = skip_seek(&kv->map, todo->key);
		if (node == NULL || dfs_span_compare(node->key, todo->value) >= 0)
			return;
		dfs_kv_batch_put(inverse, node->key, node->value);
		skip_delete(&kv->map, node->key);
	}
}

static int sim_write(struct dfs_kv *base, const struct dfs_kv_batch *batch)
{
	struct kv_sim *kv = of(base);
	if (kv->fail != 0)
		return kv->fail;
	dfs_list_for_each (node, &kv->iters)
		iter_detach(dfs_list_entry(node, struct dfs_kv_iter, link));
	struct undo *undo = calloc(1, sizeof(*undo));
	DFS_ASSERT(undo != NULL);
	undo->number = ++kv->written;
	struct dfs_kv_change todo;
	for (u32 at = 0; dfs_kv_batch_next(batch, &at, &todo);)
		change(kv, &todo, &undo->inverse);
	dfs_list_push_back(&kv->undos, &undo->link);
	take_back(&kv->lent); /* Last: the batch's author may have used it, up to this call. */
	return 0;
}

static u64 sim_memory(struct dfs_kv *base)
{
	(void)base;
	return 0; /* Nothing that a real store would need. */
}

static const struct dfs_kv_ops sim_ops = {
    .get = sim_get,
    .write = sim_write,
    .iter_new = sim_iter_new,
    .iter_next = sim_iter_next,
    .iter_free = sim_iter_free,
    .memory = sim_memory,
};

/* --- Durability. --- */

static void drop(struct undo *undo)
{
	dfs_list_remove(&undo->link);
	dfs_kv_batch_fini(&undo->inverse);
	free(undo);
}

/* Apply the inverse backwards: the last change is undone first. */
static void undo_last(struct kv_sim *kv)
{
	struct undo *undo = dfs_list_last(&kv->undos, struct undo, link);
	DFS_ASSERT(undo->number == kv->written);
	u32 count = undo->inverse.count;
	struct dfs_kv_change *changes = calloc(dfs_max(count, 1u), sizeof(*changes));
	DFS_ASSERT(changes != NULL);
	u32 at = 0;
	for (u32 i = 0; i < count; i++)
		DFS_ASSERT(dfs_kv_batch_next(&undo->inverse, &at, &changes[i]));
	while (count-- > 0) {
		if (changes[count].kind == DFS_KV_PUT)
			skip_put(&kv->map, changes[count].key, changes[count].value);
		else
			skip_delete(&kv->map, changes[count].key);
	}
	free(changes);
	drop(undo);
	kv->written--;
}

u64 kv_sim_sync_begin(const struct kv_sim *kv)
{
	return kv->written;
}

int kv_sim_sync_finish(struct kv_sim *kv, u64 mark)
{
	DFS_ASSERT(mark <= kv->written);
	if (kv->fail != 0)
		return kv->fail;
	kv->durable = dfs_max(kv->durable, mark);
	while (!dfs_list_empty(&kv->undos)) {
		struct undo *undo = dfs_list_first(&kv->undos, struct undo, link);
		if (undo->number > kv->durable)
			break;
		drop(undo);
	}
	return 0;
}

void kv_sim_lose_after(struct kv_sim *kv, u64 from, struct dfs_prng *prng)
{
	u64 floor = dfs_max(from, kv->durable);
	if (floor >= kv->written)
		return;
	u64 keep = floor + dfs_prng_below(prng, kv->written - floor + 1);
	while (kv->written > keep)
		undo_last(kv);
}

void kv_sim_crash(struct kv_sim *kv, bool power, struct dfs_prng *prng)
{
	DFS_ASSERT(dfs_list_empty(&kv->iters));
	take_back(&kv->lent);
	if (power || kv->kind == KV_SIM_UNLOGGED)
		kv_sim_lose_after(kv, kv->durable, prng);
	/* What a power cut or the recovery of an unlogged store left is on the disk now. */
	if ((power || kv->kind == KV_SIM_UNLOGGED) && kv->fail == 0)
		(void)kv_sim_sync_finish(kv, kv->written);
}

/* --- The rest. --- */

struct kv_sim *kv_sim_new(enum kv_sim_kind kind)
{
	struct kv_sim *kv = calloc(1, sizeof(*kv));
	DFS_ASSERT(kv != NULL);
	kv->kv.ops = &sim_ops;
	kv->kind = kind;
	skip_init(&kv->map);
	dfs_list_init(&kv->undos);
	dfs_list_init(&kv->iters);
	return kv;
}

void kv_sim_wipe(struct kv_sim *kv)
{
	DFS_ASSERT(dfs_list_empty(&kv->iters));
	take_back(&kv->lent);
	while (!dfs_list_empty(&kv->undos))
		drop(dfs_list_first(&kv->undos, struct undo, link));
	kv->durable = kv->written;
	skip_clear(&kv->map);
}

void kv_sim_free(struct kv_sim *kv)
{
	if (kv == NULL)
		return;
	kv_sim_wipe(kv);
	free(kv);
}

struct dfs_kv *kv_sim_kv(struct kv_sim *kv)
{
	return &kv->kv;
}

u64 kv_sim_batches(const struct kv_sim *kv)
{
	return kv->written;
}

void kv_sim_fail(struct kv_sim *kv, int status)
{
	kv->fail = status;
}

u64 kv_sim_count(const struct kv_sim *kv)
{
	return kv->map.count;
}

u32 kv_sim_hash(const struct kv_sim *kv)
{
	u32 crc = 0;
	for (const struct skip_node *node = kv->map.heads[0]; node != NULL;
	     node = skip_next(node)) {
		crc = dfs_crc32c_extend(crc, node->key.data, node->key.length);
		crc = dfs_crc32c_extend(crc, node->value.data, node->value.length);
	}
	return crc;
}
