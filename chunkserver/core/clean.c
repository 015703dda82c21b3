/*
 * See clean.h. The mark is put only when nothing was written since the sync began; otherwise the
 * chunk stays dirty and its turn comes again.
 */
#include "chunkserver/core/clean.h"

#include "chunkserver/core/check.h"
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/commit.h"
#include "chunkserver/core/crcs.h"
#include "chunkserver/core/handlers.h"
#include "chunkserver/core/index.h"
#include "chunkserver/core/store.h"
#include "libdfsproto/base/errors.h"

enum { CLEANS_AT_STOP = 16 };
/* By then the kernel has written the data back by itself (dirty_expire 30 s, then its next round),
 * and a sync costs little more than a flush. */
#define CLEAN_IDLE (40 * DFS_SEC)
/* While others write to the disk: so far apart, unless too many chunks wait. */
#define CLEAN_PACE (20 * DFS_MSEC)
#define BUSY_FOR   (100 * DFS_MSEC)

static struct cs_live *oldest(const struct cs_disk *disk)
{
	return dfs_list_empty(&disk->dirty)
		   ? NULL
		   : dfs_list_first(&disk->dirty, struct cs_live, dirty_node);
}

static bool is_busy(const struct cs *cs, const struct cs_disk *disk)
{
	return disk->dirty_count < DFS_CS_DIRTY_MAX && disk->written_at + BUSY_FOR > cs->now;
}

static bool is_due(const struct cs *cs, const struct cs_disk *disk, const struct cs_live *live)
{
	u32 limit = cs->stopping ? CLEANS_AT_STOP : DFS_CS_CLEANS;
	if (live == NULL || disk->phase != CS_DISK_READY || disk->cleaning >= limit)
		return false;
	return cs->stopping || cs->now >= dfs_max(live->written_at + CLEAN_IDLE, disk->clean_at);
}

void cs_clean_tick(struct cs *cs, struct dfs_fxs *fxs)
{
	for (u32 i = 0; i < cs->disks_count; i++) {
		struct cs_disk *disk = &cs->disks[i];
		struct cs_live *live;
		while (is_due(cs, disk, live = oldest(disk))) {
			struct cs_op *op = cs_op_new_inner(cs, CS_OP_CLEAN);
			cs_live_set_dirty(cs, live, false);
			if (is_busy(cs, disk))
				disk->clean_at = cs->now + CLEAN_PACE;
			op->mode = CS_BESIDE;
			disk->cleaning++;
			cs_queue_enter(cs, op, live->chunk, fxs);
		}
	}
}

nsec cs_clean_deadline(const struct cs *cs)
{
	nsec deadline = DFS_NEVER;
	for (u32 i = 0; i < cs->disks_count; i++) {
		const struct cs_disk *disk = &cs->disks[i];
		const struct cs_live *live = oldest(disk);
		if (live != NULL && disk->phase == CS_DISK_READY && disk->cleaning < DFS_CS_CLEANS)
			deadline = dfs_min(deadline,
					   dfs_max(live->written_at + CLEAN_IDLE, disk->clean_at));
	}
	return deadline;
}

bool cs_clean_all_done(const struct cs *cs)
{
	for (u32 i = 0; i < cs->disks_count; i++) {
		const struct cs_disk *disk = &cs->disks[i];
		if (disk->phase == CS_DISK_READY &&
		    (disk->cleaning > 0 || !dfs_list_empty(&disk->dirty)))
			return false;
	}
	return true;
}

/* Rows without pending marks, and the chunk's row without the dirty mark. */
static int put_clean(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = op->chunk;
	u32 segments = (u32)(((u64)chunk->length + DFS_SEGMENT_BYTES - 1) / DFS_SEGMENT_BYTES);
	cs_index_begin(op->disk);
	for (u32 i = 0; i < segments; i++) {
		struct cs_live *live = chunk->live;
		bool cached = i < live->segments_capacity && live->segments[i] != NULL;
		struct cs_segment *segment;
		int status = cs_crcs_get(cs, chunk, i, fxs, &segment);
		if (status != 0)
			return status;
		if (!cached && !cs_crcs_any_pending(segment))
			continue;
		/* A cached segment may have lost marks that its row still has. */
		memset(segment->pending, 0, sizeof(segment->pending));
		cs_index_put_segment(op->disk, cs_chunk_id(chunk), segment);
	}
	u8 flags = chunk->flags;
	chunk->flags &= (u8)~CS_DIRTY;
	cs_index_put_chunk(op->disk, chunk);
	int status = cs_index_write(cs, op->disk, fxs);
	if (status != 0) {
		chunk->flags = flags;
		cs_crcs_forget(cs, chunk->live, 0);
	}
	return status;
}

static void end(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = op->chunk;
	struct cs_live *live = chunk->live;
	struct cs_disk *disk = op->disk;
	if (status == 0 && live->writing == 0 && live->writes == live->synced)
		status = put_clean(cs, op, fxs);
	if (status == DFS_ECORRUPT)
		cs_check_request(cs, chunk, fxs);
	disk->cleaning--;
	if ((chunk->flags & CS_DIRTY) == 0) {
		cs_chunk_cleaned(cs, chunk);
	} else if (dfs_list_empty(&live->dirty_node) && chunk->state == CS_CHUNK_READY &&
		   disk->phase != CS_DISK_FAILED) {
		live->written_at = cs->now;
		cs_live_set_dirty(cs, live, true);
	}
	cs_queue_leave(cs, op, fxs);
	cs_op_free(cs, op);
	/* All at rest: one sync, so that a power cut tomorrow finds nothing to check. */
	if (disk->phase == CS_DISK_READY && disk->cleaning == 0 && dfs_list_empty(&disk->dirty))
		cs_commit_begin(cs, disk, cs_commit_ticket(disk), fxs);
}

void cs_clean_start(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	if (op->disk->phase == CS_DISK_FAILED)
		end(cs, op, DFS_EDISK_FAILED, fxs);
	else if (cs_sync_wait(cs, op, fxs))
		end(cs, op, 0, fxs);
}

void cs_clean_done(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	DFS_ASSERT(done->which == CS_FILE_DURABLE);
	int status = done->status;
	cs_sync_finished(cs, op, status, fxs);
	if (status == DFS_ENOENT) { /* Nothing left to sync; readers will find out. */
		op->chunk->flags |= CS_DAMAGED;
		op->chunk->live->synced = op->chunk->live->writes;
		status = 0;
	}
	if (status != 0)
		status = cs_store_verdict(cs, op->disk, "syncing a chunk", status, fxs);
	end(cs, op, status, fxs);
}

void cs_clean_refuse(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	(void)status;
	(void)fxs;
	op->disk->cleaning--;
	dfs_list_remove(&op->queue_node);
	cs_op_free(cs, op);
}
