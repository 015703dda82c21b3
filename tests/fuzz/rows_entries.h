/*
 * One struct fuzz_row for every row of DFS_TABLE; include inside an array's initializer, after
 * rows_functions.h for the same table.
 */
#define FUZZ_ROW_ENTRY(NAME, name)                                                             \
	{#NAME, sizeof(struct dfs_##name), sample_##name, put_##name, decode_##name, dump_##name},
#define RECORD(NAME, name, doc)             FUZZ_ROW_ENTRY(NAME, name)
#define MSG(NAME, name, number, since, doc) FUZZ_ROW_ENTRY(NAME, name)
#define FIELD(type, name, unit, since, doc)
#define BYTES(name, max, unit, since, doc)
#define INLINE(record, name, since, doc)
#define LIST(record, name, max, since, doc)
#define END(name)
#include DFS_TABLE
#include "libdfsproto/wire/rows_end.h"
#undef FUZZ_ROW_ENTRY
