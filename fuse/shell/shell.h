/*
 * The FUSE shell: /dev/fuse on one side, the client's core on the other. It turns each request of
 * the kernel into one struct cl_call, parks it, and turns the core's answer into the kernel's form.
 * It makes no decisions about the file system.
 *
 * Files: fuse_loop.c (session, polling, receive buffers, INIT), fuse_ops.c (requests → calls),
 * fuse_parked.c (requests that wait), fuse_reply.c (answers), interrupt.c (signals to callers).
 * main.c wires it to the host; the unit test wires it to a core of its own.
 */
#ifndef DFS_FUSE_SHELL_H
#define DFS_FUSE_SHELL_H

#include "fuse/core/client.h"

#include <uv.h>

struct fuse_session;
struct fuse_shell;

/* The way to the core. */
struct fuse_port {
	void (*call)(void *owner, u64 id, const struct cl_call *call);
	void (*cancel)(void *owner, u64 id);
	/* The kernel ended the connection: unmounted, or aborted by an administrator. Called once.
	 */
	void (*ended)(void *owner);
	/* The kernel has agreed on a protocol: the mount is usable. Called once. */
	void (*ready)(void *owner);
	void *owner;
};

struct fuse_shell_config {
	uv_loop_t *loop;
	struct fuse_port port;
	/* A connection: its non-blocking descriptor (taken), or -1 and fusermount3 makes one at
	 * `path` with the libfuse option list `options`. */
	int fd;
	const char *path;
	const char *options;
};

/* DFS_EIO when libfuse refuses; it has then said why on stderr. */
int fuse_shell_new(const struct fuse_shell_config *config, struct fuse_shell **ret_shell);

/* The core's answer, from the host's reply callback. Does not enter the core. */
void fuse_shell_reply(struct fuse_shell *shell, u64 id, const struct cl_reply *reply);

/* The connection's descriptor, for mount_point_detach(). */
int fuse_shell_fd(const struct fuse_shell *shell);
/* Only for a connection made by fusermount3: unmounts. Blocks shortly. */
void fuse_shell_unmount_user(struct fuse_shell *shell);
/* Requests parked now. */
u32 fuse_shell_parked_count(const struct fuse_shell *shell);

/* Stop polling; what is parked is answered with EIO. Then `closed` is called on the loop, and
 * fuse_shell_free() may follow. */
void fuse_shell_close(struct fuse_shell *shell, void (*closed)(void *owner), void *owner);
void fuse_shell_free(struct fuse_shell *shell);

#endif
