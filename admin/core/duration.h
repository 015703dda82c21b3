/*
 * Times as people give them on a command line.
 */
#ifndef DFS_ADMIN_DURATION_H
#define DFS_ADMIN_DURATION_H

#include "libdfsproto/base/types.h"

/* "90", "90s", "15m", "12h", "7d", "2w", "1y": seconds, from 1 to 2^32-1. False when it is none. */
bool ad_duration_parse(const char *text, u32 *ret_seconds);

#endif
