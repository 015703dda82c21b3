/*
 * The driver that runs one core (struct dfs_core_ops) on one libuv loop: it turns sockets, disk
 * completions, timers and calls into events, steps the core, and carries out the effects. It makes
 * no decisions. The other driver of the same contract is tests/sim, on virtual time.
 *
 * A daemon's main():
 *	dfs_daemon_init(&daemon, "dfs-master");             signals, limits, loop     (daemon.h)
 *	dfs_key_load(path, key, &text);                     the cluster's key         (key.h)
 *	dfs_listener_open("0.0.0.0:9421", &listener, &text); binds now, serves later  (listener.h)
 *	dfs_kv_rocks_open(path, kind, &options, &kv, &text);                          (kv_rocks.h)
 *	dfs_disk_open(path, &options, &disk, &text);                                  (disk.h)
 *	core = xx_new(&config);
 *	dfs_host_new(&(struct dfs_host_config){ … }, &host); sends EV_BOOT in the first turn
 *	status = dfs_daemon_run(&daemon, host);             until DFS_FX_EXIT; frees the host
 *	xx_free(core); close the stores and disks.
 * Any of the open functions returns a DFS_E… and a sentence for the operator.
 *
 * A shell with operations of its own (FUSE, admin) polls its descriptor on the same loop and calls
 * dfs_host_call(); answers come through config.reply, perhaps before dfs_host_call() returns.
 *
 * One turn of the loop: drain what is ready, step for each piece, and at the end of the turn step
 * DFS_EV_TIMER if x_deadline() has come, start grouped syncs, then send each link's bytes with one
 * writev. Events of one turn carry the same time. The host is never entered from an effect:
 * completions that arise while effects are carried out are queued and delivered after them.
 */
#ifndef DFS_HOST_HOST_H
#define DFS_HOST_HOST_H

#include "libdfsproto/base/step.h"
#include "libdfsproto/host/log.h"

#include <uv.h>

struct dfs_host;
struct dfs_disk;
struct dfs_kv_rocks;
struct dfs_listener;

struct dfs_host_config {
	uv_loop_t *loop;
	const struct dfs_core_ops *ops;
	void *core;
	struct dfs_listener *const *listeners; /* Taken: closed and freed with the host. */
	u32 listeners_count;
	struct dfs_disk *const *disks; /* Borrowed; NULL entries answer DFS_EDISK_FAILED. */
	u32 disks_count;
	struct dfs_kv_rocks *const *kvs; /* Borrowed; NULL entries answer DFS_EDISK_FAILED. */
	u32 kvs_count;
	enum dfs_log_level log_level;
	void *owner; /* First argument of the callbacks. */
	/* DFS_FX_REPLY; `reply` is borrowed for the call. NULL when the core takes no calls. Must
	 * not enter the host. */
	void (*reply)(void *owner, u64 call, const void *reply);
	/* DFS_FX_EXIT, at the end of that turn's work. NULL: ask dfs_host_exited(). */
	void (*exit)(void *owner, int status);
};

/* Arrays in `config` are copied. The core gets EV_BOOT when the loop first runs. */
void dfs_host_new(const struct dfs_host_config *config, struct dfs_host **ret_host);

/* DFS_EV_CALL: steps at once. Not from a reply callback. */
void dfs_host_call(struct dfs_host *host, u64 id, const void *call);
/* DFS_EV_CALL_CANCEL. */
void dfs_host_cancel(struct dfs_host *host, u64 id);
/* DFS_EV_STOP; harmless when repeated or when the core has exited. */
void dfs_host_stop(struct dfs_host *host);
/* True after DFS_FX_EXIT, with its status. */
bool dfs_host_exited(const struct dfs_host *host, int *ret_status);

/* Monotonic and wall time of this turn: what the events of this turn carry. */
nsec dfs_host_now(struct dfs_host *host);
nsec dfs_host_wall(struct dfs_host *host);

/* Send what is queued now instead of at the end of the turn. */
void dfs_host_flush(struct dfs_host *host);

/* The core is stepped no more. Links send what was queued (bounded time) and close, jobs in flight
 * finish, then `closed` is called once, on the loop; dfs_host_free() after that. */
void dfs_host_close(struct dfs_host *host, void (*closed)(void *owner), void *owner);
void dfs_host_free(struct dfs_host *host);

#endif
