/*
 * Where a file is written to. A target is one chunk of it: from MAKE or GRANT, or, when the file's
 * map is known and holds the chunk, from there without asking.
 *
 *   (made) --wanting--> GRANT under way --> granted --trouble--> wanting, after a while
 *
 * One GRANT per inode is under way at a time, for as many neighbours as want one. A grant that
 * answers anything but a lasting error is asked for until it comes: written data waits for its
 * servers as long as it takes; it is the callers who may give up waiting.
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>

enum { GRANT_CHUNKS_MAX = 64 };

struct cl_target *cl_target_find(const struct cl_inode *inode, u64 index)
{
	struct dfs_map_node *found = dfs_map_find(&inode->targets, index);
	return found == NULL ? NULL : dfs_map_entry(found, struct cl_target, by_index);
}

/* The file's map will do if it says all there is to know. */
static void grant_from_map(struct cl_target *target)
{
	const struct cl_row *row = cl_row_find(target->inode, target->by_index.key);
	if (row == NULL || row->place.chunk == 0 || row->place.count == 0 ||
	    row->place.valid != DFS_VALID_ALL || row->place.shared)
		return;
	target->place = row->place;
	target->granted = true;
	target->fresh = false;
}

struct cl_target *cl_target_get(struct cl *cl, struct cl_inode *inode, u64 index)
{
	struct cl_target *target = cl_target_find(inode, index);
	if (target == NULL) {
		target = calloc(1, sizeof(*target));
		DFS_ASSERT(target != NULL);
		target->inode = inode;
		dfs_list_init(&target->in_wanting);
		dfs_list_init(&target->in_server);
		dfs_list_init(&target->slots);
		dfs_list_init(&target->ready);
		dfs_list_push_back(&inode->targets_list, &target->in_inode);
		dfs_map_insert(&inode->targets, &target->by_index, index);
	}
	/* What wants a grant already had trouble with the place it knew. */
	if (!target->granted && dfs_list_empty(&target->in_wanting))
		grant_from_map(target);
	/* Ask before there is anything to send: the answer will be here by then. */
	if (!target->granted && dfs_list_empty(&target->in_wanting)) {
		dfs_list_push_back(&inode->wanting, &target->in_wanting);
		cl_inode_touch(cl, inode);
	}
	return target;
}

static void target_free(struct cl_target *target)
{
	DFS_ASSERT(dfs_list_empty(&target->slots));
	DFS_ASSERT(dfs_list_empty(&target->ready));
	target->end = 0;
	cl_quota_recount(target);
	dfs_list_remove(&target->in_inode);
	dfs_list_remove(&target->in_wanting);
	dfs_list_remove(&target->in_server);
	dfs_map_remove(&target->inode->targets, &target->by_index);
	free(target);
}

static bool idle(const struct cl_target *target)
{
	return dfs_list_empty(&target->slots) && target->commit_at == 0 &&
	       target->stored_at <= target->committed_at;
}

static bool synced(const struct cl_target *target)
{
	return target->unsynced_since == 0 && target->syncing_since == 0;
}

void cl_targets_forget(struct cl *cl, struct cl_inode *inode)
{
	(void)cl;
	dfs_list_for_each_safe (node, &inode->targets_list) {
		struct cl_target *target = dfs_list_entry(node, struct cl_target, in_inode);
		if (!idle(target))
			continue;
		if (synced(target)) {
			target_free(target);
			continue;
		}
		target->granted = false; /* `place` still says whom to SYNC. */
		target->length = 0;
	}
}

void cl_targets_cut(struct cl *cl, struct cl_inode *inode, u64 first, u64 end)
{
	(void)cl;
	dfs_list_for_each_safe (node, &inode->targets_list) {
		struct cl_target *target = dfs_list_entry(node, struct cl_target, in_inode);
		u64 index = target->by_index.key;
		if (index >= first && index < end && dfs_list_empty(&target->slots) &&
		    target->commit_at == 0 && target->syncing_since == 0)
			target_free(target);
	}
}

void cl_target_punched(struct cl *cl, struct cl_inode *inode, u64 index,
		       const struct cl_place *place)
{
	struct cl_target *target = cl_target_get(cl, inode, index);
	if (!target->granted)
		target->place = *place;
	u64 at = ++inode->stored_count;
	if (target->unsynced_since == 0)
		target->unsynced_since = at;
	target->committed_at = at;
	inode->expired = false;
	cl_inode_touch(cl, inode);
}

void cl_targets_fini(struct cl *cl, struct cl_inode *inode)
{
	(void)cl;
	dfs_list_for_each_safe (node, &inode->targets_list)
		target_free(dfs_list_entry(node, struct cl_target, in_inode));
}

static void want(struct cl *cl, struct cl_target *target)
{
	dfs_list_remove(&target->in_server);
	if (dfs_list_empty(&target->in_wanting))
		dfs_list_push_back(&target->inode->wanting, &target->in_wanting);
	cl_inode_touch(cl, target->inode);
}

static void on_grant_timer(struct cl *cl, struct cl_timer *timer)
{
	cl_inode_touch(cl, dfs_container_of(timer, struct cl_inode, grant_timer));
}

static void wait_to_ask(struct cl *cl, struct cl_inode *inode)
{
	cl_timer_set(cl, &inode->grant_timer, cl->now + cl_backoff(inode->grant_tries++),
		     on_grant_timer);
}

void cl_target_ungrant(struct cl *cl, struct cl_target *target)
{
	struct cl_inode *inode = target->inode;
	cl_row_forget(inode, target->by_index.key);
	if (target->granted && !cl_timer_armed(&inode->grant_timer))
		wait_to_ask(cl, inode);
	target->granted = false;
	want(cl, target);
}

void cl_target_refuse(struct cl *cl, struct cl_target *target)
{
	target->refused = target->place.chunk;
	cl_target_ungrant(cl, target);
}

void cl_target_redo(struct cl *cl, struct cl_target *target)
{
	struct cl_inode *inode = target->inode;
	dfs_list_for_each_safe (node, &target->slots)
		cl_slot_redo(cl, dfs_list_entry(node, struct cl_slot, in_target));
	target->stored_at = 0;
	target->commit_at = 0;
	target->committed_at = 0;
	target->unsynced_since = 0;
	target->fresh = false;
	if (!dfs_list_empty(&target->slots))
		cl_target_ungrant(cl, target);
	cl_flushes_restart(inode);
	cl_inode_touch(cl, inode);
}

void cl_target_drop(struct cl *cl, struct cl_target *target)
{
	struct cl_inode *inode = target->inode;
	dfs_list_for_each_safe (node, &target->slots)
		cl_slot_drop(cl, dfs_list_entry(node, struct cl_slot, in_target));
	target->commit_at = 0;
	target->committed_at = target->stored_at;
	target->unsynced_since = 0;
	target->syncing_since = 0;
	target->granted = false;
	target->fresh = false;
	target->end = 0;
	cl_quota_recount(target);
	dfs_list_remove(&target->in_wanting);
	dfs_list_remove(&target->in_server);
	cl_inode_touch(cl, inode);
}

void cl_target_grant(struct cl *cl, struct cl_inode *inode, const struct dfs_location *location)
{
	struct cl_place place;
	cl_place_of(cl, location, &place);
	if (place.count == 0 || place.chunk == 0 || place.valid != DFS_VALID_ALL)
		return;
	struct cl_target *target = cl_target_get(cl, inode, location->index);
	const struct cl_row *row = cl_row_find(inode, location->index);
	u64 unsynced_since = target->unsynced_since;
	/* Data of another chunk does not move by itself. */
	if (target->place.chunk != place.chunk && target->stored_at > target->committed_at)
		cl_target_redo(cl, target);
	if (target->place.chunk != place.chunk) {
		/* The one that was written is not the file's any more: nobody misses its bytes,
		 * unless the new one is to be a copy of it. */
		bool follows = place.base != 0 && place.base == target->place.chunk;
		target->unsynced_since = follows ? unsynced_since : 0;
		target->committed_at = 0;
		target->stored_at = 0;
		target->length = 0;
	}
	target->place = place;
	target->granted = true;
	target->refused = 0;
	target->fresh =
	    target->committed_at == 0 && (row == NULL || row->place.chunk != place.chunk);
	cl_quota_recount(target);
	dfs_list_remove(&target->in_wanting);
	cl_target_ready(cl, target);
}

static void give_up(struct cl *cl, struct cl_inode *inode, int status)
{
	for (u32 i = 0; i < inode->grant_count; i++) {
		struct cl_target *target = cl_target_find(inode, inode->grant_index + i);
		if (target == NULL || dfs_list_empty(&target->in_wanting))
			continue;
		/* With the file, what was to be synced is gone, and nobody misses it. */
		bool missed = !synced(target) && status != DFS_ESTALE;
		if (!dfs_list_empty(&target->slots) || missed)
			cl_inode_fail(cl, inode, status, "grant");
		cl_target_drop(cl, target);
	}
}

static bool lasting(int status)
{
	switch (status) {
	case DFS_ENO_SERVER:
	case DFS_EBUSY:
	case DFS_ENO_SESSION:
	case DFS_EMALFORMED:
		return false;
	default:
		return true;
	}
}

static void on_granted(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	struct cl_inode *inode = dfs_container_of(rpc, struct cl_inode, grant);
	struct dfs_grant_reply reply;
	struct dfs_location location;
	int status = answer->status;
	cl_inode_touch(cl, inode);
	if (status == 0)
		status = dfs_grant_reply_decode(answer->body, answer->version, &reply);
	if (status != 0) {
		if (lasting(status))
			give_up(cl, inode, status);
		else
			wait_to_ask(cl, inode);
		return;
	}
	cl_quota_told(cl, inode, &reply.room);
	while (dfs_location_next(&reply.chunks, &location)) {
		if (location.index - inode->grant_index < inode->grant_count)
			cl_target_grant(cl, inode, &location);
	}
	/* Those that were left out, or that nobody can write to now, are asked for again. */
	for (u32 i = 0; i < inode->grant_count; i++) {
		struct cl_target *target = cl_target_find(inode, inode->grant_index + i);
		if (target != NULL && !dfs_list_empty(&target->in_wanting) &&
		    !cl_timer_armed(&inode->grant_timer))
			wait_to_ask(cl, inode);
	}
}

void cl_targets_work(struct cl *cl, struct cl_inode *inode)
{
	if (dfs_list_empty(&inode->wanting) || inode->grant.under_way ||
	    cl_timer_armed(&inode->grant_timer))
		return;
	struct cl_target *first = dfs_list_first(&inode->wanting, struct cl_target, in_wanting);
	u32 count = 1;
	while (count < GRANT_CHUNKS_MAX && first->refused == 0) {
		struct cl_target *next = cl_target_find(inode, first->by_index.key + count);
		if (next == NULL || dfs_list_empty(&next->in_wanting) || next->refused != 0)
			break;
		count++;
	}
	inode->grant_index = first->by_index.key;
	inode->grant_count = count;
	struct dfs_grant body = {.session = cl->master.id,
				 .ino = inode->ino,
				 .index = inode->grant_index,
				 .count = count,
				 .refused = first->refused};
	struct dfs_writer writer;
	inode->grant.done = on_granted;
	cl_master_begin(cl, &writer);
	dfs_grant_put(&writer, &body);
	cl_master_send(cl, &inode->grant, DFS_MSG_GRANT, &writer);
}
