/*
 * A master's directory: DIR/log/ and DIR/state/ (RocksDB), DIR/node (its node id), DIR/lock. Called
 * by main.c; what the stores hold is the core's business.
 */
#ifndef MS_DIRECTORY_H
#define MS_DIRECTORY_H

#include "libdfsproto/host/daemon.h"
#include "libdfsproto/host/kv_rocks.h"
#include "master/core/master.h"

struct ms_directory {
	struct dfs_kv_rocks *stores[MS_KV_COUNT];
	u64 node;
};

/* Make DIR if it is absent, lock it, open the stores. Refuses a DIR with foreign contents, or where
 * one of the stores is gone, with a sentence that says what to do. */
int ms_directory_open(struct dfs_daemon *daemon, const char *path, u64 cache_bytes,
		      struct ms_directory *ret_directory, struct dfs_sentence *ret_text);
void ms_directory_close(struct ms_directory *directory);

#endif
