/*
 * The SOURCE argument of a mount: MASTER[,MASTER…]:/[SUBTREE]. Says what is wrong with one that is
 * not of this form. Called by options.c.
 */
#include "fuse/shell/options.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/base/limits.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static int refuse(char *text, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(text, MOUNT_TEXT_BYTES, format, list);
	va_end(list);
	return DFS_EINVAL;
}

static bool port_good(const char *port, size_t length)
{
	if (length == 0 || length > 5)
		return false;
	u32 number = 0;
	for (size_t i = 0; i < length; i++) {
		if (port[i] < '0' || port[i] > '9')
			return false;
		number = number * 10 + (u32)(port[i] - '0');
	}
	return number >= 1 && number <= 65535;
}

/* Append one master as host:port to `out`. */
static int master_add(const char *master, size_t length, char *out, size_t out_bytes, char *text)
{
	int shown = (int)dfs_min(length, (size_t)200);
	if (length == 0)
		return refuse(text, "A master's name is empty: expected HOST or HOST:PORT between "
				    "the commas.");
	if (length > DFS_ADDRESS_BYTES_MAX - 6)
		return refuse(text, "The master's name \"%.*s…\" is too long.", shown, master);
	const char *host_end = master + length;
	if (master[0] == '[') {
		host_end = memchr(master, ']', length);
		if (host_end == NULL || host_end == master + 1)
			return refuse(text,
				      "Master \"%.*s\": expected [IPV6-ADDRESS] or "
				      "[IPV6-ADDRESS]:PORT.",
				      shown, master);
		host_end++;
	} else {
		const char *colon = memchr(master, ':', length);
		if (colon != NULL) {
			size_t rest = length - (size_t)(colon + 1 - master);
			if (memchr(colon + 1, ':', rest) != NULL)
				return refuse(text,
					      "Master \"%.*s\": write an IPv6 address in "
					      "brackets, as [%.*s].",
					      shown, master, shown, master);
			host_end = colon;
		}
	}
	if (host_end == master)
		return refuse(text, "Master \"%.*s\": the host is missing.", shown, master);
	size_t rest = length - (size_t)(host_end - master);
	if (rest > 0 && (*host_end != ':' || !port_good(host_end + 1, rest - 1)))
		return refuse(text,
			      "Master \"%.*s\": \"%.*s\" is no port; expected a number from 1 "
			      "to 65535 after the host and a colon.",
			      shown, master, (int)dfs_min(rest, (size_t)50), host_end);
	size_t used = strlen(out);
	int added = snprintf(out + used, out_bytes - used, "%s%.*s%s", used == 0 ? "" : ",",
			     (int)length, master, rest > 0 ? "" : ":" MOUNT_PORT_DEFAULT);
	if ((size_t)added >= out_bytes - used)
		return refuse(text, "Too many masters: name at most five.");
	return 0;
}

int mount_source_parse(const char *source, char *ret_masters, size_t masters_bytes,
		       const char **ret_subtree, char ret_text[MOUNT_TEXT_BYTES])
{
	const char *split = strstr(source, ":/");
	if (split == NULL)
		return refuse(ret_text,
			      "Source \"%.200s\" has no \":/\": expected "
			      "MASTER[,MASTER...]:/ or MASTER:/SUBTREE, for example "
			      "master1:/ or 10.0.0.1:9420,10.0.0.2:9420:/home.",
			      source);
	if (split == source)
		return refuse(ret_text, "Source \"%.200s\" names no master before \":/\".", source);
	ret_masters[0] = '\0';
	const char *at = source;
	for (;;) {
		const char *end = memchr(at, ',', (size_t)(split - at));
		const char *stop = end == NULL ? split : end;
		int status =
		    master_add(at, (size_t)(stop - at), ret_masters, masters_bytes, ret_text);
		if (status != 0)
			return status;
		if (end == NULL)
			break;
		at = end + 1;
	}
	*ret_subtree = split + 1;
	return 0;
}
