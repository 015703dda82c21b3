/*
 * The primitive codings. Little-endian whatever the machine.
 */
#include "libdfsproto/wire/coding.h"

#include <stdarg.h>
#include <stdio.h>

u16 dfs_load_u16(const u8 *at)
{
	return (u16)(at[0] | at[1] << 8);
}

u32 dfs_load_u32(const u8 *at)
{
	return (u32)dfs_load_u16(at) | (u32)dfs_load_u16(at + 2) << 16;
}

u64 dfs_load_u64(const u8 *at)
{
	return (u64)dfs_load_u32(at) | (u64)dfs_load_u32(at + 4) << 32;
}

void dfs_store_u16(u8 *at, u16 value)
{
	at[0] = (u8)value;
	at[1] = (u8)(value >> 8);
}

void dfs_store_u32(u8 *at, u32 value)
{
	dfs_store_u16(at, (u16)value);
	dfs_store_u16(at + 2, (u16)(value >> 16));
}

void dfs_store_u64(u8 *at, u64 value)
{
	dfs_store_u32(at, (u32)value);
	dfs_store_u32(at + 4, (u32)(value >> 32));
}

void dfs_writer_init(struct dfs_writer *writer, u16 version, u32 headroom)
{
	memset(writer, 0, sizeof(*writer));
	writer->version = version;
	writer->buf = dfs_buf_new(dfs_max(headroom + 224u, 256u));
	memset(writer->buf->data, 0, headroom);
	writer->buf->length = headroom;
}

void dfs_writer_fini(struct dfs_writer *writer)
{
	dfs_buf_unref(writer->buf);
	writer->buf = NULL;
}

struct dfs_buf *dfs_writer_take(struct dfs_writer *writer)
{
	struct dfs_buf *buf = writer->buf;
	writer->buf = NULL;
	return buf;
}

struct dfs_items dfs_writer_items(const struct dfs_writer *writer)
{
	return (struct dfs_items){
	    .bytes = dfs_span(writer->buf->data, writer->buf->length),
	    .count = writer->items,
	    .version = writer->version,
	};
}

static u8 *extend(struct dfs_writer *writer, u32 bytes)
{
	struct dfs_buf *buf = writer->buf;
	if (buf->capacity - buf->length < bytes) {
		struct dfs_buf *larger =
		    dfs_buf_new(dfs_max(buf->capacity * 2, buf->length + bytes));
		memcpy(larger->data, buf->data, buf->length);
		larger->length = buf->length;
		dfs_buf_unref(buf);
		writer->buf = larger;
		buf = larger;
	}
	u8 *at = buf->data + buf->length;
	buf->length += bytes;
	return at;
}

void dfs_put_u8(struct dfs_writer *writer, u8 value)
{
	*extend(writer, 1) = value;
}

void dfs_put_u16(struct dfs_writer *writer, u16 value)
{
	dfs_store_u16(extend(writer, 2), value);
}

void dfs_put_u32(struct dfs_writer *writer, u32 value)
{
	dfs_store_u32(extend(writer, 4), value);
}

void dfs_put_u64(struct dfs_writer *writer, u64 value)
{
	dfs_store_u64(extend(writer, 8), value);
}

void dfs_put_s64(struct dfs_writer *writer, s64 value)
{
	dfs_put_u64(writer, (u64)value);
}

void dfs_put_bytes(struct dfs_writer *writer, struct dfs_span value, u32 max)
{
	DFS_ASSERT(value.length <= max);
	dfs_put_u32(writer, value.length);
	if (value.length > 0)
		memcpy(extend(writer, value.length), value.data, value.length);
}

void dfs_put_items(struct dfs_writer *writer, const struct dfs_items *items, u32 max)
{
	DFS_ASSERT(items->count <= max);
	DFS_ASSERT(items->count == 0 || items->version == writer->version);
	dfs_put_u32(writer, items->count);
	dfs_put_bytes(writer, items->bytes, DFS_BODY_BYTES_MAX);
}

void dfs_reader_init(struct dfs_reader *reader, struct dfs_span bytes, u16 version)
{
	reader->at = bytes.data;
	reader->end = bytes.length == 0 ? bytes.data : bytes.data + bytes.length;
	reader->version = version;
	reader->status = 0;
}

static const u8 *consume(struct dfs_reader *reader, u32 bytes)
{
	if (reader->status != 0 || (size_t)(reader->end - reader->at) < bytes) {
		reader->status = DFS_EMALFORMED;
		return NULL;
	}
	const u8 *at = reader->at;
	reader->at += bytes;
	return at;
}

u8 dfs_get_u8(struct dfs_reader *reader)
{
	const u8 *at = consume(reader, 1);
	return at == NULL ? 0 : *at;
}

u16 dfs_get_u16(struct dfs_reader *reader)
{
	const u8 *at = consume(reader, 2);
	return at == NULL ? 0 : dfs_load_u16(at);
}

u32 dfs_get_u32(struct dfs_reader *reader)
{
	const u8 *at = consume(reader, 4);
	return at == NULL ? 0 : dfs_load_u32(at);
}

u64 dfs_get_u64(struct dfs_reader *reader)
{
	const u8 *at = consume(reader, 8);
	return at == NULL ? 0 : dfs_load_u64(at);
}

s64 dfs_get_s64(struct dfs_reader *reader)
{
	return (s64)dfs_get_u64(reader);
}

struct dfs_span dfs_get_bytes(struct dfs_reader *reader, u32 max)
{
	u32 length = dfs_get_u32(reader);
	if (length > max)
		reader->status = DFS_EMALFORMED;
	if (reader->status != 0 || length == 0)
		return (struct dfs_span){0};
	const u8 *at = consume(reader, length);
	return at == NULL ? (struct dfs_span){0} : dfs_span(at, length);
}

struct dfs_items dfs_get_items(struct dfs_reader *reader, u32 max)
{
	u32 count = dfs_get_u32(reader);
	struct dfs_span bytes = dfs_get_bytes(reader, DFS_BODY_BYTES_MAX);
	if (count > max || (count == 0) != (bytes.length == 0))
		reader->status = DFS_EMALFORMED;
	if (reader->status != 0)
		return (struct dfs_items){0};
	return (struct dfs_items){.bytes = bytes, .count = count, .version = reader->version};
}

int dfs_reader_end(const struct dfs_reader *reader)
{
	if (reader->status != 0)
		return reader->status;
	return reader->at == reader->end ? 0 : DFS_EMALFORMED;
}

void dfs_text_add(struct dfs_text *text, const char *format, ...)
{
	DFS_ASSERT(text->length < text->capacity);
	u32 room = text->capacity - text->length;
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(text->data + text->length, room, format, arguments);
	va_end(arguments);
	if (length > 0)
		text->length += dfs_min((u32)length, room - 1);
}

void dfs_text_add_bytes(struct dfs_text *text, struct dfs_span bytes)
{
	for (u32 i = 0; i < bytes.length; i++) {
		u8 byte = bytes.data[i];
		if (byte >= 0x20 && byte < 0x7f && byte != '\\' && byte != '"')
			dfs_text_add(text, "%c", byte);
		else
			dfs_text_add(text, "\\x%02x", byte);
	}
}

struct dfs_span dfs_sample_bytes(struct dfs_sampler *sampler, u32 max)
{
	u32 room = sampler->arena_capacity - sampler->arena_used;
	u32 bound = dfs_min(dfs_min(max, room), 64u);
	u32 length = (u32)dfs_prng_below(&sampler->prng, bound + 1u);
	u8 *at = sampler->arena + sampler->arena_used;
	for (u32 i = 0; i < length; i++)
		at[i] = (u8)dfs_prng_next(&sampler->prng);
	sampler->arena_used += length;
	return dfs_span(at, length);
}
