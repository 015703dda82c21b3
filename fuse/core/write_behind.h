/*
 * The write-behind buffer. A file's writes gather in slots of 512 KiB, aligned in the chunk. In
 * each slot:
 *
 *   dirty    what programs wrote and nobody has been sent
 *   sending  what is on its way, frozen; no other WRITE overlaps it, since a slot sends one batch
 * at a time kept     what a chunkserver has stored and no COMMIT has covered: should the chunk turn
 * out to be unusable (its disk full, its place in the file taken), it is written again elsewhere
 *
 * Newer data is in the earlier of the three, and reads look in that order. write_behind.c fills
 * slots, store.c sends them, target.c finds out where to.
 */
#ifndef CL_WRITE_BEHIND_H
#define CL_WRITE_BEHIND_H

#include "fuse/core/inode.h"

struct cl_slot {
	struct dfs_map_node by_position; /* Key: file offset >> shift. */
	struct dfs_list in_target;       /* target.slots */
	struct dfs_list in_dirty;        /* inode.dirty */
	struct dfs_list in_sending;      /* inode.sending */
	struct dfs_list in_ready;        /* target.ready: to be sent next. */
	struct cl_inode *inode;
	struct cl_target *target;
	struct cl_extents dirty;
	struct cl_extents sending;
	struct cl_extents kept;
	u64 dirty_seq;          /* First write in `dirty`. */
	u64 sending_seq;        /* First write in `sending`. */
	u64 kept_seq;           /* First write in `kept`. */
	u64 kept_at;            /* inode.stored_count when the last one got there. */
	struct dfs_list stores; /* struct cl_store: WRITEs under way. */
	u32 stores_count;
	u32 corrupt_count; /* Times the server found a payload damaged. */
	bool wanted;       /* Send the dirty data as soon as the batch before it is through. */
	u64 cost;          /* As counted in held_bytes, */
	u64 unstored;      /* in unstored_bytes, */
	u32 kept_counted;  /* and in kept_bytes. */
};

/* Where a chunk of the file is written to. */
struct cl_target {
	struct dfs_map_node by_index;
	struct dfs_list in_inode;   /* inode.targets_list */
	struct dfs_list in_wanting; /* inode.wanting */
	struct dfs_list in_server;  /* server.ready: `ready` is not empty and `place` is valid. */
	struct cl_inode *inode;
	bool granted; /* `place` is valid. */
	bool fresh;   /* Not in the file's map as far as we know: reclaimed by ATTACH. */
	struct cl_place place;
	u64 refused; /* A chunk that a server would not write: the master gives another; 0: none. */
	struct dfs_list slots;
	struct dfs_list ready; /* Slots to send, in order. */
	u32 length;            /* Of the chunk, as the last WRITE_REPLY told; 0: not known. */
	u32 end;               /* End of what was written and is not committed; 0: nothing is. */
	u64 growth;            /* What that adds to the file's space: quota.c. */
	u32 full_count;        /* Times its disk was full. */
	u64 stored_at;         /* inode.stored_count of the last WRITE answered; 0: none yet. */
	u64 commit_at;         /* The same when the COMMIT under way was made; 0: not in it. */
	u64 committed_at;      /* And of the last COMMIT that succeeded. */
	u64 unsynced_since;    /* inode.stored_count of the first WRITE no SYNC covers; 0: none. */
	u64 syncing_since;     /* The same of those the SYNC under way covers; 0: none. */
};

/* The file offset where a slot begins. */
u64 cl_slot_offset(const struct cl_slot *slot);
u32 cl_slot_bytes(const struct cl_inode *inode);
struct cl_slot *cl_slot_find(const struct cl_inode *inode, u64 offset);
/* Count its memory after a change; drop it when it is empty. */
void cl_slot_settle(struct cl *cl, struct cl_slot *slot);
/* All of it is to be written anew: what was stored or on its way is dirty again. */
void cl_slot_redo(struct cl *cl, struct cl_slot *slot);
/* Send its dirty data soon. */
void cl_slot_want(struct cl *cl, struct cl_slot *slot);

/* The inode is regular and known; there is room. */
void cl_write(struct cl *cl, struct cl_inode *inode, u64 offset, const struct dfs_payload *data);
bool cl_write_has_room(const struct cl *cl, const struct cl_inode *inode, u64 bytes);
/* Nobody has room for so much. */
bool cl_write_is_full(const struct cl *cl, u64 bytes);
/* After a loss: the file ends where what is left ends. */
void cl_write_recount_end(struct cl_inode *inode);
/* Tell dirty slots to go up to a write. */
void cl_write_want(struct cl *cl, struct cl_inode *inode, u64 seq);
/* Writes up to the result are stored, or failed. */
u64 cl_write_stored_seq(const struct cl_inode *inode);
/* Too much is held: hurry this inode and the oldest. */
void cl_write_press(struct cl *cl, struct cl_inode *inode);

/* store.c */
void cl_target_ready(struct cl *cl, struct cl_target *target);
/* Send what its window allows. */
void cl_server_pump(struct cl *cl, struct cl_server *server);
/* The frozen batch is to be sent (again). */
void cl_slot_requeue(struct cl *cl, struct cl_slot *slot);
/* Forget the WRITEs under way of a slot. */
void cl_slot_cancel(struct cl *cl, struct cl_slot *slot);
/* Give up on everything in a slot. */
void cl_slot_drop(struct cl *cl, struct cl_slot *slot);

/* target.c */
struct cl_target *cl_target_get(struct cl *cl, struct cl_inode *inode, u64 index);
struct cl_target *cl_target_find(const struct cl_inode *inode, u64 index);
/* The place cannot be used as it is: ask for a grant before sending more. */
void cl_target_ungrant(struct cl *cl, struct cl_target *target);
/* The same, and it must be another chunk: this one is sealed, or cannot be made. */
void cl_target_refuse(struct cl *cl, struct cl_target *target);
/* Everything not committed is to be written again, perhaps elsewhere. */
void cl_target_redo(struct cl *cl, struct cl_target *target);
/* Everything not stored is lost. */
void cl_target_drop(struct cl *cl, struct cl_target *target);
/* Ask for grants that are wanted. */
void cl_targets_work(struct cl *cl, struct cl_inode *inode);
/* A location of a file just made or granted. */
void cl_target_grant(struct cl *cl, struct cl_inode *inode, const struct dfs_location *location);
/* Forget grants that nothing depends on: the file may have changed elsewhere. */
void cl_targets_forget(struct cl *cl, struct cl_inode *inode);
/* We took chunks [first, end) out of the file: they need not even be synced. */
void cl_targets_cut(struct cl *cl, struct cl_inode *inode, u64 first, u64 end);
/* Bytes of a chunk that all writes of ours are committed to were punched out there: as if stored
 * and committed, it is to be synced. */
void cl_target_punched(struct cl *cl, struct cl_inode *inode, u64 index,
		       const struct cl_place *place);
/* All of them; nothing may depend on them. */
void cl_targets_fini(struct cl *cl, struct cl_inode *inode);

#endif
