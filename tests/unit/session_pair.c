/*
 * The two-session world of session_pair.h.
 */
#include "tests/unit/session_pair.h"

#include "libdfsproto/base/crc32c.h"

#include <stdio.h>
#include <stdlib.h>

static void identity_init(struct dfs_identity *identity, u16 role, const char *name, u64 seed)
{
	memset(identity, 0, sizeof(*identity));
	memset(identity->key, 0x5a, sizeof(identity->key));
	identity->cluster = 0xc1;
	identity->node = seed * 4 + role;
	identity->host = 0x40;
	identity->role = role;
	snprintf(identity->name, sizeof(identity->name), "%s", name);
	for (u32 i = 0; i < DFS_SEED_BYTES; i++)
		identity->seed[i] = (u8)(seed >> (i % 8 * 8)) ^ (u8)(role * 37 + i);
}

void pair_init(struct session_pair *pair, u64 seed)
{
	memset(pair, 0, sizeof(*pair));
	pair->now = DFS_SEC;
	dfs_prng_seed(&pair->prng, seed);
	identity_init(&pair->ends[PAIR_CONNECTOR].identity, DFS_ROLE_CLIENT, "client-a", seed);
	identity_init(&pair->ends[PAIR_ACCEPTOR].identity, DFS_ROLE_MASTER, "master-b", seed);
	pair->expect_role = DFS_ROLE_MASTER;
	pair->roles = 1u << DFS_ROLE_CLIENT | 1u << DFS_ROLE_CHUNKSERVER;
	pair->addresses_count = 1;
	pair->next_link = 1;
	pair->chop_max = 1u << 20;
	pair->cut_after = DFS_NEVER;
}

void pair_start(struct session_pair *pair)
{
	char names[16][32];
	struct dfs_span addresses[16];
	DFS_ASSERT(pair->addresses_count <= 16);
	for (u32 i = 0; i < pair->addresses_count; i++) {
		snprintf(names[i], sizeof(names[i]), "host-%u:1", i);
		addresses[i] = dfs_span_text(names[i]);
	}
	struct pair_end *end = &pair->ends[PAIR_CONNECTOR];
	end->session = dfs_session_new_connector(&end->identity, pair->expect_role, addresses,
						 pair->addresses_count, &pair->next_link);
	dfs_session_tune(end->session, &pair->tuning);
	dfs_session_open(end->session, pair->now, &end->fxs);
	pair_carry_out(pair, PAIR_CONNECTOR);
}

void pair_fini(struct session_pair *pair)
{
	for (u32 side = 0; side < PAIR_SIDES; side++) {
		struct pair_end *end = &pair->ends[side];
		dfs_session_free(end->session);
		DFS_ASSERT(end->fxs.count == 0);
		dfs_fxs_fini(&end->fxs);
		free(end->out.data);
		free(end->said.data);
	}
	free(pair->events);
	DFS_ASSERT(dfs_buf_live_count() == 0);
	dfs_buf_pool_drain();
}

static void record(struct session_pair *pair, enum pair_side side,
		   const struct dfs_session_event *event)
{
	if (pair->events_count == pair->events_capacity) {
		pair->events_capacity = dfs_max(pair->events_capacity * 2, 16u);
		pair->events = realloc(pair->events, pair->events_capacity * sizeof(*pair->events));
		DFS_ASSERT(pair->events != NULL);
	}
	struct pair_event *copy = &pair->events[pair->events_count++];
	memset(copy, 0, sizeof(*copy));
	copy->side = side;
	copy->kind = event->kind;
	copy->at = pair->now;
	copy->type = event->type;
	copy->request = event->request;
	copy->tag = event->tag;
	copy->status = event->status;
	copy->body_bytes = event->body.length;
	if (event->payload != NULL) {
		copy->payload_bytes = event->payload->length;
		copy->payload_crc = dfs_crc32c(event->payload->data, event->payload->length);
	}
	if (event->text.length > 0)
		memcpy(copy->text, event->text.data,
		       dfs_min(event->text.length, PAIR_TEXT_BYTES - 1u));
}

/* What a core does after each step of its session. */
static void pull(struct session_pair *pair, enum pair_side side)
{
	struct pair_end *end = &pair->ends[side];
	struct dfs_session_event event;
	while (dfs_session_next(end->session, pair->now, &event, &end->fxs)) {
		record(pair, side, &event);
		if (pair->on_event != NULL)
			pair->on_event(pair, side, &event);
	}
	dfs_session_check(end->session);
	pair_carry_out(pair, side);
}

static void step(struct session_pair *pair, enum pair_side side, enum dfs_ev_kind kind, u64 count)
{
	struct pair_end *end = &pair->ends[side];
	u64 link = dfs_session_link(end->session);
	struct dfs_ev ev = {.kind = kind, .now = pair->now, .tag = link, .count = count};
	dfs_session_step(end->session, &ev, &end->fxs);
	pull(pair, side);
}

static void pipe_append(struct pair_pipe *pipe, const void *data, u32 length)
{
	if (pipe->capacity - pipe->length < length) {
		pipe->capacity = dfs_max(pipe->capacity * 2, pipe->length + length);
		pipe->data = realloc(pipe->data, pipe->capacity);
		DFS_ASSERT(pipe->data != NULL);
	}
	if (length > 0)
		memcpy(pipe->data + pipe->length, data, length);
	pipe->length += length;
}

static void pipes_clear(struct session_pair *pair)
{
	for (u32 side = 0; side < PAIR_SIDES; side++) {
		pair->ends[side].out.length = 0;
		pair->ends[side].out.closed = false;
	}
}

static void open_link(struct session_pair *pair, const struct dfs_fx *fx)
{
	struct pair_end *end = &pair->ends[PAIR_ACCEPTOR];
	pair->opens_count++;
	memcpy(pair->last_address, fx->address.data, fx->address.length);
	pair->last_address[fx->address.length] = 0;
	if (pair->silent_open)
		return;
	if (pair->unreachable) {
		pair->ends[PAIR_CONNECTOR].lets_down = true;
		return;
	}
	if (end->session != NULL) {
		dfs_session_close(end->session, &end->fxs);
		pair_carry_out(pair, PAIR_ACCEPTOR);
		dfs_session_free(end->session);
	}
	pipes_clear(pair);
	pair->link = fx->tag;
	end->lets_down = false;
	end->session = dfs_session_new_acceptor(&end->identity, DFS_LINK_ACCEPTED | fx->tag,
						pair->roles, pair->now);
	dfs_session_tune(end->session, &pair->tuning);
	dfs_session_check(end->session);
}

static void carry_out_one(struct session_pair *pair, enum pair_side side, struct dfs_fx *fx)
{
	struct pair_end *end = &pair->ends[side];
	switch (fx->kind) {
	case DFS_FX_LINK_OPEN:
		open_link(pair, fx);
		break;
	case DFS_FX_LINK_SEND:
		if ((fx->tag & ~DFS_LINK_ACCEPTED) == pair->link && !end->out.closed) {
			pipe_append(&end->out, fx->buf->data, fx->buf->length);
			if (fx->payload != NULL)
				pipe_append(&end->out, fx->payload->data + fx->payload_offset,
					    fx->payload_bytes);
			end->sent_bytes += fx->buf->length + fx->payload_bytes;
			if (pair->recording)
				pipe_append(&end->said, fx->buf->data, fx->buf->length);
		}
		dfs_buf_unref(fx->buf);
		dfs_buf_unref(fx->payload);
		break;
	case DFS_FX_LINK_CLOSE:
		if ((fx->tag & ~DFS_LINK_ACCEPTED) == pair->link) {
			end->out.closed = true;
			pair->closes_count++;
		}
		break;
	case DFS_FX_LOG:
		pair->log_lines_count++;
		break;
	default:
		DFS_ASSERT(false);
	}
}

void pair_carry_out(struct session_pair *pair, enum pair_side side)
{
	struct dfs_fxs fxs = pair->ends[side].fxs;
	memset(&pair->ends[side].fxs, 0, sizeof(fxs));
	for (u32 i = 0; i < fxs.count; i++)
		carry_out_one(pair, side, &fxs.v[i]);
	dfs_fxs_fini(&fxs);
}

void pair_inject(struct session_pair *pair, enum pair_side to, const void *data, u32 length)
{
	pipe_append(&pair->ends[1 - to].out, data, length);
}

void pair_cut(struct session_pair *pair)
{
	pipes_clear(pair);
	pair->link = 0;
	pair->ends[PAIR_CONNECTOR].lets_down = true;
	pair->ends[PAIR_ACCEPTOR].lets_down = true;
}

static bool has_link(const struct session_pair *pair, enum pair_side side)
{
	const struct dfs_session *session = pair->ends[side].session;
	return session != NULL && dfs_session_link(session) != 0;
}

/* The connector learns of its link by LINK_UP. True when it did now. */
static bool bring_up(struct session_pair *pair)
{
	struct pair_end *end = &pair->ends[PAIR_CONNECTOR];
	if (pair->mute || dfs_session_state(end->session) != DFS_SESSION_CONNECTING ||
	    dfs_session_link(end->session) != pair->link)
		return false;
	step(pair, PAIR_CONNECTOR, DFS_EV_LINK_UP, 0);
	return true;
}

static bool deliver(struct session_pair *pair, enum pair_side to)
{
	struct pair_end *end = &pair->ends[to];
	struct pair_pipe *pipe = &pair->ends[1 - to].out;
	if (!has_link(pair, to) || pair->stalled)
		return false;
	if (end->lets_down || (pipe->length == 0 && pipe->closed)) {
		end->lets_down = false;
		pipe->closed = false;
		step(pair, to, DFS_EV_LINK_DOWN, 0);
		return true;
	}
	if (pipe->length == 0 || dfs_session_state(end->session) == DFS_SESSION_CONNECTING)
		return false;
	u8 *room;
	u32 room_bytes;
	dfs_session_room(end->session, &room, &room_bytes);
	DFS_ASSERT(room_bytes > 0);
	u64 most = 1 + dfs_prng_below(&pair->prng, pair->chop_max);
	u64 before_cut = pair->cut_after - pair->delivered_bytes;
	u32 count = (u32)dfs_min(dfs_min(most, before_cut), (u64)pipe->length);
	count = dfs_min(count, room_bytes);
	memcpy(room, pipe->data, count);
	memmove(pipe->data, pipe->data + count, pipe->length - count);
	pipe->length -= count;
	pair->delivered_bytes += count;
	if (count > 0)
		step(pair, to, DFS_EV_LINK_BYTES, count);
	if (pair->delivered_bytes == pair->cut_after) {
		pair->cut_after = DFS_NEVER;
		pair_cut(pair);
	}
	return true;
}

static bool tick(struct session_pair *pair, enum pair_side side)
{
	struct pair_end *end = &pair->ends[side];
	if (end->session == NULL || dfs_session_deadline(end->session) > pair->now)
		return false;
	dfs_session_tick(end->session, pair->now, &end->fxs);
	pull(pair, side);
	return true;
}

void pair_settle(struct session_pair *pair)
{
	bool moved;
	u32 rounds = 0;
	do {
		enum pair_side first = (enum pair_side)dfs_prng_below(&pair->prng, PAIR_SIDES);
		moved = bring_up(pair);
		for (u32 i = 0; i < PAIR_SIDES; i++) {
			moved |= tick(pair, (first + i) % PAIR_SIDES);
			moved |= deliver(pair, (first + i) % PAIR_SIDES);
		}
		DFS_ASSERT(++rounds < 50 * 1000 * 1000);
	} while (moved);
}

void pair_run(struct session_pair *pair, nsec duration)
{
	nsec until = pair->now + duration;
	for (;;) {
		pair_settle(pair);
		nsec next = until;
		for (u32 side = 0; side < PAIR_SIDES; side++) {
			if (pair->ends[side].session != NULL)
				next =
				    dfs_min(next, dfs_session_deadline(pair->ends[side].session));
		}
		if (next >= until)
			break;
		pair->now = next;
	}
	pair->now = until;
	pair_settle(pair);
}

u64 pair_request(struct session_pair *pair, enum pair_side from, u64 tag, u32 payload_bytes)
{
	struct pair_end *end = &pair->ends[from];
	struct dfs_writer writer;
	struct dfs_payload payload = {.bytes = payload_bytes};
	struct dfs_getattr getattr = {.ino = tag};
	dfs_session_writer(end->session, &writer);
	dfs_getattr_put(&writer, &getattr);
	if (payload_bytes > 0) {
		payload.buf = dfs_buf_new(payload_bytes);
		payload.buf->length = payload_bytes;
		memset(payload.buf->data, (int)(tag & 0xff), payload_bytes);
	}
	u64 id =
	    dfs_session_request(end->session, DFS_MSG_GETATTR, &writer, &payload, tag, &end->fxs);
	dfs_buf_unref(payload.buf);
	pair_carry_out(pair, from);
	return id;
}

void pair_echo(struct session_pair *pair, enum pair_side side,
	       const struct dfs_session_event *event)
{
	struct pair_end *end = &pair->ends[side];
	struct dfs_getattr getattr;
	if (event->kind != DFS_SESSION_EV_REQUEST)
		return;
	int status = dfs_getattr_decode(event->body, event->version, &getattr);
	struct dfs_payload payload = {.buf = event->payload};
	if (event->payload != NULL)
		payload.bytes = event->payload->length;
	struct dfs_getattr_reply reply = {.attr = {.ino = status == 0 ? getattr.ino : 0}};
	struct dfs_writer writer;
	dfs_session_writer(end->session, &writer);
	dfs_getattr_reply_put(&writer, &reply);
	dfs_session_reply(end->session, event->request, event->type, status, &writer, &payload,
			  &end->fxs);
}

u32 pair_count(const struct session_pair *pair, enum pair_side side,
	       enum dfs_session_event_kind kind)
{
	u32 count = 0;
	for (u32 i = 0; i < pair->events_count; i++)
		count += pair->events[i].side == side && pair->events[i].kind == kind;
	return count;
}

const struct pair_event *pair_last(const struct session_pair *pair, enum pair_side side,
				   enum dfs_session_event_kind kind)
{
	for (u32 i = pair->events_count; i > 0; i--) {
		const struct pair_event *event = &pair->events[i - 1];
		if (event->side == side && event->kind == kind)
			return event;
	}
	return NULL;
}

bool pair_up(const struct session_pair *pair)
{
	return dfs_session_state(pair->ends[PAIR_CONNECTOR].session) == DFS_SESSION_UP &&
	       pair->ends[PAIR_ACCEPTOR].session != NULL &&
	       dfs_session_state(pair->ends[PAIR_ACCEPTOR].session) == DFS_SESSION_UP;
}
