/*
 * Filling the write-behind buffer: see write_behind.h. Every write has a number; an inode's dirty
 * slots stand in order of the first write that is in them, so that "everything up to this write" is
 * found from the front. What makes data go: a slot is full (at once), a flush, its age, or pressure
 * on the buffer.
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>

/* What a slot and an extent cost besides their bytes. */
enum { SLOT_COST = 384, EXTENT_COST = 64 };

static u32 slot_shift(const struct cl_inode *inode)
{
	return dfs_min((u32)inode->attr.chunk_shift, (u32)CL_SLOT_SHIFT);
}

u32 cl_slot_bytes(const struct cl_inode *inode)
{
	return 1u << slot_shift(inode);
}

u64 cl_slot_offset(const struct cl_slot *slot)
{
	return slot->by_position.key << slot_shift(slot->inode);
}

struct cl_slot *cl_slot_find(const struct cl_inode *inode, u64 offset)
{
	struct dfs_map_node *found = dfs_map_find(&inode->slots, offset >> slot_shift(inode));
	return found == NULL ? NULL : dfs_map_entry(found, struct cl_slot, by_position);
}

static struct cl_slot *slot_get(struct cl *cl, struct cl_inode *inode, u64 offset)
{
	struct cl_slot *slot = cl_slot_find(inode, offset);
	if (slot != NULL)
		return slot;
	slot = calloc(1, sizeof(*slot));
	DFS_ASSERT(slot != NULL);
	slot->inode = inode;
	slot->target = cl_target_get(cl, inode, offset >> inode->attr.chunk_shift);
	dfs_list_init(&slot->in_dirty);
	dfs_list_init(&slot->in_sending);
	dfs_list_init(&slot->in_ready);
	dfs_list_init(&slot->stores);
	dfs_list_push_back(&slot->target->slots, &slot->in_target);
	dfs_map_insert(&inode->slots, &slot->by_position, offset >> slot_shift(inode));
	return slot;
}

static void slot_free(struct cl *cl, struct cl_slot *slot)
{
	DFS_ASSERT(slot->stores_count == 0);
	cl_extents_fini(&slot->dirty);
	cl_extents_fini(&slot->sending);
	cl_extents_fini(&slot->kept);
	dfs_list_remove(&slot->in_dirty);
	dfs_list_remove(&slot->in_sending);
	dfs_list_remove(&slot->in_ready);
	dfs_list_remove(&slot->in_target);
	dfs_map_remove(&slot->inode->slots, &slot->by_position);
	cl_inode_touch(cl, slot->inode);
	free(slot);
}

void cl_slot_settle(struct cl *cl, struct cl_slot *slot)
{
	struct cl_inode *inode = slot->inode;
	u32 extents = slot->dirty.count + slot->sending.count + slot->kept.count;
	u64 unstored = (u64)slot->dirty.bytes + slot->sending.bytes;
	u64 cost =
	    extents == 0 ? 0 : unstored + slot->kept.bytes + (u64)extents * EXTENT_COST + SLOT_COST;
	if (cost < slot->cost)
		cl->room_changed = true;
	inode->held_bytes += cost - slot->cost;
	cl->held_bytes += cost - slot->cost;
	inode->unstored_bytes += unstored - slot->unstored;
	cl->unstored_bytes += unstored - slot->unstored;
	inode->kept_bytes += slot->kept.bytes - (u64)slot->kept_counted;
	slot->cost = cost;
	slot->unstored = unstored;
	slot->kept_counted = slot->kept.bytes;
	if (slot->dirty.count == 0) {
		dfs_list_remove(&slot->in_dirty);
		slot->dirty_seq = 0;
		slot->wanted = false;
	}
	if (slot->kept.count == 0)
		slot->kept_seq = 0;
	if (slot->sending.count == 0 && slot->stores_count == 0) {
		dfs_list_remove(&slot->in_sending);
		slot->sending_seq = 0;
		slot->corrupt_count = 0;
		if (slot->wanted && dfs_list_empty(&slot->in_ready)) {
			dfs_list_push_back(&slot->target->ready, &slot->in_ready);
			cl_target_ready(cl, slot->target);
		}
	}
	if (extents == 0 && slot->stores_count == 0)
		slot_free(cl, slot);
}

/* Slots become dirty in the order of writes but for those written anew, which go back to their
 * place. */
static void mark_dirty(struct cl_slot *slot, u64 seq)
{
	struct cl_inode *inode = slot->inode;
	if (slot->dirty_seq != 0 && slot->dirty_seq <= seq)
		return;
	slot->dirty_seq = seq;
	dfs_list_remove(&slot->in_dirty);
	struct dfs_list *after = inode->dirty.prev;
	while (after != &inode->dirty &&
	       dfs_list_entry(after, struct cl_slot, in_dirty)->dirty_seq > seq)
		after = after->prev;
	dfs_list_insert_after(after, &slot->in_dirty);
}

void cl_slot_want(struct cl *cl, struct cl_slot *slot)
{
	DFS_ASSERT(slot->dirty.count > 0);
	if (slot->wanted)
		return;
	slot->wanted = true;
	cl_slot_settle(cl, slot);
}

void cl_slot_redo(struct cl *cl, struct cl_slot *slot)
{
	cl_slot_cancel(cl, slot);
	if (slot->sending.count == 0 && slot->kept.count == 0)
		return;
	u64 seq = slot->dirty_seq;
	if (slot->sending.count > 0 && (seq == 0 || slot->sending_seq < seq))
		seq = slot->sending_seq;
	if (slot->kept.count > 0 && (seq == 0 || slot->kept_seq < seq))
		seq = slot->kept_seq;
	u32 bytes = cl_slot_bytes(slot->inode);
	cl_extents_fill(&slot->dirty, &slot->sending, 0, bytes);
	cl_extents_fill(&slot->dirty, &slot->kept, 0, bytes);
	cl_extents_clear(&slot->sending);
	cl_extents_clear(&slot->kept);
	mark_dirty(slot, seq);
	slot->inode->wanted_seq = dfs_min(slot->inode->wanted_seq, seq - 1);
	/* A COMMIT under way does not cover it any more. */
	slot->inode->commit_seq = dfs_min(slot->inode->commit_seq, seq - 1);
	cl_slot_settle(cl, slot);
}

static void on_age(struct cl *cl, struct cl_timer *timer)
{
	struct cl_inode *inode = dfs_container_of(timer, struct cl_inode, age);
	if (!cl_inode_uncommitted(inode))
		return;
	inode->background_seq = inode->write_seq;
	cl_timer_set(cl, &inode->age, cl->now + cl->age, on_age);
	cl_inode_touch(cl, inode);
}

static void note_write(struct cl *cl, struct cl_inode *inode, u64 end)
{
	inode->write_seq++;
	inode->expired = false;
	inode->local_end = dfs_max(inode->local_end, end);
	inode->local_mtime = (s64)cl->wall;
	if (dfs_list_empty(&inode->in_dirty))
		dfs_list_push_back(&cl->dirty, &inode->in_dirty);
	if (!cl_timer_armed(&inode->age))
		cl_timer_set(cl, &inode->age, cl->now + cl->age, on_age);
}

void cl_write(struct cl *cl, struct cl_inode *inode, u64 offset, const struct dfs_payload *data)
{
	u32 slot_bytes = cl_slot_bytes(inode);
	/* Unless it would hold much more memory than it uses, the buffer is referenced. */
	bool reference = data->bytes >= 64 * DFS_KIB && (u64)data->bytes * 4 >= data->buf->capacity;
	struct dfs_payload rest = *data;
	DFS_ASSERT(cl_inode_regular(inode));
	note_write(cl, inode, offset + data->bytes);
	while (rest.bytes > 0) {
		struct cl_slot *slot = slot_get(cl, inode, offset);
		u32 start = (u32)(offset & (slot_bytes - 1));
		struct dfs_payload piece = rest;
		piece.bytes = dfs_min(rest.bytes, slot_bytes - start);
		/* Whoever goes on from the slot before is going to fill this one. */
		bool streams = start == 0 && offset > 0 && cl_slot_find(inode, offset - 1) != NULL;
		u32 room = dfs_min(dfs_max(piece.bytes * 2, 4096u), slot_bytes - start);
		cl_extents_put(&slot->dirty, start, &piece, reference, streams ? slot_bytes : room);
		mark_dirty(slot, inode->write_seq);
		if (slot->dirty.bytes == slot_bytes || slot->dirty.count >= CL_SLOT_EXTENTS_MAX)
			cl_slot_want(cl, slot);
		cl_slot_settle(cl, slot);
		cl_quota_wrote(slot->target, offset + piece.bytes);
		offset += piece.bytes;
		rest.offset += piece.bytes;
		rest.bytes -= piece.bytes;
	}
	cl_inode_touch(cl, inode);
}

static u64 slot_end(const struct cl_slot *slot)
{
	const struct cl_extents *sets[] = {&slot->dirty, &slot->sending, &slot->kept};
	u64 end = 0;
	for (size_t i = 0; i < dfs_array_count(sets); i++) {
		if (sets[i]->count > 0)
			end = dfs_max(end, (u64)sets[i]->v[sets[i]->count - 1].end);
	}
	return end == 0 ? 0 : cl_slot_offset(slot) + end;
}

void cl_write_recount_end(struct cl_inode *inode)
{
	u64 end = inode->stored_end;
	if (inode->commit.rpc.under_way)
		end = dfs_max(end, inode->commit_end);
	dfs_list_for_each (node, &inode->targets_list) {
		const struct cl_target *target = dfs_list_entry(node, struct cl_target, in_inode);
		dfs_list_for_each (at, &target->slots)
			end = dfs_max(end, slot_end(dfs_list_entry(at, struct cl_slot, in_target)));
	}
	inode->local_end = dfs_min(inode->local_end, end);
	inode->end_unsure = false;
}

/* One file may not take all, or others could not even be closed. */
static u64 inode_bytes_max(const struct cl *cl)
{
	return cl->held_bytes_max / 4 * 3;
}

bool cl_write_has_room(const struct cl *cl, const struct cl_inode *inode, u64 bytes)
{
	return !cl_write_is_full(cl, bytes) &&
	       (inode->held_bytes == 0 || inode->held_bytes + bytes <= inode_bytes_max(cl));
}

bool cl_write_is_full(const struct cl *cl, u64 bytes)
{
	return cl->held_bytes != 0 && cl->held_bytes + bytes > cl->held_bytes_max;
}

void cl_write_want(struct cl *cl, struct cl_inode *inode, u64 seq)
{
	if (inode->wanted_seq >= seq)
		return;
	inode->wanted_seq = seq;
	dfs_list_for_each_safe (node, &inode->dirty) {
		struct cl_slot *slot = dfs_list_entry(node, struct cl_slot, in_dirty);
		if (slot->dirty_seq > seq)
			return;
		cl_slot_want(cl, slot);
	}
}

void cl_write_press(struct cl *cl, struct cl_inode *inode)
{
	struct cl_inode *press[2] = {inode, NULL};
	if (cl->held_bytes < cl->held_bytes_max / 2)
		return;
	if (!dfs_list_empty(&cl->dirty))
		press[1] = dfs_list_first(&cl->dirty, struct cl_inode, in_dirty);
	for (size_t i = 0; i < dfs_array_count(press); i++) {
		if (press[i] == NULL)
			continue;
		press[i]->background_seq = press[i]->write_seq;
		cl_inode_touch(cl, press[i]);
	}
}

u64 cl_write_stored_seq(const struct cl_inode *inode)
{
	u64 first = inode->write_seq + 1;
	if (!dfs_list_empty(&inode->dirty))
		first = dfs_list_first(&inode->dirty, struct cl_slot, in_dirty)->dirty_seq;
	dfs_list_for_each (node, &inode->sending)
		first =
		    dfs_min(first, dfs_list_entry(node, struct cl_slot, in_sending)->sending_seq);
	return first - 1;
}
