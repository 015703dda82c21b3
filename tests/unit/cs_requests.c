/*
 * The requests of cs_world.h, and what their answers say.
 */
#include "libdfsproto/base/crc32c.h"
#include "libdfsproto/base/errors.h"
#include "tests/unit/cs_world.h"
#include "tests/unit/unit.h"

void world_writer(struct cs_world *world, bool master, struct dfs_writer *ret_writer)
{
	dfs_session_writer(master ? world->master.session : world->client.session, ret_writer);
}

u32 world_send(struct cs_world *world, bool master, u16 type, struct dfs_writer *writer,
	       struct dfs_buf *payload)
{
	struct world_peer *peer = master ? &world->master : &world->client;
	assert_true(world->requests_count < WORLD_REPLIES_MAX);
	u32 tag = world->requests_count++;
	struct dfs_payload bytes = {.buf = payload, .bytes = payload == NULL ? 0 : payload->length};
	(void)dfs_session_request(peer->session, type, writer, payload == NULL ? NULL : &bytes, tag,
				  &world->fxs);
	for (u32 i = 0; i < world->fxs.count; i++)
		assert_int_equal(world->fxs.v[i].kind, DFS_FX_LINK_SEND);
	world_flush(world, peer);
	return tag;
}

static u32 write_bytes(struct cs_world *world, struct dfs_write write, const u8 *data, u32 length)
{
	u32 offset = write.offset;
	u32 crcs[DFS_PAYLOAD_BYTES_MAX / DFS_BLOCK_BYTES + 1];
	u32 pieces = 0;
	for (u32 done = 0; done < length;) {
		u32 in_block = (offset + done) % DFS_BLOCK_BYTES;
		u32 bytes = dfs_min(DFS_BLOCK_BYTES - in_block, length - done);
		crcs[pieces++] = dfs_crc32c(data + done, bytes);
		done += bytes;
	}
	struct dfs_buf *payload = dfs_buf_new(dfs_max(length, 1u));
	memcpy(payload->data, data, length);
	payload->length = length;
	write.ino = 5;
	write.index = write.chunk;
	write.hint = dfs_span_text("name");
	write.crcs = dfs_span(crcs, pieces * sizeof(u32));
	struct dfs_writer writer;
	world_writer(world, false, &writer);
	dfs_write_put(&writer, &write);
	u32 tag = world_send(world, false, DFS_MSG_WRITE, &writer, payload);
	dfs_buf_unref(payload);
	return tag;
}

u32 world_write(struct cs_world *world, u64 chunk, u32 epoch, u32 offset, const u8 *data,
		u32 length)
{
	struct dfs_write write = {.chunk = chunk, .epoch = epoch, .offset = offset};
	return write_bytes(world, write, data, length);
}

u32 world_write_copy(struct cs_world *world, u64 chunk, u64 base, u32 base_bytes, u32 offset,
		     const u8 *data, u32 length)
{
	struct dfs_write write = {
	    .chunk = chunk, .epoch = 1, .offset = offset, .base = base, .base_bytes = base_bytes};
	return write_bytes(world, write, data, length);
}

u32 world_seal(struct cs_world *world, const u64 *chunks, u32 count)
{
	struct dfs_writer writer, list;
	dfs_writer_init(&list, DFS_PROTOCOL_VERSION, 0);
	for (u32 i = 0; i < count; i++)
		dfs_chunk_epoch_put(&list,
				    &(struct dfs_chunk_epoch){.chunk = chunks[i], .epoch = 1});
	struct dfs_seal seal = {.chunks = dfs_writer_items(&list)};
	world_writer(world, false, &writer);
	dfs_seal_put(&writer, &seal);
	dfs_writer_fini(&list);
	return world_send(world, false, DFS_MSG_SEAL, &writer, NULL);
}

u32 world_read(struct cs_world *world, u64 chunk, u32 offset, u32 length)
{
	struct dfs_writer writer;
	struct dfs_read read = {.chunk = chunk, .epoch = 1, .offset = offset, .length = length};
	world_writer(world, false, &writer);
	dfs_read_put(&writer, &read);
	return world_send(world, false, DFS_MSG_READ, &writer, NULL);
}

static struct dfs_items ids(struct dfs_writer *writer, const u64 *chunks, u32 count)
{
	dfs_writer_init(writer, DFS_PROTOCOL_VERSION, 0);
	for (u32 i = 0; i < count; i++) {
		struct dfs_id id = {.id = chunks[i]};
		dfs_id_put(writer, &id);
	}
	return dfs_writer_items(writer);
}

u32 world_sync(struct cs_world *world, const u64 *chunks, u32 count)
{
	struct dfs_writer writer, list;
	struct dfs_sync sync = {.chunks = ids(&list, chunks, count)};
	world_writer(world, false, &writer);
	dfs_sync_put(&writer, &sync);
	dfs_writer_fini(&list);
	return world_send(world, false, DFS_MSG_SYNC, &writer, NULL);
}

u32 world_punch(struct cs_world *world, u64 chunk, u32 offset, u32 length)
{
	struct dfs_writer writer;
	struct dfs_punch punch = {.chunk = chunk, .epoch = 1, .offset = offset, .length = length};
	world_writer(world, false, &writer);
	dfs_punch_put(&writer, &punch);
	return world_send(world, false, DFS_MSG_PUNCH, &writer, NULL);
}

u32 world_seek(struct cs_world *world, u64 chunk, u32 offset, bool hole)
{
	struct dfs_writer writer;
	struct dfs_seek seek = {.chunk = chunk, .epoch = 1, .offset = offset, .hole = hole};
	world_writer(world, false, &writer);
	dfs_seek_put(&writer, &seek);
	return world_send(world, false, DFS_MSG_SEEK, &writer, NULL);
}

u32 world_sought(struct cs_world *world, u64 chunk, u32 offset, bool hole)
{
	u32 tag = world_seek(world, chunk, offset, hole);
	struct dfs_seek_reply reply;
	assert_int_equal(world_status(world, tag), 0);
	const struct world_reply *got = &world->replies[tag];
	assert_int_equal(dfs_seek_reply_decode(dfs_span(got->body, got->body_bytes),
					       DFS_PROTOCOL_VERSION, &reply),
			 0);
	return reply.offset;
}

u32 world_trim(struct cs_world *world, u64 chunk, u32 length)
{
	struct dfs_writer writer;
	struct dfs_trim_chunk trim = {.chunk = chunk, .epoch = 1, .length = length};
	world_writer(world, true, &writer);
	dfs_trim_chunk_put(&writer, &trim);
	return world_send(world, true, DFS_MSG_TRIM_CHUNK, &writer, NULL);
}

u32 world_delete(struct cs_world *world, const u64 *chunks, u32 count)
{
	struct dfs_writer writer, list;
	struct dfs_delete_chunks body = {.chunks = ids(&list, chunks, count)};
	world_writer(world, true, &writer);
	dfs_delete_chunks_put(&writer, &body);
	dfs_writer_fini(&list);
	return world_send(world, true, DFS_MSG_DELETE_CHUNKS, &writer, NULL);
}

int world_status(struct cs_world *world, u32 tag)
{
	world_settle(world);
	assert_true(world->replies[tag].done);
	return world->replies[tag].status;
}

int world_write_now(struct cs_world *world, u64 chunk, u32 offset, const u8 *data, u32 length)
{
	return world_status(world, world_write(world, chunk, 1, offset, data, length));
}

int world_sync_now(struct cs_world *world, u64 chunk)
{
	return world_status(world, world_sync(world, &chunk, 1));
}

u32 world_bad_blocks(const struct cs_world *world, u32 tag)
{
	const struct world_reply *reply = &world->replies[tag];
	struct dfs_read_reply body;
	u8 block[DFS_BLOCK_BYTES];
	u32 bad = 0;
	assert_true(reply->done);
	assert_int_equal(reply->status, 0);
	assert_int_equal(dfs_read_reply_decode(dfs_span(reply->body, reply->body_bytes), 1, &body),
			 0);
	u32 blocks = (reply->payload_bytes + DFS_BLOCK_BYTES - 1) / DFS_BLOCK_BYTES;
	assert_int_equal(body.crcs.length, blocks * sizeof(u32));
	for (u32 i = 0; i < blocks; i++) {
		u32 bytes = dfs_min(reply->payload_bytes - i * DFS_BLOCK_BYTES, DFS_BLOCK_BYTES);
		memset(block, 0, sizeof(block));
		memcpy(block, reply->payload + i * DFS_BLOCK_BYTES, bytes);
		bad += dfs_crc32c(block, sizeof(block)) != dfs_load_u32(body.crcs.data + i * 4);
	}
	return bad;
}

void world_bytes(struct cs_world *world, u32 tag, u8 *ret_data, u32 length)
{
	assert_int_equal(world_status(world, tag), 0);
	assert_int_equal(world_bad_blocks(world, tag), 0);
	const struct world_reply *reply = &world->replies[tag];
	assert_true(reply->payload_bytes <= length);
	memset(ret_data, 0, length);
	if (reply->payload_bytes > 0)
		memcpy(ret_data, reply->payload, reply->payload_bytes);
}

void world_expect(struct cs_world *world, u64 chunk, u32 offset, const u8 *data, u32 length)
{
	u32 from = offset / DFS_BLOCK_BYTES * DFS_BLOCK_BYTES;
	u32 to = (offset + length + DFS_BLOCK_BYTES - 1) / DFS_BLOCK_BYTES * DFS_BLOCK_BYTES;
	u8 *got = malloc(to - from);
	world_bytes(world, world_read(world, chunk, from, to - from), got, to - from);
	assert_memory_equal(got + (offset - from), data, length);
	free(got);
}

u32 world_held_state(const struct cs_world *world, u64 chunk)
{
	for (u32 i = 0; i < world->held_count; i++)
		if (world->held[i].chunk == chunk)
			return world->held[i].state;
	return DFS_HELD_GONE;
}
