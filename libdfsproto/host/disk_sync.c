/*
 * FILE_SYNC: data, length and name of a file on stable storage. Syncs asked for in one turn, or
 * while others are under way, form one group on one thread: write-back of all files is started
 * first, then each is waited for, then each directory that gained or lost names is synced once.
 */
#include "libdfsproto/host/disk_i.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/host_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	GROUPS_MAX = 4, /* In flight on one disk; what comes then waits and forms a larger group. */
	REQUESTS_PER_GROUP = 512,
};

struct sync_group {
	struct dfs_job job;
	struct dfs_disk *disk;
	struct disk_request *head;
	bool several;
	bool dirs[DISK_DIRS_COUNT];   /* To sync. */
	u64 changes[DISK_DIRS_COUNT]; /* What that covers. */
	int dir_status[DISK_DIRS_COUNT];
};

static int sync_directory(struct dfs_disk *disk, u32 dir)
{
	char name[3];
	snprintf(name, sizeof(name), "%02x", dir);
	int fd = openat(disk->data_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return disk_error(errno);
	int status = fsync(fd) == 0 ? 0 : disk_error(errno);
	close(fd);
	return status;
}

static void group_run(struct dfs_job *job)
{
	struct sync_group *group = dfs_container_of(job, struct sync_group, job);
	struct disk_request *r;
	for (r = group->head; r != NULL && group->several; r = r->next)
		sync_file_range(r->file->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	for (r = group->head; r != NULL; r = r->next) {
		int error = r->full ? fsync(r->file->fd) : fdatasync(r->file->fd);
		r->status = error == 0 ? 0 : disk_error(errno);
	}
	for (u32 dir = 0; dir < DISK_DIRS_COUNT; dir++)
		if (group->dirs[dir])
			group->dir_status[dir] = sync_directory(group->disk, dir);
}

static void group_done(struct dfs_job *job)
{
	struct sync_group *group = dfs_container_of(job, struct sync_group, job);
	struct dfs_disk *disk = group->disk;
	for (u32 dir = 0; dir < DISK_DIRS_COUNT; dir++)
		if (group->dirs[dir] && group->dir_status[dir] == 0)
			disk->dir_synced[dir] = dfs_max(disk->dir_synced[dir], group->changes[dir]);
	struct disk_request *next;
	for (struct disk_request *r = group->head; r != NULL; r = next) {
		next = r->next;
		u32 dir = disk_dir_of(r->io.file);
		if (r->status == 0 && r->full)
			r->file->synced = true;
		if (r->status == 0 && group->dirs[dir])
			r->status = group->dir_status[dir];
		disk_request_done(r);
	}
	free(group);
	disk->sync_groups--;
	disk_kick(disk);
	host_drain(disk->host);
}

static void add_to_group(struct sync_group *group, struct disk_request *request)
{
	struct dfs_disk *disk = group->disk;
	u32 dir = disk_dir_of(request->io.file);
	request->full = !request->file->synced;
	if (disk->dir_changes[dir] != disk->dir_synced[dir]) {
		group->dirs[dir] = true;
		group->changes[dir] = disk->dir_changes[dir];
	}
}

void disk_kick(struct dfs_disk *disk)
{
	while (disk->sync_head != NULL && disk->sync_groups < GROUPS_MAX) {
		struct sync_group *group = calloc(1, sizeof(*group));
		DFS_ASSERT(group != NULL);
		group->disk = disk;
		group->head = disk->sync_head;
		struct disk_request *last = NULL;
		u32 count = 0;
		for (struct disk_request *r = disk->sync_head;
		     r != NULL && count < REQUESTS_PER_GROUP; r = r->next, count++) {
			add_to_group(group, r);
			last = r;
		}
		disk->sync_head = last->next;
		if (disk->sync_head == NULL)
			disk->sync_tail = NULL;
		last->next = NULL;
		group->several = count > 1;
		group->job.run = group_run;
		group->job.done = group_done;
		disk->sync_groups++;
		dfs_lane_submit(&disk->host->disk_lane, &group->job);
	}
}

void disk_sync(struct dfs_disk *disk, u64 tag, const struct dfs_io *io)
{
	struct disk_file *file = NULL;
	int error = disk_file_get(disk, io->file, (struct dfs_span){0}, &file);
	if (error != 0) {
		host_io_done(disk->host, tag, error, 0, 0, NULL);
		return;
	}
	struct disk_request *request = disk_request_new(disk, tag, io);
	disk_file_hold(file);
	request->file = file;
	if (disk->sync_tail == NULL)
		disk->sync_head = request;
	else
		disk->sync_tail->next = request;
	disk->sync_tail = request;
}
