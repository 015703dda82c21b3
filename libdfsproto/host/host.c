/*
 * Turns and steps: see host.h. Read host_fx.c next for the effects, link.c for sockets, host_io.c
 * for disks and stores.
 *
 * Order inside one turn of libuv: timers → prepare → poll → (next turn). Work arises in poll and in
 * timers; `prepare` is what follows both just before the loop may sleep, so the end of a turn is
 * there.
 */
#include "libdfsproto/host/host_i.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/disk_i.h"
#include "libdfsproto/host/link.h"
#include "libdfsproto/host/listener.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum {
	DISK_THREADS = 16,
	SLOW_THREADS = 2,
	EVENTS_PER_DRAIN = 1024, /* Then the sockets get their turn again. */
	ROUNDS_PER_TURN = 64,    /* Timer steps while the core asks to be stepped again. */
};

static nsec clock_read(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (nsec)t.tv_sec * DFS_SEC + (nsec)t.tv_nsec;
}

nsec host_clock(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

static void read_clocks(struct dfs_host *host)
{
	host->now = clock_read(CLOCK_MONOTONIC);
	host->wall = clock_read(CLOCK_REALTIME);
	host->clock_valid = true;
}

nsec dfs_host_now(struct dfs_host *host)
{
	if (!host->clock_valid)
		read_clocks(host);
	return host->now;
}

nsec dfs_host_wall(struct dfs_host *host)
{
	if (!host->clock_valid)
		read_clocks(host);
	return host->wall;
}

static void step(struct dfs_host *host, struct dfs_ev *ev)
{
	DFS_ASSERT(!host->stepping);
	if (host->state != HOST_RUNNING)
		return;
	ev->now = dfs_host_now(host);
	ev->wall = dfs_host_wall(host);
	host->stepping = true;
	host->fxs.count = 0;
	host->fxs.log_level = host->config.log_level;
	host->config.ops->step(host->config.core, ev, &host->fxs);
	host_carry_out(host);
	host->stepping = false;
}

static void step_event(struct dfs_host *host, const struct host_event *event)
{
	struct dfs_ev ev = {
	    .kind = event->kind,
	    .tag = event->tag,
	    .status = event->status,
	    .count = event->count,
	    .aux = event->aux,
	    .buf = event->buf,
	};
	step(host, &ev);
}

static void grow_pending(struct dfs_host *host)
{
	u32 capacity = host->pending_capacity == 0 ? 256 : host->pending_capacity * 2;
	struct host_event *larger = calloc(capacity, sizeof(*larger));
	DFS_ASSERT(larger != NULL);
	for (u32 i = 0; i < host->pending_count; i++)
		larger[i] = host->pending[(host->pending_head + i) & (host->pending_capacity - 1)];
	free(host->pending);
	host->pending = larger;
	host->pending_head = 0;
	host->pending_capacity = capacity;
}

void host_push(struct dfs_host *host, const struct host_event *event)
{
	if (host->pending_count == host->pending_capacity)
		grow_pending(host);
	u32 at = (host->pending_head + host->pending_count) & (host->pending_capacity - 1);
	host->pending[at] = *event;
	host->pending_count++;
}

void host_forget_link(struct dfs_host *host, u64 link)
{
	for (u32 i = 0; i < host->pending_count; i++) {
		struct host_event *event =
		    &host->pending[(host->pending_head + i) & (host->pending_capacity - 1)];
		if (event->tag == link && event->kind >= DFS_EV_LINK_UP &&
		    event->kind <= DFS_EV_LINK_DOWN)
			event->dropped = true;
	}
}

static struct host_event pop_pending(struct dfs_host *host)
{
	DFS_ASSERT(host->pending_count > 0);
	struct host_event event = host->pending[host->pending_head];
	host->pending_head = (host->pending_head + 1) & (host->pending_capacity - 1);
	host->pending_count--;
	return event;
}

void host_drain(struct dfs_host *host)
{
	for (u32 i = 0; i < EVENTS_PER_DRAIN && host->pending_count > 0; i++) {
		struct host_event event = pop_pending(host);
		if (!event.dropped)
			step_event(host, &event);
		dfs_buf_unref(event.buf);
	}
}

void host_deliver(struct dfs_host *host, const struct host_event *event)
{
	step_event(host, event);
	host_drain(host);
}

static void report_exit(struct dfs_host *host)
{
	if (host->state != HOST_EXITED || host->exit_reported)
		return;
	host->exit_reported = true;
	if (host->config.exit != NULL)
		host->config.exit(host->config.owner, host->exit_status);
}

static void boot(struct dfs_host *host)
{
	u8 seed[DFS_SEED_BYTES];
	host->booted = true;
	ssize_t got = getrandom(seed, sizeof(seed), 0);
	DFS_ASSERT(got == (ssize_t)sizeof(seed));
	struct dfs_ev ev = {.kind = DFS_EV_BOOT, .seed = seed};
	step(host, &ev);
}

void dfs_host_call(struct dfs_host *host, u64 id, const void *call)
{
	if (!host->booted && host->state == HOST_RUNNING)
		boot(host);
	struct dfs_ev ev = {.kind = DFS_EV_CALL, .tag = id, .call = call};
	step(host, &ev);
	host_drain(host);
}

void dfs_host_cancel(struct dfs_host *host, u64 id)
{
	host_deliver(host, &(struct host_event){.kind = DFS_EV_CALL_CANCEL, .tag = id});
}

void dfs_host_stop(struct dfs_host *host)
{
	host_deliver(host, &(struct host_event){.kind = DFS_EV_STOP});
}

bool dfs_host_exited(const struct dfs_host *host, int *ret_status)
{
	if (host->state == HOST_RUNNING)
		return false;
	*ret_status = host->exit_status;
	return true;
}

void dfs_host_flush(struct dfs_host *host)
{
	host_io_kick(host);
	host_links_flush(host);
}

static bool deadline_reached(struct dfs_host *host)
{
	return host->state == HOST_RUNNING &&
	       host->config.ops->deadline(host->config.core) <= dfs_host_now(host);
}

static void on_timer(uv_timer_t *timer)
{
	/* Waking the loop was the point: the end of the turn asks the core what is due. */
	(void)timer;
}

static void on_again(uv_idle_t *again)
{
	(void)again;
}

/* Sleep until the deadline, rounded up: waking early would only mean to sleep again. */
static void arm(struct dfs_host *host)
{
	nsec deadline =
	    host->state == HOST_RUNNING ? host->config.ops->deadline(host->config.core) : DFS_NEVER;
	nsec now = host_clock();
	if (host->pending_count > 0 || deadline <= now)
		uv_idle_start(&host->again, on_again);
	else
		uv_idle_stop(&host->again);
	if (deadline == DFS_NEVER || deadline <= now) {
		uv_timer_stop(&host->timer);
		return;
	}
	u64 wait_ms = (deadline - now + DFS_MSEC - 1) / DFS_MSEC;
	uv_update_time(host->config.loop);
	uv_timer_start(&host->timer, on_timer, wait_ms, 0);
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct dfs_host *host = prepare->data;
	if (!host->booted && host->state == HOST_RUNNING)
		boot(host);
	for (u32 round = 0; round < ROUNDS_PER_TURN; round++) {
		host_drain(host);
		host_io_kick(host);
		if (host->pending_count > 0)
			continue; /* A sync that was made at once. */
		if (!deadline_reached(host))
			break;
		host_links_flush(host); /* More work is no reason to hold up what is answered. */
		struct dfs_ev ev = {.kind = DFS_EV_TIMER};
		step(host, &ev);
	}
	host_io_kick(host);
	host_links_flush(host);
	host_links_sweep(host);
	report_exit(host);
	host->clock_valid = false;
	if (host->state >= HOST_CLOSING)
		host_close_advance(host);
	else
		arm(host);
}

void dfs_host_new(const struct dfs_host_config *config, struct dfs_host **ret_host)
{
	struct dfs_host *host = calloc(1, sizeof(*host));
	DFS_ASSERT(host != NULL);
	host->config = *config;
	struct dfs_listener **listeners = calloc(config->listeners_count + 1u, sizeof(void *));
	struct dfs_disk **disks = calloc(config->disks_count + 1u, sizeof(void *));
	struct dfs_kv_rocks **kvs = calloc(config->kvs_count + 1u, sizeof(void *));
	DFS_ASSERT(listeners != NULL);
	DFS_ASSERT(disks != NULL);
	DFS_ASSERT(kvs != NULL);
	for (u32 i = 0; i < config->listeners_count; i++)
		listeners[i] = config->listeners[i];
	for (u32 i = 0; i < config->disks_count; i++)
		disks[i] = config->disks[i];
	for (u32 i = 0; i < config->kvs_count; i++)
		kvs[i] = config->kvs[i];
	host->config.listeners = listeners;
	host->config.disks = disks;
	host->config.kvs = kvs;

	uv_prepare_init(config->loop, &host->prepare);
	uv_idle_init(config->loop, &host->again);
	uv_timer_init(config->loop, &host->timer);
	uv_timer_init(config->loop, &host->linger);
	dfs_workers_init(&host->workers, config->loop);
	host->prepare.data = host;
	host->again.data = host;
	host->timer.data = host;
	host->linger.data = host;
	host->workers.idle = host_workers_idle;
	host->workers.owner = host;
	host->handles = 5;
	dfs_lane_init(&host->disk_lane, &host->workers, DISK_THREADS);
	dfs_lane_init(&host->slow_lane, &host->workers, SLOW_THREADS);
	host_stores_init(host);
	for (u32 i = 0; i < config->disks_count; i++)
		if (disks[i] != NULL)
			disk_attach(disks[i], host);
	dfs_list_init(&host->links_all);
	dfs_list_init(&host->links_dirty);
	dfs_list_init(&host->links_lingering);
	dfs_list_init(&host->links_dead);
	uv_prepare_start(&host->prepare, on_prepare);
	uv_idle_start(&host->again, on_again); /* EV_BOOT comes without waiting for anything. */
	for (u32 i = 0; i < config->listeners_count; i++)
		host_listener_start(host, listeners[i]);
	*ret_host = host;
}
