/*
 * LOOKUP and GETATTR: answered from the cache under a lease, else one round trip each.
 */
#include "fuse/core/client_i.h"
#include "fuse/core/flows.h"

static bool is(struct dfs_span name, const char *text)
{
	return dfs_span_equal(name, dfs_span_text(text));
}

static void finish(struct cl *cl, struct cl_task *task, const struct dfs_attr *attr, nsec until)
{
	struct cl_inode *inode = cl_inode_find(cl, attr->ino);
	int status = 0;
	if (task->op == CL_LOOKUP && attr->nlink == 0 && is(task->name, "."))
		status = DFS_ENOENT;
	else if (inode != NULL && inode->known)
		status = cl_inode_attr(cl, inode, attr, false);
	if (status == 0)
		cl_task_finish_attr(cl, task, attr, until);
	else
		cl_task_finish(cl, task, status);
}

/* True when the cache knew. */
static bool finish_cached(struct cl *cl, struct cl_task *task, u64 ino)
{
	const struct cl_cached_attr *cached = cl_cache_find_attr(cl, ino);
	if (cached == NULL)
		return false;
	struct dfs_attr attr = cached->attr;
	finish(cl, task, &attr, cached->until);
	return true;
}

void cl_getattr_start(struct cl *cl, struct cl_task *task)
{
	struct dfs_getattr body = {.ino = task->ino};
	struct dfs_writer writer;
	if (finish_cached(cl, task, task->ino))
		return;
	cl_master_begin(cl, &writer);
	dfs_getattr_put(&writer, &body);
	cl_task_ask(cl, task, DFS_MSG_GETATTR, &writer);
}

void cl_lookup_start(struct cl *cl, struct cl_task *task)
{
	/* `.` is the kernel's question for an inode that it knows by a file handle alone, of any
	 * type, if it still has a name (one without that is in use is in the kernel's own table).
	 * Above the mounted directory there is nothing. */
	if (is(task->name, ".") || (task->ino == cl->root && is(task->name, ".."))) {
		cl_getattr_start(cl, task);
		return;
	}
	cl->cache.asked_in = task->ino;
	const struct cl_cached_name *known =
	    is(task->name, "..") ? NULL : cl_cache_find_name(cl, task->ino, task->name);
	if (known != NULL && known->ino == 0) {
		cl_task_finish(cl, task, DFS_ENOENT);
		return;
	}
	if (known != NULL && finish_cached(cl, task, known->ino))
		return;
	struct dfs_lookup body = {.parent = task->ino, .name = task->name};
	struct dfs_writer writer;
	cl_master_begin(cl, &writer);
	dfs_lookup_put(&writer, &body);
	cl_task_ask(cl, task, DFS_MSG_LOOKUP, &writer);
}

void cl_getattr_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_getattr_reply reply;
	int status = dfs_getattr_reply_decode(answer->body, answer->version, &reply);
	if (status != 0) {
		cl_task_finish(cl, task, status);
		return;
	}
	nsec until = cl_cache_until(task->asked_at, reply.lease_ms);
	cl_cache_put_attr(cl, &reply.attr, until);
	finish(cl, task, &reply.attr, until);
}

void cl_lookup_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_lookup_reply reply;
	if (task->asked == DFS_MSG_GETATTR) {
		cl_getattr_answer(cl, task, answer);
		return;
	}
	int status = dfs_lookup_reply_decode(answer->body, answer->version, &reply);
	if (status != 0) {
		cl_task_finish(cl, task, status);
		return;
	}
	nsec until = cl_cache_until(task->asked_at, reply.lease_ms);
	cl_cache_put_name(cl, task->ino, task->name, reply.attr.ino, until);
	if (reply.attr.ino == 0) {
		cl_task_finish(cl, task, DFS_ENOENT);
		return;
	}
	cl_cache_put_attr(cl, &reply.attr, until);
	finish(cl, task, &reply.attr, until);
}
