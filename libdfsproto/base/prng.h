/*
 * A small deterministic generator (xoshiro256**, Blackman and Vigna 2018; seeded by splitmix64).
 * For jitter, placement and the simulator: never for secrets.
 */
#ifndef DFS_BASE_PRNG_H
#define DFS_BASE_PRNG_H

#include "libdfsproto/base/types.h"

struct dfs_prng {
	u64 state[4];
};

static inline u64 dfs_splitmix64(u64 *state)
{
	u64 z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline void dfs_prng_seed(struct dfs_prng *prng, u64 seed)
{
	for (int i = 0; i < 4; i++)
		prng->state[i] = dfs_splitmix64(&seed);
}

static inline u64 dfs_prng_next(struct dfs_prng *prng)
{
	u64 *s = prng->state;
	u64 x = s[1] * 5;
	u64 result = ((x << 7) | (x >> 57)) * 9;
	u64 t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return result;
}

/* Uniform in [0, bound); bound > 0. The bias for bounds far below 2^64 is negligible here. */
static inline u64 dfs_prng_below(struct dfs_prng *prng, u64 bound)
{
	DFS_ASSERT(bound > 0);
	return dfs_prng_next(prng) % bound;
}

#endif
