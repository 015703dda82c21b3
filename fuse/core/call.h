/*
 * Calls: one operation from the kernel, from its arrival to its answer, as a struct cl_task. op_*.c
 * say what each kind does; here is what they share: finding them by id, time-outs, interruption,
 * trying again.
 *
 *   NEW --> WAITING --> ASKING <--> PAUSED     WAITING: until the client is ready, or mutations may
 * go on |                    ^                    PAUSED: the master was busy
 *    +--> FLUSHING -------+                    before truncation; at close and fsync
 *    +--> QUEUED --> FLUSHING                  WRITE: no room, or a truncation is under way; O_SYNC
 *    +--> READING                              op_read.c
 *    +--> VISITING                             visit.c: FALLOCATE, LSEEK, CLONE
 *
 * Each may end at any time by cl_task_finish. A caller that was interrupted, or waited too long, is
 * answered at once. If the master was asked for something that cannot be called back, the task
 * lives on, `answered`, until that is settled: the hold that an OPEN took must be released.
 */
#ifndef CL_CALL_H
#define CL_CALL_H

#include "fuse/core/client.h"
#include "fuse/core/flush.h"

enum cl_task_state {
	CL_TASK_FREE,
	CL_TASK_NEW,
	CL_TASK_WAITING,  /* In cl.waiting or cl.mutators. */
	CL_TASK_ASKING,   /* For the answer to mutation.rpc. */
	CL_TASK_PAUSED,   /* For `pause`. */
	CL_TASK_QUEUED,   /* In cl.writers: for room, or the end of a truncation. */
	CL_TASK_FLUSHING, /* For `flush`. */
	CL_TASK_READING,  /* For its parts. */
	CL_TASK_AUDITING, /* FSYNC: for CHUNKS and SYNCs of what others wrote, or for `pause`. */
	CL_TASK_VISITING, /* For `mutation.rpc`, `visit.rpc` or `pause`. */
	CL_TASK_SYNCING,  /* SYNC_ALL: for `flushes_left` to become 0. */
	CL_TASK_STATES,
};

enum { CL_PARTS_INLINE = 3, CL_PARTS_MAX = CL_PIECES_MAX / 2 };

enum cl_part_state {
	CL_PART_IDLE,     /* Nothing is to be fetched, or it is not begun. */
	CL_PART_MAPPING,  /* In inode.map_waiters: for the chunk's place. */
	CL_PART_FETCHING, /* For READ_REPLY. */
	CL_PART_PAUSED,   /* For `pause`; then it looks for the place anew. */
	CL_PART_DONE,
	CL_PART_STATES,
};

/* The part of a read that lies in one slot. */
struct cl_part {
	enum cl_part_state state;
	struct cl_task *task;
	u64 index;                  /* Chunk of the file. */
	u32 start, end;             /* Bytes of the chunk that the caller wants. */
	u32 fetch_start, fetch_end; /* What must come from a chunkserver, in whole blocks. */
	struct cl_extents local;    /* What was here when the read began; counts from `start`. */
	struct cl_rpc rpc;
	struct cl_place place; /* Where it is fetched from. */
	u32 replica;
	struct dfs_buf *payload;
	u32 payload_bytes;
	u32 tries;
	u32 corrupt_count;
	struct dfs_list in_waiters;
	struct cl_timer pause;
};

struct cl_task {
	struct dfs_map_node by_id; /* Unless answered. */
	struct dfs_list in_all;    /* cl.tasks, or cl.free_tasks. */
	struct dfs_list in_queue;  /* What it waits in. */
	enum cl_task_state state;
	enum cl_op op;
	bool answered;         /* The caller has its answer already. */
	bool gating;           /* Counted in inode.gates. */
	bool asked_attributes; /* READDIR. */
	bool room_asked;       /* WRITE: what was written before is committed, and it asks again. */
	bool room_given;       /* It has asked, and may go on. */
	u16 asked;             /* Operation or message of the request under way. */
	nsec asked_at;         /* When it was first made: leases count from then. */
	struct cl_caller caller;
	u64 ino; /* The master's numbers. */
	u64 ino2;
	struct dfs_span name; /* In `kept`. */
	struct dfs_span name2;
	struct dfs_span value;
	struct dfs_buf *kept;
	u64 handle;
	u64 handle2;
	u64 offset;
	u64 offset2;
	u64 size;
	u32 flags;
	u32 mode;
	u32 umask;
	u32 rdev;
	struct dfs_setattr set;
	struct dfs_payload data;
	struct cl_inode *inode; /* Referenced. */
	u64 made_handle;        /* Freed again unless the caller gets it. */
	nsec until;             /* OPEN, CREATE: for how long the attributes hold. */
	u32 tries;
	void (*resume)(struct cl *cl, struct cl_task *task); /* WAITING, PAUSED. */
	struct cl_mutation mutation;                         /* Its rpc serves for all requests. */
	struct {
		bool complete;  /* Every name of the directory `ino` was known, */
		bool complete2; /* and of `ino2`, before the change was answered. */
		u64 replaced;   /* RENAME: what the new name stood for; 0: nothing, or unknown. */
	} changed;
	struct cl_flush flush;
	struct {
		u64 commits_before; /* inode.commits_sent when the call began. */
		u64 generation;     /* inode.map_generation that is walked. */
		u64 at;             /* The batch of chunks: [at, at + count). */
		u32 count;
		bool failed; /* A SYNC of the batch did. */
		struct dfs_list syncs;
	} audit;
	struct {
		struct cl_inode *inode; /* `inode` of the task, or another that it holds. */
		u64 index;              /* The chunk that is visited, */
		u64 generation;         /* asked for under this map, */
		bool skip;              /* it or the next one that exists. */
		struct cl_rpc rpc;
		/* It is there, it is a hole (place->chunk 0), or (`skip`) nothing follows (NULL).
		 */
		void (*placed)(struct cl *cl, struct cl_task *task, const struct cl_place *place);
		/* Its server has answered, well. */
		void (*answered)(struct cl *cl, struct cl_task *task,
				 const struct cl_answer *answer);
		u32 step;        /* FALLOCATE: see there. */
		u32 errors_seen; /* FALLOCATE: inode.errors_count before it wrote. */
	} visit;
	struct cl_clone *clone; /* CLONE: op_clone.c. */
	u32 flushes_left;       /* SYNC_ALL. */
	int failure;
	struct cl_timer pause;
	struct cl_timer deadline;
	u32 parts_count;
	u32 parts_left;
	bool starting;       /* READ: parts are being begun. */
	u64 read_size;       /* Length of the file as this read found it, */
	u64 read_generation; /* and inode.map_generation. */
	struct cl_part *parts;
	struct cl_part parts_inline[CL_PARTS_INLINE];
};

struct cl_flow {
	void (*start)(struct cl *cl, struct cl_task *task);
	/* Success. */
	void (*answer)(struct cl *cl, struct cl_task *task, const struct cl_answer *answer);
	/* Optional: it would not, for good; else the caller is told the status. */
	void (*refused)(struct cl *cl, struct cl_task *task, int status);
	/* Optional: the flush is through. */
	void (*flushed)(struct cl *cl, struct cl_task *task);
	/* Optional: attributes are the newest, chunks can be visited. */
	void (*begun)(struct cl *cl, struct cl_task *task);
};

extern const struct cl_flow cl_flows[];

void cl_call_begin(struct cl *cl, u64 id, const struct cl_call *call);
void cl_call_cancel(struct cl *cl, u64 id, int status);
/* Go on with those that waited for the client to be ready, or for mutations to be answered. */
void cl_calls_wake(struct cl *cl, struct dfs_list *waiting);
/* All callers are told `status`; nothing is left. */
void cl_calls_end(struct cl *cl, int status);
void cl_calls_fini(struct cl *cl);

void cl_task_move(struct cl_task *task, enum cl_task_state state);
/* Answer with a status alone and let go. */
void cl_task_finish(struct cl *cl, struct cl_task *task, int status);
/* Answer with attributes; view and number are translated here. They may be cached until then. */
void cl_task_finish_attr(struct cl *cl, struct cl_task *task, const struct dfs_attr *attr,
			 nsec until);
/* Answer with what the caller has filled in; `reply` is from cl_reply_new. */
struct cl_reply *cl_reply_new(struct cl *cl, enum cl_op op);
void cl_task_reply(struct cl *cl, struct cl_task *task, struct cl_reply *reply);
/* Hold a buffer until the next step; the reference is taken. */
void cl_keep_take(struct cl *cl, struct dfs_buf *buf);
/* Room for the entries of a listing that lives as long as the reply. */
struct cl_entry *cl_reply_entries(struct cl *cl, struct cl_reply *reply, u32 count);
void cl_replies_release(struct cl *cl);
void cl_replies_fini(struct cl *cl);

/* Ask the master; the writer is from cl_master_begin. */
void cl_task_ask(struct cl *cl, struct cl_task *task, u16 type, struct dfs_writer *writer);
/* Ask for a change; `body` as for cl_mutate. */
void cl_task_mutate(struct cl *cl, struct cl_task *task, u16 op, struct dfs_writer *body);
/* False: it waits, and `resume` will be called. */
bool cl_task_may_mutate(struct cl *cl, struct cl_task *task,
			void (*resume)(struct cl *cl, struct cl_task *task));
/* Flush a file, the task's own or another that it holds. */
void cl_task_flush(struct cl *cl, struct cl_task *task, struct cl_inode *inode, bool sync);
struct cl_handle *cl_task_handle(struct cl *cl, const struct cl_task *task);
/* The handle the caller will get. */
void cl_task_make_handle(struct cl *cl, struct cl_task *task);
void cl_task_use_inode(struct cl *cl, struct cl_task *task, u64 ino);

/* truncate.c: flush, hold writes back, SETATTR with task->set. Then `flow.answer` with asked =
 * SETATTR. */
void cl_truncate(struct cl *cl, struct cl_task *task);
void cl_truncate_flushed(struct cl *cl, struct cl_task *task);
/* SETATTR was answered. */
int cl_truncate_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer,
		       struct dfs_attr *ret_attr);
/* Writes of this inode wait from now on; the gate opens with the end of the task, or of the change.
 */
void cl_truncate_gate(struct cl_task *task);
/* The map has changed by our own doing: chunks [first, end) are the file's no more. */
void cl_truncate_rows(struct cl *cl, struct cl_inode *inode, u64 first, u64 end);
/* The gate opens. */
void cl_truncate_end(struct cl *cl, struct cl_task *task);

/* visit.c: one chunk of the file after another. First the newest attributes, with everything
 * written here stored and committed if `flush`; then `begun`. */
void cl_visit(struct cl *cl, struct cl_task *task, struct cl_inode *inode, bool flush);
void cl_visit_flushed(struct cl *cl, struct cl_task *task);
/* Find visit.index, then visit.placed. With `skip`, the first chunk from there on. */
void cl_visit_place(struct cl *cl, struct cl_task *task, bool skip);
/* Ask its (first) server; then visit.answered, or, if the server is away, visit.placed once more.
 * The writer is from cl_server_begin. */
void cl_visit_ask(struct cl *cl, struct cl_task *task, u16 type, struct dfs_writer *writer,
		  struct cl_server *server);
void cl_visit_fini(struct cl *cl, struct cl_task *task);

/* op_clone.c */
void cl_clone_fini(struct cl *cl, struct cl_task *task);

/* audit.c: sync what others wrote; then cl_fsync_finish. */
void cl_audit(struct cl *cl, struct cl_task *task);
void cl_audit_fini(struct cl *cl, struct cl_task *task);
bool cl_audit_needed(const struct cl_inode *inode);
/* op_flush.c */
void cl_fsync_finish(struct cl *cl, struct cl_task *task);

/* op_write.c: writers whose turn has come. */
void cl_writers_work(struct cl *cl);
/* read_part.c */
void cl_part_start(struct cl *cl, struct cl_part *part);
void cl_part_map(struct cl *cl, struct cl_part *part);
void cl_part_fini(struct cl *cl, struct cl_part *part);
/* Put its bytes behind those in `reply`. */
void cl_part_give(struct cl *cl, struct cl_part *part, struct cl_reply *reply);
/* op_read.c: a part is done, or has failed for good. */
void cl_read_part_done(struct cl *cl, struct cl_task *task, int status);

#endif
