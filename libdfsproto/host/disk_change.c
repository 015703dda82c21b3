/*
 * Truncate, punch and unlink: on a thread, because freeing the blocks of a large file takes the
 * file system milliseconds. Seek with them: where extents end may have to be read from the disk.
 */
#include "libdfsproto/host/disk_i.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/host_i.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int seek(const struct disk_request *request, u64 *ret_count)
{
	const struct dfs_io *io = &request->io;
	int fd = request->file->fd;
	off_t found = lseek(fd, (off_t)io->offset, io->length == 0 ? SEEK_DATA : SEEK_HOLE);
	if (found < 0 && errno == ENXIO) /* Nothing but a hole, or beyond the end. */
		found = lseek(fd, 0, SEEK_END);
	if (found < 0)
		return -1;
	*ret_count = (u64)found;
	return 0;
}

static void change_run(struct dfs_job *job)
{
	struct disk_request *request = dfs_container_of(job, struct disk_request, job);
	const struct dfs_io *io = &request->io;
	int error;
	do {
		if (io->kind == DFS_IO_FILE_TRUNCATE)
			error = ftruncate(request->file->fd, (off_t)io->length);
		else if (io->kind == DFS_IO_FILE_SEEK)
			error = seek(request, &request->count);
		else
			error =
			    fallocate(request->file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				      (off_t)io->offset, (off_t)io->length);
	} while (error != 0 && errno == EINTR);
	request->status = error == 0 ? 0 : disk_error(errno);
}

static void change_done(struct dfs_job *job)
{
	struct disk_request *request = dfs_container_of(job, struct disk_request, job);
	struct dfs_host *host = request->disk->host;
	disk_request_done(request);
	host_drain(host);
}

static void unlink_run(struct dfs_job *job)
{
	struct disk_request *request = dfs_container_of(job, struct disk_request, job);
	char name[DFS_DISK_NAME_BYTES];
	dfs_disk_name(request->io.file, name);
	if (unlinkat(request->disk->data_fd, name, 0) != 0)
		request->status = disk_error(errno);
	/* The last reference: here the blocks are freed. */
	if (request->fd >= 0)
		close(request->fd);
}

static void unlink_done(struct dfs_job *job)
{
	struct disk_request *request = dfs_container_of(job, struct disk_request, job);
	struct dfs_host *host = request->disk->host;
	if (request->status == 0)
		request->disk->dir_changes[disk_dir_of(request->io.file)]++;
	disk_request_done(request);
	host_drain(host);
}

static void start_unlink(struct dfs_disk *disk, u64 tag, const struct dfs_io *io)
{
	struct disk_request *request = disk_request_new(disk, tag, io);
	struct disk_file *file = disk_file_find(disk, io->file);
	if (file != NULL && file->users == 0)
		request->fd = disk_file_forget(disk, file);
	else if (file != NULL) /* A write-back kick is under way. */
		disk_file_detach(disk, file);
	request->job.run = unlink_run;
	request->job.done = unlink_done;
	dfs_lane_submit(&disk->host->slow_lane, &request->job);
}

void disk_change(struct dfs_disk *disk, u64 tag, const struct dfs_io *io)
{
	if (io->kind == DFS_IO_FILE_UNLINK) {
		start_unlink(disk, tag, io);
		return;
	}
	struct disk_file *file = NULL;
	int error = disk_file_get(disk, io->file, (struct dfs_span){0}, &file);
	if (error != 0) {
		host_io_done(disk->host, tag, error, 0, 0, NULL);
		return;
	}
	struct disk_request *request = disk_request_new(disk, tag, io);
	disk_file_hold(file);
	request->file = file;
	request->job.run = change_run;
	request->job.done = change_done;
	dfs_lane_submit(&disk->host->disk_lane, &request->job);
}
