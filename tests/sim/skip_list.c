/*
 * The skip list of skip_list.h. Nodes are one allocation with their key; values are another, so
 * that a new value does not move the node.
 */
#include "tests/sim/skip_list.h"

#include <stdlib.h>

void skip_init(struct skip_list *list)
{
	memset(list, 0, sizeof(*list));
	dfs_prng_seed(&list->prng, 1);
}

void skip_clear(struct skip_list *list)
{
	struct skip_node *node = list->heads[0];
	while (node != NULL) {
		struct skip_node *next = node->next[0];
		free((void *)(uintptr_t)node->value.data);
		free(node);
		node = next;
	}
	skip_init(list);
}

/* Fill `at` with the pointers that lead to the first node not before the key, on each level. */
static void descend(const struct skip_list *list, struct dfs_span key, struct skip_node **at[])
{
	struct skip_node **links = (struct skip_node **)(uintptr_t)list->heads;
	for (int level = SKIP_LEVELS - 1; level >= 0; level--) {
		while (links[level] != NULL && dfs_span_compare(links[level]->key, key) < 0)
			links = links[level]->next;
		at[level] = &links[level];
	}
}

struct skip_node *skip_seek(const struct skip_list *list, struct dfs_span key)
{
	struct skip_node **at[SKIP_LEVELS];
	descend(list, key, at);
	return *at[0];
}

struct skip_node *skip_find(const struct skip_list *list, struct dfs_span key)
{
	struct skip_node *node = skip_seek(list, key);
	return node != NULL && dfs_span_equal(node->key, key) ? node : NULL;
}

static struct dfs_span copy_value(struct dfs_span value)
{
	u8 *data = malloc(dfs_max(value.length, 1u));
	DFS_ASSERT(data != NULL);
	if (value.length > 0)
		memcpy(data, value.data, value.length);
	return dfs_span(data, value.length);
}

static struct skip_node *new_node(struct skip_list *list, struct dfs_span key)
{
	u32 levels = 1;
	u64 coins = dfs_prng_next(&list->prng);
	while (levels < SKIP_LEVELS && (coins & 3) == 0) {
		levels++;
		coins >>= 2;
	}
	size_t head = offsetof(struct skip_node, next) + levels * sizeof(struct skip_node *);
	struct skip_node *node = calloc(1, head + key.length);
	DFS_ASSERT(node != NULL);
	u8 *bytes = (u8 *)node + head;
	if (key.length > 0)
		memcpy(bytes, key.data, key.length);
	node->key = dfs_span(bytes, key.length);
	node->levels = levels;
	return node;
}

void skip_put(struct skip_list *list, struct dfs_span key, struct dfs_span value)
{
	struct skip_node **at[SKIP_LEVELS];
	descend(list, key, at);
	struct skip_node *node = *at[0];
	struct dfs_span copy = copy_value(value);
	if (node != NULL && dfs_span_equal(node->key, key)) {
		free((void *)(uintptr_t)node->value.data);
		node->value = copy;
		return;
	}
	node = new_node(list, key);
	node->value = copy;
	for (u32 level = 0; level < node->levels; level++) {
		node->next[level] = *at[level];
		*at[level] = node;
	}
	list->count++;
}

void skip_delete(struct skip_list *list, struct dfs_span key)
{
	struct skip_node **at[SKIP_LEVELS];
	descend(list, key, at);
	struct skip_node *node = *at[0];
	if (node == NULL || !dfs_span_equal(node->key, key))
		return;
	for (u32 level = 0; level < node->levels; level++) {
		DFS_ASSERT(*at[level] == node);
		*at[level] = node->next[level];
	}
	free((void *)(uintptr_t)node->value.data);
	free(node);
	list->count--;
}
