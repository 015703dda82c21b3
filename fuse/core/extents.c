/*
 * See extents.h. Sets are small (a slot is sent when it has 64 extents), so a sorted array serves;
 * used by write_behind.c and read_part.c.
 */
#include "fuse/core/extents.h"

#include <stdlib.h>

enum {
	JOIN_BYTES = 64 << 10, /* Neighbours smaller than this are joined before sending. */
	RUN_BYTES_MAX = DFS_WIRE_IO_BYTES, /* No slot is longer. */
};

static void reserve(struct cl_extents *set, u32 count)
{
	if (count <= set->capacity)
		return;
	u32 capacity = dfs_max(set->capacity * 2, dfs_max(count, 2u));
	struct cl_extent *v = realloc(set->v, capacity * sizeof(*v));
	DFS_ASSERT(v != NULL);
	set->v = v;
	set->capacity = capacity;
}

void cl_extents_clear(struct cl_extents *set)
{
	for (u32 i = 0; i < set->count; i++)
		dfs_buf_unref(set->v[i].buf);
	set->count = 0;
	set->bytes = 0;
}

void cl_extents_fini(struct cl_extents *set)
{
	cl_extents_clear(set);
	free(set->v);
	*set = (struct cl_extents){0};
}

u32 cl_extents_find(const struct cl_extents *set, u32 at)
{
	u32 low = 0, high = set->count;
	while (low < high) {
		u32 middle = low + (high - low) / 2;
		if (set->v[middle].end > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Takes the extent's reference. */
static void insert_take(struct cl_extents *set, u32 at, struct cl_extent extent)
{
	DFS_ASSERT(extent.start < extent.end);
	reserve(set, set->count + 1);
	memmove(&set->v[at + 1], &set->v[at], (set->count - at) * sizeof(*set->v));
	set->v[at] = extent;
	set->count++;
	set->bytes += extent.end - extent.start;
}

static void remove_at(struct cl_extents *set, u32 at)
{
	set->bytes -= set->v[at].end - set->v[at].start;
	dfs_buf_unref(set->v[at].buf);
	set->count--;
	memmove(&set->v[at], &set->v[at + 1], (set->count - at) * sizeof(*set->v));
}

void cl_extents_erase(struct cl_extents *set, u32 start, u32 end)
{
	if (start >= end)
		return;
	u32 at = cl_extents_find(set, start);
	while (at < set->count && set->v[at].start < end) {
		struct cl_extent *extent = &set->v[at];
		if (extent->start >= start && extent->end <= end) {
			remove_at(set, at);
			continue;
		}
		if (extent->start < start && extent->end > end) {
			struct cl_extent rest = *extent;
			rest.offset += end - rest.start;
			rest.start = end;
			dfs_buf_ref(rest.buf);
			set->bytes -= extent->end - start;
			extent->end = start;
			insert_take(set, at + 1, rest);
			return;
		}
		if (extent->start < start) {
			set->bytes -= extent->end - start;
			extent->end = start;
			at++;
			continue;
		}
		set->bytes -= end - extent->start;
		extent->offset += end - extent->start;
		extent->start = end;
		return;
	}
}

static struct dfs_buf *copy_of(const struct dfs_buf *buf, u32 offset, u32 bytes, u32 capacity)
{
	struct dfs_buf *copy = dfs_buf_new(dfs_max(capacity, bytes));
	memcpy(copy->data, buf->data + offset, bytes);
	copy->length = bytes;
	return copy;
}

/* The piece continues `extent`: put it behind, in the same buffer. */
static void append(struct cl_extents *set, struct cl_extent *extent, const struct dfs_payload *data,
		   u32 expected)
{
	u32 length = extent->end - extent->start;
	u32 needed = length + data->bytes;
	if (extent->buf->refs > 1 || extent->offset + needed > extent->buf->capacity) {
		u32 capacity =
		    dfs_max(dfs_min(dfs_max(needed * 2, expected), RUN_BYTES_MAX), needed);
		struct dfs_buf *copy = copy_of(extent->buf, extent->offset, length, capacity);
		dfs_buf_unref(extent->buf);
		extent->buf = copy;
		extent->offset = 0;
	}
	memcpy(extent->buf->data + extent->offset + length, data->buf->data + data->offset,
	       data->bytes);
	extent->end += data->bytes;
	set->bytes += data->bytes;
}

void cl_extents_put(struct cl_extents *set, u32 start, const struct dfs_payload *data,
		    bool reference, u32 expected)
{
	DFS_ASSERT(data->bytes > 0);
	u32 end = start + data->bytes;
	u32 at = cl_extents_find(set, start);
	if (at < set->count && set->v[at].start <= start && set->v[at].end >= end &&
	    set->v[at].buf->refs == 1) {
		memcpy(set->v[at].buf->data + set->v[at].offset + (start - set->v[at].start),
		       data->buf->data + data->offset, data->bytes);
		return;
	}
	cl_extents_erase(set, start, end);
	at = cl_extents_find(set, start);
	if (!reference && at > 0 && set->v[at - 1].end == start) {
		append(set, &set->v[at - 1], data, expected);
		return;
	}
	struct cl_extent extent = {.start = start, .end = end};
	if (reference) {
		extent.buf = dfs_buf_ref(data->buf);
		extent.offset = data->offset;
	} else {
		extent.buf = copy_of(data->buf, data->offset, data->bytes, expected);
	}
	insert_take(set, at, extent);
}

void cl_extents_fill(struct cl_extents *set, const struct cl_extents *from, u32 start, u32 end)
{
	DFS_ASSERT(set != from);
	for (u32 i = cl_extents_find(from, start); i < from->count && from->v[i].start < end; i++) {
		const struct cl_extent *source = &from->v[i];
		u32 at = dfs_max(source->start, start);
		u32 stop = dfs_min(source->end, end);
		while (at < stop) {
			u32 next = cl_extents_find(set, at);
			u32 gap_end = next == set->count ? stop : dfs_min(set->v[next].start, stop);
			if (gap_end > at)
				insert_take(set, next,
					    (struct cl_extent){
						.start = at,
						.end = gap_end,
						.offset = source->offset + (at - source->start),
						.buf = dfs_buf_ref(source->buf),
					    });
			else
				gap_end = set->v[next].end;
			at = gap_end;
		}
	}
}

void cl_extents_move(struct cl_extents *to, struct cl_extents *from)
{
	DFS_ASSERT(to->count == 0);
	struct cl_extents empty = *to;
	*to = *from;
	*from = empty;
}

static struct cl_extent joined(const struct cl_extent *run, u32 count)
{
	struct cl_extent whole = {.start = run[0].start, .end = run[count - 1].end};
	whole.buf = dfs_buf_new(whole.end - whole.start);
	for (u32 i = 0; i < count; i++) {
		memcpy(whole.buf->data + (run[i].start - whole.start),
		       run[i].buf->data + run[i].offset, run[i].end - run[i].start);
		dfs_buf_unref(run[i].buf);
	}
	return whole;
}

void cl_extents_join(struct cl_extents *set)
{
	u32 kept = 0;
	for (u32 i = 0; i < set->count;) {
		u32 run = 1;
		while (i + run < set->count && set->v[i + run].start == set->v[i + run - 1].end &&
		       set->v[i].end - set->v[i].start < JOIN_BYTES &&
		       set->v[i + run].end - set->v[i + run].start < JOIN_BYTES)
			run++;
		set->v[kept++] = run == 1 ? set->v[i] : joined(&set->v[i], run);
		i += run;
	}
	set->count = kept;
}

bool cl_extents_gap(const struct cl_extents *set, u32 start, u32 end, u32 *ret_start, u32 *ret_end)
{
	u32 i = cl_extents_find(set, start);
	while (i < set->count && set->v[i].start <= start && start < end)
		start = set->v[i++].end;
	if (start >= end)
		return false;
	u32 last = set->count;
	while (last > i && set->v[last - 1].start >= end)
		last--;
	while (last > i && set->v[last - 1].end >= end)
		end = set->v[--last].start;
	*ret_start = start;
	*ret_end = end;
	return true;
}

bool cl_extents_cover(const struct cl_extents *set, u32 start, u32 end)
{
	u32 from, to;
	return !cl_extents_gap(set, start, end, &from, &to);
}

void cl_extents_copy(const struct cl_extents *set, u32 start, u32 end, u8 *into)
{
	for (u32 i = cl_extents_find(set, start); i < set->count && set->v[i].start < end; i++) {
		const struct cl_extent *extent = &set->v[i];
		u32 from = dfs_max(extent->start, start);
		u32 to = dfs_min(extent->end, end);
		memcpy(into + (from - start),
		       extent->buf->data + extent->offset + (from - extent->start), to - from);
	}
}

void cl_extents_check(const struct cl_extents *set)
{
	u32 bytes = 0;
	for (u32 i = 0; i < set->count; i++) {
		const struct cl_extent *extent = &set->v[i];
		DFS_ASSERT(extent->start < extent->end);
		DFS_ASSERT(i == 0 || set->v[i - 1].end <= extent->start);
		DFS_ASSERT(extent->buf->refs > 0);
		DFS_ASSERT(extent->offset + (extent->end - extent->start) <= extent->buf->capacity);
		bytes += extent->end - extent->start;
	}
	DFS_ASSERT(bytes == set->bytes);
	DFS_ASSERT(set->count <= set->capacity);
}
