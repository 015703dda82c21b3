/*
 * Names and numbers of users and groups, as this machine knows them.
 */
#ifndef DFS_ADMIN_ACCOUNTS_H
#define DFS_ADMIN_ACCOUNTS_H

#include "libdfsproto/host/log.h"

/* The number of a name, or a number as it is: 0, or DFS_ENOENT and what to do. */
int account_find(bool group, const char *name, u64 *ret_id, struct dfs_sentence *ret_text);
/* NULL: this machine knows no such one. Valid until the next call. */
const char *account_name(bool group, u64 id);

#endif
