/*
 * Changes of names: MKNOD, MKDIR, SYMLINK, LINK, UNLINK, RMDIR, RENAME. One mutation each: one
 * round trip and the master's log sync, shared with whoever changes something at the same time.
 */
#include "fuse/core/client_i.h"
#include "fuse/core/flows.h"

#include <sys/stat.h>

static void put_make(struct cl_task *task, u32 mode, struct dfs_writer *body)
{
	struct dfs_make make = {
	    .parent = task->ino,
	    .name = task->name,
	    .mode = mode,
	    .umask = task->umask,
	    .rdev = task->rdev,
	    .target = task->op == CL_SYMLINK ? task->name2 : (struct dfs_span){0},
	};
	dfs_make_put(body, &make);
}

static u16 put_body(struct cl_task *task, struct dfs_writer *body)
{
	switch (task->op) {
	case CL_MKNOD:
		put_make(task, task->mode, body);
		return DFS_OP_MAKE;
	case CL_MKDIR:
		put_make(task, S_IFDIR | (task->mode & 07777), body);
		return DFS_OP_MAKE;
	case CL_SYMLINK:
		put_make(task, S_IFLNK | 0777, body);
		return DFS_OP_MAKE;
	case CL_LINK:
		dfs_link_put(body, &(struct dfs_link){
				       .ino = task->ino, .parent = task->ino2, .name = task->name});
		return DFS_OP_LINK;
	case CL_UNLINK:
		dfs_unlink_put(body, &(struct dfs_unlink){.parent = task->ino, .name = task->name});
		return DFS_OP_UNLINK;
	case CL_RMDIR:
		dfs_rmdir_put(body, &(struct dfs_rmdir){.parent = task->ino, .name = task->name});
		return DFS_OP_RMDIR;
	default:
		DFS_ASSERT(task->op == CL_RENAME);
		dfs_rename_put(body, &(struct dfs_rename){
					 .parent = task->ino,
					 .name = task->name,
					 .new_parent = task->ino2,
					 .new_name = task->name2,
					 .flags = task->flags,
				     });
		return DFS_OP_RENAME;
	}
}

void cl_name_start(struct cl *cl, struct cl_task *task)
{
	struct dfs_writer body;
	if (!cl_task_may_mutate(cl, task, cl_name_start))
		return;
	dfs_writer_init(&body, DFS_PROTOCOL_VERSION, 0);
	u16 op = put_body(task, &body);
	cl_task_mutate(cl, task, op, &body);
}

static void learn_rename(struct cl *cl, struct cl_task *task, u64 ino, nsec until)
{
	if (task->flags != 0) {
		task->changed.complete = false;
		return;
	}
	/* Two links of one inode both stay: that the old name is gone is known only where it is
	 * known what the new one was. */
	bool known = task->changed.complete && task->changed.complete2;
	bool stays = task->changed.replaced == ino;
	if (known && !(task->ino == task->ino2 && dfs_span_equal(task->name, task->name2)))
		cl_cache_put_name(cl, task->ino, task->name, stays ? ino : 0, until);
	cl_cache_put_name(cl, task->ino2, task->name2, ino, until);
	task->changed.complete = known;
}

/* What is known after the change, as far as the answer tells. */
static void learn(struct cl *cl, struct cl_task *task, const struct dfs_mutate_reply *reply,
		  nsec until)
{
	u64 ino = reply->attr.ino;
	cl_cache_put_parents(cl, reply, until);
	switch (task->op) {
	case CL_LINK:
		cl_cache_put_name(cl, task->ino2, task->name, ino, until);
		break;
	case CL_UNLINK:
	case CL_RMDIR:
		cl_cache_put_name(cl, task->ino, task->name, 0, until);
		break;
	case CL_RENAME:
		learn_rename(cl, task, ino, until);
		break;
	case CL_SETXATTR:
	case CL_REMOVEXATTR:
		break;
	default:
		cl_cache_put_name(cl, task->ino, task->name, ino, until);
		break;
	}
	if (ino != 0 && task->op != CL_UNLINK && task->op != CL_RMDIR)
		cl_cache_put_attr(cl, &reply->attr, until);
	if (task->op == CL_MKDIR)
		cl_cache_dir_made(cl, ino, until);
	if (task->op == CL_LINK ? task->changed.complete2 : task->changed.complete)
		cl_cache_dir_regain(cl, task->op == CL_LINK ? task->ino2 : task->ino);
	if (task->op == CL_RENAME && task->changed.complete)
		cl_cache_dir_regain(cl, task->ino2);
}

void cl_name_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_mutate_reply reply;
	int status = dfs_mutate_reply_decode(answer->body, answer->version, &reply);
	/* Links that come and go move the change counter of an open file, too. */
	struct cl_inode *inode = status == 0 ? cl_inode_find(cl, reply.attr.ino) : NULL;
	if (inode != NULL && inode->known)
		status = cl_inode_attr(cl, inode, &reply.attr, true);
	nsec until = status == 0 ? cl_cache_until(task->asked_at, reply.lease_ms) : 0;
	if (until != 0)
		learn(cl, task, &reply, until);
	if (status == 0 && reply.attr.ino != 0)
		cl_task_finish_attr(cl, task, &reply.attr, until);
	else
		cl_task_finish(cl, task, status);
}
