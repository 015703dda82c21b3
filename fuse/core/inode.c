/*
 * The table of inodes in use: see inode.h. An inode goes when nothing refers to it and all its data
 * is safe; its hold at the master is released at the same time, not before: an orphan's data must
 * still be committed to something.
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>
#include <sys/stat.h>

static void lists_init(struct cl_inode *inode)
{
	struct dfs_list *lists[] = {
	    &inode->in_touched, &inode->rows_list, &inode->map_waiters,  &inode->dirty,
	    &inode->sending,    &inode->in_dirty,  &inode->targets_list, &inode->wanting,
	    &inode->flushes,    &inode->syncs,     &inode->in_linger,
	};
	for (size_t i = 0; i < dfs_array_count(lists); i++)
		dfs_list_init(lists[i]);
}

struct cl_inode *cl_inode_find(const struct cl *cl, u64 ino)
{
	struct dfs_map_node *found = dfs_map_find(&cl->inodes_by_ino, ino);
	return found == NULL ? NULL : dfs_map_entry(found, struct cl_inode, by_ino);
}

struct cl_inode *cl_inode_get(struct cl *cl, u64 ino)
{
	struct cl_inode *inode = cl_inode_find(cl, ino);
	if (inode == NULL) {
		inode = calloc(1, sizeof(*inode));
		DFS_ASSERT(inode != NULL);
		inode->ino = ino;
		inode->map_generation = 1;
		lists_init(inode);
		dfs_map_insert(&cl->inodes_by_ino, &inode->by_ino, ino);
		dfs_list_push_back(&cl->inodes, &inode->in_all);
	}
	inode->refs++;
	return inode;
}

void cl_inode_unref(struct cl *cl, struct cl_inode *inode)
{
	DFS_ASSERT(inode->refs > 0);
	if (--inode->refs == 0)
		cl_inode_touch(cl, inode);
}

void cl_inode_touch(struct cl *cl, struct cl_inode *inode)
{
	if (dfs_list_empty(&inode->in_touched))
		dfs_list_push_back(&cl->touched, &inode->in_touched);
}

static void cancel_requests(struct cl *cl, struct cl_inode *inode)
{
	cl_master_cancel(cl, &inode->reopen);
	cl_master_cancel(cl, &inode->chunks);
	cl_master_cancel(cl, &inode->grant);
	cl_master_cancel(cl, &inode->commit.rpc);
	cl_timer_clear(cl, &inode->chunks_timer);
	cl_timer_clear(cl, &inode->grant_timer);
	cl_timer_clear(cl, &inode->commit_timer);
	cl_timer_clear(cl, &inode->sync_timer);
	cl_timer_clear(cl, &inode->age);
}

static void inode_free(struct cl *cl, struct cl_inode *inode)
{
	cancel_requests(cl, inode);
	cl_rows_drop(cl, inode);
	cl_quota_leave(inode);
	cl_targets_fini(cl, inode);
	DFS_ASSERT(inode->slots.count == 0);
	DFS_ASSERT(inode->targets.count == 0);
	DFS_ASSERT(dfs_list_empty(&inode->map_waiters));
	DFS_ASSERT(dfs_list_empty(&inode->flushes));
	dfs_map_fini(&inode->rows);
	dfs_map_fini(&inode->slots);
	dfs_map_fini(&inode->targets);
	cl_linger_leave(cl, inode);
	dfs_list_remove(&inode->in_dirty);
	dfs_list_remove(&inode->in_touched);
	dfs_list_remove(&inode->in_all);
	dfs_map_remove(&cl->inodes_by_ino, &inode->by_ino);
	free(inode->hint);
	free(inode);
}

static bool busy(const struct cl_inode *inode)
{
	return inode->refs > 0 || inode->slots.count > 0 || cl_inode_uncommitted(inode) ||
	       inode->commit.rpc.under_way || inode->syncs_count > 0 || inode->reopen.under_way;
}

static void work(struct cl *cl, struct cl_inode *inode)
{
	if (inode->end_unsure)
		cl_write_recount_end(inode);
	cl_targets_work(cl, inode);
	cl_rows_work(cl, inode);
	cl_flushes_work(cl, inode);
	cl_commit_work(cl, inode);
	cl_sync_work(cl, inode);
	if (!dfs_list_empty(&inode->in_touched))
		return;
	if (busy(inode)) {
		cl_linger_leave(cl, inode);
		return;
	}
	if (inode->held)
		cl_hold_release(cl, inode->ino);
	inode->held = false;
	if (!cl_linger(cl, inode))
		inode_free(cl, inode);
}

void cl_inodes_work(struct cl *cl)
{
	while (!dfs_list_empty(&cl->touched)) {
		struct cl_inode *inode = dfs_list_first(&cl->touched, struct cl_inode, in_touched);
		dfs_list_remove(&inode->in_touched);
		work(cl, inode);
	}
}

void cl_inodes_fini(struct cl *cl)
{
	struct dfs_map_node *handle;
	while ((handle = dfs_map_next(&cl->handles, NULL)) != NULL)
		cl_handle_free(cl, dfs_map_entry(handle, struct cl_handle, by_id));
	dfs_list_for_each_safe (node, &cl->inodes) {
		struct cl_inode *inode = dfs_list_entry(node, struct cl_inode, in_all);
		cl_flushes_end(cl, inode);
		cl_sync_cancel(cl, inode);
		dfs_list_for_each_safe (at, &inode->targets_list)
			cl_target_drop(cl, dfs_list_entry(at, struct cl_target, in_inode));
		inode_free(cl, inode);
	}
}

bool cl_inode_regular(const struct cl_inode *inode)
{
	return inode->known && S_ISREG(inode->attr.mode);
}

int cl_inode_attr(struct cl *cl, struct cl_inode *inode, const struct dfs_attr *attr, bool own)
{
	bool shift_ok =
	    attr->chunk_shift >= DFS_CHUNK_SHIFT_MIN && attr->chunk_shift <= DFS_CHUNK_SHIFT_MAX;
	if (attr->ino != inode->ino || (S_ISREG(attr->mode) && !shift_ok))
		return DFS_EMALFORMED;
	/* Slots were cut by the shift that was heard first. */
	if (inode->known && S_ISREG(attr->mode) && attr->chunk_shift != inode->attr.chunk_shift)
		return DFS_EMALFORMED;
	if (inode->known && attr->change < inode->attr.change)
		return 0; /* The answer to something older that was said again. */
	bool moved = !inode->known || attr->change != inode->attr.change;
	bool ours = own && inode->known && attr->change == inode->attr.change + 1;
	inode->attr = *attr;
	inode->known = true;
	if (moved && !ours) {
		cl_rows_drop(cl, inode);
		cl_targets_forget(cl, inode);
	}
	return 0;
}

bool cl_inode_uncommitted(const struct cl_inode *inode)
{
	return inode->committed_seq < inode->write_seq;
}

u64 cl_inode_size(const struct cl_inode *inode)
{
	return dfs_max(inode->attr.size, inode->local_end);
}

u64 cl_inode_chunks(const struct cl_inode *inode, u64 size)
{
	u64 mask = (UINT64_C(1) << inode->attr.chunk_shift) - 1;
	return (size >> inode->attr.chunk_shift) + ((size & mask) != 0);
}

void cl_inode_fail(struct cl *cl, struct cl_inode *inode, int status, const char *what)
{
	/* One line tells it: a full disk fails every piece on its way. */
	bool told = inode->error == status && cl->now - inode->error_at < DFS_SEC;
	inode->error = status;
	inode->errors_count++;
	inode->end_unsure = true;
	cl_inode_touch(cl, inode);
	if (told)
		return;
	inode->error_at = cl->now;
	dfs_fx_log(
	    cl->fx, DFS_LOG_ERROR, "event=data_lost ino=%llu name=\"%.*s\" while=%s status=%s",
	    (unsigned long long)inode->ino, (int)inode->hint_length,
	    inode->hint == NULL ? "" : (const char *)inode->hint, what, dfs_error_name(status));
}

/* Anybody but root who writes takes set-id bits away. */
static u32 mode_written(u32 mode)
{
	mode &= ~(u32)S_ISUID;
	return (mode & S_IXGRP) != 0 ? mode & ~(u32)S_ISGID : mode;
}

bool cl_attr_view(const struct cl *cl, struct dfs_attr *attr)
{
	const struct cl_inode *inode = cl_inode_find(cl, attr->ino);
	bool differs = inode != NULL && (inode->local_end != 0 || cl_inode_uncommitted(inode));
	if (inode != NULL && inode->known && inode->attr.change >= attr->change) {
		differs = differs || inode->attr.change != attr->change;
		*attr = inode->attr;
	}
	/* Programs take a file without any space for a hole as a whole. */
	if (differs && S_ISREG(attr->mode))
		attr->allocated += inode->unstored_bytes + inode->kept_bytes;
	if (inode != NULL && inode->local_end != 0) {
		attr->size = dfs_max(attr->size, inode->local_end);
		attr->mtime = inode->local_mtime;
		attr->ctime = dfs_max(attr->ctime, inode->local_mtime);
		/* As the master will when it hears of it. */
		if (inode->writer.uid != 0 || inode->commit_writer.uid != 0)
			attr->mode = mode_written(attr->mode);
	}
	cl_atime_view(cl, attr);
	attr->ino = cl_ino_translate(cl, attr->ino);
	return differs;
}

/* The mounted directory is the root of the mounted tree. The real root, should it show anywhere,
 * takes its number: so that the two stay apart. */
u64 cl_ino_translate(const struct cl *cl, u64 ino)
{
	if (cl->root == 0)
		return ino;
	if (ino == DFS_INO_ROOT)
		return cl->root;
	return ino == cl->root ? DFS_INO_ROOT : ino;
}
