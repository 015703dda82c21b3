/*
 * Requests to the leading master. The session repeats what a broken link left unanswered; what is
 * done here is what it cannot know: that another master leads now, that a session id in a request
 * has changed, and which mutation results the master may forget. See attach.c for how a link
 * begins.
 */
#include "fuse/core/client_i.h"

#include "libdfsproto/wire/frame.h"

#include <stdlib.h>

enum { MASTERS_MAX = 16 };

/* "a:1,b:2" cut up. */
static u32 split(const char *masters, struct dfs_span ret_addresses[MASTERS_MAX])
{
	u32 count = 0;
	while (*masters != '\0' && count < MASTERS_MAX) {
		size_t length = strcspn(masters, ",");
		if (length > 0 && length <= DFS_ADDRESS_BYTES_MAX)
			ret_addresses[count++] = dfs_span(masters, length);
		masters += length;
		masters += *masters == ',';
	}
	return count;
}

void cl_master_init(struct cl *cl, const char *masters)
{
	struct cl_master *master = &cl->master;
	struct dfs_span addresses[MASTERS_MAX];
	u32 count = split(masters, addresses);
	DFS_ASSERT(count > 0); /* The shell has checked the operator's text. */
	dfs_list_init(&master->rpcs);
	dfs_list_init(&master->mutations);
	master->session = dfs_session_new_connector(&cl->identity, DFS_ROLE_MASTER, addresses,
						    count, &cl->next_link);
	if (cl->tuned)
		dfs_session_tune(master->session, &cl->tuning);
}

void cl_master_fini(struct cl *cl)
{
	struct cl_master *master = &cl->master;
	cl_timer_clear(cl, &master->retry);
	dfs_list_for_each_safe (node, &master->rpcs)
		cl_master_cancel(cl, dfs_list_entry(node, struct cl_rpc, in_link));
	dfs_list_for_each_safe (node, &cl->releases) {
		dfs_list_remove(node);
		free(dfs_list_entry(node, struct cl_release, in_all));
	}
	dfs_session_free(master->session);
}

void cl_master_open(struct cl *cl)
{
	dfs_session_hold(cl->master.session, true, cl->fx);
	dfs_session_open(cl->master.session, cl->now, cl->fx);
}

void cl_master_begin(struct cl *cl, struct dfs_writer *ret_writer)
{
	dfs_session_writer(cl->master.session, ret_writer);
}

/* Session ids stand first in the bodies that have one. */
static bool names_session(u16 type)
{
	return type == DFS_MSG_MUTATE || type == DFS_MSG_OPEN || type == DFS_MSG_RELEASE ||
	       type == DFS_MSG_GRANT || type == DFS_MSG_DETACH;
}

/* The frame is ours as well as the session's: each sealing gives it another request id. Between two
 * client sessions there is none to name: then it rests until ATTACH has been answered. */
static void submit(struct cl *cl, struct cl_rpc *rpc)
{
	struct dfs_writer writer;
	rpc->resting = names_session(rpc->type) && cl->master.id == 0;
	if (rpc->resting)
		return;
	dfs_session_writer(cl->master.session, &writer);
	dfs_buf_unref(dfs_writer_take(&writer));
	writer.buf = dfs_buf_ref(rpc->buf);
	rpc->request = dfs_session_request(cl->master.session, rpc->type, &writer, NULL,
					   (u64)(uintptr_t)rpc, cl->fx);
}

void cl_master_send(struct cl *cl, struct cl_rpc *rpc, u16 type, struct dfs_writer *writer)
{
	DFS_ASSERT(!rpc->under_way);
	rpc->server = NULL;
	rpc->type = type;
	rpc->under_way = true;
	rpc->buf = dfs_writer_take(writer);
	dfs_list_init(&rpc->in_link);
	dfs_list_push_back(&cl->master.rpcs, &rpc->in_link);
	submit(cl, rpc);
}

static void settle(struct cl_rpc *rpc)
{
	DFS_ASSERT(rpc->under_way);
	rpc->under_way = false;
	dfs_list_remove(&rpc->in_link);
	dfs_buf_unref(rpc->buf);
	rpc->buf = NULL;
	if (rpc->type == DFS_MSG_MUTATE)
		dfs_list_remove(&dfs_container_of(rpc, struct cl_mutation, rpc)->in_order);
}

void cl_master_cancel(struct cl *cl, struct cl_rpc *rpc)
{
	if (!rpc->under_way)
		return;
	DFS_ASSERT(rpc->server == NULL);
	if (!rpc->resting)
		dfs_session_cancel(cl->master.session, rpc->request);
	settle(rpc);
}

void cl_master_answer(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	settle(rpc);
	bool was_full = !dfs_list_empty(&cl->mutators);
	rpc->done(cl, rpc, answer);
	if (was_full && cl_may_mutate(cl))
		cl_calls_wake(cl, &cl->mutators);
}

void cl_master_resend(struct cl *cl, struct cl_rpc *rpc)
{
	DFS_ASSERT(rpc->resting);
	/* The old frame may still lie in the queue of a link that is being closed. */
	struct dfs_buf *old = rpc->buf;
	rpc->buf = dfs_buf_new(old->length);
	rpc->buf->length = old->length;
	memcpy(rpc->buf->data, old->data, old->length);
	dfs_buf_unref(old);
	if (names_session(rpc->type))
		dfs_store_u64(rpc->buf->data + DFS_FRAME_HEADER_BYTES, cl->master.id);
	submit(cl, rpc);
}

static void on_reply(struct cl *cl, const struct dfs_session_event *event)
{
	if (event->type == DFS_MSG_ATTACH) {
		cl_attach_answer(cl, event);
		return;
	}
	struct cl_rpc *rpc = (struct cl_rpc *)(uintptr_t)event->tag;
	DFS_ASSERT(rpc->under_way);
	DFS_ASSERT(rpc->request == event->request);
	struct cl_answer answer = {
	    .status = event->status,
	    .version = event->version,
	    .body = event->body,
	    .payload = event->payload,
	};
	switch (event->status) {
	case DFS_ENOT_LEADER:
	case DFS_ESTOPPING:
		/* Whoever leads next is asked; the session goes there with what is still
		 * unanswered. */
		rpc->resting = true;
		cl->master.state = CL_MASTER_DOWN;
		dfs_session_hold(cl->master.session, true, cl->fx);
		dfs_session_next_address(cl->master.session, cl->now, cl->fx);
		return;
	case DFS_ENO_SESSION:
		if (rpc->type == DFS_MSG_RELEASE || rpc->type == DFS_MSG_DETACH) {
			cl_master_answer(cl, rpc, &answer);
		} else if (rpc->type == DFS_MSG_MUTATE) {
			cl_master_answer(cl, rpc, &answer);
			cl_session_lost(cl);
		} else {
			rpc->resting = true;
			cl_session_lost(cl);
		}
		return;
	default:
		cl_master_answer(cl, rpc, &answer);
		return;
	}
}

static void on_refused(struct cl *cl, const struct dfs_session_event *event)
{
	struct cl_master *master = &cl->master;
	u32 length = dfs_min(event->text.length, (u32)DFS_TEXT_BYTES_MAX);
	if (length > 0)
		memcpy(master->refusal_text, event->text.data, length);
	master->refusal_text[length] = '\0';
	if (master->refusal != event->status)
		dfs_fx_log(cl->fx, DFS_LOG_ERROR,
			   "event=master_refused address=%s status=%s cause=\"%.120s\"",
			   dfs_session_address(master->session), dfs_error_name(event->status),
			   master->refusal_text);
	master->refusal = event->status;
}

void cl_master_pull(struct cl *cl)
{
	struct cl_master *master = &cl->master;
	struct dfs_session_event event;
	int status;
	while (dfs_session_next(master->session, cl->now, &event, cl->fx)) {
		switch (event.kind) {
		case DFS_SESSION_EV_UP:
			master->refusal = 0;
			cl_attach(cl);
			break;
		case DFS_SESSION_EV_LOST:
			dfs_fx_log(
			    cl->fx, DFS_LOG_WARN, "event=master_lost address=%s cause=\"%.*s\"",
			    dfs_session_address(master->session),
			    (int)dfs_min(event.text.length, 100u), (const char *)event.text.data);
			master->state = CL_MASTER_DOWN;
			cl_timer_clear(cl, &master->retry);
			dfs_session_hold(master->session, true, cl->fx);
			break;
		case DFS_SESSION_EV_REFUSED:
			on_refused(cl, &event);
			break;
		case DFS_SESSION_EV_REPLY:
			on_reply(cl, &event);
			break;
		case DFS_SESSION_EV_REQUEST:
			status = event.type == DFS_MSG_INVALIDATE
				     ? cl_cache_invalidate(cl, event.body, event.version)
				     : DFS_ENOSYS;
			dfs_session_reply(master->session, event.request, event.type, status, NULL,
					  NULL, cl->fx);
			break;
		}
	}
}

bool cl_may_mutate(const struct cl *cl)
{
	const struct cl_master *master = &cl->master;
	if (dfs_list_empty(&master->mutations))
		return true;
	u64 oldest = dfs_list_first(&master->mutations, struct cl_mutation, in_order)->sequence;
	return master->sequence - oldest < CL_MUTATIONS_MAX;
}

void cl_mutate(struct cl *cl, struct cl_mutation *mutation, struct cl_caller caller, u16 op,
	       struct dfs_writer *body)
{
	struct cl_master *master = &cl->master;
	struct dfs_writer writer;
	u64 oldest =
	    dfs_list_empty(&master->mutations)
		? master->sequence + 1
		: dfs_list_first(&master->mutations, struct cl_mutation, in_order)->sequence;
	struct dfs_mutate mutate = {
	    .session = master->id,
	    .sequence = ++master->sequence,
	    .acked = oldest - 1,
	    .uid = caller.uid,
	    .gid = caller.gid,
	    .op = op,
	    .body = dfs_span(body->buf->data, body->buf->length),
	};
	mutation->sequence = mutate.sequence;
	mutation->sent_at = cl->now;
	cl_master_begin(cl, &writer);
	dfs_mutate_put(&writer, &mutate);
	dfs_writer_fini(body);
	cl_master_send(cl, &mutation->rpc, DFS_MSG_MUTATE, &writer);
	dfs_list_push_back(&master->mutations, &mutation->in_order);
}
