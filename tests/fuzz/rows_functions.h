/*
 * Wraps the generated functions of every row of DFS_TABLE for struct fuzz_row. Include at file scope;
 * rows_entries.h then fills the array.
 */
#define FUZZ_ROW_FUNCTIONS(name)                                                    \
	static void sample_##name(struct dfs_sampler *sampler, void *ret_value)     \
	{                                                                           \
		dfs_##name##_sample(sampler, ret_value);                            \
	}                                                                           \
	static void put_##name(struct dfs_writer *writer, const void *value)        \
	{                                                                           \
		dfs_##name##_put(writer, value);                                    \
	}                                                                           \
	static int decode_##name(struct dfs_span body, u16 version, void *ret_value) \
	{                                                                           \
		return dfs_##name##_decode(body, version, ret_value);               \
	}                                                                           \
	static void dump_##name(struct dfs_text *text, const void *value)           \
	{                                                                           \
		dfs_##name##_dump(text, value);                                     \
	}
#define RECORD(NAME, name, doc)             FUZZ_ROW_FUNCTIONS(name)
#define MSG(NAME, name, number, since, doc) FUZZ_ROW_FUNCTIONS(name)
#define FIELD(type, name, unit, since, doc)
#define BYTES(name, max, unit, since, doc)
#define INLINE(record, name, since, doc)
#define LIST(record, name, max, since, doc)
#define END(name)
#include DFS_TABLE
#include "libdfsproto/wire/rows_end.h"
#undef FUZZ_ROW_FUNCTIONS
