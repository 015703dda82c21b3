/*
 * Finding the directory that is mounted: its path is walked from the root of the cluster, one
 * LOOKUP per component, once a master has taken us. Should it not be there, it is looked for again
 * every second: a mount in the background waits for it.
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>
#include <sys/stat.h>

#define RETRY_PERIOD DFS_SEC

void cl_subtree_init(struct cl *cl, const char *path)
{
	cl->subtree.path = strdup(path);
	DFS_ASSERT(cl->subtree.path != NULL);
}

void cl_subtree_fini(struct cl *cl)
{
	cl_timer_clear(cl, &cl->subtree.retry);
	cl_master_cancel(cl, &cl->subtree.rpc);
	free(cl->subtree.path);
}

static void on_retry(struct cl *cl, struct cl_timer *timer)
{
	(void)timer;
	if (cl->phase == CL_PHASE_STARTING && cl->master.state == CL_MASTER_ATTACHED)
		cl_subtree_walk(cl);
}

static void refuse(struct cl *cl, int status)
{
	struct cl_subtree *subtree = &cl->subtree;
	if (subtree->refusal != status)
		dfs_fx_log(cl->fx, DFS_LOG_ERROR, "event=subtree_missing path=\"%.150s\" status=%s",
			   subtree->path, dfs_error_name(status));
	subtree->refusal = status;
	cl_timer_set(cl, &subtree->retry, cl->now + RETRY_PERIOD, on_retry);
}

static void found(struct cl *cl)
{
	cl->root = cl->subtree.ino;
	cl->subtree.refusal = 0;
	cl->phase = CL_PHASE_SERVING;
	dfs_fx_log(cl->fx, DFS_LOG_INFO, "event=ready subtree=\"%.150s\" ino=%llu",
		   cl->subtree.path, (unsigned long long)cl->root);
	cl_calls_wake(cl, &cl->waiting);
}

/* The next component, or an empty span. */
static struct dfs_span component(struct cl_subtree *subtree)
{
	const char *at = subtree->path + subtree->at;
	at += strspn(at, "/");
	return dfs_span(at, strcspn(at, "/"));
}

static void step(struct cl *cl);

static void on_found(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	(void)rpc;
	struct cl_subtree *subtree = &cl->subtree;
	struct dfs_lookup_reply reply;
	int status = answer->status;
	if (status == 0)
		status = dfs_lookup_reply_decode(answer->body, answer->version, &reply);
	if (status == 0 && reply.attr.ino == 0)
		status = DFS_ENOENT;
	if (status == 0 && !S_ISDIR(reply.attr.mode))
		status = DFS_ENOTDIR;
	if (status != 0) {
		refuse(cl, status);
		return;
	}
	struct dfs_span name = component(subtree);
	subtree->at = (u32)(name.data + name.length - (const u8 *)subtree->path);
	subtree->ino = reply.attr.ino;
	step(cl);
}

static void step(struct cl *cl)
{
	struct cl_subtree *subtree = &cl->subtree;
	struct dfs_span name = component(subtree);
	if (name.length == 0) {
		found(cl);
		return;
	}
	if (name.length > DFS_NAME_BYTES_MAX) {
		refuse(cl, DFS_ENAMETOOLONG);
		return;
	}
	struct dfs_lookup body = {.parent = subtree->ino, .name = name};
	struct dfs_writer writer;
	subtree->rpc.done = on_found;
	cl_master_begin(cl, &writer);
	dfs_lookup_put(&writer, &body);
	cl_master_send(cl, &subtree->rpc, DFS_MSG_LOOKUP, &writer);
}

void cl_subtree_walk(struct cl *cl)
{
	if (cl->subtree.rpc.under_way)
		return;
	cl->subtree.at = 0;
	cl->subtree.ino = DFS_INO_ROOT;
	step(cl);
}
