/*
 * Opening a disk and spreading its I/Os over the files that do them: see disk.h.
 */
#include "libdfsproto/host/disk_i.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/host_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { OPEN_FILES_DEFAULT = 1024 };

void dfs_disk_name(u64 file, char ret_name[DFS_DISK_NAME_BYTES])
{
	snprintf(ret_name, DFS_DISK_NAME_BYTES, "%02x/%016llx", disk_dir_of(file),
		 (unsigned long long)file);
}

int disk_error(int posix)
{
	switch (posix) {
	case 0:
		return 0;
	case ENOSPC:
	case EDQUOT:
		return DFS_EDISK_FULL;
	case ENOENT:
		return DFS_ENOENT;
	default:
		return DFS_EIO;
	}
}

static int fail(struct dfs_sentence *text, const char *path, const char *what, int error,
		const char *next)
{
	dfs_sentence_set(text, "disk %s cannot be used: %s: %s; %s", path, what, strerror(error),
			 next);
	return dfs_error_from_errno(error);
}

static int make_directories(int data_fd)
{
	for (u32 i = 0; i < DISK_DIRS_COUNT; i++) {
		char name[3];
		snprintf(name, sizeof(name), "%02x", i);
		if (mkdirat(data_fd, name, 0700) != 0 && errno != EEXIST)
			return errno;
	}
	return fsync(data_fd) == 0 ? 0 : errno;
}

static int probe_attribute(int data_fd)
{
	if (fsetxattr(data_fd, DISK_ATTRIBUTE_NAME, "", 0, 0) != 0)
		return errno;
	return 0;
}

static int open_data(struct dfs_disk *disk, struct dfs_sentence *text)
{
	const char *rights = "check that the disk is mounted and that this user may write there";
	int dir_fd = open(disk->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return fail(text, disk->path, "cannot open it", errno, rights);
	int error = 0;
	if (mkdirat(dir_fd, "data", 0700) != 0 && errno != EEXIST)
		error = errno;
	if (error == 0) {
		disk->data_fd = openat(dir_fd, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (disk->data_fd < 0 || fsync(dir_fd) != 0)
			error = errno;
	}
	close(dir_fd);
	if (error == 0)
		error = make_directories(disk->data_fd);
	if (error != 0)
		return fail(text, disk->path, "cannot make its data directories", error, rights);
	error = probe_attribute(disk->data_fd);
	if (error != 0)
		return fail(text, disk->path, "cannot store extended attributes", error,
			    "use a file system that has them: ext4, xfs or btrfs");
	return 0;
}

int dfs_disk_open(const char *path, const struct dfs_disk_options *options,
		  struct dfs_disk **ret_disk, struct dfs_sentence *ret_text)
{
	struct dfs_disk *disk = calloc(1, sizeof(*disk));
	DFS_ASSERT(disk != NULL);
	disk->data_fd = -1;
	disk->open_files_max =
	    options->open_files_max != 0 ? options->open_files_max : OPEN_FILES_DEFAULT;
	dfs_list_init(&disk->files_recent);
	pthread_mutex_init(&disk->list_lock, NULL);
	for (u32 i = 0; i < DISK_DIRS_COUNT; i++)
		disk->dir_changes[i] = 1;
	int error = 0;
	if ((size_t)snprintf(disk->path, sizeof(disk->path), "%s", path) >= sizeof(disk->path))
		error = fail(ret_text, path, "cannot open it", ENAMETOOLONG, "use a shorter path");
	if (error == 0)
		error = open_data(disk, ret_text);
	if (error != 0) {
		dfs_disk_close(disk);
		return error;
	}
	*ret_disk = disk;
	return 0;
}

void dfs_disk_close(struct dfs_disk *disk)
{
	if (disk == NULL)
		return;
	DFS_ASSERT(disk->sync_head == NULL);
	disk_files_fini(disk);
	free(disk->list_ids);
	pthread_mutex_destroy(&disk->list_lock);
	if (disk->data_fd >= 0)
		close(disk->data_fd);
	free(disk);
}

void disk_attach(struct dfs_disk *disk, struct dfs_host *host)
{
	disk->host = host;
}

struct disk_request *disk_request_new(struct dfs_disk *disk, u64 tag, const struct dfs_io *io)
{
	struct disk_request *request = calloc(1, sizeof(*request));
	DFS_ASSERT(request != NULL);
	request->disk = disk;
	request->tag = tag;
	request->io = *io;
	request->io.attribute = (struct dfs_span){0};
	request->fd = -1;
	return request;
}

void disk_request_done(struct disk_request *request)
{
	struct dfs_disk *disk = request->disk;
	if (request->file != NULL)
		disk_file_release(disk, request->file);
	host_io_done(disk->host, request->tag, request->status, request->count, request->aux,
		     request->buf);
	free(request);
}

static void space_run(struct dfs_job *job)
{
	struct disk_request *request = dfs_container_of(job, struct disk_request, job);
	struct statvfs fs;
	if (fstatvfs(request->disk->data_fd, &fs) != 0) {
		request->status = disk_error(errno);
		return;
	}
	request->count = (u64)fs.f_bavail * fs.f_frsize;
	request->aux = (u64)fs.f_blocks * fs.f_frsize;
}

static void space_done(struct dfs_job *job)
{
	struct disk_request *request = dfs_container_of(job, struct disk_request, job);
	struct dfs_host *host = request->disk->host;
	disk_request_done(request);
	host_drain(host);
}

void disk_space(struct dfs_disk *disk, u64 tag, const struct dfs_io *io)
{
	struct disk_request *request = disk_request_new(disk, tag, io);
	request->job.run = space_run;
	request->job.done = space_done;
	dfs_lane_submit(&disk->host->slow_lane, &request->job);
}

void disk_start(struct dfs_disk *disk, u64 tag, const struct dfs_io *io, struct dfs_buf *buf)
{
	switch (io->kind) {
	case DFS_IO_FILE_WRITE:
		disk_write(disk, tag, io, buf);
		return;
	case DFS_IO_FILE_READ:
		disk_read(disk, tag, io);
		return;
	case DFS_IO_FILE_SYNC:
		disk_sync(disk, tag, io);
		return;
	case DFS_IO_FILE_COPY:
		disk_copy(disk, tag, io);
		return;
	case DFS_IO_FILE_TRUNCATE:
	case DFS_IO_FILE_PUNCH:
	case DFS_IO_FILE_SEEK:
	case DFS_IO_FILE_UNLINK:
		disk_change(disk, tag, io);
		return;
	case DFS_IO_DISK_LIST:
		disk_list(disk, tag, io);
		return;
	case DFS_IO_DISK_SPACE:
		disk_space(disk, tag, io);
		return;
	case DFS_IO_KV_SYNC:
	case DFS_IO_KV_FLUSH:
		break;
	}
	DFS_ASSERT(false); /* Not an I/O of a disk. */
}
