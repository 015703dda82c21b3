/*
 * What somebody who mistyped a word may have meant.
 */
#ifndef DFS_ADMIN_SUGGEST_H
#define DFS_ADMIN_SUGGEST_H

#include "libdfsproto/base/types.h"

/* The word of the list that is nearest to `typed`, or NULL when none is near: at most one edit per
 * three letters (insertion, removal, replacement, neighbours swapped), or typed is its beginning.
 */
const char *ad_suggest(const char *typed, const char *const *words, u32 count);

#endif
