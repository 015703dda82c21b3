/*
 * Sending slots: WRITEs to the first replica of a chunk, with the rest as the chain.
 *
 *   dirty --send--> sending --WRITE_REPLY--> kept --COMMIT--> gone
 *
 * A slot's batch is frozen while it is under way, and the next one waits for its end: overlapping
 * writes are never in flight together, so a repetition after a broken link undoes nothing. A server
 * has a window of WRITEs; targets with something to send take turns. What a WRITE's failure means
 * is in on_stored().
 */
#include "fuse/core/client_i.h"

#include "libdfsproto/base/crc32c.h"

#include <stdlib.h>

enum {
	STORES_MAX = 16, /* Per server: 8 MiB of full slots. */
	CORRUPT_MAX = 3,
	FULL_MAX = 8, /* Times a fresh chunk's disk may be full before the writer hears of it. */
};

struct cl_store {
	struct cl_rpc rpc;
	struct dfs_list in_slot;
	struct cl_slot *slot;
	u32 start;
	u32 end;
};

static void store_free(struct cl_store *store)
{
	dfs_list_remove(&store->in_slot);
	store->slot->stores_count--;
	free(store);
}

void cl_slot_cancel(struct cl *cl, struct cl_slot *slot)
{
	while (!dfs_list_empty(&slot->stores)) {
		struct cl_store *store = dfs_list_first(&slot->stores, struct cl_store, in_slot);
		store->rpc.server->stores_count--;
		cl_server_cancel(cl, &store->rpc);
		store_free(store);
	}
}

void cl_slot_drop(struct cl *cl, struct cl_slot *slot)
{
	cl_slot_cancel(cl, slot);
	cl_extents_clear(&slot->dirty);
	cl_extents_clear(&slot->sending);
	cl_extents_clear(&slot->kept);
	cl_slot_settle(cl, slot);
}

static void learn_length(struct cl_target *target, const struct cl_answer *answer)
{
	struct dfs_write_reply reply;
	if (dfs_write_reply_decode(answer->body, answer->version, &reply) == 0)
		target->length = dfs_max(target->length, reply.length);
}

/* The bytes are where they belong. */
static void stored(const struct cl_store *store)
{
	struct cl_slot *slot = store->slot;
	struct cl_target *target = slot->target;
	struct cl_inode *inode = slot->inode;
	u64 at = ++inode->stored_count;
	cl_extents_erase(&slot->kept, store->start, store->end);
	cl_extents_fill(&slot->kept, &slot->sending, store->start, store->end);
	cl_extents_erase(&slot->sending, store->start, store->end);
	if (slot->kept_seq == 0 || slot->sending_seq < slot->kept_seq)
		slot->kept_seq = slot->sending_seq;
	slot->kept_at = at;
	target->stored_at = at;
	target->full_count = 0;
	inode->grant_tries = 0;
	if (target->unsynced_since == 0)
		target->unsynced_since = at;
	inode->stored_end = dfs_max(inode->stored_end, cl_slot_offset(slot) + store->end);
	inode->uncommitted = true;
}

/* For good: what was to be stored is lost. */
static void lost(struct cl *cl, const struct cl_store *store, int status)
{
	cl_extents_erase(&store->slot->sending, store->start, store->end);
	cl_inode_fail(cl, store->slot->inode, status, "write");
}

/* True when everything of the target is to be written to another chunk. */
static bool disk_full(struct cl *cl, const struct cl_store *store)
{
	struct cl_target *target = store->slot->target;
	if (target->fresh && ++target->full_count < FULL_MAX)
		return true;
	lost(cl, store, DFS_ENOSPC);
	return false;
}

static void on_stored(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	struct cl_store *store = dfs_container_of(rpc, struct cl_store, rpc);
	struct cl_slot *slot = store->slot;
	struct cl_target *target = slot->target;
	bool redo = false;
	rpc->server->stores_count--;
	cl_inode_touch(cl, slot->inode);
	switch (answer->status) {
	case 0:
		learn_length(target, answer);
		stored(store);
		break;
	case DFS_EDISK_FULL:
		redo = disk_full(cl, store);
		break;
	case DFS_ECORRUPT:
		if (++slot->corrupt_count < CORRUPT_MAX)
			cl_target_ungrant(cl, target);
		else
			lost(cl, store, DFS_EIO);
		break;
	case DFS_ESEALED:
		cl_target_refuse(cl, target);
		break;
	case DFS_ENO_CHUNK:
		if (target->place.base != 0) /* What it was to be a copy of has gone. */
			cl_target_refuse(cl, target);
		else
			cl_target_ungrant(cl, target);
		break;
	case DFS_EWRONG_EPOCH:
	case DFS_EDISK_FAILED:
	case DFS_ESTOPPING:
	case DFS_ELINK_LOST:
	case DFS_EBUSY:
	case DFS_ENO_SERVER:
		/* The batch stays frozen and is sent again once the master has said where to. */
		cl_target_ungrant(cl, target);
		break;
	default:
		lost(cl, store, answer->status);
		break;
	}
	store_free(store);
	if (redo)
		cl_target_redo(cl, target);
	else if (slot->stores_count == 0 && slot->sending.count > 0)
		cl_slot_requeue(cl, slot);
	else
		cl_slot_settle(cl, slot);
}

void cl_slot_requeue(struct cl *cl, struct cl_slot *slot)
{
	if (dfs_list_empty(&slot->in_ready))
		dfs_list_push_back(&slot->target->ready, &slot->in_ready);
	cl_target_ready(cl, slot->target);
	cl_slot_settle(cl, slot);
}

/* One CRC per piece of the payload, which is cut where blocks of the chunk end. */
static u32 put_crcs(const struct dfs_payload *payload, u32 chunk_offset, u8 *crcs)
{
	const u8 *at = payload->buf->data + payload->offset;
	u32 left = payload->bytes;
	u32 count = 0;
	while (left > 0) {
		u32 piece = DFS_BLOCK_BYTES - chunk_offset % DFS_BLOCK_BYTES;
		piece = dfs_min(piece, left);
		dfs_store_u32(crcs + 4 * count++, dfs_crc32c(at, piece));
		at += piece;
		left -= piece;
		chunk_offset += piece;
	}
	return 4 * count;
}

static void send_extent(struct cl *cl, struct cl_slot *slot, const struct cl_extent *extent)
{
	u8 crcs[4 * (DFS_WIRE_IO_BYTES / DFS_BLOCK_BYTES + 1)];
	struct cl_target *target = slot->target;
	struct cl_inode *inode = slot->inode;
	struct cl_server *server = target->place.servers[0];
	u64 chunk_mask = (UINT64_C(1) << inode->attr.chunk_shift) - 1;
	u32 offset = (u32)(cl_slot_offset(slot) & chunk_mask) + extent->start;
	struct dfs_payload payload = {
	    .buf = extent->buf, .offset = extent->offset, .bytes = extent->end - extent->start};
	struct dfs_writer writer, chain;
	struct cl_store *store = calloc(1, sizeof(*store));
	DFS_ASSERT(store != NULL);
	store->slot = slot;
	store->start = extent->start;
	store->end = extent->end;
	store->rpc.done = on_stored;
	dfs_list_init(&store->in_slot);
	dfs_list_push_back(&slot->stores, &store->in_slot);
	slot->stores_count++;
	server->stores_count++;

	cl_server_begin(cl, server, &writer);
	dfs_writer_init(&chain, writer.version, 0);
	cl_place_chain(&target->place, &chain);
	struct dfs_write body = {
	    .chunk = target->place.chunk,
	    .epoch = target->place.epoch,
	    .offset = offset,
	    .ino = inode->ino,
	    .index = target->by_index.key,
	    .hint = dfs_span(inode->hint, inode->hint_length),
	    .crcs = dfs_span(crcs, put_crcs(&payload, offset, crcs)),
	    .chain = dfs_writer_items(&chain),
	    .base = target->place.base,
	    .base_bytes = target->place.base_bytes,
	};
	dfs_write_put(&writer, &body);
	dfs_writer_fini(&chain);
	cl_server_send(cl, server, &store->rpc, DFS_MSG_WRITE, &writer, &payload);
}

static void send_slot(struct cl *cl, struct cl_slot *slot)
{
	DFS_ASSERT(slot->stores_count == 0);
	if (slot->sending.count == 0) {
		DFS_ASSERT(slot->dirty.count > 0);
		cl_extents_move(&slot->sending, &slot->dirty);
		cl_extents_join(&slot->sending);
		slot->sending_seq = slot->dirty_seq;
		dfs_list_push_back(&slot->inode->sending, &slot->in_sending);
	}
	for (u32 i = 0; i < slot->sending.count; i++)
		send_extent(cl, slot, &slot->sending.v[i]);
	cl_slot_settle(cl, slot);
}

void cl_target_ready(struct cl *cl, struct cl_target *target)
{
	if (dfs_list_empty(&target->ready)) {
		dfs_list_remove(&target->in_server);
	} else if (!target->granted) {
		dfs_list_remove(&target->in_server);
		if (dfs_list_empty(&target->in_wanting))
			dfs_list_push_back(&target->inode->wanting, &target->in_wanting);
		cl_inode_touch(cl, target->inode);
	} else if (dfs_list_empty(&target->in_server)) {
		dfs_list_push_back(&target->place.servers[0]->ready, &target->in_server);
	}
}

void cl_server_pump(struct cl *cl, struct cl_server *server)
{
	while (server->stores_count < STORES_MAX && !dfs_list_empty(&server->ready)) {
		struct cl_target *target =
		    dfs_list_first(&server->ready, struct cl_target, in_server);
		struct cl_slot *slot = dfs_list_first(&target->ready, struct cl_slot, in_ready);
		dfs_list_remove(&slot->in_ready);
		dfs_list_remove(&target->in_server);
		cl_target_ready(cl, target);
		send_slot(cl, slot);
	}
}
