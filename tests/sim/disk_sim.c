/*
 * disk_sim.h: the files of a disk and the I/Os under way. Carrying them out is in disk_io.c, what a
 * crash makes of them in disk_crash.c.
 */
#include "tests/sim/disk_sim_i.h"

#include "libdfsproto/base/errors.h"

#include <stdlib.h>

struct dfs_span disk_own(struct dfs_span span)
{
	if (span.length == 0)
		return (struct dfs_span){0};
	u8 *copy = malloc(span.length);
	DFS_ASSERT(copy != NULL);
	memcpy(copy, span.data, span.length);
	return dfs_span(copy, span.length);
}

void disk_disown(struct dfs_span *span)
{
	free((void *)(uintptr_t)span->data);
	*span = (struct dfs_span){0};
}

struct file *disk_find(const struct disk_sim *disk, u64 id)
{
	dfs_list_for_each (node, &disk->files) {
		struct file *file = dfs_list_entry(node, struct file, link);
		if (file->id >= id)
			return file->id == id ? file : NULL;
	}
	return NULL;
}

struct file *disk_find_cached(const struct disk_sim *disk, u64 id)
{
	struct file *file = disk_find(disk, id);
	return file != NULL && file->cache.exists ? file : NULL;
}

struct file *disk_file_new(struct disk_sim *disk, u64 id)
{
	struct file *file = calloc(1, sizeof(*file));
	DFS_ASSERT(file != NULL);
	file->id = id;
	dfs_list_init(&file->changes);
	struct dfs_list *at = disk->files.prev;
	while (at != &disk->files && dfs_list_entry(at, struct file, link)->id > id)
		at = at->prev;
	dfs_list_insert_after(at, &file->link);
	return file;
}

void disk_side_clear(struct side *side)
{
	image_fini(&side->image);
	disk_disown(&side->attribute);
	side->exists = false;
}

void disk_side_copy(struct side *to, const struct side *from)
{
	disk_side_clear(to);
	to->exists = from->exists;
	image_copy(&to->image, &from->image);
	to->attribute = disk_own(from->attribute);
}

void disk_change_free(struct change *change)
{
	dfs_list_remove(&change->link);
	dfs_buf_unref(change->buf);
	disk_disown(&change->attribute);
	free(change);
}

void disk_drop_if_gone(struct disk_sim *disk, struct file *file)
{
	(void)disk;
	if (file->cache.exists || file->platter.exists || !dfs_list_empty(&file->changes))
		return;
	disk_side_clear(&file->cache);
	disk_side_clear(&file->platter);
	dfs_list_remove(&file->link);
	free(file);
}

void disk_op_free(struct disk_op *op)
{
	dfs_list_remove(&op->link);
	dfs_buf_unref(op->buf);
	disk_disown(&op->io.attribute);
	free(op);
}

/* --- I/Os. --- */

static bool changes_file(enum dfs_io_kind kind)
{
	return kind == DFS_IO_FILE_WRITE || kind == DFS_IO_FILE_TRUNCATE ||
	       kind == DFS_IO_FILE_PUNCH || kind == DFS_IO_FILE_UNLINK || kind == DFS_IO_FILE_COPY;
}

static bool names_file(enum dfs_io_kind kind)
{
	return changes_file(kind) || kind == DFS_IO_FILE_READ || kind == DFS_IO_FILE_SEEK ||
	       kind == DFS_IO_FILE_SYNC;
}

static void extent(const struct dfs_io *io, u64 *ret_from, u64 *ret_to)
{
	bool ranged = io->kind == DFS_IO_FILE_WRITE || io->kind == DFS_IO_FILE_PUNCH;
	*ret_from = ranged ? io->offset : io->length; /* TRUNCATE: from its length to the end. */
	*ret_to = ranged ? io->offset + io->length : UINT64_MAX;
	if (io->kind == DFS_IO_FILE_COPY)
		*ret_from = 0;
}

/* `change` may not come beside the reading of a copy's source. */
static bool disturbs(const struct dfs_io *copy, const struct dfs_io *change)
{
	return copy->kind == DFS_IO_FILE_COPY && changes_file(change->kind) &&
	       change->file == copy->source;
}

static bool conflict(const struct dfs_io *a, const struct dfs_io *b)
{
	if (disturbs(a, b) || disturbs(b, a))
		return true;
	if (a->file != b->file || !names_file(a->kind) || !names_file(b->kind))
		return false;
	if (a->kind == DFS_IO_FILE_UNLINK || b->kind == DFS_IO_FILE_UNLINK)
		return true;
	if (!changes_file(a->kind) || !changes_file(b->kind))
		return false;
	u64 a_from, a_to, b_from, b_to;
	extent(a, &a_from, &a_to);
	extent(b, &b_from, &b_to);
	return a_from < b_to && b_from < a_to;
}

struct disk_op *disk_sim_begin(struct disk_sim *disk, const struct dfs_io *io, struct dfs_buf *buf)
{
	dfs_list_for_each (node, &disk->ops)
		DFS_ASSERT(!conflict(&dfs_list_entry(node, struct disk_op, link)->io, io));
	if (io->kind == DFS_IO_FILE_WRITE)
		DFS_ASSERT(buf != NULL && io->buf_offset + io->length <= buf->capacity);
	struct disk_op *op = calloc(1, sizeof(*op));
	DFS_ASSERT(op != NULL);
	op->io = *io;
	op->io.attribute = disk_own(io->attribute);
	op->buf = buf == NULL ? NULL : dfs_buf_ref(buf);
	op->mark = disk->changes;
	dfs_list_push_back(&disk->ops, &op->link);
	return op;
}

void disk_sim_finish(struct disk_sim *disk, struct disk_op *op, struct disk_result *ret_result)
{
	*ret_result = (struct disk_result){0};
	if (disk->broken) {
		ret_result->status = DFS_EIO;
		disk_op_free(op);
		return;
	}
	switch (op->io.kind) {
	case DFS_IO_FILE_READ:
		ret_result->status = disk_execute_read(disk, op, ret_result);
		break;
	case DFS_IO_FILE_SEEK:
		ret_result->status = disk_execute_seek(disk, op, ret_result);
		break;
	case DFS_IO_FILE_SYNC:
		ret_result->status = disk_execute_sync(disk, op);
		break;
	case DFS_IO_DISK_LIST:
		ret_result->status = disk_execute_list(disk, op, ret_result);
		break;
	case DFS_IO_DISK_SPACE:
		ret_result->aux = disk->capacity;
		ret_result->count = disk->capacity - dfs_min(disk->used, disk->capacity);
		break;
	default:
		ret_result->status = disk_execute(disk, op, UINT64_MAX);
		if (ret_result->status == 0 && op->io.kind == DFS_IO_FILE_WRITE)
			ret_result->count = op->io.length;
		break;
	}
	disk_op_free(op);
}

/* --- The disk. --- */

struct disk_sim *disk_sim_new(u64 capacity, u64 seed)
{
	struct disk_sim *disk = calloc(1, sizeof(*disk));
	DFS_ASSERT(disk != NULL);
	disk->capacity = capacity;
	dfs_prng_seed(&disk->prng, seed);
	dfs_list_init(&disk->files);
	dfs_list_init(&disk->ops);
	return disk;
}

void disk_sim_wipe(struct disk_sim *disk)
{
	while (!dfs_list_empty(&disk->ops))
		disk_op_free(dfs_list_first(&disk->ops, struct disk_op, link));
	while (!dfs_list_empty(&disk->files)) {
		struct file *file = dfs_list_first(&disk->files, struct file, link);
		while (!dfs_list_empty(&file->changes))
			disk_change_free(dfs_list_first(&file->changes, struct change, link));
		file->cache.exists = false;
		file->platter.exists = false;
		disk_drop_if_gone(disk, file);
	}
	disk->used = 0;
}

void disk_sim_free(struct disk_sim *disk)
{
	if (disk == NULL)
		return;
	disk_sim_wipe(disk);
	free(disk);
}

void disk_sim_set_faults(struct disk_sim *disk, const struct disk_faults *faults)
{
	disk->faults = *faults;
}

void disk_sim_set_capacity(struct disk_sim *disk, u64 capacity)
{
	disk->capacity = capacity;
}

u64 disk_sim_capacity(const struct disk_sim *disk)
{
	return disk->capacity;
}

void disk_sim_break(struct disk_sim *disk, bool broken)
{
	disk->broken = broken;
}

u64 disk_sim_next_file(const struct disk_sim *disk, u64 id)
{
	dfs_list_for_each (node, &disk->files) {
		const struct file *file = dfs_list_entry(node, struct file, link);
		if (file->id > id && file->cache.exists)
			return file->id;
	}
	return 0;
}

u64 disk_sim_files(const struct disk_sim *disk)
{
	u64 count = 0;
	dfs_list_for_each (node, &disk->files)
		count += dfs_list_entry(node, struct file, link)->cache.exists;
	return count;
}

u64 disk_sim_used(const struct disk_sim *disk)
{
	return disk->used;
}

int disk_sim_peek(const struct disk_sim *disk, u64 id, u64 offset, u8 *ret_data, u64 length,
		  u64 *ret_length)
{
	const struct file *file = disk_find_cached(disk, id);
	if (file == NULL)
		return DFS_ENOENT;
	image_read(&file->cache.image, offset, ret_data, length);
	*ret_length = file->cache.image.length;
	return 0;
}

bool disk_sim_is_durable(const struct disk_sim *disk, u64 id)
{
	const struct file *file = disk_find_cached(disk, id);
	return file != NULL && dfs_list_empty(&file->changes);
}
