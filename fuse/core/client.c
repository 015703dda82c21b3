/*
 * The client's core as the hosts see it: steps, deadlines, where to receive. Each step feeds one
 * event to whom it concerns, pulls what the links brought, and does the work that became possible.
 * The order is fixed, so that two runs agree. Read call.c next.
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>

#define HELD_BYTES_DEFAULT      (64 * DFS_MIB)
#define HELD_BYTES_MIN          (4 * DFS_MIB)
#define AGE_DEFAULT             (5 * DFS_SEC)
/* Two syncs of a seal and the copy at the next write cost as much as copying so much. */
#define CLONE_BYTES_MIN_DEFAULT (1 * DFS_MIB)

static void lists_init(struct cl *cl)
{
	struct dfs_list *lists[] = {
	    &cl->servers,      &cl->inodes,   &cl->touched,   &cl->dirty,   &cl->tasks,
	    &cl->free_tasks,   &cl->waiting,  &cl->mutators,  &cl->writers, &cl->replies,
	    &cl->free_replies, &cl->releases, &cl->lingering, &cl->quotas,
	};
	for (size_t i = 0; i < dfs_array_count(lists); i++)
		dfs_list_init(lists[i]);
}

struct cl *cl_new(const struct cl_config *config)
{
	struct cl *cl = calloc(1, sizeof(*cl));
	DFS_ASSERT(cl != NULL);
	cl->identity = config->identity;
	cl->held_bytes_max =
	    config->write_behind_bytes == 0 ? HELD_BYTES_DEFAULT : config->write_behind_bytes;
	cl->held_bytes_max = dfs_max(cl->held_bytes_max, HELD_BYTES_MIN);
	cl->age = config->write_behind_age == 0 ? AGE_DEFAULT : config->write_behind_age;
	cl->clone_bytes_min =
	    config->clone_bytes_min == 0 ? CLONE_BYTES_MIN_DEFAULT : config->clone_bytes_min;
	cl->timeout = config->timeout;
	cl->tuned = config->tuning != NULL;
	if (cl->tuned)
		cl->tuning = *config->tuning;
	cl->next_link = 1;
	lists_init(cl);
	cl_cache_init(cl);
	cl_atimes_init(cl);
	cl_subtree_init(cl, config->subtree == NULL ? "/" : config->subtree);
	cl_master_init(cl, config->masters);
	return cl;
}

void cl_retire_session(struct cl *cl, struct dfs_session *session)
{
	if (cl->retired_count == cl->retired_capacity) {
		cl->retired_capacity = dfs_max(cl->retired_capacity * 2, 4u);
		cl->retired =
		    realloc(cl->retired, cl->retired_capacity * sizeof(struct dfs_session *));
		DFS_ASSERT(cl->retired != NULL);
	}
	cl->retired[cl->retired_count++] = session;
}

static void free_retired(struct cl *cl)
{
	for (u32 i = 0; i < cl->retired_count; i++)
		dfs_session_free(cl->retired[i]);
	cl->retired_count = 0;
}

void cl_free(struct cl *cl)
{
	if (cl == NULL)
		return;
	/* What ends here has nobody left to tell. */
	struct dfs_fxs unheard = {.log_level = DFS_LOG_ERROR};
	cl->fx = &unheard;
	cl_calls_fini(cl);
	cl_inodes_fini(cl);
	cl_servers_fini(cl);
	cl_subtree_fini(cl);
	cl_atimes_fini(cl);
	cl_master_fini(cl);
	cl_replies_fini(cl);
	cl_cache_fini(cl);
	free_retired(cl);
	free(cl->retired);
	for (u32 i = 0; i < unheard.count; i++) {
		dfs_buf_unref(unheard.v[i].buf);
		dfs_buf_unref(unheard.v[i].payload);
	}
	dfs_fxs_fini(&unheard);
	dfs_map_fini(&cl->servers_by_id);
	dfs_map_fini(&cl->inodes_by_ino);
	dfs_map_fini(&cl->handles);
	dfs_map_fini(&cl->tasks_by_id);
	dfs_heap_fini(&cl->timers);
	free(cl);
}

static struct dfs_session *session_of(const struct cl *cl, u64 link)
{
	if (dfs_session_link(cl->master.session) == link)
		return cl->master.session;
	dfs_list_for_each (node, &cl->servers) {
		struct cl_server *server = dfs_list_entry(node, struct cl_server, in_all);
		if (server->session != NULL && dfs_session_link(server->session) == link)
			return server->session;
	}
	return NULL;
}

static void feed(struct cl *cl, const struct dfs_ev *ev)
{
	struct dfs_session *session;
	switch (ev->kind) {
	case DFS_EV_BOOT:
		if (cl->phase != CL_PHASE_NEW)
			return;
		memcpy(cl->identity.seed, ev->seed, DFS_SEED_BYTES);
		cl->phase = CL_PHASE_STARTING;
		cl_master_open(cl);
		return;
	case DFS_EV_CALL:
		cl_call_begin(cl, ev->tag, ev->call);
		return;
	case DFS_EV_CALL_CANCEL:
		cl_call_cancel(cl, ev->tag, DFS_EINTR);
		return;
	case DFS_EV_STOP:
		cl_stop(cl);
		return;
	case DFS_EV_LINK_UP:
	case DFS_EV_LINK_BYTES:
	case DFS_EV_LINK_ROOM:
	case DFS_EV_LINK_DOWN:
		session = session_of(cl, ev->tag);
		if (session != NULL)
			dfs_session_step(session, ev, cl->fx);
		return;
	case DFS_EV_LINK_NEW: /* Nobody connects to a client, and it has no disks. */
	case DFS_EV_IO_DONE:
	case DFS_EV_TIMER:
		return;
	}
}

static void tick(struct cl *cl)
{
	if (cl->phase == CL_PHASE_NEW)
		return;
	dfs_session_tick(cl->master.session, cl->now, cl->fx);
	dfs_list_for_each (node, &cl->servers) {
		struct cl_server *server = dfs_list_entry(node, struct cl_server, in_all);
		if (server->session != NULL)
			dfs_session_tick(server->session, cl->now, cl->fx);
	}
	cl_timers_run(cl);
}

static void work(struct cl *cl)
{
	cl_master_pull(cl);
	dfs_list_for_each (node, &cl->servers)
		cl_server_pull(cl, dfs_list_entry(node, struct cl_server, in_all));
	/* Inodes make room for writers, which touch inodes. Each pass has less to do. */
	do {
		cl_servers_work(cl);
		cl_inodes_work(cl);
		cl_writers_work(cl);
	} while (!dfs_list_empty(&cl->touched) || cl->servers_moved);
	dfs_list_for_each (node, &cl->servers)
		cl_server_pump(cl, dfs_list_entry(node, struct cl_server, in_all));
	cl_stop_work(cl);
}

static void step(void *core, const struct dfs_ev *ev, struct dfs_fxs *fx)
{
	struct cl *cl = core;
	cl_replies_release(cl);
	free_retired(cl);
	if (cl->phase == CL_PHASE_ENDED)
		return;
	cl->now = dfs_max(cl->now, ev->now);
	cl->wall = ev->wall;
	cl->fx = fx;
	feed(cl, ev);
	if (ev->kind == DFS_EV_TIMER)
		tick(cl);
	if (cl->phase != CL_PHASE_NEW && cl->phase != CL_PHASE_ENDED)
		work(cl);
	cl->fx = NULL;
}

static nsec deadline(const void *core)
{
	const struct cl *cl = core;
	if (cl->phase == CL_PHASE_NEW || cl->phase == CL_PHASE_ENDED)
		return DFS_NEVER;
	nsec due = dfs_session_deadline(cl->master.session);
	dfs_list_for_each (node, &cl->servers) {
		struct cl_server *server = dfs_list_entry(node, struct cl_server, in_all);
		if (server->session != NULL)
			due = dfs_min(due, dfs_session_deadline(server->session));
	}
	const struct dfs_heap_node *top = dfs_heap_top(&cl->timers);
	return top == NULL ? due : dfs_min(due, top->key);
}

static void room(void *core, u64 link, u8 **ret_data, u32 *ret_length)
{
	struct dfs_session *session = session_of(core, link);
	DFS_ASSERT(session != NULL);
	dfs_session_room(session, ret_data, ret_length);
}

bool cl_ready(const struct cl *cl, int *ret_error, struct dfs_span *ret_text)
{
	if (cl->phase == CL_PHASE_SERVING) {
		*ret_error = 0;
		*ret_text = (struct dfs_span){0};
		return true;
	}
	if (cl->master.state == CL_MASTER_ATTACHED && cl->subtree.refusal != 0) {
		*ret_error = cl->subtree.refusal;
		*ret_text = dfs_span_text("the directory to mount is not on the cluster");
	} else {
		*ret_error = cl->master.refusal;
		*ret_text = dfs_span_text(cl->master.refusal_text);
	}
	return false;
}

u64 cl_dirty_bytes(const struct cl *cl)
{
	return cl->unstored_bytes;
}

bool cl_changing(const struct cl *cl)
{
	return !dfs_list_empty(&cl->master.mutations);
}

const struct dfs_core_ops cl_core_ops = {
    .step = step,
    .deadline = deadline,
    .room = room,
    .check = cl_check,
};
