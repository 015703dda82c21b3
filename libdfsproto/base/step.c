/*
 * Building effect lists.
 */
#include "libdfsproto/base/step.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct dfs_fx *dfs_fx_add(struct dfs_fxs *fxs, enum dfs_fx_kind kind, u64 tag)
{
	if (fxs->count == fxs->capacity) {
		u32 capacity = fxs->capacity == 0 ? 64 : fxs->capacity * 2;
		void *v = realloc(fxs->v, capacity * sizeof(*fxs->v));
		DFS_ASSERT(v != NULL);
		fxs->v = v;
		fxs->capacity = capacity;
	}
	struct dfs_fx *fx = &fxs->v[fxs->count++];
	memset(fx, 0, sizeof(*fx));
	fx->kind = kind;
	fx->tag = tag;
	return fx;
}

void dfs_fxs_fini(struct dfs_fxs *fxs)
{
	free(fxs->v);
	memset(fxs, 0, sizeof(*fxs));
}

void dfs_fx_link_open(struct dfs_fxs *fxs, u64 link, struct dfs_span address)
{
	dfs_fx_add(fxs, DFS_FX_LINK_OPEN, link)->address = address;
}

struct dfs_fx *dfs_fx_link_send_take(struct dfs_fxs *fxs, u64 link, struct dfs_buf *buf)
{
	struct dfs_fx *fx = dfs_fx_add(fxs, DFS_FX_LINK_SEND, link);
	fx->buf = buf;
	return fx;
}

void dfs_fx_link_close(struct dfs_fxs *fxs, u64 link)
{
	dfs_fx_add(fxs, DFS_FX_LINK_CLOSE, link);
}

void dfs_fx_io(struct dfs_fxs *fxs, u64 tag, const struct dfs_io *io, struct dfs_buf *buf)
{
	struct dfs_fx *fx = dfs_fx_add(fxs, DFS_FX_IO, tag);
	fx->io = *io;
	fx->buf = buf == NULL ? NULL : dfs_buf_ref(buf);
}

void dfs_fx_reply(struct dfs_fxs *fxs, u64 call, const void *reply)
{
	dfs_fx_add(fxs, DFS_FX_REPLY, call)->reply = reply;
}

void dfs_fx_exit(struct dfs_fxs *fxs, int status)
{
	dfs_fx_add(fxs, DFS_FX_EXIT, 0)->status = status;
}

void dfs_fx_log(struct dfs_fxs *fxs, enum dfs_log_level level, const char *format, ...)
{
	if (level > fxs->log_level)
		return;
	struct dfs_fx *fx = dfs_fx_add(fxs, DFS_FX_LOG, 0);
	fx->log.level = level;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(fx->log.line, sizeof(fx->log.line), format, arguments);
	va_end(arguments);
}
