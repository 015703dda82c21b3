/*
 * The link itself, shared by the files link*.c.
 *
 *   open ──► RESOLVING ──► CONNECTING ──► UP ◄── accept
 *                 │             │          │
 *                 └─────────────┴──────────┤ error or end of stream: LINK_DOWN
 *                                          │
 *                     core closes: FLUSHING ──► DRAINING ──► DEAD
 *
 * FLUSHING sends what was queued. DRAINING has shut its sending side and reads until the peer
 * closes too: closing with unread bytes would reset the connection and could take the last message
 * (a refusal, say) away from the peer. Both are bounded by LINGER_NS. DEAD waits for libuv.
 */
#ifndef DFS_HOST_LINK_I_H
#define DFS_HOST_LINK_I_H

#include "libdfsproto/base/list.h"
#include "libdfsproto/base/map.h"
#include "libdfsproto/host/address.h"
#include "libdfsproto/host/host_i.h"
#include "libdfsproto/host/link.h"

#include <netdb.h>

enum link_state {
	LINK_RESOLVING,
	LINK_CONNECTING,
	LINK_UP,
	LINK_FLUSHING,
	LINK_DRAINING,
	LINK_DEAD,
};

/* A run of bytes to send; holds a reference. */
struct link_piece {
	struct dfs_buf *buf;
	u32 offset;
	u32 bytes;
};

/* One socket and its poll handle, which outlives the link by the time libuv takes to close it. */
struct link_socket {
	uv_poll_t poll;
	int fd;
	int events;            /* What poll waits for now. */
	struct dfs_link *link; /* NULL once detached. */
	struct dfs_host *host;
};

struct dfs_link {
	struct dfs_map_node node; /* In host->links, key is the id, until closed or down. */
	struct dfs_list all;
	struct dfs_list dirty;
	struct dfs_list lingering;
	struct dfs_host *host;
	enum link_state state;
	struct link_socket *socket; /* NULL while there is none. */
	bool want_write;            /* The socket was full. */
	bool send_broken;           /* Sending failed: reading tells why and ends the link. */
	bool over_mark;             /* Owes the core a LINK_ROOM. */
	nsec linger_until;          /* FLUSHING, DRAINING. */

	struct link_piece *pieces; /* Ring; capacity is a power of two or 0. */
	u32 pieces_head;
	u32 pieces_count;
	u32 pieces_capacity;
	u64 queued_bytes;

	struct link_resolve *resolve; /* Under way; it outlives a link that is closed meanwhile. */
	struct addrinfo *infos;       /* CONNECTING: owned. */
	struct addrinfo *info_next;   /* What to try after this one. */
	char address[DFS_ADDRESS_BYTES_MAX + 1]; /* For log lines; "" when accepted. */
};

/* link.c */
/* NULL when the core does not know it any more. */
struct dfs_link *link_find(struct dfs_host *host, u64 id);
/* Gone, without telling anybody. */
void link_die(struct dfs_link *link);
/* Make a socket the link's own and wait for `events` on it. */
void link_attach(struct dfs_link *link, int fd, int events);
/* Close the socket, so that another may be tried or the link be dead. */
void link_detach(struct dfs_link *link);
/* Wait for what the state needs; cheap when nothing changed. */
void link_poll(struct dfs_link *link);
/* Connected: tell the core. */
void link_up(struct dfs_link *link);
/* Gone: tell the core, which still knows it. `posix` is for the log line; 0: end of stream. */
void link_down(struct dfs_link *link, int status, int posix);

/* link_send.c */
/* Append buf[offset, +bytes); takes the reference. */
void link_queue_take(struct dfs_link *link, struct dfs_buf *buf, u32 offset, u32 bytes);
/* Send what the socket takes now. */
void link_flush(struct dfs_link *link);
void link_drop_queue(struct dfs_link *link);

/* link_close.c */
/* FLUSHING: nothing is left to send, or nothing can be sent any more. */
void link_flushed(struct dfs_link *link);
/* FLUSHING, DRAINING: read what means nothing any more; the end of the stream ends the link. */
void link_discard(struct dfs_link *link);

/* link_connect.c */
void link_connect_start(struct dfs_link *link, struct dfs_span address);
/* CONNECTING, and the socket became writable or failed. */
void link_connect_ready(struct dfs_link *link);
/* The link goes away in the middle of it. */
void link_connect_abandon(struct dfs_link *link);
/* Options of every link's socket. */
void link_tune(int fd, bool local);

#endif
