/*
 * The checksums of the chunks in use, cached in memory segment by segment. What a segment here says
 * is what the index says (a pending mark may be gone here already, never the other way round):
 * every change is put into the index by whoever makes it, in the same step.
 */
#ifndef CS_CORE_CRCS_H
#define CS_CORE_CRCS_H

#include "chunkserver/core/cs_i.h"

/* CRC32C of a block of zeros; entries are stored XORed with it, so that zero means zeros. */
#define CS_ZERO_BLOCK_CRC UINT32_C(0x98f94189)

struct cs_segment {
	struct dfs_list lru_node; /* In cs.segments. */
	struct cs_live *live;
	struct cs_segment *next_free;
	u32 number;                          /* offset / DFS_SEGMENT_BYTES. */
	u32 entries[CS_SEGMENT_BLOCKS];      /* Per block: CRC XOR CS_ZERO_BLOCK_CRC. */
	u64 pending[CS_SEGMENT_BLOCKS / 64]; /* See CS_SEGMENT in disk_chunkserver.def. */
};

/* Find or load a segment of a chunk that has a live. Valid until the next get or the step's end.
 * DFS_ECORRUPT: the row is damaged. DFS_EDISK_FAILED: the index could not be read. */
int cs_crcs_get(struct cs *cs, struct cs_chunk *chunk, u32 number, struct dfs_fxs *fxs,
		struct cs_segment **ret_segment);
/* The row is damaged or not worth reading: take an empty segment in its place. */
struct cs_segment *cs_crcs_renew(struct cs *cs, struct cs_chunk *chunk, u32 number);
/* Drop cached segments from `number` on: they are gone, or no longer what the index says. */
void cs_crcs_forget(struct cs *cs, struct cs_live *live, u32 number);
/* All data of the chunk is on stable storage: no block is pending any more, as far as is cached. */
void cs_crcs_settle(struct cs_live *live);

/* The stored form of a block's first `length` bytes, the rest being zeros. */
u32 cs_crcs_entry(const u8 *data, u32 length);
/* The entry of a block that is zero except for `length` bytes at `at`. Entries add up by XOR where
 * the bytes that are not zero do not overlap, because CRCs are linear. */
u32 cs_crcs_entry_at(const u8 *data, u32 at, u32 length);

static inline void cs_crcs_set(struct cs_segment *segment, u32 block, u32 entry)
{
	u32 i = block % CS_SEGMENT_BLOCKS;
	segment->entries[i] = entry;
	segment->pending[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline bool cs_crcs_pending(const struct cs_segment *segment, u32 block)
{
	u32 i = block % CS_SEGMENT_BLOCKS;
	return (segment->pending[i / 64] >> (i % 64) & 1) != 0;
}

static inline bool cs_crcs_any_pending(const struct cs_segment *segment)
{
	u64 any = 0;
	for (u32 i = 0; i < CS_SEGMENT_BLOCKS / 64; i++)
		any |= segment->pending[i];
	return any != 0;
}

#endif
