/*
 * The core on a libuv loop, until it has its answer.
 */
#ifndef DFS_ADMIN_RUN_H
#define DFS_ADMIN_RUN_H

#include "admin/core/admin.h"

/* Runs until the command has finished; SIGINT and SIGTERM end it early. */
void run(struct ad *ad);

#endif
