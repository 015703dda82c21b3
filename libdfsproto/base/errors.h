/*
 * Error numbers, from schema/errors.def. Functions return 0 or one of these, which are negative.
 */
#ifndef DFS_BASE_ERRORS_H
#define DFS_BASE_ERRORS_H

#include "libdfsproto/base/types.h"

enum dfs_error {
#define ERROR(name, number, posix, retry, text) DFS_E##name = -(number),
#include "libdfsproto/schema/errors.def"
#undef ERROR
};

enum dfs_retry { DFS_RETRY_FINAL, DFS_RETRY_AGAIN, DFS_RETRY_ELSEWHERE };

/* "NOENT", or "UNKNOWN". */
const char *dfs_error_name(int error);
/* A sentence without capital or full stop. */
const char *dfs_error_text(int error);
/* A positive errno; EIO for numbers from a newer peer. */
int dfs_error_errno(int error);
enum dfs_retry dfs_error_retry(int error);
/* For shells: the DFS_E… of a positive errno; DFS_EIO for those without one. */
int dfs_error_from_errno(int posix);
/* Is it a number this build knows? Decoders refuse others. */
bool dfs_error_known(int error);

#endif
