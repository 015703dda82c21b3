/*
 * Journal records and segments, shared by kv_journal.c (writing) and kv_journal_read.c.
 */
#ifndef DFS_HOST_KV_JOURNAL_I_H
#define DFS_HOST_KV_JOURNAL_I_H

#include "libdfsproto/host/kv_journal.h"

#include <stdatomic.h>

#define JOURNAL_SEGMENTS    2u
#define JOURNAL_MAGIC       0x314a4644u /* "DFJ1": format version 1. */
#define JOURNAL_ALIGN_BYTES 8u

/* On disk, little-endian, at a multiple of JOURNAL_ALIGN_BYTES; the batch follows. */
struct journal_header {
	u32 magic;
	u32 crc;      /* CRC32C of the rest of the header and the batch. */
	u64 sequence; /* One more than the record before. */
	u64 synced;   /* Records up to this one were on stable storage when this was written. */
	u64 salt;     /* Random, new in each life of the store: see kv_journal_read.c. */
	u32 bytes;    /* Of the batch. */
	u32 reserved; /* 0. */
};
_Static_assert(sizeof(struct journal_header) == 40, "no padding: this is a disk format");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "headers are stored as they are");

struct journal_segment {
	int fd;
	atomic_bool dirty; /* Written since the last sync began. */
};

struct kv_journal {
	struct journal_segment segments[JOURNAL_SEGMENTS];
	u64 segment_bytes;
	u64 salt;
	atomic_uint current;    /* The segment that is written to. */
	u64 offset;             /* Where in it the next record goes. */
	atomic_ullong appended; /* Sequence of the last record. */
	atomic_ullong synced;   /* The last one known to be on stable storage. */
	atomic_bool failed;     /* A sync failed. */
};

u32 journal_crc(const struct journal_header *header, struct dfs_span batch);
u64 journal_record_bytes(u32 batch_bytes);

#endif
