/*
 * dfs-chunkserver: wires the chunkserver's core (core/chunkserver.h) to the host on libuv. Options
 * are in shell/options.c, directories in shell/disks.c; everything that decides is in core/.
 */
#include "chunkserver/core/chunkserver.h"
#include "chunkserver/shell/disks.h"
#include "chunkserver/shell/options.h"
#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/address.h"
#include "libdfsproto/host/ids.h"
#include "libdfsproto/host/key.h"
#include "libdfsproto/host/listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct server {
	struct dfs_daemon daemon;
	struct cs_options options;
	struct cs_disks disks;
	struct dfs_identity identity;
	struct dfs_listener *listeners[2]; /* TCP, unix socket. */
	u32 listeners_count;
	char address[DFS_ADDRESS_BYTES_MAX + 1];
	char local[DFS_ADDRESS_BYTES_MAX + 1];
};

static int load_identity(struct server *server, struct dfs_sentence *text)
{
	struct dfs_identity *identity = &server->identity;
	int status = dfs_key_load(server->options.key, identity->key, text);
	if (status != 0)
		return status;
	identity->cluster = dfs_cluster_id(identity->key);
	identity->host = dfs_host_id();
	identity->role = DFS_ROLE_CHUNKSERVER;
	char host[40] = "";
	(void)gethostname(host, sizeof(host) - 1);
	snprintf(identity->name, sizeof(identity->name), "chunkserver@%s", host);
	return 0;
}

static int listen_on(struct server *server, const char *address, struct dfs_sentence *text)
{
	int status = dfs_listener_open(address, &server->listeners[server->listeners_count], text);
	if (status == 0)
		server->listeners_count++;
	return status;
}

/* Where others reach us: as asked for, or where we listen; "any address" becomes our name. */
static int find_address(struct server *server, struct dfs_sentence *text)
{
	const char *bound = dfs_listener_address(server->listeners[0]);
	const char *given = server->options.advertise != NULL ? server->options.advertise : bound;
	struct dfs_address address;
	int status = dfs_address_parse(dfs_span_text(given), &address);
	if (status != 0) {
		dfs_sentence_set(text, "%s: HOST:PORT is expected", given);
		return status;
	}
	const char *host = address.host;
	bool any = host[0] == '\0' || strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 ||
		   strcmp(host, "::") == 0;
	char name[200] = "";
	if (any)
		(void)gethostname(name, sizeof(name) - 1);
	if (any)
		snprintf(server->address, sizeof(server->address), "%s:%s", name, address.port);
	else
		snprintf(server->address, sizeof(server->address), "%s", given);
	return 0;
}

static int prepare(struct server *server, struct dfs_sentence *text)
{
	const struct cs_options *options = &server->options;
	int status = load_identity(server, text);
	if (status == 0)
		status = listen_on(server, options->listen, text);
	if (status == 0)
		status = find_address(server, text);
	if (status == 0 && options->socket != NULL) {
		int bytes =
		    snprintf(server->local, sizeof(server->local), "unix:%s", options->socket);
		if (bytes < (int)sizeof(server->local)) {
			status = listen_on(server, server->local, text);
		} else {
			dfs_sentence_set(text, "--socket %s: the path is too long",
					 options->socket);
			status = DFS_ENAMETOOLONG;
		}
	}
	if (status == 0)
		status =
		    cs_disks_open(&server->daemon, server->identity.cluster, options->disks,
				  options->disks_count, options->rebuild, &server->disks, text);
	server->identity.node = server->disks.node;
	return status;
}

static int serve(struct server *server)
{
	struct cs_config config = {
	    .identity = server->identity,
	    .masters = server->options.masters,
	    .address = server->address,
	    .local = server->local,
	    .disks_count = server->disks.count,
	    .boot = dfs_boot_id(),
	    .reserve_bytes = server->options.reserve_bytes,
	};
	for (u32 i = 0; i < server->disks.count; i++)
		config.kvs[i] = server->disks.indexes[i] == NULL
				    ? NULL
				    : dfs_kv_rocks_kv(server->disks.indexes[i]);
	struct cs *cs = cs_new(&config);
	struct dfs_host_config host_config = {
	    .loop = &server->daemon.loop,
	    .ops = &cs_core_ops,
	    .core = cs,
	    .listeners = server->listeners,
	    .listeners_count = server->listeners_count,
	    .disks = server->disks.files,
	    .disks_count = server->disks.count,
	    .kvs = server->disks.indexes,
	    .kvs_count = server->disks.count,
	    .log_level = server->options.log_level,
	    .owner = &server->daemon,
	    .exit = dfs_daemon_exit,
	};
	struct dfs_host *host;
	dfs_host_new(&host_config, &host);
	int status = dfs_daemon_run(&server->daemon, host);
	cs_free(cs);
	return status;
}

int main(int argc, char **argv)
{
	static struct server server; /* Large; the only one. */
	struct dfs_sentence text = {0};
	if (cs_options_parse(argc, argv, &server.options, &text) != 0) {
		fprintf(stderr, "dfs-chunkserver: %s\n", text.text);
		return EXIT_FAILURE;
	}
	if (server.options.help) {
		cs_options_print_help();
		return EXIT_SUCCESS;
	}
	if (server.options.version) {
		printf("dfs-chunkserver %s\n", DFS_VERSION);
		return EXIT_SUCCESS;
	}
	dfs_daemon_init(&server.daemon, "dfs-chunkserver");
	int result;
	if (prepare(&server, &text) == 0) {
		result = serve(&server) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	} else {
		result = dfs_daemon_fail(&server.daemon, &text);
		for (u32 i = 0; i < server.listeners_count; i++)
			dfs_listener_close(server.listeners[i]);
	}
	cs_disks_close(&server.disks);
	dfs_daemon_fini(&server.daemon);
	return result;
}
