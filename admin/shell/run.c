/*
 * See run.h. Not a daemon (host/daemon.h): nothing is logged, and stopping needs no grace.
 */
#include "admin/shell/run.h"

#include "libdfsproto/host/host.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { PROGRESS_MS = 1000 };

struct runner {
	uv_loop_t loop;
	uv_signal_t signals[2];
	uv_timer_t progress;
	struct ad *ad;
	bool shown;
	struct dfs_host *host;
};

static void on_signal(uv_signal_t *handle, int number)
{
	struct runner *runner = handle->data;
	(void)number;
	dfs_host_stop(runner->host);
}

/* One line on a terminal, written over again each second. */
static void on_progress(uv_timer_t *timer)
{
	struct runner *runner = timer->data;
	const char *text = ad_progress(runner->ad);
	if (text[0] == '\0')
		return;
	fprintf(stderr, "\r%s\033[K", text);
	runner->shown = true;
}

static void on_closed(void *owner)
{
	struct runner *runner = owner;
	for (u32 i = 0; i < dfs_array_count(runner->signals); i++)
		uv_close((uv_handle_t *)&runner->signals[i], NULL);
	uv_close((uv_handle_t *)&runner->progress, NULL);
	if (runner->shown)
		fprintf(stderr, "\r\033[K");
}

static void on_exit_effect(void *owner, int status)
{
	struct runner *runner = owner;
	(void)status;
	dfs_host_close(runner->host, on_closed, runner);
}

void run(struct ad *ad)
{
	static const int numbers[] = {SIGINT, SIGTERM};
	struct runner runner = {.ad = ad};
	signal(SIGPIPE, SIG_IGN);
	int error = uv_loop_init(&runner.loop);
	DFS_ASSERT(error == 0);
	dfs_host_new(
	    &(struct dfs_host_config){
		.loop = &runner.loop,
		.ops = &ad_core_ops,
		.core = ad,
		.log_level = DFS_LOG_ERROR,
		.owner = &runner,
		.exit = on_exit_effect,
	    },
	    &runner.host);
	for (u32 i = 0; i < dfs_array_count(runner.signals); i++) {
		uv_signal_init(&runner.loop, &runner.signals[i]);
		runner.signals[i].data = &runner;
		uv_signal_start(&runner.signals[i], on_signal, numbers[i]);
	}
	uv_timer_init(&runner.loop, &runner.progress);
	runner.progress.data = &runner;
	if (isatty(STDERR_FILENO))
		uv_timer_start(&runner.progress, on_progress, PROGRESS_MS, PROGRESS_MS);
	uv_run(&runner.loop, UV_RUN_DEFAULT);
	dfs_host_free(runner.host);
	error = uv_loop_close(&runner.loop);
	DFS_ASSERT(error == 0);
}
