/*
 * SETATTR: chmod, chown, utimens, truncate. A new time, like a new length, comes after the writes
 * that were made before it: their COMMIT would overwrite it. So do set-id bits: COMMIT takes them
 * away.
 */
#include "fuse/core/client_i.h"
#include "fuse/core/flows.h"

#include <sys/stat.h>

static bool after_writes(const struct dfs_setattr *set)
{
	const u32 always = DFS_SETATTR_SIZE | DFS_SETATTR_MTIME | DFS_SETATTR_MTIME_NOW;
	if ((set->valid & always) != 0)
		return true;
	return (set->valid & DFS_SETATTR_MODE) != 0 && (set->mode & (S_ISUID | S_ISGID)) != 0;
}

void cl_setattr_start(struct cl *cl, struct cl_task *task)
{
	struct cl_inode *inode = cl_inode_find(cl, task->ino);
	if (inode != NULL && inode->known && task->inode == NULL)
		cl_task_use_inode(cl, task, task->ino);
	if (task->inode == NULL || !after_writes(&task->set))
		cl_truncate_flushed(cl, task);
	else
		cl_truncate(cl, task);
}

void cl_setattr_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_attr attr;
	const u32 times = DFS_SETATTR_ATIME | DFS_SETATTR_ATIME_NOW;
	if ((task->set.valid & times) != 0)
		cl_atime_forget(cl, task->ino);
	int status = cl_truncate_answer(cl, task, answer, &attr);
	if (status != 0)
		cl_task_finish(cl, task, status);
	else
		cl_task_finish_attr(cl, task, &attr, task->until);
}
