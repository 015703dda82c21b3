/*
 * The registry of chunkservers and of the copies they hold. See servers.h.
 *
 * A REGISTER starts a new generation of its server. Copies of older generations count no more once
 * the full report is complete; they are not swept, but go when their chunk does, so that a server
 * with ten million chunks may reconnect without a pause for everybody else.
 */
#include "master/core/servers.h"

#include <stdlib.h>

enum { COPIES_PER_SLAB = 1024, ROOM_BYTES_MIN = 16 << 20 };

void ms_servers_fini(struct ms_servers *servers)
{
	for (u32 i = 0; i < servers->count; i++) {
		ms_chunk_list_fini(&servers->slots[i]->garbage);
		ms_chunk_list_fini(&servers->slots[i]->strays);
		free(servers->slots[i]);
	}
	free(servers->slots);
	dfs_map_fini(&servers->by_node);
	dfs_map_fini(&servers->copies);
	while (servers->slabs != NULL) {
		void *slab = servers->slabs;
		memcpy(&servers->slabs, slab, sizeof(void *));
		free(slab);
	}
	memset(servers, 0, sizeof(*servers));
}

struct ms_server *ms_server_find(const struct ms_servers *servers, u64 node)
{
	struct dfs_map_node *found = dfs_map_find(&servers->by_node, node);
	return found == NULL ? NULL : dfs_map_entry(found, struct ms_server, by_node);
}

struct ms_server *ms_server_add(struct ms_servers *servers, u64 node)
{
	DFS_ASSERT(ms_server_find(servers, node) == NULL);
	if (servers->count == DFS_SERVERS_MAX)
		return NULL;
	if (servers->count == servers->capacity) {
		u32 capacity = dfs_max(servers->capacity * 2, 16u);
		void *slots = realloc(servers->slots, capacity * sizeof(*servers->slots));
		DFS_ASSERT(slots != NULL);
		servers->slots = slots;
		servers->capacity = capacity;
	}
	struct ms_server *server = calloc(1, sizeof(*server));
	DFS_ASSERT(server != NULL);
	server->slot = servers->count;
	server->node = node;
	servers->slots[servers->count++] = server;
	dfs_map_insert(&servers->by_node, &server->by_node, node);
	return server;
}

void ms_server_set_disks(struct ms_server *server, struct dfs_items disks)
{
	struct dfs_disk_space disk;
	server->disks_count = 0;
	server->bytes_total = 0;
	server->bytes_free = 0;
	while (dfs_disk_space_next(&disks, &disk)) {
		server->disks[server->disks_count++] = (struct ms_disk){
		    .disk = disk.disk,
		    .state = disk.state,
		    .bytes_total = disk.bytes_total,
		    .bytes_free = disk.bytes_free,
		    .chunks = disk.chunks,
		};
		if (disk.state == DFS_DISK_FAILED)
			continue;
		server->bytes_total += disk.bytes_total;
		if (disk.state == DFS_DISK_IN_USE && disk.bytes_free >= ROOM_BYTES_MIN)
			server->bytes_free += disk.bytes_free;
	}
}

bool ms_server_has_room(const struct ms_server *server)
{
	return server->peer != NULL && server->bytes_free > 0;
}

static struct ms_copy *copy_new(struct ms_servers *servers)
{
	if (servers->free_copies == NULL) {
		struct {
			void *next;
			struct ms_copy copies[COPIES_PER_SLAB];
		} *slab = calloc(1, sizeof(*slab));
		DFS_ASSERT(slab != NULL);
		slab->next = servers->slabs;
		servers->slabs = slab;
		for (u32 i = 0; i < COPIES_PER_SLAB; i++) {
			slab->copies[i].next = servers->free_copies;
			servers->free_copies = &slab->copies[i];
		}
	}
	struct ms_copy *copy = servers->free_copies;
	servers->free_copies = copy->next;
	memset(copy, 0, sizeof(*copy));
	servers->copies_count++;
	return copy;
}

static void copy_free(struct ms_servers *servers, struct ms_copy *copy)
{
	copy->next = servers->free_copies;
	servers->free_copies = copy;
	servers->copies_count--;
}

static struct ms_copy *first_copy(const struct ms_servers *servers, u64 chunk)
{
	struct dfs_map_node *found = dfs_map_find(&servers->copies, chunk);
	return found == NULL ? NULL : dfs_map_entry(found, struct ms_copy, node);
}

void ms_copy_put(struct ms_servers *servers, const struct ms_server *server,
		 const struct dfs_held *held)
{
	struct ms_copy *first = first_copy(servers, held->chunk);
	struct ms_copy *copy = first;
	while (copy != NULL && copy->slot != server->slot)
		copy = copy->next;
	if (copy == NULL) {
		copy = copy_new(servers);
		copy->slot = (u16)server->slot;
		if (first == NULL) {
			dfs_map_insert(&servers->copies, &copy->node, held->chunk);
		} else {
			copy->next = first->next;
			first->next = copy;
		}
	}
	copy->epoch = held->epoch;
	copy->generation = server->generation;
	copy->disk = (u8)held->disk;
	copy->state = (u8)held->state;
}

void ms_copy_drop(struct ms_servers *servers, const struct ms_server *server, u64 chunk)
{
	struct ms_copy *first = first_copy(servers, chunk);
	struct ms_copy *before = NULL;
	struct ms_copy *copy = first;
	while (copy != NULL && copy->slot != server->slot) {
		before = copy;
		copy = copy->next;
	}
	if (copy == NULL)
		return;
	if (before != NULL) {
		before->next = copy->next;
	} else {
		dfs_map_remove(&servers->copies, &first->node);
		if (copy->next != NULL)
			dfs_map_insert(&servers->copies, &copy->next->node, chunk);
	}
	copy_free(servers, copy);
}

void ms_copy_drop_noted(struct ms_servers *servers, const struct ms_server *server, u64 chunk)
{
	const struct ms_copy *copy = first_copy(servers, chunk);
	while (copy != NULL && copy->slot != server->slot)
		copy = copy->next;
	if (copy != NULL && copy->state == MS_COPY_NOTED && server->peer != NULL &&
	    !server->reporting)
		ms_copy_drop(servers, server, chunk);
}

void ms_copies_drop(struct ms_servers *servers, u64 chunk)
{
	struct ms_copy *copy = first_copy(servers, chunk);
	if (copy == NULL)
		return;
	dfs_map_remove(&servers->copies, &copy->node);
	while (copy != NULL) {
		struct ms_copy *next = copy->next;
		copy_free(servers, copy);
		copy = next;
	}
}

static bool counts(const struct ms_server *server, const struct ms_copy *copy)
{
	u32 age = server->generation - copy->generation;
	return age == 0 || (age == 1 && server->reporting);
}

u32 ms_copy_holders(const struct ms_servers *servers, u64 chunk, struct ms_server **ret_holders)
{
	u32 count = 0;
	for (struct ms_copy *copy = first_copy(servers, chunk); copy != NULL; copy = copy->next) {
		struct ms_server *server = servers->slots[copy->slot];
		if (counts(server, copy) && count < DFS_CHAIN_MAX)
			ret_holders[count++] = server;
	}
	return count;
}

void ms_server_put_replica(const struct ms_server *server, struct dfs_writer *replicas)
{
	struct dfs_replica replica = {
	    .server = server->node,
	    .host = server->host,
	    .address = dfs_span_text(server->address),
	    .local = dfs_span_text(server->local),
	};
	dfs_replica_put(replicas, &replica);
}

u32 ms_copy_put_replicas(const struct ms_servers *servers, u64 chunk, u32 epoch, u32 max,
			 struct dfs_writer *replicas)
{
	u32 count = 0;
	for (struct ms_copy *copy = first_copy(servers, chunk); copy != NULL; copy = copy->next) {
		struct ms_server *server = servers->slots[copy->slot];
		if (server->peer == NULL || !counts(server, copy) || copy->epoch != epoch)
			continue;
		if (count == max)
			break;
		ms_server_put_replica(server, replicas);
		count++;
	}
	return count;
}

void ms_chunk_list_add(struct ms_chunk_list *list, u64 chunk)
{
	if (list->count == list->capacity) {
		u32 capacity = dfs_max(list->capacity * 2, 64u);
		void *chunks = realloc(list->chunks, capacity * sizeof(*list->chunks));
		DFS_ASSERT(chunks != NULL);
		list->chunks = chunks;
		list->capacity = capacity;
	}
	list->chunks[list->count++] = chunk;
}

void ms_chunk_list_fini(struct ms_chunk_list *list)
{
	free(list->chunks);
	memset(list, 0, sizeof(*list));
}
