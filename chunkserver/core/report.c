/*
 * What a report says: HELD records of the full report, taken from the index in order of disk and
 * id, and of the changes since. See report.h.
 */
#include "chunkserver/core/report.h"

#include "chunkserver/core/chunk.h"
#include "chunkserver/core/disk.h"
#include "chunkserver/core/index.h"
#include "chunkserver/core/master.h"
#include "libdfsproto/base/errors.h"

enum { PART_CHUNKS = 4096 };
/* Changes wait so long for company. */
#define CHANGES_DELAY (5 * DFS_MSEC)

static bool is_held(const struct cs_chunk *chunk)
{
	return chunk->state != CS_CHUNK_NEW && chunk->state != CS_CHUNK_DELETING;
}

static void put_held(struct dfs_writer *items, const struct cs_chunk *chunk, u32 state)
{
	struct dfs_held held = {
	    .chunk = cs_chunk_id(chunk),
	    .epoch = chunk->epoch,
	    .length = chunk->length,
	    .disk = chunk->disk,
	    .state = state,
	};
	dfs_held_put(items, &held);
}

static u32 state_of(const struct cs_chunk *chunk)
{
	bool sound = chunk->state == CS_CHUNK_READY && (chunk->flags & CS_DAMAGED) == 0;
	return sound ? DFS_HELD_GOOD : DFS_HELD_SUSPECT;
}

void cs_report_held(struct dfs_writer *items, const struct cs_chunk *chunk)
{
	if (is_held(chunk))
		put_held(items, chunk, state_of(chunk));
}

static void change(struct cs *cs, const struct cs_chunk *chunk, u32 state)
{
	for (u32 i = 0; i < cs->masters_count; i++) {
		struct cs_master *master = &cs->masters[i];
		if (!cs_master_wants_changes(master))
			continue;
		if (master->changes.items >= DFS_REPORT_CHUNKS_MAX) {
			master->report_overflow = true;
			continue;
		}
		if (master->changes.items == 0)
			master->changes_at = cs->now + CHANGES_DELAY;
		put_held(&master->changes, chunk, state);
	}
}

void cs_report_chunk(struct cs *cs, const struct cs_chunk *chunk, struct dfs_fxs *fxs)
{
	(void)fxs;
	if (is_held(chunk))
		change(cs, chunk, state_of(chunk));
}

void cs_report_gone(struct cs *cs, const struct cs_chunk *chunk, struct dfs_fxs *fxs)
{
	(void)fxs;
	change(cs, chunk, DFS_HELD_GONE);
}

bool cs_report_part(struct cs *cs, struct cs_master *master, struct dfs_writer *items,
		    struct dfs_fxs *fxs)
{
	for (; master->report_disk < cs->disks_count; master->report_disk++) {
		struct cs_disk *disk = &cs->disks[master->report_disk];
		if (disk->phase != CS_DISK_READY)
			continue;
		struct cs_index_scan rows;
		struct cs_index_row row;
		bool more = false;
		cs_index_scan_begin(disk, master->report_chunk, &rows);
		while (items->items < PART_CHUNKS && (more = cs_index_scan_next(&rows, &row))) {
			const struct cs_chunk *chunk = cs_chunk_find(cs, row.chunk);
			master->report_chunk = row.chunk + 1;
			if (chunk != NULL && chunk->disk == disk->index && is_held(chunk))
				put_held(items, chunk, state_of(chunk));
		}
		int status = cs_index_scan_end(&rows);
		if (status != 0)
			cs_disk_fail(cs, disk, "reading the inventory", status, fxs);
		else if (more || items->items >= PART_CHUNKS)
			return false;
		master->report_chunk = 0;
	}
	return true;
}

void cs_report_disks(struct cs *cs, struct dfs_writer *items)
{
	for (u32 i = 0; i < cs->disks_count; i++) {
		const struct cs_disk *disk = &cs->disks[i];
		struct dfs_disk_space space = {
		    .disk = i,
		    .state = cs_disk_state(disk),
		    .bytes_total = disk->bytes_total,
		    .bytes_free = disk->full ? 0 : disk->bytes_free,
		    .chunks = disk->chunks_count,
		};
		dfs_disk_space_put(items, &space);
	}
}
