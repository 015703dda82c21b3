/*
 * See ms_cluster.h. A puppet is a core of the engine: its session's events are written down, and
 * EV_CALL makes it send.
 */
#include "tests/unit/ms_cluster.h"

#include "tests/unit/ms_puppet.h"
#include "tests/unit/unit.h"

static const u8 key[DFS_KEY_BYTES] = {1, 2, 3};

static void remember(struct puppet *puppet, const struct dfs_session_event *event)
{
	assert_true(event->tag < PUPPET_REPLIES_MAX);
	struct puppet_reply *reply = &puppet->replies[event->tag];
	reply->done = true;
	reply->times++;
	assert_int_equal(reply->times, 1);
	reply->status = event->status;
	reply->length = event->body.length;
	reply->body = malloc(event->body.length + 1);
	if (event->body.length > 0)
		memcpy(reply->body, event->body.data, event->body.length);
}

static void answer_one(struct puppet *puppet, struct puppet_asked *asked, struct dfs_fxs *fxs)
{
	if (asked->answered)
		return;
	asked->answered = true;
	dfs_session_reply(puppet->session, asked->request, asked->type, puppet->answer_status, NULL,
			  NULL, fxs);
}

static void asked(struct puppet *puppet, const struct dfs_session_event *event, struct dfs_fxs *fxs)
{
	assert_true(puppet->asked_count < PUPPET_ASKED_MAX);
	struct puppet_asked *asked = &puppet->asked[puppet->asked_count++];
	asked->type = event->type;
	asked->request = event->request;
	asked->length = event->body.length;
	asked->body = malloc(event->body.length + 1);
	if (event->body.length > 0)
		memcpy(asked->body, event->body.data, event->body.length);
	if (!puppet->holds_answers)
		answer_one(puppet, asked, fxs);
}

#define ATTACH_TAG UINT64_MAX

static void attach(struct puppet *puppet, struct dfs_fxs *fxs)
{
	struct dfs_writer body, opens, grants;
	u16 version = dfs_session_peer(puppet->session)->version;
	dfs_writer_init(&opens, version, 0);
	dfs_writer_init(&grants, version, 0);
	for (u32 i = 0; i < 4; i++) {
		struct dfs_id id = {.id = puppet->opens[i]};
		if (id.id != 0)
			dfs_id_put(&opens, &id);
		if (puppet->grants[i].chunk != 0)
			dfs_grant_kept_put(&grants, &puppet->grants[i]);
	}
	struct dfs_attach attach = {.session = puppet->attached,
				    .opens = dfs_writer_items(&opens),
				    .grants = dfs_writer_items(&grants)};
	dfs_session_writer(puppet->session, &body);
	dfs_attach_put(&body, &attach);
	(void)dfs_session_request_first(puppet->session, DFS_MSG_ATTACH, &body, ATTACH_TAG, fxs);
	dfs_writer_fini(&opens);
	dfs_writer_fini(&grants);
}

static void attached(struct puppet *puppet, const struct dfs_session_event *event, nsec now,
		     struct dfs_fxs *fxs)
{
	struct dfs_attach_reply reply;
	puppet->attach_status = event->status;
	if (event->status == DFS_ENOT_LEADER) {
		dfs_session_next_address(puppet->session, now, fxs);
		return;
	}
	if (event->status == 0) {
		assert_int_equal(dfs_attach_reply_decode(event->body, 1, &reply), 0);
		puppet->attached = reply.session;
	}
	dfs_session_hold(puppet->session, false, fxs);
}

static void pull(struct puppet *puppet, nsec now, struct dfs_fxs *fxs)
{
	struct dfs_session_event event;
	while (dfs_session_next(puppet->session, now, &event, fxs)) {
		if (event.kind == DFS_SESSION_EV_UP) {
			puppet->ups_count++;
			if (puppet->resumes)
				attach(puppet, fxs);
		} else if (event.kind == DFS_SESSION_EV_LOST) {
			dfs_session_hold(puppet->session, puppet->resumes, fxs);
		} else if (event.kind == DFS_SESSION_EV_REQUEST) {
			asked(puppet, &event, fxs);
		} else if (event.kind == DFS_SESSION_EV_REPLY && event.tag == ATTACH_TAG) {
			attached(puppet, &event, now, fxs);
		} else if (event.kind == DFS_SESSION_EV_REPLY) {
			remember(puppet, &event);
		}
	}
}

static void on_call(struct puppet *puppet, const struct puppet_call *call, nsec now,
		    struct dfs_fxs *fxs)
{
	if (call->type == DFS_MSG_ATTACH && call->body == NULL) {
		puppet->resumes = true;
		if (dfs_session_state(puppet->session) == DFS_SESSION_UP)
			attach(puppet, fxs);
	} else if (call->cut) {
		dfs_session_next_address(puppet->session, now, fxs);
	} else if (call->body == NULL) {
		for (u32 i = 0; i < puppet->asked_count; i++)
			answer_one(puppet, &puppet->asked[i], fxs);
	} else {
		(void)dfs_session_request(puppet->session, call->type, call->body, NULL, call->tag,
					  fxs);
	}
}

static void puppet_step(void *core, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	struct puppet *puppet = core;
	switch (ev->kind) {
	case DFS_EV_BOOT:
		memcpy(puppet->identity.seed, ev->seed, DFS_SEED_BYTES);
		dfs_session_open(puppet->session, ev->now, fxs);
		break;
	case DFS_EV_LINK_UP:
	case DFS_EV_LINK_BYTES:
	case DFS_EV_LINK_ROOM:
	case DFS_EV_LINK_DOWN:
		if (ev->tag == dfs_session_link(puppet->session))
			dfs_session_step(puppet->session, ev, fxs);
		break;
	case DFS_EV_TIMER:
		dfs_session_tick(puppet->session, ev->now, fxs);
		break;
	case DFS_EV_CALL:
		on_call(puppet, ev->call, ev->now, fxs);
		break;
	case DFS_EV_STOP:
		dfs_session_close(puppet->session, fxs);
		dfs_fx_exit(fxs, 0);
		return;
	default:
		break;
	}
	pull(puppet, ev->now, fxs);
}

static nsec puppet_deadline(const void *core)
{
	return dfs_session_deadline(((const struct puppet *)core)->session);
}

static void puppet_room(void *core, u64 link, u8 **ret_data, u32 *ret_length)
{
	static u8 nowhere[64];
	struct puppet *puppet = core;
	*ret_data = nowhere;
	*ret_length = sizeof(nowhere);
	if (link == dfs_session_link(puppet->session))
		dfs_session_room(puppet->session, ret_data, ret_length);
}

static void puppet_check(const void *core)
{
	dfs_session_check(((const struct puppet *)core)->session);
}

static const struct dfs_core_ops puppet_ops = {puppet_step, puppet_deadline, puppet_room,
					       puppet_check};

static void *puppet_make_core(void *arg, struct sim_node *node)
{
	struct puppet *puppet = arg;
	struct dfs_span address = dfs_span_text("master:1");
	puppet->node = node;
	puppet->session = dfs_session_new_connector(&puppet->identity, DFS_ROLE_MASTER, &address, 1,
						    &puppet->next_link);
	return puppet;
}

static void puppet_drop_core(void *core)
{
	struct puppet *puppet = core;
	dfs_session_free(puppet->session);
	puppet->session = NULL;
}

static void *master_make(void *arg, struct sim_node *node)
{
	struct ms_cluster *cluster = arg;
	struct ms_config config = {
	    .identity =
		{.cluster = 7, .node = 1, .host = 1, .role = DFS_ROLE_MASTER, .name = "master"},
	    .kvs = {kv_sim_kv(sim_kv(node, MS_KV_LOG)), kv_sim_kv(sim_kv(node, MS_KV_STATE))},
	    .address = "master:1",
	    .server = 1,
	    .bootstrap = true,
	    .session_timeout = cluster->session_timeout,
	    .rows_cached = 256,
	};
	memcpy(config.identity.key, key, sizeof(key));
	return ms_new(&config);
}

static void master_drop(void *core)
{
	ms_free(core);
}

static void master_down(void *arg, struct sim_node *node, bool crashed, int status)
{
	struct ms_cluster *cluster = arg;
	(void)node;
	if (crashed)
		cluster->crashes_count++;
	else
		cluster->exits_count++;
	cluster->exit_status = status;
	if (cluster->restarts)
		sim_after(cluster->sim, &cluster->restart, DFS_MSEC);
}

static void restart(struct sim_alarm *alarm)
{
	struct ms_cluster *cluster = dfs_container_of(alarm, struct ms_cluster, restart);
	if (!sim_up(cluster->master))
		sim_start(cluster->master);
}

void ms_cluster_init(struct ms_cluster *cluster, u64 seed)
{
	ms_cluster_init_slow(cluster, seed, sim_calm.sync_max);
}

void ms_cluster_init_slow(struct ms_cluster *cluster, u64 seed, nsec sync_max)
{
	struct sim_tuning tuning = sim_calm;
	tuning.sync_max = sync_max;
	memset(cluster, 0, sizeof(*cluster));
	cluster->sim = sim_new(seed, &tuning);
	cluster->restart.fire = restart;
	struct sim_node_spec spec = {
	    .name = "master",
	    .addresses = {"master:1"},
	    .machine = 1,
	    .ops = &ms_core_ops,
	    .make = master_make,
	    .drop = master_drop,
	    .down = master_down,
	    .arg = cluster,
	    .kvs_count = MS_KV_COUNT,
	    .kv_kinds = {[MS_KV_LOG] = KV_SIM_LOGGED, [MS_KV_STATE] = KV_SIM_UNLOGGED},
	};
	cluster->master = sim_add(cluster->sim, &spec);
	sim_start(cluster->master);
	ms_cluster_run(cluster, 100 * DFS_MSEC + 4 * sync_max);
}

void ms_cluster_fini(struct ms_cluster *cluster)
{
	sim_free(cluster->sim);
	for (u32 i = 0; i < cluster->puppets_count; i++) {
		struct puppet *puppet = cluster->puppets[i];
		for (u32 j = 0; j < puppet->replies_count; j++)
			free(puppet->replies[j].body);
		for (u32 j = 0; j < puppet->asked_count; j++)
			free(puppet->asked[j].body);
		free(puppet);
	}
}

void ms_cluster_run(struct ms_cluster *cluster, nsec duration)
{
	sim_run_until(cluster->sim, sim_now(cluster->sim) + duration);
}

void ms_cluster_restart(struct ms_cluster *cluster, enum sim_crash how)
{
	sim_crash(cluster->master, how);
	if (!sim_up(cluster->master))
		sim_start(cluster->master);
	ms_cluster_run(cluster, 3 * DFS_SEC);
}

struct puppet *puppet_new(struct ms_cluster *cluster, const char *name, u16 role)
{
	struct puppet *puppet = calloc(1, sizeof(*puppet));
	u32 number = cluster->puppets_count;
	assert_true(number < PUPPETS_MAX);
	cluster->puppets[cluster->puppets_count++] = puppet;
	puppet->cluster = cluster;
	puppet->identity.cluster = 7;
	puppet->identity.node = 100 + number;
	puppet->identity.host = 100 + number;
	puppet->identity.role = role;
	puppet->next_link = 1;
	memcpy(puppet->identity.key, key, sizeof(key));
	snprintf(puppet->identity.name, sizeof(puppet->identity.name), "%s", name);
	struct sim_node_spec spec = {
	    .name = name,
	    .machine = 2 + number,
	    .ops = &puppet_ops,
	    .make = puppet_make_core,
	    .drop = puppet_drop_core,
	    .arg = puppet,
	};
	sim_start(sim_add(cluster->sim, &spec));
	ms_cluster_run(cluster, 100 * DFS_MSEC);
	assert_int_equal(dfs_session_state(puppet->session), DFS_SESSION_UP);
	return puppet;
}
