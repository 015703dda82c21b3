/*
 * Remembering files that are closed but not yet known to be on stable storage: linger.c.
 */
#ifndef CL_LINGER_H
#define CL_LINGER_H

#include "fuse/core/inode.h"

/* Nothing uses the inode: is it to be remembered all the same? */
bool cl_linger(struct cl *cl, struct cl_inode *inode);
/* It is used again. */
void cl_linger_leave(struct cl *cl, struct cl_inode *inode);
/* Let go of those whose time is over. */
void cl_linger_work(struct cl *cl);

#endif
