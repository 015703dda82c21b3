/*
 * Byte-exact expectations with doubt; see history.h.
 */
#include "tests/sim/history.h"

#include "libdfsproto/base/limits.h"

#include <stdlib.h>
#include <string.h>

static void clear_ops(struct history *history)
{
	for (u32 i = 0; i < history->ops_count; i++)
		free(history->ops[i].data);
	free(history->ops);
	history->ops = NULL;
	history->ops_count = 0;
}

void history_fini(struct history *history)
{
	clear_ops(history);
	image_fini(&history->synced);
	image_fini(&history->now);
	memset(history, 0, sizeof(*history));
}

static struct history_op *add_op(struct history *history)
{
	size_t count = (size_t)history->ops_count + 1;
	void *ops = realloc(history->ops, count * sizeof(*history->ops));
	DFS_ASSERT(ops != NULL);
	history->ops = ops;
	struct history_op *op = &history->ops[history->ops_count++];
	memset(op, 0, sizeof(*op));
	return op;
}

u64 history_size(const struct history *history)
{
	return history->now.length;
}

void history_write(struct history *history, u64 offset, const u8 *data, u64 length)
{
	struct history_op *op = add_op(history);
	op->offset = offset;
	op->length = length;
	op->data = malloc(dfs_max(length, UINT64_C(1)));
	DFS_ASSERT(op->data != NULL);
	memcpy(op->data, data, length);
	image_write(&history->now, offset, data, length);
}

/* Whatever its size is in doubt: it is at least that long now. */
static void extend_doubt(struct history *history, u64 size)
{
	history->size_min = dfs_max(history->size_min, size);
	history->size_max = dfs_max(history->size_max, size);
}

void history_stored(struct history *history)
{
	struct history_op *op = &history->ops[history->ops_count - 1];
	op->flushed = true;
	extend_doubt(history, op->offset + op->length);
}

void history_truncate(struct history *history, u64 size)
{
	struct history_op *op = add_op(history);
	op->truncate = true;
	op->offset = size;
	op->flushed = true; /* It was acknowledged by the master. */
	history->size_uncertain = false;
	history->loss_told = history->loss_told && size > 0;
	image_truncate(&history->now, size);
}

void history_punch(struct history *history, u64 offset, u64 length)
{
	u64 size = history->now.length;
	u64 end = dfs_min(offset + length, size);
	struct history_op *op = add_op(history);
	op->offset = dfs_min(offset, end);
	op->length = end - op->offset;
	op->to_end = end == size && !history->size_uncertain;
	op->flushed = true; /* Stored, or in the master's log. */
	image_punch(&history->now, op->offset, op->length);
}

void history_grow(struct history *history, u64 size)
{
	struct history_op *op = add_op(history);
	op->grow = true;
	op->offset = size;
	op->flushed = true;
	image_truncate(&history->now, dfs_max(size, history->now.length));
	extend_doubt(history, size);
}

static void doubt_size(struct history *history, u64 size)
{
	if (!history->size_uncertain) {
		history->size_uncertain = true;
		history->size_min = history->size_max = size;
	}
	history->size_min = dfs_min(history->size_min, size);
	history->size_max = dfs_max(history->size_max, size);
}

static u64 size_after(u64 size, const struct history_op *op)
{
	if (op->truncate)
		return op->offset;
	if (op->grow || op->data != NULL)
		return dfs_max(size, op->offset + op->length);
	return size;
}

/* Sizes the file may have when doubtful ops happened or not, in their order. */
static void doubt_sizes(struct history *history, bool unflushed_too)
{
	u64 least = history->synced.length, most = least;
	for (u32 i = 0; i < history->ops_count; i++) {
		const struct history_op *op = &history->ops[i];
		bool sure = !op->maybe && (op->flushed || !unflushed_too);
		u64 a = size_after(least, op), b = size_after(most, op);
		least = sure ? a : dfs_min(least, dfs_min(a, b));
		most = sure ? b : dfs_max(most, dfs_max(a, b));
	}
	doubt_size(history, least);
	doubt_size(history, most);
	doubt_size(history, history->now.length);
}

void history_doubt_from(struct history *history, u32 op)
{
	for (u32 i = op; i < history->ops_count; i++)
		history->ops[i].maybe = true;
	history->uncertain = true;
	doubt_sizes(history, history->mount_died);
}

void history_doubt_last(struct history *history)
{
	DFS_ASSERT(history->ops_count > 0);
	history_doubt_from(history, history->ops_count - 1);
}

void history_flushed(struct history *history)
{
	for (u32 i = 0; i < history->ops_count; i++)
		history->ops[i].flushed = true;
}

void history_synced(struct history *history)
{
	clear_ops(history);
	image_copy(&history->synced, &history->now);
	history->lossy = history->loss_told;
	history->uncertain = false;
	history->loss_hidden = false;
	history->mount_died = false;
	history->size_uncertain = false;
}

void history_power_cut(struct history *history)
{
	if (history->ops_count == 0)
		return;
	history->uncertain = true;
	history->lossy = true;
	history->loss_untold = true;
	for (u32 i = 0; i < history->ops_count; i++)
		history->loss_hidden = history->loss_hidden || history->ops[i].left;
}

void history_loss_told(struct history *history)
{
	bool lost = false;
	history->loss_told = history->lossy;
	for (u32 i = 0; i < history->ops_count; i++)
		lost = lost || !history->ops[i].flushed || history->ops[i].maybe;
	if (!lost)
		return;
	history->uncertain = true;
	history->mount_died = true;
	doubt_sizes(history, true);
}

void history_mount_died(struct history *history)
{
	bool told = history->loss_told;
	history->loss_untold = false;
	history_left(history);
	history_loss_told(history);
	history->loss_told = told;
}

void history_left(struct history *history)
{
	for (u32 i = 0; i < history->ops_count; i++)
		history->ops[i].left = true;
}

/* --- Checks. --- */

/* A hole took all of a chunk from `start` on: the chunk left the file's map. */
static bool takes_chunk(const struct history_op *op, u64 start, u64 bytes)
{
	if (op->truncate || op->grow || op->data != NULL || op->offset > start)
		return false;
	return op->to_end || op->offset + op->length >= start + bytes;
}

/* What is in the master's log is never undone. */
static bool is_lasting(const struct history_op *op, u64 at)
{
	u64 bytes = UINT64_C(1) << DFS_CHUNK_SHIFT;
	if (!op->flushed || op->maybe)
		return false;
	return op->truncate || takes_chunk(op, at & ~(bytes - 1), bytes);
}

/* Replay one op over a range of which ok[i] says whether got[i] is explained so far. */
static void explain(const struct history *history, const struct history_op *op, u64 offset,
		    u64 length, const u8 *got, bool *ok)
{
	bool sure = !op->maybe && !history->uncertain && !history->loss_told;
	u64 from = dfs_max(offset, op->offset);
	u64 to = offset + length;
	if (!op->truncate)
		to = dfs_min(to, op->offset + op->length);
	for (u64 at = from; at < to; at++) {
		u64 i = at - offset;
		bool equal = got[i] == (op->data == NULL ? 0 : op->data[at - op->offset]);
		if (sure || is_lasting(op, at))
			ok[i] = equal;
		else
			ok[i] = ok[i] || equal;
	}
}

static bool allows_doubtful(const struct history *history, u64 offset, u64 length, const u8 *got,
			    u64 *ret_wrong)
{
	bool *ok = calloc(length + 1, sizeof(*ok));
	u8 *old = malloc(length + 1);
	DFS_ASSERT(ok != NULL && old != NULL);
	image_read(&history->synced, offset, old, length);
	for (u64 i = 0; i < length; i++)
		ok[i] = got[i] == old[i] || (history->loss_told && got[i] == 0);
	for (u32 i = 0; i < history->ops_count; i++)
		explain(history, &history->ops[i], offset, length, got, ok);
	u64 wrong = 0;
	while (wrong < length && ok[wrong])
		wrong++;
	free(ok);
	free(old);
	*ret_wrong = offset + wrong;
	return wrong == length;
}

bool history_allows(const struct history *history, u64 offset, u64 length, const u8 *data,
		    u64 count, u64 *ret_wrong)
{
	u64 size = history->now.length;
	u64 wanted = offset >= size ? 0 : dfs_min(length, size - offset);
	*ret_wrong = offset + dfs_min(count, wanted);
	if (count != wanted && !history->size_uncertain)
		return false;
	if (history->uncertain || history->loss_told)
		return allows_doubtful(history, offset, count, data, ret_wrong);
	u8 page[IMAGE_PAGE_BYTES];
	for (u64 at = 0; at < count; at += sizeof(page)) {
		u64 part = dfs_min(count - at, (u64)sizeof(page));
		image_read(&history->now, offset + at, page, part);
		if (memcmp(page, data + at, part) == 0)
			continue;
		u64 i = 0;
		while (page[i] == data[at + i])
			i++;
		*ret_wrong = offset + at + i;
		return false;
	}
	return true;
}

static bool all_zeros(const struct image *image, u64 from, u64 to)
{
	static const u8 zeros[IMAGE_PAGE_BYTES];
	u64 end = dfs_min(to, (u64)image->pages_count * IMAGE_PAGE_BYTES);
	for (u64 at = from; at < end;) {
		u64 part = dfs_min(IMAGE_PAGE_BYTES - at % IMAGE_PAGE_BYTES, end - at);
		const u8 *bytes = image_at(image, at);
		if (bytes != NULL && memcmp(bytes, zeros, part) != 0)
			return false;
		at += part;
	}
	return true;
}

bool history_may_be_hole(const struct history *history, u64 from, u64 to)
{
	return history->uncertain || history->loss_told || all_zeros(&history->now, from, to);
}

/* Has the chunk from `start` on been there since it was synced? */
static bool chunk_is_safe(const struct history *history, u64 start, u64 bytes)
{
	for (u32 i = 0; i < history->ops_count; i++) {
		const struct history_op *op = &history->ops[i];
		if ((op->truncate && op->offset <= start) || takes_chunk(op, start, bytes))
			return false; /* It went then; what is there now is a new one. */
	}
	/* One of zeros alone may have been punched before the sync, and be there or not. */
	return !all_zeros(&history->synced, start, dfs_min(start + bytes, history->synced.length));
}

static bool is_safe(const struct history *history, u64 offset, u64 length, u32 chunk_shift)
{
	u64 bytes = UINT64_C(1) << chunk_shift;
	for (u64 start = offset & ~(bytes - 1); start < offset + length; start += bytes) {
		if (!chunk_is_safe(history, start, bytes))
			return false;
	}
	return true;
}

bool history_may_be_lost(const struct history *history, u64 offset, u64 length, u32 chunk_shift)
{
	if (history->loss_told)
		return true;
	return history->lossy && !is_safe(history, offset, length, chunk_shift);
}

/* Its mount may have had to drop it: it was not flushed, and goes into a chunk that may be gone. */
static bool in_danger(const struct history *history, const struct history_op *op, u32 chunk_shift)
{
	/* A size is that of the last byte before it. */
	u64 at = op->truncate && op->offset > 0 ? op->offset - 1 : op->offset;
	return history->lossy && !op->flushed &&
	       !is_safe(history, at, op->truncate ? 1 : op->length, chunk_shift);
}

void history_held_back_lost(struct history *history, u32 chunk_shift)
{
	bool lost = false;
	for (u32 i = 0; i < history->ops_count; i++) {
		if (!in_danger(history, &history->ops[i], chunk_shift))
			continue;
		history->ops[i].maybe = true;
		lost = true;
	}
	if (!lost)
		return;
	history->uncertain = true;
	doubt_sizes(history, history->mount_died);
}

u64 history_size_least(const struct history *history, u32 chunk_shift)
{
	u64 least = history->synced.length;
	bool danger = false;
	if (history->size_uncertain)
		return history->size_min;
	for (u32 i = 0; i < history->ops_count; i++) {
		const struct history_op *op = &history->ops[i];
		u64 after = size_after(least, op);
		bool endangered = in_danger(history, op, chunk_shift);
		least = endangered || op->maybe ? dfs_min(least, after) : after;
		danger = danger || endangered;
	}
	return danger ? dfs_min(least, history->now.length) : history->now.length;
}

u64 history_size_most(const struct history *history)
{
	return history->size_uncertain ? history->size_max : history->now.length;
}

bool history_touches(const struct history *history, u64 offset, u64 length)
{
	u64 at, bytes;
	return history_next_range(history, offset, UINT64_MAX, &at, &bytes) && at < offset + length;
}

bool history_next_range(const struct history *history, u64 from, u64 max, u64 *ret_offset,
			u64 *ret_length)
{
	u64 best = UINT64_MAX, end = 0;
	for (u32 i = 0; i < history->ops_count; i++) {
		const struct history_op *op = &history->ops[i];
		u64 start = dfs_max(op->offset, from);
		u64 stop = op->truncate ? dfs_max(history->now.length, op->offset)
					: op->offset + op->length;
		if (op->truncate && op->flushed && !op->maybe)
			continue; /* Writes before it may show where they are not covered by it. */
		if (start < stop && start < best) {
			best = start;
			end = stop;
		}
	}
	if (best == UINT64_MAX)
		return false;
	*ret_offset = best;
	*ret_length = dfs_min(end - best, max);
	return true;
}

/* A mount that holds data back shows more than the servers have. */
static bool all_flushed(const struct history *history)
{
	for (u32 i = 0; i < history->ops_count; i++) {
		if (!history->ops[i].flushed && !history->ops[i].left)
			return false;
	}
	return true;
}

void history_adopt_size(struct history *history, u64 size)
{
	bool flushed = all_flushed(history);
	history_truncate(history, size);
	history->ops[history->ops_count - 1].flushed = flushed;
}

void history_adopt(struct history *history, u64 offset, const u8 *data, u64 length)
{
	bool flushed = all_flushed(history);
	history_write(history, offset, data, length);
	history->ops[history->ops_count - 1].flushed = flushed;
}

void history_adopted(struct history *history)
{
	history->uncertain = false;
	history->loss_hidden = false;
	history->mount_died = false;
	history->size_uncertain = false;
}
