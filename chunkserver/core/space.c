/*
 * How full the disks are. Asked every few seconds, since others may use the file system as well; in
 * between the estimate is counted down by what is written.
 */
#include "chunkserver/core/disk.h"
#include "chunkserver/core/handlers.h"
#include "chunkserver/core/report.h"

enum { ASK_SECONDS = 5 };

/* After having been full, a disk takes data again when this much is free. */
#define ROOM_AGAIN (16 * DFS_MIB)

void cs_space_ask(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	if (disk->space_asking || disk->phase == CS_DISK_FAILED)
		return;
	disk->space_asking = true;
	struct cs_op *op = cs_op_new_inner(cs, CS_OP_SPACE);
	op->disk = disk;
	struct dfs_io io = {.kind = DFS_IO_DISK_SPACE, .disk = disk->index};
	dfs_fx_io(fxs, cs_op_tag(op, CS_IO_MAIN), &io, NULL);
}

void cs_space_tick(struct cs *cs, struct dfs_fxs *fxs)
{
	if (cs->now < cs->space_at)
		return;
	cs->space_at = cs->now + ASK_SECONDS * DFS_SEC;
	for (u32 i = 0; i < cs->disks_count; i++)
		cs_space_ask(cs, &cs->disks[i], fxs);
}

void cs_space_done(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	struct cs_disk *disk = op->disk;
	disk->space_asking = false;
	cs_op_free(cs, op);
	if (disk->phase == CS_DISK_FAILED)
		return;
	if (done->status != 0) {
		cs_disk_fail(cs, disk, "asking for free space", done->status, fxs);
		return;
	}
	u64 reserve = dfs_min(cs->config.reserve_bytes, done->aux / 4); /* Small disks serve too. */
	disk->space_known = true;
	disk->bytes_total = done->aux - dfs_min(done->aux, reserve);
	disk->bytes_free = done->count - dfs_min(done->count, reserve);
	u64 room = dfs_min(ROOM_AGAIN, disk->bytes_total / 64 + 1);
	if (disk->full && disk->bytes_free >= room) {
		disk->full = false;
		dfs_fx_log(fxs, DFS_LOG_INFO, "event=disk_has_room disk=%u bytes_free=%llu",
			   disk->index, (unsigned long long)disk->bytes_free);
	}
	u64 apart = disk->bytes_free > disk->bytes_free_told
			? disk->bytes_free - disk->bytes_free_told
			: disk->bytes_free_told - disk->bytes_free;
	if (apart > disk->bytes_total / 128 || disk->full != disk->full_told)
		cs_report_space(cs, fxs);
}
