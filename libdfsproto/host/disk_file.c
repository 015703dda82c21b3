/*
 * The descriptors of chunk files: a bounded cache, least recently used out first. Opening is two
 * directory look-ups and an inode, 4 µs when hot; a cold one waits for the disk, so readers ask
 * with RESOLVE_CACHED first and leave the rest to a thread.
 */
#include "libdfsproto/host/disk_i.h"

#include "libdfsproto/base/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static void insert(struct dfs_disk *disk, u64 id, int fd, struct disk_file **ret_file)
{
	struct disk_file *file = calloc(1, sizeof(*file));
	DFS_ASSERT(file != NULL);
	file->fd = fd;
	dfs_map_insert(&disk->files, &file->node, id);
	dfs_list_push_back(&disk->files_recent, &file->recent);
	if (ret_file != NULL)
		*ret_file = file;
}

void disk_file_detach(struct dfs_disk *disk, struct disk_file *file)
{
	DFS_ASSERT(file->users > 0);
	dfs_map_remove(&disk->files, &file->node);
	dfs_list_remove(&file->recent);
	file->detached = true;
}

int disk_file_forget(struct dfs_disk *disk, struct disk_file *file)
{
	DFS_ASSERT(file->users == 0);
	int fd = file->fd;
	dfs_map_remove(&disk->files, &file->node);
	dfs_list_remove(&file->recent);
	free(file);
	return fd;
}

static void evict(struct dfs_disk *disk)
{
	dfs_list_for_each_safe (node, &disk->files_recent) {
		if (disk->files.count < disk->open_files_max)
			return;
		struct disk_file *file = dfs_list_entry(node, struct disk_file, recent);
		if (file->users == 0)
			close(disk_file_forget(disk, file));
	}
}

struct disk_file *disk_file_find(struct dfs_disk *disk, u64 id)
{
	struct dfs_map_node *node = dfs_map_find(&disk->files, id);
	if (node == NULL)
		return NULL;
	struct disk_file *file = dfs_map_entry(node, struct disk_file, node);
	dfs_list_remove(&file->recent);
	dfs_list_push_back(&disk->files_recent, &file->recent);
	return file;
}

/* A new file's attribute comes before its first byte: a file that holds data describes itself. One
 * that is there already keeps the attribute it has. */
static int create(struct dfs_disk *disk, u64 id, const char *name, struct dfs_span attribute,
		  int *ret_fd)
{
	int fd = openat(disk->data_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return disk_error(errno);
	disk->dir_changes[disk_dir_of(id)]++;
	if (fsetxattr(fd, DISK_ATTRIBUTE_NAME, attribute.data, attribute.length, XATTR_CREATE) !=
		0 &&
	    errno != EEXIST) {
		int error = errno;
		close(fd);
		return disk_error(error);
	}
	*ret_fd = fd;
	return 0;
}

int disk_file_get(struct dfs_disk *disk, u64 id, struct dfs_span attribute,
		  struct disk_file **ret_file)
{
	struct disk_file *file = disk_file_find(disk, id);
	if (file != NULL) {
		*ret_file = file;
		return 0;
	}
	evict(disk);
	char name[DFS_DISK_NAME_BYTES];
	dfs_disk_name(id, name);
	int fd = -1;
	if (attribute.length == 0) {
		fd = openat(disk->data_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			return disk_error(errno);
	} else {
		int error = create(disk, id, name, attribute, &fd);
		if (error != 0)
			return error;
	}
	insert(disk, id, fd, ret_file);
	return 0;
}

int disk_file_get_nowait(struct dfs_disk *disk, u64 id, struct disk_file **ret_file)
{
	struct disk_file *file = disk_file_find(disk, id);
	if (file != NULL) {
		*ret_file = file;
		return 0;
	}
	char name[DFS_DISK_NAME_BYTES];
	dfs_disk_name(id, name);
	struct open_how how = {
	    .flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW,
	    .resolve = RESOLVE_CACHED,
	};
	int fd = (int)syscall(SYS_openat2, disk->data_fd, name, &how, sizeof(how));
	if (fd < 0)
		return errno == ENOENT ? DFS_ENOENT : DFS_EBUSY;
	evict(disk);
	insert(disk, id, fd, ret_file);
	return 0;
}

void disk_file_adopt(struct dfs_disk *disk, u64 id, int fd)
{
	if (dfs_map_find(&disk->files, id) != NULL) {
		close(fd);
		return;
	}
	evict(disk);
	insert(disk, id, fd, NULL);
}

void disk_file_hold(struct disk_file *file)
{
	file->users++;
}

void disk_file_release(struct dfs_disk *disk, struct disk_file *file)
{
	DFS_ASSERT(file->users > 0);
	if (--file->users == 0 && file->detached) {
		close(file->fd);
		free(file);
		return;
	}
	if (disk->files.count > disk->open_files_max)
		evict(disk);
}

void disk_files_fini(struct dfs_disk *disk)
{
	dfs_list_for_each_safe (node, &disk->files_recent)
		close(disk_file_forget(disk, dfs_list_entry(node, struct disk_file, recent)));
	dfs_map_fini(&disk->files);
}
