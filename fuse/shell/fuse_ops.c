/*
 * Every request of the kernel, turned into one struct cl_call: what libfuse decoded is copied over
 * and parked, nothing is decided. Answers go out through fuse_reply.c. The first file of the read
 * path; next: fuse/core/op_read.c.
 *
 * Left to the kernel on purpose (libfuse answers ENOSYS once and it stops asking): access (checked
 * by default_permissions), locks (flock and fcntl are local to the mount), copy_file_range (it
 * copies through reads and writes), poll, bmap. The kernel itself refuses to collapse or insert
 * ranges by fallocate.
 */
#include "fuse/shell/shell_i.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Smaller writes are copied into a buffer of their size: holding a whole receive buffer for each of
 * them would multiply the memory of the write-behind buffer. */
#define WRITE_REFERENCE_BYTES (256u << 10)

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct cl_call call = {.op = CL_LOOKUP, .ino = parent, .name = dfs_span_text(name)};
	fuse_park(req, &call, 0);
}

static void forget_one(struct fuse_shell *shell, u64 ino, u64 count)
{
	struct cl_call call = {.op = CL_FORGET, .ino = ino, .count = count};
	shell->port.call(shell->port.owner, ++shell->ids, &call);
}

static void on_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	forget_one(fuse_req_userdata(req), ino, count);
	fuse_reply_none(req);
}

static void on_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forget_one(fuse_req_userdata(req), forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct cl_call call = {.op = CL_GETATTR, .ino = ino};
	(void)file;
	fuse_park(req, &call, 0);
}

static s64 time_ns(const struct timespec *time)
{
	s64 ns;
	if (__builtin_mul_overflow((s64)time->tv_sec, (s64)DFS_SEC, &ns) ||
	    __builtin_add_overflow(ns, (s64)time->tv_nsec, &ns))
		return time->tv_sec < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

static void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		       struct fuse_file_info *file)
{
	static const struct {
		int from;
		u32 to;
	} bits[] = {
	    {FUSE_SET_ATTR_MODE, DFS_SETATTR_MODE},
	    {FUSE_SET_ATTR_UID, DFS_SETATTR_UID},
	    {FUSE_SET_ATTR_GID, DFS_SETATTR_GID},
	    {FUSE_SET_ATTR_SIZE, DFS_SETATTR_SIZE},
	    {FUSE_SET_ATTR_ATIME, DFS_SETATTR_ATIME},
	    {FUSE_SET_ATTR_MTIME, DFS_SETATTR_MTIME},
	    {FUSE_SET_ATTR_ATIME_NOW, DFS_SETATTR_ATIME | DFS_SETATTR_ATIME_NOW},
	    {FUSE_SET_ATTR_MTIME_NOW, DFS_SETATTR_MTIME | DFS_SETATTR_MTIME_NOW},
	};
	struct cl_call call = {
	    .op = CL_SETATTR,
	    .ino = ino,
	    .handle = file == NULL ? 0 : file->fh,
	    .set =
		{
		    .mode = attr->st_mode,
		    .uid = attr->st_uid,
		    .gid = attr->st_gid,
		    .size = (u64)attr->st_size,
		    .atime = time_ns(&attr->st_atim),
		    .mtime = time_ns(&attr->st_mtim),
		},
	};
	for (size_t i = 0; i < dfs_array_count(bits); i++) {
		if ((to_set & bits[i].from) != 0)
			call.set.valid |= bits[i].to;
	}
	fuse_park(req, &call, 0);
}

static void on_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct cl_call call = {.op = CL_READLINK, .ino = ino};
	fuse_park(req, &call, 0);
}

static void on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct cl_call call = {.op = CL_MKNOD,
			       .ino = parent,
			       .name = dfs_span_text(name),
			       .mode = mode,
			       .rdev = (u32)rdev};
	fuse_park(req, &call, 0);
}

static void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct cl_call call = {.op = CL_MKDIR,
			       .ino = parent,
			       .name = dfs_span_text(name),
			       .mode = (mode & 07777) | S_IFDIR};
	fuse_park(req, &call, 0);
}

static void on_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct cl_call call = {.op = CL_SYMLINK,
			       .ino = parent,
			       .name = dfs_span_text(name),
			       .name2 = dfs_span_text(target)};
	fuse_park(req, &call, 0);
}

static void on_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct cl_call call = {
	    .op = CL_LINK, .ino = ino, .ino2 = parent, .name = dfs_span_text(name)};
	fuse_park(req, &call, 0);
}

static void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct cl_call call = {.op = CL_UNLINK, .ino = parent, .name = dfs_span_text(name)};
	fuse_park(req, &call, 0);
}

static void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct cl_call call = {.op = CL_RMDIR, .ino = parent, .name = dfs_span_text(name)};
	fuse_park(req, &call, 0);
}

static void on_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		      const char *new_name, unsigned int flags)
{
	_Static_assert(DFS_RENAME_NOREPLACE == 1 && DFS_RENAME_EXCHANGE == 2 &&
			   DFS_RENAME_WHITEOUT == 4,
		       "the flags of renameat2(2) pass through");
	struct cl_call call = {.op = CL_RENAME,
			       .ino = parent,
			       .name = dfs_span_text(name),
			       .ino2 = new_parent,
			       .name2 = dfs_span_text(new_name),
			       .flags = flags};
	fuse_park(req, &call, 0);
}

static void on_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *file)
{
	struct cl_call call = {.op = CL_CREATE,
			       .ino = parent,
			       .name = dfs_span_text(name),
			       .mode = mode,
			       .flags = (u32)file->flags};
	if (name[0] == '/')
		call.name.length = 0; /* TMPFILE; see request_process(). */
	fuse_park(req, &call, (u32)file->flags);
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct cl_call call = {.op = CL_OPEN, .ino = ino, .flags = (u32)file->flags};
	fuse_park(req, &call, (u32)file->flags);
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *file)
{
	struct cl_call call = {.op = CL_READ,
			       .ino = ino,
			       .handle = file->fh,
			       .offset = (u64)offset,
			       .size = dfs_min(size, (size_t)FUSE_IO_BYTES),
			       .flags = (u32)file->flags};
	fuse_park(req, &call, 0);
}

static void on_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
		     struct fuse_file_info *file)
{
	struct fuse_shell *shell = fuse_req_userdata(req);
	struct dfs_buf *buf = shell->receive;
	struct cl_call call = {.op = CL_WRITE,
			       .ino = ino,
			       .handle = file->fh,
			       .offset = (u64)offset,
			       .size = size,
			       .flags = (u32)file->flags};
	DFS_ASSERT((const u8 *)data >= buf->data);
	DFS_ASSERT((size_t)((const u8 *)data - buf->data) + size <= buf->capacity);
	if (size >= WRITE_REFERENCE_BYTES) {
		dfs_buf_ref(buf);
		call.data.offset = (u32)((const u8 *)data - buf->data);
	} else {
		buf = dfs_buf_new((u32)dfs_max(size, (size_t)1));
		memcpy(buf->data, data, size);
		buf->length = (u32)size;
	}
	call.data.buf = buf;
	call.data.bytes = (u32)size;
	fuse_park(req, &call, 0);
	dfs_buf_unref(buf);
}

static void handle_call(fuse_req_t req, enum cl_op op, fuse_ino_t ino,
			const struct fuse_file_info *file, u32 flags)
{
	struct cl_call call = {.op = op, .ino = ino, .handle = file->fh, .flags = flags};
	fuse_park(req, &call, 0);
}

static void on_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	handle_call(req, CL_FLUSH, ino, file, 0);
}

static void on_fsync(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *file)
{
	handle_call(req, CL_FSYNC, ino, file, data_only != 0 ? 1 : 0);
}

static void on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	handle_call(req, CL_RELEASE, ino, file, 0);
}

static void on_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct cl_call call = {.op = CL_OPENDIR, .ino = ino, .flags = (u32)file->flags};
	fuse_park(req, &call, 0);
}

static void readdir_call(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
			 const struct fuse_file_info *file, u32 attributes)
{
	struct cl_call call = {.op = CL_READDIR,
			       .ino = ino,
			       .handle = file->fh,
			       .offset = (u64)offset,
			       .size = dfs_min(size, (size_t)FUSE_IO_BYTES),
			       .flags = attributes};
	fuse_park(req, &call, attributes);
}

static void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		       struct fuse_file_info *file)
{
	readdir_call(req, ino, size, offset, file, 0);
}

static void on_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
			   struct fuse_file_info *file)
{
	readdir_call(req, ino, size, offset, file, 1);
}

static void on_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	handle_call(req, CL_RELEASEDIR, ino, file, 0);
}

static void on_fsyncdir(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *file)
{
	handle_call(req, CL_FSYNCDIR, ino, file, data_only != 0 ? 1 : 0);
}

static void on_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct cl_call call = {.op = CL_STATFS, .ino = ino};
	fuse_park(req, &call, 0);
}

/* A kernel that does not enforce access control lists must not be given any: "system.*" answers
 * like a file system that has none. True when the request has been answered. */
static bool xattr_refused(fuse_req_t req, const char *name)
{
	struct fuse_shell *shell = fuse_req_userdata(req);
	if ((shell->init_agreed & FUSE_POSIX_ACL) != 0 || strncmp(name, "system.", 7) != 0)
		return false;
	fuse_reply_err(req, EOPNOTSUPP);
	return true;
}

static void on_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
			size_t size, int flags)
{
	_Static_assert(DFS_SETXATTR_CREATE == 1 && DFS_SETXATTR_REPLACE == 2,
		       "the flags of setxattr(2) pass through");
	if (xattr_refused(req, name))
		return;
	struct fuse_shell *shell = fuse_req_userdata(req);
	struct cl_call call = {.op = CL_SETXATTR,
			       .ino = ino,
			       .name = dfs_span_text(name),
			       .value = dfs_span(value, size),
			       .flags = (u32)flags};
	if ((shell->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID) != 0)
		call.flags |= DFS_SETXATTR_DROP_SGID;
	fuse_park(req, &call, 0);
}

static void on_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	if (xattr_refused(req, name))
		return;
	struct cl_call call = {
	    .op = CL_GETXATTR, .ino = ino, .name = dfs_span_text(name), .size = size};
	fuse_park(req, &call, 0);
}

static void on_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct cl_call call = {.op = CL_LISTXATTR, .ino = ino, .size = size};
	fuse_park(req, &call, 0);
}

static void on_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	if (xattr_refused(req, name))
		return;
	struct cl_call call = {.op = CL_REMOVEXATTR, .ino = ino, .name = dfs_span_text(name)};
	fuse_park(req, &call, 0);
}

static void on_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
			 struct fuse_file_info *file)
{
	struct cl_call call = {.op = CL_FALLOCATE,
			       .ino = ino,
			       .handle = file->fh,
			       .offset = (u64)offset,
			       .size = (u64)length,
			       .flags = (u32)mode};
	fuse_park(req, &call, 0);
}

/* Whole chunks become those of both files. Where that cannot be, EOPNOTSUPP makes the kernel copy
 * the bytes by itself. It has written back its pages of both ranges, and drops those of the
 * destination afterwards. */
static void on_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_offset,
			       struct fuse_file_info *from_file, fuse_ino_t to, off_t to_offset,
			       struct fuse_file_info *to_file, size_t length, int flags)
{
	(void)flags; /* None is defined. */
	struct cl_call call = {.op = CL_CLONE,
			       .ino = to,
			       .handle = to_file->fh,
			       .offset = (u64)to_offset,
			       .ino2 = from,
			       .handle2 = from_file->fh,
			       .offset2 = (u64)from_offset,
			       .size = length};
	fuse_park(req, &call, 0);
}

/* The kernel asks for holes and data only; the rest it knows. */
static void on_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
		     struct fuse_file_info *file)
{
	struct cl_call call = {.op = CL_LSEEK,
			       .ino = ino,
			       .handle = file->fh,
			       .offset = (u64)offset,
			       .flags = whence == SEEK_HOLE};
	if (whence != SEEK_HOLE && whence != SEEK_DATA) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	fuse_park(req, &call, 0);
}

static void on_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int command, void *argument,
		     struct fuse_file_info *file, unsigned int flags, const void *in,
		     size_t in_bytes, size_t out_bytes)
{
	(void)ino, (void)command, (void)argument, (void)file, (void)flags;
	(void)in, (void)in_bytes, (void)out_bytes;
	fuse_reply_err(req, ENOTTY);
}

const struct fuse_lowlevel_ops fuse_shell_ops = {
    .init = fuse_shell_init,
    .lookup = on_lookup,
    .forget = on_forget,
    .forget_multi = on_forget_multi,
    .getattr = on_getattr,
    .setattr = on_setattr,
    .readlink = on_readlink,
    .mknod = on_mknod,
    .mkdir = on_mkdir,
    .symlink = on_symlink,
    .link = on_link,
    .unlink = on_unlink,
    .rmdir = on_rmdir,
    .rename = on_rename,
    .create = on_create,
    .open = on_open,
    .read = on_read,
    .write = on_write,
    .flush = on_flush,
    .fsync = on_fsync,
    .release = on_release,
    .opendir = on_opendir,
    .readdir = on_readdir,
    .readdirplus = on_readdirplus,
    .releasedir = on_releasedir,
    .fsyncdir = on_fsyncdir,
    .statfs = on_statfs,
    .setxattr = on_setxattr,
    .getxattr = on_getxattr,
    .listxattr = on_listxattr,
    .removexattr = on_removexattr,
    .fallocate = on_fallocate,
    .copy_file_range = on_copy_file_range,
    .lseek = on_lseek,
    .ioctl = on_ioctl,
};
