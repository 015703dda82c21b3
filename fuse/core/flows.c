/*
 * Which functions make up each operation: how it starts, what the master's answer and the end of a
 * flush do.
 */
#include "fuse/core/flows.h"

const struct cl_flow cl_flows[] = {
    [CL_LOOKUP] = {.start = cl_lookup_start, .answer = cl_lookup_answer},
    [CL_FORGET] = {0},
    [CL_ATIME] = {0},
    [CL_GETATTR] = {.start = cl_getattr_start, .answer = cl_getattr_answer},
    [CL_SETATTR] = {.start = cl_setattr_start,
		    .answer = cl_setattr_answer,
		    .flushed = cl_truncate_flushed},
    [CL_READLINK] = {.start = cl_query_start, .answer = cl_readlink_answer},
    [CL_MKNOD] = {.start = cl_name_start, .answer = cl_name_answer},
    [CL_MKDIR] = {.start = cl_name_start, .answer = cl_name_answer},
    [CL_SYMLINK] = {.start = cl_name_start, .answer = cl_name_answer},
    [CL_LINK] = {.start = cl_name_start, .answer = cl_name_answer},
    [CL_UNLINK] = {.start = cl_name_start, .answer = cl_name_answer},
    [CL_RMDIR] = {.start = cl_name_start, .answer = cl_name_answer},
    [CL_RENAME] = {.start = cl_name_start, .answer = cl_name_answer},
    [CL_CREATE] = {.start = cl_create_start,
		   .answer = cl_create_answer,
		   .flushed = cl_truncate_flushed},
    [CL_OPEN] = {.start = cl_open_start, .answer = cl_open_answer, .flushed = cl_truncate_flushed},
    [CL_READ] = {.start = cl_read_start},
    [CL_WRITE] = {.start = cl_write_start, .flushed = cl_write_flushed},
    [CL_FLUSH] = {.start = cl_flush_call_start, .flushed = cl_flush_call_flushed},
    [CL_FSYNC] = {.start = cl_fsync_start, .flushed = cl_flush_call_flushed},
    [CL_RELEASE] = {.start = cl_release_start},
    [CL_OPENDIR] = {.start = cl_opendir_start},
    [CL_READDIR] = {.start = cl_readdir_start, .answer = cl_readdir_answer},
    [CL_RELEASEDIR] = {.start = cl_release_start},
    [CL_FSYNCDIR] = {.start = cl_fsyncdir_start},
    [CL_STATFS] = {.start = cl_query_start, .answer = cl_statfs_answer},
    [CL_GETXATTR] = {.start = cl_query_start, .answer = cl_getxattr_answer},
    [CL_SETXATTR] = {.start = cl_setxattr_start, .answer = cl_name_answer},
    [CL_LISTXATTR] = {.start = cl_query_start, .answer = cl_listxattr_answer},
    [CL_REMOVEXATTR] = {.start = cl_setxattr_start, .answer = cl_name_answer},
    [CL_SYNC_ALL] = {.start = cl_sync_all_start},
};
