/*
 * Reading and writing chunk files. Both happen on the loop when the page cache can serve them,
 * which costs a few µs; handing over to a thread costs 20 to 100.
 *
 * Writes go to the page cache. Now and then a thread is told to start writing back, so that a later
 * sync finds little left to do and the kernel does not throttle the loop.
 */
#include "libdfsproto/host/disk_i.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/host_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	KICK_BYTES = 8 << 20,       /* Written to one file before write-back is started. */
	READ_AHEAD_BYTES = 2 << 20, /* Behind a sequential read that missed the page cache. */
};

static void kick_run(struct dfs_job *job)
{
	struct disk_request *request = dfs_container_of(job, struct disk_request, job);
	/* Only a hint: what fails here fails again in the sync, and is told there. */
	sync_file_range(request->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static void kick_done(struct dfs_job *job)
{
	struct disk_request *request = dfs_container_of(job, struct disk_request, job);
	request->file->kicking = false;
	disk_file_release(request->disk, request->file);
	free(request);
}

static void kick_write_back(struct dfs_disk *disk, struct disk_file *file, u64 written)
{
	file->unkicked_bytes += written;
	if (file->unkicked_bytes < KICK_BYTES || file->kicking)
		return;
	file->unkicked_bytes = 0;
	file->kicking = true;
	struct disk_request *request = disk_request_new(disk, 0, &(struct dfs_io){0});
	disk_file_hold(file);
	request->file = file;
	request->fd = file->fd;
	request->job.run = kick_run;
	request->job.done = kick_done;
	dfs_lane_submit(&disk->host->disk_lane, &request->job);
}

static int write_all(int fd, const u8 *data, u64 length, u64 offset)
{
	while (length > 0) {
		ssize_t written = pwrite(fd, data, length, (off_t)offset);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return disk_error(errno);
		data += written;
		offset += (u64)written;
		length -= (u64)written;
	}
	return 0;
}

void disk_write(struct dfs_disk *disk, u64 tag, const struct dfs_io *io, struct dfs_buf *buf)
{
	struct disk_file *file = NULL;
	DFS_ASSERT(buf != NULL);
	DFS_ASSERT(io->buf_offset + io->length <= buf->capacity);
	int error = disk_file_get(disk, io->file, io->attribute, &file);
	if (error == 0)
		error = write_all(file->fd, buf->data + io->buf_offset, io->length, io->offset);
	if (error == 0)
		kick_write_back(disk, file, io->length);
	host_io_done(disk->host, tag, error, error == 0 ? io->length : 0, 0, NULL);
}

/* The rest of a request whose first `count` bytes are there. Blocks. */
static void read_rest(struct disk_request *request, int fd)
{
	while (request->count < request->io.length) {
		ssize_t got = pread(fd, request->buf->data + request->count,
				    request->io.length - request->count,
				    (off_t)(request->io.offset + request->count));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			request->status = disk_error(errno);
		if (got <= 0)
			return;
		request->count += (u64)got;
	}
}

static void read_run(struct dfs_job *job)
{
	struct disk_request *request = dfs_container_of(job, struct disk_request, job);
	int fd = request->file != NULL ? request->file->fd : -1;
	if (fd < 0) {
		char name[DFS_DISK_NAME_BYTES];
		dfs_disk_name(request->io.file, name);
		fd = openat(request->disk->data_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0) {
			request->status = disk_error(errno);
			return;
		}
		request->fd = fd;
	}
	read_rest(request, fd);
	if (request->status == 0 && request->sequential)
		readahead(fd, (off64_t)(request->io.offset + request->io.length), READ_AHEAD_BYTES);
}

static void read_done(struct dfs_job *job)
{
	struct disk_request *request = dfs_container_of(job, struct disk_request, job);
	struct dfs_host *host = request->disk->host;
	if (request->fd >= 0)
		disk_file_adopt(request->disk, request->io.file, request->fd);
	request->buf->length = (u32)request->count;
	if (request->status != 0) {
		dfs_buf_unref(request->buf);
		request->buf = NULL;
		request->count = 0;
	}
	disk_request_done(request);
	host_drain(host);
}

static void read_on_thread(struct dfs_disk *disk, u64 tag, const struct dfs_io *io,
			   struct disk_file *file, struct dfs_buf *buf)
{
	struct disk_request *request = disk_request_new(disk, tag, io);
	request->file = file;
	request->buf = buf;
	request->count = buf->length;
	if (file != NULL) {
		disk_file_hold(file);
		request->sequential = io->offset != 0 && io->offset == file->read_next;
	}
	request->job.run = read_run;
	request->job.done = read_done;
	dfs_lane_submit(&disk->host->disk_lane, &request->job);
}

/* What the page cache has, into buf; true when that is all there is to read. */
static bool read_cached(struct dfs_disk *disk, const struct dfs_io *io, struct disk_file *file,
			struct dfs_buf *buf, int *ret_status)
{
	if (disk->no_nowait)
		return false;
	struct iovec iov = {.iov_base = buf->data, .iov_len = io->length};
	ssize_t got = preadv2(file->fd, &iov, 1, (off_t)io->offset, RWF_NOWAIT);
	if (got < 0 && errno == EOPNOTSUPP)
		disk->no_nowait = true;
	if (got < 0 && (errno == EAGAIN || errno == EINTR || errno == EOPNOTSUPP))
		return false;
	if (got < 0) {
		*ret_status = disk_error(errno);
		return true;
	}
	buf->length = (u32)got;
	if ((u64)got == io->length || got == 0)
		return true;
	/* Short: at the end of the file, or at a page that is not there? */
	struct stat st;
	return fstat(file->fd, &st) == 0 && io->offset + (u64)got >= (u64)st.st_size;
}

void disk_read(struct dfs_disk *disk, u64 tag, const struct dfs_io *io)
{
	struct disk_file *file = NULL;
	int status = disk_file_get_nowait(disk, io->file, &file);
	if (status == DFS_ENOENT) {
		host_io_done(disk->host, tag, status, 0, 0, NULL);
		return;
	}
	DFS_ASSERT(io->length <= DFS_BUF_BYTES_MAX);
	struct dfs_buf *buf = dfs_buf_new((u32)io->length);
	if (status != 0) {
		read_on_thread(disk, tag, io, NULL, buf);
		return;
	}
	bool complete = read_cached(disk, io, file, buf, &status);
	if (!complete)
		read_on_thread(disk, tag, io, file, buf);
	file->read_next = io->offset + io->length;
	if (!complete)
		return;
	if (status != 0) {
		dfs_buf_unref(buf);
		host_io_done(disk->host, tag, status, 0, 0, NULL);
		return;
	}
	host_io_done(disk->host, tag, 0, buf->length, 0, buf);
}
