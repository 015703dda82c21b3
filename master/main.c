/*
 * dfs-master: wires the master's core (core/master.h) to the host on libuv. Options are in
 * shell/options.c, the directory in shell/directory.c; everything that decides is in core/.
 */
#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/daemon.h"
#include "libdfsproto/host/ids.h"
#include "libdfsproto/host/key.h"
#include "libdfsproto/host/listener.h"
#include "master/core/master.h"
#include "master/shell/directory.h"
#include "master/shell/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Raft id of a single master. */
#define SOLE_SERVER 1

static int load_identity(const struct ms_options *options, struct dfs_identity *identity,
			 struct dfs_sentence *text)
{
	int status = dfs_key_load(options->key, identity->key, text);
	if (status != 0)
		return status;
	identity->cluster = dfs_cluster_id(identity->key);
	identity->host = dfs_host_id();
	identity->role = DFS_ROLE_MASTER;
	char host[48] = "";
	(void)gethostname(host, sizeof(host) - 1);
	snprintf(identity->name, sizeof(identity->name), "master@%s", host);
	return 0;
}

static int serve(struct dfs_daemon *daemon, const struct ms_options *options,
		 struct ms_directory *directory, struct dfs_listener *listener,
		 const struct dfs_identity *identity)
{
	struct ms_config config = {
	    .identity = *identity,
	    .address = dfs_listener_address(listener),
	    .server = SOLE_SERVER,
	    .bootstrap = true,
	};
	for (u32 i = 0; i < MS_KV_COUNT; i++)
		config.kvs[i] = dfs_kv_rocks_kv(directory->stores[i]);
	struct ms *ms = ms_new(&config);
	struct dfs_host_config host_config = {
	    .loop = &daemon->loop,
	    .ops = &ms_core_ops,
	    .core = ms,
	    .listeners = &listener,
	    .listeners_count = 1,
	    .kvs = directory->stores,
	    .kvs_count = MS_KV_COUNT,
	    .log_level = options->log_level,
	    .owner = daemon,
	    .exit = dfs_daemon_exit,
	};
	struct dfs_host *host;
	dfs_host_new(&host_config, &host);
	int status = dfs_daemon_run(daemon, host);
	ms_free(ms);
	return status;
}

int main(int argc, char **argv)
{
	struct ms_options options;
	struct dfs_sentence text = {0};
	struct dfs_daemon daemon = {0};
	struct ms_directory directory = {0};
	struct dfs_identity identity = {0};
	struct dfs_listener *listener = NULL;
	if (ms_options_parse(argc, argv, &options, &text) != 0) {
		fprintf(stderr, "dfs-master: %s\n", text.text);
		return EXIT_FAILURE;
	}
	if (options.help || options.version) {
		if (options.help)
			ms_options_print_help();
		else
			printf("dfs-master %s\n", DFS_VERSION);
		return EXIT_SUCCESS;
	}
	dfs_daemon_init(&daemon, "dfs-master");
	int result = EXIT_FAILURE;
	int status = load_identity(&options, &identity, &text);
	if (status == 0)
		status = dfs_listener_open(options.listen, &listener, &text);
	if (status == 0)
		status = ms_directory_open(&daemon, options.data, options.cache_bytes, &directory,
					   &text);
	if (status == 0) {
		identity.node = directory.node;
		result = serve(&daemon, &options, &directory, listener, &identity) == 0
			     ? EXIT_SUCCESS
			     : EXIT_FAILURE;
	} else {
		result = dfs_daemon_fail(&daemon, &text);
		if (listener != NULL)
			dfs_listener_close(listener);
	}
	ms_directory_close(&directory);
	dfs_daemon_fini(&daemon);
	return result;
}
