/*
 * Operations wait for those who must be told: see gate.h.
 */
#include "master/core/master_i.h"

#include <stdlib.h>

void ms_gate_init(struct ms *ms)
{
	ms_leases_init(&ms->leases, ms->clients.timeout);
	dfs_list_init(&ms->gate.queued);
	dfs_list_init(&ms->gate.recalling);
}

static void gated_move(struct ms_gated *gated, enum ms_gated_state state)
{
	static const u8 legal[] = {
	    [MS_GATED_NEW] =
		1 << MS_GATED_QUEUED | 1 << MS_GATED_RECALLING | 1 << MS_GATED_PROPOSED,
	    [MS_GATED_QUEUED] = 1 << MS_GATED_RECALLING | 1 << MS_GATED_PROPOSED,
	    [MS_GATED_RECALLING] = 1 << MS_GATED_PROPOSED,
	    [MS_GATED_PROPOSED] = 0,
	};
	DFS_ASSERT((legal[gated->state] & 1 << state) != 0);
	gated->state = state;
	dfs_list_remove(&gated->in_gate);
}

static void recall_free(struct ms *ms, struct ms_recall *recall)
{
	dfs_map_remove(&ms->gate.recalls, &recall->by_id);
	dfs_list_remove(&recall->in_gated);
	dfs_list_remove(&recall->in_client);
	free(recall);
}

static void gated_free(struct ms *ms, struct ms_gated *gated)
{
	while (!dfs_list_empty(&gated->recalls))
		recall_free(ms, dfs_list_first(&gated->recalls, struct ms_recall, in_gated));
	for (u32 i = 0; i < gated->changes_count; i++)
		ms_change_end(&ms->leases, &gated->changes[i]);
	dfs_list_remove(&gated->in_gate);
	dfs_list_remove(&gated->in_client);
	dfs_buf_unref(gated->body);
	free(gated);
}

void ms_gate_fini(struct ms *ms)
{
	struct dfs_list *lists[] = {&ms->gate.queued, &ms->gate.recalling};
	for (size_t i = 0; i < dfs_array_count(lists); i++) {
		while (!dfs_list_empty(lists[i]))
			gated_free(ms, dfs_list_first(lists[i], struct ms_gated, in_gate));
	}
	DFS_ASSERT(ms->gate.recalls.count == 0);
	dfs_map_fini(&ms->gate.recalls);
}

/* Only now: while it waited, other operations were applied. */
static bool refuse(struct ms *ms, struct ms_gated *gated, const struct ms_op *op,
		   struct dfs_fxs *fxs)
{
	int status = ms_commit_check(ms, gated->client, op);
	if (status == 0)
		return false;
	struct ms_peer *peer = ms_peer_find(ms, gated->link);
	if (peer != NULL)
		dfs_session_reply(peer->session, gated->request, DFS_MSG_MUTATE, status, NULL, NULL,
				  fxs);
	gated_free(ms, gated);
	return true;
}

static void propose(struct ms *ms, struct ms_gated *gated, const struct ms_op *op,
		    struct dfs_fxs *fxs)
{
	struct ms_client *client = gated->client;
	if (refuse(ms, gated, op, fxs))
		return;
	gated_move(gated, MS_GATED_PROPOSED);
	dfs_list_remove(&gated->in_client);
	struct ms_proposal *proposal = ms_propose(ms, op);
	proposal->link = gated->link;
	proposal->request = gated->request;
	proposal->client = client;
	proposal->gated = gated;
	if (client != NULL) {
		dfs_list_push_back(&client->pending, &proposal->in_client);
		client->sequence_max = dfs_max(client->sequence_max, op->sequence);
	}
	dfs_buf_unref(gated->body);
	gated->body = NULL;
}

/* The operation outlives the message that brought it. */
static void keep(struct ms_gated *gated, const struct ms_op *op)
{
	if (gated->body != NULL)
		return;
	gated->body = dfs_buf_new(dfs_max(op->body.length, 1u));
	if (op->body.length > 0)
		memcpy(gated->body->data, op->body.data, op->body.length);
	gated->op = *op;
	gated->op.body = dfs_span(gated->body->data, op->body.length);
}

static void invalidate(struct ms_recall *recall, const struct ms_touches *touches,
		       struct dfs_fxs *fxs)
{
	struct ms_peer *peer = recall->client->peer;
	struct dfs_writer items;
	struct dfs_writer writer;
	if (peer == NULL)
		return; /* It is asked when it comes back, or its lease ends. */
	dfs_writer_init(&items, ms_peer_version(peer), 0);
	for (u32 i = 0; i < touches->count; i++) {
		struct dfs_stale stale = {.ino = touches->v[i].ino, .name = touches->v[i].name};
		dfs_stale_put(&items, &stale);
	}
	struct dfs_invalidate request = {.items = dfs_writer_items(&items)};
	dfs_session_writer(peer->session, &writer);
	dfs_invalidate_put(&writer, &request);
	(void)dfs_session_request(peer->session, DFS_MSG_INVALIDATE, &writer, NULL,
				  (u64)MS_ASK_INVALIDATE << MS_ASK_SHIFT | recall->by_id.key, fxs);
	dfs_writer_fini(&items);
}

static struct ms_recall *recall_get(struct ms *ms, struct ms_gated *gated, struct ms_client *client)
{
	dfs_list_for_each (node, &gated->recalls) {
		struct ms_recall *recall = dfs_list_entry(node, struct ms_recall, in_gated);
		if (recall->client == client)
			return recall;
	}
	struct ms_recall *recall = calloc(1, sizeof(*recall));
	DFS_ASSERT(recall != NULL);
	recall->gated = gated;
	recall->client = client;
	dfs_list_init(&recall->in_gated);
	dfs_list_init(&recall->in_client);
	dfs_list_push_back(&gated->recalls, &recall->in_gated);
	dfs_list_push_back(&client->recalls, &recall->in_client);
	dfs_map_insert(&ms->gate.recalls, &recall->by_id, ++ms->gate.recalls_made);
	return recall;
}

/* Those who have a lease on something the operation touches; and, for as long as leases live, all
 * whose leases a predecessor may have given. */
static void find_holders(struct ms *ms, struct ms_gated *gated, const struct ms_touches *touches)
{
#ifdef DFS_PLANT_TELL_NOBODY
	return;
#endif
	for (u32 i = 0; i < touches->count; i++) {
		const struct ms_leased *inode = ms_leased_find(&ms->leases, touches->v[i].ino);
		if (inode == NULL)
			continue;
		dfs_list_for_each (node, &inode->leases) {
			const struct ms_lease *lease =
			    dfs_list_entry(node, struct ms_lease, in_inode);
			if (lease->client == gated->client || lease->until <= ms->now)
				continue;
			struct ms_recall *recall = recall_get(ms, gated, lease->client);
			recall->until = dfs_max(recall->until, lease->until);
		}
	}
	nsec inherited_end = ms->started + ms->leases.life;
	if (ms->now >= inherited_end)
		return;
	struct dfs_map_node *node = NULL;
	while ((node = dfs_map_next(&ms->clients.by_session, node)) != NULL) {
		struct ms_client *client = dfs_map_entry(node, struct ms_client, by_session);
		if (client == gated->client || !client->inherited)
			continue;
		struct ms_recall *recall = recall_get(ms, gated, client);
		recall->until = dfs_max(recall->until, inherited_end);
	}
}

static bool name_is_changing(const struct ms *ms, const struct ms_touches *touches)
{
	for (u32 i = 0; i < touches->count; i++) {
		if (ms_name_is_changing(&ms->leases, touches->v[i].ino, touches->v[i].hash))
			return true;
	}
	return false;
}

/* True unless it has to wait in the queue. */
static bool advance(struct ms *ms, struct ms_gated *gated, const struct ms_op *op,
		    struct dfs_fxs *fxs)
{
	struct ms_touches touches;
	ms_touches_find(ms->state, op, &touches);
	if (name_is_changing(ms, &touches))
		return false;
	ms_leases_expire(&ms->leases, ms->now);
	for (u32 i = 0; i < touches.count; i++)
		ms_change_begin(&ms->leases, &gated->changes[gated->changes_count++],
				touches.v[i].ino, touches.v[i].hash);
	find_holders(ms, gated, &touches);
	if (dfs_list_empty(&gated->recalls)) {
		propose(ms, gated, op, fxs);
		return true;
	}
	keep(gated, op);
	gated_move(gated, MS_GATED_RECALLING);
	dfs_list_push_back(&ms->gate.recalling, &gated->in_gate);
	dfs_list_for_each (node, &gated->recalls)
		invalidate(dfs_list_entry(node, struct ms_recall, in_gated), &touches, fxs);
	return true;
}

void ms_gate_enter(struct ms *ms, struct ms_client *client, const struct ms_op *op, u64 link,
		   u64 request, struct dfs_fxs *fxs)
{
	struct ms_gated *gated = calloc(1, sizeof(*gated));
	DFS_ASSERT(gated != NULL);
	gated->client = client;
	gated->link = link;
	gated->request = request;
	dfs_list_init(&gated->in_gate);
	dfs_list_init(&gated->in_client);
	dfs_list_init(&gated->recalls);
	if (client != NULL)
		dfs_list_push_back(&client->gated, &gated->in_client);
	if (advance(ms, gated, op, fxs))
		return;
	keep(gated, op);
	gated_move(gated, MS_GATED_QUEUED);
	dfs_list_push_back(&ms->gate.queued, &gated->in_gate);
}

void ms_gate_enter_own(struct ms *ms, const struct ms_peer *peer,
		       const struct dfs_session_event *request, u16 op, struct dfs_writer *body,
		       struct dfs_fxs *fxs)
{
	struct ms_op own = {
	    .op = op,
	    .version = DFS_PROTOCOL_VERSION,
	    .body = dfs_span(body->buf->data, body->buf->length),
	};
	ms_gate_enter(ms, NULL, &own, peer->link, request->request, fxs);
	dfs_writer_fini(body);
}

void ms_gate_leave(struct ms *ms, struct ms_gated *gated)
{
	DFS_ASSERT(gated->state == MS_GATED_PROPOSED);
	gated_free(ms, gated);
}

void ms_gate_answered(struct ms *ms, u64 id, int status)
{
	struct dfs_map_node *found = dfs_map_find(&ms->gate.recalls, id);
	/* One that cannot forget keeps its lease to the end. */
	if (found != NULL && status == 0)
		recall_free(ms, dfs_map_entry(found, struct ms_recall, by_id));
}

void ms_gate_attached(struct ms *ms, struct ms_client *client, struct dfs_fxs *fxs)
{
	dfs_list_for_each (node, &client->recalls) {
		struct ms_recall *recall = dfs_list_entry(node, struct ms_recall, in_client);
		struct ms_touches touches;
		ms_touches_find(ms->state, &recall->gated->op, &touches);
		invalidate(recall, &touches, fxs);
	}
}

void ms_gate_unlinked(struct ms *ms, struct ms_client *client)
{
	while (!dfs_list_empty(&client->gated))
		gated_free(ms, dfs_list_first(&client->gated, struct ms_gated, in_client));
}

void ms_gate_let_go(struct ms *ms, struct ms_client *client)
{
	while (!dfs_list_empty(&client->recalls))
		recall_free(ms, dfs_list_first(&client->recalls, struct ms_recall, in_client));
	ms_gate_unlinked(ms, client);
	ms_leases_let_go(&ms->leases, client);
}

static void drop_ended(struct ms *ms, struct ms_gated *gated)
{
	dfs_list_for_each_safe (node, &gated->recalls) {
		struct ms_recall *recall = dfs_list_entry(node, struct ms_recall, in_gated);
		if (recall->until <= ms->now)
			recall_free(ms, recall);
	}
}

void ms_gate_work(struct ms *ms, struct dfs_fxs *fxs)
{
	dfs_list_for_each_safe (node, &ms->gate.recalling) {
		struct ms_gated *gated = dfs_list_entry(node, struct ms_gated, in_gate);
		drop_ended(ms, gated);
		if (dfs_list_empty(&gated->recalls)) {
			struct ms_op op = gated->op;
			propose(ms, gated, &op, fxs);
		}
	}
	dfs_list_for_each_safe (node, &ms->gate.queued) {
		struct ms_gated *gated = dfs_list_entry(node, struct ms_gated, in_gate);
		struct ms_op op = gated->op;
		(void)advance(ms, gated, &op, fxs);
	}
}

nsec ms_gate_deadline(const struct ms *ms)
{
	nsec due = DFS_NEVER;
	dfs_list_for_each (node, &ms->gate.recalling) {
		const struct ms_gated *gated = dfs_list_entry(node, struct ms_gated, in_gate);
		nsec end = 0;
		dfs_list_for_each (at, &gated->recalls)
			end = dfs_max(end, dfs_list_entry(at, struct ms_recall, in_gated)->until);
		due = dfs_min(due, end);
	}
	return due;
}

u32 ms_gate_lease(struct ms *ms, struct ms_client *client, u64 first, u64 second)
{
	if (client == NULL || client->state != MS_CLIENT_LINKED)
		return 0;
	ms_leases_expire(&ms->leases, ms->now);
	if (first != 0 && !ms_lease_give(&ms->leases, client, first, ms->now))
		return 0;
	if (second != 0 && !ms_lease_give(&ms->leases, client, second, ms->now))
		return 0;
	return ms->leases.term_ms;
}
