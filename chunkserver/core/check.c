/*
 * See check.h. How much is believed depends on what happened:
 *
 *   killed   the daemon died: only blocks marked pending may differ; they are taken as they are now
 *   power    the machine lost power: any block of a dirty chunk may be old, new or torn
 *   rebuild  the checksums are lost (row damaged, index lost): all come from the contents
 *
 *   FINDING    reads around the end that the row tells until the file's real end is known
 *      |
 *   CUTTING    killed, and the file is longer than its row: a trim was under way; it is finished
 *      |
 *   MAKING     power, and a file that was never synced is missing: an empty one is made, since the
 *      |       file's map names the chunk; it reads as zeros, as after a power cut on any disk
 *      |
 *   VERIFYING  one MiB at a time, each written to the index as it is done
 *      |
 *   (chunk READY, its requests go on) or (it never was: the chunk is dropped)
 *
 * A check that a crash interrupts starts over: rows and flags say that it is needed until it is
 * done.
 */
#include "chunkserver/core/check.h"

#include "chunkserver/core/chunk.h"
#include "chunkserver/core/crcs.h"
#include "chunkserver/core/disk.h"
#include "chunkserver/core/handlers.h"
#include "chunkserver/core/index.h"
#include "chunkserver/core/recovery.h"
#include "chunkserver/core/report.h"
#include "chunkserver/core/store.h"
#include "libdfsproto/base/errors.h"

enum { READ_ERRORS_MAX = 64 };
enum check_state { CHECK_FINDING, CHECK_CUTTING, CHECK_MAKING, CHECK_VERIFYING, CHECK_STATES };

static void move(struct cs_op *op, enum check_state to)
{
	static const u32 allowed[CHECK_STATES] = {
	    [CHECK_CUTTING] = CS_FROM(CHECK_FINDING),
	    [CHECK_MAKING] = CS_FROM(CHECK_FINDING),
	    [CHECK_VERIFYING] =
		CS_FROM(CHECK_FINDING) | CS_FROM(CHECK_CUTTING) | CS_FROM(CHECK_MAKING),
	};
	cs_op_move(op, allowed, (u8)to);
}

void cs_check_add(struct cs *cs, struct cs_chunk *chunk)
{
	struct cs_disk *disk = cs_disk_of(cs, chunk);
	DFS_ASSERT(chunk->state == CS_CHUNK_READY);
	chunk->state = CS_CHUNK_WAITING;
	disk->unchecked++;
	dfs_list_push_back(&disk->checks, &cs_live_get(cs, chunk)->check_node);
}

void cs_check_request(struct cs *cs, struct cs_chunk *chunk, struct dfs_fxs *fxs)
{
	if (chunk->state != CS_CHUNK_READY)
		return;
	dfs_fx_log(fxs, DFS_LOG_ERROR,
		   "event=checksums_lost chunk=%016llx disk=%u note=\"they are taken from the "
		   "contents\"",
		   (unsigned long long)cs_chunk_id(chunk), chunk->disk);
	struct cs_disk *disk = cs_disk_of(cs, chunk);
	chunk->flags |= CS_UNCHECKED | CS_DIRTY;
	cs_check_add(cs, chunk);
	cs_live_set_dirty(cs, chunk->live, false);
	cs_index_begin(disk);
	cs_index_put_chunk(disk, chunk);
	(void)cs_index_write(cs, disk, fxs); /* Else the next start finds it out again. */
	cs_report_chunk(cs, chunk, fxs);
}

void cs_check_urgent(struct cs *cs, struct cs_chunk *chunk)
{
	struct cs_disk *disk = cs_disk_of(cs, chunk);
	if (chunk->state != CS_CHUNK_WAITING)
		return;
	dfs_list_remove(&chunk->live->check_node);
	dfs_list_push_front(&disk->checks, &chunk->live->check_node);
}

static void read_segment(struct cs_op *op, u32 segment, struct dfs_fxs *fxs)
{
	op->check.segment = segment;
	cs_store_read(op, CS_IO_MAIN, segment * DFS_SEGMENT_BYTES, DFS_SEGMENT_BYTES, fxs);
}

static void begin(struct cs *cs, struct cs_live *live, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = live->chunk;
	struct cs_disk *disk = cs_disk_of(cs, chunk);
	struct cs_op *op = cs_op_new_inner(cs, CS_OP_CHECK);
	dfs_list_remove(&live->check_node);
	DFS_ASSERT(chunk->state == CS_CHUNK_WAITING);
	chunk->state = CS_CHUNK_CHECKING;
	disk->checking++;
	op->chunk = chunk;
	op->disk = disk;
	bool rebuild = (chunk->flags & CS_UNCHECKED) != 0;
	op->check.mode = rebuild ? CS_RECOVERY_REBUILD : (u8)disk->recovery;
	read_segment(op, dfs_min(chunk->length / DFS_SEGMENT_BYTES, CS_SEGMENTS_MAX - 1u), fxs);
}

void cs_check_kick(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	if (disk->phase != CS_DISK_READY || disk->checks_stalled || cs->stopping)
		return;
	dfs_list_for_each_safe (node, &disk->checks) {
		if (disk->checking >= DFS_CS_CHECKS)
			return;
		struct cs_live *live = dfs_list_entry(node, struct cs_live, check_node);
		if (!cs_queue_any_running(live))
			begin(cs, live, fxs);
	}
}

void cs_check_give_up(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	DFS_ASSERT(disk->phase == CS_DISK_FAILED);
	while (!dfs_list_empty(&disk->checks)) {
		struct cs_live *live = dfs_list_first(&disk->checks, struct cs_live, check_node);
		dfs_list_remove(&live->check_node);
		cs_queue_pump(cs, live, fxs);
	}
}

/* The check is over; the chunk stays, in `state`. */
static void end(struct cs *cs, struct cs_op *op, enum cs_chunk_state state, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = op->chunk;
	struct cs_disk *disk = op->disk;
	cs_op_free(cs, op);
	disk->checking--;
	disk->unchecked--;
	chunk->state = CS_CHUNK_READY;
	if (state == CS_CHUNK_WAITING) {
		cs_check_add(cs, chunk);
	} else {
		if ((chunk->flags & CS_DIRTY) != 0)
			cs_chunk_found_dirty(cs, chunk);
		cs_report_chunk(cs, chunk, fxs);
	}
	cs_queue_pump(cs, chunk->live, fxs);
	cs_check_kick(cs, disk, fxs);
	cs_recovery_checked(cs, disk, fxs);
}

/* The result could not be recorded, or the file not read. */
static void give_up(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	if (status == DFS_EDISK_FULL) {
		op->disk->checks_stalled = true;
		end(cs, op, CS_CHUNK_WAITING, fxs);
		return;
	}
	DFS_ASSERT(op->disk->phase == CS_DISK_FAILED);
	end(cs, op, CS_CHUNK_READY, fxs); /* Its requests now fail as all do on this disk. */
}

/* A row without a file that was never more than that: an unanswered first write, or one being
 * deleted. */
static void drop(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = op->chunk;
	struct cs_disk *disk = op->disk;
	dfs_fx_log(fxs, DFS_LOG_INFO, "event=chunk_dropped chunk=%016llx disk=%u length=%u",
		   (unsigned long long)cs_chunk_id(chunk), disk->index, chunk->length);
	cs_index_begin(disk);
	cs_index_delete_segments(disk, cs_chunk_id(chunk), 0);
	cs_index_delete_chunk(disk, cs_chunk_id(chunk));
	int status = cs_index_write(cs, disk, fxs);
	if (status != 0) {
		give_up(cs, op, status, fxs);
		return;
	}
	cs_op_free(cs, op);
	disk->checking--;
	cs_chunk_drop(cs, chunk, DFS_ENO_CHUNK, fxs);
	cs_check_kick(cs, disk, fxs);
	cs_recovery_checked(cs, disk, fxs);
}

/* One zero byte: what is not there reads as zeros as well. */
static void make_empty(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	dfs_fx_log(fxs, DFS_LOG_WARN,
		   "event=chunk_emptied chunk=%016llx disk=%u length=%u cause=\"written but never "
		   "synced before the power cut\"",
		   (unsigned long long)cs_chunk_id(op->chunk), op->disk->index, op->chunk->length);
	struct dfs_cs_descriptor row = {
	    .cluster = cs->identity.cluster,
	    .chunk = cs_chunk_id(op->chunk),
	    .hint = dfs_span_text("lost with the power"),
	};
	struct dfs_buf *attribute = cs_describe(&row);
	struct dfs_buf *zero = dfs_buf_new(1);
	zero->data[0] = 0;
	zero->length = 1;
	move(op, CHECK_MAKING);
	cs_store_write(op, 0, zero, 1, dfs_span(attribute->data, attribute->length), fxs);
	dfs_buf_unref(zero);
	op->check.attribute = attribute;
}

static void file_missing(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = op->chunk;
	if (op->check.mode != CS_RECOVERY_POWER) {
		drop(cs, op, fxs);
	} else if ((chunk->flags & CS_SYNCED) == 0) {
		make_empty(cs, op, fxs);
	} else {
		dfs_fx_log(fxs, DFS_LOG_ERROR,
			   "event=chunk_damaged chunk=%016llx disk=%u how=\"its file is missing\" "
			   "note=\"this copy is lost\"",
			   (unsigned long long)cs_chunk_id(chunk), op->disk->index);
		chunk->flags |= CS_DAMAGED;
		end(cs, op, CS_CHUNK_READY, fxs);
	}
}

static void finish(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = op->chunk;
	u32 segments = (u32)(((u64)op->check.length + DFS_SEGMENT_BYTES - 1) / DFS_SEGMENT_BYTES);
	enum dfs_log_level level = op->check.refused > 0 ? DFS_LOG_ERROR : DFS_LOG_INFO;
	dfs_fx_log(fxs, op->check.accepted + op->check.refused > 0 ? level : DFS_LOG_DEBUG,
		   "event=chunk_checked chunk=%016llx disk=%u length=%u was=%u blocks_accepted=%u "
		   "blocks_corrupt=%u",
		   (unsigned long long)cs_chunk_id(chunk), op->disk->index, op->check.length,
		   chunk->length, op->check.accepted, op->check.refused);
	chunk->length = op->check.length;
	chunk->flags &= (u8)~CS_UNCHECKED;
	cs_crcs_forget(cs, chunk->live, segments);
	cs_index_begin(op->disk);
	cs_index_delete_segments(op->disk, cs_chunk_id(chunk), segments);
	cs_index_put_chunk(op->disk, chunk);
	int status = cs_index_write(cs, op->disk, fxs);
	if (status != 0) {
		chunk->flags |= CS_UNCHECKED;
		give_up(cs, op, status, fxs);
		return;
	}
	end(cs, op, CS_CHUNK_READY, fxs);
}

/* Does this check have to look at the segment? Checksums that cannot be read turn it into a
 * rebuild. */
static bool needs_reading(struct cs *cs, struct cs_op *op, u32 number, struct dfs_fxs *fxs)
{
	if (op->check.mode != CS_RECOVERY_KILLED)
		return true;
	struct cs_segment *segment;
	if (cs_crcs_get(cs, op->chunk, number, fxs, &segment) != 0)
		return true;
	u64 segment_end = ((u64)number + 1) * DFS_SEGMENT_BYTES;
	bool shorter = op->check.length < op->chunk->length && segment_end > op->check.length;
	return shorter || cs_crcs_any_pending(segment);
}

static void verify_from(struct cs *cs, struct cs_op *op, u32 number, struct dfs_fxs *fxs)
{
	u64 end_at = op->check.length;
	while ((u64)number * DFS_SEGMENT_BYTES < end_at && !needs_reading(cs, op, number, fxs))
		number++;
	if ((u64)number * DFS_SEGMENT_BYTES >= end_at)
		finish(cs, op, fxs);
	else
		read_segment(op, number, fxs);
}

/* Accept or refuse each block of the segment that was read. */
static void compare(struct cs_op *op, struct cs_segment *segment, bool blank,
		    const struct cs_done *done)
{
	u64 base = (u64)segment->number * DFS_SEGMENT_BYTES;
	u64 present = dfs_min(done->count, op->check.length - base);
	for (u32 i = 0; i < CS_SEGMENT_BLOCKS; i++) {
		u64 at = (u64)i * DFS_BLOCK_BYTES;
		u32 bytes = at >= present ? 0 : (u32)dfs_min(present - at, (u64)DFS_BLOCK_BYTES);
		u32 entry = bytes == 0 ? 0 : cs_crcs_entry(done->buf->data + at, bytes);
		if (entry == segment->entries[i])
			continue;
		bool accept = blank || op->check.mode != CS_RECOVERY_KILLED || bytes == 0 ||
			      cs_crcs_pending(segment, i);
		if (accept)
			cs_crcs_set(segment, i, entry);
		op->check.accepted += accept;
		op->check.refused += !accept;
	}
}

static void verify(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	struct cs_segment *segment;
	u32 number = op->check.segment, before = op->check.accepted;
	int status = cs_crcs_get(cs, op->chunk, number, fxs, &segment);
	bool blank = status == DFS_ECORRUPT;
	if (status == 0 || blank) {
		if (blank)
			segment = cs_crcs_renew(cs, op->chunk, number);
		compare(op, segment, blank, done);
		if (op->check.mode == CS_RECOVERY_POWER && op->check.accepted > before)
			dfs_fx_log(fxs, DFS_LOG_WARN,
				   "event=blocks_accepted chunk=%016llx disk=%u mib=%u blocks=%u "
				   "cause=\"written but not synced before the power cut\"",
				   (unsigned long long)cs_chunk_id(op->chunk), op->disk->index,
				   number, op->check.accepted - before);
		cs_index_begin(op->disk);
		cs_index_put_segment(op->disk, cs_chunk_id(op->chunk), segment);
		status = cs_index_write(cs, op->disk, fxs);
	}
	if (status != 0)
		give_up(cs, op, status, fxs);
	else
		verify_from(cs, op, number + 1, fxs);
}

/* A piece around the end was read: is the end known now? */
static void find(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	u32 at = op->check.segment;
	bool whole = done->count >= DFS_SEGMENT_BYTES;
	if (whole && !op->check.down && at + 1 < CS_SEGMENTS_MAX) {
		read_segment(op, at + 1, fxs);
		return;
	}
	if (done->count == 0 && at > 0 && at <= op->chunk->length / DFS_SEGMENT_BYTES) {
		op->check.down = true;
		read_segment(op, at - 1, fxs);
		return;
	}
	u64 length = (u64)at * DFS_SEGMENT_BYTES + dfs_min(done->count, (u64)DFS_SEGMENT_BYTES);
	op->check.length = (u32)dfs_min(length, (u64)CS_CHUNK_BYTES_MAX);
	if (op->check.mode == CS_RECOVERY_KILLED && op->check.length > op->chunk->length) {
		op->check.length = op->chunk->length;
		move(op, CHECK_CUTTING);
		cs_store_truncate(op, op->chunk->length, fxs);
		return;
	}
	move(op, CHECK_VERIFYING);
	verify_from(cs, op, 0, fxs);
}

/* A bad place on the disk: its blocks stay as they are, readers will get the error. */
static void unreadable(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	dfs_fx_log(fxs, DFS_LOG_ERROR, "event=read_error chunk=%016llx disk=%u mib=%u during=check",
		   (unsigned long long)cs_chunk_id(op->chunk), op->disk->index, op->check.segment);
	if (op->state == CHECK_VERIFYING) {
		op->check.refused += CS_SEGMENT_BLOCKS;
		verify_from(cs, op, op->check.segment + 1, fxs);
		return;
	}
	op->check.length = op->chunk->length;
	move(op, CHECK_VERIFYING);
	verify_from(cs, op, 0, fxs);
}

void cs_check_done(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	if (done->status == DFS_ENOENT) {
		file_missing(cs, op, fxs);
		return;
	}
	if (done->status == DFS_EIO && op->state != CHECK_CUTTING && op->state != CHECK_MAKING &&
	    ++op->disk->read_errors < READ_ERRORS_MAX) {
		unreadable(cs, op, fxs);
		return;
	}
	if (done->status != 0) {
		give_up(cs, op,
			cs_store_verdict(cs, op->disk, "checking a chunk", done->status, fxs), fxs);
		return;
	}
	switch (op->state) {
	case CHECK_FINDING:
		find(cs, op, done, fxs);
		return;
	case CHECK_CUTTING:
		move(op, CHECK_VERIFYING);
		verify_from(cs, op, 0, fxs);
		return;
	case CHECK_MAKING:
		dfs_buf_unref(op->check.attribute);
		op->check.attribute = NULL;
		op->check.length = 1;
		move(op, CHECK_VERIFYING);
		verify_from(cs, op, 0, fxs);
		return;
	case CHECK_VERIFYING:
		verify(cs, op, done, fxs);
		return;
	default:
		DFS_ASSERT(false); /* Nothing else is waited for. */
	}
}
