/*
 * Requests and background jobs. An op owns its I/O and finds itself again by the tag of each; ops
 * of one chunk queue up where their block ranges conflict and run side by side where they do not.
 *
 * Life: cs_op_new → cs_queue_enter → handler.start (its turn has come) → handler.done for each I/O
 * and each wait → cs_queue_leave → cs_op_free. handler.refuse ends an op that waits in the queue of
 * a chunk that is going away. The handlers of each kind are in ops.c's table.
 */
#ifndef CS_CORE_OP_H
#define CS_CORE_OP_H

#include "chunkserver/core/cs_i.h"

enum cs_op_kind {
	CS_OP_NONE,
	CS_OP_READ,         /* on_read.c */
	CS_OP_SEEK,         /* on_seek.c */
	CS_OP_WRITE,        /* on_write.c, write_repair.c */
	CS_OP_SYNC,         /* on_sync.c: the request */
	CS_OP_SYNC_CHUNK,   /* on_sync.c: one chunk of it */
	CS_OP_SEAL,         /* on_seal.c: the request */
	CS_OP_SEAL_CHUNK,   /* on_seal.c: one chunk of it */
	CS_OP_COPY,         /* copy.c: in the queue of the chunk that is made */
	CS_OP_COPY_BASE,    /* copy.c: in the queue of the one it is made of */
	CS_OP_CUT,          /* cut.c: TRIM_CHUNK and PUNCH */
	CS_OP_DELETE,       /* on_delete.c: the request */
	CS_OP_DELETE_CHUNK, /* on_delete.c: one chunk of it */
	CS_OP_CHECK,        /* check.c */
	CS_OP_CLEAN,        /* clean.c */
	CS_OP_COMMIT,       /* commit.c: one sync of an index */
	CS_OP_SPACE,        /* space.c */
	CS_OP_START,        /* recovery.c: marking and listing */
	CS_OP_STOP,         /* stop.c */
	CS_OP_KINDS,
};

enum cs_op_mode {
	CS_SHARED,    /* Reads its blocks. */
	CS_EXCLUSIVE, /* Changes its blocks. */
	CS_BESIDE,    /* Syncs: minds nothing but ALONE. */
	CS_ALONE,     /* Creates or deletes the file. */
};

/* Whom to answer. Link 0: nobody. */
struct cs_origin {
	u64 link; /* Link of the session at that time: an answer never goes to a later one. */
	u64 request;
	u16 type;
};

/* The same request on the replicas behind this one: chain.c. */
enum cs_forward_state { CS_FORWARD_NONE, CS_FORWARD_KEPT, CS_FORWARD_SENT, CS_FORWARD_ENDED };

struct cs_next;

struct cs_forward {
	struct dfs_buf *body; /* The request as it came; NULL: it has no chain. */
	u16 version;          /* What it is coded with. */
	u8 state;             /* enum cs_forward_state */
	struct cs_next *next; /* SENT: to whom. */
	u64 request;          /* Of the session with it. */
	nsec deadline;
	struct dfs_list in_next; /* cs_next.forwards */
	struct dfs_chained chained;
};

enum { CS_PIECES_MAX = DFS_PAYLOAD_BYTES_MAX / DFS_BLOCK_BYTES + 1 };

/* A block that is changed in part: its old bytes are needed for the new checksum. */
struct cs_edge {
	bool used;
	bool load; /* Its old contents must be read. */
	u32 block;
	u32 entry; /* What to store, once known. */
};

struct cs_write {
	struct dfs_buf *payload;
	struct dfs_buf *attribute; /* Describes the chunk, while this write may make it. */
	u32 offset;
	u32 length;
	u32 epoch;
	u32 length_before; /* Of the chunk, when this write began. */
	bool creates;
	int failure; /* UNDOING, REREADING: what to answer. */
	struct cs_edge edges[2];
	u32 crcs[CS_PIECES_MAX];
};

struct cs_read {
	u32 offset;
	u32 length;
	u32 epoch;
};

struct cs_seek {
	u32 offset;
	u32 epoch;
	bool hole;
};

struct cs_cut {
	u32 from; /* Bytes [from, to) go. */
	u32 to;
	u32 epoch;
	bool trim; /* The chunk ends at `from`; durable before the answer. */
	struct cs_edge edges[2];
};

struct cs_copy {
	struct cs_op *base;        /* COPY_BASE, while it holds its chunk; NULL: not (any more). */
	struct dfs_buf *attribute; /* Describes the chunk. */
	u32 bytes;                 /* Asked for; then those that there are. */
	bool cut;                  /* The base goes on in its last block: */
	u32 last_entry;            /* so this is what to store for it. */
	bool recorded;             /* There are rows of it. */
	int failure;               /* UNDOING: what to tell those who wait. */
};

/* A request that waits for the indexes of several disks: gather.c. */
struct cs_gather {
	u64 tickets[DFS_DISKS_MAX]; /* 0: nothing of this disk. */
	u32 disk;                   /* Waiting for this one; those before are durable. */
};

struct cs_delete {
	struct cs_gather gather;
	struct dfs_buf *ids; /* u64 each. */
	u32 at;
	u32 count;
};

struct cs_check {
	u8 mode;                   /* enum cs_recovery. */
	bool down;                 /* Finding the end: going down. */
	u32 segment;               /* Being read. */
	u32 length;                /* The chunk's, once found. */
	u32 accepted;              /* Blocks whose contents differed and were accepted. */
	struct dfs_buf *attribute; /* MAKING: of the new file. */
	u32 refused;               /* Blocks that differ and stay so: readers will see it. */
};

struct cs_op {
	u32 slot;
	u32 generation;
	u8 kind;  /* enum cs_op_kind */
	u8 state; /* The kind's own enum. */
	u8 mode;  /* enum cs_op_mode */
	bool running;
	u32 first_block; /* Blocks [first, end) of the chunk. */
	u32 end_block;
	u32 outstanding; /* I/Os and children that are not done. */
	int status;
	struct cs_chunk *chunk;
	struct cs_disk *disk;
	struct cs_op *parent;
	struct cs_origin origin;
	struct dfs_list queue_node; /* cs_live.ops */
	struct dfs_list wait_node;  /* Whatever it waits for; at most one thing. */
	u64 ticket;                 /* What value it waits for. */
	struct cs_forward forward;
	struct cs_op *next_free;
	union {
		struct cs_write write;
		struct cs_read read;
		struct cs_seek seek;
		struct cs_cut cut;
		struct cs_delete delete;
		struct cs_copy copy;
		u32 epoch;               /* SEAL_CHUNK */
		struct cs_gather gather; /* SYNC, SEAL, STOP */
		struct cs_check check;
	};
};

/* What happened to an op: the end of one of its I/Os, or of a wait. */
enum cs_which {
	CS_IO_MAIN,
	CS_IO_EDGE_0,
	CS_IO_EDGE_1,
	CS_INDEX_DURABLE, /* cs_commit_wait */
	CS_FILE_DURABLE,  /* cs_sync_wait */
	CS_CHILD_DONE,    /* A child op ended with `status`. */
	CS_NEXT_DONE,     /* cs_forward: the replicas behind this one have ended it. */
	CS_WHICH_MAX = 15,
};

struct cs_done {
	u8 which;
	int status;
	u64 count;
	u64 aux;
	struct dfs_buf *buf; /* Borrowed. */
};

struct cs_op_handler {
	void (*start)(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs);
	void (*done)(struct cs *cs, struct cs_op *op, const struct cs_done *done,
		     struct dfs_fxs *fxs);
	void (*refuse)(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs);
};
extern const struct cs_op_handler cs_op_handlers[CS_OP_KINDS];

/* pool.c. NULL when CS_OPS_MAX are in use, which is for requests; `cs_op_new_inner` always gives
 * one. */
struct cs_op *cs_op_new(struct cs *cs, enum cs_op_kind kind);
struct cs_op *cs_op_new_inner(struct cs *cs, enum cs_op_kind kind);
void cs_op_free(struct cs *cs, struct cs_op *op);
u64 cs_op_tag(const struct cs_op *op, enum cs_which which);
/* The op of a tag; asserts that there is one. */
struct cs_op *cs_op_of_tag(struct cs *cs, u64 tag, u8 *ret_which);
struct cs_chunk *cs_pool_chunk_new(struct cs *cs);
void cs_pool_chunk_free(struct cs *cs, struct cs_chunk *chunk);
struct cs_live *cs_pool_live_new(struct cs *cs);
void cs_pool_live_free(struct cs *cs, struct cs_live *live);
struct cs_segment *cs_pool_segment_new(struct cs *cs);
void cs_pool_segment_free(struct cs *cs, struct cs_segment *segment);
void cs_pool_fini(struct cs *cs);

/* ops.c: dispatch, and the one function that moves states. `allowed[to]` is the set of states, as
 * bits, from which `to` may be reached. */
void cs_op_done(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs);
void cs_op_move(struct cs_op *op, const u32 *allowed, u8 to);
/* A child that is in no queue any more: it is freed, and its parent hears CS_CHILD_DONE. */
void cs_op_end_child(struct cs *cs, struct cs_op *child, int status, struct dfs_fxs *fxs);
#define CS_FROM(state) (1u << (state))

/* queue.c. Enter sets op->chunk; start may run before it returns. */
void cs_queue_enter(struct cs *cs, struct cs_op *op, struct cs_chunk *chunk, struct dfs_fxs *fxs);
/* The same for the first op of a new chunk: it starts when the next one enters. */
void cs_queue_put(struct cs *cs, struct cs_op *op, struct cs_chunk *chunk);
void cs_queue_leave(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs);
/* Start what can start now. */
void cs_queue_pump(struct cs *cs, struct cs_live *live, struct dfs_fxs *fxs);
bool cs_queue_any_running(const struct cs_live *live);
/* The chunk must be checked before this running op can go on: it waits in its place. */
void cs_queue_wait_for_check(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs);

#endif
