/*
 * What the client keeps of a file while it is open, or has data that is not safe yet: attributes as
 * last heard, what was written locally, where its chunks are. Inodes that are only looked up have
 * none of this.
 *
 * Reads and writes keep separate maps. Rows (chunk_map.c) say where committed data is; they hold as
 * long as the master's change counter does not move. Targets (target.c) say where this client may
 * write.
 */
#ifndef CL_INODE_H
#define CL_INODE_H

#include "fuse/core/extents.h"
#include "fuse/core/master_link.h"
#include "fuse/core/server_link.h"

enum {
	CL_SLOT_SHIFT = 19, /* 512 KiB: what is collected before it is sent. */
	CL_SLOT_EXTENTS_MAX = 64,
};
_Static_assert(1 << CL_SLOT_SHIFT == DFS_WIRE_IO_BYTES, "a full slot is one WRITE");

struct cl_inode {
	struct dfs_map_node by_ino;
	u64 ino;                    /* As the master numbers it. */
	struct dfs_list in_all;     /* cl.inodes, in order of arrival. */
	struct dfs_list in_touched; /* cl.touched: to be looked at before the step ends. */
	u32 refs;                   /* Handles, calls, requests of its own under way. */
	bool held;                  /* The master holds it open for us. */
	struct cl_rpc reopen;       /* OPEN after a lost session. */
	u8 *hint;                   /* Name it was made under, for the chunks' descriptions. */
	u32 hint_length;

	/* As the master says. */
	bool known;
	struct dfs_attr attr;

	/* Reading: chunk_map.c. */
	struct dfs_map rows;       /* struct cl_row by index. */
	struct dfs_list rows_list; /* In order of arrival. */
	u64 map_generation;        /* Moves when the rows are dropped; from 1. */
	u64 synced_generation;     /* All that others wrote under this map is synced: audit.c. */
	struct cl_rpc chunks;      /* CHUNKS under way for ... */
	u64 chunks_index;
	u64 chunks_generation;
	u32 chunks_tries;
	struct cl_timer chunks_timer; /* Until it may be asked again. */
	struct dfs_list map_waiters;  /* struct cl_part that wait for rows. */

	/* Writing: write_behind.c, store.c. */
	struct dfs_map slots;     /* struct cl_slot by position. */
	struct dfs_list dirty;    /* Slots with dirty data, in order of dirty_seq. */
	struct dfs_list sending;  /* Slots with data on its way. */
	struct dfs_list in_dirty; /* cl.dirty: inodes with uncommitted writes, oldest first. */
	u64 write_seq;            /* Number of writes so far. */
	u64 committed_seq;        /* Writes up to here are stored and committed, or failed. */
	u64 wanted_seq;           /* Slots dirty since here or before were told to go. */
	u64 background_seq;       /* Age or pressure wants writes up to here committed. */
	u64 local_end;            /* End of what was written and is not committed; 0: nothing is. */
	bool end_unsure;          /* Something was lost: `local_end` is to be found anew. */
	s64 local_mtime;
	u64 stored_end;     /* Largest end of what chunkservers stored. */
	u64 stored_count;   /* WRITEs answered. */
	u64 held_bytes;     /* Memory of its slots. */
	u64 unstored_bytes; /* Dirty or on its way. */
	u64 kept_bytes;     /* Stored and not committed. */
	struct cl_timer age;

	/* Where to write: target.c. */
	struct dfs_map targets;       /* struct cl_target by index. */
	struct dfs_list targets_list; /* In order of arrival. */
	struct dfs_list wanting;      /* Targets that need a grant. */
	struct cl_rpc grant;
	u64 grant_index;
	u32 grant_count;
	u32 grant_tries;
	struct cl_timer grant_timer; /* Until it may be asked again. */

	/* What it may grow by: quota.c. */
	struct cl_quota *quota; /* NULL: no limit that we know of. */
	u64 growth;             /* Of what is not committed, over all targets. */

	/* Making it safe: flush.c, commit.c, sync.c. */
	struct dfs_list flushes; /* struct cl_flush. */
	struct cl_caller writer; /* Of what is not committed: root only if all of it is root's. */
	struct cl_caller commit_writer; /* The same, of the COMMIT under way. */
	struct cl_mutation commit;
	u64 commit_seq;        /* It covers writes up to here, */
	u64 commit_end;        /* with this end, */
	u64 commit_generation; /* and was sent under this map. */
	u32 commit_tries;
	u64 commits_sent;
	u64 commits_heard; /* Number of the last one that succeeded. */
	struct cl_timer commit_timer;
	bool uncommitted;      /* Something was stored since the last COMMIT was sent. */
	struct dfs_list syncs; /* struct cl_sync: SYNCs under way. */
	u32 syncs_count;
	u32 sync_tries;
	struct cl_timer sync_timer;

	/* Truncation: op_setattr.c. Writes wait while `gates` is not 0. */
	u32 gates;

	/* Nobody uses it, but its data may not be on stable storage: linger.c. */
	struct dfs_list in_linger;
	nsec linger_until;
	bool expired; /* Its time is over. */

	/* The last failure to write something back, and how many there were: each handle reports
	 * each once. */
	int error;
	u32 errors_count;
	u32 errors_told; /* So many somebody has heard of. */
	nsec error_at;   /* When a line about it was logged. */
};

struct cl_handle {
	struct dfs_map_node by_id;
	struct cl_inode *inode; /* NULL for directories. */
	u64 ino;                /* The master's. */
	u32 flags;              /* O_*. */
	u32 errors_seen;
	/* Directories: op_readdir.c. */
	struct dfs_buf *page; /* Entries as they came. */
	struct dfs_items page_entries;
	u64 page_after; /* The page follows this cookie. */
	u64 page_parent;
	bool page_end;
	bool page_attributes;
	u64 listing;      /* cache.h: from the start without a gap so far; 0: none. */
	u64 listing_next; /* Cookie that it goes on after. */
};

struct cl_inode *cl_inode_find(const struct cl *cl, u64 ino);
/* Found or made, with one more reference. */
struct cl_inode *cl_inode_get(struct cl *cl, u64 ino);
void cl_inode_unref(struct cl *cl, struct cl_inode *inode);
/* Look at it before the step ends: something it may wait for has happened. */
void cl_inode_touch(struct cl *cl, struct cl_inode *inode);
void cl_inodes_work(struct cl *cl);
void cl_inodes_fini(struct cl *cl);
void cl_inode_check(const struct cl *cl, const struct cl_inode *inode);

/* Attributes arrived. `own`: they answer a change that this client made. DFS_EMALFORMED when they
 * cannot be. */
int cl_inode_attr(struct cl *cl, struct cl_inode *inode, const struct dfs_attr *attr, bool own);
/* Are there writes that are not committed? */
bool cl_inode_uncommitted(const struct cl_inode *inode);
/* Length, own writes included. */
u64 cl_inode_size(const struct cl_inode *inode);
/* How many chunks a file of that length has room for. */
u64 cl_inode_chunks(const struct cl_inode *inode, u64 size);
bool cl_inode_regular(const struct cl_inode *inode);
/* Something could not be written back. */
void cl_inode_fail(struct cl *cl, struct cl_inode *inode, int status, const char *what);

/* What callers see: the newest attributes known, own writes included, ino as in the mounted tree.
 * True when they are not (only) what the master said, so no lease covers them. */
bool cl_attr_view(const struct cl *cl, struct dfs_attr *attr);
/* Inode numbers of the mounted tree and the master's; the same function both ways. */
u64 cl_ino_translate(const struct cl *cl, u64 ino);

struct cl_handle *cl_handle_new(struct cl *cl, struct cl_inode *inode, u64 ino, u32 flags,
				u64 *ret_id);
struct cl_handle *cl_handle_find(const struct cl *cl, u64 id);
void cl_handle_free(struct cl *cl, struct cl_handle *handle);
/* A failure this handle has not reported yet, or 0; it counts as reported now. */
int cl_handle_error(struct cl_handle *handle);

/* holds.c: OPEN and RELEASE at the master. */
void cl_hold_taken(struct cl *cl, struct cl_inode *inode);
/* Take one without waiting for it. */
void cl_hold_begin(struct cl *cl, struct cl_inode *inode);
void cl_hold_release(struct cl *cl, u64 ino);
void cl_holds_reopen(struct cl *cl);

#endif
