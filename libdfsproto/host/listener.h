/*
 * A bound socket that peers connect to. Opened before the core exists, so that a port in use is
 * reported before anything is touched and so that port 0 has become a real one; it accepts once
 * dfs_host_new() has taken it.
 */
#ifndef DFS_HOST_LISTENER_H
#define DFS_HOST_LISTENER_H

#include "libdfsproto/host/log.h"

struct dfs_host;
struct dfs_listener;

/* "host:port" or "unix:/path". On failure a DFS_E… and a sentence. A unix socket that nobody
 * serves any more is replaced; one that is served is refused. */
int dfs_listener_open(const char *address, struct dfs_listener **ret_listener,
		      struct dfs_sentence *ret_text);
/* What it is bound to: "host:port" with the real port, or "unix:/path". */
const char *dfs_listener_address(const struct dfs_listener *listener);
/* Stop accepting; a unix socket's path is removed. Frees it, at once or, when a host has taken it,
 * once its handle is closed. */
void dfs_listener_close(struct dfs_listener *listener);

/* For the host. */
void host_listener_start(struct dfs_host *host, struct dfs_listener *listener);

#endif
