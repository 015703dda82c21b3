/*
 * Counting what is not committed: see quota.h. Space is counted as the master does: each chunk up
 * to its last byte, in whole blocks.
 */
#include "fuse/core/quota.h"

#include "fuse/core/client_i.h"

#include <stdlib.h>

static u64 space(u64 length)
{
	const u64 mask = DFS_BLOCK_BYTES - 1;
	return (length + mask) & ~mask;
}

static u64 chunk_start(const struct cl_inode *inode, u64 index)
{
	return index << inode->attr.chunk_shift;
}

/* Is it known how long the chunk is in the file? By its place, or, if the file has no holes, by its
 * length. */
static bool is_known(const struct cl_inode *inode, u64 index, const struct cl_target *target)
{
	return (target != NULL && target->granted) || cl_row_find(inode, index) != NULL ||
	       chunk_start(inode, index) >= inode->attr.size ||
	       inode->attr.allocated >= space(inode->attr.size);
}

/* 0 if it is not known. */
static u64 length_of(const struct cl_inode *inode, u64 index, const struct cl_target *target)
{
	const struct cl_row *row = cl_row_find(inode, index);
	u64 start = chunk_start(inode, index);
	if (target != NULL && target->granted)
		return target->place.length;
	if (row != NULL)
		return row->place.chunk == 0 ? 0 : row->place.length;
	if (start >= inode->attr.size || !is_known(inode, index, target))
		return 0;
	return dfs_min(inode->attr.size - start, UINT64_C(1) << inode->attr.chunk_shift);
}

static u64 growth(u64 from, u64 to)
{
	return space(to) > space(from) ? space(to) - space(from) : 0;
}

static void set_growth(struct cl_inode *inode, struct cl_target *target, u64 bytes)
{
	u64 change = bytes - target->growth; /* Perhaps below 0: all of it wraps alike. */
	target->growth = bytes;
	inode->growth += change;
	if (inode->quota != NULL)
		inode->quota->growth += change;
}

void cl_quota_recount(struct cl_target *target)
{
	struct cl_inode *inode = target->inode;
	u64 length = target->end == 0 ? 0 : length_of(inode, target->by_index.key, target);
	set_growth(inode, target, growth(length, target->end));
}

void cl_quota_wrote(struct cl_target *target, u64 end)
{
	u64 start = chunk_start(target->inode, target->by_index.key);
	DFS_ASSERT(end > start);
	target->end = dfs_max(target->end, (u32)(end - start));
	cl_quota_recount(target);
}

void cl_quota_leave(struct cl_inode *inode)
{
	struct cl_quota *quota = inode->quota;
	if (quota == NULL)
		return;
	inode->quota = NULL;
	quota->growth -= inode->growth;
	if (--quota->refs > 0)
		return;
	dfs_list_remove(&quota->in_all);
	free(quota);
}

static bool counts_in(const struct cl_inode *inode, const struct cl_quota *quota, u64 tree)
{
	return quota->uid == inode->attr.uid && quota->gid == inode->attr.gid &&
	       quota->tree == tree;
}

static struct cl_quota *find(struct cl *cl, const struct cl_inode *inode, u64 tree)
{
	dfs_list_for_each (node, &cl->quotas) {
		struct cl_quota *quota = dfs_list_entry(node, struct cl_quota, in_all);
		if (counts_in(inode, quota, tree))
			return quota;
	}
	struct cl_quota *quota = calloc(1, sizeof(*quota));
	DFS_ASSERT(quota != NULL);
	quota->uid = inode->attr.uid;
	quota->gid = inode->attr.gid;
	quota->tree = tree;
	dfs_list_init(&quota->in_all);
	dfs_list_push_back(&cl->quotas, &quota->in_all);
	return quota;
}

void cl_quota_told(struct cl *cl, struct cl_inode *inode, const struct dfs_room *room)
{
	bool limited = room->bytes != DFS_ROOM_ALL;
	if (!cl_inode_regular(inode) || (!limited && inode->quota == NULL))
		return;
	if (inode->quota == NULL || !counts_in(inode, inode->quota, room->tree)) {
		cl_quota_leave(inode);
		inode->quota = find(cl, inode, room->tree);
		inode->quota->refs++;
		inode->quota->growth += inode->growth;
	}
	inode->quota->room = room->bytes;
}

u64 cl_quota_growth(const struct cl_inode *inode, u64 index, u64 length)
{
	return growth(length_of(inode, index, cl_target_find(inode, index)), length);
}

bool cl_quota_unknown(const struct cl_inode *inode, u64 offset, u32 bytes, u64 *ret_index)
{
	u64 last = (offset + bytes - 1) >> inode->attr.chunk_shift;
	DFS_ASSERT(bytes > 0);
	for (u64 index = offset >> inode->attr.chunk_shift; index <= last; index++) {
		if (is_known(inode, index, cl_target_find(inode, index)))
			continue;
		*ret_index = index;
		return true;
	}
	return false;
}

bool cl_quota_allows(const struct cl_inode *inode, u64 offset, u32 bytes)
{
	u64 more = 0;
	u64 to = offset + bytes;
	u32 shift = inode->attr.chunk_shift;
	if (inode->quota == NULL)
		return true;
	for (u64 index = offset >> shift; index << shift < to; index++) {
		const struct cl_target *target = cl_target_find(inode, index);
		u64 end = dfs_min(to - chunk_start(inode, index), UINT64_C(1) << shift);
		u64 grown = cl_quota_growth(inode, index, end);
		more += grown - dfs_min(grown, target == NULL ? 0 : target->growth);
	}
	return more == 0 || more <= cl_quota_left(inode);
}

u64 cl_quota_left(const struct cl_inode *inode)
{
	const struct cl_quota *quota = inode->quota;
	if (quota == NULL || quota->room == DFS_ROOM_ALL)
		return DFS_ROOM_ALL;
	return quota->room > quota->growth ? quota->room - quota->growth : 0;
}

void cl_quota_ask(struct cl *cl, struct cl_task *task)
{
	struct dfs_writer writer;
	task->resume = cl_quota_ask;
	cl_master_begin(cl, &writer);
	dfs_statfs_put(&writer, &(struct dfs_statfs){.ino = task->inode->ino});
	cl_task_ask(cl, task, DFS_MSG_STATFS, &writer);
}
