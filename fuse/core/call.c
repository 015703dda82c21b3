/*
 * The life of a call: see call.h. Which functions make up an operation is in cl_flows; what a call
 * holds (inode, gate, flush, request, parts) is let go in one place, release().
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>

enum { FREE_TASKS_MAX = 256, BUSY_TRIES_MAX = 12 };

void cl_task_move(struct cl_task *task, enum cl_task_state state)
{
	enum { ANY = (1 << CL_TASK_STATES) - 1 - (1 << CL_TASK_FREE) };
	static const u32 legal[CL_TASK_STATES] = {
	    [CL_TASK_FREE] = 1 << CL_TASK_NEW,
	    [CL_TASK_NEW] = ANY | 1 << CL_TASK_FREE,
	    [CL_TASK_WAITING] = 1 << CL_TASK_NEW | 1 << CL_TASK_FREE,
	    [CL_TASK_ASKING] = ANY | 1 << CL_TASK_FREE,
	    [CL_TASK_PAUSED] = 1 << CL_TASK_NEW | 1 << CL_TASK_FREE,
	    [CL_TASK_QUEUED] = 1 << CL_TASK_NEW | 1 << CL_TASK_FREE,
	    [CL_TASK_AUDITING] = 1 << CL_TASK_FREE,
	    [CL_TASK_VISITING] = 1 << CL_TASK_NEW | 1 << CL_TASK_FREE,
	    [CL_TASK_FLUSHING] = 1 << CL_TASK_NEW | 1 << CL_TASK_FREE,
	    [CL_TASK_READING] = 1 << CL_TASK_FREE,
	    [CL_TASK_SYNCING] = 1 << CL_TASK_FREE,
	};
	DFS_ASSERT((legal[task->state] & 1 << state) != 0);
	task->state = state;
}

static struct cl_task *task_new(struct cl *cl)
{
	struct cl_task *task;
	if (dfs_list_empty(&cl->free_tasks)) {
		task = calloc(1, sizeof(*task));
		DFS_ASSERT(task != NULL);
	} else {
		task = dfs_list_first(&cl->free_tasks, struct cl_task, in_all);
		dfs_list_remove(&task->in_all);
		cl->free_tasks_count--;
		memset(task, 0, sizeof(*task));
	}
	dfs_list_init(&task->in_queue);
	dfs_list_init(&task->mutation.in_order);
	dfs_list_init(&task->mutation.rpc.in_link);
	dfs_list_init(&task->flush.in_inode);
	dfs_list_push_back(&cl->tasks, &task->in_all);
	return task;
}

/* Everything but the request under way. */
static void release(struct cl *cl, struct cl_task *task)
{
	DFS_ASSERT(!task->mutation.rpc.under_way);
	cl_timer_clear(cl, &task->pause);
	cl_timer_clear(cl, &task->deadline);
	cl_flush_cancel(cl, &task->flush);
	cl_audit_fini(cl, task);
	cl_visit_fini(cl, task);
	cl_clone_fini(cl, task);
	dfs_list_remove(&task->in_queue);
	for (u32 i = 0; i < task->parts_count; i++)
		cl_part_fini(cl, &task->parts[i]);
	if (task->parts != task->parts_inline)
		free(task->parts);
	if (task->made_handle != 0)
		cl_handle_free(cl, cl_handle_find(cl, task->made_handle));
	if (task->gating)
		cl_truncate_end(cl, task);
	if (task->inode != NULL)
		cl_inode_unref(cl, task->inode);
	dfs_buf_unref(task->kept);
	dfs_buf_unref(task->data.buf);
}

static void task_free(struct cl *cl, struct cl_task *task)
{
	release(cl, task);
	cl_task_move(task, CL_TASK_FREE);
	dfs_list_remove(&task->in_all);
	if (cl->free_tasks_count >= FREE_TASKS_MAX) {
		free(task);
		return;
	}
	dfs_list_push_front(&cl->free_tasks, &task->in_all);
	cl->free_tasks_count++;
}

void cl_task_reply(struct cl *cl, struct cl_task *task, struct cl_reply *reply)
{
	if (!task->answered) {
		dfs_map_remove(&cl->tasks_by_id, &task->by_id);
		dfs_fx_reply(cl->fx, task->by_id.key, reply);
		task->answered = true;
		if (reply->status == 0)
			task->made_handle = 0; /* The caller's now. */
	}
	task_free(cl, task);
}

void cl_task_finish(struct cl *cl, struct cl_task *task, int status)
{
	struct cl_reply *reply = cl_reply_new(cl, task->op);
	reply->status = status;
	cl_task_reply(cl, task, reply);
}

void cl_task_finish_attr(struct cl *cl, struct cl_task *task, const struct dfs_attr *attr,
			 nsec until)
{
	struct cl_reply *reply = cl_reply_new(cl, task->op);
	reply->attr = *attr;
	if (!cl_attr_view(cl, &reply->attr) && until > cl->now)
		reply->attr_valid = until - cl->now;
	reply->handle = task->made_handle;
	cl_task_reply(cl, task, reply);
}

static void on_pause_end(struct cl *cl, struct cl_timer *timer)
{
	struct cl_task *task = dfs_container_of(timer, struct cl_task, pause);
	cl_task_move(task, CL_TASK_NEW);
	task->resume(cl, task);
}

/* The request may be made again after a while: is it worth it? */
static bool passes(const struct cl_task *task, int status)
{
	if (task->answered || task->tries >= BUSY_TRIES_MAX)
		return false;
	return status == DFS_EBUSY || status == DFS_ESTOPPING || status == DFS_ENO_SERVER;
}

static void on_answer(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	struct cl_task *task = dfs_container_of(rpc, struct cl_task, mutation.rpc);
	DFS_ASSERT(task->state == CL_TASK_ASKING);
	if (rpc->type == DFS_MSG_MUTATE)
		cl_cache_changed(cl, task);
	if (answer->status == 0) {
		cl_flows[task->op].answer(cl, task, answer);
	} else if (passes(task, answer->status)) {
		cl_task_move(task, CL_TASK_PAUSED);
		cl_timer_set(cl, &task->pause, cl->now + cl_backoff(task->tries++), on_pause_end);
	} else if (cl_flows[task->op].refused != NULL) {
		cl_flows[task->op].refused(cl, task, answer->status);
	} else {
		/* NO_SESSION is EIO to programs: a change that was under way when the session
		 * expired may or may not have been made. */
		cl_task_finish(cl, task, answer->status);
	}
}

void cl_task_ask(struct cl *cl, struct cl_task *task, u16 type, struct dfs_writer *writer)
{
	cl_task_move(task, CL_TASK_ASKING);
	task->asked = type;
	task->asked_at = cl->now;
	if (task->resume == NULL)
		task->resume = cl_flows[task->op].start;
	task->mutation.rpc.done = on_answer;
	cl_master_send(cl, &task->mutation.rpc, type, writer);
}

void cl_task_mutate(struct cl *cl, struct cl_task *task, u16 op, struct dfs_writer *body)
{
	cl_task_move(task, CL_TASK_ASKING);
	task->asked = op;
	task->asked_at = cl->now;
	if (task->resume == NULL)
		task->resume = cl_flows[task->op].start;
	task->mutation.rpc.done = on_answer;
	cl_mutate(cl, &task->mutation, task->caller, op, body);
}

bool cl_task_may_mutate(struct cl *cl, struct cl_task *task,
			void (*resume)(struct cl *cl, struct cl_task *task))
{
	task->resume = resume;
	if (cl_may_mutate(cl))
		return true;
	cl_task_move(task, CL_TASK_WAITING);
	dfs_list_push_back(&cl->mutators, &task->in_queue);
	return false;
}

static void on_flushed(struct cl *cl, struct cl_flush *flush)
{
	struct cl_task *task = dfs_container_of(flush, struct cl_task, flush);
	cl_task_move(task, CL_TASK_NEW);
	cl_flows[task->op].flushed(cl, task);
}

void cl_task_flush(struct cl *cl, struct cl_task *task, struct cl_inode *inode, bool sync)
{
	cl_task_move(task, CL_TASK_FLUSHING);
	cl_flush_start(cl, &task->flush, inode, sync, on_flushed);
}

void cl_calls_wake(struct cl *cl, struct dfs_list *waiting)
{
	struct dfs_list now;
	dfs_list_init(&now);
	dfs_list_splice_back(&now, waiting);
	while (!dfs_list_empty(&now)) {
		struct cl_task *task = dfs_list_first(&now, struct cl_task, in_queue);
		dfs_list_remove(&task->in_queue);
		cl_task_move(task, CL_TASK_NEW);
		task->resume(cl, task);
	}
}

static void on_deadline(struct cl *cl, struct cl_timer *timer)
{
	struct cl_task *task = dfs_container_of(timer, struct cl_task, deadline);
	cl_call_cancel(cl, task->by_id.key, DFS_ETIMEDOUT);
}

/* Can the request not be called back without losing track of what the master holds for us? */
static bool must_hear(const struct cl_task *task)
{
	u16 type = task->mutation.rpc.type;
	return task->state == CL_TASK_ASKING && (type == DFS_MSG_MUTATE || type == DFS_MSG_OPEN);
}

void cl_call_cancel(struct cl *cl, u64 id, int status)
{
	struct dfs_map_node *found = dfs_map_find(&cl->tasks_by_id, id);
	if (found == NULL)
		return;
	struct cl_task *task = dfs_map_entry(found, struct cl_task, by_id);
	if (!must_hear(task)) {
		cl_master_cancel(cl, &task->mutation.rpc);
		cl_task_finish(cl, task, status);
		return;
	}
	if (task->mutation.rpc.type == DFS_MSG_MUTATE)
		cl_cache_doubt(cl, task);
	struct cl_reply *reply = cl_reply_new(cl, task->op);
	reply->status = status;
	dfs_map_remove(&cl->tasks_by_id, &task->by_id);
	dfs_fx_reply(cl->fx, id, reply);
	task->answered = true;
	cl_timer_clear(cl, &task->deadline);
}

static struct dfs_span keep_span(struct dfs_buf *kept, struct dfs_span from)
{
	u8 *at = kept->data + kept->length;
	if (from.length > 0)
		memcpy(at, from.data, from.length);
	kept->length += from.length;
	return dfs_span(at, from.length);
}

static void fill(struct cl *cl, struct cl_task *task, const struct cl_call *call)
{
	task->op = call->op;
	task->caller = (struct cl_caller){.uid = call->uid, .gid = call->gid};
	task->ino = cl_ino_translate(cl, call->ino);
	task->ino2 = cl_ino_translate(cl, call->ino2);
	task->handle = call->handle;
	task->handle2 = call->handle2;
	task->offset = call->offset;
	task->offset2 = call->offset2;
	task->size = call->size;
	task->flags = call->flags;
	task->mode = call->mode;
	task->umask = call->umask;
	task->rdev = call->rdev;
	task->set = call->set;
	task->data = call->data;
	if (task->data.buf != NULL)
		dfs_buf_ref(task->data.buf);
	u32 bytes = call->name.length + call->name2.length + call->value.length;
	if (bytes == 0)
		return;
	task->kept = dfs_buf_new(bytes);
	task->name = keep_span(task->kept, call->name);
	task->name2 = keep_span(task->kept, call->name2);
	task->value = keep_span(task->kept, call->value);
}

/* What no codec would take: callers may send anything. */
static int check_call(const struct cl_call *call)
{
	if (call->name.length > DFS_NAME_BYTES_MAX)
		return DFS_ENAMETOOLONG;
	if (call->op == CL_SYMLINK && call->name2.length > DFS_SYMLINK_BYTES_MAX)
		return DFS_ENAMETOOLONG;
	if (call->op == CL_RENAME && call->name2.length > DFS_NAME_BYTES_MAX)
		return DFS_ENAMETOOLONG;
	if (call->value.length > DFS_XATTR_VALUE_BYTES_MAX)
		return DFS_ETOOBIG;
	if ((call->op == CL_READ || call->op == CL_WRITE) && call->offset > INT64_MAX)
		return call->op == CL_WRITE ? DFS_EFBIG : DFS_EINVAL;
	if (call->op == CL_FALLOCATE && (call->size == 0 || call->size > INT64_MAX))
		return call->size == 0 ? DFS_EINVAL : DFS_EFBIG;
	if (call->op == CL_FALLOCATE && call->offset > (u64)INT64_MAX - call->size)
		return DFS_EFBIG;
	if (call->op == CL_LSEEK && call->offset > INT64_MAX)
		return DFS_ENXIO;
	if (call->op == CL_CLONE && (call->offset > INT64_MAX || call->offset2 > INT64_MAX))
		return DFS_EINVAL;
	return 0;
}

static void start(struct cl *cl, struct cl_task *task)
{
	task->resume = NULL;
	cl_flows[task->op].start(cl, task);
}

/* Until the root is known, the numbers of the call mean nothing. */
static void start_ready(struct cl *cl, struct cl_task *task)
{
	task->ino = cl_ino_translate(cl, task->ino);
	task->ino2 = cl_ino_translate(cl, task->ino2);
	start(cl, task);
}

void cl_call_begin(struct cl *cl, u64 id, const struct cl_call *call)
{
	if (call->op == CL_ATIME)
		cl->atimes.policy = call->flags;
	if (call->op == CL_FORGET || call->op == CL_ATIME)
		return; /* Look-ups hold nothing: opens do. */
	struct cl_task *task = task_new(cl);
	dfs_map_insert(&cl->tasks_by_id, &task->by_id, id);
	cl_task_move(task, CL_TASK_NEW);
	int status = check_call(call);
	if (status == 0 && cl->phase > CL_PHASE_SERVING)
		status = DFS_ESTOPPING;
	if (status != 0) {
		task->op = call->op;
		cl_task_finish(cl, task, status);
		return;
	}
	fill(cl, task, call);
	if (cl->timeout != 0)
		cl_timer_set(cl, &task->deadline, cl->now + cl->timeout, on_deadline);
	if (cl->phase == CL_PHASE_SERVING) {
		start(cl, task);
		return;
	}
	task->resume = start_ready;
	cl_task_move(task, CL_TASK_WAITING);
	dfs_list_push_back(&cl->waiting, &task->in_queue);
}

void cl_calls_end(struct cl *cl, int status)
{
	dfs_list_for_each_safe (node, &cl->tasks) {
		struct cl_task *task = dfs_list_entry(node, struct cl_task, in_all);
		cl_master_cancel(cl, &task->mutation.rpc);
		cl_task_finish(cl, task, status);
	}
}

void cl_calls_fini(struct cl *cl)
{
	cl_calls_end(cl, DFS_ESTOPPING);
	dfs_list_for_each_safe (node, &cl->free_tasks)
		free(dfs_list_entry(node, struct cl_task, in_all));
}

struct cl_handle *cl_task_handle(struct cl *cl, const struct cl_task *task)
{
	return cl_handle_find(cl, task->handle);
}

void cl_task_make_handle(struct cl *cl, struct cl_task *task)
{
	DFS_ASSERT(task->made_handle == 0);
	(void)cl_handle_new(cl, task->inode, task->ino, task->flags, &task->made_handle);
}

void cl_task_use_inode(struct cl *cl, struct cl_task *task, u64 ino)
{
	DFS_ASSERT(task->inode == NULL);
	task->inode = cl_inode_get(cl, ino);
}
