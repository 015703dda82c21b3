/*
 * Carrying out a disk's I/Os: each changes the cache's side at once and is remembered for the
 * platter's. Which of that a crash keeps is in disk_crash.c.
 */
#include "tests/sim/disk_sim_i.h"

#include "libdfsproto/base/errors.h"

#include <stdlib.h>

void disk_change_apply(struct side *side, const struct change *change)
{
	switch (change->kind) {
	case CHANGE_CREATE:
		disk_side_clear(side);
		side->exists = true;
		side->attribute = disk_own(change->attribute);
		return;
	case CHANGE_WRITE:
		image_write(&side->image, change->offset, change->buf->data + change->buf_offset,
			    change->length);
		return;
	case CHANGE_TRUNCATE:
		image_truncate(&side->image, change->length);
		return;
	case CHANGE_PUNCH:
		image_punch(&side->image, change->offset, change->length);
		return;
	case CHANGE_UNLINK:
		disk_side_clear(side);
		return;
	}
}

/* Do it in the cache and remember it for the platter. */
void disk_make_change(struct disk_sim *disk, struct file *file, const struct change *todo)
{
	struct change *change = calloc(1, sizeof(*change));
	DFS_ASSERT(change != NULL);
	*change = *todo;
	change->number = ++disk->changes;
	change->attribute = disk_own(todo->attribute);
	if (change->buf != NULL)
		dfs_buf_ref(change->buf);
	dfs_list_init(&change->link);
	dfs_list_push_back(&file->changes, &change->link);
	disk->used -= (u64)file->cache.image.pages_used * IMAGE_PAGE_BYTES;
	disk_change_apply(&file->cache, change);
	disk->used += (u64)file->cache.image.pages_used * IMAGE_PAGE_BYTES;
}

bool disk_struck(struct disk_sim *disk, u32 rate)
{
	return rate > 0 && dfs_prng_below(&disk->prng, 65536) < rate;
}

static u64 pages_missing(const struct file *file, u64 offset, u64 length)
{
	u64 missing = 0;
	u64 first = offset / IMAGE_PAGE_BYTES * IMAGE_PAGE_BYTES;
	for (u64 at = first; at < offset + length; at += IMAGE_PAGE_BYTES)
		missing += file == NULL || image_at(&file->cache.image, at) == NULL;
	return missing;
}

static int execute_write(struct disk_sim *disk, const struct disk_op *op, u64 limit)
{
	const struct dfs_io *io = &op->io;
	struct file *file = disk_find_cached(disk, io->file);
	if (file == NULL && io->attribute.length == 0)
		return DFS_ENOENT;
	int status = 0;
	u64 length = dfs_min(io->length, limit);
	u64 offset = io->offset;
	if (disk->used + pages_missing(file, offset, length) * IMAGE_PAGE_BYTES > disk->capacity) {
		length = dfs_prng_below(&disk->prng, 2) == 0 ? 0 : dfs_min(length, 512u);
		if (pages_missing(file, offset, length) > 0)
			length = 0;
		status = DFS_EDISK_FULL;
	} else if (disk_struck(disk, disk->faults.write_error)) {
		length = dfs_prng_below(&disk->prng, length + 1);
		status = DFS_EIO;
	} else if (disk_struck(disk, disk->faults.misdirected)) {
		offset += IMAGE_PAGE_BYTES;
	}
	if (file == NULL) {
		file = disk_find(disk, io->file);
		if (file == NULL)
			file = disk_file_new(disk, io->file);
		disk_make_change(
		    disk, file,
		    &(struct change){.kind = CHANGE_CREATE, .attribute = io->attribute});
	}
	if (length > 0)
		disk_make_change(disk, file,
				 &(struct change){.kind = CHANGE_WRITE,
						  .offset = offset,
						  .length = length,
						  .buf = op->buf,
						  .buf_offset = io->buf_offset});
	return status;
}

int disk_execute(struct disk_sim *disk, const struct disk_op *op, u64 limit)
{
	const struct dfs_io *io = &op->io;
	if (io->kind == DFS_IO_FILE_WRITE)
		return execute_write(disk, op, limit);
	if (io->kind == DFS_IO_FILE_COPY)
		return disk_execute_copy(disk, op, limit);
	struct file *file = disk_find_cached(disk, io->file);
	if (file == NULL)
		return DFS_ENOENT;
	struct change change = {.offset = io->offset, .length = io->length};
	switch (io->kind) {
	case DFS_IO_FILE_TRUNCATE:
		change.kind = CHANGE_TRUNCATE;
		break;
	case DFS_IO_FILE_PUNCH:
		change.kind = CHANGE_PUNCH;
		break;
	case DFS_IO_FILE_UNLINK:
		change.kind = CHANGE_UNLINK;
		break;
	default:
		DFS_ASSERT(false); /* Only I/Os that change a file come here. */
	}
	disk_make_change(disk, file, &change);
	return 0;
}

int disk_execute_sync(struct disk_sim *disk, const struct disk_op *op)
{
	struct file *file = disk_find_cached(disk, op->io.file);
	if (file == NULL)
		return DFS_ENOENT;
	bool failed = disk_struck(disk, disk->faults.sync_error);
	dfs_list_for_each_safe (node, &file->changes) {
		struct change *change = dfs_list_entry(node, struct change, link);
		if (change->number > op->mark)
			break;
		/* After a failed fsync the kernel may call pages clean that were never written. */
		bool lost =
		    failed && change->kind == CHANGE_WRITE && dfs_prng_below(&disk->prng, 2) == 0;
		if (failed && !lost)
			continue;
		if (!lost)
			disk_change_apply(&file->platter, change);
		disk_change_free(change);
	}
	return failed ? DFS_EIO : 0;
}

int disk_execute_read(struct disk_sim *disk, const struct disk_op *op, struct disk_result *result)
{
	const struct file *file = disk_find_cached(disk, op->io.file);
	if (file == NULL)
		return DFS_ENOENT;
	if (disk_struck(disk, disk->faults.read_error))
		return DFS_EIO;
	const struct image *image = &file->cache.image;
	u64 count = 0;
	if (op->io.offset < image->length)
		count = dfs_min(op->io.length, image->length - op->io.offset);
	result->buf = dfs_buf_new((u32)dfs_max(count, UINT64_C(1)));
	result->buf->length = (u32)count;
	image_read(image, op->io.offset, result->buf->data, count);
	result->count = count;
	return 0;
}

int disk_execute_seek(struct disk_sim *disk, const struct disk_op *op, struct disk_result *result)
{
	const struct file *file = disk_find_cached(disk, op->io.file);
	if (file == NULL)
		return DFS_ENOENT;
	if (disk_struck(disk, disk->faults.read_error))
		return DFS_EIO;
	const struct image *image = &file->cache.image;
	u64 at = op->io.offset;
	bool data = op->io.length == 0;
	while (at < image->length && (image_at(image, at) != NULL) != data)
		at = (at / IMAGE_PAGE_BYTES + 1) * IMAGE_PAGE_BYTES;
	result->count = dfs_min(at, image->length);
	return 0;
}

/* A random number of records, at least one when there is one: cores must ask until none comes. */
int disk_execute_list(struct disk_sim *disk, const struct disk_op *op, struct disk_result *result)
{
	u64 wanted = 1 + dfs_prng_below(&disk->prng, 40);
	result->buf = dfs_buf_new(64u << 10);
	dfs_list_for_each (node, &disk->files) {
		const struct file *file = dfs_list_entry(node, struct file, link);
		if (file->id <= op->io.offset || !file->cache.exists)
			continue;
		struct dfs_listed listed = {
		    .file = file->id,
		    .length = file->cache.image.length,
		    .attribute_bytes = file->cache.attribute.length,
		};
		u32 padded = (listed.attribute_bytes + 7) & ~7u;
		u8 *at = result->buf->data + result->buf->length;
		if (result->count == wanted ||
		    result->buf->length + sizeof(listed) + padded > result->buf->capacity)
			break;
		memcpy(at, &listed, sizeof(listed));
		memset(at + sizeof(listed), 0, padded);
		if (listed.attribute_bytes > 0)
			memcpy(at + sizeof(listed), file->cache.attribute.data,
			       listed.attribute_bytes);
		result->buf->length += (u32)sizeof(listed) + padded;
		result->count++;
	}
	return 0;
}
