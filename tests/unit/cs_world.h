/*
 * One chunkserver core on simulated disks and stores, one client and one master, on virtual time:
 * what the chunkserver's unit tests run on. I/O is carried out one at a time, in order or at
 * random, and the world can be crashed between any two; everything follows from the seed.
 */
#ifndef DFS_TESTS_CS_WORLD_H
#define DFS_TESTS_CS_WORLD_H

#include "chunkserver/core/chunkserver.h"
#include "tests/sim/disk_sim.h"
#include "tests/sim/kv_sim.h"

enum { WORLD_DISKS_MAX = 4, WORLD_REPLIES_MAX = 4096, WORLD_HELD_MAX = 256 };

struct world_pipe {
	u8 *data;
	u32 length;
	u32 capacity;
};

/* The answer to one request of the client or the master; `tag` is its index. */
struct world_reply {
	bool done;
	int status;
	u8 *body;
	u32 body_bytes;
	u8 *payload;
	u32 payload_bytes;
};

struct world_io {
	u64 tag;
	struct dfs_io io;
	struct disk_op *op; /* NULL: a KV_SYNC. */
	u64 mark;
};

/* A peer of the chunkserver: the client connects to it, the master is connected to. */
struct world_peer {
	struct dfs_identity identity;
	struct dfs_session *session;
	u64 link;    /* The peer's own number of the link; 0: none. */
	u64 cs_link; /* The chunkserver's. */
	struct world_pipe in;
	struct world_pipe out;
	bool up;
};

struct world_held {
	u64 chunk;
	u32 state;
	u32 length;
};

struct cs_world {
	struct cs *cs;
	struct disk_sim *disks[WORLD_DISKS_MAX];
	struct kv_sim *kvs[WORLD_DISKS_MAX];
	bool kv_missing[WORLD_DISKS_MAX]; /* The index does not open. */
	u32 disks_count;
	u64 boot;
	u64 cluster;
	u64 reserve_bytes;
	nsec now;
	struct dfs_prng prng;
	struct dfs_fxs fxs;
	struct world_io *ios;
	u32 ios_count;
	u32 ios_capacity;
	u64 ios_done;
	u64 kind_counts[DFS_IO_KV_FLUSH + 1]; /* I/Os emitted, by kind. */
	bool shuffle;                         /* Finish I/Os in random order. */
	bool holding;                         /* Finish no I/O by itself. */
	u32 die_in; /* Steps until the daemon dies in the middle of one; 0: it does not. */
	bool died;
	bool exited;
	int exit_status;
	struct world_peer client;
	struct world_peer master;
	bool master_away;
	u64 client_next_link;
	u32 registers_count;
	struct world_held held[WORLD_HELD_MAX]; /* What the master knows. */
	u32 held_count;
	u64 bytes_free_told;
	u32 disk_states[WORLD_DISKS_MAX];
	struct world_reply replies[WORLD_REPLIES_MAX];
	u32 requests_count;
	char last_error[DFS_LOG_LINE_BYTES]; /* The last line of level error. */
	u32 errors_count;
};

void world_init(struct cs_world *world, u32 disks, u64 seed);
/* Fails the test when buffers are left. */
void world_fini(struct cs_world *world);
/* A fresh core on what the disks hold; runs until it serves and client and master are connected. */
void world_start(struct cs_world *world);
/* Only EV_BOOT; run it with world_settle or world_run. */
void world_boot(struct cs_world *world);
/* The daemon dies, or the machine loses power. Start it anew afterwards. */
void world_crash(struct cs_world *world, bool power);
/* EV_STOP, until it has exited. */
void world_stop(struct cs_world *world);

/* Until nothing happens any more at this time. */
void world_settle(struct cs_world *world);
/* The same, with the time going on so far. */
void world_run(struct cs_world *world, nsec duration);
/* Deliver bytes and finish at most so many I/Os, oldest first (or at random with `shuffle`). */
void world_finish(struct cs_world *world, u32 count);

/* Carry out what the peer's session emitted. */
void world_flush(struct cs_world *world, struct world_peer *peer);

/* Requests; each returns its tag. */
u32 world_write(struct cs_world *world, u64 chunk, u32 epoch, u32 offset, const u8 *data,
		u32 length);
/* A WRITE that makes the chunk as a copy of `base` if it is not there. */
u32 world_write_copy(struct cs_world *world, u64 chunk, u64 base, u32 base_bytes, u32 offset,
		     const u8 *data, u32 length);
u32 world_seal(struct cs_world *world, const u64 *chunks, u32 count);
u32 world_read(struct cs_world *world, u64 chunk, u32 offset, u32 length);
u32 world_sync(struct cs_world *world, const u64 *chunks, u32 count);
u32 world_punch(struct cs_world *world, u64 chunk, u32 offset, u32 length);
u32 world_seek(struct cs_world *world, u64 chunk, u32 offset, bool hole);
/* What it answers. */
u32 world_sought(struct cs_world *world, u64 chunk, u32 offset, bool hole);
u32 world_trim(struct cs_world *world, u64 chunk, u32 length);
u32 world_delete(struct cs_world *world, const u64 *chunks, u32 count);
/* Any message; takes the buffer of `writer`, which world_writer began. */
void world_writer(struct cs_world *world, bool master, struct dfs_writer *ret_writer);
u32 world_send(struct cs_world *world, bool master, u16 type, struct dfs_writer *writer,
	       struct dfs_buf *payload);
/* Settle, then its status; fails the test when it was not answered. */
int world_status(struct cs_world *world, u32 tag);
/* Status of a write, a sync, … carried out now. */
int world_write_now(struct cs_world *world, u64 chunk, u32 offset, const u8 *data, u32 length);
int world_sync_now(struct cs_world *world, u64 chunk);

/* The bytes a READ answered, zeros beyond; every block must match its checksum. */
void world_bytes(struct cs_world *world, u32 tag, u8 *ret_data, u32 length);
/* How many blocks of the answer do not match. */
u32 world_bad_blocks(const struct cs_world *world, u32 tag);
/* Read and compare; fails the test when they differ. */
void world_expect(struct cs_world *world, u64 chunk, u32 offset, const u8 *data, u32 length);
/* What the master knows of a chunk: DFS_HELD_…; GONE when nothing. */
u32 world_held_state(const struct cs_world *world, u64 chunk);

void world_fill(u8 *data, u32 length, u32 seed);

#endif
