/*
 * SipHash-2-4, as in the paper's figure 2.1; checked against its test vector in tests/unit.
 */
#include "master/core/name_hash.h"

struct sip {
	u64 v0, v1, v2, v3;
};

static u64 rotate(u64 value, int bits)
{
	return value << bits | value >> (64 - bits);
}

static void rounds(struct sip *s, int count)
{
	for (int i = 0; i < count; i++) {
		s->v0 += s->v1;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v2 = rotate(s->v2, 32);
	}
}

static u64 load(const u8 *at, u32 bytes)
{
	u64 value = 0;
	for (u32 i = 0; i < bytes; i++)
		value |= (u64)at[i] << (8 * i);
	return value;
}

static void mix(struct sip *s, u64 word)
{
	s->v3 ^= word;
	rounds(s, 2);
	s->v0 ^= word;
}

u64 ms_name_hash(const u64 key[2], struct dfs_span name)
{
	struct sip s = {
	    .v0 = key[0] ^ UINT64_C(0x736f6d6570736575),
	    .v1 = key[1] ^ UINT64_C(0x646f72616e646f6d),
	    .v2 = key[0] ^ UINT64_C(0x6c7967656e657261),
	    .v3 = key[1] ^ UINT64_C(0x7465646279746573),
	};
	u32 whole = name.length & ~7u;
	for (u32 at = 0; at < whole; at += 8)
		mix(&s, load(name.data + at, 8));
	u32 rest = name.length - whole;
	u64 last = (u64)name.length << 56;
	if (rest > 0)
		last |= load(name.data + whole, rest);
	mix(&s, last);
	s.v2 ^= 0xff;
	rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
