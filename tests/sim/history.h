/*
 * What a file may contain. While nothing went wrong that is one sequence of bytes. After a crash
 * each byte is one of several: what was there when it was last synced, or what any later write put
 * there.
 *
 * The promises it encodes (DESIGN: Promises): what fsync acknowledged stays; what close or a read
 * of another mount saw survives the death of every process; a power cut may take what was not
 * synced, and an fsync after it must not claim otherwise. Truncation is a change of the name space:
 * never undone.
 */
#ifndef TESTS_SIM_HISTORY_H
#define TESTS_SIM_HISTORY_H

#include "tests/sim/image.h"

struct history_op {
	bool truncate;
	bool grow;    /* The file is at least `offset` long. */
	bool to_end;  /* HOLE: the file ended there or before. */
	bool flushed; /* Close or fsync acknowledged it: survives the mount. */
	bool left;    /* Closed, or its mount died: nobody watches over it any more. */
	bool maybe;   /* It is not known whether it happened at all. */
	u64 offset;   /* TRUNCATE: the new size. */
	u64 length;
	u8 *data; /* NULL: zeros, a HOLE. */
};

struct history {
	struct image synced;    /* As of the last fsync. */
	struct image now;       /* Expected, as long as `uncertain` is false. */
	struct history_op *ops; /* Since the last fsync. */
	u32 ops_count;
	bool uncertain;   /* Bytes touched by ops may be old ones; reads are checked against all. */
	bool lossy;       /* Since the last sync a power cut may have taken whole chunks. */
	bool loss_told;   /* A read or an fsync said so: the chunk may come back as zeros. */
	bool loss_heard;  /* In frail worlds: an error said that something was dropped. */
	bool loss_hidden; /* A power cut may have taken what nobody watched over. */
	bool loss_untold; /* A power cut came: a later call may say that it took something. */
	bool mount_died;  /* Since then nothing was adopted: ops not flushed may be missing. */
	bool size_uncertain;
	u64 size_min; /* While size_uncertain. */
	u64 size_max;
};

void history_fini(struct history *history);
void history_write(struct history *history, u64 offset, const u8 *data, u64 length);
/* The last write is stored and committed: it survives its mount. */
void history_stored(struct history *history);
void history_truncate(struct history *history, u64 size);
/* fallocate(2): the range becomes zeros, as far as there is a file. */
void history_punch(struct history *history, u64 offset, u64 length);
/* It is at least so long; never undone. */
void history_grow(struct history *history, u64 size);
/* The last op may not have happened: it failed, was interrupted, or its mount died. */
void history_doubt_last(struct history *history);
/* The same of all ops from this one on. */
void history_doubt_from(struct history *history, u32 op);
/* Close or sync succeeded. A sync makes `now` certain. */
void history_flushed(struct history *history);
void history_synced(struct history *history);
/* Nobody has it open any more. */
void history_left(struct history *history);
/* A call said that something was lost: what was not flushed may be missing, whole chunks may be
 * gone. */
void history_loss_told(struct history *history);
/* It was told by a mount that lives on: what it held back is missing only where it belonged to a
 * chunk that may be gone. */
void history_held_back_lost(struct history *history, u32 chunk_shift);
/* A chunkserver lost power; the mount died. */
void history_power_cut(struct history *history);
void history_mount_died(struct history *history);

u64 history_size(const struct history *history);
/* Sizes that the servers may tell: less than expected when a mount had to drop what it held back,
 * even before a call tells of it. */
u64 history_size_least(const struct history *history, u32 chunk_shift);
u64 history_size_most(const struct history *history);
/* Is it what a read of [offset, +length) may return? Names the first byte that is wrong. */
bool history_allows(const struct history *history, u64 offset, u64 length, const u8 *data,
		    u64 count, u64 *ret_wrong);
/* May a read there fail, because a chunk that was never synced is gone? */
bool history_may_be_lost(const struct history *history, u64 offset, u64 length, u32 chunk_shift);
/* What lseek(2) said: is [from, to) nothing but zeros, as far as that is certain? */
bool history_may_be_hole(const struct history *history, u64 from, u64 to);
/* Can bytes there differ from `now`? */
bool history_touches(const struct history *history, u64 offset, u64 length);
/* The next range above `from` that uncertain ops touch, cut to `max` bytes. False: none. */
bool history_next_range(const struct history *history, u64 from, u64 max, u64 *ret_offset,
			u64 *ret_length);
/* What the servers have was read and allowed: it is what is expected from now on, though not
 * synced. */
void history_adopt_size(struct history *history, u64 size);
void history_adopt(struct history *history, u64 offset, const u8 *data, u64 length);
void history_adopted(struct history *history);

#endif
