/*
 * Turns a schema table into structs and prototypes. Include after defining DFS_TABLE as the path of
 * the .def file. codec.h does so for the wire, each daemon for its own disk records.
 *
 * For each RECORD or MSG `name`: struct dfs_name; dfs_name_put() and dfs_name_get() (in place, used by
 * others), dfs_name_encode()/dfs_name_decode() (a whole body), dfs_name_next() (one item of a list),
 * dfs_name_dump() (text for people), dfs_name_sample() (a random value for tests and fuzz seeds).
 */
#include "libdfsproto/wire/coding.h"

/* Structs. */
#define RECORD(NAME, name, doc)                  struct dfs_##name {
#define MSG(NAME, name, number, since, doc)      struct dfs_##name {
#define FIELD(type, name, unit, since, doc)      type name;
#define BYTES(name, max, unit, since, doc)       struct dfs_span name;
#define INLINE(record, name, since, doc)         struct dfs_##record name;
#define LIST(record, name, max, since, doc)      struct dfs_items name;
#define END(name)                                };
#include DFS_TABLE
#include "libdfsproto/wire/rows_end.h"

/* Functions. */
#define ROWS_FUNCTIONS(name)                                                                    \
	void dfs_##name##_put(struct dfs_writer *writer, const struct dfs_##name *value);       \
	void dfs_##name##_get(struct dfs_reader *reader, struct dfs_##name *ret_value);         \
	u32 dfs_##name##_size(const struct dfs_##name *value, u16 version);                     \
	int dfs_##name##_decode(struct dfs_span body, u16 version, struct dfs_##name *ret_value); \
	bool dfs_##name##_next(struct dfs_items *items, struct dfs_##name *ret_value);          \
	void dfs_##name##_dump(struct dfs_text *text, const struct dfs_##name *value);          \
	void dfs_##name##_sample(struct dfs_sampler *sampler, struct dfs_##name *ret_value);
#define RECORD(NAME, name, doc)             ROWS_FUNCTIONS(name)
#define MSG(NAME, name, number, since, doc) ROWS_FUNCTIONS(name)
#define FIELD(type, name, unit, since, doc)
#define BYTES(name, max, unit, since, doc)
#define INLINE(record, name, since, doc)
#define LIST(record, name, max, since, doc)
#define END(name)
#include DFS_TABLE
#include "libdfsproto/wire/rows_end.h"
#undef ROWS_FUNCTIONS
