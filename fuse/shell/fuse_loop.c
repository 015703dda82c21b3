/*
 * The session with the kernel: INIT, polling /dev/fuse, receive buffers, the end of the connection.
 *
 * Receive buffers are struct dfs_buf, so that the data of a large WRITE goes on to the chunkserver
 * by reference. A request is received so that a WRITE's data starts on a page of the buffer. When
 * somebody kept a reference, the next request gets another buffer.
 */
#include "fuse/shell/shell_i.h"
#include "libdfsproto/base/errors.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE_BYTES         4096u
/* Headers in front of the data of a WRITE. */
#define WRITE_HEADER_BYTES (sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in))
/* libfuse reads up to 1 MiB and one page at once. */
#define RECEIVE_BYTES      (2 * PAGE_BYTES + FUSE_IO_BYTES)
/* Requests handled per wake-up: enough to fill a batch, few enough to answer in between. */
#define DRAIN_MAX          16
/* Reads ahead and other requests without a waiting caller that the kernel may have open at once. */
#define BACKGROUND_MAX     64

_Static_assert(WRITE_HEADER_BYTES % 8 == 0, "the kernel's structs stay aligned");

void fuse_shell_init(void *data, struct fuse_conn_info *conn)
{
	struct fuse_shell *shell = data;
	conn->max_write = FUSE_IO_BYTES;
	conn->max_read = 0;
	conn->max_background = BACKGROUND_MAX;
	conn->congestion_threshold = BACKGROUND_MAX * 3 / 4;
	conn->time_gran = 1;
	/* Access control lists: the kernel enforces them, the master hands them down, which needs
	 * the mode without the umask taken away. Export: an inode is found by its number alone, as
	 * open_by_handle_at(2) and the kernel's NFS server need it. */
	conn->want |=
	    conn->capable & (FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO | FUSE_CAP_ATOMIC_O_TRUNC |
			     FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK |
			     FUSE_CAP_EXPORT_SUPPORT);
	/* Not splice: plain copies are faster here. Not the kernel's write-back cache: it would
	 * ignore sizes that change elsewhere. Not readdirplus: with time-outs of zero the kernel
	 * throws the attributes away. HANDLE_KILLPRIV: its second version, see init_patch(). */
	conn->want &=
	    ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
			FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_HANDLE_KILLPRIV | FUSE_CAP_READDIRPLUS |
			FUSE_CAP_READDIRPLUS_AUTO);
	shell->port.ready(shell->port.owner);
}

/*
 * libfuse 3.14 knows PARALLEL_DIROPS but does not ask for it, and does not know HANDLE_KILLPRIV_V2
 * (the master takes set-id bits and capabilities away, so the kernel need not ask for them before
 * every write) nor SETXATTR_EXT (which says that an access control list takes the set-group-id bit
 * away): its answer to INIT is completed.
 */
static void init_patch(struct fuse_shell *shell, const struct iovec *vectors, int count)
{
	if (count != 2 || vectors[1].iov_len < offsetof(struct fuse_init_out, max_background))
		return; /* An error, or a kernel from before 2010. */
	struct fuse_init_out *out = vectors[1].iov_base;
	out->flags |= shell->init_offered &
		      (FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV_V2 | FUSE_SETXATTR_EXT);
	shell->init_agreed = out->flags;
}

static ssize_t on_writev(int fd, struct iovec *vectors, int count, void *data)
{
	struct fuse_shell *shell = data;
	if (shell->answering_init)
		init_patch(shell, vectors, count);
	return writev(fd, vectors, count);
}

static ssize_t on_read_device(int fd, void *room, size_t bytes, void *data)
{
	(void)data;
	return read(fd, room, bytes);
}

/* A buffer for the next request, the old one if nobody kept it. */
static void receive_prepare(struct fuse_shell *shell)
{
	if (shell->receive != NULL && shell->receive->refs > 1) {
		dfs_buf_unref(shell->receive);
		shell->receive = NULL;
	}
	if (shell->receive == NULL)
		shell->receive = dfs_buf_new(RECEIVE_BYTES);
	shell->request =
	    (struct fuse_buf){.mem = shell->receive->data + PAGE_BYTES - WRITE_HEADER_BYTES};
}

static void end(struct fuse_shell *shell)
{
	if (shell->ended)
		return;
	shell->ended = true;
	uv_poll_stop(&shell->poll);
	shell->port.ended(shell->port.owner);
}

/* libfuse 3.14 knows the short form only: what is in front of the name moves up. */
static void setxattr_shorten(struct fuse_shell *shell)
{
	enum { CUT = sizeof(struct fuse_setxattr_in) - FUSE_COMPAT_SETXATTR_IN_SIZE };
	u8 *at = shell->request.mem;
	const struct fuse_setxattr_in *in = (const void *)(at + sizeof(struct fuse_in_header));
	shell->setxattr_flags = in->setxattr_flags;
	memmove(at + CUT, at, sizeof(struct fuse_in_header) + FUSE_COMPAT_SETXATTR_IN_SIZE);
	struct fuse_in_header *header = (void *)(at + CUT);
	header->len -= CUT;
	shell->request.mem = header;
	shell->request.size -= CUT;
}

static void request_process(struct fuse_shell *shell)
{
	struct fuse_in_header *header = shell->request.mem;
	/* libfuse 3.14 does not know it either; body and answer are CREATE's, the name is "/". */
	if (header->opcode == FUSE_TMPFILE)
		header->opcode = FUSE_CREATE;
	if (header->opcode == FUSE_SETXATTR && (shell->init_agreed & FUSE_SETXATTR_EXT) != 0)
		setxattr_shorten(shell);
	header = shell->request.mem;
	if (header->opcode == FUSE_INIT) {
		const struct fuse_init_in *in = (const void *)(header + 1);
		shell->answering_init = true;
		shell->init_offered = in->flags;
	}
	fuse_session_process_buf(shell->session, &shell->request);
	shell->answering_init = false;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct fuse_shell *shell = poll->data;
	(void)status, (void)events; /* Errors show in the read below. */
	for (u32 i = 0; i < DRAIN_MAX && !shell->ended && !shell->closing; i++) {
		receive_prepare(shell);
		int bytes = fuse_session_receive_buf(shell->session, &shell->request);
		if (bytes == -EAGAIN)
			return;
		if (bytes == -EINTR)
			continue;
		if (bytes <= 0 || fuse_session_exited(shell->session)) {
			end(shell);
			return;
		}
		request_process(shell);
	}
}

static void on_undo_idle(uv_idle_t *idle)
{
	fuse_undo_run(idle->data);
	uv_idle_stop(idle);
}

static int session_open(struct fuse_shell *shell, const struct fuse_shell_config *config)
{
	static const struct fuse_custom_io io = {.writev = on_writev, .read = on_read_device};
	char *argv[] = {(char[]){"mount.dfs"}, (char[]){"-o"}, (char *)(uintptr_t)config->options};
	struct fuse_args args = FUSE_ARGS_INIT(config->options == NULL ? 1 : 3, argv);
	shell->session = fuse_session_new(&args, &fuse_shell_ops, sizeof(fuse_shell_ops), shell);
	fuse_opt_free_args(&args);
	if (shell->session == NULL)
		return DFS_EIO;
	int fd = config->fd;
	if (fd < 0) {
		if (fuse_session_mount(shell->session, config->path) != 0)
			return DFS_EIO;
		fd = fuse_session_fd(shell->session);
	}
	return fuse_session_custom_io(shell->session, &io, fd) == 0 ? 0 : DFS_EIO;
}

int fuse_shell_new(const struct fuse_shell_config *config, struct fuse_shell **ret_shell)
{
	struct fuse_shell *shell = calloc(1, sizeof(*shell));
	u8 *scratch = malloc(FUSE_IO_BYTES);
	DFS_ASSERT(shell != NULL);
	DFS_ASSERT(scratch != NULL);
	shell->port = config->port;
	shell->loop = config->loop;
	shell->scratch = scratch;
	shell->mounts_fd = -1;
	fuse_parked_init(shell);
	int status = session_open(shell, config);
	if (status != 0) {
		fuse_shell_free(shell);
		return status;
	}
	/* libuv makes the descriptor non-blocking if it is not. */
	uv_poll_init(shell->loop, &shell->poll, fuse_session_fd(shell->session));
	uv_idle_init(shell->loop, &shell->undo_idle);
	uv_timer_init(shell->loop, &shell->watch_timer);
	shell->poll.data = shell;
	shell->undo_idle.data = shell;
	shell->watch_timer.data = shell;
	shell->handles = 3;
	uv_poll_start(&shell->poll, UV_READABLE, on_readable);
	fuse_mount_watch(shell, config->path);
	*ret_shell = shell;
	return 0;
}

void fuse_undo_schedule(struct fuse_shell *shell)
{
	if (!shell->closing)
		uv_idle_start(&shell->undo_idle, on_undo_idle);
}

int fuse_shell_fd(const struct fuse_shell *shell)
{
	return fuse_session_fd(shell->session);
}

void fuse_shell_unmount_user(struct fuse_shell *shell)
{
	fuse_session_unmount(shell->session);
}

u32 fuse_shell_parked_count(const struct fuse_shell *shell)
{
	return shell->parked.count;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct fuse_shell *shell = handle->data;
	if (--shell->handles == 0)
		shell->closed(shell->closed_owner);
}

void fuse_shell_close(struct fuse_shell *shell, void (*closed)(void *owner), void *owner)
{
	DFS_ASSERT(!shell->closing);
	shell->closing = true;
	shell->closed = closed;
	shell->closed_owner = owner;
	fuse_parked_fini(shell, EIO);
	uv_close((uv_handle_t *)&shell->poll, on_handle_closed);
	uv_close((uv_handle_t *)&shell->undo_idle, on_handle_closed);
	uv_close((uv_handle_t *)&shell->watch_timer, on_handle_closed);
	fuse_mount_unwatch(shell, on_handle_closed);
}

void fuse_shell_free(struct fuse_shell *shell)
{
	if (shell == NULL)
		return;
	if (shell->session != NULL)
		fuse_session_destroy(shell->session);
	fuse_mount_watch_fini(shell);
	dfs_buf_unref(shell->receive);
	free(shell->scratch);
	free(shell);
}
