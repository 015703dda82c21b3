/*
 * Every invariant of the client's core, walked through. The simulator calls it after each event.
 */
#include "fuse/core/client_i.h"

static u32 count_list(const struct dfs_list *list)
{
	u32 count = 0;
	dfs_list_for_each (node, list)
		count++;
	return count;
}

static void check_slot(const struct cl_slot *slot)
{
	const struct cl_inode *inode = slot->inode;
	cl_extents_check(&slot->dirty);
	cl_extents_check(&slot->sending);
	cl_extents_check(&slot->kept);
	const struct cl_extents *sets[] = {&slot->dirty, &slot->sending, &slot->kept};
	for (size_t i = 0; i < dfs_array_count(sets); i++)
		DFS_ASSERT(sets[i]->count == 0 ||
			   sets[i]->v[sets[i]->count - 1].end <= cl_slot_bytes(inode));
	DFS_ASSERT((slot->dirty.count > 0) == (slot->dirty_seq != 0));
	DFS_ASSERT((slot->dirty.count > 0) == !dfs_list_empty(&slot->in_dirty));
	DFS_ASSERT((slot->sending.count > 0) == (slot->sending_seq != 0));
	DFS_ASSERT((slot->sending.count > 0) == !dfs_list_empty(&slot->in_sending));
	DFS_ASSERT((slot->kept.count > 0) == (slot->kept_seq != 0));
	DFS_ASSERT(slot->stores_count == count_list(&slot->stores));
	DFS_ASSERT(slot->stores_count <= slot->sending.count);
	/* Somebody is going to send what must go. */
	if (slot->wanted || (slot->sending.count > 0 && slot->stores_count == 0))
		DFS_ASSERT(!dfs_list_empty(&slot->in_ready) || slot->sending.count > 0);
	if (slot->sending.count > 0 && slot->stores_count == 0)
		DFS_ASSERT(!dfs_list_empty(&slot->in_ready));
	if (!dfs_list_empty(&slot->in_ready))
		DFS_ASSERT(slot->stores_count == 0);
	DFS_ASSERT(slot->dirty.count + slot->sending.count + slot->kept.count > 0);
	DFS_ASSERT(slot->target->inode == inode);
	DFS_ASSERT(slot->target->by_index.key == cl_slot_offset(slot) >> inode->attr.chunk_shift);
}

static void check_target(const struct cl_target *target)
{
	const struct cl_inode *inode = target->inode;
	bool ready = !dfs_list_empty(&target->ready);
	DFS_ASSERT(!target->granted || target->place.count > 0);
	DFS_ASSERT(!target->granted || dfs_list_empty(&target->in_wanting));
	DFS_ASSERT(dfs_list_empty(&target->in_server) || target->granted);
	if (ready && target->granted)
		DFS_ASSERT(!dfs_list_empty(&target->in_server));
	if (ready && !target->granted)
		DFS_ASSERT(!dfs_list_empty(&target->in_wanting));
	DFS_ASSERT(target->committed_at <= inode->stored_count);
	DFS_ASSERT(target->stored_at <= inode->stored_count);
	DFS_ASSERT(target->commit_at == 0 || inode->commit.rpc.under_way);
	DFS_ASSERT(target->syncing_since == 0 || inode->syncs_count > 0);
	dfs_list_for_each (node, &target->slots)
		check_slot(dfs_list_entry(node, struct cl_slot, in_target));
}

static void check_order(const struct cl_inode *inode)
{
	u64 seq = 0;
	dfs_list_for_each (node, &inode->dirty) {
		const struct cl_slot *slot = dfs_list_entry(node, struct cl_slot, in_dirty);
		DFS_ASSERT(slot->dirty_seq >= seq);
		DFS_ASSERT(slot->dirty_seq <= inode->write_seq);
		seq = slot->dirty_seq;
		/* What was told to go, goes. */
		DFS_ASSERT(slot->wanted || slot->dirty_seq > inode->wanted_seq);
	}
}

static void check_inode(const struct cl *cl, const struct cl_inode *inode)
{
	u64 held = 0, unstored = 0, kept = 0;
	u32 slots = 0;
	dfs_list_for_each (node, &inode->targets_list) {
		const struct cl_target *target = dfs_list_entry(node, struct cl_target, in_inode);
		check_target(target);
		dfs_list_for_each (at, &target->slots) {
			const struct cl_slot *slot = dfs_list_entry(at, struct cl_slot, in_target);
			held += slot->cost;
			unstored += (u64)slot->dirty.bytes + slot->sending.bytes;
			kept += slot->kept.bytes;
			slots++;
		}
	}
	check_order(inode);
	DFS_ASSERT(held == inode->held_bytes);
	DFS_ASSERT(unstored == inode->unstored_bytes);
	DFS_ASSERT(kept == inode->kept_bytes);
	DFS_ASSERT(slots == inode->slots.count);
	DFS_ASSERT(count_list(&inode->targets_list) == inode->targets.count);
	DFS_ASSERT(count_list(&inode->rows_list) == inode->rows.count);
	DFS_ASSERT(inode->rows.count <= CL_ROWS_MAX);
	DFS_ASSERT(count_list(&inode->syncs) == inode->syncs_count);
	DFS_ASSERT(inode->committed_seq <= inode->write_seq);
	DFS_ASSERT(inode->commit_seq <= inode->write_seq);
	DFS_ASSERT(cl_inode_uncommitted(inode) == !dfs_list_empty(&inode->in_dirty));
	DFS_ASSERT(cl_inode_uncommitted(inode) || inode->local_end == 0);
	DFS_ASSERT(!cl_inode_uncommitted(inode) || cl_timer_armed(&inode->age));
	/* Nothing is forgotten: whoever waits has somebody who works. */
	if (!dfs_list_empty(&inode->wanting))
		DFS_ASSERT(inode->grant.under_way || cl_timer_armed(&inode->grant_timer));
	if (!dfs_list_empty(&inode->map_waiters))
		DFS_ASSERT(inode->chunks.under_way || inode->reopen.under_way ||
			   cl_timer_armed(&inode->chunks_timer));
	DFS_ASSERT(cl->phase == CL_PHASE_ENDED || dfs_list_empty(&inode->in_touched));
}

static void check_servers(const struct cl *cl)
{
	dfs_list_for_each (node, &cl->servers) {
		const struct cl_server *server = dfs_list_entry(node, struct cl_server, in_all);
		u32 stores = 0;
		dfs_list_for_each (at, &server->rpcs) {
			const struct cl_rpc *rpc = dfs_list_entry(at, struct cl_rpc, in_link);
			DFS_ASSERT(rpc->under_way);
			DFS_ASSERT(rpc->server == server);
			stores += rpc->type == DFS_MSG_WRITE;
		}
		DFS_ASSERT(stores == server->stores_count);
		DFS_ASSERT(dfs_list_empty(&server->rpcs) || server->session != NULL);
		if (server->session == NULL)
			continue;
		DFS_ASSERT(server->up || cl_timer_armed(&server->patience));
		dfs_session_check(server->session);
	}
}

static void check_master(const struct cl *cl)
{
	const struct cl_master *master = &cl->master;
	u64 sequence = 0;
	dfs_session_check(master->session);
	dfs_list_for_each (node, &master->mutations) {
		const struct cl_mutation *mutation =
		    dfs_list_entry(node, struct cl_mutation, in_order);
		DFS_ASSERT(mutation->rpc.under_way);
		DFS_ASSERT(mutation->sequence > sequence);
		sequence = mutation->sequence;
	}
	DFS_ASSERT(sequence <= master->sequence);
	dfs_list_for_each (node, &master->rpcs) {
		const struct cl_rpc *rpc = dfs_list_entry(node, struct cl_rpc, in_link);
		DFS_ASSERT(rpc->under_way);
		DFS_ASSERT(rpc->server == NULL);
		DFS_ASSERT(rpc->buf != NULL);
		/* It will be sent again: when a master has taken us. */
		DFS_ASSERT(!rpc->resting || master->state != CL_MASTER_ATTACHED);
	}
}

static void check_task(const struct cl *cl, const struct cl_task *task)
{
	DFS_ASSERT(task->state != CL_TASK_FREE);
	DFS_ASSERT(task->state != CL_TASK_NEW);
	DFS_ASSERT(task->answered ||
		   dfs_map_find(&cl->tasks_by_id, task->by_id.key) == &task->by_id);
	if (task->state == CL_TASK_ASKING)
		DFS_ASSERT(task->mutation.rpc.under_way);
	if (task->state == CL_TASK_AUDITING)
		DFS_ASSERT(task->mutation.rpc.under_way || cl_timer_armed(&task->pause) ||
			   !dfs_list_empty(&task->audit.syncs));
	if (task->state == CL_TASK_VISITING)
		DFS_ASSERT(task->mutation.rpc.under_way || cl_timer_armed(&task->pause) ||
			   task->visit.rpc.under_way);
	if (task->state == CL_TASK_PAUSED)
		DFS_ASSERT(cl_timer_armed(&task->pause));
	if (task->state == CL_TASK_WAITING || task->state == CL_TASK_QUEUED)
		DFS_ASSERT(!dfs_list_empty(&task->in_queue));
	if (task->state == CL_TASK_FLUSHING)
		DFS_ASSERT(task->flush.state != CL_FLUSH_IDLE);
	u32 left = 0;
	for (u32 i = 0; i < task->parts_count; i++) {
		const struct cl_part *part = &task->parts[i];
		left += part->state != CL_PART_DONE;
		if (part->state == CL_PART_MAPPING)
			DFS_ASSERT(!dfs_list_empty(&part->in_waiters));
		if (part->state == CL_PART_FETCHING)
			DFS_ASSERT(part->rpc.under_way);
		if (part->state == CL_PART_PAUSED)
			DFS_ASSERT(cl_timer_armed(&part->pause));
	}
	DFS_ASSERT(left == task->parts_left);
	DFS_ASSERT(task->state != CL_TASK_READING || left > 0 || task->mutation.rpc.under_way);
}

void cl_check(const void *core)
{
	const struct cl *cl = core;
	u64 held = 0, unstored = 0;
	if (cl->phase == CL_PHASE_NEW)
		return;
	dfs_list_for_each (node, &cl->inodes) {
		const struct cl_inode *inode = dfs_list_entry(node, struct cl_inode, in_all);
		check_inode(cl, inode);
		held += inode->held_bytes;
		unstored += inode->unstored_bytes;
	}
	DFS_ASSERT(held == cl->held_bytes);
	DFS_ASSERT(unstored == cl->unstored_bytes);
	DFS_ASSERT(cl->phase == CL_PHASE_ENDED || dfs_list_empty(&cl->touched));
	dfs_list_for_each (node, &cl->tasks)
		check_task(cl, dfs_list_entry(node, struct cl_task, in_all));
	if (cl->phase != CL_PHASE_ENDED)
		check_servers(cl);
	if (cl->phase != CL_PHASE_ENDED)
		check_master(cl);
}
