/*
 * An ordered map from bytes to bytes: the classic skip list (Pugh 1990). Levels come from a
 * generator of its own with a fixed seed; they change speed only, never what is seen. Used by
 * kv_sim.c.
 */
#ifndef TESTS_SIM_SKIP_LIST_H
#define TESTS_SIM_SKIP_LIST_H

#include "libdfsproto/base/prng.h"
#include "libdfsproto/base/span.h"

enum { SKIP_LEVELS = 16 };

struct skip_node {
	struct dfs_span key;   /* Owned, behind this struct. */
	struct dfs_span value; /* Owned. */
	u32 levels;
	struct skip_node *next[SKIP_LEVELS]; /* Only `levels` of them exist. */
};

struct skip_list {
	struct skip_node *heads[SKIP_LEVELS];
	u64 count;
	struct dfs_prng prng;
};

void skip_init(struct skip_list *list);
void skip_clear(struct skip_list *list);
/* The node with this key, or NULL. */
struct skip_node *skip_find(const struct skip_list *list, struct dfs_span key);
/* The first node at or after the key, or NULL. */
struct skip_node *skip_seek(const struct skip_list *list, struct dfs_span key);
/* Both are copied. */
void skip_put(struct skip_list *list, struct dfs_span key, struct dfs_span value);
void skip_delete(struct skip_list *list, struct dfs_span key);

static inline struct skip_node *skip_next(const struct skip_node *node)
{
	return node->next[0];
}

#endif
