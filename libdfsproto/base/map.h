/*
 * Intrusive hash table keyed by a 64-bit number (ids: inode, chunk, link, request). Grows by
 * doubling, never shrinks while in use. Iteration order is not defined: never let it show; keep a
 * list beside the map where order matters.
 */
#ifndef DFS_BASE_MAP_H
#define DFS_BASE_MAP_H

#include "libdfsproto/base/types.h"

struct dfs_map_node {
	struct dfs_map_node *next;
	u64 key;
};

struct dfs_map {
	struct dfs_map_node **buckets; /* NULL until the first insert. */
	u32 buckets_count;             /* 0 or a power of two. */
	u32 count;
};

/* A zeroed struct is an empty map. `fini` frees the table, not the nodes. */
void dfs_map_fini(struct dfs_map *map);

/* The node with this key, or NULL. */
struct dfs_map_node *dfs_map_find(const struct dfs_map *map, u64 key);

/* The key must not be present. Aborts when memory is exhausted. */
void dfs_map_insert(struct dfs_map *map, struct dfs_map_node *node, u64 key);

/* The node must be present. */
void dfs_map_remove(struct dfs_map *map, struct dfs_map_node *node);

/* For teardown and invariant checks only: the order is arbitrary. NULL starts; NULL ends. */
struct dfs_map_node *dfs_map_next(const struct dfs_map *map, const struct dfs_map_node *node);

#define dfs_map_entry(node, type, member) dfs_container_of(node, type, member)

#endif
