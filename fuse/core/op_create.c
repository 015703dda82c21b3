/*
 * CREATE: a new file, open, with the place of its first chunk, in one round trip. Without O_EXCL an
 * existing file is as good. Without a name it is O_TMPFILE's, which O_EXCL keeps nameless.
 */
#include "fuse/core/client_i.h"
#include "fuse/core/flows.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static u8 nameless(const struct cl_task *task)
{
	if (task->name.length != 0)
		return 0;
	return (task->flags & O_EXCL) != 0 ? DFS_NAMELESS_EVER : DFS_NAMELESS_YET;
}

void cl_create_start(struct cl *cl, struct cl_task *task)
{
	if (!cl_task_may_mutate(cl, task, cl_create_start))
		return;
	struct dfs_make make = {
	    .parent = task->ino,
	    .name = task->name,
	    .mode = S_IFREG | (task->mode & 07777),
	    .umask = task->umask,
	    .open = 1,
	    .reuse = task->name.length != 0 && (task->flags & O_EXCL) == 0,
	    .nameless = nameless(task),
	};
	struct dfs_writer body;
	dfs_writer_init(&body, DFS_PROTOCOL_VERSION, 0);
	dfs_make_put(&body, &make);
	cl_task_mutate(cl, task, DFS_OP_MAKE, &body);
}

static void set_hint(struct cl_inode *inode, struct dfs_span name)
{
	if (inode->hint != NULL || name.length == 0)
		return;
	inode->hint = malloc(name.length);
	DFS_ASSERT(inode->hint != NULL);
	memcpy(inode->hint, name.data, name.length);
	inode->hint_length = name.length;
}

static void made(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_mutate_reply reply;
	struct dfs_location location;
	int status = dfs_mutate_reply_decode(answer->body, answer->version, &reply);
	if (status == 0 && reply.attr.ino == 0)
		status = DFS_EMALFORMED;
	if (status != 0) {
		cl_task_finish(cl, task, status);
		return;
	}
	u64 parent = task->ino;
	task->ino = reply.attr.ino;
	cl_task_use_inode(cl, task, task->ino);
	cl_hold_taken(cl, task->inode);
	status = cl_inode_attr(cl, task->inode, &reply.attr, false);
	if (status != 0) {
		cl_task_finish(cl, task, status);
		return;
	}
	set_hint(task->inode, task->name);
	cl_quota_told(cl, task->inode, &reply.room);
	nsec until = cl_cache_until(task->asked_at, reply.lease_ms);
	if (task->name.length != 0)
		cl_cache_put_name(cl, parent, task->name, task->ino, until);
	cl_cache_put_attr(cl, &reply.attr, until);
	cl_cache_put_parents(cl, &reply, until);
	if (until > cl->now && task->changed.complete)
		cl_cache_dir_regain(cl, parent);
	task->until = until;
	if (cl_inode_regular(task->inode) && reply.existed == 0) {
		while (dfs_location_next(&reply.grants, &location))
			cl_target_grant(cl, task->inode, &location);
	}
	if (reply.existed == 0) {
		task->flags &= ~(u32)O_TRUNC;
		task->inode->synced_generation = task->inode->map_generation;
	}
	cl_opened(cl, task);
}

void cl_create_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	if (task->asked == DFS_OP_MAKE)
		made(cl, task, answer);
	else
		cl_open_answer(cl, task, answer);
}
