/*
 * See cl_world.h: the engine. What the puppets answer is in cl_puppets.c and cl_puppet_server.c.
 */
#include "tests/unit/cl_world.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>

static const u8 key[DFS_KEY_BYTES] = {5, 5, 5};
#define CLIENT_HOST UINT64_C(77)
#define WALL        (UINT64_C(1700000000) * DFS_SEC)

static void pipe_add(struct puppet_pipe *pipe, const u8 *data, u32 length)
{
	if (pipe->capacity - pipe->length < length) {
		pipe->capacity = (pipe->length + length) * 2;
		pipe->data = realloc(pipe->data, pipe->capacity);
		assert_non_null(pipe->data);
	}
	memcpy(pipe->data + pipe->length, data, length);
	pipe->length += length;
}

static void pipe_send(struct puppet_pipe *pipe, const struct dfs_fx *fx)
{
	pipe_add(pipe, fx->buf->data, fx->buf->length);
	if (fx->payload != NULL)
		pipe_add(pipe, fx->payload->data + fx->payload_offset, fx->payload_bytes);
}

static void step(struct cl_world *world, struct dfs_ev *ev);

/* --- Puppets. --- */

static void hang_up(struct puppet *puppet)
{
	dfs_session_free(puppet->session);
	puppet->session = NULL;
	puppet->link = 0;
	puppet->to.length = 0;
	puppet->from.length = 0;
	puppet->held_count = 0;
}

static void puppet_flush(struct puppet *puppet)
{
	struct dfs_fxs *fxs = &puppet->world->puppet_fxs;
	for (u32 i = 0; i < fxs->count; i++) {
		struct dfs_fx *fx = &fxs->v[i];
		if (fx->kind == DFS_FX_LINK_SEND && puppet->link != 0)
			pipe_send(&puppet->from, fx);
		if (fx->kind == DFS_FX_LINK_CLOSE)
			puppet->lost = true;
		dfs_buf_unref(fx->buf);
		dfs_buf_unref(fx->payload);
	}
	fxs->count = 0;
}

void puppet_reply(struct puppet *puppet, const struct dfs_session_event *request, int status,
		  struct dfs_writer *writer, const struct dfs_payload *payload)
{
	struct dfs_writer chained;
	bool bare = status == 0 && writer == NULL;
	/* There is no chain; the good answers of both look alike. */
	if (bare && (request->type == DFS_MSG_SYNC || request->type == DFS_MSG_PUNCH)) {
		dfs_session_writer(puppet->session, &chained);
		dfs_sync_reply_put(&chained, &(struct dfs_sync_reply){0});
		writer = &chained;
	}
	dfs_session_reply(puppet->session, request->request, request->type, status, writer, payload,
			  &puppet->world->puppet_fxs);
}

static void on_request(struct puppet *puppet, const struct dfs_session_event *request)
{
	struct cl_world *world = puppet->world;
	struct dfs_mutate mutate;
	assert_true(request->type < WORLD_TYPES);
	puppet->counts[request->type]++;
	if (request->type == DFS_MSG_MUTATE &&
	    dfs_mutate_decode(request->body, request->version, &mutate) == 0)
		puppet->ops[mutate.op]++;
	enum world_verdict verdict = WORLD_SERVE;
	if (world->intercept != NULL)
		verdict = world->intercept(world, puppet, request);
	switch (verdict) {
	case WORLD_SERVE:
		puppet_serve(puppet, request);
		break;
	case WORLD_REFUSE:
		puppet_reply(puppet, request, world->refuse, NULL, NULL);
		break;
	case WORLD_HOLD:
		assert_true(puppet->held_count < dfs_array_count(puppet->held));
		puppet->held_types[puppet->held_count] = request->type;
		puppet->held[puppet->held_count++] = request->request;
		break;
	case WORLD_DONE:
		break;
	}
}

static bool puppet_work(struct puppet *puppet)
{
	struct cl_world *world = puppet->world;
	bool worked = false;
	while (puppet->session != NULL && puppet->to.length > 0) {
		u8 *data;
		u32 room;
		dfs_session_room(puppet->session, &data, &room);
		u32 count = dfs_min(room, puppet->to.length);
		memcpy(data, puppet->to.data, count);
		puppet->to.length -= count;
		memmove(puppet->to.data, puppet->to.data + count, puppet->to.length);
		struct dfs_ev ev = {.kind = DFS_EV_LINK_BYTES,
				    .now = world->now,
				    .tag = dfs_session_link(puppet->session),
				    .count = count};
		dfs_session_step(puppet->session, &ev, &world->puppet_fxs);
		struct dfs_session_event event;
		while (dfs_session_next(puppet->session, world->now, &event, &world->puppet_fxs)) {
			if (event.kind == DFS_SESSION_EV_REQUEST)
				on_request(puppet, &event);
		}
		puppet_flush(puppet);
		worked = true;
	}
	while (puppet->link != 0 && puppet->from.length > 0) {
		u8 *data;
		u32 room;
		cl_core_ops.room(world->cl, puppet->link, &data, &room);
		u32 count = dfs_min(room, puppet->from.length);
		memcpy(data, puppet->from.data, count);
		puppet->from.length -= count;
		memmove(puppet->from.data, puppet->from.data + count, puppet->from.length);
		struct dfs_ev ev = {.kind = DFS_EV_LINK_BYTES, .tag = puppet->link, .count = count};
		step(world, &ev);
		worked = true;
	}
	if (puppet->lost && puppet->link != 0) {
		struct dfs_ev ev = {.kind = DFS_EV_LINK_DOWN, .tag = puppet->link};
		puppet->lost = false;
		hang_up(puppet);
		step(world, &ev);
		worked = true;
	}
	return worked;
}

static void connect(struct cl_world *world, u64 link, struct dfs_span address)
{
	struct dfs_ev ev = {.kind = DFS_EV_LINK_DOWN, .tag = link};
	for (u32 i = 0; i < WORLD_PUPPETS; i++) {
		struct puppet *puppet = &world->puppets[i];
		for (u32 a = 0; a < 2; a++) {
			if (puppet->away ||
			    !dfs_span_equal(address, dfs_span_text(puppet->addresses[a])))
				continue;
			hang_up(puppet);
			puppet->opened[a]++;
			puppet->lost = false;
			puppet->link = link;
			puppet->session =
			    dfs_session_new_acceptor(&puppet->identity, DFS_LINK_ACCEPTED | link,
						     1u << DFS_ROLE_CLIENT, world->now);
			ev.kind = DFS_EV_LINK_UP;
		}
	}
	step(world, &ev);
}

static struct puppet *puppet_of(struct cl_world *world, u64 link)
{
	for (u32 i = 0; i < WORLD_PUPPETS; i++) {
		if (world->puppets[i].link == link)
			return &world->puppets[i];
	}
	return NULL;
}

/* --- The client. --- */

static void take_reply(struct cl_world *world, u64 id, const struct cl_reply *reply)
{
	if (reply->op == CL_STALE) {
		world->stale[world->stale_count++ % WORLD_STALE_MAX] = reply->attr.ino;
		return;
	}
	assert_true(id < WORLD_CALLS_MAX);
	struct world_call *call = &world->calls[id];
	assert_false(call->done);
	call->done = true;
	call->status = reply->status;
	if (reply->status != 0)
		return;
	call->attr = reply->attr;
	call->attr_valid = reply->attr_valid;
	call->handle = reply->handle;
	call->count = reply->count;
	call->statfs = reply->statfs;
	u32 bytes = reply->op == CL_READ ? (u32)reply->count : reply->bytes.length;
	call->bytes = calloc(1, bytes + 1);
	call->bytes_count = bytes;
	u32 at = 0;
	for (u32 i = 0; i < reply->pieces_count; i++) {
		const struct dfs_payload *piece = &reply->pieces[i];
		assert_true(at + piece->bytes <= bytes);
		if (piece->buf != NULL)
			memcpy(call->bytes + at, piece->buf->data + piece->offset, piece->bytes);
		at += piece->bytes;
	}
	assert_true(reply->op != CL_READ || at == bytes);
	if (reply->bytes.length > 0)
		memcpy(call->bytes, reply->bytes.data, reply->bytes.length);
	call->names_count = reply->entries_count;
	for (u32 i = 0; i < reply->entries_count && i < 16; i++) {
		memcpy(call->names[i], reply->entries[i].name.data, reply->entries[i].name.length);
		call->offsets[i] = reply->entries[i].next_offset;
		call->inos[i] = reply->entries[i].attr.ino;
	}
}

static void take_log(struct cl_world *world, const struct dfs_fx *fx)
{
	if (getenv("WORLD_LOG") != NULL)
		fprintf(stderr, "%llu %s\n", (unsigned long long)world->now, fx->log.line);
	if (fx->log.level != DFS_LOG_ERROR)
		return;
	world->errors_count++;
	memcpy(world->last_error, fx->log.line, sizeof(world->last_error));
}

static void step(struct cl_world *world, struct dfs_ev *ev)
{
	char opened[8][64];
	u64 links[8];
	u32 opened_count = 0;
	ev->now = world->now;
	ev->wall = WALL + world->now;
	world->fxs.count = 0;
	cl_core_ops.step(world->cl, ev, &world->fxs);
	cl_core_ops.check(world->cl);
	for (u32 i = 0; i < world->fxs.count; i++) {
		struct dfs_fx *fx = &world->fxs.v[i];
		struct puppet *puppet = puppet_of(world, fx->tag);
		if (fx->kind == DFS_FX_LINK_OPEN) {
			assert_true(opened_count < 8 && fx->address.length < 64);
			memcpy(opened[opened_count], fx->address.data, fx->address.length);
			opened[opened_count][fx->address.length] = '\0';
			links[opened_count++] = fx->tag;
		} else if (fx->kind == DFS_FX_LINK_SEND && puppet != NULL) {
			pipe_send(&puppet->to, fx);
		} else if (fx->kind == DFS_FX_LINK_CLOSE && puppet != NULL) {
			hang_up(puppet);
		} else if (fx->kind == DFS_FX_REPLY) {
			take_reply(world, fx->tag, fx->reply);
		} else if (fx->kind == DFS_FX_LOG) {
			take_log(world, fx);
		} else if (fx->kind == DFS_FX_EXIT) {
			world->exited = true;
		}
		dfs_buf_unref(fx->buf);
		dfs_buf_unref(fx->payload);
	}
	world->fxs.count = 0;
	for (u32 i = 0; i < opened_count; i++)
		connect(world, links[i], dfs_span_text(opened[i]));
}

static bool timer(struct cl_world *world)
{
	if (cl_core_ops.deadline(world->cl) > world->now)
		return false;
	struct dfs_ev ev = {.kind = DFS_EV_TIMER};
	step(world, &ev);
	return true;
}

void world_settle(struct cl_world *world)
{
	bool worked = true;
	for (u32 turns = 0; worked; turns++) {
		assert_true(turns < 100000); /* It spins. */
		worked = false;
		for (u32 i = 0; i < WORLD_PUPPETS; i++)
			worked |= puppet_work(&world->puppets[i]);
		worked |= timer(world);
	}
}

static void tick_puppets(struct cl_world *world)
{
	for (u32 i = 0; i < WORLD_PUPPETS; i++) {
		if (world->puppets[i].session == NULL)
			continue;
		dfs_session_tick(world->puppets[i].session, world->now, &world->puppet_fxs);
		puppet_flush(&world->puppets[i]);
	}
}

void world_run(struct cl_world *world, nsec duration)
{
	nsec end = world->now + duration;
	world_settle(world);
	while (world->now < end) {
		nsec next = cl_core_ops.deadline(world->cl);
		for (u32 i = 0; i < WORLD_PUPPETS; i++) {
			if (world->puppets[i].session != NULL)
				next =
				    dfs_min(next, dfs_session_deadline(world->puppets[i].session));
		}
		world->now = dfs_max(world->now, dfs_min(next, end));
		tick_puppets(world);
		world_settle(world);
	}
}

void world_cut(struct cl_world *world, u32 index)
{
	world->puppets[index].lost = true;
	world->puppets[index].to.length = 0;
	world->puppets[index].from.length = 0;
	world_settle(world);
}

nsec world_wall(const struct cl_world *world)
{
	return WALL + world->now;
}

void world_release(struct cl_world *world, u32 index, int status)
{
	struct puppet *puppet = &world->puppets[index];
	u32 count = puppet->held_count;
	puppet->held_count = 0;
	for (u32 i = 0; i < count; i++) {
		struct dfs_session_event request = {.type = puppet->held_types[i],
						    .request = puppet->held[i]};
		puppet_reply(puppet, &request, status, NULL, NULL);
	}
	puppet_flush(puppet);
	world_settle(world);
}

u64 world_call(struct cl_world *world, const struct cl_call *call)
{
	struct dfs_ev ev = {.kind = DFS_EV_CALL, .tag = ++world->calls_made, .call = call};
	u64 id = ev.tag;
	assert_true(id < WORLD_CALLS_MAX);
	step(world, &ev);
	world_settle(world);
	return id;
}

void world_cancel(struct cl_world *world, u64 id)
{
	struct dfs_ev ev = {.kind = DFS_EV_CALL_CANCEL, .tag = id};
	step(world, &ev);
	world_settle(world);
}

void world_stop(struct cl_world *world)
{
	struct dfs_ev ev = {.kind = DFS_EV_STOP};
	step(world, &ev);
	world_settle(world);
}

static void init_puppets(struct cl_world *world)
{
	static const char *const addresses[WORLD_PUPPETS][2] = {
	    {"master:1", "-"}, {"server1:1", "unix:/run/server1"}, {"server2:1", "-"}};
	for (u32 i = 0; i < WORLD_PUPPETS; i++) {
		struct puppet *puppet = &world->puppets[i];
		puppet->world = world;
		puppet->index = i;
		strcpy(puppet->addresses[0], addresses[i][0]);
		strcpy(puppet->addresses[1], addresses[i][1]);
		memcpy(puppet->identity.key, key, sizeof(key));
		puppet->identity.cluster = 9;
		puppet->identity.node = 100 + i;
		puppet->identity.host = i == WORLD_SERVER_1 ? CLIENT_HOST : 1000 + i;
		puppet->identity.role = i == WORLD_MASTER ? DFS_ROLE_MASTER : DFS_ROLE_CHUNKSERVER;
		memset(puppet->identity.seed, (int)i + 1, DFS_SEED_BYTES);
	}
	world->place = WORLD_SERVER_1;
	world->next_chunk = 5000;
	(void)world_add(world, 0, "", S_IFDIR | 0755);
}

void world_boot(struct cl_world *world, void (*tune)(struct cl_config *config))
{
	static const u8 seed[DFS_SEED_BYTES] = {42};
	struct cl_config config = {.masters = "master:1", .subtree = "/"};
	memset(world, 0, sizeof(*world));
	init_puppets(world);
	memcpy(config.identity.key, key, sizeof(key));
	config.identity.cluster = 9;
	config.identity.node = 200;
	config.identity.host = CLIENT_HOST;
	config.identity.role = DFS_ROLE_CLIENT;
	strcpy(config.identity.name, "test");
	if (tune != NULL)
		tune(&config);
	world->cl = cl_new(&config);
	world->now = DFS_SEC;
	world->fxs.log_level = DFS_LOG_DEBUG;
	struct dfs_ev ev = {.kind = DFS_EV_BOOT, .seed = seed};
	step(world, &ev);
	world_settle(world);
}

void world_init(struct cl_world *world, void (*tune)(struct cl_config *config))
{
	int error;
	struct dfs_span text;
	world_boot(world, tune);
	assert_true(cl_ready(world->cl, &error, &text));
	world_counts_clear(world);
}

void world_fini(struct cl_world *world)
{
	cl_free(world->cl);
	for (u32 i = 0; i < WORLD_PUPPETS; i++) {
		struct puppet *puppet = &world->puppets[i];
		hang_up(puppet);
		free(puppet->to.data);
		free(puppet->from.data);
		for (u32 c = 0; c < WORLD_CHUNKS_MAX; c++)
			free(puppet->chunks[c].data);
	}
	for (u32 i = 0; i < WORLD_CALLS_MAX; i++)
		free(world->calls[i].bytes);
	dfs_fxs_fini(&world->fxs);
	dfs_fxs_fini(&world->puppet_fxs);
	assert_int_equal(dfs_buf_live_count(), 0);
}
