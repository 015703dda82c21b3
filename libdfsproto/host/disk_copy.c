/*
 * Copying a chunk file beside itself, on a thread. Where the file system can, both files share
 * their blocks (FICLONE: btrfs, xfs): milliseconds, and no space. Else the kernel copies from
 * extent to extent, without the bytes passing through here; what was a hole stays one.
 */
#include "libdfsproto/host/disk_i.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/host_i.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 20 };

/* By hand, where the file system knows no copy_file_range(2). Bytes copied, or -1. */
static ssize_t copy_piece(int from, int to, off_t at, size_t bytes)
{
	size_t most = dfs_min(bytes, (size_t)PIECE_BYTES);
	u8 *piece = malloc(most);
	DFS_ASSERT(piece != NULL);
	ssize_t got = pread(from, piece, most, at);
	if (got > 0)
		got = pwrite(to, piece, (size_t)got, at);
	int error = errno;
	free(piece);
	errno = error;
	return got;
}

/* [at, end) of the file, or what there is of it. 0 or -1. */
static int copy_extent(int from, int to, off_t at, off_t end)
{
	bool by_hand = false;
	while (at < end) {
		size_t left = (size_t)(end - at);
		off_t in = at, out = at;
		ssize_t copied = by_hand ? copy_piece(from, to, at, left)
					 : copy_file_range(from, &in, to, &out, left, 0);
		if (copied < 0 && errno == EINTR)
			continue;
		if (copied < 0 && !by_hand && errno != ENOSPC && errno != EIO && errno != EDQUOT) {
			by_hand = true;
			continue;
		}
		if (copied <= 0)
			return (int)copied;
		at += copied;
	}
	return 0;
}

static int copy_data(int from, int to, off_t length)
{
	for (off_t at = 0; at < length;) {
		off_t data = lseek(from, at, SEEK_DATA);
		if (data < 0)
			return errno == ENXIO ? 0 : -1; /* Nothing but a hole up to the end. */
		off_t hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			return -1;
		if (data < length && copy_extent(from, to, data, dfs_min(hole, length)) != 0)
			return -1;
		at = hole;
	}
	return 0;
}

static int copy_all(int from, int to, off_t length)
{
	/* It may be there with something in it: left over from an earlier life. */
	if (ftruncate(to, 0) != 0)
		return -1;
	if (ioctl(to, FICLONE, from) != 0 && copy_data(from, to, length) != 0)
		return -1;
	return ftruncate(to, length);
}

static void copy_run(struct dfs_job *job)
{
	struct disk_request *request = dfs_container_of(job, struct disk_request, job);
	int error = copy_all(request->source->fd, request->file->fd, (off_t)request->io.length);
	request->status = error == 0 ? 0 : disk_error(errno);
}

static void copy_done(struct dfs_job *job)
{
	struct disk_request *request = dfs_container_of(job, struct disk_request, job);
	struct dfs_host *host = request->disk->host;
	disk_file_release(request->disk, request->source);
	disk_request_done(request);
	host_drain(host);
}

void disk_copy(struct dfs_disk *disk, u64 tag, const struct dfs_io *io)
{
	struct disk_file *source = NULL, *file = NULL;
	int error = disk_file_get(disk, io->source, (struct dfs_span){0}, &source);
	if (error == 0) {
		disk_file_hold(source); /* Opening the other one may close those not in use. */
		error = disk_file_get(disk, io->file, io->attribute, &file);
		if (error != 0)
			disk_file_release(disk, source);
	}
	if (error != 0) {
		host_io_done(disk->host, tag, error, 0, 0, NULL);
		return;
	}
	struct disk_request *request = disk_request_new(disk, tag, io);
	disk_file_hold(file);
	request->file = file;
	request->source = source;
	request->job.run = copy_run;
	request->job.done = copy_done;
	dfs_lane_submit(&disk->host->slow_lane, &request->job);
}
