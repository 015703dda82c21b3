/*
 * The property every decoder has: it refuses, leaving its output alone, or it gives a value that
 * can be printed and encodes to the very bytes it came from.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

static void check_value(const struct fuzz_row *row, u16 version, const void *value, const u8 *data,
			size_t size)
{
	static char printed[65536];
	struct dfs_text text = {.data = printed, .capacity = sizeof(printed)};
	struct dfs_writer writer;
	row->dump(&text, value);
	DFS_ASSERT(text.length > 0);
	dfs_writer_init(&writer, version, 0);
	row->put(&writer, value);
	DFS_ASSERT(writer.buf->length == size);
	DFS_ASSERT(size == 0 || memcmp(writer.buf->data, data, size) == 0);
	dfs_writer_fini(&writer);
}

int fuzz_row_check(const struct fuzz_row *row, u16 version, const u8 *data, size_t size)
{
	u8 *value = malloc(row->bytes);
	u8 *untouched = malloc(row->bytes);
	DFS_ASSERT(value != NULL);
	DFS_ASSERT(untouched != NULL);
	memset(value, 0xa5, row->bytes);
	memset(untouched, 0xa5, row->bytes);
	int status = row->decode(dfs_span(data, size), version, value);
	if (status == 0)
		check_value(row, version, value, data, size);
	else
		DFS_ASSERT(memcmp(value, untouched, row->bytes) == 0);
	free(value);
	free(untouched);
	return status;
}

size_t fuzz_row_seed(const struct fuzz_row *row, u16 version, struct dfs_prng *prng, u8 *data,
		     size_t capacity)
{
	static u8 arena[1 << 20];
	struct dfs_sampler sampler = {.arena = arena, .arena_capacity = sizeof(arena)};
	dfs_prng_seed(&sampler.prng, dfs_prng_next(prng));
	void *value = calloc(1, row->bytes);
	struct dfs_writer writer;
	DFS_ASSERT(value != NULL);
	row->sample(&sampler, value);
	dfs_writer_init(&writer, version, 0);
	row->put(&writer, value);
	size_t size = writer.buf->length <= capacity ? writer.buf->length : 0;
	if (size > 0)
		memcpy(data, writer.buf->data, size);
	dfs_writer_fini(&writer);
	free(value);
	return size;
}
