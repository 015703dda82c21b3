/*
 * Life and receiving of links: see link_i.h for the states. Read link_send.c, link_connect.c and
 * link_close.c next.
 */
#include "libdfsproto/host/link_i.h"

#include "libdfsproto/base/errors.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	RECEIVE_BYTES_PER_TURN = 1 << 20, /* Then the other links get their turn. */
};

struct dfs_link *link_find(struct dfs_host *host, u64 id)
{
	struct dfs_map_node *node = dfs_map_find(&host->links, id);
	return node == NULL ? NULL : dfs_map_entry(node, struct dfs_link, node);
}

static struct dfs_link *link_new(struct dfs_host *host, u64 id, enum link_state state)
{
	struct dfs_link *link = calloc(1, sizeof(*link));
	DFS_ASSERT(link != NULL);
	link->host = host;
	link->state = state;
	dfs_list_init(&link->dirty);
	dfs_list_init(&link->lingering);
	dfs_list_push_back(&host->links_all, &link->all);
	dfs_map_insert(&host->links, &link->node, id);
	return link;
}

void link_die(struct dfs_link *link)
{
	DFS_ASSERT(link->state != LINK_DEAD);
	link_connect_abandon(link);
	link_drop_queue(link);
	link_detach(link);
	link->state = LINK_DEAD;
	dfs_list_remove(&link->dirty);
	dfs_list_remove(&link->lingering);
	dfs_list_remove(&link->all);
	dfs_list_push_back(&link->host->links_dead, &link->all);
}

void host_links_sweep(struct dfs_host *host)
{
	dfs_list_for_each_safe (node, &host->links_dead) {
		struct dfs_link *link = dfs_list_entry(node, struct dfs_link, all);
		dfs_list_remove(&link->all);
		free(link->pieces);
		free(link);
	}
}

void link_down(struct dfs_link *link, int status, int posix)
{
	struct dfs_host *host = link->host;
	DFS_ASSERT(link->state <= LINK_UP);
	u64 id = link->node.key;
	if (host->config.log_level >= DFS_LOG_DEBUG)
		dfs_log_printf(DFS_LOG_DEBUG, "event=link_down link=%llu address=%s cause=\"%s\"",
			       (unsigned long long)id, link->address,
			       posix == 0 ? dfs_error_text(status) : strerror(posix));
	dfs_map_remove(&host->links, &link->node);
	link_die(link);
	host_push(host,
		  &(struct host_event){.kind = DFS_EV_LINK_DOWN, .tag = id, .status = status});
}

void link_up(struct dfs_link *link)
{
	DFS_ASSERT(link->state == LINK_CONNECTING);
	link->state = LINK_UP;
	if (link->pieces_count > 0)
		dfs_list_push_back(&link->host->links_dirty, &link->dirty);
	link_poll(link);
	host_push(link->host, &(struct host_event){.kind = DFS_EV_LINK_UP, .tag = link->node.key});
}

/* Receive into the core's room and step it; false when the socket is empty or the link is gone. */
static bool receive_some(struct dfs_link *link, u64 *received)
{
	struct dfs_host *host = link->host;
	u8 *room;
	u32 room_bytes;
	u64 id = link->node.key;
	host->config.ops->room(host->config.core, id, &room, &room_bytes);
	DFS_ASSERT(room_bytes > 0);
	ssize_t got;
	do
		got = recv(link->socket->fd, room, room_bytes, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return false;
	if (got <= 0) {
		link_down(link, DFS_ELINK_LOST, got < 0 ? errno : 0);
		host_drain(host);
		return false;
	}
	*received += (u64)got;
	host_deliver(host,
		     &(struct host_event){.kind = DFS_EV_LINK_BYTES, .tag = id, .count = (u64)got});
	/* A short receive emptied the socket: epoll tells when there is more. */
	return (u64)got == room_bytes && link->state == LINK_UP && host->state == HOST_RUNNING;
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct link_socket *socket = dfs_container_of(poll, struct link_socket, poll);
	struct dfs_link *link = socket->link;
	if (link == NULL)
		return;
	if (status < 0) {
		/* libuv stopped polling: the socket has an error, and reading or SO_ERROR tells it.
		 */
		socket->events = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	if (link->state == LINK_CONNECTING) {
		link_connect_ready(link);
		host_drain(link->host);
		return;
	}
	if ((events & UV_WRITABLE) != 0 && link->want_write)
		link_flush(link);
	if ((events & (UV_READABLE | UV_DISCONNECT)) != 0) {
		u64 received = 0;
		if (link->state == LINK_UP && link->host->state == HOST_RUNNING) {
			while (received < RECEIVE_BYTES_PER_TURN && receive_some(link, &received))
				continue;
		} else if (link->state == LINK_FLUSHING || link->state == LINK_DRAINING) {
			link_discard(link);
		}
	}
	host_drain(link->host);
	if (link->state != LINK_DEAD && link->socket == socket)
		link_poll(link);
}

void link_poll(struct dfs_link *link)
{
	struct link_socket *socket = link->socket;
	int events = UV_READABLE;
	if (link->state == LINK_CONNECTING)
		events = UV_WRITABLE;
	else if (link->state == LINK_UP && link->host->state != HOST_RUNNING)
		events = 0; /* Nobody is there to read it. */
	if (link->want_write)
		events |= UV_WRITABLE;
	if (events == socket->events)
		return;
	socket->events = events;
	if (events == 0)
		uv_poll_stop(&socket->poll);
	else
		uv_poll_start(&socket->poll, events, on_socket);
}

void link_attach(struct dfs_link *link, int fd, int events)
{
	DFS_ASSERT(link->socket == NULL);
	struct link_socket *socket = calloc(1, sizeof(*socket));
	DFS_ASSERT(socket != NULL);
	socket->fd = fd;
	socket->link = link;
	socket->host = link->host;
	socket->events = events;
	int error = uv_poll_init(link->host->config.loop, &socket->poll, fd);
	DFS_ASSERT(error == 0);
	link->host->handles++;
	link->socket = socket;
	uv_poll_start(&socket->poll, events, on_socket);
}

static void on_socket_closed(uv_handle_t *handle)
{
	struct link_socket *socket = dfs_container_of(handle, struct link_socket, poll);
	struct dfs_host *host = socket->host;
	free(socket);
	host_handle_closed(host);
}

void link_detach(struct dfs_link *link)
{
	struct link_socket *socket = link->socket;
	if (socket == NULL)
		return;
	link->socket = NULL;
	socket->link = NULL;
	uv_close((uv_handle_t *)&socket->poll, on_socket_closed);
	close(socket->fd);
}

void host_link_open(struct dfs_host *host, u64 id, struct dfs_span address)
{
	DFS_ASSERT((id & DFS_LINK_ACCEPTED) == 0);
	struct dfs_link *link = link_new(host, id, LINK_RESOLVING);
	link_connect_start(link, address);
}

void host_link_accept(struct dfs_host *host, int fd, bool local)
{
	if (host->state != HOST_RUNNING) {
		close(fd);
		return;
	}
	u64 id = DFS_LINK_ACCEPTED | ++host->links_accepted;
	struct dfs_link *link = link_new(host, id, LINK_UP);
	link_tune(fd, local);
	link_attach(link, fd, UV_READABLE);
	host_deliver(host, &(struct host_event){.kind = DFS_EV_LINK_NEW, .tag = id});
}

void host_link_send_take(struct dfs_host *host, struct dfs_fx *fx)
{
	struct dfs_link *link = link_find(host, fx->tag);
	bool wanted = link != NULL && link->state <= LINK_UP && !link->send_broken;
	if (wanted) {
		link_queue_take(link, fx->buf, 0, fx->buf->length);
		if (fx->payload != NULL)
			link_queue_take(link, fx->payload, fx->payload_offset, fx->payload_bytes);
	} else {
		dfs_buf_unref(fx->buf);
		dfs_buf_unref(fx->payload);
	}
}
