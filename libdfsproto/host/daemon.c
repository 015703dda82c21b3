/*
 * The frame of a daemon: see daemon.h.
 */
#include "libdfsproto/host/daemon.h"

#include "libdfsproto/base/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	STOP_MS_MAX = 10000, /* For the core to exit. */
	CLOSE_MS_MAX =
	    5000, /* Then for links to send their last; a name being resolved may hold us. */
};

static void raise_open_files(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

void dfs_daemon_init(struct dfs_daemon *daemon, const char *name)
{
	*daemon = (struct dfs_daemon){.name = name, .lock_fd = -1};
	signal(SIGPIPE, SIG_IGN);
	raise_open_files();
	int error = uv_loop_init(&daemon->loop);
	DFS_ASSERT(error == 0);
	daemon->loop_open = true;
}

static void name_holder(int fd, const char *directory, struct dfs_sentence *text)
{
	char holder[64] = {0};
	ssize_t got = pread(fd, holder, sizeof(holder) - 1, 0);
	if (got > 0 && holder[got - 1] == '\n')
		holder[got - 1] = '\0';
	dfs_sentence_set(text,
			 "%s is in use by %s; stop that process first, or give another directory",
			 directory, got > 0 ? holder : "another process");
}

int dfs_daemon_lock(struct dfs_daemon *daemon, const char *directory, struct dfs_sentence *ret_text)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/lock", directory);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		int error = errno;
		dfs_sentence_set(ret_text,
				 "cannot open %s: %s; check that %s exists and is writable", path,
				 strerror(error), directory);
		return dfs_error_from_errno(error);
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		name_holder(fd, directory, ret_text);
		close(fd);
		return DFS_EBUSY;
	}
	char holder[64];
	int length = snprintf(holder, sizeof(holder), "%s, pid %d\n", daemon->name, (int)getpid());
	/* For people only: the lock holds without it. */
	if (ftruncate(fd, 0) == 0 && pwrite(fd, holder, (size_t)length, 0) < 0)
		dfs_log_printf(DFS_LOG_WARN, "event=lock_unnamed path=%s", path);
	daemon->lock_fd = fd;
	return 0;
}

static void on_deadline(uv_timer_t *timer)
{
	struct dfs_daemon *daemon = timer->data;
	dfs_log_printf(DFS_LOG_WARN, "event=stop_forced daemon=%s cause=\"%s took too long\"",
		       daemon->name, daemon->exited ? "closing links" : "stopping");
	_exit(daemon->exited && daemon->status == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct dfs_daemon *daemon = handle->data;
	if (daemon->stopping) {
		dfs_log_printf(DFS_LOG_WARN,
			       "event=stop_forced daemon=%s cause=\"signal %d again\"",
			       daemon->name, number);
		_exit(EXIT_FAILURE);
	}
	daemon->stopping = true;
	dfs_log_printf(DFS_LOG_INFO, "event=stopping daemon=%s signal=%d", daemon->name, number);
	uv_timer_start(&daemon->deadline, on_deadline, STOP_MS_MAX, 0);
	if (daemon->stop != NULL)
		daemon->stop(daemon->owner);
	else
		dfs_host_stop(daemon->host);
}

static void on_host_closed(void *owner)
{
	struct dfs_daemon *daemon = owner;
	daemon->host_closed = true;
	uv_close((uv_handle_t *)&daemon->terminate, NULL);
	uv_close((uv_handle_t *)&daemon->interrupt, NULL);
	uv_close((uv_handle_t *)&daemon->deadline, NULL);
}

void dfs_daemon_exit(void *owner, int status)
{
	struct dfs_daemon *daemon = owner;
	daemon->status = status;
	daemon->exited = true;
	uv_timer_start(&daemon->deadline, on_deadline, CLOSE_MS_MAX, 0);
	if (daemon->exiting != NULL)
		daemon->exiting(daemon->owner);
	dfs_host_close(daemon->host, on_host_closed, daemon);
}

int dfs_daemon_run(struct dfs_daemon *daemon, struct dfs_host *host)
{
	daemon->host = host;
	uv_signal_init(&daemon->loop, &daemon->terminate);
	uv_signal_init(&daemon->loop, &daemon->interrupt);
	uv_timer_init(&daemon->loop, &daemon->deadline);
	daemon->terminate.data = daemon;
	daemon->interrupt.data = daemon;
	daemon->deadline.data = daemon;
	uv_signal_start(&daemon->terminate, on_signal, SIGTERM);
	uv_signal_start(&daemon->interrupt, on_signal, SIGINT);
	uv_run(&daemon->loop, UV_RUN_DEFAULT);
	DFS_ASSERT(daemon->host_closed);
	dfs_host_free(host);
	dfs_log_printf(DFS_LOG_INFO, "event=stopped daemon=%s status=%s", daemon->name,
		       daemon->status == 0 ? "OK" : dfs_error_name(daemon->status));
	return daemon->status;
}

void dfs_daemon_fini(struct dfs_daemon *daemon)
{
	if (!daemon->loop_open)
		return;
	int error = uv_loop_close(&daemon->loop);
	DFS_ASSERT(error == 0);
	daemon->loop_open = false;
	if (daemon->lock_fd >= 0)
		close(daemon->lock_fd);
	daemon->lock_fd = -1;
}

int dfs_daemon_fail(struct dfs_daemon *daemon, const struct dfs_sentence *text)
{
	dfs_log_printf(DFS_LOG_ERROR, "event=fatal daemon=%s cause=\"%s\"", daemon->name,
		       text->text);
	return EXIT_FAILURE;
}
