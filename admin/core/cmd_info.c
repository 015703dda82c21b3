/*
 * dfs info: one file after another.
 *
 *   RESOLVING --LOOKUPs from the root down, only for a subtree's own root--> ATTRIBUTES
 *   ATTRIBUTES --GETATTR--> CHUNKS --CHUNKS until no more--> COPIES
 *   COPIES --INVENTORY of every server that has some--> printed, the next file
 */
#include "admin/core/admin_i.h"
#include "admin/core/info_view.h"
#include "admin/core/resolve.h"

#include <stdlib.h>
#include <sys/stat.h>

enum info_state {
	INFO_RESOLVING,  /* Waits for LOOKUP_REPLY. */
	INFO_ATTRIBUTES, /* Waits for GETATTR_REPLY. */
	INFO_CHUNKS,     /* Waits for CHUNKS_REPLY. */
	INFO_COPIES,     /* Waits for INVENTORY_REPLYs. */
};

struct info_work {
	enum info_state state;
	u32 file; /* Which of the files. */
	u64 ino;
	struct ad_resolve resolve; /* RESOLVING: the subtree's path. */
	struct ad_info_view view;
	u32 waiting; /* COPIES */
	u32 unreachable;
	struct ad_json json;
};

static void begin_file(struct ad *ad, struct dfs_fxs *fxs);

static void ask_attributes(struct ad *ad, u64 ino, struct dfs_fxs *fxs)
{
	struct info_work *work = ad->work;
	struct dfs_writer writer;
	work->state = INFO_ATTRIBUTES;
	work->ino = ino;
	ad_begin(ad->master, &writer);
	dfs_getattr_put(&writer, &(struct dfs_getattr){.ino = ino});
	ad_ask(ad, ad->master, DFS_MSG_GETATTR, &writer, 0, fxs);
}

static void ask_chunks(struct ad *ad, u64 index, struct dfs_fxs *fxs)
{
	struct info_work *work = ad->work;
	struct dfs_writer writer;
	struct dfs_chunks chunks = {.ino = work->ino, .index = index, .count = DFS_MAP_CHUNKS_MAX};
	work->state = INFO_CHUNKS;
	ad_begin(ad->master, &writer);
	dfs_chunks_put(&writer, &chunks);
	ad_ask(ad, ad->master, DFS_MSG_CHUNKS, &writer, index, fxs);
}

static void finish_file(struct ad *ad, struct dfs_fxs *fxs)
{
	struct info_work *work = ad->work;
	struct ad_paints paints = {
	    .bad = ad_paint(ad, AD_BAD), .bold = ad_paint(ad, AD_BOLD), .off = ad_unpaint(ad)};
	work->unreachable += ad_info_unreachable(&work->view);
	if (ad->config.arguments->json)
		ad_info_print_json(&work->view, &work->json);
	else
		ad_info_print(&work->view, &paints, &ad->out);
	work->file++;
	begin_file(ad, fxs);
}

/* Ask each server once per message's worth of chunks: the first of a batch names the rest. */
static void ask_inventory(struct ad *ad, const struct ad_copy_view *copy, struct dfs_fxs *fxs)
{
	struct info_work *work = ad->work;
	struct ad_peer *peer = ad_server(ad, copy->server, copy->address, fxs);
	struct dfs_writer writer;
	struct dfs_writer ids;
	u32 i = 0;
	while (i < work->view.chunks_count) {
		dfs_writer_init(&ids, DFS_PROTOCOL_VERSION, 0);
		for (; i < work->view.chunks_count && ids.items < DFS_EXAMINE_MAX; i++) {
			const struct ad_chunk_view *chunk = &work->view.chunks[i];
			for (u32 j = 0; j < chunk->copies_count; j++) {
				struct dfs_id id = {.id = chunk->chunk};
				if (chunk->copies[j].server == copy->server)
					dfs_id_put(&ids, &id);
			}
		}
		struct dfs_inventory inventory = {.chunks = dfs_writer_items(&ids)};
		if (ids.items > 0) {
			ad_begin(peer, &writer);
			dfs_inventory_put(&writer, &inventory);
			work->waiting++;
			ad_ask(ad, peer, DFS_MSG_INVENTORY, &writer, copy->server, fxs);
		}
		dfs_writer_fini(&ids);
	}
}

/* Each server that has a copy, in the order in which they appear. */
static void ask_copies(struct ad *ad, struct dfs_fxs *fxs)
{
	struct info_work *work = ad->work;
	struct dfs_map seen = {0};
	work->state = INFO_COPIES;
	for (u32 i = 0; i < work->view.chunks_count; i++) {
		const struct ad_chunk_view *chunk = &work->view.chunks[i];
		for (u32 j = 0; j < chunk->copies_count; j++) {
			const struct ad_copy_view *copy = &chunk->copies[j];
			if (dfs_map_find(&seen, copy->server) != NULL)
				continue;
			struct dfs_map_node *node = calloc(1, sizeof(*node));
			DFS_ASSERT(node != NULL);
			dfs_map_insert(&seen, node, copy->server);
			ask_inventory(ad, copy, fxs);
		}
	}
	struct dfs_map_node *node;
	while ((node = dfs_map_next(&seen, NULL)) != NULL) {
		dfs_map_remove(&seen, node);
		free(node);
	}
	dfs_map_fini(&seen);
	if (work->waiting == 0)
		finish_file(ad, fxs);
}

static void begin_file(struct ad *ad, struct dfs_fxs *fxs)
{
	struct info_work *work = ad->work;
	free(work->view.chunks);
	work->view = (struct ad_info_view){0};
	if (work->file == ad->config.files_count) {
		if (ad->config.arguments->json) {
			ad_json_close(&work->json, ']');
			ad_json_close(&work->json, '}');
			ad_text_add(&ad->out, "\n");
		}
		ad_finish(ad, work->unreachable > 0 ? AD_EXIT_FOUND : AD_EXIT_OK);
		return;
	}
	const struct ad_file *file = &ad->config.files[work->file];
	work->view.path = file->path;
	if (file->ino != DFS_INO_ROOT) {
		ask_attributes(ad, file->ino, fxs);
		return;
	}
	work->state = INFO_RESOLVING;
	if (ad_resolve_start(ad, &work->resolve, file->subtree, fxs) == AD_RESOLVE_DONE)
		ask_attributes(ad, DFS_INO_ROOT, fxs);
}

static void start(struct ad *ad, struct dfs_fxs *fxs)
{
	struct info_work *work = calloc(1, sizeof(*work));
	DFS_ASSERT(work != NULL);
	ad->work = work;
	work->json.out = &ad->out;
	if (ad->config.arguments->json) {
		ad_json_open(&work->json, NULL, '{');
		ad_json_open(&work->json, "files", '[');
	}
	begin_file(ad, fxs);
}

static void add_chunk(struct ad_info_view *view, const struct dfs_location *location)
{
	if (view->chunks_count == view->chunks_capacity) {
		view->chunks_capacity = view->chunks_capacity * 2 + 16;
		view->chunks = realloc(view->chunks, view->chunks_capacity * sizeof(*view->chunks));
		DFS_ASSERT(view->chunks != NULL);
	}
	struct ad_chunk_view *chunk = &view->chunks[view->chunks_count++];
	*chunk = (struct ad_chunk_view){
	    .index = location->index,
	    .chunk = location->chunk,
	    .epoch = location->epoch,
	    .valid = location->valid,
	    .shared = location->shared != 0,
	};
	struct dfs_items replicas = location->replicas;
	struct dfs_replica replica;
	while (chunk->copies_count < DFS_CHAIN_MAX && dfs_replica_next(&replicas, &replica)) {
		struct ad_copy_view *copy = &chunk->copies[chunk->copies_count++];
		copy->server = replica.server;
		memcpy(copy->address, replica.address.data, replica.address.length);
	}
}

/* Holes are left out. What is allocated says how many chunks there are, so that a hole at the end,
 * which may be exabytes long, is not searched. */
static int take_chunks(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct info_work *work = ad->work;
	struct ad_info_view *view = &work->view;
	struct dfs_chunks_reply reply;
	struct dfs_location location;
	int status = dfs_chunks_reply_decode(answer->body, answer->version, &reply);
	if (status != 0)
		return status;
	while (dfs_location_next(&reply.chunks, &location))
		add_chunk(view, &location);
	u64 chunk_bytes = UINT64_C(1) << view->attr.chunk_shift;
	u64 end = view->attr.size / chunk_bytes + (view->attr.size % chunk_bytes != 0);
	u64 next = answer->tag + DFS_MAP_CHUNKS_MAX;
	if (next >= end || view->chunks_count * chunk_bytes >= view->attr.allocated)
		ask_copies(ad, fxs);
	else
		ask_chunks(ad, next, fxs);
	return 0;
}

static void note_held(struct ad_info_view *view, u64 server, const struct dfs_held *held)
{
	for (u32 i = 0; i < view->chunks_count; i++) {
		struct ad_chunk_view *chunk = &view->chunks[i];
		for (u32 j = 0; chunk->chunk == held->chunk && j < chunk->copies_count; j++) {
			struct ad_copy_view *copy = &chunk->copies[j];
			if (copy->server != server)
				continue;
			copy->held = true;
			copy->length = held->length;
			copy->epoch = held->epoch;
			copy->disk = held->disk;
			copy->state = held->state;
		}
	}
}

static void take_inventory(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct info_work *work = ad->work;
	struct dfs_inventory_reply reply;
	struct dfs_held held;
	int status = answer->status;
	if (status == 0)
		status = dfs_inventory_reply_decode(answer->body, answer->version, &reply);
	for (u32 i = 0; status == 0 && i < work->view.chunks_count; i++) {
		struct ad_chunk_view *chunk = &work->view.chunks[i];
		for (u32 j = 0; j < chunk->copies_count; j++)
			chunk->copies[j].answered |= chunk->copies[j].server == answer->tag;
	}
	while (status == 0 && dfs_held_next(&reply.chunks, &held))
		note_held(&work->view, answer->tag, &held);
	if (--work->waiting == 0)
		finish_file(ad, fxs);
}

static void take_attributes(struct ad *ad, const struct dfs_attr *attr, struct dfs_fxs *fxs)
{
	struct info_work *work = ad->work;
	work->view.attr = *attr;
	if (S_ISREG(attr->mode) && attr->size > 0)
		ask_chunks(ad, 0, fxs);
	else
		finish_file(ad, fxs);
}

static int take_lookup(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct info_work *work = ad->work;
	int status;
	switch (ad_resolve_answered(ad, &work->resolve, answer, &status, fxs)) {
	case AD_RESOLVE_WAITS:
		return 0;
	case AD_RESOLVE_DONE:
		ask_attributes(ad, work->resolve.attr.ino, fxs);
		return 0;
	case AD_RESOLVE_ABSENT:
		return DFS_ENOENT;
	case AD_RESOLVE_FAILED:
		break;
	}
	return status;
}

static int take_answer(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct info_work *work = ad->work;
	struct dfs_getattr_reply attributes;
	int status = answer->status;
	if (status != 0)
		return status;
	switch (work->state) {
	case INFO_RESOLVING:
		return take_lookup(ad, answer, fxs);
	case INFO_ATTRIBUTES:
		status = dfs_getattr_reply_decode(answer->body, answer->version, &attributes);
		if (status == 0)
			take_attributes(ad, &attributes.attr, fxs);
		return status;
	case INFO_CHUNKS:
		return take_chunks(ad, answer, fxs);
	case INFO_COPIES:
		break;
	}
	return DFS_EMALFORMED;
}

static void answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct info_work *work = ad->work;
	if (work->state == INFO_COPIES) {
		take_inventory(ad, answer, fxs);
		return;
	}
	struct ad_answer failure = *answer;
	const char *path = ad->config.files[work->file].path;
	failure.status = take_answer(ad, answer, fxs);
	if (failure.status == 0)
		return;
	ad->out.length = 0;
	if (failure.status == DFS_ESTALE || failure.status == DFS_ENOENT)
		ad_complain(ad,
			    "%s: the master does not know inode %llu; it was removed just now, or "
			    "--masters names another cluster than the mount's",
			    path, (unsigned long long)work->ino);
	else
		ad_complain_answer(ad, &failure, "ask for the file");
	ad_finish(ad, AD_EXIT_FAILED);
}

static void fini(struct ad *ad)
{
	struct info_work *work = ad->work;
	if (work == NULL)
		return;
	free(work->view.chunks);
	free(work);
}

const struct ad_handlers ad_info_handlers = {
    .start = start,
    .answered = answered,
    .fini = fini,
};
