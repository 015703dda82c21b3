/*
 * Bind, listen, accept: see listener.h. Accepted sockets become links (link.c).
 */
#include "libdfsproto/host/listener.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/address.h"
#include "libdfsproto/host/host_i.h"
#include "libdfsproto/host/link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BACKLOG = 512,
	ACCEPTS_PER_TURN = 64,
};

struct dfs_listener {
	struct dfs_host *host; /* NULL until taken. */
	uv_poll_t poll;
	int fd;
	int reserve_fd; /* Given up to refuse a peer when no descriptors are left. */
	bool local;
	char address[DFS_ADDRESS_BYTES_MAX + 1];
};

static int fail(struct dfs_sentence *text, const char *address, int error)
{
	const char *next = "check the address";
	if (error == EADDRINUSE)
		next = "another process serves it: stop that one (ss -ltnxp shows it) or choose "
		       "another";
	else if (error == EACCES)
		next = "run as root, or choose an address this user may bind";
	else if (error == EADDRNOTAVAIL)
		next = "this machine has no such address: ip addr lists those it has";
	dfs_sentence_set(text, "cannot listen on %s: %s; %s", address, strerror(error), next);
	int mapped = dfs_error_from_errno(error);
	return error == EADDRINUSE ? DFS_EBUSY : mapped;
}

/* A socket file stays behind when its server dies. Connecting tells whether one is there. */
static int remove_stale(const struct sockaddr_un *un)
{
	struct stat st;
	if (lstat(un->sun_path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return EEXIST;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	int error = connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0 ? 0 : errno;
	close(fd);
	if (error != ECONNREFUSED)
		return EADDRINUSE;
	return unlink(un->sun_path) == 0 ? 0 : errno;
}

static int bind_local(const struct dfs_address *address, int *ret_fd)
{
	int error = remove_stale(&address->un);
	if (error != 0)
		return error;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	if (bind(fd, (const struct sockaddr *)&address->un, sizeof(address->un)) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		error = errno;
		close(fd);
		return error;
	}
	*ret_fd = fd;
	return 0;
}

static int bind_one(const struct addrinfo *info, int *ret_fd)
{
	int one = 1;
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
		int error = errno;
		close(fd);
		return error;
	}
	*ret_fd = fd;
	return 0;
}

/* Blocks in name resolution: start-up only. */
static int bind_network(const struct dfs_address *address, const char *shown, int *ret_fd,
			struct dfs_sentence *ret_text)
{
	bool any = address->host[0] == '\0' || strcmp(address->host, "*") == 0;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *infos = NULL;
	if (any)
		hints.ai_family = AF_INET6; /* Takes v4 as well. */
	int error = getaddrinfo(any ? NULL : address->host, address->port, &hints, &infos);
	if (error != 0) {
		dfs_sentence_set(ret_text, "cannot listen on %s: %s; check the host name", shown,
				 gai_strerror(error));
		return DFS_ENXIO;
	}
	error = bind_one(infos, ret_fd);
	freeaddrinfo(infos);
	if (error == EAFNOSUPPORT && any) {
		hints.ai_family = AF_INET;
		if (getaddrinfo(NULL, address->port, &hints, &infos) == 0) {
			error = bind_one(infos, ret_fd);
			freeaddrinfo(infos);
		}
	}
	return error == 0 ? 0 : fail(ret_text, shown, error);
}

static void remember_address(struct dfs_listener *listener)
{
	struct sockaddr_storage bound;
	socklen_t bytes = sizeof(bound);
	if (getsockname(listener->fd, (struct sockaddr *)&bound, &bytes) == 0)
		dfs_address_format((struct sockaddr *)&bound, bytes, listener->address,
				   sizeof(listener->address));
}

int dfs_listener_open(const char *text, struct dfs_listener **ret_listener,
		      struct dfs_sentence *ret_text)
{
	struct dfs_address address;
	int fd = -1;
	if (strlen(text) > DFS_ADDRESS_BYTES_MAX ||
	    dfs_address_parse(dfs_span_text(text), &address) != 0) {
		dfs_sentence_set(
		    ret_text, "\"%s\" is not an address; write host:port, [v6]:port or unix:/path",
		    text);
		return DFS_EINVAL;
	}
	int error;
	if (address.local) {
		error = bind_local(&address, &fd);
		if (error != 0)
			return fail(ret_text, text, error);
	} else {
		error = bind_network(&address, text, &fd, ret_text);
		if (error != 0)
			return error;
	}
	struct dfs_listener *listener = calloc(1, sizeof(*listener));
	DFS_ASSERT(listener != NULL);
	listener->fd = fd;
	listener->local = address.local;
	listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	remember_address(listener);
	*ret_listener = listener;
	return 0;
}

const char *dfs_listener_address(const struct dfs_listener *listener)
{
	return listener->address;
}

/* Out of descriptors: a waiting peer would keep the loop spinning, so it is taken and dropped. */
static void refuse_one(struct dfs_listener *listener)
{
	close(listener->reserve_fd);
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dfs_log_printf(DFS_LOG_WARN,
		       "event=accept_refused address=%s cause=\"too many open files\"",
		       listener->address);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	struct dfs_listener *listener = dfs_container_of(poll, struct dfs_listener, poll);
	for (u32 i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			host_link_accept(listener->host, fd, listener->local);
			if (uv_is_closing((uv_handle_t *)poll))
				return;
		} else if (errno == EMFILE || errno == ENFILE) {
			refuse_one(listener);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

void host_listener_start(struct dfs_host *host, struct dfs_listener *listener)
{
	DFS_ASSERT(listener->host == NULL);
	listener->host = host;
	int error = uv_poll_init(host->config.loop, &listener->poll, listener->fd);
	DFS_ASSERT(error == 0);
	host->handles++;
	uv_poll_start(&listener->poll, UV_READABLE, on_readable);
}

static void release(struct dfs_listener *listener)
{
	close(listener->fd);
	if (listener->reserve_fd >= 0)
		close(listener->reserve_fd);
	free(listener);
}

static void on_closed(uv_handle_t *handle)
{
	struct dfs_listener *listener = dfs_container_of(handle, struct dfs_listener, poll);
	struct dfs_host *host = listener->host;
	release(listener);
	host_handle_closed(host);
}

void dfs_listener_close(struct dfs_listener *listener)
{
	if (listener == NULL)
		return;
	if (listener->local)
		unlink(listener->address + sizeof("unix:") - 1);
	if (listener->host == NULL)
		release(listener);
	else
		uv_close((uv_handle_t *)&listener->poll, on_closed);
}
