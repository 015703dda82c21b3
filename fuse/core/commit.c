/*
 * COMMIT: tells the master what was stored, so that the file has it. One per inode is under way at
 * a time; each names every chunk written since the one before, also those long in the map: should
 * the file have been truncated elsewhere meanwhile, the master refuses with STALE, and the data,
 * which is kept until now for this, is written again to wherever it belongs.
 */
#include "fuse/core/client_i.h"

enum {
	COMMIT_CHUNKS_MAX = 1024, /* As ops.def says. */
	STALE_MAX = 10,
	IDLE_TARGETS_MAX = 1024,
};

/* Somebody waits for a COMMIT, and everything it has to cover is stored. */
static bool wanted(const struct cl_inode *inode, u64 stored)
{
	u64 committed = inode->committed_seq;
	if (inode->background_seq > committed && inode->background_seq <= stored)
		return true;
	dfs_list_for_each (node, &inode->flushes) {
		u64 target = dfs_list_entry(node, struct cl_flush, in_inode)->target;
		if (target > committed && target <= stored)
			return true;
	}
	return false;
}

static void advance(struct cl *cl, struct cl_inode *inode, u64 seq)
{
	DFS_ASSERT(seq <= inode->write_seq);
	inode->committed_seq = dfs_max(inode->committed_seq, seq);
	cl_inode_touch(cl, inode);
	if (cl_inode_uncommitted(inode))
		return;
	inode->local_end = 0;
	dfs_list_remove(&inode->in_dirty);
	cl_timer_clear(cl, &inode->age);
}

/* What was kept for the case that the chunk would not be taken. */
static void forget_kept(struct cl *cl, struct cl_target *target)
{
	dfs_list_for_each_safe (node, &target->slots) {
		struct cl_slot *slot = dfs_list_entry(node, struct cl_slot, in_target);
		if (slot->kept_at > target->commit_at)
			continue;
		cl_extents_clear(&slot->kept);
		cl_slot_settle(cl, slot);
	}
}

static void succeeded(struct cl *cl, struct cl_inode *inode, const struct dfs_mutate_reply *reply)
{
	const struct dfs_attr *attr = &reply->attr;
	u32 mode = inode->attr.mode;
	int status = cl_inode_attr(cl, inode, attr, true);
	cl_cache_put_attr(cl, attr, cl_cache_until(inode->commit.sent_at, reply->lease_ms));
	if (inode->attr.mode != mode) /* Set-id bits went. */
		cl_cache_tell(cl, inode->ino);
	u64 generation = inode->map_generation;
	inode->commit_tries = 0;
	inode->commit_writer = (struct cl_caller){0};
	inode->commits_heard = inode->commits_sent;
	cl_quota_told(cl, inode, &reply->room);
	dfs_list_for_each_safe (node, &inode->targets_list) {
		struct cl_target *target = dfs_list_entry(node, struct cl_target, in_inode);
		if (target->commit_at == 0)
			continue;
		forget_kept(cl, target);
		target->committed_at = target->commit_at;
		target->commit_at = 0;
		target->fresh = false;
		target->place.length = dfs_max(target->place.length, target->length);
		if (dfs_list_empty(&target->slots))
			target->end = 0;
		cl_quota_recount(target);
		target->place.base = 0;
		target->place.base_bytes = 0;
		if (status == 0 && generation == inode->commit_generation && target->granted)
			cl_row_put(cl, inode, target->by_index.key, &target->place);
	}
	advance(cl, inode, inode->commit_seq);
	if (inode->targets.count > IDLE_TARGETS_MAX)
		cl_targets_forget(cl, inode);
}

/* What is committed again is committed in the same name. */
static void writer_restore(struct cl_inode *inode)
{
	if (inode->writer.uid == 0)
		inode->writer = inode->commit_writer;
}

/* The data goes elsewhere, or nowhere. */
static void refused(struct cl *cl, struct cl_inode *inode, int status)
{
	bool again = status == DFS_ESTALE && ++inode->commit_tries < STALE_MAX;
	u32 redone = 0;
	if (again)
		writer_restore(inode);
	inode->commit_writer = (struct cl_caller){0};
	cl_rows_drop(cl, inode);
	dfs_list_for_each_safe (node, &inode->targets_list) {
		struct cl_target *target = dfs_list_entry(node, struct cl_target, in_inode);
		if (target->commit_at == 0)
			continue;
		if (again) {
			cl_target_redo(cl, target);
			redone++;
		} else {
			forget_kept(cl, target);
			target->committed_at = target->commit_at;
			target->commit_at = 0;
		}
	}
	if (redone > 0)
		return;
	cl_inode_fail(cl, inode, status == DFS_ESTALE ? DFS_EIO : status, "commit");
	advance(cl, inode, inode->commit_seq);
}

static void on_commit_timer(struct cl *cl, struct cl_timer *timer)
{
	cl_inode_touch(cl, dfs_container_of(timer, struct cl_inode, commit_timer));
}

/* As if it had not been sent. */
static void take_back(struct cl_inode *inode)
{
	writer_restore(inode);
	inode->uncommitted = true;
	inode->stored_end = dfs_max(inode->stored_end, inode->commit_end);
	dfs_list_for_each (node, &inode->targets_list)
		dfs_list_entry(node, struct cl_target, in_inode)->commit_at = 0;
}

static void on_committed(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	struct cl_inode *inode = dfs_container_of(rpc, struct cl_inode, commit.rpc);
	struct dfs_mutate_reply reply;
	int status = answer->status;
	if (status == 0)
		status = dfs_mutate_reply_decode(answer->body, answer->version, &reply);
	cl_inode_touch(cl, inode);
	cl_cache_drop_attr(cl, inode->ino);
	switch (status) {
	case 0:
		succeeded(cl, inode, &reply);
		break;
	case DFS_ENO_SESSION: /* cl_session_lost writes everything again. */
		take_back(inode);
		break;
	case DFS_EBUSY:
		take_back(inode);
		cl_timer_set(cl, &inode->commit_timer, cl->now + cl_backoff(inode->commit_tries++),
			     on_commit_timer);
		break;
	default:
		refused(cl, inode, status);
		break;
	}
}

static void put_chunks(struct cl_inode *inode, struct dfs_writer *chunks)
{
	inode->uncommitted = false;
	dfs_list_for_each (node, &inode->targets_list) {
		struct cl_target *target = dfs_list_entry(node, struct cl_target, in_inode);
		DFS_ASSERT(target->commit_at == 0);
		if (target->stored_at <= target->committed_at)
			continue;
		if (chunks->items == COMMIT_CHUNKS_MAX) {
			inode->uncommitted = true; /* The next one takes the rest. */
			return;
		}
		struct dfs_committed item = {
		    .index = target->by_index.key,
		    .chunk = target->place.chunk,
		    .server = target->place.count == 0 ? 0 : target->place.servers[0]->by_id.key,
		    .length = target->length,
		    .base = target->place.base,
		    .base_bytes = target->place.base_bytes,
		};
		dfs_committed_put(chunks, &item);
		target->commit_at = inode->stored_count;
	}
}

static void send(struct cl *cl, struct cl_inode *inode, u64 stored)
{
	struct dfs_writer chunks, body;
	dfs_writer_init(&chunks, DFS_PROTOCOL_VERSION, 0);
	dfs_writer_init(&body, DFS_PROTOCOL_VERSION, 0);
	put_chunks(inode, &chunks);
	struct dfs_commit commit = {
	    .ino = inode->ino,
	    .size = inode->stored_end,
	    .mtime = inode->local_mtime,
	    .chunks = dfs_writer_items(&chunks),
	};
	dfs_commit_put(&body, &commit);
	dfs_writer_fini(&chunks);
	/* With chunks left over, nothing is complete yet. */
	inode->commit_seq = inode->uncommitted ? inode->committed_seq : stored;
	inode->commit_end = inode->stored_end;
	inode->commit_generation = inode->map_generation;
	if (!inode->uncommitted)
		inode->stored_end = 0;
	inode->commits_sent++;
	inode->commit.rpc.done = on_committed;
	dfs_list_init(&inode->commit.in_order);
	inode->commit_writer = inode->writer;
	inode->writer = (struct cl_caller){0};
	cl_mutate(cl, &inode->commit, inode->commit_writer, DFS_OP_COMMIT, &body);
}

void cl_commit_work(struct cl *cl, struct cl_inode *inode)
{
	if (inode->commit.rpc.under_way || cl_timer_armed(&inode->commit_timer))
		return;
	u64 stored = cl_write_stored_seq(inode);
	/* What is kept must not fill the buffer: a stream commits as it goes. */
	bool heavy = inode->kept_bytes >= cl->held_bytes_max / 4;
	if (!wanted(inode, stored) && !(heavy && inode->uncommitted))
		return;
	if (inode->uncommitted)
		send(cl, inode, stored);
	else
		advance(cl, inode, stored); /* Nothing of it could be stored: told by errors. */
}
