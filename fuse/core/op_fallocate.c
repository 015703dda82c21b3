/*
 * FALLOCATE: growing a file, and punching holes into it. Zeroing a range is punching it: it reads
 * as zeros, and no space is set aside for anybody.
 *
 *   start --no hole--> STATFS: is there room? --------------------------+--> ALLOCATE --> answered
 *     |                                                                 |
 *     +--a hole--> written data stored and committed, writes wait --> PUNCH both edges
 *
 * Chunks that lie in the range as a whole leave the file's map with ALLOCATE; of the two at its
 * edges the bytes are punched out at their chunkservers before, so that whoever hears of the change
 * reads zeros. Should this client die in between, every byte is an old one or zero. The last chunk
 * is punched as well when the range only reaches the end of the file: the master drops it, unless
 * the file has grown meanwhile.
 */
#include "fuse/core/client_i.h"
#include "fuse/core/flows.h"

#include <fcntl.h>

enum { STEP_FIRST, STEP_LAST, STEP_CHANGE, STEP_OWN }; /* visit.step */

#define MODES_KNOWN ((u32)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))

static bool punches(const struct cl_task *task)
{
	return (task->flags & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0;
}

static int check(const struct cl_task *task, const struct cl_handle *handle)
{
	const u32 both = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
	if (handle == NULL || handle->inode == NULL || !cl_inode_regular(handle->inode))
		return DFS_EINVAL;
	if ((task->flags & ~MODES_KNOWN) != 0 || (task->flags & both) == both)
		return DFS_ENOTSUP;
	if ((task->flags & (both | FALLOC_FL_KEEP_SIZE)) == FALLOC_FL_PUNCH_HOLE)
		return DFS_ENOTSUP; /* As fallocate(2) says. */
	return 0;
}

static void change(struct cl *cl, struct cl_task *task)
{
	if (task->state == CL_TASK_VISITING)
		cl_task_move(task, CL_TASK_NEW);
	if (!cl_task_may_mutate(cl, task, change))
		return;
	bool keep = (task->flags & FALLOC_FL_KEEP_SIZE) != 0;
	struct dfs_allocate allocate = {
	    .ino = task->inode->ino,
	    .offset = task->offset,
	    .length = task->size,
	    .flags = (keep ? DFS_ALLOCATE_KEEP_SIZE : 0) | (punches(task) ? DFS_ALLOCATE_PUNCH : 0),
	};
	struct dfs_writer body;
	dfs_writer_init(&body, DFS_PROTOCOL_VERSION, 0);
	dfs_allocate_put(&body, &allocate);
	cl_task_mutate(cl, task, DFS_OP_ALLOCATE, &body);
}

/* --- Is there room? --- */

/* What the range takes at least: nobody knows here where in the file its holes are. */
static u64 bytes_missing(const struct cl_task *task)
{
	u64 size = cl_inode_size(task->inode);
	u64 end = task->offset + task->size;
	u64 inside = task->offset >= size ? 0 : dfs_min(end, size) - task->offset;
	u64 held = dfs_min(task->inode->attr.allocated + task->inode->unstored_bytes, inside);
	return task->size - held;
}

static void on_space(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_statfs_reply reply;
	int status = dfs_statfs_reply_decode(answer->body, answer->version, &reply);
	if (status == 0) {
		cl_quota_told(cl, task->inode, &reply.room);
		if (bytes_missing(task) > cl_quota_left(task->inode))
			status = DFS_EDQUOT;
	}
	/* Just after the master's start no server may have told of its disks. */
	if (status == 0 && reply.bytes_total != 0 && bytes_missing(task) > reply.bytes_free)
		status = DFS_ENOSPC;
	if (status != 0) {
		cl_task_finish(cl, task, status);
		return;
	}
	cl_task_move(task, CL_TASK_NEW);
	change(cl, task);
}

/* --- The edges. --- */

static void next_edge(struct cl *cl, struct cl_task *task);

/* Bytes [*ret_from, *ret_to) of chunk `index` are to go. */
static void part_of(const struct cl_task *task, u64 index, u32 *ret_from, u32 *ret_to)
{
	const struct cl_inode *inode = task->inode;
	u64 start = index << inode->attr.chunk_shift;
	u64 chunk_bytes = UINT64_C(1) << inode->attr.chunk_shift;
	u64 end = dfs_min(task->offset + task->size, inode->attr.size);
	*ret_from = (u32)(dfs_max(task->offset, start) - start);
	*ret_to = (u32)dfs_min(end - start, chunk_bytes);
}

static void on_punched(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	(void)answer;
	const struct cl_row *row = cl_row_find(task->inode, task->visit.index);
	if (row != NULL) /* Otherwise the file has changed elsewhere: fsync looks at all of it. */
		cl_target_punched(cl, task->inode, task->visit.index, &row->place);
	next_edge(cl, task);
}

/* The chunk takes no changes, since others have it too. Write one of the zeros that the range is to
 * have: the file gets a chunk of its own for that, as for every write; then begin anew. */
static void make_own(struct cl *cl, struct cl_task *task, u64 offset)
{
	struct dfs_payload zero = {.buf = dfs_buf_new(1), .bytes = 1};
	zero.buf->data[0] = 0;
	zero.buf->length = 1;
	if (task->caller.uid != 0)
		task->inode->writer = task->caller;
	cl_write(cl, task->inode, offset, &zero);
	dfs_buf_unref(zero.buf);
	task->visit.step = STEP_OWN;
	task->visit.errors_seen = task->inode->errors_count;
	cl_task_move(task, CL_TASK_NEW);
	cl_visit(cl, task, task->inode, true);
}

static void on_placed(struct cl *cl, struct cl_task *task, const struct cl_place *place)
{
	u32 from, to;
	part_of(task, task->visit.index, &from, &to);
	to = dfs_min(to, place->valid);
	if (place->chunk == 0 || from >= to) {
		next_edge(cl, task);
		return;
	}
	if (place->shared) {
		make_own(cl, task, (task->visit.index << task->inode->attr.chunk_shift) + from);
		return;
	}
	struct dfs_writer writer, chain;
	cl_server_begin(cl, place->servers[0], &writer);
	dfs_writer_init(&chain, writer.version, 0);
	cl_place_chain(place, &chain);
	struct dfs_punch body = {
	    .chunk = place->chunk,
	    .epoch = place->epoch,
	    .offset = from,
	    .length = to - from,
	    .chain = dfs_writer_items(&chain),
	};
	dfs_punch_put(&writer, &body);
	dfs_writer_fini(&chain);
	task->visit.answered = on_punched;
	cl_visit_ask(cl, task, DFS_MSG_PUNCH, &writer, place->servers[0]);
}

static bool is_whole(const struct cl_task *task, u64 index)
{
	u32 from, to;
	part_of(task, index, &from, &to);
	return from == 0 && to == UINT64_C(1) << task->inode->attr.chunk_shift;
}

/* The first chunk of the range, then the last; those that go as a whole are left to the master. */
static void next_edge(struct cl *cl, struct cl_task *task)
{
	u64 size = task->inode->attr.size;
	u64 first = task->offset >> task->inode->attr.chunk_shift;
	u64 last = (dfs_min(task->offset + task->size, size) - 1) >> task->inode->attr.chunk_shift;
	while (task->offset < size && task->visit.step < STEP_CHANGE) {
		u64 index = task->visit.step++ == STEP_FIRST ? first : last;
		if (is_whole(task, index) || (task->visit.step == STEP_CHANGE && first == last))
			continue;
		task->visit.index = index;
		task->visit.placed = on_placed;
		cl_visit_place(cl, task, false);
		return;
	}
	change(cl, task);
}

void cl_fallocate_begun(struct cl *cl, struct cl_task *task)
{
	if (task->visit.step == STEP_OWN && task->inode->errors_count != task->visit.errors_seen) {
		cl_task_finish(cl, task, task->inode->error);
		return;
	}
	task->visit.step = STEP_FIRST;
	next_edge(cl, task);
}

/* --- From beginning to end. --- */

void cl_fallocate_start(struct cl *cl, struct cl_task *task)
{
	struct cl_handle *handle = cl_task_handle(cl, task);
	int status = check(task, handle);
	if (status != 0) {
		cl_task_finish(cl, task, status);
		return;
	}
	cl_task_use_inode(cl, task, handle->ino);
	if (punches(task)) {
		cl_truncate_gate(task);
#ifdef DFS_PLANT_PUNCH_EARLY
		cl_visit(cl, task, task->inode, false);
		return;
#endif
		cl_visit(cl, task, task->inode, true);
	} else if (bytes_missing(task) > 0) {
		cl_quota_ask(cl, task);
	} else {
		change(cl, task);
	}
}

static void learn(struct cl *cl, struct cl_task *task)
{
	const struct cl_inode *inode = task->inode;
	u64 to = task->offset + task->size;
	u64 first = cl_inode_chunks(inode, task->offset);
	u64 end = to >> inode->attr.chunk_shift;
	if (to >= inode->attr.size)
		end = cl_inode_chunks(inode, inode->attr.size);
	if (punches(task))
		cl_truncate_rows(cl, task->inode, first, dfs_max(first, end));
}

void cl_fallocate_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct dfs_mutate_reply reply;
	if (task->asked == DFS_MSG_STATFS) {
		on_space(cl, task, answer);
		return;
	}
	int status = dfs_mutate_reply_decode(answer->body, answer->version, &reply);
	if (status == 0)
		status = cl_inode_attr(cl, task->inode, &reply.attr, true);
	if (status == 0) {
		nsec until = cl_cache_until(task->asked_at, reply.lease_ms);
		cl_cache_put_attr(cl, &reply.attr, until);
		learn(cl, task);
	}
	cl_task_finish(cl, task, status);
}
