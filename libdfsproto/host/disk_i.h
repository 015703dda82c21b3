/*
 * What the files of a disk share.
 *
 * A disk_request is one DFS_IO_* that did not end at once: a job on a lane, then IO_DONE. Requests
 * hold their file's descriptor open; the cache closes only those that nobody uses.
 */
#ifndef DFS_HOST_DISK_I_H
#define DFS_HOST_DISK_I_H

#include "libdfsproto/base/list.h"
#include "libdfsproto/base/map.h"
#include "libdfsproto/base/step.h"
#include "libdfsproto/host/disk.h"
#include "libdfsproto/host/worker.h"

#define DISK_DIRS_COUNT      256
#define DISK_ATTRIBUTE_NAME  "user.dfs.chunk"
#define DISK_ATTRIBUTE_BYTES 512 /* Largest attribute that DISK_LIST returns. */

struct dfs_host;

/* An open chunk file. */
struct disk_file {
	struct dfs_map_node node; /* In disk->files; key is the chunk id. */
	struct dfs_list recent;   /* In disk->files_recent, least recently used first. */
	int fd;
	u32 users;     /* Requests that hold it. */
	bool synced;   /* A full fsync happened since it was opened: fdatasync is enough now. */
	bool detached; /* Unlinked while held: in no map, closed by the last release. */
	bool kicking;  /* A write-back kick is under way. */
	u64 unkicked_bytes; /* Written since the last kick. */
	u64 read_next;      /* Where a sequential reader goes on. */
};

struct disk_request {
	struct dfs_job job;
	struct dfs_disk *disk;
	struct disk_file *file;    /* Held, or NULL. */
	struct disk_file *source;  /* FILE_COPY: held. */
	struct disk_request *next; /* In a sync group. */
	u64 tag;
	struct dfs_io io; /* Without the attribute. */
	struct dfs_buf *buf;
	int fd;          /* Opened by the thread, or handed to it to close; -1. */
	bool sequential; /* FILE_READ: read ahead as well. */
	bool full;       /* FILE_SYNC: fsync, not fdatasync. */
	int status;
	u64 count;
	u64 aux;
};

struct dfs_disk {
	struct dfs_host *host;
	char path[4096];
	int data_fd;    /* DIR/data. */
	bool no_nowait; /* This file system cannot tell whether a read would block. */
	u32 open_files_max;
	struct dfs_map files;
	struct dfs_list files_recent;
	/* Names added or removed in each directory, and how many of them a sync has covered. What
	 * an earlier process left unsynced counts as one. */
	u64 dir_changes[DISK_DIRS_COUNT];
	u64 dir_synced[DISK_DIRS_COUNT];
	/* FILE_SYNCs that wait for the end of the turn, or for a group to end. */
	struct disk_request *sync_head;
	struct disk_request *sync_tail;
	u32 sync_groups;
	/* DISK_LIST: ids in order, read once per walk. One list at a time, on a thread. */
	pthread_mutex_t list_lock;
	u64 *list_ids;
	u64 list_count;
};

void disk_attach(struct dfs_disk *disk, struct dfs_host *host);
/* One DFS_IO_FILE_* or DFS_IO_DISK_*; IO_DONE is pushed now or later. `buf` is borrowed. */
void disk_start(struct dfs_disk *disk, u64 tag, const struct dfs_io *io, struct dfs_buf *buf);
/* End of the turn: grouped syncs start. */
void disk_kick(struct dfs_disk *disk);

static inline u32 disk_dir_of(u64 file)
{
	return (u32)(file >> 8) & (DISK_DIRS_COUNT - 1);
}
/* The DFS_E… of a disk's errno. */
int disk_error(int posix);
struct disk_request *disk_request_new(struct dfs_disk *disk, u64 tag, const struct dfs_io *io);
/* Lets the file go, pushes IO_DONE (with buf), frees the request. */
void disk_request_done(struct disk_request *request);

/* disk_file.c. A hold keeps the descriptor open. */
struct disk_file *disk_file_find(struct dfs_disk *disk, u64 id);
/* Opens when needed; creates when the attribute is not empty. 0 or a DFS_E…. */
int disk_file_get(struct dfs_disk *disk, u64 id, struct dfs_span attribute,
		  struct disk_file **ret_file);
/* Like get, but DFS_EBUSY when opening would have to wait for the disk. */
int disk_file_get_nowait(struct dfs_disk *disk, u64 id, struct disk_file **ret_file);
/* Put a descriptor that a thread opened into the cache, or close it when there is one already. */
void disk_file_adopt(struct dfs_disk *disk, u64 id, int fd);
void disk_file_hold(struct disk_file *file);
void disk_file_release(struct dfs_disk *disk, struct disk_file *file);
/* Forget it; returns its descriptor, which the caller closes. Nobody may hold it. */
int disk_file_forget(struct dfs_disk *disk, struct disk_file *file);
/* As forget, while somebody holds it. */
void disk_file_detach(struct dfs_disk *disk, struct disk_file *file);
void disk_files_fini(struct dfs_disk *disk);

void disk_read(struct dfs_disk *disk, u64 tag, const struct dfs_io *io);
void disk_write(struct dfs_disk *disk, u64 tag, const struct dfs_io *io, struct dfs_buf *buf);
void disk_sync(struct dfs_disk *disk, u64 tag, const struct dfs_io *io);
void disk_change(struct dfs_disk *disk, u64 tag, const struct dfs_io *io);
void disk_copy(struct dfs_disk *disk, u64 tag, const struct dfs_io *io);
void disk_list(struct dfs_disk *disk, u64 tag, const struct dfs_io *io);
void disk_space(struct dfs_disk *disk, u64 tag, const struct dfs_io *io);

#endif
