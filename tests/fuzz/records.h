/*
 * The body of a target for sealed disk records: include at the end of the file that defines `rows`.
 * Any span must be refused or opened by dfs_record_open(); a sealed one opens to what was sealed.
 */
enum { RECORD_MAGIC = 0x1234, RECORD_VERSION = 1 };

static void check_record(const struct fuzz_row *row, const u8 *data, size_t size)
{
	u16 version = 0;
	struct dfs_span body = {0};
	if (dfs_record_open(dfs_span(data, size), RECORD_MAGIC, RECORD_VERSION, &version, &body) ==
	    0) {
		DFS_ASSERT(version <= RECORD_VERSION);
		DFS_ASSERT(body.length + DFS_RECORD_HEADER_BYTES == size);
		fuzz_row_check(row, version, body.data, body.length);
	}
}

static void check_sealed(const struct fuzz_row *row, const u8 *data, size_t size)
{
	struct dfs_writer writer;
	dfs_writer_init(&writer, RECORD_VERSION, DFS_RECORD_HEADER_BYTES);
	dfs_record_begin(&writer);
	for (size_t i = 0; i < size; i++)
		dfs_put_u8(&writer, data[i]);
	struct dfs_span record = dfs_record_seal(&writer, RECORD_MAGIC);
	u16 version = 0;
	struct dfs_span body = {0};
	int status = dfs_record_open(record, RECORD_MAGIC, RECORD_VERSION, &version, &body);
	DFS_ASSERT(status == 0);
	DFS_ASSERT(dfs_span_equal(body, dfs_span(data, size)));
	fuzz_row_check(row, version, body.data, body.length);
	dfs_writer_fini(&writer);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (size < 2)
		return 0;
	const struct fuzz_row *row = &rows[data[0] % dfs_array_count(rows)];
	if (data[1] % 2 == 0)
		check_record(row, data + 2, size - 2);
	else
		check_sealed(row, data + 2, size - 2);
	return 0;
}

size_t fuzz_seed(struct dfs_prng *prng, u8 *data, size_t capacity)
{
	u8 body[FUZZ_INPUT_BYTES_MAX];
	data[0] = (u8)dfs_prng_below(prng, dfs_array_count(rows));
	data[1] = (u8)dfs_prng_below(prng, 2);
	size_t size = fuzz_row_seed(&rows[data[0]], RECORD_VERSION, prng, body,
				    capacity - 2 - DFS_RECORD_HEADER_BYTES);
	if (data[1] == 1) {
		memcpy(data + 2, body, size);
		return 2 + size;
	}
	struct dfs_writer writer;
	dfs_writer_init(&writer, RECORD_VERSION, DFS_RECORD_HEADER_BYTES);
	dfs_record_begin(&writer);
	for (size_t i = 0; i < size; i++)
		dfs_put_u8(&writer, body[i]);
	struct dfs_span record = dfs_record_seal(&writer, RECORD_MAGIC);
	memcpy(data + 2, record.data, record.length);
	size = 2 + record.length;
	dfs_writer_fini(&writer);
	return size;
}
