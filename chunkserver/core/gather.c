/*
 * See gather.h. The syncs of the disks run side by side; only the waiting is one after another.
 */
#include "chunkserver/core/gather.h"

#include "chunkserver/core/commit.h"

void cs_gather_add(struct cs *cs, struct cs_gather *gather, struct cs_disk *disk,
		   struct dfs_fxs *fxs)
{
	if (disk->phase == CS_DISK_FAILED)
		return;
	DFS_ASSERT(gather->disk <= disk->index);
	gather->tickets[disk->index] = cs_commit_ticket(disk);
	cs_commit_begin(cs, disk, gather->tickets[disk->index], fxs);
}

bool cs_gather_wait(struct cs *cs, struct cs_gather *gather, struct cs_op *op, struct dfs_fxs *fxs)
{
	for (; gather->disk < cs->disks_count; gather->disk++) {
		struct cs_disk *disk = &cs->disks[gather->disk];
		if (!cs_commit_wait(cs, disk, op, gather->tickets[gather->disk], fxs))
			return false;
	}
	return true;
}
