/*
 * The framer. Input: a seed for the chopping, flags, then a stream of bytes. The stream is fed in
 * one piece and chopped: both must give the same frames and the same end. When the flags say so,
 * the checksums of the headers are made right first, so that mutations get past them.
 */
#include "libdfsproto/wire/frame.h"

#include "libdfsproto/base/crc32c.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

enum { PREFIX_BYTES = 2 };

struct outcome {
	u32 frames;
	int status;
	u64 digest;
};

static void digest(struct outcome *outcome, const void *data, size_t length)
{
	u32 crc = dfs_crc32c_extend((u32)outcome->digest, data, length);
	outcome->digest = outcome->digest * UINT64_C(1099511628211) + crc + length;
}

static void note(struct outcome *outcome, const struct dfs_frame *frame)
{
	u64 numbers[] = {frame->version, frame->type, frame->flags, (u64)frame->status,
			 frame->request};
	DFS_ASSERT(frame->body.length <= DFS_BODY_BYTES_MAX);
	DFS_ASSERT(frame->status <= 0);
	digest(outcome, numbers, sizeof(numbers));
	if (frame->body.length > 0)
		digest(outcome, frame->body.data, frame->body.length);
	if (frame->payload != NULL) {
		DFS_ASSERT(frame->payload->length > 0);
		DFS_ASSERT(frame->payload->length <= DFS_PAYLOAD_BYTES_MAX);
		digest(outcome, frame->payload->data, frame->payload->length);
	}
	outcome->frames++;
}

static struct outcome feed(const u8 *data, size_t size, u32 chop, u64 seed, bool bounded)
{
	struct outcome outcome = {0};
	struct dfs_framer *framer = dfs_framer_new();
	struct dfs_prng prng;
	struct dfs_frame frame;
	size_t at = 0;
	dfs_prng_seed(&prng, seed);
	if (bounded)
		dfs_framer_bound(framer, DFS_HANDSHAKE_BODY_BYTES_MAX, 0);
	while (at < size && outcome.status == 0) {
		u8 *room;
		u32 room_bytes;
		dfs_framer_room(framer, &room, &room_bytes);
		DFS_ASSERT(room_bytes > 0);
		size_t count = 1 + dfs_prng_below(&prng, chop);
		count = dfs_min(dfs_min(count, size - at), (size_t)room_bytes);
		memcpy(room, data + at, count);
		at += count;
		dfs_framer_received(framer, (u32)count);
		while ((outcome.status = dfs_framer_next(framer, &frame)) == 1)
			note(&outcome, &frame);
	}
	dfs_framer_free(framer);
	return outcome;
}

/* Walk the headers and make their checksums right, as far as the lengths lead to whole frames. */
static void mend(u8 *data, size_t size)
{
	size_t at = 0;
	while (size - at >= DFS_FRAME_HEADER_BYTES) {
		u64 body = dfs_load_u32(data + at + 20);
		u64 payload = dfs_load_u32(data + at + 24);
		if (body + DFS_FRAME_HEADER_BYTES > size - at)
			return;
		dfs_store_u32(data + at, DFS_FRAME_MAGIC);
		u32 crc = dfs_crc32c(data + at, 28);
		crc = dfs_crc32c_extend(crc, data + at + DFS_FRAME_HEADER_BYTES, body);
		dfs_store_u32(data + at + 28, crc);
		at += DFS_FRAME_HEADER_BYTES + body;
		if (payload > size - at)
			return;
		at += payload;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (size < PREFIX_BYTES)
		return 0;
	u8 seed = data[0], flags = data[1];
	size_t length = size - PREFIX_BYTES;
	u8 *stream = malloc(length + 1);
	DFS_ASSERT(stream != NULL);
	memcpy(stream, data + PREFIX_BYTES, length);
	if ((flags & 1) != 0)
		mend(stream, length);
	bool bounded = (flags & 2) != 0;
	struct outcome whole = feed(stream, length, UINT32_MAX, 0, bounded);
	struct outcome chopped = feed(stream, length, 1u << seed % 14, seed, bounded);
	DFS_ASSERT(whole.frames == chopped.frames);
	DFS_ASSERT(whole.status == chopped.status);
	DFS_ASSERT(whole.digest == chopped.digest);
	DFS_ASSERT(dfs_buf_live_count() == 0);
	free(stream);
	return 0;
}

size_t fuzz_seed(struct dfs_prng *prng, u8 *data, size_t capacity)
{
	size_t size = PREFIX_BYTES;
	data[0] = (u8)dfs_prng_next(prng);
	data[1] = (u8)dfs_prng_next(prng) | (dfs_prng_below(prng, 4) != 0);
	u64 frames = 1 + dfs_prng_below(prng, 5);
	for (u64 i = 0; i < frames; i++) {
		u32 body = (u32)dfs_prng_below(prng, dfs_prng_below(prng, 8) == 0 ? 40000 : 200);
		u32 payload = (u32)dfs_prng_below(prng, dfs_prng_below(prng, 4) == 0 ? 50000 : 2);
		if (size + DFS_FRAME_HEADER_BYTES + body + payload > capacity)
			break;
		struct dfs_buf *buf = dfs_buf_new(DFS_FRAME_HEADER_BYTES + body);
		buf->length = DFS_FRAME_HEADER_BYTES + body;
		memset(buf->data, (int)i, buf->length);
		struct dfs_frame frame = {.version = 1, .type = 80, .request = i};
		frame.flags = (u16)dfs_prng_below(prng, 2);
		frame.status = frame.flags == 0 ? 0 : DFS_EIO;
		dfs_frame_seal(buf, &frame, payload);
		memcpy(data + size, buf->data, buf->length);
		size += buf->length;
		memset(data + size, 0x77, payload);
		size += payload;
		dfs_buf_unref(buf);
	}
	return size;
}
