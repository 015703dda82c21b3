/*
 * One client core with puppets for peers: a master that keeps a few files in memory and two
 * chunkservers that keep their chunks there. Virtual time, whole messages, nothing at random. A
 * test watches what was asked (counts by message), and intercepts requests to refuse them, to let
 * them wait, or to lie.
 */
#ifndef DFS_TESTS_CL_WORLD_H
#define DFS_TESTS_CL_WORLD_H

#include "fuse/core/client.h"
#include "libdfsproto/base/errors.h"
#include "libdfsproto/wire/messages.h"

enum {
	WORLD_MASTER = 0, /* Puppets. */
	WORLD_SERVER_1 = 1,
	WORLD_SERVER_2 = 2,
	WORLD_PUPPETS = 3,
	WORLD_FILES_MAX = 64,
	WORLD_CHUNKS_MAX = 64,
	WORLD_CALLS_MAX = 512,
	WORLD_STALE_MAX = 64,
	WORLD_TYPES = 128,
	WORLD_SHIFT = 20, /* Chunks of 1 MiB. */
	WORLD_CHUNK_BYTES = 1 << WORLD_SHIFT,
};

struct cl_world;

struct puppet_pipe {
	u8 *data;
	u32 length;
	u32 capacity;
};

struct puppet_chunk {
	u64 id; /* 0: free. */
	u8 *data;
	u32 length;
	u32 syncs_count;
	bool synced;
	bool rotten; /* Reads come with wrong bytes. */
};

struct puppet {
	struct cl_world *world;
	u32 index;
	char addresses[2][64];
	struct dfs_identity identity;
	struct dfs_session *session;
	u64 link;                /* The client's number of it; 0: none. */
	bool away;               /* Connections fail. */
	u32 opened[2];           /* Connections by address. */
	struct puppet_pipe to;   /* Bytes for the puppet, */
	struct puppet_pipe from; /* and from it. */
	bool lost;               /* The client is to hear LINK_DOWN. */
	u32 counts[WORLD_TYPES]; /* Requests by type; mutations by type + op in ops. */
	u32 ops[WORLD_TYPES];
	struct puppet_chunk chunks[WORLD_CHUNKS_MAX];
	/* What a held request was: see world_release. */
	u64 held[64];
	u16 held_types[64];
	u32 held_count;
};

struct world_file {
	struct dfs_attr attr;
	u64 parent;
	char name[64];
	char target[64];
	u64 chunks[8];  /* By index; 0: hole. */
	u32 servers[8]; /* Which puppet holds each. */
	u32 valid[8];
	u64 granted[8]; /* To whoever asks, until committed. */
	u32 granted_to[8];
	s64 opens; /* OPEN and open MAKE less RELEASE. */
	u8 xattr[64];
	u32 xattr_length;
};

/* What became of a call. */
struct world_call {
	bool done;
	int status;
	struct dfs_attr attr;
	nsec attr_valid;
	u64 handle;
	u64 count;
	u8 *bytes; /* READ, xattrs, READLINK. */
	u32 bytes_count;
	char names[16][64]; /* READDIR. */
	u64 offsets[16];
	u64 inos[16];
	u32 names_count;
	struct dfs_statfs_reply statfs;
};

enum world_verdict {
	WORLD_SERVE,  /* As usual. */
	WORLD_REFUSE, /* With world.refuse. */
	WORLD_HOLD,   /* Until world_release. */
	WORLD_DONE,   /* The test has answered. */
};

struct cl_world {
	struct cl *cl;
	struct dfs_fxs fxs;
	struct dfs_fxs puppet_fxs;
	nsec now;
	struct puppet puppets[WORLD_PUPPETS];
	struct world_file files[WORLD_FILES_MAX];
	u32 files_count; /* Ino = 1 + index. */
	u64 next_chunk;
	u32 place;    /* Server of the next grant: WORLD_SERVER_1 or _2. */
	u32 chain;    /* 1: grants name the other server as the second replica. */
	bool unknown; /* Locations come without replicas. */
	u64 limit;    /* Of the space of all chunks; 0: none. */
	u64 session;
	u64 sessions_made;
	u64 attach_opens; /* Items of the last ATTACH. */
	u64 attach_grants;
	u64 sequence_max;
	u64 acked;
	u64 calls_made;
	struct world_call calls[WORLD_CALLS_MAX];
	u32 lease_ms;               /* Of GETATTR's answers. */
	u64 stale[WORLD_STALE_MAX]; /* Inodes of CL_STALE, a ring. */
	u32 stale_count;
	bool exited;
	u32 errors_count; /* Log lines of level error. */
	char last_error[DFS_LOG_LINE_BYTES];
	enum world_verdict (*intercept)(struct cl_world *world, struct puppet *puppet,
					const struct dfs_session_event *request);
	int refuse;
	u64 context; /* The test's own. */
};

/* `tune` may change the configuration; NULL. Boots and runs until it serves. */
void world_init(struct cl_world *world, void (*tune)(struct cl_config *config));
/* The same, without waiting for it to serve. */
void world_boot(struct cl_world *world, void (*tune)(struct cl_config *config));
/* Fails the test when buffers are left. */
void world_fini(struct cl_world *world);

/* Until nothing happens any more at this time; the same while the time goes on. */
void world_settle(struct cl_world *world);
void world_run(struct cl_world *world, nsec duration);
void world_cut(struct cl_world *world, u32 puppet);
/* What the client's wall clock shows. */
nsec world_wall(const struct cl_world *world);
/* Let held requests be served (status 0) or refused. */
void world_release(struct cl_world *world, u32 puppet, int status);
u32 world_count(const struct cl_world *world, u16 type);
u32 world_ops(const struct cl_world *world, u16 op);
void world_counts_clear(struct cl_world *world);
/* All requests but heartbeats since world_counts_clear. */
u32 world_trips(const struct cl_world *world);
void world_stop(struct cl_world *world);

/* Start a call; its id. It settles unless the world is told to hold. */
u64 world_call(struct cl_world *world, const struct cl_call *call);
void world_cancel(struct cl_world *world, u64 id);
const struct world_call *world_answer(const struct cl_world *world, u64 id);
/* Fails the test when it is not answered. */
int world_status(struct cl_world *world, u64 id);

/* Whole operations; those that return ids or handles fail the test on error. */
u64 world_lookup(struct cl_world *world, u64 parent, const char *name);
u64 world_create(struct cl_world *world, const char *name, int flags, u64 *ret_ino);
u64 world_open(struct cl_world *world, u64 ino, int flags);
u64 world_write_call(struct cl_world *world, u64 ino, u64 handle, u64 offset, const u8 *data,
		     u32 bytes, int flags);
int world_write(struct cl_world *world, u64 ino, u64 handle, u64 offset, u32 bytes, u32 seed);
u64 world_handle_call(struct cl_world *world, enum cl_op op, u64 ino, u64 handle);
int world_flush(struct cl_world *world, u64 ino, u64 handle);
int world_fsync(struct cl_world *world, u64 ino, u64 handle);
int world_close(struct cl_world *world, u64 ino, u64 handle);
u64 world_read_call(struct cl_world *world, u64 ino, u64 handle, u64 offset, u32 bytes, int flags);
/* Read and compare with what world_write wrote with that seed at that offset. */
void world_expect(struct cl_world *world, u64 ino, u64 handle, u64 offset, u32 bytes, u32 seed);
void world_expect_zeros(struct cl_world *world, u64 ino, u64 handle, u64 offset, u32 bytes);
u64 world_size(struct cl_world *world, u64 ino);
int world_truncate(struct cl_world *world, u64 ino, u64 size);
/* Byte at a file offset of what world_write writes. */
u8 world_byte(u64 offset, u32 seed);

/* cl_puppets.c */
struct world_file *world_file(struct cl_world *world, u64 ino);
struct world_file *world_add(struct cl_world *world, u64 parent, const char *name, u32 mode);
struct puppet_chunk *world_chunk(struct puppet *puppet, u64 id, bool make);
void puppet_serve(struct puppet *puppet, const struct dfs_session_event *request);
void puppet_reply(struct puppet *puppet, const struct dfs_session_event *request, int status,
		  struct dfs_writer *writer, const struct dfs_payload *payload);
void puppet_server(struct puppet *puppet, const struct dfs_session_event *request);

/* cl_puppet_space.c */
/* Of those in the map all but the last are whole. */
u32 puppet_chunk_length(const struct world_file *file, u64 index);
struct dfs_room puppet_room(const struct cl_world *world);
int puppet_allocate(struct cl_world *world, struct dfs_span body, struct dfs_mutate_reply *reply);
int puppet_clone(struct cl_world *world, struct dfs_span body, struct dfs_mutate_reply *reply);

#endif
