/*
 * Cutting chunks. A truncation inside a chunk is a bound in the tables (readers see zeros beyond
 * it); here it is carried out: TRIM_CHUNK to every server that holds the chunk, then TRIMMED clears
 * the bound. Until then no GRANT of that chunk is answered, so nobody writes behind the bound.
 *
 *   TODO --all holders asked--> ASKED --all answered--> PROPOSED --applied--> (gone)
 *    ^ |\--a holder is away--> WAITING --retry--> TODO   ^  |
 *    | \--it is lost, there is nothing to cut------------/  |
 *    +-----------------a lower bound came meanwhile--------+
 */
#include "master/core/master_i.h"

#include <stdlib.h>

#define AGAIN_AFTER DFS_SEC

enum { TASKS_PER_TURN = 64, SCAN_ROWS = 64 };

enum trim_state { TRIM_TODO, TRIM_WAITING, TRIM_ASKED, TRIM_PROPOSED };

struct ms_trim_task {
	struct dfs_map_node by_chunk;
	struct dfs_list in_queue; /* trims.todo, .waiting or .asked, as the state says. */
	enum trim_state state;
	struct ms_trim trim;
	u32 length_asked;
	u32 asked_count; /* Servers still to answer: */
	u16 asked[DFS_CHAIN_MAX];
	bool failed; /* One of them did not do it. */
	nsec again_at;
};

void ms_trims_init(struct ms *ms)
{
	dfs_list_init(&ms->trims.todo);
	dfs_list_init(&ms->trims.waiting);
	dfs_list_init(&ms->trims.asked);
}

void ms_trims_fini(struct ms *ms)
{
	struct dfs_map_node *node;
	while ((node = dfs_map_next(&ms->trims.by_chunk, NULL)) != NULL) {
		dfs_map_remove(&ms->trims.by_chunk, node);
		free(dfs_map_entry(node, struct ms_trim_task, by_chunk));
	}
	dfs_map_fini(&ms->trims.by_chunk);
}

static void move(struct ms *ms, struct ms_trim_task *task, enum trim_state state)
{
	static const u8 legal[] = {
	    [TRIM_TODO] = 1 << TRIM_WAITING | 1 << TRIM_ASKED | 1 << TRIM_PROPOSED,
	    [TRIM_WAITING] = 1 << TRIM_TODO,
	    [TRIM_ASKED] = 1 << TRIM_TODO | 1 << TRIM_WAITING | 1 << TRIM_PROPOSED,
	    [TRIM_PROPOSED] = 1 << TRIM_TODO,
	};
	DFS_ASSERT(legal[task->state] & 1 << state);
	dfs_list_remove(&task->in_queue);
	task->state = state;
	if (state == TRIM_TODO) {
		dfs_list_push_back(&ms->trims.todo, &task->in_queue);
	} else if (state == TRIM_ASKED) {
		dfs_list_push_back(&ms->trims.asked, &task->in_queue);
	} else if (state == TRIM_WAITING) {
		task->again_at = ms->now + AGAIN_AFTER;
		dfs_list_push_back(&ms->trims.waiting, &task->in_queue);
	}
}

static void task_free(struct ms *ms, struct ms_trim_task *task)
{
	dfs_list_remove(&task->in_queue);
	dfs_map_remove(&ms->trims.by_chunk, &task->by_chunk);
	free(task);
	ms->waiting.wake = true;
}

static struct ms_trim_task *find(const struct ms *ms, u64 chunk)
{
	struct dfs_map_node *found = dfs_map_find(&ms->trims.by_chunk, chunk);
	return found == NULL ? NULL : dfs_map_entry(found, struct ms_trim_task, by_chunk);
}

void ms_trims_add(struct ms *ms, const struct ms_trim *trim)
{
	struct ms_trim_task *task = find(ms, trim->chunk);
	if (task != NULL) {
		task->trim.length = dfs_min(task->trim.length, trim->length);
		return;
	}
	task = calloc(1, sizeof(*task));
	DFS_ASSERT(task != NULL);
	task->trim = *trim;
	dfs_map_insert(&ms->trims.by_chunk, &task->by_chunk, trim->chunk);
	dfs_list_push_back(&ms->trims.todo, &task->in_queue);
}

static void ask(struct ms_trim_task *task, struct ms_server *server, struct dfs_fxs *fxs)
{
	struct dfs_writer writer;
	struct dfs_trim_chunk request = {
	    .chunk = task->trim.chunk, .epoch = task->trim.epoch, .length = task->trim.length};
	dfs_session_writer(server->peer->session, &writer);
	dfs_trim_chunk_put(&writer, &request);
	(void)dfs_session_request(server->peer->session, DFS_MSG_TRIM_CHUNK, &writer, NULL,
				  (u64)MS_ASK_TRIM << MS_ASK_SHIFT | task->trim.chunk, fxs);
	task->asked[task->asked_count++] = (u16)server->slot;
}

static void propose(struct ms *ms, struct ms_trim_task *task)
{
	struct dfs_writer body;
	struct dfs_trimmed trimmed = {.ino = task->trim.ino,
				      .index = task->trim.index,
				      .chunk = task->trim.chunk,
				      .length = task->length_asked};
	ms_own_writer(&body);
	dfs_trimmed_put(&body, &trimmed);
	(void)ms_propose_own(ms, DFS_OP_TRIMMED, &body);
	move(ms, task, TRIM_PROPOSED);
}

/* Send one to all who hold the chunk, or let it wait until they are all there. */
static int begin(struct ms *ms, struct ms_trim_task *task, struct dfs_fxs *fxs)
{
	struct ms_server *holders[DFS_CHAIN_MAX];
	struct ms_chunk there;
	int status = ms_chunk_get(ms->state, task->trim.chunk, &there);
	if (status == DFS_ENOENT) {
		task_free(ms, task); /* The file was cut further, or is gone. */
		return 0;
	}
	if (status != 0)
		return status;
	if (ms_is_lost(ms, there.chunk, there.home)) {
		task->length_asked = task->trim.length;
		propose(ms, task);
		return 0;
	}
	u32 count = ms_copy_holders(&ms->servers, task->trim.chunk, holders);
	bool all_online = count > 0;
	for (u32 i = 0; i < count; i++)
		all_online = all_online && holders[i]->peer != NULL;
	if (!all_online) {
		move(ms, task, TRIM_WAITING);
		return 0;
	}
	task->failed = false;
	task->length_asked = task->trim.length;
	for (u32 i = 0; i < count; i++)
		ask(task, holders[i], fxs);
	move(ms, task, TRIM_ASKED);
	return 0;
}

static void answered(struct ms *ms, struct ms_trim_task *task, u32 slot, int status)
{
	u32 at = 0;
	while (at < task->asked_count && task->asked[at] != slot)
		at++;
	if (at == task->asked_count)
		return;
	task->asked[at] = task->asked[--task->asked_count];
	/* A server without the chunk has nothing to cut. */
	if (status != 0 && status != DFS_ENO_CHUNK)
		task->failed = true;
	if (task->asked_count > 0)
		return;
	if (task->failed)
		move(ms, task, TRIM_WAITING);
	else if (task->trim.length < task->length_asked)
		move(ms, task, TRIM_TODO);
	else
		propose(ms, task);
}

void ms_trims_answered(struct ms *ms, const struct ms_server *server, u64 chunk, int status)
{
	struct ms_trim_task *task = find(ms, chunk);
	if (task != NULL && task->state == TRIM_ASKED)
		answered(ms, task, server->slot, status);
}

void ms_trims_lost(struct ms *ms, const struct ms_server *server)
{
	dfs_list_for_each_safe (node, &ms->trims.asked) {
		struct ms_trim_task *task = dfs_list_entry(node, struct ms_trim_task, in_queue);
		answered(ms, task, server->slot, DFS_ELINK_LOST);
	}
}

void ms_trims_done(struct ms *ms, const struct dfs_trimmed *trimmed)
{
	struct ms_trim_task *task = find(ms, trimmed->chunk);
	if (task == NULL || task->state != TRIM_PROPOSED)
		return;
	if (task->trim.length < trimmed->length)
		move(ms, task, TRIM_TODO);
	else
		task_free(ms, task);
}

void ms_trims_retry(struct ms *ms)
{
	while (!dfs_list_empty(&ms->trims.waiting))
		move(ms, dfs_list_first(&ms->trims.waiting, struct ms_trim_task, in_queue),
		     TRIM_TODO);
}

nsec ms_trims_deadline(const struct ms *ms)
{
	const struct ms_trims *trims = &ms->trims;
	if (!trims->scanned || !dfs_list_empty(&trims->todo))
		return 0;
	if (dfs_list_empty(&trims->waiting))
		return DFS_NEVER;
	return dfs_list_first(&trims->waiting, struct ms_trim_task, in_queue)->again_at;
}

/* After a start: bounds that an earlier leader left. */
static int scan(struct ms *ms)
{
	struct ms_trims *trims = &ms->trims;
	struct ms_trim rows[SCAN_ROWS];
	u32 count = 0;
	int status = ms_scan_trims(ms->state, trims->after.chunk == 0 ? NULL : &trims->after, rows,
				   SCAN_ROWS, &count);
	if (status != 0)
		return status;
	for (u32 i = 0; i < count; i++)
		ms_trims_add(ms, &rows[i]);
	if (count > 0)
		trims->after = rows[count - 1];
	trims->scanned = count < SCAN_ROWS;
	return 0;
}

void ms_trims_work(struct ms *ms, struct dfs_fxs *fxs)
{
	struct ms_trims *trims = &ms->trims;
	int status = trims->scanned ? 0 : scan(ms);
	while (!dfs_list_empty(&trims->waiting)) {
		struct ms_trim_task *task =
		    dfs_list_first(&trims->waiting, struct ms_trim_task, in_queue);
		if (task->again_at > ms->now)
			break;
		move(ms, task, TRIM_TODO);
	}
	for (u32 i = 0; i < TASKS_PER_TURN && status == 0 && !dfs_list_empty(&trims->todo); i++)
		status =
		    begin(ms, dfs_list_first(&trims->todo, struct ms_trim_task, in_queue), fxs);
	if (status != 0)
		ms_give_up(ms, fxs, "cannot read the state store (state/)", status);
}
