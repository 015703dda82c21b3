/*
 * Index rows to and from bytes, and the batches they are written in. See index.h.
 */
#include "chunkserver/core/index.h"

#include "chunkserver/core/crcs.h"
#include "chunkserver/core/disk.h"
#include "libdfsproto/base/errors.h"
#include "libdfsproto/wire/record.h"

enum { CHUNK_KEY_BYTES = 9, SEGMENT_KEY_BYTES = 13 };

/* Checksums and bitmaps are kept as they lie on disk. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "entries are stored as they are");

static void store_big(u8 *at, u64 value, u32 bytes)
{
	for (u32 i = 0; i < bytes; i++)
		at[i] = (u8)(value >> (8 * (bytes - 1 - i)));
}

static struct dfs_span chunk_key(u8 key[CHUNK_KEY_BYTES], u64 chunk)
{
	key[0] = 'c';
	store_big(key + 1, chunk, 8);
	return dfs_span(key, CHUNK_KEY_BYTES);
}

static struct dfs_span segment_key(u8 key[SEGMENT_KEY_BYTES], u64 chunk, u32 number)
{
	key[0] = 's';
	store_big(key + 1, chunk, 8);
	store_big(key + 9, number, 4);
	return dfs_span(key, SEGMENT_KEY_BYTES);
}

void cs_index_begin(struct cs_disk *disk)
{
	dfs_kv_batch_clear(&disk->batch);
}

void cs_index_put_chunk(struct cs_disk *disk, const struct cs_chunk *chunk)
{
	u8 key[CHUNK_KEY_BYTES];
	struct dfs_cs_chunk row = {
	    .epoch = chunk->epoch, .length = chunk->length, .flags = chunk->flags};
	dfs_record_begin(&disk->record);
	dfs_cs_chunk_put(&disk->record, &row);
	dfs_kv_batch_put(&disk->batch, chunk_key(key, cs_chunk_id(chunk)),
			 dfs_record_seal(&disk->record, DFS_CS_CHUNK_MAGIC));
}

void cs_index_put_segment(struct cs_disk *disk, u64 chunk, const struct cs_segment *segment)
{
	u8 key[SEGMENT_KEY_BYTES];
	u32 entries = CS_SEGMENT_BLOCKS;
	while (entries > 0 && segment->entries[entries - 1] == 0)
		entries--;
	const u8 *pending = (const u8 *)segment->pending;
	u32 pending_bytes = sizeof(segment->pending);
	while (pending_bytes > 0 && pending[pending_bytes - 1] == 0)
		pending_bytes--;
	if (entries == 0 && pending_bytes == 0) {
		dfs_kv_batch_delete(&disk->batch, segment_key(key, chunk, segment->number));
		return;
	}
	struct dfs_cs_segment row = {
	    .crcs = dfs_span(segment->entries, entries * sizeof(u32)),
	    .pending = dfs_span(pending, pending_bytes),
	};
	dfs_record_begin(&disk->record);
	dfs_cs_segment_put(&disk->record, &row);
	dfs_kv_batch_put(&disk->batch, segment_key(key, chunk, segment->number),
			 dfs_record_seal(&disk->record, DFS_CS_SEGMENT_MAGIC));
}

void cs_index_put_counters(struct cs *cs, struct cs_disk *disk)
{
	struct dfs_cs_counters row = {
	    .cluster = cs->identity.cluster,
	    .boot = disk->boot,
	    .fresh_from = disk->fresh_from,
	    .clean = disk->clean,
	};
	dfs_record_begin(&disk->record);
	dfs_cs_counters_put(&disk->record, &row);
	dfs_kv_batch_put(&disk->batch, dfs_span("m", 1),
			 dfs_record_seal(&disk->record, DFS_CS_COUNTERS_MAGIC));
}

void cs_index_delete_segments(struct cs_disk *disk, u64 chunk, u32 number)
{
	u8 from[SEGMENT_KEY_BYTES], to[SEGMENT_KEY_BYTES];
	dfs_kv_batch_delete_range(&disk->batch, segment_key(from, chunk, number),
				  segment_key(to, chunk, UINT32_MAX));
}

void cs_index_delete_chunk(struct cs_disk *disk, u64 chunk)
{
	u8 key[CHUNK_KEY_BYTES];
	dfs_kv_batch_delete(&disk->batch, chunk_key(key, chunk));
}

int cs_index_write(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	if (disk->phase == CS_DISK_FAILED)
		return DFS_EDISK_FAILED;
	int status = dfs_kv_write(disk->kv, &disk->batch);
	if (status == 0) {
		disk->kv_written++;
		if (disk->kv_waits_since == 0)
			disk->kv_waits_since = cs->now;
		return 0;
	}
	if (status == DFS_EDISK_FULL || status == DFS_ENOSPC) {
		cs_disk_set_full(cs, disk, fxs);
		return DFS_EDISK_FULL;
	}
	cs_disk_fail(cs, disk, "writing the index", status, fxs);
	return DFS_EDISK_FAILED;
}

int cs_index_get_segment(struct cs *cs, struct cs_chunk *chunk, struct cs_segment *segment,
			 struct dfs_fxs *fxs)
{
	struct cs_disk *disk = cs_disk_of(cs, chunk);
	if (disk->phase == CS_DISK_FAILED)
		return DFS_EDISK_FAILED;
	u8 key[SEGMENT_KEY_BYTES];
	struct dfs_span value;
	int status =
	    dfs_kv_get(disk->kv, segment_key(key, cs_chunk_id(chunk), segment->number), &value);
	if (status == DFS_ENOENT)
		return 0;
	if (status == 0)
		return cs_index_decode_segment(value, segment);
	if (status == DFS_ECORRUPT) /* As a damaged row: this chunk is checked, the disk goes on. */
		return status;
	cs_disk_fail(cs, disk, "reading the index", status, fxs);
	return DFS_EDISK_FAILED;
}

int cs_index_get_counters(struct cs *cs, struct cs_disk *disk)
{
	struct dfs_span value;
	struct dfs_cs_counters row;
	int status = dfs_kv_get(disk->kv, dfs_span("m", 1), &value);
	if (status == 0)
		status = cs_index_decode_counters(value, &row);
	if (status == 0 && row.cluster != cs->identity.cluster)
		status = DFS_EWRONG_CLUSTER;
	if (status != 0)
		return status;
	disk->boot = row.boot;
	disk->fresh_from = row.fresh_from;
	disk->clean = row.clean != 0;
	return 0;
}

void cs_index_scan_begin(struct cs_disk *disk, u64 from, struct cs_index_scan *ret_scan)
{
	u8 key[CHUNK_KEY_BYTES];
	ret_scan->kv = disk->kv;
	ret_scan->iter = dfs_kv_iter_new(disk->kv, chunk_key(key, from), dfs_span("d", 1));
}

bool cs_index_scan_next(struct cs_index_scan *scan, struct cs_index_row *ret_row)
{
	struct dfs_span key, value;
	while (dfs_kv_iter_next(scan->kv, scan->iter, &key, &value))
		if (cs_index_decode_chunk(key, value, ret_row) == 0)
			return true;
	return false;
}

int cs_index_scan_end(struct cs_index_scan *scan)
{
	return dfs_kv_iter_free(scan->kv, scan->iter);
}

int cs_index_probe(struct dfs_kv *kv)
{
	struct dfs_span key, value;
	struct dfs_kv_iter *iter = dfs_kv_iter_new(kv, dfs_span("c", 1), dfs_span("n", 1));
	while (dfs_kv_iter_next(kv, iter, &key, &value))
		;
	return dfs_kv_iter_free(kv, iter);
}

struct dfs_buf *cs_describe(const struct dfs_cs_descriptor *row)
{
	struct dfs_writer writer;
	dfs_writer_init(&writer, CS_DISK_VERSION, DFS_RECORD_HEADER_BYTES);
	dfs_record_begin(&writer);
	dfs_cs_descriptor_put(&writer, row);
	dfs_record_seal(&writer, DFS_CS_DESCRIPTOR_MAGIC);
	return dfs_writer_take(&writer);
}

/* Open a record whose body must be of a version this build knows. */
static int open_record(struct dfs_span record, u16 magic, u16 *ret_version,
		       struct dfs_span *ret_body)
{
	return dfs_record_open(record, magic, CS_DISK_VERSION, ret_version, ret_body);
}

int cs_index_decode_chunk(struct dfs_span key, struct dfs_span value, struct cs_index_row *ret_row)
{
	struct dfs_cs_chunk row;
	struct dfs_span body;
	u16 version;
	if (key.length != CHUNK_KEY_BYTES || key.data[0] != 'c')
		return DFS_ECORRUPT;
	u64 chunk = 0;
	for (u32 i = 1; i < CHUNK_KEY_BYTES; i++)
		chunk = chunk << 8 | key.data[i];
	if (chunk == 0)
		return DFS_ECORRUPT;
	int status = open_record(value, DFS_CS_CHUNK_MAGIC, &version, &body);
	if (status == 0)
		status = dfs_cs_chunk_decode(body, version, &row);
	if (status == 0 && (row.length > CS_CHUNK_BYTES_MAX || row.epoch == 0 ||
			    (row.flags & ~CS_FLAGS_KNOWN) != 0))
		status = DFS_ECORRUPT;
	memset(ret_row, 0, sizeof(*ret_row));
	ret_row->chunk = chunk;
	if (status != 0) {
		ret_row->status = DFS_ECORRUPT;
		return 0;
	}
	ret_row->epoch = row.epoch;
	ret_row->length = row.length;
	ret_row->flags = row.flags;
	return 0;
}

int cs_index_decode_segment(struct dfs_span value, struct cs_segment *segment)
{
	struct dfs_cs_segment row;
	struct dfs_span body;
	u16 version;
	int status = open_record(value, DFS_CS_SEGMENT_MAGIC, &version, &body);
	if (status == 0)
		status = dfs_cs_segment_decode(body, version, &row);
	if (status != 0 || row.crcs.length % sizeof(u32) != 0)
		return DFS_ECORRUPT;
	_Static_assert(sizeof(segment->entries) == 1024, "the bound in the schema");
	_Static_assert(sizeof(segment->pending) == 32, "the bound in the schema");
	memset(segment->entries, 0, sizeof(segment->entries));
	memset(segment->pending, 0, sizeof(segment->pending));
	if (row.crcs.length > 0)
		memcpy(segment->entries, row.crcs.data, row.crcs.length);
	if (row.pending.length > 0)
		memcpy(segment->pending, row.pending.data, row.pending.length);
	return 0;
}

int cs_index_decode_counters(struct dfs_span value, struct dfs_cs_counters *ret_counters)
{
	struct dfs_span body;
	u16 version;
	int status = open_record(value, DFS_CS_COUNTERS_MAGIC, &version, &body);
	if (status == 0 && dfs_cs_counters_decode(body, version, ret_counters) != 0)
		status = DFS_ECORRUPT;
	return status;
}

int cs_index_decode_descriptor(struct dfs_span value, struct dfs_cs_descriptor *ret_descriptor)
{
	struct dfs_span body;
	u16 version;
	int status = open_record(value, DFS_CS_DESCRIPTOR_MAGIC, &version, &body);
	if (status == 0 && dfs_cs_descriptor_decode(body, version, ret_descriptor) != 0)
		status = DFS_ECORRUPT;
	return status;
}
