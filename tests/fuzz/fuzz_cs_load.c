/*
 * What a chunkserver does at its start with the rows of its index and the files beside them,
 * whatever they say: it serves or gives the disk up, and keeps every invariant while it scans,
 * lists, checks and deletes. Then it is stopped, or killed, or loses power, and starts once more
 * from what it made of that. Single records are fuzzed in fuzz_cs_records.c.
 *
 * Input: how the first life ends, then items. An item is {kind, chunk, bytes u16, contents}: a row
 * under the key that the kind and the chunk's number give, sealed so that its checksum is right; a
 * row with a key of its own, as it is; or a file, long because it is one byte repeated.
 */
#include "chunkserver/core/chunkserver.h"
#include "chunkserver/core/index.h"
#include "libdfsproto/base/errors.h"
#include "libdfsproto/wire/record.h"
#include "tests/fuzz/fuzz.h"
#include "tests/sim/sim.h"

enum {
	HEADER_BYTES = 4,
	ITEMS_MAX = 64,
	CHUNKS = 8,
	FILE_BYTES_MAX = 3 << 20,
	KEY_BYTES_MAX = 16,
	LIFE_SECONDS = 20,
};
enum item { ITEM_COUNTERS, ITEM_CHUNK, ITEM_SEGMENT, ITEM_RAW, ITEM_FILE, ITEMS_COUNT };
enum end { END_STOP, END_KILL, END_POWER, ENDS_COUNT };

/* Of the one disk. */
struct world {
	u64 boot;
	bool down; /* It exited by itself. */
	int status;
};

static void *make(void *arg, struct sim_node *node)
{
	const struct world *world = arg;
	struct cs_config config = {
	    .identity = {.cluster = 1, .node = 2, .host = 3},
	    .masters = "nobody:1",
	    .address = "here:1",
	    .local = "",
	    .disks_count = 1,
	    .kvs = {kv_sim_kv(sim_kv(node, 0))},
	    .boot = world->boot,
	};
	return cs_new(&config);
}

static void drop(void *core)
{
	cs_free(core);
}

static void on_down(void *arg, struct sim_node *node, bool crashed, int status)
{
	struct world *world = arg;
	world->down = !crashed;
	world->status = status;
	(void)node;
}

static u64 number_of(u8 chunk)
{
	return chunk % CHUNKS + 1u;
}

static void put_row(struct sim_node *node, struct dfs_span key, struct dfs_span value)
{
	struct dfs_kv_batch batch = {0};
	dfs_kv_batch_put(&batch, key, value);
	int status = dfs_kv_write(kv_sim_kv(sim_kv(node, 0)), &batch);
	DFS_ASSERT(status == 0);
	dfs_kv_batch_fini(&batch);
}

static void put_sealed(struct sim_node *node, enum item kind, u8 chunk, struct dfs_span body)
{
	static const u16 magics[] = {[ITEM_COUNTERS] = DFS_CS_COUNTERS_MAGIC,
				     [ITEM_CHUNK] = DFS_CS_CHUNK_MAGIC,
				     [ITEM_SEGMENT] = DFS_CS_SEGMENT_MAGIC};
	static const char letters[] = {
	    [ITEM_COUNTERS] = 'm', [ITEM_CHUNK] = 'c', [ITEM_SEGMENT] = 's'};
	static const u8 lengths[] = {[ITEM_COUNTERS] = 1, [ITEM_CHUNK] = 9, [ITEM_SEGMENT] = 13};
	u8 key[KEY_BYTES_MAX] = {(u8)letters[kind]};
	struct dfs_writer writer;
	if (kind != ITEM_COUNTERS)
		key[8] = (u8)number_of(chunk);
	if (kind == ITEM_SEGMENT)
		key[12] = chunk / CHUNKS % 4;
	dfs_writer_init(&writer, CS_DISK_VERSION, DFS_RECORD_HEADER_BYTES);
	dfs_record_begin(&writer);
	for (u32 i = 0; i < body.length; i++)
		dfs_put_u8(&writer, body.data[i]);
	put_row(node, dfs_span(key, lengths[kind]), dfs_record_seal(&writer, magics[kind]));
	dfs_writer_fini(&writer);
}

static void put_raw(struct sim_node *node, u8 prefix, struct dfs_span bytes)
{
	u32 key_bytes = dfs_min((u32)(prefix % KEY_BYTES_MAX), bytes.length);
	if (key_bytes == 0)
		return;
	put_row(node, dfs_span(bytes.data, key_bytes),
		dfs_span(bytes.data + key_bytes, bytes.length - key_bytes));
}

/* The contents: length u32, fill u8, then the attribute. */
static void put_file(struct sim_node *node, u8 chunk, struct dfs_span bytes)
{
	if (bytes.length < 5)
		return;
	u32 length = dfs_load_u32(bytes.data) % FILE_BYTES_MAX + 1;
	struct dfs_buf *buf = dfs_buf_new(length);
	memset(buf->data, bytes.data[4], length);
	buf->length = length;
	struct dfs_io io = {.kind = DFS_IO_FILE_WRITE,
			    .file = number_of(chunk),
			    .length = length,
			    .attribute = dfs_span(bytes.data + 5, bytes.length - 5)};
	struct disk_result result = {0};
	disk_sim_finish(sim_disk(node, 0), disk_sim_begin(sim_disk(node, 0), &io, buf), &result);
	dfs_buf_unref(result.buf);
	dfs_buf_unref(buf);
}

static void put_items(struct sim_node *node, const u8 *data, size_t size)
{
	for (u32 i = 0; i < ITEMS_MAX && size >= HEADER_BYTES; i++) {
		enum item kind = (enum item)(data[0] % ITEMS_COUNT);
		u32 length = dfs_min((u32)dfs_load_u16(data + 2), (u32)size - HEADER_BYTES);
		struct dfs_span bytes = dfs_span(data + HEADER_BYTES, length);
		if (kind == ITEM_FILE)
			put_file(node, data[1], bytes);
		else if (kind == ITEM_RAW)
			put_raw(node, data[1], bytes);
		else
			put_sealed(node, kind, data[1], bytes);
		data += HEADER_BYTES + length;
		size -= HEADER_BYTES + length;
	}
}

/* One life, from its start to when nothing is left to do. */
static void live(struct sim *sim, struct sim_node *node, struct world *world)
{
	world->down = false;
	sim_start(node);
	sim_run_until(sim, sim_now(sim) + LIFE_SECONDS * DFS_SEC);
	DFS_ASSERT(!world->down || world->status == DFS_EDISK_FAILED);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (size < 1)
		return 0;
	struct world world = {.boot = 1};
	struct sim *sim = sim_new(1, &sim_calm);
	struct sim_node_spec spec = {.name = "cs",
				     .ops = &cs_core_ops,
				     .make = make,
				     .drop = drop,
				     .down = on_down,
				     .arg = &world,
				     .disks_count = 1,
				     .disk_bytes = UINT64_C(1) << 32,
				     .kvs_count = 1,
				     .kv_kinds = {KV_SIM_LOGGED}};
	struct sim_node *node = sim_add(sim, &spec);
	put_items(node, data + 1, size - 1);
	live(sim, node, &world);
	enum end end = (enum end)(data[0] % ENDS_COUNT);
	if (!world.down && end == END_STOP) {
		sim_stop(node);
		sim_run_until(sim, sim_now(sim) + LIFE_SECONDS * DFS_SEC);
		DFS_ASSERT(world.down && world.status == 0);
	} else if (!world.down) {
		world.boot += end == END_POWER;
		sim_crash(node, end == END_POWER ? SIM_POWER : SIM_KILL);
	}
	live(sim, node, &world);
	sim_free(sim);
	return 0;
}

static size_t put_item(u8 *data, enum item kind, u8 chunk, const struct dfs_writer *body)
{
	u32 length = body->buf->length;
	data[0] = (u8)kind;
	data[1] = chunk;
	dfs_store_u16(data + 2, (u16)length);
	memcpy(data + HEADER_BYTES, body->buf->data, length);
	return HEADER_BYTES + length;
}

static void put_descriptor(struct dfs_prng *prng, struct dfs_writer *body, u8 chunk)
{
	struct dfs_cs_descriptor row = {
	    .cluster = 1, .chunk = number_of(chunk), .ino = 1, .hint = dfs_span_text("hint")};
	struct dfs_buf *record = cs_describe(&row);
	dfs_put_u32(body, (u32)dfs_prng_below(prng, FILE_BYTES_MAX));
	dfs_put_u8(body, (u8)dfs_prng_below(prng, 2));
	for (u32 i = 0; i < record->length && dfs_prng_below(prng, 200) != 0; i++)
		dfs_put_u8(body, record->data[i]);
	dfs_buf_unref(record);
}

static void put_body(struct dfs_prng *prng, struct dfs_writer *body, enum item kind, u8 chunk)
{
	u8 arena[4096];
	struct dfs_sampler sampler = {.arena = arena, .arena_capacity = sizeof(arena)};
	dfs_prng_seed(&sampler.prng, dfs_prng_next(prng));
	struct dfs_cs_counters counters = {.cluster = 1,
					   .boot = 1 + dfs_prng_below(prng, 2),
					   .fresh_from = dfs_prng_below(prng, CHUNKS),
					   .clean = dfs_prng_below(prng, 2) == 0};
	struct dfs_cs_chunk row = {.epoch = 1,
				   .length = (u32)dfs_prng_below(prng, FILE_BYTES_MAX),
				   .flags = (u8)dfs_prng_below(prng, CS_FLAGS_KNOWN + 1)};
	struct dfs_cs_segment segment;
	switch (kind) {
	case ITEM_COUNTERS:
		dfs_cs_counters_put(body, &counters);
		break;
	case ITEM_CHUNK:
		dfs_cs_chunk_put(body, &row);
		break;
	case ITEM_SEGMENT:
		dfs_cs_segment_sample(&sampler, &segment);
		dfs_cs_segment_put(body, &segment);
		break;
	case ITEM_RAW:
		for (u32 i = 0; i < 20; i++)
			dfs_put_u8(body, (u8)dfs_prng_next(prng));
		break;
	case ITEM_FILE:
		put_descriptor(prng, body, chunk);
		break;
	case ITEMS_COUNT:
		break;
	}
}

size_t fuzz_seed(struct dfs_prng *prng, u8 *data, size_t capacity)
{
	size_t size = 1;
	u64 items = 1 + dfs_prng_below(prng, 16);
	data[0] = (u8)dfs_prng_below(prng, ENDS_COUNT);
	for (u64 i = 0; i < items; i++) {
		struct dfs_writer body;
		dfs_writer_init(&body, CS_DISK_VERSION, 0);
		enum item kind =
		    i == 0 ? ITEM_COUNTERS : (enum item)dfs_prng_below(prng, ITEMS_COUNT);
		u8 chunk = (u8)dfs_prng_below(prng, 4 * CHUNKS);
		put_body(prng, &body, kind, chunk);
		if (size + HEADER_BYTES + body.buf->length <= capacity)
			size += put_item(data + size, kind, chunk, &body);
		dfs_writer_fini(&body);
	}
	return size;
}
