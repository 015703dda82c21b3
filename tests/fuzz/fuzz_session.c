/*
 * A session against a hostile peer. Input: a byte of flags (which side is attacked, before or after
 * the handshake), a seed for the chopping, then pieces: kind 0: u8 length, raw bytes as they are
 *   else:   u8 type, u8 flags, u8 status, u8 request, u8 version, u8 length, body: a frame, sealed
 * rightly Before the handshake the attacker may know the key: a kind of 255 is the message that is
 * due, made by the real peer. Whatever comes, the session's invariants hold, it leaks nothing, and
 * it comes up again with an honest peer afterwards.
 */
#include "libdfsproto/wire/frame.h"
#include "libdfsproto/wire/messages.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/session_pair.h"

enum { PREFIX_BYTES = 2, FRAME_PREFIX_BYTES = 6, KIND_RAW = 0, KIND_HONEST = 255 };
enum { FLAG_ACCEPTOR = 1, FLAG_UP = 2, FLAG_ANSWER = 4, FLAG_ASK = 8 };

static struct session_pair pair;

static void answer(struct session_pair *world, enum pair_side side,
		   const struct dfs_session_event *event)
{
	struct pair_end *end = &world->ends[side];
	if (event->kind == DFS_SESSION_EV_REQUEST)
		dfs_session_reply(end->session, event->request, event->type,
				  event->request % 3 == 0 ? DFS_EIO : 0, NULL, NULL, &end->fxs);
}

/* What the honest peer wants to say goes through or is dropped. */
static void settle(enum pair_side victim, bool honest)
{
	if (!honest)
		pair.ends[1 - victim].out.length = 0;
	pair_settle(&pair);
}

static size_t attack(enum pair_side victim, const u8 *data, size_t size)
{
	u8 kind = data[0];
	if (kind == KIND_HONEST) {
		settle(victim, true);
		return 1;
	}
	if (kind == KIND_RAW) {
		size_t length = size < 2 ? 0 : dfs_min((size_t)data[1], size - 2);
		settle(victim, false);
		pair_inject(&pair, victim, data + dfs_min(size, (size_t)2), (u32)length);
		pair_settle(&pair);
		return 2 + length;
	}
	if (size < FRAME_PREFIX_BYTES + 1)
		return size;
	u32 length = (u32)dfs_min((size_t)data[6], size - 1 - FRAME_PREFIX_BYTES);
	struct dfs_buf *buf = dfs_buf_new(DFS_FRAME_HEADER_BYTES + length);
	buf->length = DFS_FRAME_HEADER_BYTES + length;
	if (length > 0)
		memcpy(buf->data + DFS_FRAME_HEADER_BYTES, data + 1 + FRAME_PREFIX_BYTES, length);
	struct dfs_frame frame = {
	    .type = data[1],
	    .flags = data[2] % 2,
	    .status = data[2] % 2 == 0 ? 0 : -(int)(data[3] % 30),
	    .request = data[4],
	    .version = data[5] % 3,
	};
	dfs_frame_seal(buf, &frame, 0);
	settle(victim, false);
	pair_inject(&pair, victim, buf->data, buf->length);
	dfs_buf_unref(buf);
	pair_settle(&pair);
	return 1 + FRAME_PREFIX_BYTES + length;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (size < PREFIX_BYTES)
		return 0;
	u8 flags = data[0];
	enum pair_side victim = (flags & FLAG_ACCEPTOR) != 0 ? PAIR_ACCEPTOR : PAIR_CONNECTOR;
	pair_init(&pair, data[1]);
	pair.chop_max = 1u << data[1] % 10;
	pair.on_event = (flags & FLAG_ANSWER) != 0 ? answer : NULL;
	pair_start(&pair);
	if ((flags & FLAG_UP) != 0)
		pair_settle(&pair);
	if ((flags & FLAG_ASK) != 0 && pair.ends[victim].session != NULL) {
		for (u32 i = 0; i < 3; i++)
			pair_request(&pair, victim, i, 0);
	}
	size_t at = PREFIX_BYTES;
	for (u32 steps = 0; at < size && steps < 64; steps++) {
		at += attack(victim, data + at, size - at);
		if ((flags & FLAG_UP) == 0)
			pair.now +=
			    DFS_MSEC; /* Time passes, but not enough to end the handshake. */
	}
	pair_cut(&pair);
	pair.chop_max = 65536;
	pair.on_event = pair_echo;
	pair_run(&pair, 5 * DFS_SEC);
	DFS_ASSERT(pair_up(&pair));
	DFS_ASSERT(dfs_session_outstanding(pair.ends[PAIR_CONNECTOR].session) == 0);
	pair_fini(&pair);
	return 0;
}

size_t fuzz_seed(struct dfs_prng *prng, u8 *data, size_t capacity)
{
	static const u8 types[] = {DFS_MSG_HELLO,   DFS_MSG_CHALLENGE, DFS_MSG_PROVE,
				   DFS_MSG_READY,   DFS_MSG_REFUSE,    DFS_MSG_PING,
				   DFS_MSG_GETATTR, DFS_MSG_WRITE,     200};
	size_t size = PREFIX_BYTES;
	data[0] = (u8)dfs_prng_next(prng);
	data[1] = (u8)dfs_prng_next(prng);
	u64 pieces = 1 + dfs_prng_below(prng, 6);
	for (u64 i = 0; i < pieces && capacity - size > 300; i++) {
		u8 kind = (u8)dfs_prng_below(prng, 8);
		if (kind == 1) {
			data[size++] = KIND_HONEST;
			continue;
		}
		u8 length = (u8)dfs_prng_below(prng, 100);
		data[size++] = kind;
		if (kind != KIND_RAW) {
			data[size++] = types[dfs_prng_below(prng, sizeof(types))];
			data[size++] = (u8)dfs_prng_below(prng, 2);
			data[size++] = (u8)dfs_prng_below(prng, 30);
			data[size++] = (u8)dfs_prng_below(prng, 8);
			data[size++] = 1;
		}
		data[size++] = length;
		for (u8 j = 0; j < length; j++)
			data[size++] = (u8)dfs_prng_next(prng);
	}
	return size;
}
