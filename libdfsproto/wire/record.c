/*
 * Seals on disk records: see record.h for the layout. The checksum covers the header as well, so
 * that a flipped bit in the version or the length cannot pass for another sound record.
 */
#include "libdfsproto/wire/record.h"

#include "libdfsproto/base/crc32c.h"

enum { AT_MAGIC = 0, AT_VERSION = 2, AT_LENGTH = 4, AT_CRC = 8 };

_Static_assert(AT_CRC + 4 == DFS_RECORD_HEADER_BYTES, "the body follows the checksum");

static u32 checksum(const u8 *header, struct dfs_span body)
{
	u32 crc = dfs_crc32c(header, AT_CRC);
	return body.length == 0 ? crc : dfs_crc32c_extend(crc, body.data, body.length);
}

void dfs_record_begin(struct dfs_writer *writer)
{
	DFS_ASSERT(writer->buf->length >= DFS_RECORD_HEADER_BYTES);
	writer->buf->length = DFS_RECORD_HEADER_BYTES;
	writer->items = 0;
}

struct dfs_span dfs_record_seal(struct dfs_writer *writer, u16 magic)
{
	DFS_ASSERT(magic != 0);
	DFS_ASSERT(writer->buf->length >= DFS_RECORD_HEADER_BYTES);
	u8 *header = writer->buf->data;
	struct dfs_span body = dfs_span(header + DFS_RECORD_HEADER_BYTES,
					writer->buf->length - DFS_RECORD_HEADER_BYTES);
	dfs_store_u16(header + AT_MAGIC, magic);
	dfs_store_u16(header + AT_VERSION, writer->version);
	dfs_store_u32(header + AT_LENGTH, body.length);
	dfs_store_u32(header + AT_CRC, checksum(header, body));
	return dfs_span(header, writer->buf->length);
}

int dfs_record_open(struct dfs_span record, u16 magic, u16 version_max, u16 *ret_version,
		    struct dfs_span *ret_body)
{
	if (record.length < DFS_RECORD_HEADER_BYTES)
		return DFS_ECORRUPT;
	const u8 *header = record.data;
	struct dfs_span body =
	    dfs_span(header + DFS_RECORD_HEADER_BYTES, record.length - DFS_RECORD_HEADER_BYTES);
	if (dfs_load_u16(header + AT_MAGIC) != magic)
		return DFS_ECORRUPT;
	if (dfs_load_u32(header + AT_LENGTH) != body.length)
		return DFS_ECORRUPT;
	if (dfs_load_u32(header + AT_CRC) != checksum(header, body))
		return DFS_ECORRUPT;
	u16 version = dfs_load_u16(header + AT_VERSION);
	if (version == 0)
		return DFS_ECORRUPT;
	if (version > version_max)
		return DFS_EWRONG_VERSION;
	*ret_version = version;
	*ret_body = body;
	return 0;
}
