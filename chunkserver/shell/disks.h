/*
 * The directories given by --disk: taken when they are empty or ours, refused when they are not.
 */
#ifndef CS_SHELL_DISKS_H
#define CS_SHELL_DISKS_H

#include "chunkserver/core/chunkserver.h"
#include "libdfsproto/host/daemon.h"
#include "libdfsproto/host/disk.h"
#include "libdfsproto/host/kv_rocks.h"

struct cs_disks {
	u32 count;
	struct dfs_disk
	    *files[DFS_DISKS_MAX]; /* NULL: the disk failed to open; a log line says why. */
	struct dfs_kv_rocks *indexes[DFS_DISKS_MAX];
	u64 node; /* Of the first disk that could be read. */
};

/* Open all. At least one works, or: the error of the last and a sentence. */
int cs_disks_open(struct dfs_daemon *daemon, u64 cluster, const char *const *paths, u32 count,
		  bool rebuild, struct cs_disks *ret_disks, struct dfs_sentence *ret_text);
void cs_disks_close(struct cs_disks *disks);

#endif
