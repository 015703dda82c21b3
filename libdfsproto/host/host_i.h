/*
 * What the files of the host share: host.c (turns and steps), host_fx.c (effects), link*.c
 * (sockets), listener.c, host_io.c (disks and stores). Included only inside this folder.
 */
#ifndef DFS_HOST_HOST_I_H
#define DFS_HOST_HOST_I_H

#include "libdfsproto/base/list.h"
#include "libdfsproto/base/map.h"
#include "libdfsproto/host/host.h"
#include "libdfsproto/host/worker.h"

enum host_state {
	HOST_RUNNING, /* The core is stepped. */
	HOST_EXITED,  /* After DFS_FX_EXIT: nothing is stepped any more. */
	HOST_CLOSING, /* Waits for links, jobs and handles. */
	HOST_CLOSED,
};

/* An event that waits for its turn; owns a reference to buf. */
struct host_event {
	enum dfs_ev_kind kind;
	bool dropped; /* The core closed the link before it heard this of it. */
	int status;
	u64 tag;
	u64 count;
	u64 aux;
	struct dfs_buf *buf;
};

struct dfs_host {
	struct dfs_host_config config;
	enum host_state state;
	int exit_status;
	bool exit_reported;
	bool booted;
	bool stepping; /* Inside the core, or carrying out its effects. */
	struct dfs_fxs fxs;

	struct host_event *pending; /* Ring; capacity is a power of two or 0. */
	u32 pending_head;
	u32 pending_count;
	u32 pending_capacity;

	bool clock_valid; /* now and wall were read in this turn. */
	nsec now;
	nsec wall;

	uv_prepare_t prepare; /* The end of each turn, just before the loop sleeps. */
	uv_idle_t again; /* Active while work is left for the next turn: the loop must not sleep. */
	uv_timer_t timer;  /* For x_deadline(). */
	uv_timer_t linger; /* Bounds links that close. */
	u32 handles;       /* uv handles open: all of them have to be closed before `closed`. */
	void (*closed)(void *owner);
	void *closed_owner;

	struct dfs_workers workers;
	struct dfs_lane disk_lane; /* Cold reads, syncs, flushes. */
	struct dfs_lane slow_lane; /* Unlinks and lists: many, and nobody waits at once. */
	struct host_store *stores; /* One per config.kvs. */

	struct dfs_map links;            /* Links the core knows, by number. */
	struct dfs_list links_all;       /* Every struct dfs_link. */
	struct dfs_list links_dirty;     /* Those with something to send this turn. */
	struct dfs_list links_lingering; /* Closed by the core, still sending; oldest first. */
	struct dfs_list links_dead;      /* By member `all`; freed at the end of the turn. */
	u64 links_accepted;
};

/* Monotonic, at this moment; from any thread. */
nsec host_clock(void);
/* Step the core with one event, carry out the effects, then everything that arose meanwhile. Only
 * from the loop, never from an effect. */
void host_deliver(struct dfs_host *host, const struct host_event *event);
/* Queue an event from anywhere on the loop; takes event->buf. */
void host_push(struct dfs_host *host, const struct host_event *event);
/* Drop what is queued for a link that the core closes. */
void host_forget_link(struct dfs_host *host, u64 link);
/* Deliver what was pushed; for completions that come from outside a step. */
void host_drain(struct dfs_host *host);

/* host_close.c: steps of the way down; each looks whether it was the last. */
void host_workers_idle(void *owner);
void host_close_advance(struct dfs_host *host);
/* One of host->handles is gone. */
void host_handle_closed(struct dfs_host *host);

/* host_fx.c: all effects of the step that just ran; releases their buffers. */
void host_carry_out(struct dfs_host *host);

/* host_io.c; takes fx->buf's reference. */
void host_io_start(struct dfs_host *host, struct dfs_fx *fx);
/* End of the turn: what was grouped starts now. */
void host_io_kick(struct dfs_host *host);
/* One IO_DONE. Takes `buf`, which may be NULL. */
void host_io_done(struct dfs_host *host, u64 tag, int status, u64 count, u64 aux,
		  struct dfs_buf *buf);

/* host_kv.c: group commit of the stores. */
void host_stores_init(struct dfs_host *host);
void host_stores_fini(struct dfs_host *host);
void host_store_sync(struct dfs_host *host, u32 store, u64 tag, bool flush);
void host_stores_kick(struct dfs_host *host);

#endif
