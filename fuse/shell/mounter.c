/*
 * The life of a mount; see mounter.h.
 *
 *   CONNECTING --cluster accepts--> MOUNTING --INIT answered--> SERVING
 *       |  retry passed, refused        | mount(2) fails           | SIGTERM
 *       v                               v                          v
 *   STOPPING <---------------------------------------------- DETACHING (umount2 on a worker)
 *       ^                                                          |
 *       |                     connection ended (umount, abort)     v
 *       +---- SYNC_ALL answered, or 5 s ---- FLUSHING <------------+
 *   STOPPING: the core says good-bye to its peers --EXIT, or 2 s--> CLOSING: handles close --> DONE
 *
 * CONNECTING waits for servers (bounded by retry=, or for ever with bg), MOUNTING for the kernel,
 * SERVING for the end. Callbacks of the host only note what happened; advance() moves.
 */
#include "fuse/shell/mounter.h"

#include "fuse/core/client.h"
#include "fuse/shell/mount_point.h"
#include "fuse/shell/refusal.h"
#include "fuse/shell/shell.h"
#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/host.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLUSH_MAX_MS   5000
#define STOP_MAX_MS    2000
#define READ_AHEAD_KIB 4096
/* The number of the one call that is not the kernel's; those count from 1. */
#define SYNC_ALL_ID    UINT64_MAX

enum mounter_state {
	MOUNTER_CONNECTING,
	MOUNTER_MOUNTING,
	MOUNTER_SERVING,
	MOUNTER_DETACHING,
	MOUNTER_FLUSHING,
	MOUNTER_STOPPING,
	MOUNTER_CLOSING,
	MOUNTER_DONE,
};

struct mounter {
	const struct mounter_config *config;
	enum mounter_state state;
	int exit_code;
	uv_loop_t loop;
	struct cl *cl;
	struct dfs_host *host;
	struct fuse_shell *shell; /* NULL before MOUNTING. */
	bool patient;             /* bg, and retry has passed: nobody waits for a verdict. */

	/* What callbacks noted, for advance(). */
	bool time_up; /* The timer of this state. */
	bool signalled;
	bool usable; /* INIT was answered. */
	bool ended;  /* The connection is gone. */
	bool synced; /* SYNC_ALL was answered, with sync_status. */
	bool exited; /* The core has exited. */
	bool detached;
	int sync_status;
	u32 closing; /* Parts still open. */

	uv_check_t check; /* After each poll: looks for progress. */
	uv_idle_t kick;   /* Makes the next turn come at once. */
	uv_timer_t timer;
	uv_signal_t sigterm;
	uv_signal_t sigint;
	uv_work_t detach;
};

static void advance(struct mounter *mounter);

static void kick(struct mounter *mounter);

static void on_kick(uv_idle_t *idle)
{
	uv_idle_stop(idle);
	advance(idle->data);
}

static void kick(struct mounter *mounter)
{
	if (mounter->state < MOUNTER_CLOSING)
		uv_idle_start(&mounter->kick, on_kick);
}

static void on_check(uv_check_t *check)
{
	advance(check->data);
}

static void on_timer(uv_timer_t *timer)
{
	struct mounter *mounter = timer->data;
	mounter->time_up = true;
	advance(mounter);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct mounter *mounter = handle->data;
	(void)number;
	mounter->signalled = true;
	advance(mounter);
}

static void on_reply(void *owner, u64 id, const void *reply)
{
	struct mounter *mounter = owner;
	if (id != SYNC_ALL_ID) {
		if (mounter->shell != NULL && mounter->state < MOUNTER_CLOSING)
			fuse_shell_reply(mounter->shell, id, reply);
		return;
	}
	mounter->synced = true;
	mounter->sync_status = ((const struct cl_reply *)reply)->status;
	kick(mounter);
}

static void on_exit_core(void *owner, int status)
{
	struct mounter *mounter = owner;
	(void)status;
	mounter->exited = true;
	kick(mounter);
}

static void port_call(void *owner, u64 id, const struct cl_call *call)
{
	struct mounter *mounter = owner;
	dfs_host_call(mounter->host, id, call);
}

static void port_cancel(void *owner, u64 id)
{
	struct mounter *mounter = owner;
	dfs_host_cancel(mounter->host, id);
}

static void port_ended(void *owner)
{
	struct mounter *mounter = owner;
	mounter->ended = true;
	kick(mounter);
}

static void port_ready(void *owner)
{
	struct mounter *mounter = owner;
	mounter->usable = true;
	kick(mounter);
}

static void wait_at_most(struct mounter *mounter, u64 milliseconds)
{
	mounter->time_up = false;
	if (milliseconds == 0)
		uv_timer_stop(&mounter->timer);
	else
		uv_timer_start(&mounter->timer, on_timer, milliseconds, 0);
}

static void move(struct mounter *mounter, enum mounter_state to)
{
	static const u32 allowed[MOUNTER_DONE] = {
	    [MOUNTER_CONNECTING] = 1u << MOUNTER_MOUNTING | 1u << MOUNTER_STOPPING,
	    [MOUNTER_MOUNTING] = 1u << MOUNTER_SERVING | 1u << MOUNTER_STOPPING,
	    [MOUNTER_SERVING] = 1u << MOUNTER_DETACHING | 1u << MOUNTER_FLUSHING,
	    [MOUNTER_DETACHING] = 1u << MOUNTER_FLUSHING,
	    [MOUNTER_FLUSHING] = 1u << MOUNTER_STOPPING,
	    [MOUNTER_STOPPING] = 1u << MOUNTER_CLOSING,
	    [MOUNTER_CLOSING] = 1u << MOUNTER_DONE,
	};
	DFS_ASSERT(mounter->state < MOUNTER_DONE);
	DFS_ASSERT((allowed[mounter->state] & 1u << to) != 0);
	mounter->state = to;
	wait_at_most(mounter, to == MOUNTER_FLUSHING   ? FLUSH_MAX_MS
			      : to == MOUNTER_STOPPING ? STOP_MAX_MS
						       : 0);
}

/* The mount ends before it began; the core is told to stop. */
static void give_up(struct mounter *mounter, const char *text)
{
	mounter->exit_code = MOUNT_EXIT_FAILED;
	dfs_log_printf(DFS_LOG_ERROR, "event=mount_failed text=\"%s\"", text);
	background_report(mounter->config->background, MOUNT_EXIT_FAILED, text);
	move(mounter, MOUNTER_STOPPING);
	dfs_host_stop(mounter->host);
}

static void attach(struct mounter *mounter)
{
	const struct mount_options *options = mounter->config->options;
	char text[MOUNT_TEXT_BYTES];
	char list[sizeof(options->masters) * 2 + 512];
	struct fuse_shell_config config = {
	    .loop = &mounter->loop,
	    .port = {.call = port_call,
		     .cancel = port_cancel,
		     .ended = port_ended,
		     .ready = port_ready,
		     .owner = mounter},
	    .fd = -1,
	    .path = mounter->config->path,
	};
	bool by_root = geteuid() == 0;
	if (by_root && mount_point_attach(options, config.path, &config.fd, text) != 0) {
		give_up(mounter, text);
		return;
	}
	if (!by_root) {
		mount_point_user_options(options, list, sizeof(list));
		config.options = list;
	}
	if (fuse_shell_new(&config, &mounter->shell) != 0) {
		if (by_root) {
			(void)mount_point_detach(config.path, config.fd);
			close(config.fd);
		}
		give_up(mounter,
			"libfuse refused the mount; the lines above or in the log say why.");
		return;
	}
	move(mounter, MOUNTER_MOUNTING);
}

static void connecting(struct mounter *mounter)
{
	int error = 0;
	struct dfs_span said = {0};
	char text[MOUNT_TEXT_BYTES];
	if (cl_ready(mounter->cl, &error, &said)) {
		attach(mounter);
		return;
	}
	bool background = mounter->config->options->background;
	if (mounter->signalled || (refusal_final(error) && !mounter->patient) ||
	    (mounter->time_up && !background)) {
		refusal_explain(mounter->config->options, error, said, text);
		give_up(mounter,
			mounter->signalled ? "Interrupted before the mount was made." : text);
	} else if (mounter->time_up && !mounter->patient) {
		mounter->patient = true;
		mounter->time_up = false;
		background_report(
		    mounter->config->background, MOUNT_EXIT_OK,
		    "The cluster does not answer yet; going on in the background (bg).");
	}
}

static void mounting(struct mounter *mounter)
{
	if (mounter->ended) {
		give_up(mounter, "The kernel ended the connection before the mount was usable.");
		return;
	}
	if (!mounter->usable)
		return;
	int posix = mount_point_read_ahead(mounter->config->path, READ_AHEAD_KIB);
	if (posix != 0)
		dfs_log_printf(DFS_LOG_INFO, "event=read_ahead_unchanged error=%s",
			       strerror(posix));
	dfs_log_printf(DFS_LOG_INFO, "event=ready source=%s dir=%s",
		       mounter->config->options->source, mounter->config->path);
	background_report(mounter->config->background, MOUNT_EXIT_OK, "");
	move(mounter, MOUNTER_SERVING);
}

static void detach_work(uv_work_t *work)
{
	struct mounter *mounter = work->data;
	if (geteuid() != 0)
		fuse_shell_unmount_user(mounter->shell);
	else
		(void)mount_point_detach(mounter->config->path, fuse_shell_fd(mounter->shell));
}

static void on_detached(uv_work_t *work, int status)
{
	struct mounter *mounter = work->data;
	(void)status;
	mounter->detached = true;
	advance(mounter);
}

static void flush(struct mounter *mounter)
{
	struct cl_call call = {.op = CL_SYNC_ALL};
	move(mounter, MOUNTER_FLUSHING);
	dfs_host_call(mounter->host, SYNC_ALL_ID, &call);
}

static void serving(struct mounter *mounter)
{
	if (mounter->ended) {
		flush(mounter);
	} else if (mounter->signalled) {
		move(mounter, MOUNTER_DETACHING);
		mounter->detach.data = mounter;
		uv_queue_work(&mounter->loop, &mounter->detach, detach_work, on_detached);
	}
}

static void flushing(struct mounter *mounter)
{
	if (!mounter->synced && !mounter->time_up && !mounter->exited)
		return;
	u64 lost = cl_dirty_bytes(mounter->cl);
	if (!mounter->synced || mounter->sync_status != 0 || lost != 0)
		dfs_log_printf(
		    DFS_LOG_ERROR,
		    "event=unmount_incomplete lost_bytes=%llu error=%s text=\"data that no "
		    "close or fsync had acknowledged was not written back\"",
		    (unsigned long long)lost,
		    mounter->synced ? dfs_error_name(mounter->sync_status) : "TIMEDOUT");
	move(mounter, MOUNTER_STOPPING);
	dfs_host_stop(mounter->host);
}

static void on_part_closed(void *owner)
{
	struct mounter *mounter = owner;
	if (--mounter->closing == 0)
		move(mounter, MOUNTER_DONE);
}

static void on_handle_closed(uv_handle_t *handle)
{
	on_part_closed(handle->data);
}

static void close_all(struct mounter *mounter)
{
	uv_handle_t *handles[] = {
	    (uv_handle_t *)&mounter->check,  (uv_handle_t *)&mounter->kick,
	    (uv_handle_t *)&mounter->timer,  (uv_handle_t *)&mounter->sigterm,
	    (uv_handle_t *)&mounter->sigint,
	};
	move(mounter, MOUNTER_CLOSING);
	mounter->closing = dfs_array_count(handles) + 1 + (mounter->shell != NULL ? 1 : 0);
	for (size_t i = 0; i < dfs_array_count(handles); i++)
		uv_close(handles[i], on_handle_closed);
	if (mounter->shell != NULL)
		fuse_shell_close(mounter->shell, on_part_closed, mounter);
	dfs_host_close(mounter->host, on_part_closed, mounter);
}

static void advance(struct mounter *mounter)
{
	switch (mounter->state) {
	case MOUNTER_CONNECTING:
		connecting(mounter);
		break;
	case MOUNTER_MOUNTING:
		mounting(mounter);
		break;
	case MOUNTER_SERVING:
		serving(mounter);
		break;
	case MOUNTER_DETACHING:
		/* Programs may still be inside: they lose the mount when the process ends. */
		if (mounter->detached)
			flush(mounter);
		break;
	case MOUNTER_FLUSHING:
		flushing(mounter);
		break;
	case MOUNTER_STOPPING:
		if (mounter->exited || mounter->time_up)
			close_all(mounter);
		break;
	case MOUNTER_CLOSING:
	case MOUNTER_DONE:
		break;
	}
}

static void handles_init(struct mounter *mounter)
{
	uv_loop_init(&mounter->loop);
	uv_check_init(&mounter->loop, &mounter->check);
	uv_idle_init(&mounter->loop, &mounter->kick);
	uv_timer_init(&mounter->loop, &mounter->timer);
	uv_signal_init(&mounter->loop, &mounter->sigterm);
	uv_signal_init(&mounter->loop, &mounter->sigint);
	mounter->check.data = mounter;
	mounter->kick.data = mounter;
	mounter->timer.data = mounter;
	mounter->sigterm.data = mounter;
	mounter->sigint.data = mounter;
	uv_check_start(&mounter->check, on_check);
	uv_signal_start(&mounter->sigterm, on_signal, SIGTERM);
	uv_signal_start(&mounter->sigint, on_signal, SIGINT);
	signal(SIGPIPE, SIG_IGN);
}

int mounter_run(const struct mounter_config *config)
{
	const struct mount_options *options = config->options;
	struct mounter *mounter = calloc(1, sizeof(*mounter));
	DFS_ASSERT(mounter != NULL);
	mounter->config = config;
	handles_init(mounter);
	mounter->cl = cl_new(&(struct cl_config){
	    .identity = *config->identity,
	    .masters = options->masters,
	    .subtree = options->subtree,
	    .write_behind_bytes = options->write_behind_bytes,
	    .timeout = options->timeout,
	});
	dfs_host_new(&(struct dfs_host_config){.loop = &mounter->loop,
					       .ops = &cl_core_ops,
					       .core = mounter->cl,
					       .log_level = options->log_level,
					       .owner = mounter,
					       .reply = on_reply,
					       .exit = on_exit_core},
		     &mounter->host);
	wait_at_most(mounter, dfs_max(options->retry / DFS_MSEC, (nsec)1));
	uv_run(&mounter->loop, UV_RUN_DEFAULT);
	DFS_ASSERT(mounter->state == MOUNTER_DONE);
	int exit_code = mounter->exit_code;
	fuse_shell_free(mounter->shell);
	dfs_host_free(mounter->host);
	cl_free(mounter->cl);
	uv_loop_close(&mounter->loop);
	free(mounter);
	return exit_code;
}
