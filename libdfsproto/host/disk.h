/*
 * A chunkserver's disk: the files DFS_IO_FILE_* name, as DIR/data/<2 hex>/<16 hex id>. The two
 * digits are bits 8 to 15 of the id, so that 256 chunks made one after another share a directory
 * and one directory sync makes all their names durable.
 *
 * What else lies in DIR (header, index) is the chunkserver's business. The work itself: disk_rw.c
 * (read, write), disk_sync.c, disk_change.c (truncate, punch, unlink), disk_list.c.
 */
#ifndef DFS_HOST_DISK_H
#define DFS_HOST_DISK_H

#include "libdfsproto/base/types.h"
#include "libdfsproto/host/log.h"

struct dfs_disk;

/* Zeroes mean the defaults in parentheses. */
struct dfs_disk_options {
	u32 open_files_max; /* (1024) Descriptors kept open. */
};

/* DIR must exist; data/ and its directories are made when absent. On failure a DFS_E… and a
 * sentence. */
int dfs_disk_open(const char *path, const struct dfs_disk_options *options,
		  struct dfs_disk **ret_disk, struct dfs_sentence *ret_text);
/* NULL is allowed. The host that used it has been closed. */
void dfs_disk_close(struct dfs_disk *disk);

#define DFS_DISK_NAME_BYTES 20
/* "3f/000000000000123f", relative to DIR/data. */
void dfs_disk_name(u64 file, char ret_name[DFS_DISK_NAME_BYTES]);

#endif
