/*
 * The way down of a host: listeners and links close first (links send what was queued, for a
 * bounded time), then jobs in flight finish, then the remaining handles close, then the owner
 * hears of it. Each stage calls host_close_advance(), which does what is possible now.
 */
#include "libdfsproto/host/host_i.h"

#include "libdfsproto/host/link.h"
#include "libdfsproto/host/listener.h"

#include <stdlib.h>

void host_handle_closed(struct dfs_host *host)
{
	DFS_ASSERT(host->handles > 0);
	if (--host->handles > 0)
		return;
	host->state = HOST_CLOSED;
	host->closed(host->closed_owner);
}

static void on_handle_closed(uv_handle_t *handle)
{
	host_handle_closed(handle->data);
}

static void on_workers_closed(uv_handle_t *handle)
{
	struct dfs_workers *workers = handle->data;
	host_handle_closed(workers->owner);
}

static void discard_pending(struct dfs_host *host)
{
	while (host->pending_count > 0) {
		dfs_buf_unref(host->pending[host->pending_head].buf);
		host->pending_head = (host->pending_head + 1) & (host->pending_capacity - 1);
		host->pending_count--;
	}
}

void host_close_advance(struct dfs_host *host)
{
	if (host->state != HOST_CLOSING || !dfs_list_empty(&host->links_all) ||
	    host->workers.in_flight > 0 || uv_is_closing((uv_handle_t *)&host->prepare))
		return;
	discard_pending(host);
	uv_close((uv_handle_t *)&host->prepare, on_handle_closed);
	uv_close((uv_handle_t *)&host->again, on_handle_closed);
	uv_close((uv_handle_t *)&host->timer, on_handle_closed);
	uv_close((uv_handle_t *)&host->linger, on_handle_closed);
	dfs_workers_close(&host->workers, on_workers_closed);
}

void host_workers_idle(void *owner)
{
	struct dfs_host *host = owner;
	host_drain(host);
	host_close_advance(host);
}

void dfs_host_close(struct dfs_host *host, void (*closed)(void *owner), void *owner)
{
	DFS_ASSERT(!host->stepping);
	DFS_ASSERT(host->state == HOST_RUNNING || host->state == HOST_EXITED);
	host->state = HOST_CLOSING;
	host->closed = closed;
	host->closed_owner = owner;
	uv_timer_stop(&host->timer);
	uv_idle_stop(&host->again);
	for (u32 i = 0; i < host->config.listeners_count; i++)
		dfs_listener_close(host->config.listeners[i]);
	host_io_kick(host);
	host_links_close_all(host);
	host_close_advance(host);
}

void dfs_host_free(struct dfs_host *host)
{
	if (host == NULL)
		return;
	DFS_ASSERT(host->state == HOST_CLOSED);
	host_links_sweep(host);
	host_stores_fini(host);
	dfs_lane_fini(&host->slow_lane);
	dfs_lane_fini(&host->disk_lane);
	dfs_workers_fini(&host->workers);
	dfs_map_fini(&host->links);
	dfs_fxs_fini(&host->fxs);
	free(host->pending);
	free((void *)host->config.listeners);
	free((void *)host->config.disks);
	free((void *)host->config.kvs);
	free(host);
}
