/*
 * The arithmetic of weighted rendezvous hashing, in integers so that every machine and build agrees
 * and the core needs no floating point. Called by grants.c; the weights come from servers.c.
 */
#include "master/core/placement.h"

#include "libdfsproto/base/prng.h"

/*
 * -log2(draw / 2^64) in 1/65536ths, at least 1. The fraction between two powers of two is
 * f + 0.3439 f (1 - f), which is within 0.008 of log2(1 + f): the weights are that exact.
 */
static u64 negative_log2(u64 draw)
{
	u32 leading = draw == 0 ? 63 : (u32)__builtin_clzll(draw);
	u64 fraction = (draw << leading << 1) >> 48;
	u64 bend = (fraction * (65536 - fraction)) >> 16;
	u64 log2_fraction = fraction + ((bend * 22538) >> 16);
	u64 whole = (u64)(leading + 1) << 16;
	return whole > log2_fraction ? whole - log2_fraction : 1;
}

static u64 draw_of(u64 chunk, u64 server)
{
	u64 state = chunk * UINT64_C(0x9e3779b97f4a7c15) ^ server;
	(void)dfs_splitmix64(&state);
	return dfs_splitmix64(&state);
}

u64 ms_placement_score(u64 chunk, u64 server, u64 weight)
{
	if (weight == 0)
		return 0;
	u64 scaled = dfs_min(weight, UINT64_C(1) << 39) << 24;
	return dfs_max(scaled / negative_log2(draw_of(chunk, server)), 1u);
}
