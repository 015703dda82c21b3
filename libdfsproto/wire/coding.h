/*
 * Reading and writing of schema-coded bytes: bounded, never allocating while decoding. The writer
 * grows a dfs_buf; the reader remembers the first error and then only returns zeros, so that
 * decoders need one check at the end.
 */
#ifndef DFS_WIRE_CODING_H
#define DFS_WIRE_CODING_H

#include "libdfsproto/base/buf.h"
#include "libdfsproto/base/errors.h"
#include "libdfsproto/base/limits.h"
#include "libdfsproto/base/prng.h"
#include "libdfsproto/base/span.h"
#include "libdfsproto/base/types.h"

/* A list as it lies on the wire: already validated when it came from a decode. */
struct dfs_items {
	struct dfs_span bytes; /* The records, one after another. Borrowed. */
	u32 count;             /* Records left. */
	u16 version;           /* Protocol version they were coded with. */
};

struct dfs_writer {
	struct dfs_buf *buf; /* Grows; the writer's reference. */
	u16 version;         /* Fields that came later are left out. */
	u32 items;           /* Records put so far, when a list is being made. */
};

struct dfs_reader {
	const u8 *at;
	const u8 *end;
	u16 version; /* Fields that came later are zero. */
	int status;  /* 0 or DFS_EMALFORMED; sticky. */
};

/* Begin with room for `headroom` bytes before the first record (a frame's header), left as they
 * are. */
void dfs_writer_init(struct dfs_writer *writer, u16 version, u32 headroom);
/* Release the buffer if the writer still has it. */
void dfs_writer_fini(struct dfs_writer *writer);
/* The buffer, which now belongs to the caller. */
struct dfs_buf *dfs_writer_take(struct dfs_writer *writer);
/* What was put into a writer without headroom, as a list for a LIST field. Valid while the writer
 * is. */
struct dfs_items dfs_writer_items(const struct dfs_writer *writer);

void dfs_put_u8(struct dfs_writer *writer, u8 value);
void dfs_put_u16(struct dfs_writer *writer, u16 value);
void dfs_put_u32(struct dfs_writer *writer, u32 value);
void dfs_put_u64(struct dfs_writer *writer, u64 value);
void dfs_put_s64(struct dfs_writer *writer, s64 value);
void dfs_put_bytes(struct dfs_writer *writer, struct dfs_span value, u32 max);
void dfs_put_items(struct dfs_writer *writer, const struct dfs_items *items, u32 max);

void dfs_reader_init(struct dfs_reader *reader, struct dfs_span bytes, u16 version);
u8 dfs_get_u8(struct dfs_reader *reader);
u16 dfs_get_u16(struct dfs_reader *reader);
u32 dfs_get_u32(struct dfs_reader *reader);
u64 dfs_get_u64(struct dfs_reader *reader);
s64 dfs_get_s64(struct dfs_reader *reader);
struct dfs_span dfs_get_bytes(struct dfs_reader *reader, u32 max);
/* Count and extent only; the caller validates the records. */
struct dfs_items dfs_get_items(struct dfs_reader *reader, u32 max);
/* DFS_EMALFORMED after an error or when bytes are left over. */
int dfs_reader_end(const struct dfs_reader *reader);

/* Fixed little-endian access for headers and packed arrays of numbers. */
u16 dfs_load_u16(const u8 *at);
u32 dfs_load_u32(const u8 *at);
u64 dfs_load_u64(const u8 *at);
void dfs_store_u16(u8 *at, u16 value);
void dfs_store_u32(u8 *at, u32 value);
void dfs_store_u64(u8 *at, u64 value);

/* Text for people: cut, never overflowing. */
struct dfs_text {
	char *data;
	u32 capacity;
	u32 length;
};
void dfs_text_add(struct dfs_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Printable ASCII as it is, the rest as \xNN. */
void dfs_text_add_bytes(struct dfs_text *text, struct dfs_span bytes);

/* Random values within their bounds; bytes and lists live in `arena` until the next reset. */
struct dfs_sampler {
	struct dfs_prng prng;
	u8 *arena;
	u32 arena_capacity;
	u32 arena_used;
};
struct dfs_span dfs_sample_bytes(struct dfs_sampler *sampler, u32 max);

#endif
