/*
 * One mount as its kernel sees it: calls in flight to the client core, look-up counts and forgets.
 * A model of what a kernel sends through FUSE: it is the only caller of client cores in the
 * simulator.
 *
 * A process (struct task) makes calls and waits for them. When the mount dies, every call in flight
 * ends with MOUNT_DIED; the files that were open are gone.
 */
#ifndef TESTS_SIM_WORLD_MOUNT_H
#define TESTS_SIM_WORLD_MOUNT_H

#include "fuse/core/client.h"
#include "libdfsproto/base/map.h"
#include "tests/sim/world/attr_cache.h"
#include "tests/sim/world/task.h"

#define MOUNT_DIED (-1000)

struct mount;

/* A reply with copies of all it refers to. */
struct answer {
	int status;
	struct dfs_attr attr;
	u64 handle;
	u64 count;
	u8 *bytes; /* READ's data, READLINK's target, xattrs: `bytes_count` of them. */
	u32 bytes_count;
	struct named *entries; /* READDIR. */
	u32 entries_count;
	struct dfs_statfs_reply statfs;
};

struct named {
	char name[DFS_NAME_BYTES_MAX + 1];
	u32 length;
	u64 next_offset;
	struct dfs_attr attr;
};

void answer_clear(struct answer *answer);

struct call {
	struct dfs_map_node by_id;
	struct dfs_list link; /* In mount->calls. */
	struct cl_call call;
	u64 id;
	struct task *task; /* Woken when it is done. */
	bool done;
	u64 attrs_version; /* When it began. */
	struct answer answer;
};

struct mount *mount_new(struct sim *sim);
void mount_free(struct mount *mount);
/* The node whose core serves it; set once. */
void mount_bind(struct mount *mount, struct sim_node *node);
struct sim_node *mount_node(const struct mount *mount);
/* The core it runs, anew at each start. */
void mount_serve(struct mount *mount, const struct cl *core);
/* While it is up: is a change under way, perhaps one whose caller was interrupted? */
bool mount_changing(const struct mount *mount);
/* For struct sim_node_spec. */
void mount_reply(struct mount *mount, u64 id, const void *reply);
void mount_died(struct mount *mount);
/* Counts deaths: a file opened in another life is gone. */
u64 mount_life(const struct mount *mount);

/* Begin a call of a zeroed struct with `call` filled in; spans in it must live until it is done.
 * Ends at once with MOUNT_DIED while the node is down. */
void call_start(struct mount *mount, struct task *task, struct call *call);
/* Wait until it is done. `interrupt_after`: send an interrupt then; DFS_NEVER: never. */
void call_wait(struct mount *mount, struct call *call, nsec interrupt_after);
u32 mount_calls_in_flight(const struct mount *mount);
/* Text of the call that waits longest, and since when; for reports of hangs. */
bool mount_oldest_call(const struct mount *mount, enum cl_op *ret_op, u64 *ret_id);
const char *mount_op_name(enum cl_op op);
void mount_trace_call(const struct mount *mount, const struct call *call);

/* The kernel drops an inode from its caches: FORGET with all look-ups it counted, if it has any and
 * nobody holds it. Replies with attr counted one look-up each where the protocol says so. */
void mount_forget(struct mount *mount, u64 ino);
void mount_hold(struct mount *mount, u64 ino);
void mount_unhold(struct mount *mount, u64 ino);
void mount_forget_some(struct mount *mount, struct dfs_prng *prng, u32 of_256);

#endif
