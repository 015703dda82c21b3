/*
 * RELEASE: the last descriptor of a handle is closed. Answered at once; data that is still on its
 * way keeps the inode, and its hold at the master, until it is safe.
 */
#include "fuse/core/client_i.h"
#include "fuse/core/flows.h"

void cl_release_start(struct cl *cl, struct cl_task *task)
{
	cl_handle_free(cl, cl_task_handle(cl, task));
	cl_task_finish(cl, task, 0);
}
