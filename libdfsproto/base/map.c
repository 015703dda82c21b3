/*
 * Chained hash table; the hash is a Fibonacci multiply, which spreads consecutive ids.
 */
#include "libdfsproto/base/map.h"

#include <stdlib.h>

enum { BUCKETS_MIN = 16 };

static u32 bucket_of(const struct dfs_map *map, u64 key)
{
	u64 mixed = (key ^ (key >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
	return (u32)(mixed >> 32) & (map->buckets_count - 1);
}

void dfs_map_fini(struct dfs_map *map)
{
	free(map->buckets);
	*map = (struct dfs_map){0};
}

struct dfs_map_node *dfs_map_find(const struct dfs_map *map, u64 key)
{
	if (map->count == 0)
		return NULL;
	struct dfs_map_node *node = map->buckets[bucket_of(map, key)];
	while (node != NULL && node->key != key)
		node = node->next;
	return node;
}

static void grow(struct dfs_map *map)
{
	struct dfs_map larger = {0};
	larger.buckets_count = map->buckets_count == 0 ? BUCKETS_MIN : map->buckets_count * 2;
	DFS_ASSERT(larger.buckets_count > map->buckets_count);
	larger.buckets = calloc(larger.buckets_count, sizeof(*larger.buckets));
	DFS_ASSERT(larger.buckets != NULL);
	for (u32 i = 0; i < map->buckets_count; i++) {
		struct dfs_map_node *node = map->buckets[i];
		while (node != NULL) {
			struct dfs_map_node *next = node->next;
			u32 bucket = bucket_of(&larger, node->key);
			node->next = larger.buckets[bucket];
			larger.buckets[bucket] = node;
			node = next;
		}
	}
	larger.count = map->count;
	free(map->buckets);
	*map = larger;
}

void dfs_map_insert(struct dfs_map *map, struct dfs_map_node *node, u64 key)
{
	DFS_ASSERT(dfs_map_find(map, key) == NULL);
	if (map->count >= map->buckets_count)
		grow(map);
	u32 bucket = bucket_of(map, key);
	node->key = key;
	node->next = map->buckets[bucket];
	map->buckets[bucket] = node;
	map->count++;
}

void dfs_map_remove(struct dfs_map *map, struct dfs_map_node *node)
{
	DFS_ASSERT(map->count > 0);
	struct dfs_map_node **at = &map->buckets[bucket_of(map, node->key)];
	while (*at != node) {
		DFS_ASSERT(*at != NULL);
		at = &(*at)->next;
	}
	*at = node->next;
	node->next = NULL;
	map->count--;
}

struct dfs_map_node *dfs_map_next(const struct dfs_map *map, const struct dfs_map_node *node)
{
	if (node != NULL && node->next != NULL)
		return node->next;
	u32 bucket = node == NULL ? 0 : bucket_of(map, node->key) + 1;
	while (bucket < map->buckets_count) {
		if (map->buckets[bucket] != NULL)
			return map->buckets[bucket];
		bucket++;
	}
	return NULL;
}
