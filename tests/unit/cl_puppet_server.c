/*
 * The puppet chunkserver: chunks in memory, every checksum of the client's looked at.
 */
#include "libdfsproto/base/crc32c.h"
#include "tests/unit/cl_world.h"
#include "tests/unit/unit.h"

struct puppet_chunk *world_chunk(struct puppet *puppet, u64 id, bool make)
{
	struct puppet_chunk *free_one = NULL;
	for (u32 i = 0; i < WORLD_CHUNKS_MAX; i++) {
		if (puppet->chunks[i].id == id)
			return &puppet->chunks[i];
		if (puppet->chunks[i].id == 0 && free_one == NULL)
			free_one = &puppet->chunks[i];
	}
	if (!make)
		return NULL;
	assert_non_null(free_one);
	free_one->id = id;
	free_one->data = calloc(1, WORLD_CHUNK_BYTES);
	assert_non_null(free_one->data);
	return free_one;
}

static void on_write(struct puppet *puppet, const struct dfs_session_event *request)
{
	struct dfs_write body;
	assert_int_equal(dfs_write_decode(request->body, request->version, &body), 0);
	assert_non_null(request->payload);
	const u8 *at = request->payload->data;
	u32 left = request->payload->length;
	u32 offset = body.offset;
	u32 pieces = 0;
	assert_true(offset + left <= WORLD_CHUNK_BYTES);
	assert_int_equal(body.chain.count, puppet->world->chain);
	while (left > 0) {
		u32 piece = dfs_min(DFS_BLOCK_BYTES - offset % DFS_BLOCK_BYTES, left);
		assert_true(4 * pieces < body.crcs.length);
		assert_int_equal(dfs_crc32c(at, piece), dfs_load_u32(body.crcs.data + 4 * pieces));
		at += piece;
		left -= piece;
		offset += piece;
		pieces++;
	}
	assert_int_equal(body.crcs.length, 4 * pieces);
	struct puppet_chunk *chunk = world_chunk(puppet, body.chunk, true);
	memcpy(chunk->data + body.offset, request->payload->data, request->payload->length);
	chunk->length = dfs_max(chunk->length, offset);
	chunk->synced = false;
	struct dfs_write_reply reply = {.length = chunk->length};
	struct dfs_writer writer;
	dfs_session_writer(puppet->session, &writer);
	dfs_write_reply_put(&writer, &reply);
	puppet_reply(puppet, request, 0, &writer, NULL);
}

static void on_read(struct puppet *puppet, const struct dfs_session_event *request)
{
	struct dfs_read body;
	u8 crcs[1024] = {0};
	assert_int_equal(dfs_read_decode(request->body, request->version, &body), 0);
	assert_int_equal(body.offset % DFS_BLOCK_BYTES, 0);
	assert_int_equal(body.length % DFS_BLOCK_BYTES, 0);
	struct puppet_chunk *chunk = world_chunk(puppet, body.chunk, false);
	if (chunk == NULL) {
		puppet_reply(puppet, request, DFS_ENO_CHUNK, NULL, NULL);
		return;
	}
	u32 end = dfs_min(chunk->length, body.offset + body.length);
	u32 bytes = end > body.offset ? end - body.offset : 0;
	u32 blocks = 0;
	struct dfs_buf *payload = dfs_buf_new(body.length + 1);
	memcpy(payload->data, chunk->data + body.offset, bytes);
	payload->length = bytes;
	for (u32 at = 0; at < bytes; at += DFS_BLOCK_BYTES) {
		u8 block[DFS_BLOCK_BYTES] = {0};
		memcpy(block, payload->data + at, dfs_min(bytes - at, (u32)DFS_BLOCK_BYTES));
		dfs_store_u32(crcs + 4 * blocks++, dfs_crc32c(block, sizeof(block)));
	}
	if (chunk->rotten && bytes > 0)
		payload->data[bytes / 2] ^= 1;
	struct dfs_read_reply reply = {.crcs = dfs_span(crcs, 4 * blocks)};
	struct dfs_payload piece = {.buf = payload, .bytes = bytes};
	struct dfs_writer writer;
	dfs_session_writer(puppet->session, &writer);
	dfs_read_reply_put(&writer, &reply);
	puppet_reply(puppet, request, 0, &writer, &piece);
	dfs_buf_unref(payload);
}

static void on_sync(struct puppet *puppet, const struct dfs_session_event *request)
{
	struct dfs_sync body;
	struct dfs_id id;
	int status = 0;
	assert_int_equal(dfs_sync_decode(request->body, request->version, &body), 0);
	while (dfs_id_next(&body.chunks, &id)) {
		struct puppet_chunk *chunk = world_chunk(puppet, id.id, false);
		if (chunk == NULL) {
			status = DFS_ENO_CHUNK;
			continue;
		}
		chunk->synced = true;
		chunk->syncs_count++;
	}
	puppet_reply(puppet, request, status, NULL, NULL);
}

static void on_punch(struct puppet *puppet, const struct dfs_session_event *request)
{
	struct dfs_punch body;
	assert_int_equal(dfs_punch_decode(request->body, request->version, &body), 0);
	struct puppet_chunk *chunk = world_chunk(puppet, body.chunk, false);
	if (chunk != NULL) {
		assert_true(body.length > 0 && body.offset + body.length <= WORLD_CHUNK_BYTES);
		memset(chunk->data + body.offset, 0, body.length);
		chunk->synced = false;
	}
	puppet_reply(puppet, request, chunk == NULL ? DFS_ENO_CHUNK : 0, NULL, NULL);
}

/* Blocks of zeros are holes. */
static void on_seek(struct puppet *puppet, const struct dfs_session_event *request)
{
	static const u8 zeros[DFS_BLOCK_BYTES];
	struct dfs_seek body;
	assert_int_equal(dfs_seek_decode(request->body, request->version, &body), 0);
	struct puppet_chunk *chunk = world_chunk(puppet, body.chunk, false);
	if (chunk == NULL) {
		puppet_reply(puppet, request, DFS_ENO_CHUNK, NULL, NULL);
		return;
	}
	u32 at = body.offset;
	while (at < chunk->length) {
		u32 block = at & ~(u32)(DFS_BLOCK_BYTES - 1);
		bool hole = memcmp(chunk->data + block, zeros, sizeof(zeros)) == 0;
		if (hole == (body.hole != 0))
			break;
		at = block + DFS_BLOCK_BYTES;
	}
	struct dfs_seek_reply reply = {.offset = at};
	if (at >= chunk->length)
		reply.offset = body.hole != 0 ? dfs_max(chunk->length, body.offset) : DFS_SEEK_NONE;
	struct dfs_writer writer;
	dfs_session_writer(puppet->session, &writer);
	dfs_seek_reply_put(&writer, &reply);
	puppet_reply(puppet, request, 0, &writer, NULL);
}

void puppet_server(struct puppet *puppet, const struct dfs_session_event *request)
{
	switch (request->type) {
	case DFS_MSG_WRITE:
		on_write(puppet, request);
		break;
	case DFS_MSG_READ:
		on_read(puppet, request);
		break;
	case DFS_MSG_SYNC:
		on_sync(puppet, request);
		break;
	case DFS_MSG_PUNCH:
		on_punch(puppet, request);
		break;
	case DFS_MSG_SEEK:
		on_seek(puppet, request);
		break;
	case DFS_MSG_SEAL: /* Tests do not write to it afterwards. */
		puppet_reply(puppet, request, 0, NULL, NULL);
		break;
	default:
		fail_msg("unexpected request %u", request->type);
	}
}
