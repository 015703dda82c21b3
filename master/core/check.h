/*
 * Do the tables fit together? A checker is fed every row of one moment in order of key, keeps what
 * it needs of them in memory, and names everything that does not fit. It reads no store and changes
 * nothing: the simulator and the unit tests feed it from a state machine (ms_state_check), `dfs
 * fsck` with what the master sends it (WALK).
 *
 * Memory: about 200 bytes for each inode, 100 for each chunk.
 */
#ifndef DFS_MASTER_CHECK_H
#define DFS_MASTER_CHECK_H

#include "libdfsproto/base/map.h"
#include "libdfsproto/base/span.h"

enum ms_fault {
#define FAULT(NAME, number, id, subject, at, noted, found, repair, meaning)                        \
	MS_FAULT_##NAME = (number),
#include "master/core/faults.def"
#undef FAULT
};

/* A row of faults.def. */
struct ms_fault_info {
	const char *id;
	const char *words[4]; /* What subject, at, noted and found are. */
	bool repair;
	const char *meaning;
};
/* NULL when there is no such fault. */
const struct ms_fault_info *ms_fault_info(u16 fault);

struct ms_finding {
	u16 fault; /* enum ms_fault */
	u64 subject;
	u64 at;
	u64 noted;
	u64 found;
};
/* In order of fault, subject, at, noted, found; for qsort. */
int ms_finding_compare(const void *a, const void *b);

enum ms_checked_flags {
	MS_CHECKED_MAPPED = 1,  /* A map row names it. */
	MS_CHECKED_ROW = 2,     /* It has a row in the chunk table ... */
	MS_CHECKED_GARBAGE = 4, /* ... or in the garbage table. */
	MS_CHECKED_BOUND = 8,   /* Its end is to be cut off at the chunkservers. */
	MS_CHECKED_TRIM = 16,   /* And a trim row says so. */
	MS_CHECKED_DEAD = 32,   /* Its map rows are all about to be dropped. */
	MS_CHECKED_SHARED = 64, /* The (first) map row says that others may name it. */
};

/* One chunk that the tables name. */
struct ms_checked_chunk {
	struct dfs_map_node node; /* By chunk. */
	u64 ino;                  /* By its map row, if there is one; else by its own. */
	u64 index;
	u64 row_ino; /* By its own row. */
	u64 row_index;
	u64 born;
	u32 row_references;
	u32 maps; /* Map rows that name it; only the first one's place is here. */
	u32 epoch;
	u8 flags;
	u8 shift;   /* Log2 of the size of its file's chunks; 0: not known. */
	u16 copies; /* For whoever looks at the chunkservers: not used here. */
};

struct ms_check;

struct ms_check *ms_check_new(void);
/* NULL is allowed. */
void ms_check_free(struct ms_check *check);
/* 0, or DFS_EWRONG_VERSION: rows of a newer build, nothing can be said. Anything else that is wrong
 * with a row is a finding. */
int ms_check_row(struct ms_check *check, struct dfs_span key, struct dfs_span value);
/* All rows were seen: what they add up to. Once. */
void ms_check_end(struct ms_check *check);

/* Sorted, after ms_check_end. Findings beyond the first million are only counted. */
const struct ms_finding *ms_check_findings(const struct ms_check *check, u32 *ret_count,
					   u64 *ret_dropped);
/* Inodes, chunks and rows seen. */
struct ms_checked_counts {
	u64 rows;
	u64 inodes;
	u64 chunks;
	u64 garbage;
	u64 sessions;
	u64 trash;       /* Rows of the trash ... */
	u64 trash_bytes; /* ... and the space of the inodes that say they are in it. */
};
struct ms_checked_counts ms_check_counts(const struct ms_check *check);

/* By id; NULL: the tables do not name it. */
struct ms_checked_chunk *ms_check_chunk(const struct ms_check *check, u64 chunk);
/* All, in no order. NULL starts and ends. */
struct ms_checked_chunk *ms_check_chunk_next(const struct ms_check *check,
					     const struct ms_checked_chunk *chunk);
/* By number. */
bool ms_check_has_inode(const struct ms_check *check, u64 ino);
/* Client sessions, in order. */
const u64 *ms_check_sessions(const struct ms_check *check, u32 *ret_count);
/* Inodes without a name, in order. */
const u64 *ms_check_orphans(const struct ms_check *check, u32 *ret_count);

#endif
