/*
 * Three chunkservers and a client on the simulator's engine, for tests of chains of replicas: the
 * first server is the head of all chains, the client may ask each of them.
 */
#ifndef DFS_TESTS_CHAIN_WORLD_H
#define DFS_TESTS_CHAIN_WORLD_H

#include "libdfsproto/session/session.h"
#include "tests/sim/sim.h"

enum { SERVERS = 3, ASKS_MAX = 512, CHUNK = 77, BYTES = 64 << 10 };

/* A request of the client and its answer. */
struct ask {
	u32 server; /* Which is asked. */
	u16 type;
	struct dfs_writer writer;
	struct dfs_buf *payload;
	bool done;
	int status;
	struct dfs_chained chained;
	u8 data[BYTES];
	u32 length;
};

struct chain_world {
	struct sim *sim;
	struct sim_node *servers[SERVERS];
	struct sim_node *client;
	struct dfs_session_tuning tuning;
	struct ask *asks;
	u32 asks_count;
};

void chain_begin(struct chain_world *world, u64 seed);
/* Fails the test when buffers are left. */
void chain_end(struct chain_world *world);
void chain_run(struct chain_world *world, nsec duration);

/* Requests through the whole chain. */
struct ask *ask_write(struct chain_world *world, u32 offset, const u8 *data, u32 length);
struct ask *ask_sync(struct chain_world *world);
struct ask *ask_punch(struct chain_world *world, u32 offset, u32 length);
/* All of the chunk, from one server. */
struct ask *ask_read(struct chain_world *world, u32 server);

#endif
