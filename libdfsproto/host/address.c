/*
 * Address texts: see address.h.
 */
#include "libdfsproto/host/address.h"

#include "libdfsproto/base/errors.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

static const char local_prefix[] = "unix:";

static int parse_local(const char *path, struct dfs_address *ret_address)
{
	size_t length = strlen(path);
	if (length == 0 || length >= sizeof(ret_address->un.sun_path))
		return DFS_EINVAL;
	*ret_address = (struct dfs_address){.local = true};
	ret_address->un.sun_family = AF_UNIX;
	memcpy(ret_address->un.sun_path, path, length + 1);
	return 0;
}

static int parse_port(const char *text, struct dfs_address *address)
{
	size_t length = strlen(text);
	if (length == 0 || length >= sizeof(address->port))
		return DFS_EINVAL;
	for (size_t i = 0; i < length; i++)
		if (text[i] < '0' || text[i] > '9')
			return DFS_EINVAL;
	if (strtoul(text, NULL, 10) > 65535)
		return DFS_EINVAL;
	memcpy(address->port, text, length + 1);
	return 0;
}

int dfs_address_parse(struct dfs_span text, struct dfs_address *ret_address)
{
	char copy[DFS_ADDRESS_BYTES_MAX + 1];
	if (text.length == 0 || text.length > DFS_ADDRESS_BYTES_MAX ||
	    memchr(text.data, '\0', text.length) != NULL)
		return DFS_EINVAL;
	memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	if (strncmp(copy, local_prefix, sizeof(local_prefix) - 1) == 0)
		return parse_local(copy + sizeof(local_prefix) - 1, ret_address);

	char *colon = strrchr(copy, ':');
	if (colon == NULL)
		return DFS_EINVAL;
	*colon = '\0';
	char *host = copy;
	size_t length = (size_t)(colon - copy);
	if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		host++;
	} else if (strchr(host, ':') != NULL) {
		return DFS_EINVAL; /* A bare v6 address: which colon separates the port? */
	}
	struct dfs_address address = {0};
	int error = parse_port(colon + 1, &address);
	if (error != 0)
		return error;
	memcpy(address.host, host, strlen(host) + 1);
	*ret_address = address;
	return 0;
}

void dfs_address_format(const struct sockaddr *address, socklen_t bytes, char *ret_text,
			u32 text_bytes)
{
	char host[NI_MAXHOST];
	char port[NI_MAXSERV];
	if (address->sa_family == AF_UNIX) {
		const struct sockaddr_un *un = (const void *)address;
		bool named = bytes > offsetof(struct sockaddr_un, sun_path);
		snprintf(ret_text, text_bytes, "unix:%s", named ? un->sun_path : "");
		return;
	}
	if (getnameinfo(address, bytes, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		snprintf(ret_text, text_bytes, "unknown");
		return;
	}
	if (strchr(host, ':') != NULL)
		snprintf(ret_text, text_bytes, "[%s]:%s", host, port);
	else
		snprintf(ret_text, text_bytes, "%s:%s", host, port);
}
