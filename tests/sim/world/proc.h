/*
 * A process and its system calls on one mount, as the VFS would turn them into FUSE requests: path
 * walks of LOOKUPs, open files, reads cut into requests, close as FLUSH and RELEASE.
 *
 * Calls return 0 or DFS_E…, and MOUNT_DIED when the mount went away under them. After DFS_EINTR or
 * MOUNT_DIED a change may or may not have happened.
 */
#ifndef TESTS_SIM_WORLD_PROC_H
#define TESTS_SIM_WORLD_PROC_H

#include "tests/sim/world/mount.h"

#include <fcntl.h>

enum { PATH_BYTES = 1024 };

struct proc {
	struct sim *sim;
	struct task *task;
	struct mount *mount;
	struct dfs_prng prng;
	u32 interrupts; /* Of 256 calls so many are interrupted after a while. */
	u32 forgets;    /* After each system call each unused inode is forgotten with this chance of
			   256. */
	u32 uid;
	u32 gid;
};

struct file {
	u64 ino; /* 0: not open. */
	u64 handle;
	u64 life; /* The mount's when it was opened. */
};

int proc_stat(struct proc *proc, const char *path, struct dfs_attr *ret_attr);
int proc_fstat(struct proc *proc, const struct file *file, struct dfs_attr *ret_attr);
/* O_* of fcntl.h. */
int proc_open(struct proc *proc, const char *path, int flags, u32 mode, struct file *ret_file);
/* O_TMPFILE in a directory; `once`: with O_EXCL. */
int proc_tmpfile(struct proc *proc, const char *directory, u32 mode, bool once,
		 struct file *ret_file);
/* linkat(2) of an open file. */
int proc_link_file(struct proc *proc, const struct file *file, const char *to);
/* What the FLUSH answered; the file is not open afterwards, whatever it was. */
int proc_close(struct proc *proc, struct file *file);
int proc_read(struct proc *proc, const struct file *file, u64 offset, u8 *ret_data, u32 length,
	      u32 *ret_count);
/* Requests of at most `request` bytes, `width` of them in flight at once. */
int proc_write(struct proc *proc, const struct file *file, u64 offset, const u8 *data, u32 length);
int proc_fsync(struct proc *proc, const struct file *file, bool data_only);
int proc_ftruncate(struct proc *proc, const struct file *file, u64 size);
/* FALLOC_FL_* of fcntl.h. */
int proc_fallocate(struct proc *proc, const struct file *file, u32 mode, u64 offset, u64 length);
struct range {
	const struct file *file;
	u64 offset;
};
/* copy_file_range(2), but DFS_ENOTSUP where the kernel would copy the bytes itself. */
int proc_clone(struct proc *proc, const struct range *from, const struct range *to, u64 length,
	       u64 *ret_count);
/* SEEK_HOLE, or SEEK_DATA: NXIO when there is none. */
int proc_lseek(struct proc *proc, const struct file *file, u64 offset, bool hole, u64 *ret_offset);
int proc_setattr(struct proc *proc, const char *path, const struct dfs_setattr *set,
		 struct dfs_attr *ret_attr);
int proc_mkdir(struct proc *proc, const char *path, u32 mode);
int proc_mknod(struct proc *proc, const char *path, u32 mode, u32 rdev);
int proc_symlink(struct proc *proc, const char *target, const char *path);
int proc_readlink(struct proc *proc, const char *path, char *ret_target, u32 capacity);
int proc_link(struct proc *proc, const char *from, const char *to);
int proc_unlink(struct proc *proc, const char *path);
int proc_rmdir(struct proc *proc, const char *path);
int proc_rename(struct proc *proc, const char *from, const char *to, u32 flags);
int proc_setxattr(struct proc *proc, const char *path, const char *name, struct dfs_span value,
		  u32 flags);
/* `ret_value` gets bytes to free() with answer_clear. */
int proc_getxattr(struct proc *proc, const char *path, const char *name, struct answer *ret_value);
int proc_listxattr(struct proc *proc, const char *path, struct answer *ret_names);
int proc_removexattr(struct proc *proc, const char *path, const char *name);
int proc_statfs(struct proc *proc, struct dfs_statfs_reply *ret_statfs);
/* All entries, `.` and `..` left out, in ret_list->entries. `chunk`: bytes asked for at a time. */
int proc_readdir(struct proc *proc, const char *path, u32 chunk, bool attributes,
		 struct answer *ret_list);
int proc_fsyncdir(struct proc *proc, const char *path);
int proc_sync_all(struct proc *proc);

/* For proc_*.c: a path walked to its end, inodes on the way held. */
struct walk {
	u64 parent;
	struct dfs_span name; /* Last component; points into the path. */
	u64 ino;              /* 0: absent (status NOENT). */
	struct dfs_attr attr;
};
int walk_path(struct proc *proc, const char *path, struct walk *ret_walk);
/* Only up to the parent. */
int walk_parent(struct proc *proc, const char *path, struct walk *ret_walk);
void walk_end(struct proc *proc, struct walk *walk);
/* One call, start to end. Clears nothing: the caller owns call->answer. */
int proc_call(struct proc *proc, struct call *call);
void proc_fill(const struct proc *proc, struct call *call, enum cl_op op, u64 ino);

#endif
