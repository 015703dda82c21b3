/*
 * See commit.h. Costs one sync of the index's log per group, and at most one per second for what
 * nobody waits for: so that a power cut leaves the rows of all but the last second's new chunks.
 */
#include "chunkserver/core/commit.h"

#include "chunkserver/core/disk.h"
#include "chunkserver/core/handlers.h"
#include "libdfsproto/base/errors.h"

#define WAIT_MAX (1 * DFS_SEC)

static void begin(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	DFS_ASSERT(!disk->kv_syncing);
	struct cs_op *op = cs_op_new_inner(cs, CS_OP_COMMIT);
	op->disk = disk;
	op->ticket = disk->kv_written;
	disk->kv_syncing = true;
	disk->kv_waits_since = 0;
	struct dfs_io io = {.kind = DFS_IO_KV_SYNC, .disk = disk->index};
	dfs_fx_io(fxs, cs_op_tag(op, CS_IO_MAIN), &io, NULL);
}

bool cs_commit_wait(struct cs *cs, struct cs_disk *disk, struct cs_op *op, u64 ticket,
		    struct dfs_fxs *fxs)
{
	DFS_ASSERT(ticket <= disk->kv_written);
	if (disk->kv_synced >= ticket)
		return true;
	op->ticket = ticket;
	dfs_list_push_back(&disk->kv_waiters, &op->wait_node);
	cs_commit_begin(cs, disk, ticket, fxs);
	return false;
}

void cs_commit_begin(struct cs *cs, struct cs_disk *disk, u64 ticket, struct dfs_fxs *fxs)
{
	if (disk->kv_synced < ticket && !disk->kv_syncing)
		begin(cs, disk, fxs);
}

/* Wake waiters with tickets up to `ticket`. They may wait anew, at the end of the list. */
static void wake(struct cs *cs, struct cs_disk *disk, u64 ticket, int status, struct dfs_fxs *fxs)
{
	struct dfs_list ready;
	dfs_list_init(&ready);
	dfs_list_for_each_safe (node, &disk->kv_waiters) {
		struct cs_op *op = dfs_list_entry(node, struct cs_op, wait_node);
		if (op->ticket <= ticket) {
			dfs_list_remove(&op->wait_node);
			dfs_list_push_back(&ready, &op->wait_node);
		}
	}
	while (!dfs_list_empty(&ready)) {
		struct cs_op *op = dfs_list_first(&ready, struct cs_op, wait_node);
		dfs_list_remove(&op->wait_node);
		struct cs_done done = {.which = CS_INDEX_DURABLE, .status = status};
		cs_op_done(cs, op, &done, fxs);
	}
}

void cs_commit_done(struct cs *cs, struct cs_op *op, const struct cs_done *done,
		    struct dfs_fxs *fxs)
{
	struct cs_disk *disk = op->disk;
	u64 covered = op->ticket;
	disk->kv_syncing = false;
	cs_op_free(cs, op);
	if (done->status != 0) {
		cs_disk_fail(cs, disk, "syncing the index", done->status, fxs);
		cs_commit_fail(cs, disk, fxs);
		return;
	}
	DFS_ASSERT(covered >= disk->kv_synced);
	disk->kv_synced = covered;
	wake(cs, disk, covered, 0, fxs);
	if (!dfs_list_empty(&disk->kv_waiters) && !disk->kv_syncing)
		begin(cs, disk, fxs);
}

void cs_commit_fail(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	wake(cs, disk, UINT64_MAX, DFS_EDISK_FAILED, fxs);
}

static nsec late_at(const struct cs_disk *disk)
{
	bool waits = disk->kv_waits_since != 0 && !disk->kv_syncing && disk->phase == CS_DISK_READY;
	return waits ? disk->kv_waits_since + WAIT_MAX : DFS_NEVER;
}

void cs_commit_tick(struct cs *cs, struct dfs_fxs *fxs)
{
	for (u32 i = 0; i < cs->disks_count; i++)
		if (late_at(&cs->disks[i]) <= cs->now)
			begin(cs, &cs->disks[i], fxs);
}

nsec cs_commit_deadline(const struct cs *cs)
{
	nsec deadline = DFS_NEVER;
	for (u32 i = 0; i < cs->disks_count; i++)
		deadline = dfs_min(deadline, late_at(&cs->disks[i]));
	return deadline;
}
