/*
 * See store.h. One FILE_SYNC per chunk is in flight at a time; it covers the changes that were done
 * when it was emitted, and whoever came later shares the next one.
 */
#include "chunkserver/core/store.h"

#include "chunkserver/core/crcs.h"
#include "chunkserver/core/disk.h"
#include "libdfsproto/base/errors.h"

static struct dfs_io io_of(const struct cs_op *op, enum dfs_io_kind kind)
{
	return (struct dfs_io){
	    .kind = kind, .disk = op->chunk->disk, .file = cs_chunk_id(op->chunk)};
}

void cs_store_read(struct cs_op *op, enum cs_which which, u32 offset, u32 length,
		   struct dfs_fxs *fxs)
{
	struct dfs_io io = io_of(op, DFS_IO_FILE_READ);
	io.offset = offset;
	io.length = length;
	dfs_fx_io(fxs, cs_op_tag(op, which), &io, NULL);
}

void cs_store_write(struct cs_op *op, u32 offset, struct dfs_buf *buf, u32 length,
		    struct dfs_span attribute, struct dfs_fxs *fxs)
{
	struct dfs_io io = io_of(op, DFS_IO_FILE_WRITE);
	io.offset = offset;
	io.length = length;
	io.attribute = attribute;
	dfs_fx_io(fxs, cs_op_tag(op, CS_IO_MAIN), &io, buf);
}

void cs_store_truncate(struct cs_op *op, u32 length, struct dfs_fxs *fxs)
{
	struct dfs_io io = io_of(op, DFS_IO_FILE_TRUNCATE);
	io.length = length;
	dfs_fx_io(fxs, cs_op_tag(op, CS_IO_MAIN), &io, NULL);
}

void cs_store_punch(struct cs_op *op, u32 offset, u32 length, struct dfs_fxs *fxs)
{
	struct dfs_io io = io_of(op, DFS_IO_FILE_PUNCH);
	io.offset = offset;
	io.length = length;
	dfs_fx_io(fxs, cs_op_tag(op, CS_IO_MAIN), &io, NULL);
}

void cs_store_seek(struct cs_op *op, u32 offset, bool hole, struct dfs_fxs *fxs)
{
	struct dfs_io io = io_of(op, DFS_IO_FILE_SEEK);
	io.offset = offset;
	io.length = hole;
	dfs_fx_io(fxs, cs_op_tag(op, CS_IO_MAIN), &io, NULL);
}

void cs_store_copy(struct cs_op *op, u64 base, u32 length, struct dfs_span attribute,
		   struct dfs_fxs *fxs)
{
	struct dfs_io io = io_of(op, DFS_IO_FILE_COPY);
	io.source = base;
	io.length = length;
	io.attribute = attribute;
	dfs_fx_io(fxs, cs_op_tag(op, CS_IO_MAIN), &io, NULL);
}

void cs_store_unlink(struct cs_op *op, struct dfs_fxs *fxs)
{
	struct dfs_io io = io_of(op, DFS_IO_FILE_UNLINK);
	dfs_fx_io(fxs, cs_op_tag(op, CS_IO_MAIN), &io, NULL);
}

/* The op at the head of sync_waiters carries the I/O for all. */
static void sync_begin(struct cs_live *live, struct dfs_fxs *fxs)
{
	struct cs_op *leader = dfs_list_first(&live->sync_waiters, struct cs_op, wait_node);
	live->syncing = true;
	live->sync_covers = live->writes;
	struct dfs_io io = io_of(leader, DFS_IO_FILE_SYNC);
	dfs_fx_io(fxs, cs_op_tag(leader, CS_FILE_DURABLE), &io, NULL);
}

bool cs_sync_wait(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	struct cs_live *live = op->chunk->live;
	DFS_ASSERT(
	    !dfs_list_empty(&op->queue_node)); /* So that nobody unlinks the file meanwhile. */
	if (live->synced == live->writes)
		return true;
	op->ticket = live->writes;
	dfs_list_push_back(&live->sync_waiters, &op->wait_node);
	if (!live->syncing)
		sync_begin(live, fxs);
	(void)cs;
	return false;
}

void cs_sync_finished(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	struct cs_live *live = op->chunk->live;
	if (dfs_list_empty(&op->wait_node))
		return; /* Another's I/O stood for this op. */
	DFS_ASSERT(live->syncing);
	live->syncing = false;
	dfs_list_remove(&op->wait_node);
	u64 covered = status == 0 ? live->sync_covers : UINT64_MAX;
	if (status == 0) {
		live->synced = dfs_max(live->synced, covered);
		op->chunk->flags |= CS_SYNCED; /* Into the row with its next change. */
		if (live->writing == 0 && live->writes == live->synced)
			cs_crcs_settle(live);
	}
	struct dfs_list ready;
	dfs_list_init(&ready);
	dfs_list_for_each_safe (node, &live->sync_waiters) {
		struct cs_op *other = dfs_list_entry(node, struct cs_op, wait_node);
		if (other->ticket <= covered) {
			dfs_list_remove(&other->wait_node);
			dfs_list_push_back(&ready, &other->wait_node);
		}
	}
	if (!dfs_list_empty(&live->sync_waiters))
		sync_begin(live, fxs);
	while (!dfs_list_empty(&ready)) {
		struct cs_op *other = dfs_list_first(&ready, struct cs_op, wait_node);
		dfs_list_remove(&other->wait_node);
		struct cs_done done = {.which = CS_FILE_DURABLE, .status = status};
		cs_op_done(cs, other, &done, fxs);
	}
}

int cs_store_verdict(struct cs *cs, struct cs_disk *disk, const char *what, int status,
		     struct dfs_fxs *fxs)
{
	DFS_ASSERT(status != 0);
	if (status == DFS_EDISK_FULL || status == DFS_ENOSPC || status == DFS_EDQUOT) {
		cs_disk_set_full(cs, disk, fxs);
		return DFS_EDISK_FULL;
	}
	if (status == DFS_ENOENT)
		return DFS_ECORRUPT; /* One file is missing: its chunk is lost, not the disk. */
	cs_disk_fail(cs, disk, what, status, fxs);
	return DFS_EDISK_FAILED;
}
