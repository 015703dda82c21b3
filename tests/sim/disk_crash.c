/*
 * What a disk looks like after a crash, and how it rots.
 *
 * A file's history since its last sync is replayed onto the platter with losses: names in order up
 * to some point (file systems journal them so), data by sector in any order, lengths with or
 * without their data. That is more than ext4 or XFS would lose, and nothing that POSIX forbids.
 */
#include "tests/sim/disk_sim_i.h"

#include <stdlib.h>

static bool coin(struct dfs_prng *prng, u32 of_eight)
{
	return dfs_prng_below(prng, 8) < of_eight;
}

/* A write of which each sector is kept with probability of_eight / 8. */
static void tear_write(struct image *image, const struct change *change, struct dfs_prng *prng,
		       u32 of_eight)
{
	u64 end = change->offset + change->length;
	const u8 *data = change->buf->data + change->buf_offset;
	u64 at = change->offset;
	while (at < end) {
		u64 next = dfs_min((at / DISK_SECTOR_BYTES + 1) * DISK_SECTOR_BYTES, end);
		if (coin(prng, of_eight))
			image_write(image, at, data + (at - change->offset), next - at);
		at = next;
	}
	if (image->length < end && coin(prng, 4))
		image_truncate(image, end); /* The length came through without the data. */
}

static void replay_torn(struct file *file, struct dfs_prng *prng, u32 of_eight)
{
	struct side *platter = &file->platter;
	bool names_kept = true;
	dfs_list_for_each (node, &file->changes) {
		const struct change *change = dfs_list_entry(node, struct change, link);
		bool naming = change->kind == CHANGE_CREATE || change->kind == CHANGE_UNLINK;
		if (naming) {
			names_kept = names_kept && coin(prng, of_eight);
			if (!names_kept)
				break; /* Later data belongs to a name that never was. */
			disk_change_apply(platter, change);
			if (change->kind == CHANGE_CREATE && !coin(prng, 6))
				disk_disown(&platter->attribute);
		} else if (change->kind == CHANGE_WRITE) {
			tear_write(&platter->image, change, prng, of_eight);
		} else if (coin(prng, of_eight)) {
			disk_change_apply(platter, change);
		}
	}
}

static void lose_power(struct disk_sim *disk, struct file *file, struct dfs_prng *prng)
{
	u64 fate = dfs_prng_below(prng, 4);
	if (fate == 0) { /* All of it was written back in time. */
		dfs_list_for_each (node, &file->changes)
			disk_change_apply(&file->platter,
					  dfs_list_entry(node, struct change, link));
	} else if (fate > 1) {
		replay_torn(file, prng, 1 + (u32)dfs_prng_below(prng, 7));
	}
	while (!dfs_list_empty(&file->changes))
		disk_change_free(dfs_list_first(&file->changes, struct change, link));
	disk->used -= (u64)file->cache.image.pages_used * IMAGE_PAGE_BYTES;
	disk_side_copy(&file->cache, &file->platter);
	disk->used += (u64)file->cache.image.pages_used * IMAGE_PAGE_BYTES;
	disk_drop_if_gone(disk, file);
}

/* A system call that the crash interrupted: it happened, in part, or not. */
static void interrupt(struct disk_sim *disk, struct disk_op *op, struct dfs_prng *prng)
{
	u64 fate = dfs_prng_below(prng, 3);
	bool bytes = op->io.kind == DFS_IO_FILE_WRITE || op->io.kind == DFS_IO_FILE_COPY;
	bool changes = bytes || op->io.kind == DFS_IO_FILE_TRUNCATE ||
		       op->io.kind == DFS_IO_FILE_PUNCH || op->io.kind == DFS_IO_FILE_UNLINK;
	if (changes && fate == 1)
		(void)disk_execute(disk, op, UINT64_MAX);
	else if (bytes && fate == 2)
		(void)disk_execute(disk, op, dfs_prng_below(prng, op->io.length + 1));
	disk_op_free(op);
}

void disk_sim_crash(struct disk_sim *disk, bool power, struct dfs_prng *prng)
{
	while (!dfs_list_empty(&disk->ops))
		interrupt(disk, dfs_list_first(&disk->ops, struct disk_op, link), prng);
	if (!power)
		return;
	dfs_list_for_each_safe (node, &disk->files)
		lose_power(disk, dfs_list_entry(node, struct file, link), prng);
}

void disk_sim_settle(struct disk_sim *disk)
{
	dfs_list_for_each_safe (node, &disk->files) {
		struct file *file = dfs_list_entry(node, struct file, link);
		while (!dfs_list_empty(&file->changes)) {
			struct change *change = dfs_list_first(&file->changes, struct change, link);
			disk_change_apply(&file->platter, change);
			disk_change_free(change);
		}
		disk_drop_if_gone(disk, file);
	}
}

u64 disk_sim_rot(struct disk_sim *disk, struct dfs_prng *prng)
{
	u64 files = disk_sim_files(disk);
	if (files == 0)
		return 0;
	u64 chosen = dfs_prng_below(prng, files);
	u64 id = disk_sim_next_file(disk, 0);
	while (chosen-- > 0)
		id = disk_sim_next_file(disk, id);
	struct file *file = disk_find(disk, id);
	struct image *image = &file->cache.image;
	if (image->length == 0)
		return 0;
	u64 at = dfs_prng_below(prng, image->length);
	u8 bit = (u8)(1u << dfs_prng_below(prng, 8));
	u8 *cached = image_at(image, at);
	if (cached == NULL)
		return 0;
	*cached ^= bit;
	u8 *stored = image_at(&file->platter.image, at);
	if (stored != NULL)
		*stored ^= bit;
	return id;
}
