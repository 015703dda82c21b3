/*
 * See chunk_map.h. Reads that miss a row wait in inode.map_waiters; one CHUNKS per inode is under
 * way at a time, for the first of them and what follows it.
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>

enum { ASK_CHUNKS = 64 }; /* 4 GiB of file. */

const struct cl_row *cl_row_find(const struct cl_inode *inode, u64 index)
{
	struct dfs_map_node *found = dfs_map_find(&inode->rows, index);
	return found == NULL ? NULL : dfs_map_entry(found, struct cl_row, by_index);
}

static void row_free(struct cl_inode *inode, struct cl_row *row)
{
	dfs_map_remove(&inode->rows, &row->by_index);
	dfs_list_remove(&row->in_inode);
	free(row);
}

void cl_row_forget(struct cl_inode *inode, u64 index)
{
	struct dfs_map_node *found = dfs_map_find(&inode->rows, index);
	if (found != NULL)
		row_free(inode, dfs_map_entry(found, struct cl_row, by_index));
}

void cl_rows_drop(struct cl *cl, struct cl_inode *inode)
{
	(void)cl;
	inode->map_generation++;
	while (!dfs_list_empty(&inode->rows_list))
		row_free(inode, dfs_list_first(&inode->rows_list, struct cl_row, in_inode));
}

void cl_row_put(struct cl *cl, struct cl_inode *inode, u64 index, const struct cl_place *place)
{
	(void)cl;
	struct dfs_map_node *found = dfs_map_find(&inode->rows, index);
	struct cl_row *row;
	if (found != NULL) {
		row = dfs_map_entry(found, struct cl_row, by_index);
	} else {
		/* Oldest out: scans of huge sparse files must not fill the memory. */
		if (inode->rows.count >= CL_ROWS_MAX)
			row_free(inode, dfs_list_first(&inode->rows_list, struct cl_row, in_inode));
		row = calloc(1, sizeof(*row));
		DFS_ASSERT(row != NULL);
		dfs_map_insert(&inode->rows, &row->by_index, index);
		dfs_list_push_back(&inode->rows_list, &row->in_inode);
	}
	row->place = *place;
}

void cl_rows_share(struct cl_inode *inode, u64 first, u64 count)
{
	for (u64 index = first; index < first + count; index++) {
		struct dfs_map_node *found = dfs_map_find(&inode->rows, index);
		if (found != NULL)
			dfs_map_entry(found, struct cl_row, by_index)->place.shared = true;
	}
}

int cl_rows_fill(struct cl *cl, struct cl_inode *inode, u64 first, u64 count,
		 const struct dfs_items *locations)
{
	static const struct cl_place hole = {0};
	struct dfs_items items = *locations;
	struct dfs_location location;
	u64 at = first;
	while (dfs_location_next(&items, &location)) {
		if (location.index < at || location.chunk == 0 ||
		    (count != 0 && location.index - first >= count) ||
		    location.index - at > DFS_MAP_CHUNKS_MAX)
			return DFS_EMALFORMED;
		struct cl_place place;
		cl_place_of(cl, &location, &place);
		while (at < location.index)
			cl_row_put(cl, inode, at++, &hole);
		cl_row_put(cl, inode, at++, &place);
	}
	for (; count != 0 && at < first + count; at++)
		cl_row_put(cl, inode, at, &hole);
	return 0;
}

static void on_chunks_timer(struct cl *cl, struct cl_timer *timer)
{
	cl_inode_touch(cl, dfs_container_of(timer, struct cl_inode, chunks_timer));
}

/* The error reaches the readers; it is about the inode. */
static void fail_waiters(struct cl *cl, struct cl_inode *inode, int status)
{
	while (!dfs_list_empty(&inode->map_waiters)) {
		struct cl_part *part =
		    dfs_list_first(&inode->map_waiters, struct cl_part, in_waiters);
		cl_read_part_done(cl, part->task, status);
	}
}

static void wake_waiters(struct cl *cl, struct cl_inode *inode)
{
	struct dfs_list now;
	dfs_list_init(&now);
	dfs_list_splice_back(&now, &inode->map_waiters);
	while (!dfs_list_empty(&now)) {
		struct cl_part *part = dfs_list_first(&now, struct cl_part, in_waiters);
		dfs_list_remove(&part->in_waiters);
		cl_part_map(cl, part);
	}
}

static void on_chunks(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	struct cl_inode *inode = dfs_container_of(rpc, struct cl_inode, chunks);
	struct dfs_chunks_reply reply;
	int status = answer->status;
	cl_inode_touch(cl, inode);
	if (status == 0)
		status = dfs_chunks_reply_decode(answer->body, answer->version, &reply);
	/* The file has changed since it was asked: so may have the answer. */
	if (status == 0 && inode->chunks_generation != inode->map_generation)
		return;
	if (status == 0)
		status = cl_rows_fill(cl, inode, inode->chunks_index, ASK_CHUNKS, &reply.chunks);
	if (status == 0) {
		inode->chunks_tries = 0;
		wake_waiters(cl, inode);
	} else if (status == DFS_EBUSY || status == DFS_ENO_SERVER) {
		cl_timer_set(cl, &inode->chunks_timer, cl->now + cl_backoff(inode->chunks_tries++),
			     on_chunks_timer);
	} else {
		fail_waiters(cl, inode, status);
	}
}

int cl_rows_told(struct cl *cl, struct cl_inode *inode, const struct dfs_items *locations)
{
	int status = cl_rows_fill(cl, inode, 0, 0, locations);
	if (status == 0)
		wake_waiters(cl, inode);
	return status;
}

void cl_rows_work(struct cl *cl, struct cl_inode *inode)
{
	/* The answer to an OPEN brings the first rows along. */
	if (dfs_list_empty(&inode->map_waiters) || inode->chunks.under_way ||
	    inode->reopen.under_way || cl_timer_armed(&inode->chunks_timer))
		return;
	struct cl_part *first = dfs_list_first(&inode->map_waiters, struct cl_part, in_waiters);
	inode->chunks_index = first->index;
	inode->chunks_generation = inode->map_generation;
	struct dfs_chunks body = {.ino = inode->ino, .index = first->index, .count = ASK_CHUNKS};
	struct dfs_writer writer;
	inode->chunks.done = on_chunks;
	cl_master_begin(cl, &writer);
	dfs_chunks_put(&writer, &body);
	cl_master_send(cl, &inode->chunks, DFS_MSG_CHUNKS, &writer);
}
