/*
 * Requests on their way to the next replica: see chain.h.
 *
 *   KEPT --cs_forward()--> SENT --answer, time-out, link lost--> ENDED
 *
 * A connector per server that is next in some chain, made at the first request for it and dropped
 * when none was sent for a while. Its requests end in the order of their deadlines or earlier.
 */
#include "chunkserver/core/chain.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/wire/chained.h"

#include <stdlib.h>

/* A disk that takes longer is as good as dead; SYNC may have gigabytes to write. Each server in the
 * chain gives those behind it a little less, so that the right one is blamed. */
#define CHANGE_MAX (1000 * DFS_MSEC)
#define SYNC_MAX   (10 * DFS_SEC)
#define EACH_MAX   (250 * DFS_MSEC)
#define IDLE_MAX   (60 * DFS_SEC)

struct cs_next {
	struct dfs_map_node by_server;
	struct dfs_list in_cs;    /* cs.nexts_list */
	struct dfs_list forwards; /* cs_op.forward.in_next, in order of sending. */
	struct dfs_session *session;
	char address[DFS_ADDRESS_BYTES_MAX + 1]; /* As the chain had it. */
	nsec used_at;
};

static void move(struct cs_op *op, enum cs_forward_state to)
{
	static const u8 legal[] = {
	    [CS_FORWARD_NONE] = 1 << CS_FORWARD_KEPT,
	    [CS_FORWARD_KEPT] = 1 << CS_FORWARD_SENT,
	    [CS_FORWARD_SENT] = 1 << CS_FORWARD_ENDED,
	    [CS_FORWARD_ENDED] = 0,
	};
	DFS_ASSERT((legal[op->forward.state] & 1 << to) != 0);
	op->forward.state = (u8)to;
}

/* --- The servers. --- */

static struct dfs_session *connector_new(struct cs *cs, const struct dfs_replica *replica)
{
	struct dfs_span addresses[2];
	u32 count = 0;
	if (replica->host == cs->identity.host && replica->local.length > 0)
		addresses[count++] = replica->local;
	addresses[count++] = replica->address;
	struct dfs_session *session = dfs_session_new_connector(&cs->identity, DFS_ROLE_CHUNKSERVER,
								addresses, count, &cs->next_link);
	if (session != NULL && cs->config.tuning != NULL)
		dfs_session_tune(session, cs->config.tuning);
	return session;
}

/* NULL: the address makes no sense. */
static struct cs_next *next_new(struct cs *cs, const struct dfs_replica *replica,
				struct dfs_fxs *fxs)
{
	struct dfs_session *session = connector_new(cs, replica);
	if (session == NULL)
		return NULL;
	struct cs_next *next = calloc(1, sizeof(*next));
	DFS_ASSERT(next != NULL);
	next->session = session;
	memcpy(next->address, replica->address.data, replica->address.length);
	dfs_list_init(&next->forwards);
	dfs_list_init(&next->in_cs);
	dfs_list_push_back(&cs->nexts_list, &next->in_cs);
	dfs_map_insert(&cs->nexts, &next->by_server, replica->server);
	dfs_session_open(session, cs->now, fxs);
	return next;
}

static void end(struct cs *cs, struct cs_op *op, const struct dfs_chained *chained,
		struct dfs_fxs *fxs)
{
	struct cs_done done = {.which = CS_NEXT_DONE};
	dfs_list_remove(&op->forward.in_next);
	op->forward.chained = *chained;
	move(op, CS_FORWARD_ENDED);
	cs_op_done(cs, op, &done, fxs);
}

/* The server itself did not do it. */
static void fail(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)
{
	const struct cs_next *next = op->forward.next;
	struct dfs_chained chained = {.failed = next->by_server.key, .error = (u32)-status};
	dfs_session_cancel(next->session, op->forward.request);
	end(cs, op, &chained, fxs);
}

static void fail_all(struct cs *cs, struct cs_next *next, int status, struct dfs_fxs *fxs)
{
	while (!dfs_list_empty(&next->forwards))
		fail(cs, dfs_list_first(&next->forwards, struct cs_op, forward.in_next), status,
		     fxs);
}

/* Nobody finds it any more; then what is under way fails, which may make others send. */
static void drop(struct cs *cs, struct cs_next *next, int status, struct dfs_fxs *fxs)
{
	dfs_map_remove(&cs->nexts, &next->by_server);
	dfs_list_remove(&next->in_cs);
	fail_all(cs, next, status, fxs);
	dfs_session_close(next->session, fxs);
	dfs_session_free(next->session);
	free(next);
}

/* It may have moved: what is under way to where it was is lost. */
static struct cs_next *next_get(struct cs *cs, const struct dfs_replica *replica,
				struct dfs_fxs *fxs)
{
	struct dfs_map_node *found = dfs_map_find(&cs->nexts, replica->server);
	if (found != NULL) {
		struct cs_next *next = dfs_map_entry(found, struct cs_next, by_server);
		if (dfs_span_equal(dfs_span_text(next->address), replica->address))
			return next;
		drop(cs, next, DFS_ELINK_LOST, fxs);
	}
	return next_new(cs, replica, fxs);
}

/* --- Requests. --- */

int cs_chain_check(const struct cs *cs, const struct dfs_items *chain)
{
	struct dfs_items replicas = *chain;
	struct dfs_replica replica;
	while (dfs_replica_next(&replicas, &replica)) {
		if (replica.server == cs->identity.node || replica.server == 0)
			return DFS_EINVAL;
	}
	return 0;
}

void cs_forward_keep(struct cs_op *op, const struct cs_request *request,
		     const struct dfs_items *chain)
{
	if (chain->count == 0)
		return;
	op->forward.body = dfs_buf_new(request->body.length);
	memcpy(op->forward.body->data, request->body.data, request->body.length);
	op->forward.body->length = request->body.length;
	op->forward.version = request->version;
	dfs_list_init(&op->forward.in_next);
	move(op, CS_FORWARD_KEPT);
}

/* The last attempt to reach it failed: nobody waits for the next one. */
static bool away(const struct cs_next *next)
{
	return dfs_session_state(next->session) == DFS_SESSION_BACKOFF;
}

/* `behind`: how many replicas come after the next one. */
static nsec patience(u16 type, u32 behind)
{
	return (type == DFS_MSG_SYNC ? SYNC_MAX : CHANGE_MAX) + behind * EACH_MAX;
}

/* Decode what was kept, take the first off its chain, and say it again. */
#define SAY_AGAIN(name)                                                                            \
	do {                                                                                       \
		struct dfs_##name message;                                                         \
		int status = dfs_##name##_decode(body, op->forward.version, &message);             \
		DFS_ASSERT(status == 0); /* It was decoded before. */                              \
		bool more = dfs_replica_next(&message.chain, &replica);                            \
		DFS_ASSERT(more);                                                                  \
		behind = message.chain.count;                                                      \
		next = next_get(cs, &replica, fxs);                                                \
		if (next != NULL) {                                                                \
			dfs_session_writer(next->session, &writer);                                \
			dfs_##name##_put(&writer, &message);                                       \
		}                                                                                  \
	} while (0)

void cs_forward(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
{
	if (op->forward.state != CS_FORWARD_KEPT)
		return;
	struct dfs_span body = dfs_span(op->forward.body->data, op->forward.body->length);
	struct cs_next *next = NULL;
	struct dfs_replica replica = {0};
	struct dfs_writer writer;
	struct dfs_payload payload = {0};
	u32 behind;
	switch (op->origin.type) {
	case DFS_MSG_WRITE:
		SAY_AGAIN(write);
		payload = (struct dfs_payload){.buf = op->write.payload, .bytes = op->write.length};
		break;
	case DFS_MSG_PUNCH:
		SAY_AGAIN(punch);
		break;
	default:
		DFS_ASSERT(op->origin.type == DFS_MSG_SYNC);
		SAY_AGAIN(sync);
		break;
	}
	move(op, CS_FORWARD_SENT);
	int status = next == NULL ? DFS_EINVAL : away(next) ? DFS_ELINK_LOST : 0;
	if (status != 0) {
		op->forward.chained =
		    (struct dfs_chained){.failed = replica.server, .error = (u32)-status};
		move(op, CS_FORWARD_ENDED);
		if (next != NULL)
			dfs_writer_fini(&writer);
		return;
	}
	op->forward.deadline = cs->now + patience(op->origin.type, behind);
	op->forward.next = next;
	next->used_at = cs->now;
	dfs_list_push_back(&next->forwards, &op->forward.in_next);
	op->forward.request = dfs_session_request(next->session, op->origin.type, &writer,
						  payload.buf == NULL ? NULL : &payload,
						  cs_op_tag(op, CS_NEXT_DONE), fxs);
}

bool cs_forward_pending(const struct cs_op *op)
{
	return op->forward.state == CS_FORWARD_SENT;
}

struct dfs_chained cs_forward_outcome(const struct cs_op *op)
{
	return op->forward.chained;
}

void cs_forward_release(struct cs_op *op)
{
	if (cs_forward_pending(op)) {
		dfs_session_cancel(op->forward.next->session, op->forward.request);
		dfs_list_remove(&op->forward.in_next);
		move(op, CS_FORWARD_ENDED);
	}
	dfs_buf_unref(op->forward.body);
	op->forward.body = NULL;
}

/* --- What comes back. --- */

static void on_reply(struct cs *cs, const struct cs_next *next,
		     const struct dfs_session_event *event, struct dfs_fxs *fxs)
{
	u8 which;
	struct cs_op *op = cs_op_of_tag(cs, event->tag, &which);
	struct dfs_chained chained = {0};
	int status = event->status;
	if (status == 0)
		status = dfs_chained_of(event->type, event->body, event->version, &chained);
	DFS_ASSERT(which == CS_NEXT_DONE && op->forward.request == event->request);
	if (status != 0)
		chained =
		    (struct dfs_chained){.failed = next->by_server.key, .error = (u32)-status};
	end(cs, op, &chained, fxs);
}

static void pull(struct cs *cs, struct cs_next *next, struct dfs_fxs *fxs)
{
	struct dfs_session_event event;
	while (dfs_session_next(next->session, cs->now, &event, fxs)) {
		switch (event.kind) {
		case DFS_SESSION_EV_UP:
			if (dfs_session_peer(next->session)->node != next->by_server.key)
				fail_all(cs, next, DFS_ENO_SERVER, fxs);
			break;
		case DFS_SESSION_EV_LOST:
		case DFS_SESSION_EV_REFUSED:
			dfs_fx_log(fxs, DFS_LOG_WARN,
				   "event=next_lost server=%016llx address=%s error=%s",
				   (unsigned long long)next->by_server.key, next->address,
				   dfs_error_name(event.status));
			fail_all(cs, next, DFS_ELINK_LOST, fxs);
			break;
		case DFS_SESSION_EV_REPLY:
			on_reply(cs, next, &event, fxs);
			break;
		case DFS_SESSION_EV_REQUEST: /* Servers behind us ask nothing. */
			dfs_session_reply(next->session, event.request, event.type, DFS_ENOSYS,
					  NULL, NULL, fxs);
			break;
		}
	}
	if (away(next))
		fail_all(cs, next, DFS_ELINK_LOST, fxs);
}

static struct cs_next *next_of_link(const struct cs *cs, u64 link)
{
	dfs_list_for_each (node, &cs->nexts_list) {
		struct cs_next *next = dfs_list_entry(node, struct cs_next, in_cs);
		if (dfs_session_link(next->session) == link)
			return next;
	}
	return NULL;
}

bool cs_nexts_step(struct cs *cs, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	struct cs_next *next = next_of_link(cs, ev->tag);
	if (next == NULL)
		return false;
	dfs_session_step(next->session, ev, fxs);
	pull(cs, next, fxs);
	return true;
}

struct dfs_session *cs_nexts_find(const struct cs *cs, u64 link)
{
	struct cs_next *next = next_of_link(cs, link);
	return next == NULL ? NULL : next->session;
}

/* Deadlines of SYNCs and changes mix: all are looked at, few are under way. */
static nsec first_deadline(const struct cs_next *next)
{
	nsec deadline = DFS_NEVER;
	dfs_list_for_each (node, &next->forwards) {
		const struct cs_op *op = dfs_list_entry(node, struct cs_op, forward.in_next);
		deadline = dfs_min(deadline, op->forward.deadline);
	}
	return deadline == DFS_NEVER ? next->used_at + IDLE_MAX : deadline;
}

static struct cs_next *first_due(const struct cs *cs)
{
	dfs_list_for_each (node, &cs->nexts_list) {
		struct cs_next *next = dfs_list_entry(node, struct cs_next, in_cs);
		if (dfs_session_deadline(next->session) <= cs->now ||
		    first_deadline(next) <= cs->now)
			return next;
	}
	return NULL;
}

/* A request that is late ends the link, and with it all others: what was sent after it must not
 * act without it. One by one, since each end may begin something. */
void cs_nexts_tick(struct cs *cs, struct dfs_fxs *fxs)
{
	struct cs_next *next;
	while ((next = first_due(cs)) != NULL) {
		if (first_deadline(next) <= cs->now) {
			drop(cs, next, DFS_ETIMEDOUT, fxs);
			continue;
		}
		dfs_session_tick(next->session, cs->now, fxs);
		pull(cs, next, fxs);
	}
}

nsec cs_nexts_deadline(const struct cs *cs)
{
	nsec deadline = DFS_NEVER;
	dfs_list_for_each (node, &cs->nexts_list) {
		const struct cs_next *next = dfs_list_entry(node, struct cs_next, in_cs);
		deadline = dfs_min(deadline, dfs_session_deadline(next->session));
		deadline = dfs_min(deadline, first_deadline(next));
	}
	return deadline;
}

void cs_nexts_close(struct cs *cs, struct dfs_fxs *fxs)
{
	while (!dfs_list_empty(&cs->nexts_list))
		drop(cs, dfs_list_first(&cs->nexts_list, struct cs_next, in_cs), DFS_ESTOPPING,
		     fxs);
}

void cs_nexts_fini(struct cs *cs)
{
	dfs_list_for_each_safe (node, &cs->nexts_list) {
		struct cs_next *next = dfs_list_entry(node, struct cs_next, in_cs);
		dfs_map_remove(&cs->nexts, &next->by_server);
		dfs_session_free(next->session); /* Its ops go with the pool. */
		free(next);
	}
	dfs_map_fini(&cs->nexts);
}
