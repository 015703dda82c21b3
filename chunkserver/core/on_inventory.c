/*
 * INVENTORY: which chunks this server holds, for admin tools. Like the report to the masters
 * (report.c), but asked for: of one disk from an id on, or of a list.
 */
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/disk.h"
#include "chunkserver/core/index.h"
#include "chunkserver/core/peers.h"
#include "chunkserver/core/report.h"
#include "libdfsproto/base/errors.h"

enum { PART_CHUNKS = 4096 };

/* One disk's rows in order. Rows whose chunk is not in service are left out. */
static void put_disk(struct cs *cs, const struct dfs_inventory *inventory,
		     struct dfs_inventory_reply *reply, struct dfs_writer *items,
		     struct dfs_fxs *fxs)
{
	struct cs_disk *disk = &cs->disks[inventory->disk];
	struct cs_index_scan rows;
	struct cs_index_row row;
	u32 seen = 0;
	bool more = true;
	reply->failed = disk->phase != CS_DISK_READY;
	if (reply->failed || inventory->after == UINT64_MAX)
		return;
	cs_index_scan_begin(disk, inventory->after + 1, &rows);
	while (seen < PART_CHUNKS && (more = cs_index_scan_next(&rows, &row))) {
		const struct cs_chunk *chunk = cs_chunk_find(cs, row.chunk);
		seen++;
		reply->next = row.chunk;
		if (chunk != NULL && chunk->disk == disk->index)
			cs_report_held(items, chunk);
	}
	if (!more)
		reply->next = 0;
	int status = cs_index_scan_end(&rows);
	if (status == 0)
		return;
	cs_disk_fail(cs, disk, "reading the inventory", status, fxs);
	reply->failed = 1;
	reply->next = 0;
}

void cs_on_inventory(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs)
{
	struct dfs_inventory inventory;
	struct dfs_session *session = cs_session_of(cs, &request->origin);
	int status = dfs_inventory_decode(request->body, request->version, &inventory);
	if (status == 0 && inventory.chunks.count == 0 && inventory.disk >= cs->disks_count)
		status = DFS_EINVAL;
	if (status != 0) {
		cs_reply_status(cs, &request->origin, status, fxs);
		return;
	}
	struct dfs_inventory_reply reply = {.disks = cs->disks_count};
	struct dfs_writer items, writer;
	struct dfs_id id;
	dfs_writer_init(&items, request->version, 0);
	if (inventory.chunks.count == 0)
		put_disk(cs, &inventory, &reply, &items, fxs);
	while (dfs_id_next(&inventory.chunks, &id)) {
		const struct cs_chunk *chunk = cs_chunk_find(cs, id.id);
		if (chunk != NULL)
			cs_report_held(&items, chunk);
	}
	reply.chunks = dfs_writer_items(&items);
	dfs_session_writer(session, &writer);
	dfs_inventory_reply_put(&writer, &reply);
	dfs_session_reply(session, request->origin.request, request->origin.type, 0, &writer, NULL,
			  fxs);
	dfs_writer_fini(&items);
}
