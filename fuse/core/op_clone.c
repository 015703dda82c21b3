/*
 * CLONE: copy_file_range(2) without copying. Whole chunks of one file become those of another as
 * well; whoever writes to either file later gets a chunk of its own first (target.c).
 *
 *   start --> written data of both is stored and committed, writes to the destination wait
 *     --> which chunks? (do they fit?) --> SEAL at their chunkservers --> CLONE --> answered
 *                ^                                           |
 *                +--- the source has others by now (STALE) --+
 *
 * SEAL comes first: once the log says that two files share a chunk, nobody may change it, not even
 * a client that is cut off from the master. A client that dies in between leaves chunks that are
 * sealed and not shared: the next write to them makes a copy without need.
 *
 * Both ranges must begin where chunks begin. What ends inside a chunk is shared as a whole where
 * the source ends and the destination goes no further; else it is left out. The caller goes on
 * after what was shared, and where nothing can be, the kernel copies the bytes (NOTSUP): that is no
 * slower than a program that reads and writes. So it does as well when a quota has no room for all
 * of it: the master, which looks at the limits again, knows nothing of what this mount has not
 * committed, and writes are counted one by one until no more fits.
 */
#include "fuse/core/client_i.h"
#include "fuse/core/flows.h"

#include <stdlib.h>

enum { STALE_MAX = 4 };

struct clone_chunk {
	u64 chunk; /* 0: a hole. */
	u32 epoch;
	u32 length;
	struct cl_server *server; /* Where it is to be sealed; NULL: it is. */
};

struct cl_clone {
	struct cl_inode *source; /* Referenced. */
	u64 end;                 /* Of the range, in the destination. */
	u32 count;               /* Chunks. */
	u32 placed;              /* So many of them are known. */
	u32 tries;
	bool sealing; /* SEAL is under way. */
	struct clone_chunk chunks[DFS_CLONE_CHUNKS_MAX];
};

void cl_clone_fini(struct cl *cl, struct cl_task *task)
{
	if (task->clone == NULL)
		return;
	cl_inode_unref(cl, task->clone->source);
	free(task->clone);
	task->clone = NULL;
}

static u64 index_of(const struct cl_task *task, u64 offset)
{
	return offset >> task->inode->attr.chunk_shift;
}

/* --- The change. --- */

static void change(struct cl *cl, struct cl_task *task)
{
	const struct cl_clone *clone = task->clone;
	if (task->state == CL_TASK_VISITING)
		cl_task_move(task, CL_TASK_NEW);
	if (!cl_task_may_mutate(cl, task, change))
		return;
	struct dfs_writer chunks, body;
	dfs_writer_init(&chunks, DFS_PROTOCOL_VERSION, 0);
	dfs_writer_init(&body, DFS_PROTOCOL_VERSION, 0);
	for (u32 i = 0; i < clone->count; i++)
		dfs_id_put(&chunks, &(struct dfs_id){.id = clone->chunks[i].chunk});
	struct dfs_clone request = {
	    .ino = task->inode->ino,
	    .index = index_of(task, task->offset),
	    .source = clone->source->ino,
	    .source_index = index_of(task, task->offset2),
	    .end = clone->end,
	    .mtime = (s64)cl->wall,
	    .chunks = dfs_writer_items(&chunks),
	};
	dfs_clone_put(&body, &request);
	dfs_writer_fini(&chunks);
	cl_task_mutate(cl, task, DFS_OP_CLONE, &body);
}

/* --- Sealing. --- */

static void seal_next(struct cl *cl, struct cl_task *task);

static void on_sealed(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	(void)answer;
	struct cl_clone *clone = task->clone;
	struct cl_server *server = task->visit.rpc.server;
	clone->sealing = false;
	for (u32 i = 0; i < clone->count; i++) {
		if (clone->chunks[i].server == server)
			clone->chunks[i].server = NULL;
	}
	seal_next(cl, task);
}

/* All chunks of the next server that has some. */
static void seal_next(struct cl *cl, struct cl_task *task)
{
	struct cl_clone *clone = task->clone;
	u32 first = 0;
	while (first < clone->count && clone->chunks[first].server == NULL)
		first++;
	if (first == clone->count) {
		change(cl, task);
		return;
	}
	struct cl_server *server = clone->chunks[first].server;
	struct dfs_writer writer, chunks;
	cl_server_begin(cl, server, &writer);
	dfs_writer_init(&chunks, writer.version, 0);
	for (u32 i = first; i < clone->count; i++) {
		const struct clone_chunk *each = &clone->chunks[i];
		if (each->server == server)
			dfs_chunk_epoch_put(
			    &chunks,
			    &(struct dfs_chunk_epoch){.chunk = each->chunk, .epoch = each->epoch});
	}
	struct dfs_seal body = {.chunks = dfs_writer_items(&chunks)};
	dfs_seal_put(&writer, &body);
	dfs_writer_fini(&chunks);
	clone->sealing = true;
	task->visit.index = index_of(task, task->offset2) + first; /* Should it have to wait. */
	task->visit.answered = on_sealed;
	cl_visit_ask(cl, task, DFS_MSG_SEAL, &writer, server);
}

/* --- Which chunks. --- */

static void note(struct cl_clone *clone, const struct cl_place *place)
{
	bool seal = place->chunk != 0 && !place->shared;
	clone->chunks[clone->placed++] = (struct clone_chunk){
	    .chunk = place->chunk,
	    .epoch = place->epoch,
	    .length = place->chunk == 0 ? 0 : place->length,
	    .server = seal ? place->servers[0] : NULL,
	};
}

static bool fits(const struct cl_task *task)
{
	const struct cl_clone *clone = task->clone;
	u64 first = index_of(task, task->offset);
	u64 more = 0;
	for (u32 i = 0; i < clone->count; i++) {
		u64 rest = clone->end - ((first + i) << task->inode->attr.chunk_shift);
		u64 length = dfs_min((u64)clone->chunks[i].length, rest);
		more += cl_quota_growth(task->inode, first + i, length);
	}
	return more <= cl_quota_left(task->inode);
}

static void on_room(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_statfs_reply reply;
	int status = dfs_statfs_reply_decode(answer->body, answer->version, &reply);
	if (status == 0)
		cl_quota_told(cl, task->inode, &reply.room);
	if (status == 0 && !fits(task))
		status = DFS_ENOTSUP;
	if (status != 0) {
		cl_task_finish(cl, task, status);
		return;
	}
	cl_task_move(task, CL_TASK_VISITING);
	seal_next(cl, task);
}

/* Those that are known already without asking, as far as they go. */
static void place_all(struct cl *cl, struct cl_task *task)
{
	struct cl_clone *clone = task->clone;
	while (clone->placed < clone->count) {
		u64 index = index_of(task, task->offset2) + clone->placed;
		const struct cl_row *row = cl_row_find(clone->source, index);
		if (row == NULL || (row->place.chunk != 0 && row->place.count == 0) ||
		    cl_place_lost(&row->place)) {
			task->visit.index = index;
			cl_visit_place(cl, task, false);
			return;
		}
		note(clone, &row->place);
	}
	if (fits(task)) {
		seal_next(cl, task);
		return;
	}
	cl_task_move(task, CL_TASK_NEW);
	cl_quota_ask(cl, task);
}

static void on_placed(struct cl *cl, struct cl_task *task, const struct cl_place *place)
{
	struct cl_clone *clone = task->clone;
	u64 first = index_of(task, task->offset2);
	clone->placed = (u32)(task->visit.index - first);
	note(clone, place);
	/* A SEAL failed: any of its chunks may be elsewhere now. */
	if (clone->sealing)
		for (u32 i = clone->placed; i < clone->count; i++)
			cl_row_forget(clone->source, first + i);
	clone->sealing = false;
	place_all(cl, task);
}

/* How much of what was asked for can be shared: whole chunks, and the source's end. */
static void measure(const struct cl *cl, struct cl_task *task)
{
	struct cl_clone *clone = task->clone;
	u32 shift = task->inode->attr.chunk_shift;
	u64 size = clone->source->attr.size;
	u64 length = task->offset2 >= size ? 0 : dfs_min(task->size, size - task->offset2);
	u64 count = dfs_min(length >> shift, (u64)DFS_CLONE_CHUNKS_MAX);
	u64 rest = length - (count << shift);
	clone->end = task->offset + (count << shift);
	if (count < DFS_CLONE_CHUNKS_MAX && rest > 0 && task->offset2 + length == size &&
	    clone->end + rest >= task->inode->attr.size) {
		count++;
		clone->end += rest;
	}
	clone->count = clone->end - task->offset < cl->clone_bytes_min ? 0 : (u32)count;
	clone->placed = 0;
	clone->sealing = false;
}

/* First the destination's attributes are known, then the source's. */
void cl_clone_begun(struct cl *cl, struct cl_task *task)
{
	struct cl_clone *clone = task->clone;
	if (task->visit.inode != clone->source) {
		cl_task_move(task, CL_TASK_NEW);
		cl_visit(cl, task, clone->source, true);
		return;
	}
	measure(cl, task);
	if (clone->count == 0 || clone->source->attr.chunk_shift != task->inode->attr.chunk_shift) {
		cl_task_finish(cl, task, DFS_ENOTSUP);
		return;
	}
	task->visit.placed = on_placed;
	place_all(cl, task);
}

/* --- From beginning to end. --- */

static bool is_file(const struct cl_handle *handle)
{
	return handle != NULL && handle->inode != NULL && cl_inode_regular(handle->inode);
}

void cl_clone_start(struct cl *cl, struct cl_task *task)
{
	const struct cl_handle *to = cl_task_handle(cl, task);
	const struct cl_handle *from = cl_handle_find(cl, task->handle2);
	if (!is_file(to) || !is_file(from)) {
		cl_task_finish(cl, task, DFS_EINVAL);
		return;
	}
	u64 mask = (UINT64_C(1) << to->inode->attr.chunk_shift) - 1;
	if (((task->offset | task->offset2) & mask) != 0 || task->size < cl->clone_bytes_min) {
		cl_task_finish(cl, task, DFS_ENOTSUP);
		return;
	}
	cl_task_use_inode(cl, task, to->ino);
	task->clone = calloc(1, sizeof(*task->clone));
	DFS_ASSERT(task->clone != NULL);
	task->clone->source = cl_inode_get(cl, from->ino);
	cl_truncate_gate(task);
	cl_visit(cl, task, task->inode, true);
}

/* Another source than the one that was sealed; or the files are in such a state that the bytes are
 * better copied. */
void cl_clone_refused(struct cl *cl, struct cl_task *task, int status)
{
	struct cl_clone *clone = task->clone;
	if (status == DFS_ESTALE && !task->answered && ++clone->tries < STALE_MAX) {
		cl_rows_drop(cl, clone->source);
		cl_task_move(task, CL_TASK_NEW);
		cl_visit(cl, task, task->inode, true);
		return;
	}
	bool copy = status == DFS_ESTALE || status == DFS_EBUSY || status == DFS_EXDEV;
	cl_task_finish(cl, task, copy ? DFS_ENOTSUP : status);
}

void cl_clone_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	const struct cl_clone *clone = task->clone;
	struct dfs_mutate_reply reply;
	if (task->asked == DFS_MSG_STATFS) {
		on_room(cl, task, answer);
		return;
	}
	int status = dfs_mutate_reply_decode(answer->body, answer->version, &reply);
	if (status == 0)
		status = cl_inode_attr(cl, task->inode, &reply.attr, true);
	if (status != 0) {
		cl_task_finish(cl, task, status);
		return;
	}
	u64 first = index_of(task, task->offset);
	cl_cache_put_attr(cl, &reply.attr, cl_cache_until(task->asked_at, reply.lease_ms));
	cl_quota_told(cl, task->inode, &reply.room);
	cl_truncate_rows(cl, task->inode, first, first + clone->count);
	/* Our next write there would only be refused. */
	cl_rows_share(clone->source, index_of(task, task->offset2), clone->count);
	cl_targets_forget(cl, clone->source);
	struct cl_reply *answered = cl_reply_new(cl, task->op);
	answered->count = clone->end - task->offset;
	cl_task_reply(cl, task, answered);
}
