/*
 * Every message, record and operation of the wire's tables. Input: the row's index, then a body.
 */
#include "libdfsproto/wire/messages.h"
#include "tests/fuzz/fuzz.h"

#define DFS_TABLE "libdfsproto/schema/wire.def"
#include "tests/fuzz/rows_functions.h"
#undef DFS_TABLE
#define DFS_TABLE "libdfsproto/schema/ops.def"
#include "tests/fuzz/rows_functions.h"
#undef DFS_TABLE

static const struct fuzz_row rows[] = {
#define DFS_TABLE "libdfsproto/schema/wire.def"
#include "tests/fuzz/rows_entries.h"
#undef DFS_TABLE
#define DFS_TABLE "libdfsproto/schema/ops.def"
#include "tests/fuzz/rows_entries.h"
#undef DFS_TABLE
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (size == 0)
		return 0;
	const struct fuzz_row *row = &rows[data[0] % dfs_array_count(rows)];
	fuzz_row_check(row, DFS_PROTOCOL_VERSION, data + 1, size - 1);
	return 0;
}

size_t fuzz_seed(struct dfs_prng *prng, u8 *data, size_t capacity)
{
	data[0] = (u8)dfs_prng_below(prng, dfs_array_count(rows));
	return 1 +
	       fuzz_row_seed(&rows[data[0]], DFS_PROTOCOL_VERSION, prng, data + 1, capacity - 1);
}
