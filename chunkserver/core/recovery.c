/*
 * See recovery.h. Each disk goes its own way:
 *
 *   SCANNING  all chunk rows are read, some thousand per step
 *      |
 *   MARKING   the index durably says that the server runs: from now on a stop without a word is
 * unclean
 *      |
 *   LISTING   only after a power cut (files from the fresh mark on) or with a lost index (all
 * files): |      files without rows are adopted, see listing.c READY     served. Chunks that must
 * be checked first are WAITING; check.c works through them.
 *
 * Which chunks must be checked: after the daemon's death the dirty ones, for their pending blocks;
 * after a power cut the dirty ones, in full; always those whose checksums are unknown.
 */
#include "chunkserver/core/recovery.h"

#include "chunkserver/core/check.h"
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/commit.h"
#include "chunkserver/core/delete.h"
#include "chunkserver/core/disk.h"
#include "chunkserver/core/handlers.h"
#include "chunkserver/core/index.h"
#include "chunkserver/core/listing.h"
#include "chunkserver/core/report.h"
#include "libdfsproto/base/errors.h"

static const char *recovery_name(const struct cs_disk *disk)
{
	static const char *const names[] = {"stop", "kill", "power_cut", "lost_index"};
	if (disk->recovery == CS_RECOVERY_REBUILD && disk->chunks_count == 0)
		return "nothing"; /* A new disk. */
	return names[disk->recovery];
}

static void begin_disk(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	int status = disk->kv == NULL ? DFS_EDISK_FAILED : cs_index_get_counters(cs, disk);
	if (status == 0) {
		bool same_boot = disk->boot == cs->config.boot;
		disk->recovery = !same_boot     ? CS_RECOVERY_POWER
				 : !disk->clean ? CS_RECOVERY_KILLED
						: CS_RECOVERY_NONE;
	} else if (status == DFS_ENOENT || status == DFS_ECORRUPT) {
		disk->recovery = CS_RECOVERY_REBUILD; /* Or new: then there is nothing to list. */
		disk->boot = 0;
		disk->fresh_from = 0;
	} else {
		cs_disk_fail(cs, disk, "opening the index", status, fxs);
		return;
	}
	disk->phase = CS_DISK_SCANNING;
	disk->cursor = 0;
	cs_space_ask(cs, disk, fxs);
}

void cs_recovery_begin(struct cs *cs, struct dfs_fxs *fxs)
{
	for (u32 i = 0; i < cs->disks_count; i++) {
		cs->disks[i].phase = CS_DISK_SCANNING;
		begin_disk(cs, &cs->disks[i], fxs);
	}
	cs_recovery_serve(cs, fxs);
}

static bool needs_check(const struct cs_disk *disk, const struct cs_chunk *chunk)
{
	if ((chunk->flags & CS_UNCHECKED) != 0)
		return true;
	return (chunk->flags & CS_DIRTY) != 0 && disk->recovery != CS_RECOVERY_NONE;
}

static void add_row(struct cs *cs, struct cs_disk *disk, const struct cs_index_row *row,
		    struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = cs_chunk_find(cs, row->chunk);
	if (chunk != NULL) {
		dfs_fx_log(
		    fxs, DFS_LOG_WARN,
		    "event=duplicate_chunk chunk=%016llx disk=%u other_disk=%u note=\"the copy "
		    "on the first disk is served\"",
		    (unsigned long long)row->chunk, disk->index, chunk->disk);
		return;
	}
	chunk = cs_chunk_add(cs, disk, row->chunk);
	chunk->epoch = row->status == 0 ? row->epoch : 1;
	chunk->length = row->length;
	/* It may have been sealed. If not, its next writer makes a copy without need: no harm. */
	chunk->flags = row->status == 0 ? row->flags : CS_UNCHECKED | CS_DIRTY | CS_SEALED;
	if (row->status != 0)
		dfs_fx_log(
		    fxs, DFS_LOG_ERROR,
		    "event=row_damaged chunk=%016llx disk=%u note=\"length and checksums are "
		    "taken from the file\"",
		    (unsigned long long)row->chunk, disk->index);
	/* Of a copy that was never finished nobody has heard. */
	if ((chunk->flags & (CS_DELETED | CS_UNFINISHED)) != 0) {
		chunk->state = CS_CHUNK_DELETING;
		cs_delete_resume(cs, chunk);
	} else if (needs_check(disk, chunk)) {
		cs_check_add(cs, chunk);
	} else if ((chunk->flags & CS_DIRTY) != 0) {
		cs_chunk_found_dirty(cs, chunk);
	}
}

static void mark_running(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	disk->phase = CS_DISK_MARKING;
	disk->clean = false;
	cs_index_begin(disk);
	cs_index_put_counters(cs, disk);
	int status = cs_index_write(cs, disk, fxs);
	if (status == DFS_EDISK_FULL)
		cs_disk_fail(cs, disk, "marking the index as in use", status, fxs);
	if (status != 0)
		return;
	struct cs_op *op = cs_op_new_inner(cs, CS_OP_START);
	op->disk = disk;
	if (cs_commit_wait(cs, disk, op, cs_commit_ticket(disk), fxs)) {
		struct cs_done done = {.which = CS_INDEX_DURABLE};
		cs_start_done(cs, op, &done, fxs);
	}
}

static void scan(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	struct cs_index_scan rows;
	struct cs_index_row row;
	u32 budget = DFS_CS_SCAN_STEP;
	bool more = true;
	cs_index_scan_begin(disk, disk->cursor, &rows);
	while (budget > 0 && (more = cs_index_scan_next(&rows, &row))) {
		add_row(cs, disk, &row, fxs);
		disk->cursor = row.chunk + 1;
		more = disk->cursor != 0;
		if (!more)
			break;
		budget--;
	}
	int status = cs_index_scan_end(&rows);
	if (status != 0)
		cs_disk_fail(cs, disk, "reading the inventory", status, fxs);
	else if (!more)
		mark_running(cs, disk, fxs);
}

void cs_recovery_work(struct cs *cs, struct dfs_fxs *fxs)
{
	if (cs->serving || !cs->booted || cs->stopping)
		return;
	for (u32 i = 0; i < cs->disks_count; i++)
		if (cs->disks[i].phase == CS_DISK_SCANNING)
			scan(cs, &cs->disks[i], fxs);
	cs_recovery_serve(cs, fxs);
}

bool cs_recovery_has_work(const struct cs *cs)
{
	for (u32 i = 0; i < cs->disks_count && !cs->stopping; i++)
		if (cs->disks[i].phase == CS_DISK_SCANNING)
			return true;
	return false;
}

void cs_start_done(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	struct cs_disk *disk = op->disk;
	if (done->which == CS_IO_MAIN) {
		cs_listing_done(cs, op, done, fxs);
		return;
	}
	cs_op_free(cs, op);
	if (done->status == 0 && disk->phase == CS_DISK_MARKING)
		cs_listing_begin(cs, disk, fxs);
	cs_recovery_serve(cs, fxs);
}

void cs_recovery_checked(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	if (disk->phase != CS_DISK_READY || disk->unchecked > 0 || disk->listing ||
	    disk->boot == cs->config.boot)
		return;
	u64 boot = disk->boot;
	disk->boot = cs->config.boot;
	cs_index_begin(disk);
	cs_index_put_counters(cs, disk);
	if (cs_index_write(cs, disk, fxs) != 0) {
		disk->boot = boot; /* The next start checks again; no harm. */
		return;
	}
	cs_commit_begin(cs, disk, cs_commit_ticket(disk), fxs);
	dfs_fx_log(fxs, DFS_LOG_INFO, "event=recovered disk=%u after=%s chunks=%llu adopted=%llu",
		   disk->index, recovery_name(disk), (unsigned long long)disk->chunks_count,
		   (unsigned long long)disk->recovered);
}

void cs_recovery_serve(struct cs *cs, struct dfs_fxs *fxs)
{
	u32 alive = 0;
	if (cs->serving || cs->stopping)
		return;
	for (u32 i = 0; i < cs->disks_count; i++) {
		const struct cs_disk *disk = &cs->disks[i];
		if (disk->phase == CS_DISK_FAILED)
			continue;
		if (disk->phase != CS_DISK_READY || !disk->space_known)
			return;
		alive++;
	}
	if (alive == 0) {
		dfs_fx_log(
		    fxs, DFS_LOG_ERROR,
		    "event=no_disk note=\"every disk has failed, see above; there is nothing to "
		    "serve\"");
		dfs_fx_exit(fxs, DFS_EDISK_FAILED);
		cs->stopping = true;
		return;
	}
	cs->serving = true;
	for (u32 i = 0; i < cs->disks_count; i++) {
		struct cs_disk *disk = &cs->disks[i];
		if (disk->phase == CS_DISK_FAILED)
			continue;
		dfs_fx_log(
		    fxs, DFS_LOG_INFO,
		    "event=disk_ready disk=%u chunks=%llu to_check=%u bytes_free=%llu after=%s",
		    disk->index, (unsigned long long)disk->chunks_count, disk->unchecked,
		    (unsigned long long)disk->bytes_free, recovery_name(disk));
		cs_unlink_kick(cs, disk, fxs);
		cs_check_kick(cs, disk, fxs);
		cs_recovery_checked(cs, disk, fxs);
	}
	dfs_fx_log(fxs, DFS_LOG_INFO, "event=ready disks=%u chunks=%u address=%s local=%s", alive,
		   cs->chunks.count, cs->address, cs->local[0] == '\0' ? "-" : cs->local);
	cs_masters_open(cs, fxs);
}
