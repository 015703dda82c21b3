/*
 * The header of a disk, to and from bytes: see chunkserver.h.
 */
#include "chunkserver/core/chunkserver.h"
#include "chunkserver/core/records.h"
#include "libdfsproto/wire/record.h"

u32 cs_header_encode(const struct cs_header *header, u8 ret_record[CS_HEADER_BYTES_MAX])
{
	struct dfs_cs_header row = {
	    .cluster = header->cluster, .disk = header->disk, .node = header->node};
	struct dfs_writer writer;
	dfs_writer_init(&writer, CS_DISK_VERSION, DFS_RECORD_HEADER_BYTES);
	dfs_record_begin(&writer);
	dfs_cs_header_put(&writer, &row);
	struct dfs_span record = dfs_record_seal(&writer, DFS_CS_HEADER_MAGIC);
	DFS_ASSERT(record.length <= CS_HEADER_BYTES_MAX);
	memcpy(ret_record, record.data, record.length);
	u32 bytes = record.length;
	dfs_writer_fini(&writer);
	return bytes;
}

int cs_header_decode(struct dfs_span record, struct cs_header *ret_header)
{
	struct dfs_cs_header row;
	struct dfs_span body;
	u16 version;
	int status = dfs_record_open(record, DFS_CS_HEADER_MAGIC, CS_DISK_VERSION, &version, &body);
	if (status == 0 && dfs_cs_header_decode(body, version, &row) != 0)
		status = DFS_ECORRUPT;
	if (status == 0)
		*ret_header =
		    (struct cs_header){.cluster = row.cluster, .disk = row.disk, .node = row.node};
	return status;
}
