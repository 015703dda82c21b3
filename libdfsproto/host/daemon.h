/*
 * What every daemon's main() needs beside its host: signals, limits, a lock on its directory, the
 * loop itself. See the comment at the head of host.h for the order of calls.
 */
#ifndef DFS_HOST_DAEMON_H
#define DFS_HOST_DAEMON_H

#include "libdfsproto/host/host.h"

struct dfs_daemon {
	const char *name; /* For log lines. Borrowed. */
	uv_loop_t loop;
	uv_signal_t terminate;
	uv_signal_t interrupt;
	uv_timer_t deadline; /* How long stopping may take. */
	struct dfs_host *host;
	int status;
	bool stopping; /* After the first signal. */
	bool exited;   /* After the core's DFS_FX_EXIT: status is valid. */
	bool host_closed;
	bool loop_open;
	int lock_fd;
	/* Optional. SIGTERM, SIGINT: instead of dfs_host_stop(); and once the core has exited,
	 * before the host closes: the shell closes its own handles. Set after dfs_daemon_init. */
	void *owner;
	void (*stop)(void *owner);
	void (*exiting)(void *owner);
};

/* Ignores SIGPIPE, raises the limit of open files, makes the loop. */
void dfs_daemon_init(struct dfs_daemon *daemon, const char *name);

/* Only one process may use a directory: takes DIR/lock, held until the process ends. On failure
 * DFS_EBUSY or another DFS_E…, and a sentence that names the holder. */
int dfs_daemon_lock(struct dfs_daemon *daemon, const char *directory,
		    struct dfs_sentence *ret_text);

/* Runs the loop until the core has exited; SIGTERM and SIGINT stop it (EV_STOP), a second signal or
 * ten seconds end it by force. Closes and frees the host. Returns the core's exit status. */
int dfs_daemon_run(struct dfs_daemon *daemon, struct dfs_host *host);

/* Give config.exit and config.owner these to let dfs_daemon_run() end: `owner` is the daemon. */
void dfs_daemon_exit(void *owner, int status);

/* Closes the loop; after dfs_daemon_run() or instead of it. */
void dfs_daemon_fini(struct dfs_daemon *daemon);

/* "event=fatal" with the sentence, for failures at start-up; returns EXIT_FAILURE. */
int dfs_daemon_fail(struct dfs_daemon *daemon, const struct dfs_sentence *text);

#endif
