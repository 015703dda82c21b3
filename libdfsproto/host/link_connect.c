/*
 * Connecting a link: parse the address, resolve the name unless it is numeric, try its addresses
 * one after the other. No time-out of its own: the core closes a link that takes too long.
 */
#include "libdfsproto/host/link_i.h"

#include "libdfsproto/base/errors.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOCAL_SOCKET_BYTES = 1 << 20 };

struct link_resolve {
	uv_getaddrinfo_t request;
	struct dfs_link *link; /* NULL when the link was closed meanwhile. */
	struct dfs_host *host;
};

void link_tune(int fd, bool local)
{
	int one = 1;
	int bytes = LOCAL_SOCKET_BYTES;
	if (!local) {
		/* The host corks by itself; what it sends shall go out at once. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		return;
	}
	/* The default of 208 KiB makes two turns of each message with a payload. FORCE needs
	 * CAP_NET_ADMIN; without it the limit of the system applies. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static int status_of(int posix)
{
	return posix == ETIMEDOUT ? DFS_ETIMEDOUT : DFS_ELINK_LOST;
}

/* A port of the ephemeral range without a listener can be connected to itself. */
static bool connected_to_itself(int fd)
{
	struct sockaddr_storage own = {0};
	struct sockaddr_storage peer = {0};
	socklen_t own_bytes = sizeof(own);
	socklen_t peer_bytes = sizeof(peer);
	if (getsockname(fd, (struct sockaddr *)&own, &own_bytes) != 0 ||
	    getpeername(fd, (struct sockaddr *)&peer, &peer_bytes) != 0)
		return false;
	return own_bytes == peer_bytes && own.ss_family != AF_UNIX &&
	       memcmp(&own, &peer, own_bytes) == 0;
}

/* 0 when connecting or connected, else an errno. */
static int try_one(struct dfs_link *link, const struct sockaddr *address, socklen_t bytes)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	link_tune(fd, address->sa_family == AF_UNIX);
	if (connect(fd, address, bytes) != 0 && errno != EINPROGRESS) {
		int error = errno;
		close(fd);
		return error;
	}
	link->state = LINK_CONNECTING;
	link_attach(link, fd, UV_WRITABLE); /* Also when connected: the core hears of it later. */
	return 0;
}

static void try_next(struct dfs_link *link, int error)
{
	while (link->info_next != NULL) {
		struct addrinfo *info = link->info_next;
		link->info_next = info->ai_next;
		error = try_one(link, info->ai_addr, info->ai_addrlen);
		if (error == 0)
			return;
	}
	link_down(link, status_of(error), error);
}

void link_connect_ready(struct dfs_link *link)
{
	int error = 0;
	socklen_t bytes = sizeof(error);
	if (getsockopt(link->socket->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0)
		error = errno;
	if (error == 0 && connected_to_itself(link->socket->fd))
		error = ECONNREFUSED;
	if (error != 0) {
		link_detach(link);
		try_next(link, error);
		return;
	}
	uv_freeaddrinfo(link->infos);
	link->infos = NULL;
	link->info_next = NULL;
	link_up(link);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *infos)
{
	struct link_resolve *resolve = dfs_container_of(request, struct link_resolve, request);
	struct dfs_link *link = resolve->link;
	struct dfs_host *host = resolve->host;
	free(resolve);
	if (link == NULL) {
		uv_freeaddrinfo(infos);
		host_handle_closed(host);
		return;
	}
	host->handles--; /* Not the last: the link is alive, and with it the host. */
	link->resolve = NULL;
	if (status != 0) {
		dfs_log_printf(DFS_LOG_WARN, "event=resolve_failed address=%s cause=\"%s\"",
			       link->address, uv_strerror(status));
		link_down(link, DFS_ELINK_LOST, EHOSTUNREACH);
	} else {
		link->infos = infos;
		link->info_next = infos;
		try_next(link, EHOSTUNREACH);
	}
	host_drain(host);
}

static void resolve_start(struct dfs_link *link, const struct dfs_address *address)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct link_resolve *resolve = calloc(1, sizeof(*resolve));
	DFS_ASSERT(resolve != NULL);
	resolve->link = link;
	resolve->host = link->host;
	int error = uv_getaddrinfo(link->host->config.loop, &resolve->request, on_resolved,
				   address->host, address->port, &hints);
	if (error != 0) {
		free(resolve);
		link_down(link, DFS_ELINK_LOST, -error);
		return;
	}
	link->resolve = resolve;
	link->host->handles++;
}

void link_connect_start(struct dfs_link *link, struct dfs_span text)
{
	struct dfs_address address;
	u32 shown = dfs_min(text.length, (u32)sizeof(link->address) - 1);
	memcpy(link->address, text.data, shown);
	if (dfs_address_parse(text, &address) != 0) {
		link_down(link, DFS_EINVAL, EINVAL);
		return;
	}
	if (address.local) {
		int error = try_one(link, (struct sockaddr *)&address.un, sizeof(address.un));
		if (error != 0)
			link_down(link, status_of(error), error);
		return;
	}
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	if (getaddrinfo(address.host, address.port, &hints, &link->infos) == 0) {
		link->info_next = link->infos;
		try_next(link, EHOSTUNREACH);
		return;
	}
	link->infos = NULL;
	resolve_start(link, &address);
}

void link_connect_abandon(struct dfs_link *link)
{
	uv_freeaddrinfo(link->infos);
	link->infos = NULL;
	link->info_next = NULL;
	if (link->resolve != NULL) {
		link->resolve->link = NULL;
		uv_cancel((uv_req_t *)&link->resolve->request);
		link->resolve = NULL;
	}
}
