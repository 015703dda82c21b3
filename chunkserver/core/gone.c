/*
 * Rows of chunks whose files were unlinked. Unlinking is made durable by the file system in its own
 * time (ext4 commits every 5 s), while the removal of a row is durable with the next sync of the
 * index. Were the row removed at once, a power cut could bring the file back without it, and the
 * chunk would be adopted as an unknown one; so rows stay for a while, and the next start unlinks
 * whatever they still name.
 */
#include "chunkserver/core/chunk.h"
#include "chunkserver/core/delete.h"
#include "chunkserver/core/index.h"

#include <stdlib.h>

enum { GONE_STEP = 256, GONE_CAPACITY_MIN = 64 };
#define GONE_AFTER (30 * DFS_SEC)

static void grow(struct cs_disk *disk)
{
	u32 capacity = dfs_max(disk->gone_capacity * 2, (u32)GONE_CAPACITY_MIN);
	struct cs_gone *larger = malloc(capacity * sizeof(*larger));
	DFS_ASSERT(larger != NULL);
	for (u32 i = 0; i < disk->gone_count; i++)
		larger[i] = disk->gone[(disk->gone_first + i) % disk->gone_capacity];
	free(disk->gone);
	disk->gone = larger;
	disk->gone_capacity = capacity;
	disk->gone_first = 0;
}

void cs_gone_add(struct cs *cs, struct cs_disk *disk, u64 chunk)
{
	if (disk->gone_count == disk->gone_capacity)
		grow(disk);
	u32 at = (disk->gone_first + disk->gone_count++) % disk->gone_capacity;
	disk->gone[at] = (struct cs_gone){.chunk = chunk, .at = cs->now + GONE_AFTER};
}

static void remove_some(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs)
{
	u32 count = 0;
	cs_index_begin(disk);
	while (disk->gone_count > 0 && count < GONE_STEP) {
		const struct cs_gone *gone = &disk->gone[disk->gone_first];
		if (gone->at > cs->now)
			break;
		cs_index_delete_chunk(disk, gone->chunk);
		cs_chunk_forget(cs, cs_chunk_find(cs, gone->chunk));
		disk->gone_first = (disk->gone_first + 1) % disk->gone_capacity;
		disk->gone_count--;
		count++;
	}
	if (count > 0)
		(void)cs_index_write(cs, disk, fxs); /* Else the next start unlinks once more. */
}

void cs_gone_tick(struct cs *cs, struct dfs_fxs *fxs)
{
	for (u32 i = 0; i < cs->disks_count; i++)
		if (cs->disks[i].gone_count > 0)
			remove_some(cs, &cs->disks[i], fxs);
}

nsec cs_gone_deadline(const struct cs *cs)
{
	nsec deadline = DFS_NEVER;
	for (u32 i = 0; i < cs->disks_count; i++) {
		const struct cs_disk *disk = &cs->disks[i];
		if (disk->gone_count > 0)
			deadline = dfs_min(deadline, disk->gone[disk->gone_first].at);
	}
	return deadline;
}
