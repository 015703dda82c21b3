/*
 * SYNC: makes chunkservers put on stable storage what they have stored. Sent only when an fsync
 * waits, to every server that took something since its last SYNC, beside COMMIT. Chunks with one
 * replica share a message per server; a chain has its own.
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>

struct cl_sync {
	struct cl_rpc rpc;
	struct dfs_list in_inode; /* inode.syncs */
	struct cl_inode *inode;
	u32 count;
	u64 indexes[DFS_MAP_CHUNKS_MAX];
};

static bool pending(u64 since, u64 target)
{
	return since != 0 && since <= target;
}

bool cl_sync_reached(const struct cl_inode *inode, u64 target)
{
	dfs_list_for_each (node, &inode->targets_list) {
		const struct cl_target *each = dfs_list_entry(node, struct cl_target, in_inode);
		if (pending(each->unsynced_since, target) || pending(each->syncing_since, target))
			return false;
	}
	return true;
}

static void sync_free(struct cl_sync *sync)
{
	dfs_list_remove(&sync->in_inode);
	sync->inode->syncs_count--;
	free(sync);
}

/* What the SYNC covered still needs one. */
static void take_back(struct cl_target *target)
{
	if (target->syncing_since != 0)
		target->unsynced_since = target->syncing_since; /* The earlier one. */
	target->syncing_since = 0;
}

void cl_sync_cancel(struct cl *cl, struct cl_inode *inode)
{
	while (!dfs_list_empty(&inode->syncs)) {
		struct cl_sync *sync = dfs_list_first(&inode->syncs, struct cl_sync, in_inode);
		cl_server_cancel(cl, &sync->rpc);
		sync_free(sync);
	}
	dfs_list_for_each (node, &inode->targets_list)
		take_back(dfs_list_entry(node, struct cl_target, in_inode));
}

static void on_sync_timer(struct cl *cl, struct cl_timer *timer)
{
	cl_inode_touch(cl, dfs_container_of(timer, struct cl_inode, sync_timer));
}

static void one_done(struct cl *cl, struct cl_target *target, int status)
{
	switch (status) {
	case 0:
		target->syncing_since = 0;
		break;
	case DFS_ENO_CHUNK:
	case DFS_EWRONG_EPOCH:
		/* Another chunk, other replicas? The master knows. */
		take_back(target);
		cl_target_ungrant(cl, target);
		break;
	case DFS_ELINK_LOST:
	case DFS_ESTOPPING:
	case DFS_EBUSY:
	case DFS_ENO_SERVER:
		take_back(target);
		break;
	default:
		target->syncing_since = 0;
		cl_inode_fail(cl, target->inode, status, "sync");
		break;
	}
}

static void on_synced(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	struct cl_sync *sync = dfs_container_of(rpc, struct cl_sync, rpc);
	struct cl_inode *inode = sync->inode;
	for (u32 i = 0; i < sync->count; i++) {
		struct cl_target *target = cl_target_find(inode, sync->indexes[i]);
		if (target != NULL && target->syncing_since != 0)
			one_done(cl, target, answer->status);
	}
	if (answer->status == 0)
		inode->sync_tries = 0;
	else if (!cl_timer_armed(&inode->sync_timer))
		cl_timer_set(cl, &inode->sync_timer, cl->now + cl_backoff(inode->sync_tries++),
			     on_sync_timer);
	sync_free(sync);
	cl_inode_touch(cl, inode);
}

/* A copy is on stable storage as soon as it is made; until then it is its base that must be. */
static u64 chunk_to_sync(const struct cl_target *target)
{
	bool made = target->place.base == 0 || target->stored_at != 0;
	return made ? target->place.chunk : target->place.base;
}

/* It can be synced where it was written, and there is something to. */
static bool due(const struct cl_target *target, u64 up_to)
{
	return pending(target->unsynced_since, up_to) && target->syncing_since == 0 &&
	       target->place.count > 0 && dfs_list_empty(&target->in_wanting);
}

/* `first` and, if its chunk has no chain, all due ones like it on the same server. */
static void send(struct cl *cl, struct cl_inode *inode, struct cl_target *first, u64 up_to)
{
	struct cl_server *server = first->place.servers[0];
	struct dfs_writer writer, chunks, chain;
	struct cl_sync *sync = calloc(1, sizeof(*sync));
	DFS_ASSERT(sync != NULL);
	sync->inode = inode;
	sync->rpc.done = on_synced;
	dfs_list_init(&sync->in_inode);
	dfs_list_push_back(&inode->syncs, &sync->in_inode);
	inode->syncs_count++;

	cl_server_begin(cl, server, &writer);
	dfs_writer_init(&chunks, writer.version, 0);
	dfs_writer_init(&chain, writer.version, 0);
	cl_place_chain(&first->place, &chain);
	for (struct dfs_list *node = &first->in_inode; node != &inode->targets_list;
	     node = node->next) {
		struct cl_target *target = dfs_list_entry(node, struct cl_target, in_inode);
		bool alike = target->place.count == 1 && first->place.count == 1 &&
			     target->place.servers[0] == server;
		if ((target != first && !alike) || !due(target, up_to) ||
		    sync->count == DFS_MAP_CHUNKS_MAX)
			continue;
		dfs_id_put(&chunks, &(struct dfs_id){.id = chunk_to_sync(target)});
		sync->indexes[sync->count++] = target->by_index.key;
		target->syncing_since = target->unsynced_since;
		target->unsynced_since = 0;
	}
	struct dfs_sync body = {
	    .chunks = dfs_writer_items(&chunks),
	    .chain = dfs_writer_items(&chain),
	};
	dfs_sync_put(&writer, &body);
	dfs_writer_fini(&chunks);
	dfs_writer_fini(&chain);
	cl_server_send(cl, server, &sync->rpc, DFS_MSG_SYNC, &writer, NULL);
}

void cl_sync_work(struct cl *cl, struct cl_inode *inode)
{
	u64 up_to = 0;
	if (cl_timer_armed(&inode->sync_timer))
		return;
	dfs_list_for_each (node, &inode->flushes) {
		const struct cl_flush *flush = dfs_list_entry(node, struct cl_flush, in_inode);
		if (flush->sync && flush->state == CL_FLUSH_FINISHING)
			up_to = dfs_max(up_to, flush->sync_target);
	}
	if (up_to == 0)
		return;
	dfs_list_for_each (node, &inode->targets_list) {
		struct cl_target *target = dfs_list_entry(node, struct cl_target, in_inode);
		if (due(target, up_to))
			send(cl, inode, target, up_to);
	}
}

static bool on_server(const struct cl_target *target, const struct cl_server *server)
{
	for (u32 i = 0; i < target->place.count; i++) {
		if (target->place.servers[i] == server)
			return true;
	}
	return false;
}

void cl_sync_boot(struct cl *cl, const struct cl_server *server)
{
	dfs_list_for_each (node, &cl->inodes) {
		struct cl_inode *inode = dfs_list_entry(node, struct cl_inode, in_all);
		dfs_list_for_each_safe (at, &inode->targets_list) {
			struct cl_target *target = dfs_list_entry(at, struct cl_target, in_inode);
			u64 since = target->syncing_since != 0 ? target->syncing_since
							       : target->unsynced_since;
			if (since == 0 || !on_server(target, server))
				continue;
			/* What is not committed is still here, and is written again. */
			if (since <= target->committed_at)
				cl_inode_fail(cl, inode, DFS_EIO, "server_power_cut");
			target->unsynced_since = 0;
			target->syncing_since = 0;
			cl_target_redo(cl, target);
		}
	}
}
