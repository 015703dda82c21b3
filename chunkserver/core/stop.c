/*
 * The orderly end, within a bound:
 *
 *   NONE --STOP--> DRAINING (requests finish; new ones are refused)
 *                     |
 *                  CLEANING (dirty chunks are synced, so that even a power cut now costs nothing)
 *                     |
 *                  MARKING  (the index durably says that nothing was in flight)
 *                     |
 *                  GONE     (EXIT)
 *
 * What is in flight even STOP_GRACE later is left to the next start, which then treats this as a
 * kill.
 */
#include "chunkserver/core/stop.h"

#include "chunkserver/core/chain.h"
#include "chunkserver/core/clean.h"
#include "chunkserver/core/gather.h"
#include "chunkserver/core/handlers.h"
#include "chunkserver/core/index.h"
#include "chunkserver/core/peers.h"
#include "chunkserver/core/report.h"
#include "libdfsproto/base/errors.h"

/* Until then chunks are cleaned; those left over are dirty at the next start, which is no harm. */
#define STOP_MAX   (4 * DFS_SEC)
/* Then what is in flight may end. */
#define STOP_GRACE (3 * DFS_SEC)

enum cs_stop_state { STOP_NONE, STOP_DRAINING, STOP_CLEANING, STOP_MARKING, STOP_GONE };

static void gone(struct cs *cs, struct dfs_fxs *fxs)
{
	cs->stop_state = STOP_GONE;
	cs_nexts_close(cs, fxs);
	cs_peers_close(cs, fxs);
	cs_masters_close(cs, fxs);
	dfs_fx_log(fxs, DFS_LOG_INFO, "event=stopped requests_left=%u", cs->ops_live);
	dfs_fx_exit(fxs, 0);
}

void cs_stop_begin(struct cs *cs, struct dfs_fxs *fxs)
{
	if (cs->stop_state != STOP_NONE)
		return;
	dfs_fx_log(fxs, DFS_LOG_INFO, "event=stopping");
	cs->stopping = true;
	cs->stop_at = cs->now + STOP_MAX;
	cs->stop_state = STOP_DRAINING;
	if (!cs->serving)
		gone(cs, fxs);
}

static void mark(struct cs *cs, struct dfs_fxs *fxs)
{
	struct cs_op *op = cs_op_new_inner(cs, CS_OP_STOP);
	cs->stop_state = STOP_MARKING;
	for (u32 i = 0; i < cs->disks_count; i++) {
		struct cs_disk *disk = &cs->disks[i];
		if (disk->phase != CS_DISK_READY)
			continue;
		disk->clean = disk->unchecked == 0;
		cs_index_begin(disk);
		cs_index_put_counters(cs, disk);
		if (cs_index_write(cs, disk, fxs) == 0)
			cs_gather_add(cs, &op->gather, disk, fxs);
	}
	if (cs_gather_wait(cs, &op->gather, op, fxs)) {
		cs_op_free(cs, op);
		gone(cs, fxs);
	}
}

void cs_stop_tick(struct cs *cs, struct dfs_fxs *fxs)
{
	bool late = cs->now >= cs->stop_at;
	if (cs->stop_state == STOP_DRAINING && (cs->ops_live == 0 || late))
		cs->stop_state = STOP_CLEANING;
	if (cs->stop_state == STOP_CLEANING) {
		if (!late)
			cs_clean_tick(cs, fxs);
		if (cs->ops_live == 0 && (late || cs_clean_all_done(cs)))
			mark(cs, fxs);
	}
	if (cs->stop_state != STOP_GONE && cs->now >= cs->stop_at + STOP_GRACE)
		gone(cs, fxs);
}

nsec cs_stop_deadline(const struct cs *cs)
{
	if (cs->stop_state == STOP_GONE)
		return DFS_NEVER;
	return cs->now < cs->stop_at ? cs->stop_at : cs->stop_at + STOP_GRACE;
}

void cs_stop_done(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	if (done->status == 0 && !cs_gather_wait(cs, &op->gather, op, fxs))
		return;
	cs_op_free(cs, op);
	if (cs->stop_state == STOP_MARKING)
		gone(cs, fxs);
}
