/*
 * The two peers of a cs_world: a client that connects, a master that is connected to and writes
 * down what it is told.
 */
#include "libdfsproto/base/errors.h"
#include "tests/unit/cs_world_i.h"
#include "tests/unit/unit.h"

#define CLIENT_CS_LINK (DFS_LINK_ACCEPTED | 1)

static void pipe_add(struct world_pipe *pipe, const u8 *data, u32 length)
{
	if (pipe->capacity - pipe->length < length) {
		pipe->capacity = (pipe->length + length) * 2;
		pipe->data = realloc(pipe->data, pipe->capacity);
		assert_non_null(pipe->data);
	}
	memcpy(pipe->data + pipe->length, data, length);
	pipe->length += length;
}

static void pipe_take(struct world_pipe *pipe, u32 length)
{
	pipe->length -= length;
	memmove(pipe->data, pipe->data + length, pipe->length);
}

void world_pipe_send(struct world_pipe *pipe, struct dfs_fx *fx)
{
	pipe_add(pipe, fx->buf->data, fx->buf->length);
	if (fx->payload != NULL)
		pipe_add(pipe, fx->payload->data + fx->payload_offset, fx->payload_bytes);
	dfs_buf_unref(fx->buf);
	dfs_buf_unref(fx->payload);
}

void world_connect_master(struct cs_world *world, u64 cs_link)
{
	struct world_peer *master = &world->master;
	struct dfs_ev ev = {.kind = DFS_EV_LINK_DOWN, .tag = cs_link};
	if (!world->master_away) {
		dfs_session_free(master->session);
		master->link = DFS_LINK_ACCEPTED | cs_link;
		master->cs_link = cs_link;
		master->in.length = 0;
		master->out.length = 0;
		master->up = false;
		master->session = dfs_session_new_acceptor(&master->identity, master->link,
							   1u << DFS_ROLE_CHUNKSERVER, world->now);
		ev.kind = DFS_EV_LINK_UP;
	}
	world_step(world, &ev);
}

void world_peer_carry_out(struct cs_world *world, struct world_peer *peer)
{
	u64 opened = 0;
	for (u32 i = 0; i < world->fxs.count; i++) {
		struct dfs_fx *fx = &world->fxs.v[i];
		if (fx->kind == DFS_FX_LINK_SEND)
			world_pipe_send(&peer->out, fx);
		else if (fx->kind == DFS_FX_LINK_OPEN)
			opened = fx->tag;
	}
	world->fxs.count = 0;
	if (opened == 0)
		return;
	peer->link = opened;
	peer->cs_link = CLIENT_CS_LINK;
	struct dfs_ev there = {.kind = DFS_EV_LINK_NEW, .tag = CLIENT_CS_LINK};
	world_step(world, &there);
	struct dfs_ev here = {.kind = peer->cs_link != 0 ? DFS_EV_LINK_UP : DFS_EV_LINK_DOWN,
			      .tag = opened,
			      .now = world->now};
	dfs_session_step(peer->session, &here, &world->fxs);
	world_peer_carry_out(world, peer);
}

void world_flush(struct cs_world *world, struct world_peer *peer)
{
	world_peer_carry_out(world, peer);
}

static void note_held(struct cs_world *world, const struct dfs_held *held)
{
	for (u32 i = 0; i < world->held_count; i++) {
		if (world->held[i].chunk != held->chunk)
			continue;
		world->held[i].state = held->state;
		world->held[i].length = held->length;
		return;
	}
	assert_true(world->held_count < WORLD_HELD_MAX);
	world->held[world->held_count++] =
	    (struct world_held){.chunk = held->chunk, .state = held->state, .length = held->length};
}

static void note_disks(struct cs_world *world, struct dfs_items disks)
{
	struct dfs_disk_space space;
	world->bytes_free_told = 0;
	while (dfs_disk_space_next(&disks, &space)) {
		assert_true(space.disk < world->disks_count);
		world->disk_states[space.disk] = space.state;
		world->bytes_free_told += space.bytes_free;
	}
}

static void master_asked(struct cs_world *world, const struct dfs_session_event *event)
{
	struct dfs_register registration;
	struct dfs_report report;
	struct dfs_space space;
	struct dfs_held held;
	switch (event->type) {
	case DFS_MSG_REGISTER:
		assert_int_equal(dfs_register_decode(event->body, 1, &registration), 0);
		world->registers_count++;
		world->held_count = 0;
		note_disks(world, registration.disks);
		break;
	case DFS_MSG_REPORT:
		assert_int_equal(dfs_report_decode(event->body, 1, &report), 0);
		while (dfs_held_next(&report.chunks, &held))
			note_held(world, &held);
		break;
	case DFS_MSG_SPACE:
		assert_int_equal(dfs_space_decode(event->body, 1, &space), 0);
		note_disks(world, space.disks);
		break;
	default:
		fail();
	}
	dfs_session_reply(world->master.session, event->request, event->type, 0, NULL, NULL,
			  &world->fxs);
}

static void answered(struct cs_world *world, const struct dfs_session_event *event)
{
	struct world_reply *reply = &world->replies[event->tag];
	assert_false(reply->done);
	reply->done = true;
	reply->status = event->status;
	reply->body_bytes = event->body.length;
	if (event->body.length > 0) {
		reply->body = malloc(event->body.length);
		memcpy(reply->body, event->body.data, event->body.length);
	}
	if (event->payload != NULL) {
		reply->payload_bytes = event->payload->length;
		reply->payload = malloc(event->payload->length + 1u);
		memcpy(reply->payload, event->payload->data, event->payload->length);
	}
}

static void peer_pull(struct cs_world *world, struct world_peer *peer)
{
	struct dfs_session_event event;
	while (dfs_session_next(peer->session, world->now, &event, &world->fxs)) {
		if (event.kind == DFS_SESSION_EV_UP)
			peer->up = true;
		else if (event.kind == DFS_SESSION_EV_LOST)
			peer->up = false;
		else if (event.kind == DFS_SESSION_EV_REQUEST)
			master_asked(world, &event);
		else if (event.kind == DFS_SESSION_EV_REPLY)
			answered(world, &event);
	}
	world_peer_carry_out(world, peer);
}

bool world_deliver_to_peer(struct cs_world *world, struct world_peer *peer)
{
	if (peer->in.length == 0 || peer->link == 0)
		return false;
	u8 *data;
	u32 length;
	dfs_session_room(peer->session, &data, &length);
	length = dfs_min(length, peer->in.length);
	memcpy(data, peer->in.data, length);
	pipe_take(&peer->in, length);
	struct dfs_ev ev = {
	    .kind = DFS_EV_LINK_BYTES, .tag = peer->link, .count = length, .now = world->now};
	dfs_session_step(peer->session, &ev, &world->fxs);
	peer_pull(world, peer);
	return true;
}

bool world_deliver_to_server(struct cs_world *world, struct world_peer *peer)
{
	if (world->died)
		return false;
	if (peer->out.length == 0 || peer->cs_link == 0 || world->exited)
		return false;
	u8 *data;
	u32 length;
	cs_core_ops.room(world->cs, peer->cs_link, &data, &length);
	length = dfs_min(length, peer->out.length);
	memcpy(data, peer->out.data, length);
	pipe_take(&peer->out, length);
	struct dfs_ev ev = {.kind = DFS_EV_LINK_BYTES, .tag = peer->cs_link, .count = length};
	world_step(world, &ev);
	return true;
}

bool world_tick_peer(struct cs_world *world, struct world_peer *peer)
{
	if (peer->session == NULL || dfs_session_deadline(peer->session) > world->now)
		return false;
	dfs_session_tick(peer->session, world->now, &world->fxs);
	peer_pull(world, peer);
	return true;
}
