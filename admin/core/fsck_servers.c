/*
 * What the chunkservers hold, against the tables: all servers at once, each disk after disk. The
 * inventories are newer than the tables, so what does not fit is a suspect only.
 */
#include "admin/core/fsck_i.h"

#include <stdlib.h>

static void ask(struct ad *ad, u32 index, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct fsck_server *server = &fsck->servers[index];
	struct dfs_inventory inventory = {.disk = server->disk, .after = server->after};
	struct dfs_writer writer;
	ad_begin(server->peer, &writer);
	dfs_inventory_put(&writer, &inventory);
	fsck->waiting++;
	ad_ask(ad, server->peer, DFS_MSG_INVENTORY, &writer, index, fxs);
}

enum ms_fault fsck_judge_copy(const struct ms_checked_chunk *chunk, const struct dfs_held *held,
			      u64 *ret_noted, u64 *ret_found)
{
	u64 bytes_max = chunk->shift == 0 ? UINT64_MAX : UINT64_C(1) << chunk->shift;
	*ret_noted = 0;
	*ret_found = 0;
	if ((chunk->flags & MS_CHECKED_ROW) != 0 && held->epoch != chunk->epoch) {
		*ret_noted = chunk->epoch;
		*ret_found = held->epoch;
		return MS_FAULT_COPY_EPOCH;
	}
	if (held->length > bytes_max) {
		*ret_noted = bytes_max;
		*ret_found = held->length;
		return MS_FAULT_COPY_LENGTH;
	}
	return held->state == DFS_HELD_GOOD ? (enum ms_fault)0 : MS_FAULT_COPY_SUSPECT;
}

static void add_copy(struct fsck_server *server, const struct dfs_held *held)
{
	if (server->copies_count == server->copies_capacity) {
		server->copies_capacity = server->copies_capacity * 2 + 256;
		server->copies =
		    realloc(server->copies, server->copies_capacity * sizeof(*server->copies));
		DFS_ASSERT(server->copies != NULL);
	}
	server->copies[server->copies_count++] =
	    (struct fsck_copy){.chunk = held->chunk, .length = held->length, .epoch = held->epoch};
}

static void take_held(struct ad *ad, u32 index, const struct dfs_held *held)
{
	struct fsck *fsck = ad->work;
	struct fsck_server *server = &fsck->servers[index];
	struct ms_checked_chunk *chunk = ms_check_chunk(fsck->check, held->chunk);
	if (chunk == NULL) {
		fsck_add_suspect(fsck, MS_FAULT_STRAY, held->chunk, server->node, 0, 0, index);
		return;
	}
	chunk->copies++;
	if (!fsck_is_mapped(chunk))
		return;
	u64 noted, found;
	enum ms_fault fault = fsck_judge_copy(chunk, held, &noted, &found);
	if (fault != 0)
		fsck_add_suspect(fsck, fault, held->chunk, server->node, noted, found, index);
	if (ad->config.arguments->data)
		add_copy(server, held);
}

static int compare_suspects(const void *a, const void *b)
{
	const struct fsck_suspect *left = a;
	const struct fsck_suspect *right = b;
	return ms_finding_compare(&left->finding, &right->finding);
}

/* All have told: chunks of files that nobody has. */
static void find_lost(struct fsck *fsck)
{
	struct ms_checked_chunk *chunk = NULL;
	while ((chunk = ms_check_chunk_next(fsck->check, chunk)) != NULL) {
		if (fsck_is_mapped(chunk) && chunk->copies == 0)
			fsck_add_suspect(fsck, MS_FAULT_CHUNK_LOST, chunk->node.key, chunk->ino,
					 chunk->index, 0, 0);
	}
	if (fsck->suspects_count > 0)
		qsort(fsck->suspects, fsck->suspects_count, sizeof(*fsck->suspects),
		      compare_suspects);
}

static void finish_if_done(struct ad *ad, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	if (fsck->waiting > 0)
		return;
	find_lost(fsck);
	fsck_next(ad, fxs);
}

void fsck_servers_start(struct ad *ad, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	for (u32 i = 0; i < fsck->servers_count; i++) {
		if (fsck->servers[i].peer != NULL)
			ask(ad, i, fxs);
	}
	finish_if_done(ad, fxs);
}

static void take_inventory(struct ad *ad, u32 index, struct dfs_inventory_reply *reply,
			   struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct fsck_server *server = &fsck->servers[index];
	struct dfs_held held;
	while (dfs_held_next(&reply->chunks, &held))
		take_held(ad, index, &held);
	if (reply->failed != 0) {
		struct ms_finding finding = {
		    .fault = MS_FAULT_DISK_FAILED, .subject = server->node, .at = server->disk};
		fsck_add_fault(fsck, &finding);
	}
	server->after = reply->next;
	if (reply->next == 0)
		server->disk++;
	if (server->disk < reply->disks)
		ask(ad, index, fxs);
}

void fsck_servers_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct ad_answer failure = *answer;
	struct dfs_inventory_reply reply;
	u32 index = (u32)answer->tag;
	fsck->waiting--;
	if (failure.status == 0)
		failure.status = dfs_inventory_reply_decode(answer->body, answer->version, &reply);
	if (failure.status == 0)
		take_inventory(ad, index, &reply, fxs);
	else
		fsck_server_failed(ad, &fsck->servers[index], &failure);
	finish_if_done(ad, fxs);
}
