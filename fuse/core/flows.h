/*
 * The functions of op_*.c, for the table in flows.c.
 */
#ifndef CL_FLOWS_H
#define CL_FLOWS_H

#include "fuse/core/call.h"

typedef void cl_start(struct cl *cl, struct cl_task *task);
typedef void cl_answered(struct cl *cl, struct cl_task *task, const struct cl_answer *answer);

cl_start cl_lookup_start, cl_getattr_start, cl_setattr_start, cl_query_start, cl_name_start,
    cl_create_start, cl_open_start, cl_read_start, cl_write_start, cl_flush_call_start,
    cl_fsync_start, cl_release_start, cl_opendir_start, cl_readdir_start, cl_fsyncdir_start,
    cl_setxattr_start, cl_sync_all_start, cl_fallocate_start, cl_lseek_start;
cl_start cl_clone_start, cl_clone_begun;
void cl_clone_refused(struct cl *cl, struct cl_task *task, int status);
cl_start cl_flush_call_flushed, cl_write_flushed, cl_fallocate_begun, cl_lseek_begun;
cl_answered cl_lookup_answer, cl_getattr_answer, cl_setattr_answer, cl_readlink_answer,
    cl_name_answer, cl_create_answer, cl_open_answer, cl_readdir_answer, cl_statfs_answer,
    cl_write_answer, cl_getxattr_answer, cl_listxattr_answer, cl_fallocate_answer, cl_clone_answer;

/* op_open.c: the inode is held; the handle, and truncation if it was asked for. */
void cl_opened(struct cl *cl, struct cl_task *task);

#endif
