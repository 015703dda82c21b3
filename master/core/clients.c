/*
 * Soft client sessions and their opens. See clients.h; moves between the states:
 *
 *   (tables) -> AWAITED --attach--> LINKED --link lost--> UNLINKED --attach--> LINKED
 *   AWAITED, UNLINKED --expiry--> CLOSING;  LINKED --DETACH--> CLOSING;  CLOSING --applied--> freed
 */
#include "master/core/clients.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/base/limits.h"

#include <stdlib.h>
#include <string.h>

void ms_clients_init(struct ms_clients *clients, nsec timeout)
{
	memset(clients, 0, sizeof(*clients));
	dfs_list_init(&clients->silent);
	clients->timeout = timeout;
}

void ms_clients_fini(struct ms_clients *clients)
{
	struct dfs_map_node *node;
	while ((node = dfs_map_next(&clients->by_session, NULL)) != NULL)
		ms_client_free(clients, dfs_map_entry(node, struct ms_client, by_session));
	DFS_ASSERT(clients->held_inodes.count == 0);
	dfs_map_fini(&clients->by_session);
	dfs_map_fini(&clients->held_inodes);
}

struct ms_client *ms_client_find(const struct ms_clients *clients, u64 session)
{
	struct dfs_map_node *found = dfs_map_find(&clients->by_session, session);
	return found == NULL ? NULL : dfs_map_entry(found, struct ms_client, by_session);
}

struct ms_client *ms_client_add(struct ms_clients *clients, u64 session, bool awaited, nsec now)
{
	struct ms_client *client = calloc(1, sizeof(*client));
	DFS_ASSERT(client != NULL);
	client->session = session;
	client->state = awaited ? MS_CLIENT_AWAITED : MS_CLIENT_UNLINKED;
	client->expires = now + clients->timeout;
	dfs_list_init(&client->opens);
	dfs_list_init(&client->grants);
	dfs_list_init(&client->pending);
	dfs_list_init(&client->gated);
	dfs_list_init(&client->recalls);
	client->inherited = awaited;
	dfs_list_push_back(&clients->silent, &client->in_silent);
	dfs_map_insert(&clients->by_session, &client->by_session, session);
	clients->awaited_count += awaited;
	return client;
}

static void leave_silent(struct ms_clients *clients, struct ms_client *client)
{
	dfs_list_remove(&client->in_silent);
	if (client->state == MS_CLIENT_AWAITED)
		clients->awaited_count--;
}

void ms_client_free(struct ms_clients *clients, struct ms_client *client)
{
	DFS_ASSERT(dfs_list_empty(&client->grants));
	DFS_ASSERT(dfs_list_empty(&client->pending));
	DFS_ASSERT(dfs_list_empty(&client->gated));
	DFS_ASSERT(dfs_list_empty(&client->recalls));
	DFS_ASSERT(client->leases.count == 0);
	u64 ino;
	while ((ino = ms_open_any(client)) != 0)
		(void)ms_open_drop_all(clients, client, ino);
	leave_silent(clients, client);
	dfs_map_remove(&clients->by_session, &client->by_session);
	free(client->made_open);
	free(client);
}

void ms_client_link(struct ms_clients *clients, struct ms_client *client, struct ms_peer *peer)
{
	DFS_ASSERT(client->state != MS_CLIENT_CLOSING);
	leave_silent(clients, client);
	client->state = MS_CLIENT_LINKED;
	client->peer = peer;
}

void ms_client_unlink(struct ms_clients *clients, struct ms_client *client, nsec now)
{
	client->peer = NULL;
	if (client->state != MS_CLIENT_LINKED)
		return;
	client->state = MS_CLIENT_UNLINKED;
	client->expires = now + clients->timeout;
	dfs_list_push_back(&clients->silent, &client->in_silent);
}

void ms_client_closing(struct ms_clients *clients, struct ms_client *client)
{
	leave_silent(clients, client);
	client->state = MS_CLIENT_CLOSING;
}

nsec ms_clients_deadline(const struct ms_clients *clients)
{
	if (dfs_list_empty(&clients->silent))
		return DFS_NEVER;
	return dfs_list_first(&clients->silent, struct ms_client, in_silent)->expires;
}

struct ms_client *ms_clients_expired(const struct ms_clients *clients, nsec now)
{
	if (ms_clients_deadline(clients) > now)
		return NULL;
	return dfs_list_first(&clients->silent, struct ms_client, in_silent);
}

static struct ms_held_inode *held_find(const struct ms_clients *clients, u64 ino)
{
	struct dfs_map_node *found = dfs_map_find(&clients->held_inodes, ino);
	return found == NULL ? NULL : dfs_map_entry(found, struct ms_held_inode, by_ino);
}

static struct ms_open *open_find(const struct ms_held_inode *inode, const struct ms_client *client)
{
	dfs_list_for_each (node, &inode->opens) {
		struct ms_open *open = dfs_list_entry(node, struct ms_open, in_inode);
		if (open->client == client)
			return open;
	}
	return NULL;
}

int ms_open_add(struct ms_clients *clients, struct ms_client *client, u64 ino)
{
	struct ms_held_inode *inode = held_find(clients, ino);
	struct ms_open *open = inode == NULL ? NULL : open_find(inode, client);
	if (open != NULL) {
		open->count++;
		return 0;
	}
	if (client->opens_count >= DFS_CLIENT_OPENS_MAX)
		return DFS_EBUSY;
	if (inode == NULL) {
		inode = calloc(1, sizeof(*inode));
		DFS_ASSERT(inode != NULL);
		dfs_list_init(&inode->opens);
		dfs_map_insert(&clients->held_inodes, &inode->by_ino, ino);
	}
	open = calloc(1, sizeof(*open));
	DFS_ASSERT(open != NULL);
	open->client = client;
	open->inode = inode;
	open->count = 1;
	dfs_list_push_back(&client->opens, &open->in_client);
	dfs_list_push_back(&inode->opens, &open->in_inode);
	client->opens_count++;
	return 0;
}

static bool drop(struct ms_clients *clients, struct ms_client *client, u64 ino, bool all)
{
	struct ms_held_inode *inode = held_find(clients, ino);
	struct ms_open *open = inode == NULL ? NULL : open_find(inode, client);
	if (open == NULL)
		return false;
	open->count = all ? 0 : open->count - 1;
	if (open->count > 0)
		return false;
	dfs_list_remove(&open->in_client);
	dfs_list_remove(&open->in_inode);
	client->opens_count--;
	free(open);
	if (!dfs_list_empty(&inode->opens))
		return false;
	dfs_map_remove(&clients->held_inodes, &inode->by_ino);
	free(inode);
	return true;
}

bool ms_open_drop(struct ms_clients *clients, struct ms_client *client, u64 ino)
{
	return drop(clients, client, ino, false);
}

bool ms_open_drop_all(struct ms_clients *clients, struct ms_client *client, u64 ino)
{
	return drop(clients, client, ino, true);
}

u64 ms_open_any(const struct ms_client *client)
{
	if (dfs_list_empty(&client->opens))
		return 0;
	return dfs_list_first(&client->opens, struct ms_open, in_client)->inode->by_ino.key;
}

bool ms_is_open(const struct ms_clients *clients, u64 ino)
{
	return dfs_map_find(&clients->held_inodes, ino) != NULL;
}

bool ms_made_open_add(struct ms_client *client, u64 sequence)
{
	for (u32 i = 0; i < client->made_open_count; i++) {
		if (client->made_open[i] == sequence)
			return false;
	}
	if (client->made_open_count == client->made_open_capacity) {
		u32 capacity = dfs_max(client->made_open_capacity * 2, 16u);
		void *made = realloc(client->made_open, capacity * sizeof(*client->made_open));
		DFS_ASSERT(made != NULL);
		client->made_open = made;
		client->made_open_capacity = capacity;
	}
	client->made_open[client->made_open_count++] = sequence;
	return true;
}

void ms_made_open_prune(struct ms_client *client, u64 acked)
{
	u32 kept = 0;
	for (u32 i = 0; i < client->made_open_count; i++) {
		if (client->made_open[i] > acked)
			client->made_open[kept++] = client->made_open[i];
	}
	client->made_open_count = kept;
}

void ms_clients_check(const struct ms_clients *clients)
{
	u32 awaited = 0;
	nsec expires = 0;
	dfs_list_for_each (node, &clients->silent) {
		struct ms_client *client = dfs_list_entry(node, struct ms_client, in_silent);
		DFS_ASSERT(client->peer == NULL);
		DFS_ASSERT(client->expires >= expires);
		expires = client->expires;
		awaited += client->state == MS_CLIENT_AWAITED;
	}
	DFS_ASSERT(awaited == clients->awaited_count);
	struct dfs_map_node *node = NULL;
	while ((node = dfs_map_next(&clients->by_session, node)) != NULL) {
		struct ms_client *client = dfs_map_entry(node, struct ms_client, by_session);
		DFS_ASSERT((client->peer != NULL) >= (client->state == MS_CLIENT_LINKED));
		DFS_ASSERT(client->opens_count <= DFS_CLIENT_OPENS_MAX);
	}
}
