/*
 * Byte ranges with their data, sorted and without overlap: what one slot of a file (512 KiB) holds
 * in memory, or what a read found there. Positions count from the start of the slot.
 *
 * Pieces of large writes reference the buffer they came in; small ones are copied, and one that
 * continues another is appended to it, so that sequential small writes become one large one. A
 * buffer that anybody else references is never changed: a read may be looking at it.
 */
#ifndef CL_EXTENTS_H
#define CL_EXTENTS_H

#include "libdfsproto/session/session.h"

struct cl_extent {
	u32 start;
	u32 end;
	u32 offset; /* Of `start` in buf. */
	struct dfs_buf *buf;
};

struct cl_extents {
	struct cl_extent *v;
	u32 count;
	u32 capacity;
	u32 bytes; /* Sum of the lengths. */
};

/* A zeroed struct is empty. */
void cl_extents_clear(struct cl_extents *set);
void cl_extents_fini(struct cl_extents *set);

/* data[offset, +bytes) becomes [start, start + bytes), whatever was there: by a reference to its
 * buffer, or copied. `expected` is how much room a copy takes at least, for what is appended later.
 */
void cl_extents_put(struct cl_extents *set, u32 start, const struct dfs_payload *data,
		    bool reference, u32 expected);
/* Nothing in [start, end) stays. */
void cl_extents_erase(struct cl_extents *set, u32 start, u32 end);
/* What `from` has in [start, end) and `set` has not, `set` gets; buffers are referenced. */
void cl_extents_fill(struct cl_extents *set, const struct cl_extents *from, u32 start, u32 end);
/* All of `from` goes to the empty `to`. */
void cl_extents_move(struct cl_extents *to, struct cl_extents *from);
/* Join runs of small neighbours, so that they can be sent at once. */
void cl_extents_join(struct cl_extents *set);

/* Index of the first extent that ends after `at`; count when there is none. */
u32 cl_extents_find(const struct cl_extents *set, u32 at);
bool cl_extents_cover(const struct cl_extents *set, u32 start, u32 end);
/* The smallest range outside of which [start, end) is covered; false when all of it is. */
bool cl_extents_gap(const struct cl_extents *set, u32 start, u32 end, u32 *ret_start, u32 *ret_end);
/* Copy what there is of [start, end) to into[0 .. end - start). */
void cl_extents_copy(const struct cl_extents *set, u32 start, u32 end, u8 *into);
void cl_extents_check(const struct cl_extents *set);

#endif
