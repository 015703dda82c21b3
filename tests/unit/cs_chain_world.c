/*
 * See cs_chain_world.h.
 */
#include "tests/unit/cs_chain_world.h"

#include "chunkserver/core/chunkserver.h"
#include "libdfsproto/base/crc32c.h"
#include "libdfsproto/base/errors.h"
#include "libdfsproto/wire/chained.h"
#include "libdfsproto/wire/frame.h"
#include "tests/unit/unit.h"

struct asker {
	struct chain_world *world;
	struct dfs_identity identity;
	struct dfs_session *sessions[SERVERS];
	nsec now;
	u64 next_link;
};

static const char *const addresses[] = {"cs1:1", "cs2:1", "cs3:1"};

static void identify(struct dfs_identity *identity, u16 role, u64 node, const char *name)
{
	memset(identity->key, 3, DFS_KEY_BYTES);
	identity->cluster = 5;
	identity->node = node;
	identity->host = node;
	identity->role = role;
	snprintf(identity->name, sizeof(identity->name), "%s", name);
}

/* --- The client. --- */

static void answered(struct asker *asker, const struct dfs_session_event *event)
{
	struct ask *ask = &asker->world->asks[event->tag];
	assert_false(ask->done);
	ask->done = true;
	ask->status = event->status;
	if (event->status != 0)
		return;
	assert_int_equal(dfs_chained_of(event->type, event->body, event->version, &ask->chained),
			 0);
	if (event->payload != NULL) {
		ask->length = event->payload->length;
		memcpy(ask->data, event->payload->data, ask->length);
	}
}

static void pull(struct asker *asker, struct dfs_session *session, struct dfs_fxs *fxs)
{
	struct dfs_session_event event;
	while (dfs_session_next(session, asker->now, &event, fxs)) {
		if (event.kind == DFS_SESSION_EV_REPLY)
			answered(asker, &event);
	}
}

static void boot(struct asker *asker, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	memcpy(asker->identity.seed, ev->seed, DFS_SEED_BYTES);
	for (u32 i = 0; i < SERVERS; i++) {
		struct dfs_span address = dfs_span_text(addresses[i]);
		asker->sessions[i] = dfs_session_new_connector(
		    &asker->identity, DFS_ROLE_CHUNKSERVER, &address, 1, &asker->next_link);
		dfs_session_tune(asker->sessions[i], &asker->world->tuning);
		dfs_session_open(asker->sessions[i], ev->now, fxs);
	}
}

static void asker_step(void *core, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	struct asker *asker = core;
	asker->now = ev->now;
	if (ev->kind == DFS_EV_BOOT)
		boot(asker, ev, fxs);
	if (ev->kind == DFS_EV_CALL) {
		struct ask *ask = &asker->world->asks[ev->tag];
		struct dfs_payload payload = {
		    .buf = ask->payload, .bytes = ask->payload == NULL ? 0 : ask->payload->length};
		(void)dfs_session_request(asker->sessions[ask->server], ask->type, &ask->writer,
					  ask->payload == NULL ? NULL : &payload, ev->tag, fxs);
		dfs_buf_unref(ask->payload);
	}
	for (u32 i = 0; i < SERVERS; i++) {
		struct dfs_session *session = asker->sessions[i];
		if (dfs_session_link(session) == ev->tag && ev->kind >= DFS_EV_LINK_UP &&
		    ev->kind <= DFS_EV_LINK_DOWN)
			dfs_session_step(session, ev, fxs);
		dfs_session_tick(session, ev->now, fxs);
		pull(asker, session, fxs);
	}
}

static nsec asker_deadline(const void *core)
{
	const struct asker *asker = core;
	nsec deadline = DFS_NEVER;
	for (u32 i = 0; i < SERVERS && asker->sessions[i] != NULL; i++)
		deadline = dfs_min(deadline, dfs_session_deadline(asker->sessions[i]));
	return deadline;
}

static void asker_room(void *core, u64 link, u8 **ret_data, u32 *ret_length)
{
	struct asker *asker = core;
	for (u32 i = 0; i < SERVERS; i++) {
		if (dfs_session_link(asker->sessions[i]) == link)
			dfs_session_room(asker->sessions[i], ret_data, ret_length);
	}
}

static void asker_check(const void *core)
{
	(void)core;
}

static const struct dfs_core_ops asker_ops = {asker_step, asker_deadline, asker_room, asker_check};

static void *make_asker(void *arg, struct sim_node *node)
{
	struct asker *asker = calloc(1, sizeof(*asker));
	asker->world = arg;
	asker->next_link = 1;
	identify(&asker->identity, DFS_ROLE_CLIENT, 100 + sim_boot(node), "asker");
	return asker;
}

static void drop_asker(void *core)
{
	struct asker *asker = core;
	for (u32 i = 0; i < SERVERS; i++)
		dfs_session_free(asker->sessions[i]);
	free(asker);
}

/* --- The servers. --- */

static u32 number_of(const struct sim_node *node)
{
	return (u32)(sim_name(node)[2] - '1');
}

static void *make_server(void *arg, struct sim_node *node)
{
	struct chain_world *world = arg;
	u32 number = number_of(node);
	struct cs_config config = {
	    .masters = "nobody:1",
	    .address = addresses[number],
	    .local = "",
	    .disks_count = 1,
	    .boot = sim_boot(node),
	    .tuning = &world->tuning,
	    .kvs = {kv_sim_kv(sim_kv(node, 0))},
	};
	identify(&config.identity, DFS_ROLE_CHUNKSERVER, 1 + number, sim_name(node));
	return cs_new(&config);
}

static void drop_server(void *core)
{
	cs_free(core);
}

static void stays_down(void *arg, struct sim_node *node, bool crashed, int status)
{
	(void)arg;
	(void)node;
	assert_true(crashed || status == 0);
}

void chain_begin(struct chain_world *world, u64 seed)
{
	static const char *const names[] = {"cs1", "cs2", "cs3"};
	memset(world, 0, sizeof(*world));
	world->sim = sim_new(seed, &sim_calm);
	world->asks = calloc(ASKS_MAX, sizeof(*world->asks));
	for (u32 i = 0; i < SERVERS; i++) {
		struct sim_node_spec spec = {
		    .name = names[i],
		    .addresses = {addresses[i]},
		    .machine = 10 + i,
		    .ops = &cs_core_ops,
		    .make = make_server,
		    .drop = drop_server,
		    .down = stays_down,
		    .arg = world,
		    .disks_count = 1,
		    .disk_bytes = DFS_GIB,
		    .kvs_count = 1,
		    .kv_kinds = {KV_SIM_LOGGED},
		};
		world->servers[i] = sim_add(world->sim, &spec);
		sim_start(world->servers[i]);
	}
	struct sim_node_spec spec = {
	    .name = "asker",
	    .machine = 1,
	    .ops = &asker_ops,
	    .make = make_asker,
	    .drop = drop_asker,
	    .down = stays_down,
	    .arg = world,
	};
	world->client = sim_add(world->sim, &spec);
	sim_start(world->client);
	sim_run_until(world->sim, DFS_SEC);
}

void chain_end(struct chain_world *world)
{
	sim_free(world->sim);
	free(world->asks);
	assert_int_equal(dfs_buf_live_count(), 0);
}

/* --- Asking. --- */

static struct ask *ask_new(struct chain_world *world, u32 server, u16 type)
{
	assert_true(world->asks_count < ASKS_MAX);
	struct ask *ask = &world->asks[world->asks_count++];
	ask->server = server;
	ask->type = type;
	dfs_writer_init(&ask->writer, DFS_PROTOCOL_VERSION, DFS_FRAME_HEADER_BYTES);
	return ask;
}

static void ask_send(struct chain_world *world, struct ask *ask)
{
	sim_call(world->client, (u64)(ask - world->asks), NULL);
}

/* The servers behind the first. */
static void put_chain(struct dfs_writer *chain)
{
	dfs_writer_init(chain, DFS_PROTOCOL_VERSION, 0);
	for (u32 i = 1; i < SERVERS; i++) {
		struct dfs_replica replica = {
		    .server = 1 + i, .host = 1 + i, .address = dfs_span_text(addresses[i])};
		dfs_replica_put(chain, &replica);
	}
}

struct ask *ask_write(struct chain_world *world, u32 offset, const u8 *data, u32 length)
{
	struct ask *ask = ask_new(world, 0, DFS_MSG_WRITE);
	u32 crcs[BYTES / DFS_BLOCK_BYTES + 1], pieces = 0;
	for (u32 done = 0; done < length;) {
		u32 in_block = (offset + done) % DFS_BLOCK_BYTES;
		u32 bytes = dfs_min(DFS_BLOCK_BYTES - in_block, length - done);
		crcs[pieces++] = dfs_crc32c(data + done, bytes);
		done += bytes;
	}
	ask->payload = dfs_buf_new(length);
	memcpy(ask->payload->data, data, length);
	ask->payload->length = length;
	struct dfs_writer chain;
	put_chain(&chain);
	struct dfs_write write = {
	    .chunk = CHUNK,
	    .epoch = 1,
	    .offset = offset,
	    .ino = 5,
	    .hint = dfs_span_text("name"),
	    .crcs = dfs_span(crcs, pieces * sizeof(u32)),
	    .chain = dfs_writer_items(&chain),
	};
	dfs_write_put(&ask->writer, &write);
	dfs_writer_fini(&chain);
	ask_send(world, ask);
	return ask;
}

struct ask *ask_sync(struct chain_world *world)
{
	struct ask *ask = ask_new(world, 0, DFS_MSG_SYNC);
	struct dfs_writer chain, chunks;
	put_chain(&chain);
	dfs_writer_init(&chunks, DFS_PROTOCOL_VERSION, 0);
	dfs_id_put(&chunks, &(struct dfs_id){.id = CHUNK});
	struct dfs_sync sync = {
	    .chunks = dfs_writer_items(&chunks),
	    .chain = dfs_writer_items(&chain),
	};
	dfs_sync_put(&ask->writer, &sync);
	dfs_writer_fini(&chain);
	dfs_writer_fini(&chunks);
	ask_send(world, ask);
	return ask;
}

struct ask *ask_punch(struct chain_world *world, u32 offset, u32 length)
{
	struct ask *ask = ask_new(world, 0, DFS_MSG_PUNCH);
	struct dfs_writer chain;
	put_chain(&chain);
	struct dfs_punch punch = {
	    .chunk = CHUNK,
	    .epoch = 1,
	    .offset = offset,
	    .length = length,
	    .chain = dfs_writer_items(&chain),
	};
	dfs_punch_put(&ask->writer, &punch);
	dfs_writer_fini(&chain);
	ask_send(world, ask);
	return ask;
}

struct ask *ask_read(struct chain_world *world, u32 server)
{
	struct ask *ask = ask_new(world, server, DFS_MSG_READ);
	struct dfs_read read = {.chunk = CHUNK, .epoch = 1, .length = BYTES};
	dfs_read_put(&ask->writer, &read);
	ask_send(world, ask);
	return ask;
}

void chain_run(struct chain_world *world, nsec duration)
{
	sim_run_until(world->sim, sim_now(world->sim) + duration);
}
