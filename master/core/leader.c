/*
 * Operations on their way through the log: gathered into batches, submitted to Raft, synced,
 * applied when committed. Group commit: at the end of each turn of the host (the timer step)
 * everything that arrived goes to the log as one entry and its sync starts; while a sync is in
 * flight the next batch only grows. So a lone client pays one sync per mutation, and a thousand
 * clients share one.
 *
 * Not here: what an operation means (apply.c), who is told (answers.c), Raft's rules (raft.c).
 */
#include "master/core/master_i.h"

#include <stdlib.h>

enum {
	BATCH_BYTES = 1 << 20, /* A batch that reached this takes no more. */
	BATCH_OPS = 1024,
	SUBMIT_BATCHES = 4, /* At once, under one sync. */
	FREE_PROPOSALS_MAX = 4096,
};

/* Between flushes of the state: bounds what a restart applies again, and the log's size. */
#define FLUSH_BYTES   (UINT64_C(32) << 20)
#define FLUSH_ENTRIES 65536

_Static_assert(BATCH_BYTES + 131072 + 1024 < MS_LOG_DATA_BYTES, "one more operation always fits");

void ms_leader_init(struct ms *ms)
{
	dfs_list_init(&ms->leader.queued);
	dfs_list_init(&ms->leader.submitted);
	dfs_list_init(&ms->leader.free_proposals);
}

static void proposal_free(struct ms_leader *leader, struct ms_proposal *proposal)
{
	if (proposal->gated != NULL)
		ms_gate_leave(dfs_container_of(leader, struct ms, leader), proposal->gated);
	dfs_list_remove(&proposal->in_batch);
	dfs_list_remove(&proposal->in_client);
	if (leader->free_count >= FREE_PROPOSALS_MAX) {
		free(proposal);
		return;
	}
	dfs_list_push_front(&leader->free_proposals, &proposal->in_batch);
	leader->free_count++;
}

static struct ms_proposal *proposal_new(struct ms_leader *leader)
{
	struct ms_proposal *proposal;
	if (dfs_list_empty(&leader->free_proposals)) {
		proposal = malloc(sizeof(*proposal));
		DFS_ASSERT(proposal != NULL);
	} else {
		proposal = dfs_list_first(&leader->free_proposals, struct ms_proposal, in_batch);
		dfs_list_remove(&proposal->in_batch);
		leader->free_count--;
	}
	memset(proposal, 0, sizeof(*proposal));
	dfs_list_init(&proposal->in_batch);
	dfs_list_init(&proposal->in_client);
	return proposal;
}

static struct ms_proposal *batch_pop(struct ms_batch *batch)
{
	if (batch == NULL || dfs_list_empty(&batch->proposals))
		return NULL;
	return dfs_list_first(&batch->proposals, struct ms_proposal, in_batch);
}

static void batch_free(struct ms_leader *leader, struct ms_batch *batch)
{
	struct ms_proposal *proposal;
	while ((proposal = batch_pop(batch)) != NULL)
		proposal_free(leader, proposal);
	dfs_list_remove(&batch->in_queue);
	dfs_writer_fini(&batch->data);
	free(batch);
}

static void free_batches(struct ms_leader *leader, struct dfs_list *batches)
{
	dfs_list_for_each_safe (node, batches)
		batch_free(leader, dfs_list_entry(node, struct ms_batch, in_queue));
}

void ms_leader_fini(struct ms *ms)
{
	struct ms_leader *leader = &ms->leader;
	free_batches(leader, &leader->queued);
	free_batches(leader, &leader->submitted);
	dfs_list_for_each_safe (node, &leader->free_proposals)
		free(dfs_list_entry(node, struct ms_proposal, in_batch));
	dfs_list_init(&leader->free_proposals);
}

/* The batch that takes the next operation. */
static struct ms_batch *filling(struct ms_leader *leader)
{
	if (!dfs_list_empty(&leader->queued)) {
		struct ms_batch *last = dfs_list_last(&leader->queued, struct ms_batch, in_queue);
		if (last->count < BATCH_OPS && last->data.buf->length < BATCH_BYTES)
			return last;
	}
	struct ms_batch *batch = calloc(1, sizeof(*batch));
	DFS_ASSERT(batch != NULL);
	dfs_list_init(&batch->proposals);
	dfs_writer_init(&batch->data, MS_LOG_VERSION, 0);
	dfs_list_push_back(&leader->queued, &batch->in_queue);
	return batch;
}

struct ms_proposal *ms_propose(struct ms *ms, const struct ms_op *op)
{
	struct ms_batch *batch = filling(&ms->leader);
	struct dfs_log_op record = {
	    .wall = ms->wall,
	    .session = op->session,
	    .sequence = op->sequence,
	    .acked = op->acked,
	    .uid = op->uid,
	    .gid = op->gid,
	    .op = op->op,
	    .version = op->version == 0 ? DFS_PROTOCOL_VERSION : op->version,
	    .body = op->body,
	};
	dfs_log_op_put(&batch->data, &record);
	struct ms_proposal *proposal = proposal_new(&ms->leader);
	proposal->op = op->op;
	proposal->sequence = op->sequence;
	dfs_list_push_back(&batch->proposals, &proposal->in_batch);
	batch->count++;
	return proposal;
}

void ms_own_writer(struct dfs_writer *ret_body)
{
	dfs_writer_init(ret_body, DFS_PROTOCOL_VERSION, 0);
}

struct ms_proposal *ms_propose_own(struct ms *ms, u16 op, struct dfs_writer *body)
{
	struct ms_op own = {.op = op, .body = dfs_span(body->buf->data, body->buf->length)};
	struct ms_proposal *proposal = ms_propose(ms, &own);
	dfs_writer_fini(body);
	return proposal;
}

bool ms_leader_wants_submit(const struct ms *ms)
{
	bool serving = ms->phase == MS_PHASE_REPLAYING || ms->phase == MS_PHASE_LEADING;
	return serving && !ms->leader.syncing &&
	       (ms->log.dirty || !dfs_list_empty(&ms->leader.queued));
}

void ms_leader_submit(struct ms *ms, struct dfs_fxs *fxs)
{
	struct ms_leader *leader = &ms->leader;
	if (!ms_leader_wants_submit(ms))
		return;
	for (u32 i = 0; i < SUBMIT_BATCHES && !dfs_list_empty(&leader->queued); i++) {
		struct ms_batch *batch = dfs_list_first(&leader->queued, struct ms_batch, in_queue);
		struct dfs_span data = dfs_span(batch->data.buf->data, batch->data.buf->length);
		int status = ms_raft_submit(ms->raft, ms->now, data, &batch->index);
		if (status != 0) {
			ms_give_up(ms, fxs, "cannot append to the log store (log/)", status);
			return;
		}
		dfs_list_remove(&batch->in_queue);
		dfs_list_push_back(&leader->submitted, &batch->in_queue);
		dfs_writer_fini(&batch->data);
		leader->batches_count++;
	}
	leader->syncing = true;
	leader->syncing_index = ms->log.last;
	ms->log.dirty = false;
	struct dfs_io io = {.kind = DFS_IO_KV_SYNC, .disk = MS_KV_LOG};
	dfs_fx_io(fxs, MS_IO_LOG_SYNC, &io, NULL);
#ifdef DFS_PLANT_ANSWER_BEFORE_SYNC
	(void)ms_raft_persisted(ms->raft, ms->now, leader->syncing_index);
#endif
}

void ms_leader_synced(struct ms *ms, struct dfs_fxs *fxs)
{
	struct ms_leader *leader = &ms->leader;
	DFS_ASSERT(leader->syncing);
	leader->syncing = false;
	leader->syncs_count++;
	int status = ms_raft_persisted(ms->raft, ms->now, leader->syncing_index);
	if (status != 0)
		ms_give_up(ms, fxs, "raft refuses what was written to the log store (log/)",
			   status);
}

bool ms_leader_wants_apply(const struct ms *ms)
{
	return ms->leader.next <= ms_raft_committed(ms->raft);
}

/* All operations of one command entry, in order; those this process proposed have somebody waiting.
 */
static int apply_command(struct ms *ms, const struct dfs_log_entry *entry, u16 version,
			 struct ms_batch *batch, struct dfs_fxs *fxs)
{
	struct dfs_reader reader;
	struct ms_position at = {.index = ms->leader.next};
	dfs_reader_init(&reader, entry->data, version);
	while (reader.status == 0 && reader.at < reader.end) {
		struct dfs_log_op record;
		struct ms_result result = {0};
		dfs_log_op_get(&reader, &record);
		if (reader.status != 0)
			break;
		struct ms_op op = {
		    .wall = record.wall,
		    .session = record.session,
		    .sequence = record.sequence,
		    .acked = record.acked,
		    .uid = record.uid,
		    .gid = record.gid,
		    .op = record.op,
		    .version = record.version,
		    .body = record.body,
		};
		int status = ms_apply(ms->state, at, &op, &result);
		if (status != 0)
			return status;
		at.number++;
		ms->leader.ops_count++;
		struct ms_proposal *proposal = batch_pop(batch);
		DFS_ASSERT((proposal != NULL) == (batch != NULL));
		ms_answer(ms, proposal, &op, &result, fxs);
		if (proposal != NULL)
			proposal_free(&ms->leader, proposal);
	}
	return dfs_reader_end(&reader) != 0 ? DFS_ECORRUPT : 0;
}

bool ms_leader_apply(struct ms *ms, struct dfs_fxs *fxs)
{
	struct ms_leader *leader = &ms->leader;
	if (!ms_leader_wants_apply(ms))
		return false;
	struct dfs_log_entry entry;
	u16 version;
	int status = ms_log_get(&ms->log, leader->next, &entry, &version);
	if (status != 0) {
		ms_give_up(ms, fxs, "cannot read the log store (log/)", status);
		return false;
	}
	struct ms_batch *batch = NULL;
	if (!dfs_list_empty(&leader->submitted)) {
		batch = dfs_list_first(&leader->submitted, struct ms_batch, in_queue);
		if (batch->index != leader->next)
			batch = NULL;
	}
	if (entry.type == MS_RAFT_COMMAND)
		status = apply_command(ms, &entry, version, batch, fxs);
	else
		status = ms_apply_nothing(ms->state, leader->next);
	if (status != 0) {
		ms_give_up(ms, fxs, "cannot apply the log to the state store (state/)", status);
		return false;
	}
	if (batch != NULL)
		batch_free(leader, batch);
	leader->next++;
	return true;
}

void ms_leader_flush(struct ms *ms, bool force, struct dfs_fxs *fxs)
{
	struct ms_leader *leader = &ms->leader;
	u64 applied = leader->next - 1;
	if (leader->flushing)
		return;
	if (!force && applied - leader->flushed_index < FLUSH_ENTRIES &&
	    ms->log.bytes - leader->flushed_bytes < FLUSH_BYTES)
		return;
	int status = ms_state_settle(ms->state);
	if (status != 0) {
		ms_give_up(ms, fxs, "cannot write the state store (state/); check its disk",
			   status);
		return;
	}
	leader->flushing = true;
	leader->flushing_index = applied;
	leader->flushed_bytes = ms->log.bytes;
	struct dfs_io io = {.kind = DFS_IO_KV_FLUSH, .disk = MS_KV_STATE};
	dfs_fx_io(fxs, MS_IO_STATE_FLUSH, &io, NULL);
}

void ms_leader_flushed(struct ms *ms, struct dfs_fxs *fxs)
{
	struct ms_leader *leader = &ms->leader;
	DFS_ASSERT(leader->flushing);
	leader->flushing = false;
	leader->flushed_index = leader->flushing_index;
	int status = ms_raft_snapshot(ms->raft, ms->now, leader->flushed_index);
	if (status != 0)
		ms_give_up(ms, fxs, "cannot trim the log store (log/)", status);
}

void ms_leader_forget_client(struct ms_client *client)
{
	dfs_list_for_each_safe (node, &client->pending) {
		struct ms_proposal *proposal = dfs_list_entry(node, struct ms_proposal, in_client);
		proposal->client = NULL;
		proposal->link = 0;
		dfs_list_remove(&proposal->in_client);
	}
}
