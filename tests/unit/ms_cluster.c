/*
 * See ms_cluster.h. A puppet is a core of the engine: its session's events are written down, and
 * EV_CALL makes it send.
 */
#include "tests/unit/ms_cluster.h"

#include "tests/unit/unit.h"

static const u8 key[DFS_KEY_BYTES] = {1, 2, 3};

struct puppet_call {
	u16 type;
	struct dfs_writer *body; /* NULL: answer what was held back. */
	u64 tag;
	bool cut;
};

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
	memset(cluster, 0, sizeof(*cluster));
	cluster->sim = sim_new(seed, &sim_calm);
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
	ms_cluster_run(cluster, 100 * DFS_MSEC);
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

void puppet_cut(struct puppet *puppet)
{
	struct puppet_call call = {.cut = true};
	sim_call(puppet->node, 0, &call);
}

void puppet_writer(struct puppet *puppet, struct dfs_writer *ret_body)
{
	dfs_session_writer(puppet->session, ret_body);
}

u32 puppet_say(struct puppet *puppet, u16 type, struct dfs_writer *body)
{
	assert_true(puppet->replies_count < PUPPET_REPLIES_MAX);
	struct puppet_call call = {.type = type, .body = body, .tag = puppet->replies_count++};
	sim_call(puppet->node, 0, &call);
	return (u32)call.tag;
}

const struct puppet_reply *puppet_ask(struct puppet *puppet, u16 type, struct dfs_writer *body)
{
	u32 index = puppet_say(puppet, type, body);
	nsec end = sim_now(puppet->cluster->sim) + 10 * DFS_SEC;
	while (!puppet->replies[index].done && sim_now(puppet->cluster->sim) < end)
		ms_cluster_run(puppet->cluster, DFS_MSEC);
	return puppet->replies[index].done ? &puppet->replies[index] : NULL;
}

void puppet_attach(struct puppet *puppet)
{
	struct puppet_call call = {.type = DFS_MSG_ATTACH};
	puppet->attach_status = 1;
	sim_call(puppet->node, 0, &call);
	for (u32 i = 0; i < 1000 && puppet->attach_status == 1; i++)
		ms_cluster_run(puppet->cluster, DFS_MSEC);
}

u32 puppet_mutate(struct puppet *puppet, u64 sequence, u16 op, struct dfs_writer *body)
{
	struct dfs_writer writer;
	struct dfs_mutate mutate = {
	    .session = puppet->attached,
	    .sequence = sequence,
	    .acked = sequence > 64 ? sequence - 64 : 0,
	    .op = op,
	    .body = dfs_span(body->buf->data, body->buf->length),
	};
	puppet_writer(puppet, &writer);
	dfs_mutate_put(&writer, &mutate);
	dfs_writer_fini(body);
	return puppet_say(puppet, DFS_MSG_MUTATE, &writer);
}

const struct puppet_reply *puppet_change(struct puppet *puppet, u64 sequence, u16 op,
					 struct dfs_writer *body)
{
	u32 index = puppet_mutate(puppet, sequence, op, body);
	for (u32 i = 0; i < 10000 && !puppet->replies[index].done; i++)
		ms_cluster_run(puppet->cluster, DFS_MSEC);
	assert_true(puppet->replies[index].done);
	return &puppet->replies[index];
}

static struct dfs_span body_of(const struct puppet_reply *reply)
{
	return dfs_span(reply->body, reply->length);
}

int puppet_make(struct puppet *puppet, u64 sequence, const char *name, bool open,
		struct dfs_mutate_reply *ret_reply)
{
	struct dfs_writer body;
	struct dfs_mutate_reply decoded;
	struct dfs_make make = {
	    .parent = DFS_INO_ROOT, .name = dfs_span_text(name), .mode = 0100644, .open = open};
	dfs_writer_init(&body, 1, 0);
	dfs_make_put(&body, &make);
	const struct puppet_reply *reply = puppet_change(puppet, sequence, DFS_OP_MAKE, &body);
	if (reply->status == 0) {
		assert_int_equal(dfs_mutate_reply_decode(body_of(reply), 1, &decoded), 0);
		if (ret_reply != NULL)
			*ret_reply = decoded;
	}
	return reply->status;
}

int puppet_unlink(struct puppet *puppet, u64 sequence, const char *name)
{
	struct dfs_writer body;
	struct dfs_unlink unlink = {.parent = DFS_INO_ROOT, .name = dfs_span_text(name)};
	dfs_writer_init(&body, 1, 0);
	dfs_unlink_put(&body, &unlink);
	return puppet_change(puppet, sequence, DFS_OP_UNLINK, &body)->status;
}

int puppet_commit(struct puppet *puppet, u64 sequence, u64 ino, u64 chunk, u64 size)
{
	struct dfs_writer body, chunks;
	struct dfs_committed committed = {.index = 0, .chunk = chunk};
	dfs_writer_init(&chunks, 1, 0);
	dfs_committed_put(&chunks, &committed);
	struct dfs_commit commit = {
	    .ino = ino, .size = size, .mtime = 1, .chunks = dfs_writer_items(&chunks)};
	dfs_writer_init(&body, 1, 0);
	dfs_commit_put(&body, &commit);
	dfs_writer_fini(&chunks);
	return puppet_change(puppet, sequence, DFS_OP_COMMIT, &body)->status;
}

int puppet_lookup(struct puppet *puppet, const char *name, struct dfs_attr *ret_attr)
{
	struct dfs_writer body;
	struct dfs_lookup_reply decoded;
	struct dfs_lookup lookup = {.parent = DFS_INO_ROOT, .name = dfs_span_text(name)};
	puppet_writer(puppet, &body);
	dfs_lookup_put(&body, &lookup);
	const struct puppet_reply *reply = puppet_ask(puppet, DFS_MSG_LOOKUP, &body);
	assert_non_null(reply);
	if (reply->status == 0) {
		assert_int_equal(dfs_lookup_reply_decode(body_of(reply), 1, &decoded), 0);
		*ret_attr = decoded.attr;
	}
	return reply->status;
}

int puppet_getattr(struct puppet *puppet, u64 ino, struct dfs_attr *ret_attr)
{
	struct dfs_writer body;
	struct dfs_getattr_reply decoded;
	struct dfs_getattr getattr = {.ino = ino};
	puppet_writer(puppet, &body);
	dfs_getattr_put(&body, &getattr);
	const struct puppet_reply *reply = puppet_ask(puppet, DFS_MSG_GETATTR, &body);
	assert_non_null(reply);
	if (reply->status == 0) {
		assert_int_equal(dfs_getattr_reply_decode(body_of(reply), 1, &decoded), 0);
		*ret_attr = decoded.attr;
	}
	return reply->status;
}

u32 puppet_grant(struct puppet *puppet, u64 ino, u64 index, u32 count)
{
	struct dfs_writer body;
	struct dfs_grant grant = {
	    .session = puppet->attached, .ino = ino, .index = index, .count = count};
	puppet_writer(puppet, &body);
	dfs_grant_put(&body, &grant);
	return puppet_say(puppet, DFS_MSG_GRANT, &body);
}

bool puppet_first_location(struct dfs_items locations, struct dfs_location *ret_location)
{
	return dfs_location_next(&locations, ret_location);
}

int puppet_open(struct puppet *puppet, u64 ino)
{
	struct dfs_writer body;
	struct dfs_open open = {.session = puppet->attached, .ino = ino};
	puppet_writer(puppet, &body);
	dfs_open_put(&body, &open);
	return puppet_ask(puppet, DFS_MSG_OPEN, &body)->status;
}

int puppet_release(struct puppet *puppet, u64 ino)
{
	struct dfs_writer body;
	struct dfs_release release = {.session = puppet->attached, .ino = ino};
	puppet_writer(puppet, &body);
	dfs_release_put(&body, &release);
	return puppet_ask(puppet, DFS_MSG_RELEASE, &body)->status;
}

u64 puppet_status(struct puppet *puppet, const char *name)
{
	struct dfs_writer body;
	struct dfs_status_reply decoded;
	struct dfs_status_item item;
	struct dfs_status nothing;
	char text[32] = "";
	puppet_writer(puppet, &body);
	dfs_status_put(&body, &nothing);
	const struct puppet_reply *reply = puppet_ask(puppet, DFS_MSG_STATUS, &body);
	assert_non_null(reply);
	assert_int_equal(dfs_status_reply_decode(body_of(reply), 1, &decoded), 0);
	while (dfs_status_item_next(&decoded.items, &item)) {
		if (dfs_span_equal(item.key, dfs_span_text(name)) &&
		    item.value.length < sizeof(text))
			memcpy(text, item.value.data, item.value.length);
	}
	assert_true(text[0] != '\0');
	return strtoull(text, NULL, 10);
}

int puppet_register(struct puppet *puppet, u64 bytes_free, u32 disk_state)
{
	struct dfs_writer body, disks;
	struct dfs_disk_space disk = {
	    .bytes_total = UINT64_C(1) << 40, .bytes_free = bytes_free, .state = disk_state};
	dfs_writer_init(&disks, 1, 0);
	dfs_disk_space_put(&disks, &disk);
	struct dfs_register registration = {.address = dfs_span_text(puppet->identity.name),
					    .disks = dfs_writer_items(&disks)};
	puppet_writer(puppet, &body);
	dfs_register_put(&body, &registration);
	dfs_writer_fini(&disks);
	return puppet_ask(puppet, DFS_MSG_REGISTER, &body)->status;
}

int puppet_report(struct puppet *puppet, bool full, u64 chunk, u32 state)
{
	struct dfs_writer body, chunks;
	struct dfs_held held = {.chunk = chunk, .epoch = 1, .length = 4096, .state = state};
	dfs_writer_init(&chunks, 1, 0);
	if (chunk != 0)
		dfs_held_put(&chunks, &held);
	struct dfs_report report = {
	    .full = full, .last = full, .chunks = dfs_writer_items(&chunks)};
	puppet_writer(puppet, &body);
	dfs_report_put(&body, &report);
	dfs_writer_fini(&chunks);
	return puppet_ask(puppet, DFS_MSG_REPORT, &body)->status;
}

u32 puppet_asked_count(const struct puppet *puppet, u16 type)
{
	u32 count = 0;
	for (u32 i = 0; i < puppet->asked_count; i++)
		count += puppet->asked[i].type == type;
	return count;
}

bool puppet_asked_delete(const struct puppet *puppet, u64 chunk)
{
	for (u32 i = 0; i < puppet->asked_count; i++) {
		const struct puppet_asked *asked = &puppet->asked[i];
		struct dfs_delete_chunks request;
		struct dfs_id id;
		if (asked->type != DFS_MSG_DELETE_CHUNKS)
			continue;
		assert_int_equal(
		    dfs_delete_chunks_decode(dfs_span(asked->body, asked->length), 1, &request), 0);
		while (dfs_id_next(&request.chunks, &id)) {
			if (id.id == chunk)
				return true;
		}
	}
	return false;
}

void puppet_answer(struct puppet *puppet, int status)
{
	struct puppet_call call = {0};
	puppet->answer_status = status;
	sim_call(puppet->node, 0, &call);
}
