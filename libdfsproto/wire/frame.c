/*
 * The framer: chopped bytes in, whole frames out. What a frame looks like is in frame.h.
 *
 * Bytes land in a receive area of 64 KiB and small frames are parsed where they lie. A body that
 * does not fit there gets a buffer of its own, a payload always does; what had arrived of it is
 * copied and the rest is received straight into it. Small payloads wait in the area instead: one
 * receive then brings many of them. Called by session/session.c; the fuzzer is
 * tests/fuzz/fuzz_frame.c.
 */
#include "libdfsproto/wire/frame.h"

#include "libdfsproto/base/crc32c.h"

#include <stdlib.h>

enum {
	AREA_BYTES = 65536,
	AREA_BYTES_SMALL = 4096,   /* While the bounds are a handshake's. */
	ROOM_BYTES_MIN = 16384,    /* Less than this at the end of the area: move its contents. */
	WAITING_BYTES_MAX = 32768, /* Whole frames up to this wait in the area. */
	CRC_AT = 28,
};
_Static_assert(WAITING_BYTES_MAX <= AREA_BYTES - ROOM_BYTES_MIN, "a waiting frame has room");

/*
 * HEADER -> (BODY ->) PAYLOAD -> GIVEN -> HEADER …; any but GIVEN may go to BROKEN and stays there.
 * One function moves: advance(), with take_header() and take_body().
 */
enum framer_state {
	FRAMER_HEADER,  /* Waits in the area for header and body, and a small payload. */
	FRAMER_BODY,    /* Receives header and body into `large`. */
	FRAMER_PAYLOAD, /* Header and body are verified; receives into `payload`, if any. */
	FRAMER_GIVEN,   /* The caller has the frame until the next call. */
	FRAMER_BROKEN,  /* `status` says why. */
};

struct header {
	struct dfs_frame frame; /* Without body and payload. */
	u32 body_bytes;
	u32 payload_bytes;
	u32 crc;
};

struct dfs_framer {
	enum framer_state state;
	int status;
	u32 body_bytes_max;
	u32 payload_bytes_max;
	struct dfs_buf *area;
	u32 start; /* area[start, end) is not parsed yet. */
	u32 end;
	struct header header;    /* Of the frame under way; from BODY on. */
	struct dfs_buf *large;   /* Header and body that did not fit into the area. */
	struct dfs_buf *payload; /* NULL while there is none. */
};

struct dfs_framer *dfs_framer_new(void)
{
	struct dfs_framer *framer = calloc(1, sizeof(*framer));
	DFS_ASSERT(framer != NULL);
	framer->body_bytes_max = DFS_BODY_BYTES_MAX;
	framer->payload_bytes_max = DFS_PAYLOAD_BYTES_MAX;
	return framer;
}

void dfs_framer_free(struct dfs_framer *framer)
{
	if (framer == NULL)
		return;
	dfs_buf_unref(framer->area);
	dfs_buf_unref(framer->large);
	dfs_buf_unref(framer->payload);
	free(framer);
}

void dfs_framer_bound(struct dfs_framer *framer, u32 body_bytes_max, u32 payload_bytes_max)
{
	DFS_ASSERT(body_bytes_max <= DFS_BODY_BYTES_MAX);
	DFS_ASSERT(payload_bytes_max <= DFS_PAYLOAD_BYTES_MAX);
	framer->body_bytes_max = body_bytes_max;
	framer->payload_bytes_max = payload_bytes_max;
}

/* Make room in the area: grow it when the bounds say so, move what is unparsed to the front. */
static void tidy_area(struct dfs_framer *framer)
{
	u32 unparsed = framer->end - framer->start;
	u32 small_max = AREA_BYTES_SMALL - DFS_FRAME_HEADER_BYTES;
	bool small = framer->body_bytes_max <= small_max && framer->payload_bytes_max == 0;
	u32 wanted = small ? AREA_BYTES_SMALL : AREA_BYTES;
	if (framer->area == NULL || framer->area->capacity < wanted) {
		struct dfs_buf *area = dfs_buf_new(wanted);
		if (unparsed > 0)
			memcpy(area->data, framer->area->data + framer->start, unparsed);
		dfs_buf_unref(framer->area);
		framer->area = area;
	} else if (unparsed > 0 && framer->area->capacity - framer->end < ROOM_BYTES_MIN) {
		memmove(framer->area->data, framer->area->data + framer->start, unparsed);
	} else if (unparsed > 0) {
		return;
	}
	framer->start = 0;
	framer->end = unparsed;
}

void dfs_framer_room(struct dfs_framer *framer, u8 **ret_data, u32 *ret_length)
{
	struct dfs_buf *direct = framer->state == FRAMER_BODY      ? framer->large
				 : framer->state == FRAMER_PAYLOAD ? framer->payload
								   : NULL;
	if (direct != NULL) {
		u32 whole = framer->state == FRAMER_PAYLOAD
				? framer->header.payload_bytes
				: DFS_FRAME_HEADER_BYTES + framer->header.body_bytes;
		DFS_ASSERT(direct->length < whole);
		*ret_data = direct->data + direct->length;
		*ret_length = whole - direct->length;
		return;
	}
	if (framer->state == FRAMER_BROKEN)
		framer->start = framer->end; /* The link is about to close; what comes is lost. */
	tidy_area(framer);
	*ret_data = framer->area->data + framer->end;
	*ret_length = framer->area->capacity - framer->end;
	DFS_ASSERT(*ret_length > 0);
}

void dfs_framer_received(struct dfs_framer *framer, u32 count)
{
	if (framer->state == FRAMER_BODY)
		framer->large->length += count;
	else if (framer->state == FRAMER_PAYLOAD)
		framer->payload->length += count;
	else
		framer->end += count;
	DFS_ASSERT(framer->state != FRAMER_PAYLOAD ||
		   framer->payload->length <= framer->header.payload_bytes);
	DFS_ASSERT(framer->area == NULL || framer->end <= framer->area->capacity);
}

static int decode_header(const struct dfs_framer *framer, const u8 *at, struct header *ret_header)
{
	struct header header = {0};
	header.frame.version = dfs_load_u16(at + 4);
	header.frame.type = dfs_load_u16(at + 6);
	header.frame.flags = dfs_load_u16(at + 8);
	header.frame.status = (int16_t)dfs_load_u16(at + 10);
	header.frame.request = dfs_load_u64(at + 12);
	header.body_bytes = dfs_load_u32(at + 20);
	header.payload_bytes = dfs_load_u32(at + 24);
	header.crc = dfs_load_u32(at + CRC_AT);
	if (dfs_load_u32(at) != DFS_FRAME_MAGIC)
		return DFS_EMALFORMED;
	if (header.body_bytes > framer->body_bytes_max ||
	    header.payload_bytes > framer->payload_bytes_max)
		return DFS_EMALFORMED;
	*ret_header = header;
	return 0;
}

/* What can only be judged once the checksum has shown that the bytes are those that were sent. */
static int verify(const struct header *header, const u8 *at)
{
	u32 crc = dfs_crc32c(at, CRC_AT);
	crc = dfs_crc32c_extend(crc, at + DFS_FRAME_HEADER_BYTES, header->body_bytes);
	if (crc != header->crc)
		return DFS_ECORRUPT;
	const struct dfs_frame *frame = &header->frame;
	if ((frame->flags & ~DFS_FRAME_REPLY) != 0)
		return DFS_EMALFORMED;
	if (frame->status != 0 && (frame->flags & DFS_FRAME_REPLY) == 0)
		return DFS_EMALFORMED;
	return frame->status <= 0 && dfs_error_known(frame->status) ? 0 : DFS_EMALFORMED;
}

/* Move what the area has of a part of `bytes` bytes into a buffer of that part's own. */
static struct dfs_buf *adopt(struct dfs_framer *framer, u32 bytes)
{
	struct dfs_buf *buf = dfs_buf_new(bytes);
	u32 here = dfs_min(bytes, framer->end - framer->start);
	if (here > 0)
		memcpy(buf->data, framer->area->data + framer->start, here);
	buf->length = here;
	framer->start += here;
	return buf;
}

/* Header and body are whole and lie at `at`, where they stay until the frame was given. */
static int take_body(struct dfs_framer *framer, const u8 *at)
{
	struct header *header = &framer->header;
	int status = verify(header, at);
	if (status != 0)
		return status;
	header->frame.body = dfs_span(at + DFS_FRAME_HEADER_BYTES, header->body_bytes);
	if (header->payload_bytes > 0)
		framer->payload = adopt(framer, header->payload_bytes);
	framer->state = FRAMER_PAYLOAD;
	return 1;
}

/* 1 when there was enough in the area to go on with, 0 when more must come. */
static int take_header(struct dfs_framer *framer)
{
	u32 unparsed = framer->end - framer->start;
	if (unparsed < DFS_FRAME_HEADER_BYTES)
		return 0;
	const u8 *at = framer->area->data + framer->start;
	int status = decode_header(framer, at, &framer->header);
	if (status != 0)
		return status;
	u32 head = DFS_FRAME_HEADER_BYTES + framer->header.body_bytes;
	u32 whole = head + framer->header.payload_bytes;
	u32 waiting_max = dfs_min((u32)WAITING_BYTES_MAX, framer->area->capacity);
	if (head > waiting_max) {
		framer->large = adopt(framer, head);
		framer->state = FRAMER_BODY;
		return 1;
	}
	if (unparsed < (whole <= waiting_max ? whole : head))
		return 0;
	framer->start += head;
	return take_body(framer, at);
}

/* One move of the state machine: 1 moved, 0 needs bytes, or the error that breaks the framer. */
static int advance(struct dfs_framer *framer)
{
	switch (framer->state) {
	case FRAMER_HEADER:
		return take_header(framer);
	case FRAMER_BODY:
		if (framer->large->length < DFS_FRAME_HEADER_BYTES + framer->header.body_bytes)
			return 0;
		return take_body(framer, framer->large->data);
	case FRAMER_PAYLOAD:
		if (framer->payload != NULL &&
		    framer->payload->length < framer->header.payload_bytes)
			return 0;
		framer->state = FRAMER_GIVEN;
		return 1;
	case FRAMER_GIVEN:
		dfs_buf_unref(framer->large);
		framer->large = NULL;
		dfs_buf_unref(framer->payload);
		framer->payload = NULL;
		framer->state = FRAMER_HEADER;
		return 1;
	case FRAMER_BROKEN:
		break;
	}
	return framer->status;
}

int dfs_framer_next(struct dfs_framer *framer, struct dfs_frame *ret_frame)
{
	for (;;) {
		int status = advance(framer);
		if (status < 0) {
			framer->state = FRAMER_BROKEN;
			framer->status = status;
		}
		if (status != 1)
			return status;
		if (framer->state == FRAMER_GIVEN)
			break;
	}
	*ret_frame = framer->header.frame;
	ret_frame->payload = framer->payload;
	return 1;
}

void dfs_frame_seal(struct dfs_buf *buf, const struct dfs_frame *frame, u32 payload_bytes)
{
	DFS_ASSERT(buf->length >= DFS_FRAME_HEADER_BYTES);
	DFS_ASSERT(buf->length - DFS_FRAME_HEADER_BYTES <= DFS_BODY_BYTES_MAX);
	DFS_ASSERT(payload_bytes <= DFS_PAYLOAD_BYTES_MAX);
	DFS_ASSERT(frame->status <= 0 && frame->status >= INT16_MIN);
	u32 body_bytes = buf->length - DFS_FRAME_HEADER_BYTES;
	u8 *at = buf->data;
	dfs_store_u32(at, DFS_FRAME_MAGIC);
	dfs_store_u16(at + 4, frame->version);
	dfs_store_u16(at + 6, frame->type);
	dfs_store_u16(at + 8, frame->flags);
	dfs_store_u16(at + 10, (u16)frame->status);
	dfs_store_u64(at + 12, frame->request);
	dfs_store_u32(at + 20, body_bytes);
	dfs_store_u32(at + 24, payload_bytes);
	u32 crc = dfs_crc32c(at, CRC_AT);
	crc = dfs_crc32c_extend(crc, at + DFS_FRAME_HEADER_BYTES, body_bytes);
	dfs_store_u32(at + CRC_AT, crc);
}
