/*
 * DISK_LIST: the files of a disk in order of id, a page per call. Rare (an index is rebuilt), but a
 * disk may hold millions: the directories are read once per walk, at its first page, and the sorted
 * ids kept; sizes and attributes are read page by page.
 */
#include "libdfsproto/host/disk_i.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/host_i.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { PAGE_BYTES = 256 << 10 };

/* Exactly 16 lower-case hex digits, in the directory where such a file belongs. */
static bool parse_name(const char *name, u32 dir, u64 *ret_id)
{
	u64 id = 0;
	for (u32 i = 0; i < 16; i++) {
		char c = name[i];
		if (c >= '0' && c <= '9')
			id = id << 4 | (u64)(c - '0');
		else if (c >= 'a' && c <= 'f')
			id = id << 4 | (u64)(c - 'a' + 10);
		else
			return false;
	}
	if (name[16] != '\0' || disk_dir_of(id) != dir)
		return false;
	*ret_id = id;
	return true;
}

static void add_id(struct dfs_disk *disk, u64 id)
{
	if ((disk->list_count & (disk->list_count - 1)) == 0) { /* 0, 1, 2, 4 …: full */
		u64 capacity = disk->list_count == 0 ? 1 : disk->list_count * 2;
		disk->list_ids = realloc(disk->list_ids, capacity * sizeof(u64));
		DFS_ASSERT(disk->list_ids != NULL);
	}
	disk->list_ids[disk->list_count++] = id;
}

static int read_directory(struct dfs_disk *disk, u32 dir)
{
	char name[3];
	snprintf(name, sizeof(name), "%02x", dir);
	int fd = openat(disk->data_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return disk_error(errno);
	DIR *stream = fdopendir(fd);
	if (stream == NULL) {
		close(fd);
		return DFS_EIO;
	}
	struct dirent *entry;
	errno = 0;
	while ((entry = readdir(stream)) != NULL) {
		u64 id;
		if (parse_name(entry->d_name, dir, &id))
			add_id(disk, id);
		errno = 0;
	}
	int status = disk_error(errno);
	closedir(stream);
	return status;
}

static int compare_ids(const void *a, const void *b)
{
	u64 left = *(const u64 *)a;
	u64 right = *(const u64 *)b;
	return left < right ? -1 : left > right;
}

static void forget_ids(struct dfs_disk *disk)
{
	free(disk->list_ids);
	disk->list_ids = NULL;
	disk->list_count = 0;
}

static int read_ids(struct dfs_disk *disk)
{
	forget_ids(disk);
	for (u32 dir = 0; dir < DISK_DIRS_COUNT; dir++) {
		int status = read_directory(disk, dir);
		if (status != 0) {
			forget_ids(disk);
			return status;
		}
	}
	if (disk->list_count > 0)
		qsort(disk->list_ids, disk->list_count, sizeof(u64), compare_ids);
	return 0;
}

/* First index with an id above `after`. */
static u64 first_above(const struct dfs_disk *disk, u64 after)
{
	u64 low = 0;
	u64 high = disk->list_count;
	while (low < high) {
		u64 middle = low + (high - low) / 2;
		if (disk->list_ids[middle] > after)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Appends one record. A file that went away since the directories were read is left out. */
static int add_record(struct disk_request *request, u64 id)
{
	struct dfs_buf *buf = request->buf;
	char name[DFS_DISK_NAME_BYTES];
	dfs_disk_name(id, name);
	int fd =
	    openat(request->disk->data_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP ? 0 : disk_error(errno);
	struct stat st;
	u8 attribute[DISK_ATTRIBUTE_BYTES];
	int status = 0;
	ssize_t bytes = fgetxattr(fd, DISK_ATTRIBUTE_NAME, attribute, sizeof(attribute));
	if (bytes < 0 && (errno == ENODATA || errno == ERANGE))
		bytes = 0;
	if (bytes < 0 || fstat(fd, &st) != 0)
		status = disk_error(errno);
	close(fd);
	if (status != 0 || !S_ISREG(st.st_mode))
		return status;
	struct dfs_listed listed = {
	    .file = id, .length = (u64)st.st_size, .attribute_bytes = (u32)bytes};
	u32 padded = ((u32)bytes + 7) & ~7u;
	memcpy(buf->data + buf->length, &listed, sizeof(listed));
	memset(buf->data + buf->length + sizeof(listed), 0, padded);
	memcpy(buf->data + buf->length + sizeof(listed), attribute, (size_t)bytes);
	buf->length += (u32)sizeof(listed) + padded;
	request->count++;
	return 0;
}

static void list_run(struct dfs_job *job)
{
	struct disk_request *request = dfs_container_of(job, struct disk_request, job);
	struct dfs_disk *disk = request->disk;
	struct dfs_buf *buf = request->buf;
	u32 record_bytes_max = (u32)sizeof(struct dfs_listed) + DISK_ATTRIBUTE_BYTES;
	pthread_mutex_lock(&disk->list_lock);
	if (request->io.offset == 0 || disk->list_ids == NULL)
		request->status = read_ids(disk);
	for (u64 at = first_above(disk, request->io.offset);
	     request->status == 0 && at < disk->list_count &&
	     buf->length + record_bytes_max <= buf->capacity;
	     at++)
		request->status = add_record(request, disk->list_ids[at]);
	if (request->status != 0 || request->count == 0)
		forget_ids(disk);
	pthread_mutex_unlock(&disk->list_lock);
}

static void list_done(struct dfs_job *job)
{
	struct disk_request *request = dfs_container_of(job, struct disk_request, job);
	struct dfs_host *host = request->disk->host;
	disk_request_done(request);
	host_drain(host);
}

void disk_list(struct dfs_disk *disk, u64 tag, const struct dfs_io *io)
{
	struct disk_request *request = disk_request_new(disk, tag, io);
	request->buf = dfs_buf_new(PAGE_BYTES);
	request->job.run = list_run;
	request->job.done = list_done;
	dfs_lane_submit(&disk->host->slow_lane, &request->job);
}
