/*
 * wire/frame.h: layout, any chopping, limits, damage, direct receipt of payloads.
 */
#include "libdfsproto/base/crc32c.h"
#include "libdfsproto/wire/frame.h"
#include "tests/unit/unit.h"

struct wanted {
	struct dfs_frame frame;
	u32 body_bytes;
	u32 payload_bytes;
	u8 fill;
};

static struct dfs_buf *stream;

static void stream_begin(void)
{
	stream = dfs_buf_new(DFS_BUF_BYTES_MAX);
}

static void stream_append(const struct wanted *wanted)
{
	struct dfs_buf *buf = dfs_buf_new(DFS_FRAME_HEADER_BYTES + wanted->body_bytes);
	buf->length = DFS_FRAME_HEADER_BYTES + wanted->body_bytes;
	memset(buf->data, wanted->fill, buf->length);
	dfs_frame_seal(buf, &wanted->frame, wanted->payload_bytes);
	assert_true(stream->capacity - stream->length >= buf->length + wanted->payload_bytes);
	memcpy(stream->data + stream->length, buf->data, buf->length);
	stream->length += buf->length;
	memset(stream->data + stream->length, wanted->fill ^ 0xff, wanted->payload_bytes);
	stream->length += wanted->payload_bytes;
	dfs_buf_unref(buf);
}

static void stream_end(void)
{
	dfs_buf_unref(stream);
	assert_int_equal(dfs_buf_live_count(), 0);
	dfs_buf_pool_drain();
}

static void check_frame(const struct dfs_frame *got, const struct wanted *wanted)
{
	assert_int_equal(got->version, wanted->frame.version);
	assert_int_equal(got->type, wanted->frame.type);
	assert_int_equal(got->flags, wanted->frame.flags);
	assert_int_equal(got->status, wanted->frame.status);
	assert_int_equal(got->request, wanted->frame.request);
	assert_int_equal(got->body.length, wanted->body_bytes);
	for (u32 i = 0; i < got->body.length; i += i + 1000 < got->body.length ? 997 : 1)
		assert_int_equal(got->body.data[i], wanted->fill);
	assert_int_equal(got->payload != NULL, wanted->payload_bytes > 0);
	if (got->payload == NULL)
		return;
	assert_int_equal(got->payload->length, wanted->payload_bytes);
	for (u32 i = 0; i < got->payload->length; i += i + 1000 < got->payload->length ? 997 : 1)
		assert_int_equal(got->payload->data[i], (u8)(wanted->fill ^ 0xff));
}

/* Feed the stream in pieces of at most `chop` bytes; returns frames got, *ret_status the last
 * result. */
static u32 feed(const struct wanted *wanted, u32 chop, struct dfs_prng *prng, int *ret_status)
{
	struct dfs_framer *framer = dfs_framer_new();
	struct dfs_frame frame;
	u32 at = 0, frames = 0;
	int status = dfs_framer_next(framer, &frame);
	assert_int_equal(status, 0);
	while (at < stream->length && status >= 0) {
		u8 *room;
		u32 room_bytes;
		dfs_framer_room(framer, &room, &room_bytes);
		assert_true(room_bytes > 0);
		u32 most = prng == NULL ? chop : 1 + (u32)dfs_prng_below(prng, chop);
		u32 count = dfs_min(dfs_min(room_bytes, most), stream->length - at);
		memcpy(room, stream->data + at, count);
		at += count;
		dfs_framer_received(framer, count);
		while ((status = dfs_framer_next(framer, &frame)) == 1)
			check_frame(&frame, &wanted[frames++]);
	}
	if (status < 0) {
		/* Broken for good; there is room still, since the host may be about to receive. */
		u8 *room;
		u32 room_bytes;
		dfs_framer_room(framer, &room, &room_bytes);
		assert_true(room_bytes > 0);
		dfs_framer_received(framer, room_bytes);
		assert_int_equal(dfs_framer_next(framer, &frame), status);
	}
	*ret_status = status;
	dfs_framer_free(framer);
	return frames;
}

static void the_header_is_laid_out_as_documented(void **state)
{
	(void)state;
	struct dfs_buf *buf = dfs_buf_new(64);
	buf->length = DFS_FRAME_HEADER_BYTES + 3;
	memcpy(buf->data + DFS_FRAME_HEADER_BYTES, "abc", 3);
	struct dfs_frame frame = {
	    .version = 0x0102,
	    .type = 0x0304,
	    .flags = DFS_FRAME_REPLY,
	    .status = DFS_ENOENT,
	    .request = 0x1112131415161718,
	};
	dfs_frame_seal(buf, &frame, 0x4321);
	static const u8 expected[28] = {
	    'd',  'f',  's',  '1',  0x02, 0x01, 0x04, 0x03, 1, 0, 0xfe, 0xff, 0x18, 0x17,
	    0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 3,    0,    0, 0, 0x21, 0x43, 0,    0,
	};
	assert_memory_equal(buf->data, expected, 28);
	u32 crc = dfs_crc32c_extend(dfs_crc32c(expected, 28), "abc", 3);
	assert_int_equal(dfs_load_u32(buf->data + 28), crc);
	dfs_buf_unref(buf);
	dfs_buf_pool_drain();
}

static void frames_arrive_whole_however_they_are_chopped(void **state)
{
	(void)state;
	static const u32 bodies[] = {0,  1,    100, 4000, 33000, 70000, 0, DFS_BODY_BYTES_MAX,
				     17, 20000};
	static const u32 payloads[] = {0,     1, 0,     5000, 200000, 3, DFS_PAYLOAD_BYTES_MAX,
				       40000, 0, 100000};
	struct wanted wanted[dfs_array_count(bodies)];
	stream_begin();
	for (u32 i = 0; i < dfs_array_count(bodies); i++) {
		wanted[i] = (struct wanted){
		    .frame = {.version = 1, .type = (u16)(40 + i), .request = i},
		    .body_bytes = bodies[i],
		    .payload_bytes = payloads[i],
		    .fill = (u8)(i + 3),
		};
		if (i % 2 == 1)
			wanted[i].frame.flags = DFS_FRAME_REPLY;
		if (i % 4 == 1)
			wanted[i].frame.status = DFS_EIO;
		stream_append(&wanted[i]);
	}
	static const u32 chops[] = {1, 13, 31, 32, 33, 1000, 4096, 65536, 1u << 20, 1u << 22};
	for (u32 i = 0; i < dfs_array_count(chops); i++) {
		struct dfs_prng prng;
		int status;
		dfs_prng_seed(&prng, i);
		assert_int_equal(feed(wanted, chops[i], NULL, &status), dfs_array_count(bodies));
		assert_int_equal(status, 0);
		assert_int_equal(feed(wanted, chops[i], &prng, &status), dfs_array_count(bodies));
		assert_int_equal(status, 0);
	}
	stream_end();
}

static void many_small_frames_come_out_of_one_receive(void **state)
{
	(void)state;
	static struct wanted wanted[3000];
	stream_begin();
	for (u32 i = 0; i < dfs_array_count(wanted); i++) {
		wanted[i] = (struct wanted){
		    .frame = {.version = 1, .type = 82, .request = i},
		    .body_bytes = i % 90,
		    .payload_bytes = i % 5 == 0 ? 4096 : 0,
		    .fill = (u8)i,
		};
		stream_append(&wanted[i]);
	}
	int status;
	assert_int_equal(feed(wanted, 1u << 20, NULL, &status), dfs_array_count(wanted));
	assert_int_equal(status, 0);
	stream_end();
}

static void a_large_payload_is_received_straight_into_its_buffer(void **state)
{
	(void)state;
	struct wanted wanted = {.frame = {.version = 1, .type = 80},
				.body_bytes = 100,
				.payload_bytes = 524288,
				.fill = 9};
	stream_begin();
	stream_append(&wanted);
	struct dfs_framer *framer = dfs_framer_new();
	struct dfs_frame frame;
	u8 *room;
	u32 room_bytes;
	dfs_framer_room(framer, &room, &room_bytes);
	memcpy(room, stream->data, 1000);
	dfs_framer_received(framer, 1000);
	assert_int_equal(dfs_framer_next(framer, &frame), 0);
	dfs_framer_room(framer, &room, &room_bytes);
	assert_int_equal(room_bytes, 524288 - (1000 - 132));
	memcpy(room, stream->data + 1000, room_bytes);
	u8 *direct = room;
	dfs_framer_received(framer, room_bytes);
	assert_int_equal(dfs_framer_next(framer, &frame), 1);
	check_frame(&frame, &wanted);
	assert_ptr_equal(frame.payload->data + 1000 - 132, direct);
	/* Who keeps it holds a reference of his own. */
	struct dfs_buf *kept = dfs_buf_ref(frame.payload);
	assert_int_equal(dfs_framer_next(framer, &frame), 0);
	dfs_framer_free(framer);
	assert_int_equal(kept->refs, 1);
	dfs_buf_unref(kept);
	stream_end();
}

/* Short receives would cost more than the copy: one receive is to bring many small frames. */
static void a_small_payload_waits_in_the_area(void **state)
{
	(void)state;
	struct wanted wanted = {.frame = {.version = 1, .type = 80},
				.body_bytes = 100,
				.payload_bytes = 4096,
				.fill = 9};
	stream_begin();
	stream_append(&wanted);
	struct dfs_framer *framer = dfs_framer_new();
	struct dfs_frame frame;
	u8 *room;
	u32 room_bytes;
	dfs_framer_room(framer, &room, &room_bytes);
	memcpy(room, stream->data, 1000);
	dfs_framer_received(framer, 1000);
	assert_int_equal(dfs_framer_next(framer, &frame), 0);
	dfs_framer_room(framer, &room, &room_bytes);
	assert_true(room_bytes > 16384);
	memcpy(room, stream->data + 1000, stream->length - 1000);
	dfs_framer_received(framer, stream->length - 1000);
	assert_int_equal(dfs_framer_next(framer, &frame), 1);
	check_frame(&frame, &wanted);
	dfs_framer_free(framer);
	stream_end();
}

static void every_flipped_bit_is_noticed(void **state)
{
	(void)state;
	struct wanted wanted = {
	    .frame = {.version = 1, .type = 80, .request = 77}, .body_bytes = 20, .fill = 9};
	stream_begin();
	stream_append(&wanted);
	wanted.payload_bytes = 0;
	for (u32 bit = 0; bit < stream->length * 8; bit++) {
		int status;
		stream->data[bit / 8] ^= (u8)(1u << bit % 8);
		u32 frames = feed(&wanted, 1000, NULL, &status);
		stream->data[bit / 8] ^= (u8)(1u << bit % 8);
		assert_int_equal(frames, 0);
		/* A length that has grown within its limit waits for bytes that do not come. */
		bool length = bit / 8 >= 20 && bit / 8 < 28;
		assert_true(status < 0 || length);
	}
	stream_end();
}

/* A header changed by someone who knows how to compute its checksum. */
static int verdict_of(const struct dfs_frame *frame, u32 at, u32 value, u32 width)
{
	struct wanted wanted = {.frame = *frame, .body_bytes = 8, .fill = 1};
	int status;
	stream_begin();
	stream_append(&wanted);
	for (u32 i = 0; i < width; i++)
		stream->data[at + i] = (u8)(value >> 8 * i);
	u32 crc = dfs_crc32c(stream->data, 28);
	crc = dfs_crc32c_extend(crc, stream->data + 32, 8);
	dfs_store_u32(stream->data + 28, crc);
	u32 frames = feed(&wanted, 1000, NULL, &status);
	assert_int_equal(frames, 0);
	stream_end();
	return status;
}

static void headers_that_break_the_rules_are_malformed(void **state)
{
	(void)state;
	struct dfs_frame request = {.version = 1, .type = 80};
	struct dfs_frame reply = {.version = 1, .type = 80, .flags = DFS_FRAME_REPLY};
	assert_int_equal(verdict_of(&request, 0, 0x32736664, 4), DFS_EMALFORMED); /* magic */
	assert_int_equal(verdict_of(&request, 8, 2, 2), DFS_EMALFORMED);          /* flags */
	assert_int_equal(verdict_of(&request, 10, 0xfffe, 2), DFS_EMALFORMED);    /* status */
	assert_int_equal(verdict_of(&reply, 10, 2, 2), DFS_EMALFORMED);           /* positive */
	assert_int_equal(verdict_of(&reply, 10, 0x8000, 2), DFS_EMALFORMED);      /* unknown */
	assert_int_equal(verdict_of(&request, 20, DFS_BODY_BYTES_MAX + 1, 4), DFS_EMALFORMED);
	assert_int_equal(verdict_of(&request, 20, UINT32_MAX, 4), DFS_EMALFORMED);
	assert_int_equal(verdict_of(&request, 24, DFS_PAYLOAD_BYTES_MAX + 1, 4), DFS_EMALFORMED);
}

static void bounds_hold_until_they_are_raised(void **state)
{
	(void)state;
	struct wanted small = {.frame = {.version = 1, .type = 80}, .body_bytes = 50, .fill = 1};
	struct wanted large = {.frame = {.version = 1, .type = 80},
			       .body_bytes = 50000,
			       .payload_bytes = 9,
			       .fill = 2};
	stream_begin();
	stream_append(&small);
	stream_append(&large);
	for (u32 raise = 0; raise < 2; raise++) {
		struct dfs_framer *framer = dfs_framer_new();
		struct dfs_frame frame;
		dfs_framer_bound(framer, 2048, 0);
		u32 at = 0, frames = 0;
		int status = 0;
		while (at < stream->length && status >= 0) {
			u8 *room;
			u32 room_bytes;
			dfs_framer_room(framer, &room, &room_bytes);
			assert_true(frames > 0 || room_bytes <= 4096);
			u32 count = dfs_min(room_bytes, stream->length - at);
			memcpy(room, stream->data + at, count);
			at += count;
			dfs_framer_received(framer, count);
			while ((status = dfs_framer_next(framer, &frame)) == 1) {
				check_frame(&frame, frames++ == 0 ? &small : &large);
				if (raise)
					dfs_framer_bound(framer, DFS_BODY_BYTES_MAX,
							 DFS_PAYLOAD_BYTES_MAX);
			}
		}
		assert_int_equal(frames, 1 + raise);
		assert_int_equal(status, raise ? 0 : DFS_EMALFORMED);
		dfs_framer_free(framer);
	}
	stream_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_header_is_laid_out_as_documented),
	    cmocka_unit_test(frames_arrive_whole_however_they_are_chopped),
	    cmocka_unit_test(many_small_frames_come_out_of_one_receive),
	    cmocka_unit_test(a_large_payload_is_received_straight_into_its_buffer),
	    cmocka_unit_test(a_small_payload_waits_in_the_area),
	    cmocka_unit_test(every_flipped_bit_is_noticed),
	    cmocka_unit_test(headers_that_break_the_rules_are_malformed),
	    cmocka_unit_test(bounds_hold_until_they_are_raised),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
