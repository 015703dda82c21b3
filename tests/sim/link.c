/*
 * Links as byte pipes: ordered, delayed, chopped anywhere, cut, stalled, reset with the loss of
 * their tail, or half-open after a power cut until somebody sends. As TCP behaves, seen from above
 * the socket.
 *
 * A link's struct outlives both its ends until the next link is opened, so that a step in the
 * middle of a delivery may end the link or kill the node without leaving a pointer behind.
 */
#include "tests/sim/sim_i.h"

#include "libdfsproto/base/errors.h"

#include <stdlib.h>

enum {
	QUEUE_HIGH = 256 << 10,   /* Beyond it the sender is owed LINK_ROOM … */
	QUEUE_LOW = 64 << 10,     /* … once no more than this is left. */
	DELIVERY_MAX = 256 << 10, /* As a host reads at most so much per turn. */
};

static void delivery_fired(struct sim_alarm *alarm);
static void connect_fired(struct sim_alarm *alarm);

static struct link *link_of(struct end *end, struct end **ret_peer)
{
	/* ends[1] is always an acceptor's. */
	bool acceptor = (end->tag & DFS_LINK_ACCEPTED) != 0;
	struct end *first = acceptor ? end - 1 : end;
	*ret_peer = acceptor ? first : first + 1;
	return dfs_container_of(first, struct link, ends[0]);
}

static nsec latency(struct sim *sim)
{
	return sim_between(sim, sim->tuning.latency_min, sim->tuning.latency_max);
}

static void arm(struct sim *sim, struct end *end, nsec delay)
{
	if (end->delivery.heap.position == 0)
		sim_after(sim, &end->delivery, delay);
}

static void link_free(struct sim *sim, struct link *link)
{
	for (int i = 0; i < 2; i++) {
		sim_disarm(sim, &link->ends[i].delivery);
		free(link->ends[i].bytes);
	}
	sim_disarm(sim, &link->connect);
	dfs_list_remove(&link->all);
	free(link);
}

static bool quiet(const struct end *end)
{
	return !end->open && !end->waiting && end->delivery.heap.position == 0;
}

static void collect(struct sim *sim)
{
	dfs_list_for_each_safe (node, &sim->links) {
		struct link *link = dfs_list_entry(node, struct link, all);
		if (quiet(&link->ends[0]) && quiet(&link->ends[1]) &&
		    link->connect.heap.position == 0)
			link_free(sim, link);
	}
}

void link_free_all(struct sim *sim)
{
	while (!dfs_list_empty(&sim->links))
		link_free(sim, dfs_list_first(&sim->links, struct link, all));
}

static void end_register(struct end *end, struct sim_node *node, u64 tag)
{
	end->node = node;
	end->tag = tag;
	end->open = true;
	end->delivery.fire = delivery_fired;
	dfs_map_insert(&node->ends, &end->by_tag, tag);
	dfs_list_push_back(&node->ends_list, &end->of_node);
}

/* The core knows the link no more. */
static void end_close(struct end *end)
{
	if (!end->open)
		return;
	end->open = false;
	end->choked = false;
	dfs_map_remove(&end->node->ends, &end->by_tag);
	dfs_list_remove(&end->of_node);
}

static void end_discard(struct sim *sim, struct end *end)
{
	end->count = 0;
	end->finish = false;
	end->waiting = false;
	sim_disarm(sim, &end->delivery);
}

/* The last thing done with an end: the step may end the node. */
static void tell_down(struct end *end)
{
	struct sim_node *node = end->node;
	if (!end->open)
		return;
	end_close(end);
	end_discard(node->sim, end);
	struct dfs_ev ev = {.kind = DFS_EV_LINK_DOWN, .tag = end->tag, .status = DFS_ELINK_LOST};
	node_step(node, &ev);
}

/* --- Connecting. --- */

static struct sim_node *listener(struct sim *sim, const struct sim_node *from, const char *address)
{
	bool local = strncmp(address, "unix:", 5) == 0;
	for (u32 i = 0; i < sim->nodes_count; i++) {
		struct sim_node *node = sim->nodes[i];
		if (local && node->spec.machine != from->spec.machine)
			continue;
		for (u32 a = 0; a < dfs_array_count(node->spec.addresses); a++) {
			const char *text = node->spec.addresses[a];
			if (text != NULL && strcmp(text, address) == 0)
				return node;
		}
	}
	return NULL;
}

void link_open(struct sim_node *node, u64 tag, struct dfs_span address)
{
	struct sim *sim = node->sim;
	DFS_ASSERT((tag & DFS_LINK_ACCEPTED) == 0);
	DFS_ASSERT(address.length < sizeof(((struct link *)0)->address));
	collect(sim);
	struct link *link = calloc(1, sizeof(*link));
	DFS_ASSERT(link != NULL);
	memcpy(link->address, address.data, address.length);
	link->connect.fire = connect_fired;
	dfs_list_push_back(&sim->links, &link->all);
	end_register(&link->ends[0], node, tag);
	sim_after(sim, &link->connect, latency(sim));
}

static void accept_link(struct sim *sim, struct link *link, struct sim_node *to)
{
	struct end *end = &link->ends[1];
	link->state = LINK_OPEN;
	end_register(end, to, DFS_LINK_ACCEPTED | ++to->links_accepted);
	sim_after(sim, &link->connect, latency(sim)); /* LINK_UP. */
	sim_trace(sim, "%-8s opens a link to %s", link->ends[0].node->spec.name, to->spec.name);
	struct dfs_ev ev = {.kind = DFS_EV_LINK_NEW, .tag = end->tag};
	node_step(to, &ev);
}

static void connect_fired(struct sim_alarm *alarm)
{
	struct link *link = dfs_container_of(alarm, struct link, connect);
	struct end *opener = &link->ends[0];
	if (!opener->open)
		return;
	struct sim *sim = opener->node->sim;
	if (link->state == LINK_OPEN) {
		struct dfs_ev ev = {.kind = DFS_EV_LINK_UP, .tag = opener->tag};
		node_step(opener->node, &ev);
		return;
	}
	struct sim_node *to = listener(sim, opener->node, link->address);
	if (to != NULL && (!to->powered || sim->cut[opener->node->index][to->index] ||
			   sim->cut[to->index][opener->node->index])) {
		link->connect_waiting = true; /* Nothing answers. */
		return;
	}
	if (to == NULL || to->core == NULL || sim_chance(sim, sim->refuse))
		tell_down(opener);
	else
		accept_link(sim, link, to);
}

void link_retry_waiting(struct sim *sim)
{
	dfs_list_for_each (node, &sim->links) {
		struct link *link = dfs_list_entry(node, struct link, all);
		if (link->connect_waiting) {
			link->connect_waiting = false;
			sim_after(sim, &link->connect, latency(sim));
		}
		for (int i = 0; i < 2; i++) {
			if (link->ends[i].waiting) {
				link->ends[i].waiting = false;
				arm(sim, &link->ends[i], latency(sim));
			}
		}
	}
}

/* --- Bytes. --- */

static void append(struct end *end, const u8 *data, u32 length)
{
	if (end->capacity - end->start - end->count < length) {
		if (end->count > 0)
			memmove(end->bytes, end->bytes + end->start, end->count);
		end->start = 0;
		if (end->capacity - end->count < length) {
			end->capacity = dfs_max(end->capacity * 2, end->count + length + 4096);
			end->bytes = realloc(end->bytes, end->capacity);
			DFS_ASSERT(end->bytes != NULL);
		}
	}
	memcpy(end->bytes + end->start + end->count, data, length);
	end->count += length;
}

/* Of the `length` bytes that were appended last. */
static void flip_bit(struct sim_node *node, struct end *end, u32 length)
{
	u64 at = dfs_prng_below(&node->sim->prng, length);
	u8 bit = (u8)(1u << dfs_prng_below(&node->sim->prng, 8));
	end->bytes[end->start + end->count - length + at] ^= bit;
	node->flip = FLIP_NOTHING;
	sim_trace(node->sim, "%-8s a bit flips on the way", node->spec.name);
}

void sim_flip_next(struct sim_node *node, bool payload)
{
	node->flip = payload ? FLIP_PAYLOAD : FLIP_FRAME;
}

void link_send(struct sim_node *node, const struct dfs_fx *fx)
{
	struct sim *sim = node->sim;
	struct dfs_map_node *found = dfs_map_find(&node->ends, fx->tag);
	if (found == NULL)
		return; /* Ended while the core was on its way to send. */
	struct end *end = dfs_map_entry(found, struct end, by_tag);
	trace_send(node, end, fx);
	if (end->finish)
		return; /* Reset, and not told yet. */
	append(end, fx->buf->data, fx->buf->length);
	if (node->flip == FLIP_FRAME)
		flip_bit(node, end, fx->buf->length);
	if (fx->payload != NULL) {
		DFS_ASSERT(fx->payload_offset + fx->payload_bytes <= fx->payload->capacity);
		append(end, fx->payload->data + fx->payload_offset, fx->payload_bytes);
		if (node->flip == FLIP_PAYLOAD && fx->payload_bytes > 0)
			flip_bit(node, end, fx->payload_bytes);
	}
	end->choked = end->choked || end->count > QUEUE_HIGH;
	if (!end->waiting)
		arm(sim, end, latency(sim));
}

void link_close(struct sim_node *node, u64 tag)
{
	struct dfs_map_node *found = dfs_map_find(&node->ends, tag);
	if (found == NULL)
		return;
	struct end *end = dfs_map_entry(found, struct end, by_tag);
	end_close(end);
	end->finish = true;
	if (!end->waiting)
		arm(node->sim, end, latency(node->sim));
}

/* Up to `count` bytes into the peer's core, wherever it wants them. */
static void hand_over(struct end *end, struct end *peer, u32 count)
{
	while (count > 0 && peer->open && end->count > 0) {
		u8 *room = NULL;
		u32 length = 0;
		struct sim_node *to = peer->node;
		to->spec.ops->room(to->core, peer->tag, &room, &length);
		DFS_ASSERT(room != NULL && length > 0);
		u32 part = dfs_min(dfs_min(count, length), end->count);
		memcpy(room, end->bytes + end->start, part);
		end->start += part;
		end->count -= part;
		count -= part;
		struct dfs_ev ev = {.kind = DFS_EV_LINK_BYTES, .tag = peer->tag, .count = part};
		node_step(to, &ev);
	}
}

/* Is nobody there to take the bytes? Then the sender learns it, or waits. */
static bool nobody_there(struct sim *sim, struct link *link, struct end *end, struct end *peer)
{
	if (peer->open && link->state == LINK_OPEN)
		return false;
	if (link->state == LINK_CONNECTING) {
		end_discard(sim, end); /* Closed before it was up. */
	} else if (peer->vanished && !peer->node->powered) {
		end->waiting = true;
	} else {
		end_discard(sim, end);
		tell_down(end);
	}
	return true;
}

static void delivery_fired(struct sim_alarm *alarm)
{
	struct end *end = dfs_container_of(alarm, struct end, delivery);
	struct sim *sim = end->node->sim;
	struct end *peer;
	struct link *link = link_of(end, &peer);
	if (nobody_there(sim, link, end, peer))
		return;
	if (sim->cut[end->node->index][peer->node->index]) {
		end->waiting = true;
		return;
	}
	if (end->stalled_until > sim->now || link->connect.heap.position != 0) {
		arm(sim, end, dfs_max(end->stalled_until, sim->now + latency(sim)) - sim->now);
		return;
	}
	u32 count = dfs_min(end->count, (u32)DELIVERY_MAX);
	if (count > 1 && sim_chance(sim, sim->tuning.chop))
		count = 1 + (u32)dfs_prng_below(&sim->prng, count - 1);
	hand_over(end, peer, count);
	if (end->choked && end->count <= QUEUE_LOW && end->open) {
		end->choked = false;
		struct dfs_ev ev = {.kind = DFS_EV_LINK_ROOM, .tag = end->tag};
		node_step(end->node, &ev);
	}
	if (end->count > 0)
		arm(sim, end, latency(sim));
	else if (end->finish)
		tell_down(peer);
}

/* --- Breaking. --- */

static void lose_tail(struct sim *sim, struct end *end)
{
	end->count = (u32)dfs_prng_below(&sim->prng, (u64)end->count + 1);
	end->finish = true;
	end->choked = false;
	if (!end->waiting)
		arm(sim, end, latency(sim));
}

void link_drop_all(struct sim_node *node, enum sim_crash how, bool orderly)
{
	struct sim *sim = node->sim;
	while (!dfs_list_empty(&node->ends_list)) {
		struct end *end = dfs_list_first(&node->ends_list, struct end, of_node);
		end_close(end);
		if (how == SIM_POWER) {
			end_discard(sim, end);
			end->vanished = true;
		} else if (orderly || sim_chance(sim, 128)) {
			end->finish = true;
			if (!end->waiting)
				arm(sim, end, latency(sim));
		} else {
			lose_tail(sim, end);
		}
	}
}

static struct end *pick(struct sim_node *node)
{
	u32 count = node->ends.count;
	if (count == 0)
		return NULL;
	u64 chosen = dfs_prng_below(&node->sim->prng, count);
	struct dfs_list *at = node->ends_list.next;
	while (chosen-- > 0)
		at = at->next;
	return dfs_list_entry(at, struct end, of_node);
}

bool sim_reset_link(struct sim_node *node)
{
	struct end *end = pick(node);
	if (end == NULL)
		return false;
	struct end *peer;
	struct link *link = link_of(end, &peer);
	if (link->state != LINK_OPEN || !peer->open)
		return false;
	sim_trace(node->sim, "%-8s link to %s is reset", node->spec.name, peer->node->spec.name);
	lose_tail(node->sim, end);
	lose_tail(node->sim, peer);
	return true;
}

bool sim_stall_link(struct sim_node *node, nsec time)
{
	struct end *end = pick(node);
	if (end == NULL)
		return false;
	struct end *peer;
	(void)link_of(end, &peer);
	sim_trace(node->sim, "%-8s a link stalls", node->spec.name);
	end->stalled_until = node->sim->now + time;
	peer->stalled_until = node->sim->now + time;
	return true;
}

bool sim_drained(const struct sim_node *node)
{
	dfs_list_for_each (at, &node->sim->links) {
		struct link *link = dfs_list_entry(at, struct link, all);
		for (int i = 0; i < 2; i++) {
			const struct end *end = &link->ends[i], *peer = &link->ends[1 - i];
			if (end->node == node && !end->open && end->count > 0 && peer->open)
				return false;
		}
	}
	return true;
}
