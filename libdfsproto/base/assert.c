/*
 * What a broken invariant does: say where, and stop with a core dump.
 */
#include "libdfsproto/base/types.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void dfs_assert_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "dfs: assertion failed: %s (%s:%d)\n", condition, file, line);
	abort();
}
