/*
 * Attaching to and detaching from a directory; see mount_point.h. Root's mounts are made with
 * mount(2) directly: every failure then has an errno to explain, and no helper process is needed.
 */
#include "fuse/shell/mount_point.h"

#include "fuse/shell/mount_table.h"
#include "libdfsproto/base/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MOUNT_TYPE "fuse.dfs"

__attribute__((format(printf, 3, 4))) static int refuse(char *text, int posix, const char *format,
							...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(text, MOUNT_TEXT_BYTES, format, list);
	va_end(list);
	return dfs_error_from_errno(posix);
}

static int dir_refuse(const char *dir, int posix, char *text)
{
	switch (posix) {
	case ENOENT:
		return refuse(text, posix,
			      "The directory %s does not exist; make it with mkdir -p "
			      "and mount again.",
			      dir);
	case ENOTCONN:
	case EIO:
		return refuse(text, posix,
			      "%s is still the mount point of a file system whose "
			      "process has ended (%s). Run umount -l %s, then mount "
			      "again.",
			      dir, strerror(posix), dir);
	default:
		return refuse(text, posix, "Cannot use the directory %s: %s.", dir,
			      strerror(posix));
	}
}

int mount_point_check(const struct mount_options *options, char ret_path[PATH_MAX],
		      char ret_text[MOUNT_TEXT_BYTES])
{
	struct mount_entry entry;
	struct stat info;
	struct statfs alive; /* Attributes may outlive a dead process in the kernel's memory. */
	if (realpath(options->dir, ret_path) == NULL || stat(ret_path, &info) != 0 ||
	    statfs(ret_path, &alive) != 0)
		return dir_refuse(options->dir, errno, ret_text);
	if (!S_ISDIR(info.st_mode))
		return refuse(ret_text, ENOTDIR,
			      "%s is not a directory; a file system is mounted on "
			      "a directory.",
			      options->dir);
	bool mounted =
	    mount_table_find(ret_path, &entry) == 0 && strcmp(entry.type, MOUNT_TYPE) == 0;
	if (options->remount && !mounted)
		return refuse(ret_text, EINVAL,
			      "%s is not the mount point of a dfs cluster, so it "
			      "cannot be remounted.",
			      ret_path);
	if (!options->remount && mounted && strcmp(entry.source, options->source) == 0)
		return refuse(ret_text, EBUSY, "%s is already mounted on %s.", options->source,
			      ret_path);
	return 0;
}

static int attach_refuse(const char *path, int posix, char *text)
{
	switch (posix) {
	case EPERM:
	case EACCES:
		return refuse(text, posix,
			      "The kernel did not let us mount on %s: %s. Run as root.", path,
			      strerror(posix));
	case ENODEV:
		return refuse(text, posix, "This kernel has no FUSE; load it with modprobe fuse.");
	default:
		return refuse(text, posix, "Mounting on %s failed: %s.", path, strerror(posix));
	}
}

int mount_point_attach(const struct mount_options *options, const char *path, int *ret_fd,
		       char ret_text[MOUNT_TEXT_BYTES])
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return refuse(ret_text, errno,
			      "Cannot open /dev/fuse: %s. The kernel's FUSE module "
			      "is needed: modprobe fuse.",
			      strerror(errno));
	char data[256];
	snprintf(data, sizeof(data),
		 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,"
		 "default_permissions%s",
		 fd, getuid(), getgid(), options->private_to_owner ? "" : ",allow_other");
	if (mount(options->source, path, MOUNT_TYPE, options->flags, data) != 0) {
		int status = attach_refuse(path, errno, ret_text);
		close(fd);
		return status;
	}
	*ret_fd = fd;
	return 0;
}

void mount_point_user_options(const struct mount_options *options, char *ret_list, size_t bytes)
{
	size_t used = (size_t)snprintf(ret_list, bytes,
				       "subtype=dfs,default_permissions%s%s%s%s,"
				       "fsname=",
				       options->flags & MS_RDONLY ? ",ro" : "",
				       options->flags & MS_NOEXEC ? ",noexec" : "",
				       options->flags & MS_NOATIME ? ",noatime" : "",
				       options->flags & MS_SYNCHRONOUS ? ",sync" : "");
	/* In libfuse's lists a comma or backslash inside a value is escaped. */
	for (const char *at = options->source; *at != '\0' && used + 3 < bytes; at++) {
		if (*at == ',' || *at == '\\')
			ret_list[used++] = '\\';
		ret_list[used++] = *at;
	}
	DFS_ASSERT(used < bytes);
	ret_list[used] = '\0';
}

int mount_point_detach(const char *path, int fd)
{
	/* A connection that has ended polls as an error: then the mount is gone, and what is
	 * mounted on the directory now, if anything, is somebody else's. */
	struct pollfd poll_fd = {.fd = fd};
	if (poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLERR) != 0)
		return 0;
	return umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 ? 0 : errno;
}

int mount_point_remount(const struct mount_options *options, const char *path,
			char ret_text[MOUNT_TEXT_BYTES])
{
	if (mount(options->source, path, MOUNT_TYPE, MS_REMOUNT | options->flags, NULL) == 0)
		return 0;
	return refuse(ret_text, errno, "Remounting %s failed: %s.", path, strerror(errno));
}

int mount_point_read_ahead(const char *path, u32 kib)
{
	struct mount_entry entry;
	if (mount_table_find(path, &entry) != 0)
		return ENOENT;
	char name[96];
	char value[16];
	snprintf(name, sizeof(name), "/sys/class/bdi/%u:%u/read_ahead_kb", entry.major,
		 entry.minor);
	int length = snprintf(value, sizeof(value), "%u\n", kib);
	int fd = open(name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	int posix = write(fd, value, (size_t)length) == length ? 0 : EIO;
	close(fd);
	return posix;
}
