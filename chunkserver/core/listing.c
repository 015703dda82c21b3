/*
 * After a power cut the newest files may be there without their rows; with a lost index all are.
 * They are adopted: the row is made anew from the file's name and length, and the checksums come
 * from the contents (CS_UNCHECKED, check.c). Nothing is ever removed here: if the file is one that
 * was deleted before the power went, the master does not know it and says so.
 *
 * After a power cut, files from the fresh mark on are looked for before serving, the others
 * meanwhile: only what was being deleted, or was never answered, can be among those.
 */
#include "chunkserver/core/listing.h"

#include "chunkserver/core/check.h"
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/disk.h"
#include "chunkserver/core/index.h"
#include "chunkserver/core/recovery.h"
#include "chunkserver/core/report.h"
#include "libdfsproto/base/errors.h"

/* Of each kind, per disk; the count is logged at the end. */
enum { LINES_MAX = 20 };

static void ask(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	struct cs_op *op = cs_op_new_inner(cs, CS_OP_START);
	op->disk = disk;
	struct dfs_io io = {.kind = DFS_IO_DISK_LIST, .disk = disk->index, .offset = disk->cursor};
	disk->listing = true;
	dfs_fx_io(fxs, cs_op_tag(op, CS_IO_MAIN), &io, NULL);
}

void cs_listing_begin(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	if (disk->recovery != CS_RECOVERY_POWER && disk->recovery != CS_RECOVERY_REBUILD) {
		disk->phase = CS_DISK_READY;
		return;
	}
	disk->phase = CS_DISK_LISTING;
	disk->cursor = disk->fresh_from == 0 ? 0 : disk->fresh_from - 1;
	disk->cursor_end = UINT64_MAX;
	ask(cs, disk, fxs);
}

/* Is the file ours? One whose attribute is lost is: its name and its place say so. */
static bool is_ours(struct cs *cs, const struct cs_disk *disk, const struct dfs_listed *listed,
		    struct dfs_span attribute, struct dfs_fxs *fxs)
{
	struct dfs_cs_descriptor descriptor;
	int status = cs_index_decode_descriptor(attribute, &descriptor);
	if (status == 0 && descriptor.cluster == cs->identity.cluster &&
	    descriptor.chunk == listed->file)
		return true;
	if (status == 0) {
		dfs_fx_log(fxs, DFS_LOG_WARN,
			   "event=foreign_file file=%016llx disk=%u cluster=%016llx chunk=%016llx "
			   "note=\"left alone; move it away\"",
			   (unsigned long long)listed->file, disk->index,
			   (unsigned long long)descriptor.cluster,
			   (unsigned long long)descriptor.chunk);
		return false;
	}
	dfs_fx_log(fxs, DFS_LOG_WARN,
		   "event=undescribed_file file=%016llx disk=%u note=\"adopted by its name\"",
		   (unsigned long long)listed->file, disk->index);
	return listed->file != 0;
}

static void adopt(struct cs *cs, struct cs_disk *disk, const struct dfs_listed *listed,
		  struct dfs_fxs *fxs)
{
	struct cs_chunk *chunk = cs_chunk_add(cs, disk, listed->file);
	chunk->length = (u32)dfs_min(listed->length, (u64)CS_CHUNK_BYTES_MAX);
	chunk->flags = CS_UNCHECKED | CS_DIRTY;
	/* With the index it is lost which were sealed, and which were copies half made. */
	if (disk->recovery == CS_RECOVERY_REBUILD)
		chunk->flags |= CS_SEALED;
	cs_check_add(cs, chunk);
	cs_index_put_chunk(disk, chunk);
	disk->recovered++;
	if (disk->phase == CS_DISK_READY)
		cs_report_chunk(cs, chunk, fxs);
	dfs_fx_log(fxs, disk->recovered <= LINES_MAX ? DFS_LOG_WARN : DFS_LOG_DEBUG,
		   "event=chunk_adopted chunk=%016llx disk=%u length=%u cause=\"%s\"",
		   (unsigned long long)listed->file, disk->index, chunk->length,
		   disk->recovery == CS_RECOVERY_POWER ? "its row was lost with the power"
						       : "the index was lost");
}

/* True: the end was reached. */
static bool take_part(struct cs *cs, struct cs_disk *disk, const struct cs_done *done,
		      struct dfs_fxs *fxs)
{
	u32 at = 0;
	bool end = done->count == 0;
	cs_index_begin(disk);
	for (u64 i = 0; i < done->count && !end; i++) {
		struct dfs_listed listed;
		DFS_ASSERT(done->buf->length - at >= sizeof(listed));
		memcpy(&listed, done->buf->data + at, sizeof(listed));
		at += (u32)sizeof(listed);
		struct dfs_span attribute = dfs_span(done->buf->data + at, listed.attribute_bytes);
		at += (listed.attribute_bytes + 7) & ~7u;
		DFS_ASSERT(listed.file > disk->cursor || disk->cursor == 0);
		end = listed.file >= disk->cursor_end;
		disk->cursor = listed.file;
		if (!end && cs_chunk_find(cs, listed.file) == NULL &&
		    is_ours(cs, disk, &listed, attribute, fxs))
			adopt(cs, disk, &listed, fxs);
	}
	if (disk->batch.count > 0) /* When it does not fit, the next start lists again. */
		(void)cs_index_write(cs, disk, fxs);
	return end;
}

static void part_ended(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	disk->listing = false;
	if (disk->phase != CS_DISK_LISTING) {
		cs_recovery_checked(cs, disk, fxs);
		return;
	}
	disk->phase = CS_DISK_READY;
	if (disk->fresh_from > 0) { /* The older ones, in the background. */
		disk->cursor = 0;
		disk->cursor_end = disk->fresh_from;
		ask(cs, disk, fxs);
	}
}

void cs_listing_done(struct cs *cs, struct cs_op *op, const struct cs_done *done,
		     struct dfs_fxs *fxs)
{
	struct cs_disk *disk = op->disk;
	cs_op_free(cs, op);
	disk->listing = false;
	if (disk->phase != CS_DISK_FAILED && done->status != 0)
		cs_disk_fail(cs, disk, "listing the chunk files", done->status, fxs);
	if (disk->phase != CS_DISK_FAILED) {
		bool end = take_part(cs, disk, done, fxs);
		if (disk->phase != CS_DISK_FAILED && end)
			part_ended(cs, disk, fxs);
		else if (disk->phase != CS_DISK_FAILED && !cs->stopping)
			ask(cs, disk, fxs);
		cs_check_kick(cs, disk, fxs);
	}
	cs_recovery_serve(cs, fxs);
}
