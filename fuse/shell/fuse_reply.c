/*
 * The core's answers in the kernel's form. The kernel keeps attributes as long as their lease
 * lasts, and forgets them at CL_STALE. It keeps no names: it could only be told to forget one while
 * no operation in that directory is under way, and such an operation may wait for other mounts to
 * forget; the core has them at hand.
 *
 * An answer the kernel does not take (its caller was killed meanwhile: ENOENT) has given the core a
 * look-up or a handle that nobody will ever give back; it is taken back through fuse_undo_add().
 * Called by the host's reply callback.
 */
#include "fuse/shell/shell_i.h"
#include "libdfsproto/base/errors.h"
#include "libdfsproto/wire/xattr_name.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* What stat(2) advises programs to read and write at once: fewer, larger requests. */
#define STAT_BLOCK_BYTES   (64 << 10)
#define STATFS_BLOCK_BYTES 4096

/* What zero pieces point at, as often as needed. */
#define ZERO_BYTES         (64u << 10)
static const u8 zero_bytes[ZERO_BYTES];
#define READ_VECTORS_MAX (2 * CL_PIECES_MAX + FUSE_IO_BYTES / ZERO_BYTES)

static struct timespec timespec_of(s64 ns)
{
	s64 seconds = ns / (s64)DFS_SEC;
	s64 rest = ns % (s64)DFS_SEC;
	if (rest < 0) {
		seconds--;
		rest += (s64)DFS_SEC;
	}
	return (struct timespec){.tv_sec = seconds, .tv_nsec = rest};
}

static struct stat stat_of(const struct dfs_attr *attr)
{
	return (struct stat){
	    .st_ino = attr->ino,
	    .st_mode = attr->mode,
	    .st_nlink = attr->nlink,
	    .st_uid = attr->uid,
	    .st_gid = attr->gid,
	    .st_rdev = attr->rdev,
	    .st_size = (off_t)attr->size,
	    .st_blocks = (blkcnt_t)((attr->allocated + 511) / 512),
	    .st_blksize = STAT_BLOCK_BYTES,
	    .st_atim = timespec_of(attr->atime),
	    .st_mtim = timespec_of(attr->mtime),
	    .st_ctim = timespec_of(attr->ctime),
	};
}

static double seconds_of(nsec time)
{
	return (double)time / (double)DFS_SEC;
}

static struct fuse_entry_param entry_of(const struct dfs_attr *attr, nsec valid)
{
	/* Inode numbers are never reused, so the generation stays 0. */
	return (struct fuse_entry_param){
	    .ino = attr->ino, .attr = stat_of(attr), .attr_timeout = seconds_of(valid)};
}

static void reply_entry(struct fuse_parked *parked, const struct cl_reply *reply)
{
	struct fuse_entry_param entry = entry_of(&reply->attr, reply->attr_valid);
	if (fuse_reply_entry(parked->req, &entry) == -ENOENT)
		fuse_undo_add(parked->shell, CL_FORGET, reply->attr.ino, 0);
}

static void reply_create(struct fuse_parked *parked, const struct cl_reply *reply)
{
	struct fuse_entry_param entry = entry_of(&reply->attr, reply->attr_valid);
	struct fuse_file_info file = {.fh = reply->handle};
	if (fuse_reply_create(parked->req, &entry, &file) == -ENOENT) {
		fuse_undo_add(parked->shell, CL_FORGET, reply->attr.ino, 0);
		fuse_undo_add(parked->shell, CL_RELEASE, reply->attr.ino, reply->handle);
	}
}

static void reply_open(struct fuse_parked *parked, const struct cl_reply *reply)
{
	struct fuse_file_info file = {.fh = reply->handle};
	/* What was only read has nothing to write back at close. */
	/* The kernel drops its pages when the attributes tell of another mtime or length, which it
	 * asks for, or has a lease on, at each open and read. */
	file.keep_cache = parked->op == CL_OPEN;
	file.noflush = parked->op == CL_OPEN && (parked->flags & O_ACCMODE) == O_RDONLY;
	if (fuse_reply_open(parked->req, &file) == -ENOENT)
		fuse_undo_add(parked->shell, parked->op == CL_OPEN ? CL_RELEASE : CL_RELEASEDIR,
			      parked->ino, reply->handle);
}

static void reply_read(struct fuse_parked *parked, const struct cl_reply *reply)
{
	struct iovec vectors[READ_VECTORS_MAX];
	int count = 0;
	for (u32 i = 0; i < reply->pieces_count; i++) {
		const struct dfs_payload *piece = &reply->pieces[i];
		if (piece->buf != NULL) {
			vectors[count++] = (struct iovec){
			    .iov_base = piece->buf->data + piece->offset, .iov_len = piece->bytes};
			continue;
		}
		for (u32 left = piece->bytes; left > 0;) {
			u32 length = dfs_min(left, ZERO_BYTES);
			DFS_ASSERT(count < (int)READ_VECTORS_MAX);
			vectors[count++] = (struct iovec){.iov_base = (void *)(uintptr_t)zero_bytes,
							  .iov_len = length};
			left -= length;
		}
	}
	fuse_reply_iov(parked->req, vectors, count);
}

/* Room that the entry needs in the listing; 0 when it does not fit any more. */
static size_t direntry_add(struct fuse_parked *parked, const struct cl_entry *entry, u8 *at,
			   size_t room)
{
	char name[DFS_NAME_BYTES_MAX + 1];
	DFS_ASSERT(entry->name.length <= DFS_NAME_BYTES_MAX);
	memcpy(name, entry->name.data, entry->name.length);
	name[entry->name.length] = '\0';
	size_t bytes;
	if (parked->flags != 0) {
		struct fuse_entry_param param = entry_of(&entry->attr, 0);
		bytes = fuse_add_direntry_plus(parked->req, (char *)at, room, name, &param,
					       (off_t)entry->next_offset);
	} else {
		struct stat info = {.st_ino = entry->attr.ino, .st_mode = entry->attr.mode};
		bytes = fuse_add_direntry(parked->req, (char *)at, room, name, &info,
					  (off_t)entry->next_offset);
	}
	return bytes <= room ? bytes : 0;
}

static bool dots(struct dfs_span name)
{
	return name.data[0] == '.' &&
	       (name.length == 1 || (name.length == 2 && name.data[1] == '.'));
}

/* Entries that do not fit are asked for again, from the cookie of the last one that did. With
 * attributes each entry but `.` and `..` is a look-up: those not taken are given back. */
static void reply_readdir(struct fuse_parked *parked, const struct cl_reply *reply)
{
	struct fuse_shell *shell = parked->shell;
	bool counted = parked->flags != 0;
	size_t used = 0;
	u32 taken = 0;
	for (; taken < reply->entries_count; taken++) {
		size_t bytes = direntry_add(parked, &reply->entries[taken], shell->scratch + used,
					    parked->size - used);
		if (bytes == 0)
			break;
		used += bytes;
	}
	if (fuse_reply_buf(parked->req, (char *)shell->scratch, used) == -ENOENT)
		taken = 0;
	for (u32 i = taken; counted && i < reply->entries_count; i++) {
		if (!dots(reply->entries[i].name))
			fuse_undo_add(shell, CL_FORGET, reply->entries[i].attr.ino, 0);
	}
}

static void reply_statfs(struct fuse_parked *parked, const struct dfs_statfs_reply *from)
{
	u64 inodes_free = dfs_min(from->inodes_free, from->bytes_free / STATFS_BLOCK_BYTES);
	struct statvfs to = {
	    .f_bsize = STATFS_BLOCK_BYTES,
	    .f_frsize = STATFS_BLOCK_BYTES,
	    .f_blocks = from->bytes_total / STATFS_BLOCK_BYTES,
	    .f_bfree = from->bytes_free / STATFS_BLOCK_BYTES,
	    .f_bavail = from->bytes_free / STATFS_BLOCK_BYTES,
	    /* Inodes are not bounded: as many are free as blocks. */
	    .f_files = from->inodes + inodes_free,
	    .f_ffree = inodes_free,
	    .f_favail = inodes_free,
	    .f_namemax = DFS_NAME_BYTES_MAX,
	};
	fuse_reply_statfs(parked->req, &to);
}

/* xattr(7): size 0 asks how long the value is; a value that does not fit is ERANGE. */
static void reply_bytes(struct fuse_parked *parked, struct dfs_span bytes, u64 count)
{
	if (parked->size == 0)
		fuse_reply_xattr(parked->req, count);
	else if (bytes.length > parked->size)
		fuse_reply_err(parked->req, ERANGE);
	else
		fuse_reply_buf(parked->req, (const char *)bytes.data, bytes.length);
}

/* Names that the caller may not see are left out. Who it is, is asked only when there are any. */
static void reply_names(struct fuse_parked *parked, struct dfs_span names)
{
	u8 *out = parked->shell->scratch;
	u32 used = 0;
	bool asked = false;
	bool administrator = false;
	for (u32 at = 0; at < names.length;) {
		const u8 *end = memchr(names.data + at, 0, names.length - at);
		DFS_ASSERT(end != NULL);
		struct dfs_span name = dfs_span(names.data + at, (size_t)(end - names.data) - at);
		at += name.length + 1;
		bool trusted = dfs_xattr_is_trusted(name);
		if (trusted && !asked) {
			asked = true;
			administrator =
			    caller_is_administrator((u32)fuse_req_ctx(parked->req)->pid);
		}
		if (trusted && !administrator)
			continue;
		memcpy(out + used, name.data, name.length + 1u);
		used += name.length + 1;
	}
	reply_bytes(parked, dfs_span(out, used), used);
}

static void reply_link_target(struct fuse_parked *parked, const struct cl_reply *reply)
{
	char target[DFS_SYMLINK_BYTES_MAX + 1];
	DFS_ASSERT(reply->bytes.length <= DFS_SYMLINK_BYTES_MAX);
	memcpy(target, reply->bytes.data, reply->bytes.length);
	target[reply->bytes.length] = '\0';
	fuse_reply_readlink(parked->req, target);
}

static void reply_good(struct fuse_parked *parked, const struct cl_reply *reply)
{
	switch (parked->op) {
	case CL_LOOKUP:
	case CL_MKNOD:
	case CL_MKDIR:
	case CL_SYMLINK:
	case CL_LINK:
		reply_entry(parked, reply);
		return;
	case CL_GETATTR:
	case CL_SETATTR: {
		if (parked->ino == FUSE_ROOT_ID)
			parked->shell->root = reply->attr;
		struct stat info = stat_of(&reply->attr);
		fuse_reply_attr(parked->req, &info, seconds_of(reply->attr_valid));
		return;
	}
	case CL_CREATE:
		reply_create(parked, reply);
		return;
	case CL_OPEN:
	case CL_OPENDIR:
		reply_open(parked, reply);
		return;
	case CL_READ:
		reply_read(parked, reply);
		return;
	case CL_WRITE:
		fuse_reply_write(parked->req, reply->count);
		return;
	case CL_READDIR:
		reply_readdir(parked, reply);
		return;
	case CL_READLINK:
		reply_link_target(parked, reply);
		return;
	case CL_STATFS:
		reply_statfs(parked, &reply->statfs);
		return;
	case CL_GETXATTR:
		reply_bytes(parked, reply->bytes, reply->count);
		return;
	case CL_LISTXATTR:
		reply_names(parked, reply->bytes);
		return;
	case CL_CLONE:
		fuse_reply_write(parked->req, reply->count);
		return;
	case CL_LSEEK:
		fuse_reply_lseek(parked->req, (off_t)reply->count);
		return;
	case CL_UNLINK:
	case CL_RMDIR:
	case CL_RENAME:
	case CL_FALLOCATE:
	case CL_FLUSH:
	case CL_FSYNC:
	case CL_RELEASE:
	case CL_RELEASEDIR:
	case CL_FSYNCDIR:
	case CL_SETXATTR:
	case CL_REMOVEXATTR:
		fuse_reply_err(parked->req, 0);
		return;
	case CL_FORGET:
	case CL_ATIME:
	case CL_SYNC_ALL:
	case CL_STALE:
		break; /* Never parked. */
	}
	DFS_ASSERT(false);
}

void fuse_reply_umount(struct fuse_parked *parked)
{
	struct dfs_attr root = parked->shell->root;
	if (root.ino == 0) /* Never heard of: umount(8) wants to know that it is a directory. */
		root = (struct dfs_attr){.ino = FUSE_ROOT_ID, .mode = S_IFDIR | 0755, .nlink = 2};
	struct stat info = stat_of(&root);
	if (parked->op == CL_GETATTR)
		fuse_reply_attr(parked->req, &info, 0);
	else
		reply_statfs(parked, &(struct dfs_statfs_reply){0});
	fuse_parked_release(parked);
}

void fuse_shell_reply(struct fuse_shell *shell, u64 id, const struct cl_reply *reply)
{
	if (reply->op == CL_STALE) {
		/* Attributes alone (-1): pages follow when the kernel sees another mtime. An inode
		 * it does not have is fine. */
		(void)fuse_lowlevel_notify_inval_inode(shell->session, reply->attr.ino, -1, 0);
		return;
	}
	struct fuse_parked *parked = fuse_parked_find(shell, id);
	if (parked == NULL)
		return; /* An undo, or the connection has ended. */
	if (reply->status != 0)
		fuse_reply_err(parked->req, dfs_error_errno(reply->status));
	else
		reply_good(parked, reply);
	fuse_parked_release(parked);
}
