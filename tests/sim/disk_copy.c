/*
 * FILE_COPY on the simulated disk: a file is made, and its pages come one after another, each a
 * change of its own that a crash may keep or lose.
 */
#include "tests/sim/disk_sim_i.h"

#include "libdfsproto/base/errors.h"

static void copy_page(struct disk_sim *disk, struct file *file, const struct image *from, u64 at,
		      u64 length)
{
	struct dfs_buf *page = dfs_buf_new((u32)length);
	image_read(from, at, page->data, length);
	disk_make_change(
	    disk, file,
	    &(struct change){.kind = CHANGE_WRITE, .offset = at, .length = length, .buf = page});
	dfs_buf_unref(page);
}

int disk_execute_copy(struct disk_sim *disk, const struct disk_op *op, u64 limit)
{
	const struct dfs_io *io = &op->io;
	const struct file *source = disk_find_cached(disk, io->source);
	struct file *file = disk_find(disk, io->file);
	if (source == NULL)
		return DFS_ENOENT;
	bool failed = disk_struck(disk, disk->faults.write_error);
	if (failed)
		limit = dfs_min(limit, dfs_prng_below(&disk->prng, io->length + 1));
	if (file == NULL)
		file = disk_file_new(disk, io->file);
	disk_make_change(disk, file,
			 &(struct change){.kind = CHANGE_CREATE, .attribute = io->attribute});
	disk_make_change(disk, file, &(struct change){.kind = CHANGE_TRUNCATE});
	const struct image *image = &source->cache.image;
	u64 end = dfs_min(io->length, image->length);
	for (u64 at = 0; at < dfs_min(end, limit); at += IMAGE_PAGE_BYTES) {
		if (image_at(image, at) == NULL)
			continue;
		if (disk->used + IMAGE_PAGE_BYTES > disk->capacity)
			return DFS_EDISK_FULL;
		copy_page(disk, file, image, at, dfs_min(end - at, (u64)IMAGE_PAGE_BYTES));
	}
	if (limit < io->length)
		return failed ? DFS_EIO : 0;
	disk_make_change(disk, file,
			 &(struct change){.kind = CHANGE_TRUNCATE, .length = io->length});
	return failed ? DFS_EIO : 0;
}
