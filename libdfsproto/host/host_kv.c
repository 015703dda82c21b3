/*
 * Group commit of the key-value stores: at most one sync of a store is in flight; everybody who
 * asked before it started is served by it, who asked later by the next one. The same for flushes.
 *
 * Where syncs are quick the loop makes them itself: handing one to a thread and back costs two
 * wake-ups across cores, 40-100 us, as much as an fdatasync of a good disk. A disk that is slow, or
 * just became so, is waited for by the store's thread.
 */
#include "libdfsproto/host/host_i.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/kv_rocks.h"
#include "libdfsproto/host/link.h"

#include <stdlib.h>

/* A sync that usually takes no longer is not worth a thread. */
#define QUICK_NS (150 * DFS_USEC)

struct tag_list {
	u64 *tags;
	u32 count;
	u32 capacity;
};

struct group {
	struct dfs_job job;
	struct host_store *store;
	struct dfs_lane *lane;
	int (*make_durable)(struct dfs_kv_rocks *kv);
	bool in_flight;
	int status;              /* Written by the thread, read by the loop once it is done. */
	nsec usual;              /* Moving average of how long one takes; likewise. */
	bool may_be_quick;       /* Syncs; a flush writes tables. */
	struct tag_list waiting; /* For the next one. */
	struct tag_list served;  /* By the one in flight. */
};

struct host_store {
	struct dfs_host *host;
	struct dfs_kv_rocks *kv; /* NULL: failed to open. */
	struct dfs_lane
	    log_lane; /* Its own thread: each store has a disk of its own to wait for. */
	struct group sync;
	struct group flush;
};

static void add_tag(struct tag_list *list, u64 tag)
{
	if (list->count == list->capacity) {
		list->capacity = list->capacity == 0 ? 64 : list->capacity * 2;
		list->tags = realloc(list->tags, list->capacity * sizeof(*list->tags));
		DFS_ASSERT(list->tags != NULL);
	}
	list->tags[list->count++] = tag;
}

static void group_run(struct dfs_job *job)
{
	struct group *group = dfs_container_of(job, struct group, job);
	nsec start = host_clock();
	group->status = group->make_durable(group->store->kv);
	group->usual = (group->usual * 7 + (host_clock() - start)) / 8;
}

static void group_end(struct group *group)
{
	group->in_flight = false;
	for (u32 i = 0; i < group->served.count; i++)
		host_io_done(group->store->host, group->served.tags[i], group->status, 0, 0, NULL);
	group->served.count = 0;
}

static void group_start(struct group *group)
{
	if (group->in_flight || group->waiting.count == 0)
		return;
	struct tag_list served = group->waiting;
	group->waiting = group->served;
	group->waiting.count = 0;
	group->served = served;
	group->in_flight = true;
	if (group->may_be_quick && group->usual <= QUICK_NS) {
		host_links_flush(group->store->host); /* Answers that need no sync do not wait. */
		group_run(&group->job);
		group_end(group);
	} else {
		dfs_lane_submit(group->lane, &group->job);
	}
}

static void group_done(struct dfs_job *job)
{
	struct group *group = dfs_container_of(job, struct group, job);
	group_end(group);
	host_drain(group->store->host);
}

static void group_init(struct group *group, struct host_store *store, struct dfs_lane *lane,
		       int (*make_durable)(struct dfs_kv_rocks *kv))
{
	group->store = store;
	group->lane = lane;
	group->make_durable = make_durable;
	group->job.run = group_run;
	group->job.done = group_done;
}

void host_stores_init(struct dfs_host *host)
{
	host->stores = calloc(host->config.kvs_count + 1u, sizeof(*host->stores));
	DFS_ASSERT(host->stores != NULL);
	for (u32 i = 0; i < host->config.kvs_count; i++) {
		struct host_store *store = &host->stores[i];
		store->host = host;
		store->kv = host->config.kvs[i];
		dfs_lane_init(&store->log_lane, &host->workers, 1);
		group_init(&store->sync, store, &store->log_lane, dfs_kv_rocks_sync);
		store->sync.may_be_quick = true;
		store->sync.usual = 2 * QUICK_NS; /* Not known yet. */
		group_init(&store->flush, store, &host->disk_lane, dfs_kv_rocks_flush);
	}
}

void host_stores_fini(struct dfs_host *host)
{
	for (u32 i = 0; i < host->config.kvs_count; i++) {
		struct host_store *store = &host->stores[i];
		dfs_lane_fini(&store->log_lane);
		free(store->sync.waiting.tags);
		free(store->sync.served.tags);
		free(store->flush.waiting.tags);
		free(store->flush.served.tags);
	}
	free(host->stores);
	host->stores = NULL;
}

void host_store_sync(struct dfs_host *host, u32 number, u64 tag, bool flush)
{
	struct host_store *store = number < host->config.kvs_count ? &host->stores[number] : NULL;
	if (store == NULL || store->kv == NULL) {
		host_io_done(host, tag, DFS_EDISK_FAILED, 0, 0, NULL);
		return;
	}
	struct group *group = flush ? &store->flush : &store->sync;
	add_tag(&group->waiting, tag);
}

void host_stores_kick(struct dfs_host *host)
{
	for (u32 i = 0; i < host->config.kvs_count; i++) {
		group_start(&host->stores[i].sync);
		group_start(&host->stores[i].flush);
	}
}
