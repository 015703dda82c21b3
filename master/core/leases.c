/*
 * Leases and changes by inode: see leases.h. All leases live equally long, so the order of giving
 * is the order of ending.
 */
#include "master/core/leases.h"

#include "libdfsproto/base/limits.h"

#include <stdlib.h>

void ms_leases_init(struct ms_leases *leases, nsec session_timeout)
{
	nsec term = dfs_min((nsec)DFS_LEASE_MS * DFS_MSEC, session_timeout / 2);
	*leases = (struct ms_leases){
	    .term_ms = (u32)(term / DFS_MSEC),
	    .life = term + (nsec)DFS_LEASE_SLACK_MS * DFS_MSEC,
	};
	dfs_list_init(&leases->in_order);
}

struct ms_leased *ms_leased_find(const struct ms_leases *leases, u64 ino)
{
	struct dfs_map_node *found = dfs_map_find(&leases->by_ino, ino);
	return found == NULL ? NULL : dfs_map_entry(found, struct ms_leased, by_ino);
}

static struct ms_leased *leased_get(struct ms_leases *leases, u64 ino)
{
	struct ms_leased *inode = ms_leased_find(leases, ino);
	if (inode != NULL)
		return inode;
	inode = calloc(1, sizeof(*inode));
	DFS_ASSERT(inode != NULL);
	dfs_list_init(&inode->leases);
	dfs_list_init(&inode->changes);
	dfs_map_insert(&leases->by_ino, &inode->by_ino, ino);
	return inode;
}

static void leased_put(struct ms_leases *leases, struct ms_leased *inode)
{
	if (!dfs_list_empty(&inode->leases) || !dfs_list_empty(&inode->changes))
		return;
	dfs_map_remove(&leases->by_ino, &inode->by_ino);
	free(inode);
}

bool ms_lease_give(struct ms_leases *leases, struct ms_client *client, u64 ino, nsec now)
{
	struct dfs_map_node *found = dfs_map_find(&client->leases, ino);
	struct ms_lease *lease;
	if (found != NULL) {
		lease = dfs_map_entry(found, struct ms_lease, by_ino);
		if (!dfs_list_empty(&lease->inode->changes))
			return false;
		dfs_list_remove(&lease->in_order);
	} else {
		struct ms_leased *inode = ms_leased_find(leases, ino);
		if ((inode != NULL && !dfs_list_empty(&inode->changes)) ||
		    client->leases.count >= DFS_CLIENT_LEASES_MAX)
			return false;
		lease = calloc(1, sizeof(*lease));
		DFS_ASSERT(lease != NULL);
		dfs_list_init(&lease->in_inode);
		dfs_list_init(&lease->in_order);
		lease->client = client;
		lease->inode = leased_get(leases, ino);
		dfs_map_insert(&client->leases, &lease->by_ino, ino);
		dfs_list_push_back(&lease->inode->leases, &lease->in_inode);
	}
	lease->until = now + leases->life;
	dfs_list_push_back(&leases->in_order, &lease->in_order);
	return true;
}

static void lease_free(struct ms_leases *leases, struct ms_lease *lease)
{
	struct ms_leased *inode = lease->inode;
	dfs_map_remove(&lease->client->leases, &lease->by_ino);
	dfs_list_remove(&lease->in_inode);
	dfs_list_remove(&lease->in_order);
	free(lease);
	leased_put(leases, inode);
}

void ms_leases_expire(struct ms_leases *leases, nsec now)
{
	while (!dfs_list_empty(&leases->in_order)) {
		struct ms_lease *first =
		    dfs_list_first(&leases->in_order, struct ms_lease, in_order);
		if (first->until > now)
			return;
		lease_free(leases, first);
	}
}

void ms_leases_let_go(struct ms_leases *leases, struct ms_client *client)
{
	struct dfs_map_node *node;
	while ((node = dfs_map_next(&client->leases, NULL)) != NULL)
		lease_free(leases, dfs_map_entry(node, struct ms_lease, by_ino));
	dfs_map_fini(&client->leases);
}

void ms_change_begin(struct ms_leases *leases, struct ms_change *change, u64 ino, u32 name)
{
	change->inode = leased_get(leases, ino);
	change->name = name;
	dfs_list_init(&change->in_inode);
	dfs_list_push_back(&change->inode->changes, &change->in_inode);
}

void ms_change_end(struct ms_leases *leases, struct ms_change *change)
{
	dfs_list_remove(&change->in_inode);
	leased_put(leases, change->inode);
}

bool ms_name_is_changing(const struct ms_leases *leases, u64 ino, u32 name)
{
	const struct ms_leased *inode = ms_leased_find(leases, ino);
	if (inode == NULL || name == 0)
		return false;
	dfs_list_for_each (node, &inode->changes) {
		if (dfs_list_entry(node, struct ms_change, in_inode)->name == name)
			return true;
	}
	return false;
}

void ms_leases_fini(struct ms_leases *leases)
{
	while (!dfs_list_empty(&leases->in_order))
		lease_free(leases, dfs_list_first(&leases->in_order, struct ms_lease, in_order));
	DFS_ASSERT(leases->by_ino.count == 0);
	dfs_map_fini(&leases->by_ino);
}

void ms_leases_check(const struct ms_leases *leases)
{
	struct dfs_map_node *node = NULL;
	nsec before = 0;
	while ((node = dfs_map_next(&leases->by_ino, node)) != NULL) {
		const struct ms_leased *inode = dfs_map_entry(node, struct ms_leased, by_ino);
		DFS_ASSERT(!dfs_list_empty(&inode->leases) || !dfs_list_empty(&inode->changes));
	}
	dfs_list_for_each (at, &leases->in_order) {
		const struct ms_lease *lease = dfs_list_entry(at, struct ms_lease, in_order);
		DFS_ASSERT(lease->until >= before);
		before = lease->until;
	}
}
