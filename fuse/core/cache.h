/*
 * What names stand for and what inodes look like, for as long as the master's lease says so. The
 * master tells before anybody else changes them (INVALIDATE); what we change ourselves is forgotten
 * when the change is answered. An entry is never older than its lease, counted from before the
 * question was asked: so it is right, whatever happens to the link.
 *
 * Of a directory that we made, or listed from end to end, every name is known for as long as its
 * lease is extended in time: then what is not here is not there (cache_dir.c).
 *
 * Names are kept here and not in the kernel, which could only be told to forget one while no
 * operation in that directory is under way; attributes are kept here and there.
 */
#ifndef CL_CACHE_H
#define CL_CACHE_H

#include "libdfsproto/base/list.h"
#include "libdfsproto/base/map.h"
#include "libdfsproto/base/span.h"
#include "libdfsproto/wire/messages.h"

struct cl;
struct cl_task;

struct cl_cached_name {
	struct dfs_map_node by_hash;
	struct dfs_list in_order; /* Least recently learned first. */
	u64 parent;
	u64 ino; /* 0: there is no such name. */
	nsec until;
	u32 length;
	u8 name[];
};

struct cl_cached_attr {
	struct dfs_map_node by_ino;
	struct dfs_list in_order;
	struct dfs_attr attr;
	nsec until;
	struct dfs_buf *acls[2]; /* Access and default list at attr.change; NULL: not known. */
};

/* A directory with a lease that has not lapsed since. */
struct cl_cached_dir {
	struct dfs_map_node by_ino;
	struct dfs_list in_order;
	nsec until;
	u64 listing; /* The listing under way that has missed nothing so far; 0: none. */
	bool complete;
};

struct cl_cache {
	struct dfs_map names;
	struct dfs_map attrs;
	struct dfs_map dirs;
	struct dfs_list names_order;
	struct dfs_list attrs_order;
	struct dfs_list dirs_order;
	u64 listings; /* Begun so far. */
	u64 asked_in; /* Directory of the last LOOKUP since a READDIR. */
};

void cl_cache_init(struct cl *cl);
void cl_cache_fini(struct cl *cl);
/* Until when an answer may be kept, to a question asked then. 0: not at all. */
nsec cl_cache_until(nsec asked_at, u32 lease_ms);

void cl_cache_put_name(struct cl *cl, u64 parent, struct dfs_span name, u64 ino, nsec until);
void cl_cache_put_attr(struct cl *cl, const struct dfs_attr *attr, nsec until);
/* NULL: not known. */
const struct cl_cached_name *cl_cache_find_name(const struct cl *cl, u64 parent,
						struct dfs_span name);
const struct cl_cached_attr *cl_cache_find_attr(const struct cl *cl, u64 ino);
/* An access control list (enum dfs_acl_bits), as the inode has it at `change`. Kernels forget lists
 * at each look-up, and ask anew for those on the way to a file. */
void cl_cache_put_acl(struct cl *cl, u64 ino, u8 which, u64 change, struct dfs_span value);
/* NULL: not known. */
const struct dfs_buf *cl_cache_find_acl(const struct cl *cl, u64 ino, u8 which);
/* The master has taken a new access time in place of `from`. */
void cl_cache_move_atime(struct cl *cl, u64 ino, s64 from, s64 to);
void cl_cache_drop_name(struct cl *cl, u64 parent, struct dfs_span name);
void cl_cache_drop_attr(struct cl *cl, u64 ino);
void cl_cache_drop_all(struct cl *cl);

/* MUTATE was answered well: what is known of the directories after it. */
void cl_cache_put_parents(struct cl *cl, const struct dfs_mutate_reply *reply, nsec until);
/* A change of ours was answered: forget what it touched, here and in the kernel. Whether every name
 * was known is noted in task->changed, for cl_cache_regain(). */
void cl_cache_changed(struct cl *cl, struct cl_task *task);
/* A change of ours is under way and its caller has gone: until its outcome is known, what it
 * touches is asked for. */
void cl_cache_doubt(struct cl *cl, const struct cl_task *task);
/* The caller must not trust the attributes it was given of this inode (the master's number). */
void cl_cache_tell(struct cl *cl, u64 ino);
/* INVALIDATE. */
int cl_cache_invalidate(struct cl *cl, struct dfs_span body, u16 version);

/* cache_dir.c */
/* An answer about a name in the directory came with a lease. */
void cl_cache_dir_lease(struct cl *cl, u64 ino, nsec until);
/* A new directory: it has no names. */
void cl_cache_dir_made(struct cl *cl, u64 ino, nsec until);
bool cl_cache_dir_complete(const struct cl *cl, u64 ino);
/* Some name in it is not known any more. */
void cl_cache_dir_lose(struct cl *cl, u64 ino);
/* All that changed since it was complete is known. */
void cl_cache_dir_regain(struct cl *cl, u64 ino);
/* The first page of a listing was learned: its number, to be given to the end. */
u64 cl_cache_listing_begin(struct cl *cl, u64 ino);
/* So was the last one. */
void cl_cache_listing_end(struct cl *cl, u64 ino, u64 listing);
void cl_cache_dirs_drop(struct cl *cl);

#endif
