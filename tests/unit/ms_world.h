/*
 * A state machine on a simulated store, for the unit tests of master/core: short calls that encode
 * an operation, apply it at the next position of a log that is kept, and check all invariants when
 * asked.
 */
#ifndef TESTS_UNIT_MS_WORLD_H
#define TESTS_UNIT_MS_WORLD_H

#include "master/core/state.h"
#include "tests/sim/kv_sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>
#include <sys/stat.h>

#define WORLD_CLUSTER UINT64_C(0x64667374)
#define ROOT          ((u64)DFS_INO_ROOT)
#define NO_TRIM       DFS_VALID_ALL

struct world_entry {
	struct ms_position at;
	struct ms_op op; /* body is our copy. */
};

struct world {
	struct kv_sim *sim;
	struct ms_state *state;
	u32 hash_bits;
	u64 session;  /* Opened by world_open. */
	u64 sequence; /* Of the last operation. */
	u64 acked;    /* Sent along with the next one; follows sequence unless keep_results. */
	bool keep_results;
	nsec wall; /* Grows by 1 s per operation. */
	u32 uid;
	u32 gid;
	struct ms_result last;
	struct world_entry *log;
	u32 log_count;
	u32 log_capacity;
};

/* With one session and 1,000,000 chunk ids reserved. */
void world_open(struct world *w, u32 hash_bits);
void world_close(struct world *w);
/* The process restarts; the store is as it is. */
void world_reopen(struct world *w);
/* All invariants hold. */
void world_check(struct world *w);

/* Apply an encoded body as the next operation of the session, or of the leader; releases the body.
 */
int world_apply(struct world *w, u16 op, struct dfs_writer *body);
/* Apply log entry `i` to another state machine. */
int world_replay(const struct world *w, u32 i, struct ms_state *state, struct ms_result *result);

#define WORLD_DO(w, OP, name, ...)                                                                 \
	({                                                                                         \
		struct dfs_##name body_ = {__VA_ARGS__};                                           \
		struct dfs_writer writer_;                                                         \
		dfs_writer_init(&writer_, DFS_PROTOCOL_VERSION, 0);                                \
		dfs_##name##_put(&writer_, &body_);                                                \
		world_apply((w), DFS_OP_##OP, &writer_);                                           \
	})

int world_make(struct world *w, u64 parent, const char *name, u32 mode);
/* As before, and it must succeed: the inode. */
u64 world_file(struct world *w, u64 parent, const char *name);
u64 world_directory(struct world *w, u64 parent, const char *name);
int world_link(struct world *w, u64 ino, u64 parent, const char *name);
int world_unlink(struct world *w, u64 parent, const char *name);
int world_rmdir(struct world *w, u64 parent, const char *name);
int world_rename(struct world *w, u64 parent, const char *name, u64 new_parent,
		 const char *new_name, u32 flags);
int world_truncate(struct world *w, u64 ino, u64 size);
/* Put chunks [first_chunk, +count) at indexes [index, +count); the file covers them to the last
 * byte. */
int world_commit(struct world *w, u64 ino, u64 index, u64 first_chunk, u32 count);
/* CLONE of the source's chunks as they are, [from, +count), to the destination's index `to`; up to
 * the source's end if that is sooner. */
int world_clone(struct world *w, u64 source, u64 from, u64 ino, u64 to, u32 count);
/* Chunk at an index as readers see it; 0: a hole. */
u64 world_chunk_at(struct world *w, u64 ino, u64 index);
/* A file of WORLD_MANY chunks: more than two operations may drop. */
enum { WORLD_MANY = 10000 };
u64 world_huge_file(struct world *w, const char *name, u64 first_chunk);
/* As the leader does; the number of CUT operations. */
u32 world_cut_all(struct world *w);
int world_commit_size(struct world *w, u64 ino, u64 size);
int world_purge(struct world *w, u64 ino);

/* 0 when there is no such name. */
u64 world_lookup(struct world *w, u64 parent, const char *name);
struct dfs_attr world_attr(struct world *w, u64 ino);

#endif
