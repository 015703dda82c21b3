/*
 * Links of one host: non-blocking sockets polled by uv_poll. Plain sockets rather than uv_tcp, so
 * that bytes are received straight into the core's room and many small sends leave in one sendmsg.
 *
 * link.c: life and receiving. link_send.c: the queue. link_connect.c: names and connecting.
 * link_close.c: closing in good order.
 * All functions are for the host's own files and run on its loop.
 */
#ifndef DFS_HOST_LINK_H
#define DFS_HOST_LINK_H

#include "libdfsproto/base/span.h"
#include "libdfsproto/base/step.h"

struct dfs_host;

/* DFS_FX_LINK_OPEN: LINK_UP or LINK_DOWN follows later. */
void host_link_open(struct dfs_host *host, u64 id, struct dfs_span address);
/* DFS_FX_LINK_SEND: takes the references. Dropped when the link has gone meanwhile: LINK_DOWN is on
 * its way. */
void host_link_send_take(struct dfs_host *host, struct dfs_fx *fx);
/* DFS_FX_LINK_CLOSE. */
void host_link_close(struct dfs_host *host, u64 id);
/* A peer connected; takes the descriptor. Steps LINK_NEW. */
void host_link_accept(struct dfs_host *host, int fd, bool local);

/* Send what is queued. */
void host_links_flush(struct dfs_host *host);
/* End of the turn: free what died in it. */
void host_links_sweep(struct dfs_host *host);
/* The host is going: as if the core had closed every link. */
void host_links_close_all(struct dfs_host *host);

#endif
