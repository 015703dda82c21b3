/*
 * What the files of the FUSE shell share. Included only inside this folder.
 */
#ifndef DFS_FUSE_SHELL_I_H
#define DFS_FUSE_SHELL_I_H

#include "fuse/shell/shell.h"
#include "libdfsproto/base/list.h"
#include "libdfsproto/base/map.h"

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

/* One request of the kernel that waits for the core. */
struct fuse_parked {
	struct dfs_map_node node; /* In shell->parked, by id. */
	struct dfs_list link;     /* In shell->parked_all, or in shell->parked_free. */
	struct dfs_list watch;    /* In shell->watched, or alone. */
	struct fuse_shell *shell;
	fuse_req_t req;
	u64 id;
	enum cl_op op;
	u32 flags; /* OPEN, CREATE: O_*. READDIR: 1 = with attributes. */
	u64 size;  /* READDIR, xattrs: room for the answer, in bytes. */
	u64 ino;
	bool interrupted; /* The caller has a signal. */
	bool cancelled;   /* The core was told to answer now. */
	u64 since_ms;     /* Loop time when it was interrupted, or else parked. */
};

/* The undoing of an answer that the kernel did not take: its caller had gone. */
struct fuse_undo {
	struct fuse_undo *next;
	enum cl_op op; /* FORGET, RELEASE, RELEASEDIR */
	u64 ino;
	u64 handle;
	u64 count;
};

struct fuse_shell {
	struct fuse_port port;
	uv_loop_t *loop;
	struct fuse_session *session;
	uv_poll_t poll;
	uv_idle_t undo_idle;    /* Runs while `undos` is not empty. */
	uv_timer_t watch_timer; /* Runs while `watched` is not empty. */
	u32 handles;            /* uv handles not yet closed. */
	void (*closed)(void *owner);
	void *closed_owner;
	bool ended;
	bool closing;

	struct dfs_buf *receive; /* The next request is received here. */
	struct fuse_buf request; /* As libfuse wants it: points into `receive`. */
	char *path;              /* Where it is mounted, or NULL. */
	int mounts_fd;           /* The mount table, or -1. */
	uv_poll_t mounts_poll;

	bool answering_init;
	u32 init_offered;   /* Flags of the kernel's INIT, */
	u32 init_agreed;    /* and of the answer. */
	u32 setxattr_flags; /* FUSE_SETXATTR_* of the request being processed. */

	struct dfs_map parked;
	struct dfs_list parked_all;
	struct dfs_list parked_free;
	struct dfs_list watched;
	u64 ids;
	struct dfs_attr root; /* As last heard; for umount(8) when the servers are away. */
	struct fuse_undo *undos;
	u8 *scratch; /* SCRATCH_BYTES: directory entries on their way to the kernel. */
};

/* Largest READ, WRITE and directory listing. */
#define FUSE_IO_BYTES (1u << 20)

/* fuse_ops.c */
extern const struct fuse_lowlevel_ops fuse_shell_ops;

/* fuse_loop.c: INIT's answer. */
void fuse_shell_init(void *shell, struct fuse_conn_info *conn);

/* fuse_parked.c */
/* Hand a call to the core and keep `req` until it answers. uid, gid, umask are filled in. */
void fuse_park(fuse_req_t req, struct cl_call *call, u32 flags);
struct fuse_parked *fuse_parked_find(struct fuse_shell *shell, u64 id);
/* Forget it; the request has been answered. */
void fuse_parked_release(struct fuse_parked *parked);
void fuse_parked_init(struct fuse_shell *shell);
/* Answer all with `posix`. */
void fuse_parked_fini(struct fuse_shell *shell, int posix);
/* Queue a call that takes back what the kernel did not take. */
void fuse_undo_add(struct fuse_shell *shell, enum cl_op op, u64 ino, u64 handle);
void fuse_undo_run(struct fuse_shell *shell);
/* fuse_loop.c: let fuse_undo_run() happen in the next turn. */
void fuse_undo_schedule(struct fuse_shell *shell);

/* mount_watch.c: tell the core which access times move, now and after each change of the mount. */
void fuse_mount_watch(struct fuse_shell *shell, const char *path);
/* Handles of its own are closed with `closed`; then _fini. */
void fuse_mount_unwatch(struct fuse_shell *shell, uv_close_cb closed);
void fuse_mount_watch_fini(struct fuse_shell *shell);
/* enum cl_atime_bits of a mount's options as the kernel lists them. */
u32 fuse_atime_bits(const char *options);

/* fuse_reply.c: answer what umount(8) asks from memory, and release it. */
void fuse_reply_umount(struct fuse_parked *parked);

/* interrupt.c */
/* Does umount(8) ask this before it unmounts? */
bool fuse_umount_asks(enum cl_op op, u64 ino);
void fuse_on_interrupt(fuse_req_t req, void *parked);
void fuse_watch(struct fuse_parked *parked);
void fuse_watch_tick(uv_timer_t *timer);

/* caller.c: why a caller's thread has a signal, from /proc. */
enum caller_state {
	CALLER_BUSY, /* It will go on: no signal, or one that programs expect to be restarted after.
		      */
	CALLER_STOPPING, /* It catches a signal by which people ask programs to end. */
	CALLER_DYING,    /* It is being killed, is exiting, or is gone. */
};
enum caller_state caller_look(u32 thread);
/* May it see trusted.* attributes? */
bool caller_is_administrator(u32 thread);
/* Is it umount(8)? */
bool caller_is_umount(u32 thread);

#endif
