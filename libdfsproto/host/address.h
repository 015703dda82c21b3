/*
 * The text form of an address: "host:port", "[v6]:port" or "unix:/path". Used by listeners and
 * links; nothing is resolved here.
 */
#ifndef DFS_HOST_ADDRESS_H
#define DFS_HOST_ADDRESS_H

#include "libdfsproto/base/limits.h"
#include "libdfsproto/base/span.h"

#include <sys/socket.h>
#include <sys/un.h>

struct dfs_address {
	bool local; /* A unix socket: `un` is valid, else host and port. */
	char host[DFS_ADDRESS_BYTES_MAX + 1]; /* Without brackets; "" or "*" means any. */
	char port[6];                         /* Decimal, 0..65535. */
	struct sockaddr_un un;
};

/* DFS_EINVAL when it is none of the forms. */
int dfs_address_parse(struct dfs_span text, struct dfs_address *ret_address);

/* "10.0.0.1:9421", "[::1]:9421" or "unix:/path"; always NUL-terminated. */
void dfs_address_format(const struct sockaddr *address, socklen_t bytes, char *ret_text,
			u32 text_bytes);

#endif
