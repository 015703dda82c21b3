/*
 * The functions that rows.h declares, generated from the same table. Include once per table, in the
 * one .c file that owns it, after rows.h.
 *
 * Six expansions: put, get, and the wrappers around them. A field newer than the coder's version is
 * left out when writing and zero when reading.
 */
/* put */
#define RECORD(NAME, name, doc)                                                          \
	void dfs_##name##_put(struct dfs_writer *writer, const struct dfs_##name *value) \
	{                                                                                \
		(void)value;                                                             \
		writer->items++;
#define MSG(NAME, name, number, since, doc) RECORD(NAME, name, doc)
#define FIELD(type, name, unit, since, doc) \
	if ((since) <= writer->version)     \
		dfs_put_##type(writer, value->name);
#define BYTES(name, max, unit, since, doc) \
	if ((since) <= writer->version)    \
		dfs_put_bytes(writer, value->name, max);
#define INLINE(record, name, since, doc)                       \
	if ((since) <= writer->version) {                      \
		dfs_##record##_put(writer, &value->name);      \
		writer->items--;                               \
	}
#define LIST(record, name, max, since, doc) \
	if ((since) <= writer->version)     \
		dfs_put_items(writer, &value->name, max);
#define END(name) }
#include DFS_TABLE
#include "libdfsproto/wire/rows_end.h"

/* get; lists are walked here once, so that iterating over them later cannot fail */
#define RECORD(NAME, name, doc)                                                         \
	void dfs_##name##_get(struct dfs_reader *reader, struct dfs_##name *ret_value)  \
	{                                                                               \
		(void)reader;                                                           \
		memset(ret_value, 0, sizeof(*ret_value));
#define MSG(NAME, name, number, since, doc) RECORD(NAME, name, doc)
#define FIELD(type, name, unit, since, doc) \
	if ((since) <= reader->version)     \
		ret_value->name = dfs_get_##type(reader);
#define BYTES(name, max, unit, since, doc) \
	if ((since) <= reader->version)    \
		ret_value->name = dfs_get_bytes(reader, max);
#define INLINE(record, name, since, doc) \
	if ((since) <= reader->version)  \
		dfs_##record##_get(reader, &ret_value->name);
#define LIST(record, name, max, since, doc)                                          \
	if ((since) <= reader->version) {                                            \
		ret_value->name = dfs_get_items(reader, max);                        \
		struct dfs_reader each;                                              \
		dfs_reader_init(&each, ret_value->name.bytes, reader->version);      \
		for (u32 i = 0; i < ret_value->name.count && each.status == 0; i++) { \
			struct dfs_##record ignored;                                 \
			dfs_##record##_get(&each, &ignored);                         \
		}                                                                    \
		if (dfs_reader_end(&each) != 0)                                      \
			reader->status = DFS_EMALFORMED;                             \
	}
#define END(name) }
#include DFS_TABLE
#include "libdfsproto/wire/rows_end.h"

/* size, decode, next */
#define RECORD(NAME, name, doc)                                                                  \
	u32 dfs_##name##_size(const struct dfs_##name *value, u16 version)                       \
	{                                                                                        \
		struct dfs_writer writer;                                                        \
		dfs_writer_init(&writer, version, 0);                                            \
		dfs_##name##_put(&writer, value);                                                \
		u32 size = writer.buf->length;                                                   \
		dfs_writer_fini(&writer);                                                        \
		return size;                                                                     \
	}                                                                                        \
	int dfs_##name##_decode(struct dfs_span body, u16 version, struct dfs_##name *ret_value) \
	{                                                                                        \
		struct dfs_reader reader;                                                        \
		struct dfs_##name value;                                                         \
		dfs_reader_init(&reader, body, version);                                         \
		dfs_##name##_get(&reader, &value);                                               \
		int status = dfs_reader_end(&reader);                                            \
		if (status == 0)                                                                 \
			*ret_value = value;                                                      \
		return status;                                                                   \
	}                                                                                        \
	bool dfs_##name##_next(struct dfs_items *items, struct dfs_##name *ret_value)            \
	{                                                                                        \
		if (items->count == 0)                                                           \
			return false;                                                            \
		struct dfs_reader reader;                                                        \
		dfs_reader_init(&reader, items->bytes, items->version);                          \
		dfs_##name##_get(&reader, ret_value);                                            \
		DFS_ASSERT(reader.status == 0);                                                  \
		items->bytes = dfs_span(reader.at, (size_t)(reader.end - reader.at));            \
		items->count--;                                                                  \
		return true;                                                                     \
	}
#define MSG(NAME, name, number, since, doc) RECORD(NAME, name, doc)
#define FIELD(type, name, unit, since, doc)
#define BYTES(name, max, unit, since, doc)
#define INLINE(record, name, since, doc)
#define LIST(record, name, max, since, doc)
#define END(name)
#include DFS_TABLE
#include "libdfsproto/wire/rows_end.h"

/* dump */
#define RECORD(NAME, name, doc)                                                        \
	void dfs_##name##_dump(struct dfs_text *text, const struct dfs_##name *value)  \
	{                                                                              \
		(void)value;                                                           \
		dfs_text_add(text, "%s{", #NAME);
#define MSG(NAME, name, number, since, doc) RECORD(NAME, name, doc)
#define FIELD(type, name, unit, since, doc) \
	dfs_text_add(text, " %s=%llu", #name, (unsigned long long)value->name);
#define BYTES(name, max, unit, since, doc)       \
	dfs_text_add(text, " %s=\"", #name);     \
	dfs_text_add_bytes(text, value->name);   \
	dfs_text_add(text, "\"");
#define INLINE(record, name, since, doc) \
	dfs_text_add(text, " %s=", #name); \
	dfs_##record##_dump(text, &value->name);
#define LIST(record, name, max, since, doc)                      \
	{                                                        \
		struct dfs_items each = value->name;             \
		struct dfs_##record item;                        \
		dfs_text_add(text, " %s=[", #name);              \
		while (dfs_##record##_next(&each, &item))        \
			dfs_##record##_dump(text, &item);        \
		dfs_text_add(text, "]");                         \
	}
#define END(name)                  \
	dfs_text_add(text, " }");  \
	}
#include DFS_TABLE
#include "libdfsproto/wire/rows_end.h"

/* sample */
#define RECORD(NAME, name, doc)                                                                  \
	void dfs_##name##_sample(struct dfs_sampler *sampler, struct dfs_##name *ret_value)      \
	{                                                                                        \
		(void)sampler;                                                                   \
		memset(ret_value, 0, sizeof(*ret_value));
#define MSG(NAME, name, number, since, doc) RECORD(NAME, name, doc)
#define FIELD(type, name, unit, since, doc) ret_value->name = (type)dfs_prng_next(&sampler->prng);
#define BYTES(name, max, unit, since, doc)  ret_value->name = dfs_sample_bytes(sampler, max);
#define INLINE(record, name, since, doc)    dfs_##record##_sample(sampler, &ret_value->name);
#define LIST(record, name, max, since, doc)                                               \
	{                                                                                 \
		struct dfs_writer writer;                                                 \
		dfs_writer_init(&writer, DFS_PROTOCOL_VERSION, 0);                        \
		u64 count = dfs_prng_below(&sampler->prng, dfs_min((max) + 1, 4));        \
		for (u64 i = 0; i < count; i++) {                                         \
			struct dfs_##record item;                                         \
			dfs_##record##_sample(sampler, &item);                            \
			dfs_##record##_put(&writer, &item);                               \
		}                                                                         \
		ret_value->name = dfs_writer_items(&writer);                              \
		u32 bytes = ret_value->name.bytes.length;                                 \
		DFS_ASSERT(bytes <= sampler->arena_capacity - sampler->arena_used);       \
		u8 *at = sampler->arena + sampler->arena_used;                            \
		memcpy(at, writer.buf->data, bytes);                                      \
		sampler->arena_used += bytes;                                             \
		ret_value->name.bytes = dfs_span(at, bytes);                              \
		dfs_writer_fini(&writer);                                                 \
	}
#define END(name) }
#include DFS_TABLE
#include "libdfsproto/wire/rows_end.h"
