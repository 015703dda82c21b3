/*
 * The chunkserver's loaders of what lies on its disks: index rows by key and value, the attribute
 * of a chunk file, the header of a disk. Whatever the bytes, they are refused, or give values
 * within bounds.
 *
 * Input: which loader, how to seal, key length, then key and value. Sealed inputs get past the
 * checksum, so that the bodies are fuzzed as well.
 */
#include "chunkserver/core/crcs.h"
#include "chunkserver/core/index.h"
#include "libdfsproto/base/errors.h"
#include "libdfsproto/wire/record.h"
#include "tests/fuzz/fuzz.h"

enum loader {
	LOADER_CHUNK,
	LOADER_SEGMENT,
	LOADER_COUNTERS,
	LOADER_DESCRIPTOR,
	LOADER_HEADER,
	LOADERS_COUNT
};
enum { PREFIX_BYTES = 3, KEY_BYTES = 9 };

static const u16 magics[LOADERS_COUNT] = {
    [LOADER_CHUNK] = DFS_CS_CHUNK_MAGIC,       [LOADER_SEGMENT] = DFS_CS_SEGMENT_MAGIC,
    [LOADER_COUNTERS] = DFS_CS_COUNTERS_MAGIC, [LOADER_DESCRIPTOR] = DFS_CS_DESCRIPTOR_MAGIC,
    [LOADER_HEADER] = DFS_CS_HEADER_MAGIC,
};

static void load_chunk(struct dfs_span key, struct dfs_span value)
{
	struct cs_index_row row;
	int status = cs_index_decode_chunk(key, value, &row);
	DFS_ASSERT(status == 0 || status == DFS_ECORRUPT);
	if (status != 0)
		return;
	DFS_ASSERT(row.chunk != 0);
	DFS_ASSERT(row.status == 0 || row.status == DFS_ECORRUPT);
	DFS_ASSERT(row.length <= CS_CHUNK_BYTES_MAX);
	DFS_ASSERT((row.flags & ~CS_FLAGS_KNOWN) == 0);
	DFS_ASSERT(row.status != 0 || row.epoch != 0);
}

static void load(enum loader loader, struct dfs_span key, struct dfs_span value)
{
	struct cs_segment segment = {0};
	struct dfs_cs_counters counters;
	struct dfs_cs_descriptor descriptor;
	struct cs_header header;
	int status = 0;
	switch (loader) {
	case LOADER_CHUNK:
		load_chunk(key, value);
		break;
	case LOADER_SEGMENT:
		status = cs_index_decode_segment(value, &segment);
		break;
	case LOADER_COUNTERS:
		status = cs_index_decode_counters(value, &counters);
		break;
	case LOADER_DESCRIPTOR:
		status = cs_index_decode_descriptor(value, &descriptor);
		DFS_ASSERT(status != 0 || descriptor.hint.length <= DFS_NAME_BYTES_MAX);
		break;
	case LOADER_HEADER:
		status = cs_header_decode(value, &header);
		break;
	case LOADERS_COUNT:
		break;
	}
	DFS_ASSERT(status == 0 || status == DFS_ECORRUPT || status == DFS_EWRONG_VERSION);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (size < PREFIX_BYTES)
		return 0;
	enum loader loader = (enum loader)(data[0] % LOADERS_COUNT);
	size_t key_bytes = dfs_min(data[2] % 16u, size - PREFIX_BYTES);
	struct dfs_span key = dfs_span(data + PREFIX_BYTES, key_bytes);
	const u8 *rest = data + PREFIX_BYTES + key_bytes;
	size_t rest_bytes = size - PREFIX_BYTES - key_bytes;
	if (data[1] % 2 == 0) {
		load(loader, key, dfs_span(rest, rest_bytes));
		return 0;
	}
	struct dfs_writer writer;
	dfs_writer_init(&writer, CS_DISK_VERSION, DFS_RECORD_HEADER_BYTES);
	dfs_record_begin(&writer);
	for (size_t i = 0; i < rest_bytes; i++)
		dfs_put_u8(&writer, rest[i]);
	load(loader, key, dfs_record_seal(&writer, magics[loader]));
	dfs_writer_fini(&writer);
	return 0;
}

static void put_body(enum loader loader, struct dfs_sampler *sampler, struct dfs_writer *writer)
{
	struct dfs_cs_chunk chunk;
	struct dfs_cs_segment segment;
	struct dfs_cs_counters counters;
	struct dfs_cs_descriptor descriptor;
	struct dfs_cs_header header;
	switch (loader) {
	case LOADER_CHUNK:
		dfs_cs_chunk_sample(sampler, &chunk);
		chunk.length %= CS_CHUNK_BYTES_MAX + 2u;
		chunk.flags &= CS_FLAGS_KNOWN * 2 + 1;
		dfs_cs_chunk_put(writer, &chunk);
		break;
	case LOADER_SEGMENT:
		dfs_cs_segment_sample(sampler, &segment);
		dfs_cs_segment_put(writer, &segment);
		break;
	case LOADER_COUNTERS:
		dfs_cs_counters_sample(sampler, &counters);
		dfs_cs_counters_put(writer, &counters);
		break;
	case LOADER_DESCRIPTOR:
		dfs_cs_descriptor_sample(sampler, &descriptor);
		dfs_cs_descriptor_put(writer, &descriptor);
		break;
	case LOADER_HEADER:
		dfs_cs_header_sample(sampler, &header);
		dfs_cs_header_put(writer, &header);
		break;
	case LOADERS_COUNT:
		break;
	}
}

size_t fuzz_seed(struct dfs_prng *prng, u8 *data, size_t capacity)
{
	u8 arena[4096];
	struct dfs_sampler sampler = {.arena = arena, .arena_capacity = sizeof(arena)};
	struct dfs_writer writer;
	dfs_prng_seed(&sampler.prng, dfs_prng_next(prng));
	enum loader loader = (enum loader)dfs_prng_below(prng, LOADERS_COUNT);
	data[0] = (u8)loader;
	data[1] = (u8)dfs_prng_below(prng, 2);
	data[2] = KEY_BYTES;
	data[3] = 'c';
	for (u32 i = 1; i < KEY_BYTES; i++)
		data[PREFIX_BYTES + i] = (u8)dfs_prng_next(prng);
	dfs_writer_init(&writer, CS_DISK_VERSION, DFS_RECORD_HEADER_BYTES);
	dfs_record_begin(&writer);
	put_body(loader, &sampler, &writer);
	struct dfs_span record = dfs_record_seal(&writer, magics[loader]);
	if (data[1] == 1) /* The target seals it. */
		record = dfs_span(record.data + DFS_RECORD_HEADER_BYTES,
				  record.length - DFS_RECORD_HEADER_BYTES);
	size_t size = PREFIX_BYTES + KEY_BYTES;
	DFS_ASSERT(size + record.length <= capacity);
	memcpy(data + size, record.data, record.length);
	size += record.length;
	dfs_writer_fini(&writer);
	return size;
}
