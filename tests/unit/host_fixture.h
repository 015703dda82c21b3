/*
 * What the tests of libdfsproto/host share: a core whose behaviour is a function of the test, a
 * host around it, and waiting for one I/O. Everything runs on one loop with real sockets and files.
 */
#ifndef DFS_TESTS_HOST_FIXTURE_H
#define DFS_TESTS_HOST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/disk.h"
#include "libdfsproto/host/host.h"
#include "libdfsproto/host/kv_rocks.h"
#include "libdfsproto/host/listener.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What came back for one I/O. `buf` is a reference of the test's. */
struct io_result {
	bool done;
	int status;
	u64 count;
	u64 aux;
	struct dfs_buf *buf;
};

/* A call of the test: start these I/Os; tags are their addresses. */
struct io_call {
	struct dfs_io io;
	struct dfs_buf *buf;
	struct io_result *result;
};

struct fixture {
	uv_loop_t loop;
	struct dfs_host *host;
	bool closed;
	nsec deadline;
	u8 room[64 << 10];
	/* The test's part; may be NULL. */
	void (*step)(struct fixture *f, const struct dfs_ev *ev, struct dfs_fxs *fxs);
	void *data;
	u32 replies;
	u32 ios_done;
};

static inline void fixture_step(void *core, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	struct fixture *f = core;
	if (ev->kind == DFS_EV_IO_DONE && ev->tag != 0) {
		struct io_result *result = (struct io_result *)(uintptr_t)ev->tag;
		assert_false(result->done);
		*result = (struct io_result){true, ev->status, ev->count, ev->aux, ev->buf};
		if (ev->buf != NULL)
			dfs_buf_ref(ev->buf);
		f->ios_done++;
	}
	if (ev->kind == DFS_EV_CALL && f->step == NULL) {
		const struct io_call *call = ev->call;
		dfs_fx_io(fxs, (u64)(uintptr_t)call->result, &call->io, call->buf);
	}
	if (f->step != NULL)
		f->step(f, ev, fxs);
}

static inline nsec fixture_deadline(const void *core)
{
	return ((const struct fixture *)core)->deadline;
}

static inline void fixture_room(void *core, u64 link, u8 **ret_data, u32 *ret_length)
{
	struct fixture *f = core;
	(void)link;
	*ret_data = f->room;
	*ret_length = sizeof(f->room);
}

static const struct dfs_core_ops fixture_ops = {
    .step = fixture_step,
    .deadline = fixture_deadline,
    .room = fixture_room,
};

static inline void fixture_on_reply(void *owner, u64 call, const void *reply)
{
	struct fixture *f = owner;
	(void)call;
	(void)reply;
	f->replies++;
}

/* `config` may be NULL or hold listeners, disks and stores. */
static inline struct fixture *fixture_new(const struct dfs_host_config *config)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct dfs_host_config full = config == NULL ? (struct dfs_host_config){0} : *config;
	f->deadline = DFS_NEVER;
	assert_int_equal(uv_loop_init(&f->loop), 0);
	full.loop = &f->loop;
	full.ops = &fixture_ops;
	full.core = f;
	full.owner = f;
	full.reply = fixture_on_reply;
	full.log_level = DFS_LOG_ERROR;
	dfs_host_new(&full, &f->host);
	return f;
}

static inline void fixture_on_closed(void *owner)
{
	((struct fixture *)owner)->closed = true;
}

static inline void fixture_free(struct fixture *f)
{
	dfs_host_close(f->host, fixture_on_closed, f);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_true(f->closed);
	dfs_host_free(f->host);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	free(f);
}

/* Start one I/O; its result is there at once or after the loop has run. */
static inline void io_start(struct fixture *f, struct dfs_io io, struct dfs_buf *buf,
			    struct io_result *result)
{
	*result = (struct io_result){0};
	struct io_call call = {.io = io, .buf = buf, .result = result};
	dfs_host_call(f->host, 1, &call);
}

static inline void io_wait(struct fixture *f, struct io_result *result)
{
	while (!result->done)
		uv_run(&f->loop, UV_RUN_ONCE);
}

static inline struct io_result io_do(struct fixture *f, struct dfs_io io, struct dfs_buf *buf)
{
	struct io_result result;
	io_start(f, io, buf, &result);
	io_wait(f, &result);
	return result;
}

static inline int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static inline void remove_tree(const char *path)
{
	nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS);
}

/* A fresh directory under TMPDIR or /tmp; `path` has room for 256 bytes. */
static inline void make_directory(char *path)
{
	const char *base = getenv("TMPDIR");
	snprintf(path, 256, "%s/dfs-test-XXXXXX", base == NULL ? "/tmp" : base);
	assert_non_null(mkdtemp(path));
}

#endif
