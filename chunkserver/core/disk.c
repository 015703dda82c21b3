/*
 * See disk.h.
 */
#include "chunkserver/core/disk.h"

#include "chunkserver/core/check.h"
#include "chunkserver/core/commit.h"
#include "chunkserver/core/delete.h"
#include "chunkserver/core/report.h"
#include "libdfsproto/base/errors.h"

static bool takes_chunks(const struct cs_disk *disk, u32 bytes)
{
	return disk->phase == CS_DISK_READY && !disk->full && disk->bytes_free >= bytes;
}

struct cs_disk *cs_disk_choose(struct cs *cs, u32 bytes, int *ret_status)
{
	u64 mib = 0; /* Shares in MiB, plus one so that a nearly full disk has one too. */
	bool any_alive = false;
	for (u32 i = 0; i < cs->disks_count; i++) {
		any_alive |= cs->disks[i].phase == CS_DISK_READY;
		if (takes_chunks(&cs->disks[i], bytes))
			mib += cs->disks[i].bytes_free / DFS_MIB + 1;
	}
	if (mib == 0) {
		*ret_status = any_alive ? DFS_EDISK_FULL : DFS_EDISK_FAILED;
		return NULL;
	}
	u64 ticket = dfs_prng_below(&cs->prng, mib);
	for (u32 i = 0; i < cs->disks_count; i++) {
		if (!takes_chunks(&cs->disks[i], bytes))
			continue;
		u64 share = cs->disks[i].bytes_free / DFS_MIB + 1;
		if (ticket < share)
			return &cs->disks[i];
		ticket -= share;
	}
	DFS_ASSERT(false);
	return NULL;
}

int cs_disk_reserve(struct cs *cs, struct cs_disk *disk, u32 bytes, struct dfs_fxs *fxs)
{
	if (bytes == 0)
		return 0;
	if (disk->full || disk->bytes_free < bytes) {
		cs_disk_set_full(cs, disk, fxs);
		return DFS_EDISK_FULL;
	}
	disk->bytes_free -= bytes;
	return 0;
}

void cs_disk_set_full(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	cs_space_ask(cs, disk, fxs);
	if (disk->full)
		return;
	disk->full = true;
	dfs_fx_log(
	    fxs, DFS_LOG_WARN,
	    "event=disk_full disk=%u bytes_free=%llu note=\"takes no new data until space is "
	    "freed\"",
	    disk->index, (unsigned long long)disk->bytes_free);
	cs_report_space(cs, fxs);
}

void cs_disk_fail(struct cs *cs, struct cs_disk *disk, const char *what, int status,
		  struct dfs_fxs *fxs)
{
	if (disk->phase == CS_DISK_FAILED)
		return;
	disk->phase = CS_DISK_FAILED;
	disk->failed_now = true;
	disk->bytes_free = 0;
	dfs_fx_log(fxs, DFS_LOG_ERROR,
		   "event=disk_failed disk=%u during=\"%s\" error=%s text=\"%s\" note=\"its chunks "
		   "are not served; check the disk, then restart the chunkserver%s\"",
		   disk->index, what, dfs_error_name(status), dfs_error_text(status),
		   status == DFS_ECORRUPT ? " with --rebuild" : "");
	(void)cs;
}

void cs_disks_settle(struct cs *cs, struct dfs_fxs *fxs)
{
	for (u32 i = 0; i < cs->disks_count; i++) {
		struct cs_disk *disk = &cs->disks[i];
		if (!disk->failed_now)
			continue;
		disk->failed_now = false;
		cs_commit_fail(cs, disk, fxs);
		cs_check_give_up(cs, disk, fxs);
		cs_unlink_kick(cs, disk, fxs);
		cs_report_restart(cs, fxs);
	}
}

u32 cs_disk_state(const struct cs_disk *disk)
{
	if (disk->phase == CS_DISK_FAILED)
		return DFS_DISK_FAILED;
	return disk->full ? DFS_DISK_FULL : DFS_DISK_IN_USE;
}
