/*
 * The chunkserver core's public face (chunkserver.h): one event in, effects out. What an event
 * means is decided elsewhere: links in peers.c and master_link.c, ends of I/O in the file of the op
 * that began it (ops.c), time in tick() below.
 */
#include "chunkserver/core/chain.h"
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/clean.h"
#include "chunkserver/core/commit.h"
#include "chunkserver/core/delete.h"
#include "chunkserver/core/disk.h"
#include "chunkserver/core/op.h"
#include "chunkserver/core/peers.h"
#include "chunkserver/core/records.h"
#include "chunkserver/core/recovery.h"
#include "chunkserver/core/report.h"
#include "chunkserver/core/stop.h"
#include "libdfsproto/wire/record.h"

#include <stdlib.h>

static char *copy_text(const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *copy = malloc(bytes);
	DFS_ASSERT(copy != NULL);
	memcpy(copy, text, bytes);
	return copy;
}

static void disk_init(struct cs_disk *disk, u32 index, struct dfs_kv *kv)
{
	disk->index = index;
	disk->kv = kv;
	dfs_writer_init(&disk->record, CS_DISK_VERSION, DFS_RECORD_HEADER_BYTES);
	dfs_list_init(&disk->kv_waiters);
	dfs_list_init(&disk->dirty);
	dfs_list_init(&disk->checks);
	dfs_list_init(&disk->unlinks);
}

struct cs *cs_new(const struct cs_config *config)
{
	DFS_ASSERT(config->disks_count >= 1 && config->disks_count <= DFS_DISKS_MAX);
	struct cs *cs = calloc(1, sizeof(*cs));
	DFS_ASSERT(cs != NULL);
	cs->config = *config;
	cs->identity = config->identity;
	cs->identity.role = DFS_ROLE_CHUNKSERVER;
	cs->masters_text = copy_text(config->masters);
	cs->address = copy_text(config->address);
	cs->local = copy_text(config->local);
	cs->next_link = 1;
	cs->disks_count = config->disks_count;
	cs->peers_deadline = DFS_NEVER;
	dfs_list_init(&cs->segments);
	dfs_list_init(&cs->peers_list);
	dfs_list_init(&cs->nexts_list);
	dfs_list_init(&cs->deletes);
	for (u32 i = 0; i < cs->disks_count; i++)
		disk_init(&cs->disks[i], i, config->kvs[i]);
	cs_masters_init(cs);
	return cs;
}

/* Buffers that ops hold; the rest of an op lies in a pool. */
static void op_release(struct cs_op *op)
{
	dfs_buf_unref(op->forward.body);
	if (op->kind == CS_OP_WRITE) {
		dfs_buf_unref(op->write.payload);
		dfs_buf_unref(op->write.attribute);
	} else if (op->kind == CS_OP_COPY) {
		dfs_buf_unref(op->copy.attribute);
	} else if (op->kind == CS_OP_DELETE) {
		dfs_buf_unref(op->delete.ids);
	} else if (op->kind == CS_OP_CHECK) {
		dfs_buf_unref(op->check.attribute);
	}
}

void cs_free(struct cs *cs)
{
	cs_peers_fini(cs);
	cs_nexts_fini(cs);
	cs_masters_fini(cs);
	for (u32 i = 0; i < cs->ops_used; i++)
		op_release(cs->ops[i]);
	struct dfs_map_node *node = NULL;
	while ((node = dfs_map_next(&cs->chunks, node)) != NULL) {
		struct cs_live *live = dfs_map_entry(node, struct cs_chunk, node)->live;
		if (live != NULL && live->segments != live->few)
			free(live->segments);
	}
	dfs_map_fini(&cs->chunks);
	for (u32 i = 0; i < cs->disks_count; i++) {
		dfs_kv_batch_fini(&cs->disks[i].batch);
		dfs_writer_fini(&cs->disks[i].record);
		free(cs->disks[i].gone);
	}
	cs_pool_fini(cs);
	free(cs->masters_text);
	free(cs->address);
	free(cs->local);
	free(cs);
}

static void boot(struct cs *cs, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	u64 seed;
	memcpy(cs->identity.seed, ev->seed, DFS_SEED_BYTES);
	memcpy(&seed, ev->seed, sizeof(seed));
	dfs_prng_seed(&cs->identity.prng, seed);
	dfs_prng_seed(&cs->prng, seed ^ UINT64_C(0x63686f6f7365)); /* Another stream. */
	cs->booted = true;
	cs->space_at = ev->now + DFS_SEC;
	cs_recovery_begin(cs, fxs);
}

static void io_done(struct cs *cs, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	struct cs_done done = {
	    .status = ev->status, .count = ev->count, .aux = ev->aux, .buf = ev->buf};
	struct cs_op *op = cs_op_of_tag(cs, ev->tag, &done.which);
	cs_op_done(cs, op, &done, fxs);
}

/* Whatever is due. Cheap when nothing is. */
static void tick(struct cs *cs, struct dfs_fxs *fxs)
{
	cs_recovery_work(cs, fxs);
	if (!cs->serving)
		return;
	cs_delete_work(cs, fxs);
	cs_disks_settle(cs, fxs);
	cs_nexts_tick(cs, fxs);
	if (cs->stopping) {
		cs_stop_tick(cs, fxs);
		return;
	}
	cs_space_tick(cs, fxs);
	cs_clean_tick(cs, fxs);
	cs_gone_tick(cs, fxs);
	cs_commit_tick(cs, fxs);
	cs_masters_tick(cs, fxs);
	cs_peers_tick(cs, fxs);
	cs_disks_settle(cs, fxs);
}

static void step(void *core, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	struct cs *cs = core;
	DFS_ASSERT(ev->now >= cs->now);
	cs->now = ev->now;
	switch (ev->kind) {
	case DFS_EV_BOOT:
		boot(cs, ev, fxs);
		break;
	case DFS_EV_LINK_UP:
	case DFS_EV_LINK_NEW:
	case DFS_EV_LINK_BYTES:
	case DFS_EV_LINK_ROOM:
	case DFS_EV_LINK_DOWN:
		if ((ev->tag & DFS_LINK_ACCEPTED) != 0)
			cs_peers_step(cs, ev, fxs);
		else if (!cs_masters_step(cs, ev, fxs))
			(void)cs_nexts_step(cs, ev, fxs);
		break;
	case DFS_EV_IO_DONE:
		io_done(cs, ev, fxs);
		break;
	case DFS_EV_STOP:
		cs_stop_begin(cs, fxs);
		break;
	case DFS_EV_TIMER:
	case DFS_EV_CALL:
	case DFS_EV_CALL_CANCEL:
		break;
	}
	tick(cs, fxs);
}

static nsec deadline(const void *core)
{
	const struct cs *cs = core;
	if (!cs->booted)
		return DFS_NEVER;
	if (!cs->serving)
		return cs_recovery_has_work(cs) ? cs->now : DFS_NEVER;
	if (cs_delete_has_work(cs))
		return cs->now;
	if (cs->stopping)
		return dfs_min(cs_stop_deadline(cs), cs_nexts_deadline(cs));
	nsec at = dfs_min(cs->space_at, cs->peers_deadline);
	at = dfs_min(at, cs_masters_deadline(cs));
	at = dfs_min(at, cs_nexts_deadline(cs));
	at = dfs_min(at, cs_gone_deadline(cs));
	at = dfs_min(at, cs_commit_deadline(cs));
	return dfs_min(at, cs_clean_deadline(cs));
}

static void room(void *core, u64 link, u8 **ret_data, u32 *ret_length)
{
	struct cs *cs = core;
	struct dfs_session *session = cs_masters_find(cs, link);
	if (session == NULL)
		session = cs_nexts_find(cs, link);
	if ((link & DFS_LINK_ACCEPTED) != 0) {
		struct cs_peer *peer = cs_peer_find(cs, link);
		session = peer == NULL ? NULL : peer->session;
	}
	DFS_ASSERT(session != NULL);
	dfs_session_room(session, ret_data, ret_length);
}

static void check(const void *core)
{
	const struct cs *cs = core;
	u64 counts[DFS_DISKS_MAX] = {0};
	u32 unchecked[DFS_DISKS_MAX] = {0};
	u32 segments = 0;
	struct dfs_map_node *node = NULL;
	while ((node = dfs_map_next(&cs->chunks, node)) != NULL) {
		const struct cs_chunk *chunk = dfs_map_entry(node, struct cs_chunk, node);
		cs_chunk_check(cs, chunk);
		counts[chunk->disk]++;
		unchecked[chunk->disk] +=
		    chunk->state == CS_CHUNK_WAITING || chunk->state == CS_CHUNK_CHECKING;
		segments += chunk->live == NULL ? 0 : chunk->live->segments_cached;
	}
	for (u32 i = 0; i < cs->disks_count; i++) {
		u32 dirty = 0;
		dfs_list_for_each (each, &cs->disks[i].dirty)
			dirty++;
		DFS_ASSERT(dirty == cs->disks[i].dirty_count);
		DFS_ASSERT(counts[i] == cs->disks[i].chunks_count);
		DFS_ASSERT(unchecked[i] == cs->disks[i].unchecked);
		DFS_ASSERT(cs->disks[i].kv_synced <= cs->disks[i].kv_written);
	}
	DFS_ASSERT(segments == cs->segments_count);
	u32 live = 0;
	u64 payload_bytes = 0;
	for (u32 i = 0; i < cs->ops_used; i++) {
		const struct cs_op *op = cs->ops[i];
		live += op->kind != CS_OP_NONE;
		payload_bytes += op->kind == CS_OP_WRITE ? op->write.payload->capacity : 0;
	}
	DFS_ASSERT(live == cs->ops_live);
	DFS_ASSERT(payload_bytes == cs->payload_bytes);
	dfs_list_for_each (each, &cs->peers_list)
		dfs_session_check(dfs_list_entry(each, struct cs_peer, list_node)->session);
	for (u32 i = 0; i < cs->masters_count; i++)
		dfs_session_check(cs->masters[i].session);
}

const struct dfs_core_ops cs_core_ops = {
    .step = step, .deadline = deadline, .room = room, .check = check};
