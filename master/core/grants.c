/*
 * Soft grants of fresh chunks. See grants.h.
 */
#include "master/core/grants.h"

#include "master/core/placement.h"

#include <stdlib.h>

/* At 20,000 new files a second, half a range lasts as long as thirty log syncs or more. */
enum { RESERVE_CHUNKS = 65536, RESERVE_BELOW = 32768 };

void ms_grants_fini(struct ms_grants *grants)
{
	DFS_ASSERT(grants->by_chunk.count == 0);
	DFS_ASSERT(grants->files.count == 0);
	dfs_map_fini(&grants->by_chunk);
	dfs_map_fini(&grants->files);
}

static u64 range_left(const struct ms_id_range *range)
{
	return range->end - range->next;
}

u64 ms_grants_wanted(const struct ms_grants *grants)
{
	if (grants->reserving ||
	    range_left(&grants->current) + range_left(&grants->following) >= RESERVE_BELOW)
		return 0;
	return RESERVE_CHUNKS;
}

void ms_grants_reserved(struct ms_grants *grants, u64 first, u64 count)
{
	struct ms_id_range range = {.next = first, .end = first + count};
	grants->reserving = false;
	if (range_left(&grants->current) == 0)
		grants->current = range;
	else
		grants->following = range;
}

/* The id that the next new chunk gets, or 0. */
static u64 peek_id(struct ms_grants *grants)
{
	if (range_left(&grants->current) == 0) {
		grants->current = grants->following;
		grants->following = (struct ms_id_range){0};
	}
	return range_left(&grants->current) == 0 ? 0 : grants->current.next;
}

struct ms_grant *ms_grant_find(const struct ms_grants *grants, u64 chunk)
{
	struct dfs_map_node *found = dfs_map_find(&grants->by_chunk, chunk);
	return found == NULL ? NULL : dfs_map_entry(found, struct ms_grant, by_chunk);
}

u64 ms_grant_ino(const struct ms_grant *grant)
{
	return grant->file->by_ino.key;
}

static struct ms_grant *grant_new(struct ms_grants *grants, const struct dfs_grant_kept *place)
{
	struct dfs_map_node *found = dfs_map_find(&grants->files, place->ino);
	struct ms_grant_file *file;
	if (found == NULL) {
		file = calloc(1, sizeof(*file));
		DFS_ASSERT(file != NULL);
		dfs_list_init(&file->grants);
		dfs_map_insert(&grants->files, &file->by_ino, place->ino);
	} else {
		file = dfs_map_entry(found, struct ms_grant_file, by_ino);
	}
	struct ms_grant *grant = calloc(1, sizeof(*grant));
	DFS_ASSERT(grant != NULL);
	grant->file = file;
	grant->index = place->index;
	dfs_list_init(&grant->holds);
	dfs_list_push_back(&file->grants, &grant->in_file);
	dfs_map_insert(&grants->by_chunk, &grant->by_chunk, place->chunk);
	return grant;
}

static void grant_free(struct ms_grants *grants, struct ms_grant *grant)
{
	DFS_ASSERT(dfs_list_empty(&grant->holds));
	struct ms_grant_file *file = grant->file;
	dfs_list_remove(&grant->in_file);
	dfs_map_remove(&grants->by_chunk, &grant->by_chunk);
	free(grant);
	if (!dfs_list_empty(&file->grants))
		return;
	dfs_map_remove(&grants->files, &file->by_ino);
	free(file);
}

static struct ms_grant_hold *hold_find(const struct ms_grant *grant, const struct ms_client *client)
{
	dfs_list_for_each (node, &grant->holds) {
		struct ms_grant_hold *hold = dfs_list_entry(node, struct ms_grant_hold, in_grant);
		if (hold->client == client)
			return hold;
	}
	return NULL;
}

bool ms_grant_is_held(const struct ms_grant *grant, const struct ms_client *client)
{
	return hold_find(grant, client) != NULL;
}

/* All who hold it are there. One who is away may be dead, and what it wrote without COMMIT must not
 * come to light in the chunk of somebody else; should it come back, its COMMIT is refused, and it
 * writes anew. */
static bool is_shared(const struct ms_grant *grant)
{
	dfs_list_for_each (node, &grant->holds) {
		struct ms_grant_hold *hold = dfs_list_entry(node, struct ms_grant_hold, in_grant);
		if (hold->client->state != MS_CLIENT_LINKED)
			return false;
	}
	return true;
}

static bool is_of_base(const struct ms_grant *grant, const struct ms_place *place)
{
	return grant->base == place->base && grant->base_bytes == place->base_bytes;
}

u64 ms_grant_outdated(const struct ms_grants *grants, const struct ms_client *client,
		      const struct ms_place *place)
{
	struct dfs_map_node *found = dfs_map_find(&grants->files, place->ino);
	if (found == NULL)
		return 0;
	struct ms_grant_file *file = dfs_map_entry(found, struct ms_grant_file, by_ino);
	dfs_list_for_each (node, &file->grants) {
		struct ms_grant *grant = dfs_list_entry(node, struct ms_grant, in_file);
		if (grant->index == place->index && !is_of_base(grant, place) &&
		    hold_find(grant, client) != NULL)
			return grant->by_chunk.key;
	}
	return 0;
}

/* The client's own grant, or else one that it may share. */
static struct ms_grant *find_place(const struct ms_grants *grants, const struct ms_client *client,
				   const struct ms_place *place)
{
	struct dfs_map_node *found = dfs_map_find(&grants->files, place->ino);
	struct ms_grant *shared = NULL;
	if (found == NULL)
		return NULL;
	struct ms_grant_file *file = dfs_map_entry(found, struct ms_grant_file, by_ino);
	dfs_list_for_each (node, &file->grants) {
		struct ms_grant *grant = dfs_list_entry(node, struct ms_grant, in_file);
		if (grant->index != place->index || !is_of_base(grant, place))
			continue;
		if (hold_find(grant, client) != NULL)
			return grant;
		if (shared == NULL && is_shared(grant))
			shared = grant;
	}
	return shared;
}

static void hold(struct ms_grant *grant, struct ms_client *client)
{
	if (hold_find(grant, client) != NULL)
		return;
	struct ms_grant_hold *made = calloc(1, sizeof(*made));
	DFS_ASSERT(made != NULL);
	made->client = client;
	made->grant = grant;
	dfs_list_push_back(&client->grants, &made->in_client);
	dfs_list_push_back(&grant->holds, &made->in_grant);
	client->grants_count++;
}

static void unhold(struct ms_grant_hold *held)
{
	dfs_list_remove(&held->in_client);
	dfs_list_remove(&held->in_grant);
	held->client->grants_count--;
	free(held);
}

/* The server for a new chunk, by free space. */
static int place_chunk(const struct ms_servers *servers, u64 chunk, struct ms_server **ret_server)
{
	struct ms_server *best = NULL;
	u64 best_score = 0;
	bool online = false;
	for (u32 i = 0; i < servers->count; i++) {
		struct ms_server *server = servers->slots[i];
		online = online || server->peer != NULL;
		if (!ms_server_has_room(server))
			continue;
		u64 weight = dfs_max(server->bytes_free >> 20, 1u);
		u64 score = ms_placement_score(chunk, server->node, weight);
		if (score > best_score) {
			best = server;
			best_score = score;
		}
	}
	if (best == NULL)
		return online ? DFS_ENOSPC : DFS_ENO_SERVER;
	*ret_server = best;
	return 0;
}

/* The server for a copy: one that has the base. */
static int place_copy(const struct ms_servers *servers, u64 base, struct ms_server **ret_server)
{
	struct ms_server *holders[DFS_CHAIN_MAX];
	u32 count = ms_copy_holders(servers, base, holders);
	bool online = false;
	for (u32 i = 0; i < count; i++) {
		online = online || holders[i]->peer != NULL;
		if (!ms_server_has_room(holders[i]))
			continue;
		*ret_server = holders[i];
		return 0;
	}
	return online ? DFS_ENOSPC : DFS_ENO_SERVER;
}

/* Can its holders write to it: where it was to be made there is room, or it is there already. */
static bool usable(const struct ms_grant *grant, const struct ms_servers *servers)
{
	if (grant->server != NULL && ms_server_has_room(grant->server))
		return true;
	struct ms_server *holders[DFS_CHAIN_MAX];
	u32 count = ms_copy_holders(servers, grant->by_chunk.key, holders);
	for (u32 i = 0; i < count; i++) {
		if (ms_server_has_room(holders[i]))
			return true;
	}
	return false;
}

int ms_grant_take(struct ms_grants *grants, const struct ms_servers *servers,
		  struct ms_client *client, const struct ms_place *place,
		  struct ms_grant **ret_grant)
{
	struct ms_grant *grant = find_place(grants, client, place);
	struct ms_grant_hold *held = grant == NULL ? NULL : hold_find(grant, client);
	/* A holder that asks again could not write there: its disk filled up, or its server is
	 * gone. What it wrote is not committed, so another chunk may take its place. */
	if (grant != NULL && (held == NULL || usable(grant, servers))) {
		if (held == NULL && client->grants_count >= DFS_CLIENT_GRANTS_MAX)
			return DFS_EBUSY;
		hold(grant, client);
		*ret_grant = grant;
		return 0;
	}
	if (client->grants_count >= DFS_CLIENT_GRANTS_MAX)
		return DFS_EBUSY;
	struct dfs_grant_kept fresh = {
	    .ino = place->ino, .index = place->index, .chunk = peek_id(grants)};
	if (fresh.chunk == 0)
		return DFS_EBUSY;
	struct ms_server *server;
	int status = place->base != 0 ? place_copy(servers, place->base, &server)
				      : place_chunk(servers, fresh.chunk, &server);
	if (status != 0)
		return status;
	grants->current.next++;
	if (held != NULL) {
		unhold(held);
		if (dfs_list_empty(&grant->holds))
			grant_free(grants, grant);
	}
	grant = grant_new(grants, &fresh);
	grant->server = server;
	grant->base = place->base;
	grant->base_bytes = place->base_bytes;
	hold(grant, client);
	*ret_grant = grant;
	return 0;
}

void ms_grant_reclaim(struct ms_grants *grants, struct ms_client *client,
		      const struct dfs_grant_kept *kept)
{
	if (client->grants_count >= DFS_CLIENT_GRANTS_MAX)
		return;
	struct ms_grant *grant = ms_grant_find(grants, kept->chunk);
	if (grant == NULL)
		grant = grant_new(grants, kept);
	hold(grant, client);
}

void ms_grant_committed(struct ms_grants *grants, u64 chunk)
{
	struct ms_grant *grant = ms_grant_find(grants, chunk);
	if (grant == NULL)
		return;
	while (!dfs_list_empty(&grant->holds))
		unhold(dfs_list_first(&grant->holds, struct ms_grant_hold, in_grant));
	grant_free(grants, grant);
}

bool ms_grant_release(struct ms_grants *grants, struct ms_client *client, u64 chunk)
{
	struct ms_grant *grant = ms_grant_find(grants, chunk);
	struct ms_grant_hold *held = grant == NULL ? NULL : hold_find(grant, client);
	if (held == NULL)
		return false;
	unhold(held);
	if (!dfs_list_empty(&grant->holds))
		return false;
	grant_free(grants, grant);
	return true;
}

u64 ms_grant_oldest(const struct ms_client *client)
{
	if (dfs_list_empty(&client->grants))
		return 0;
	struct ms_grant_hold *held =
	    dfs_list_first(&client->grants, struct ms_grant_hold, in_client);
	return held->grant->by_chunk.key;
}

u64 ms_grant_of_file(const struct ms_grants *grants, u64 ino)
{
	struct dfs_map_node *found = dfs_map_find(&grants->files, ino);
	if (found == NULL)
		return 0;
	struct ms_grant_file *file = dfs_map_entry(found, struct ms_grant_file, by_ino);
	return dfs_list_first(&file->grants, struct ms_grant, in_file)->by_chunk.key;
}
