/*
 * What names stand for and what inodes look like, for as long as the master's lease says so. The
 * master tells before anybody else changes them (INVALIDATE); what we change ourselves is forgotten
 * when the change is answered. An entry is never older than its lease, counted from before the
 * question was asked: so it is right, whatever happens to the link.
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
};

struct cl_cache {
	struct dfs_map names;
	struct dfs_map attrs;
	struct dfs_list names_order;
	struct dfs_list attrs_order;
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
void cl_cache_drop_name(struct cl *cl, u64 parent, struct dfs_span name);
void cl_cache_drop_attr(struct cl *cl, u64 ino);
void cl_cache_drop_all(struct cl *cl);

/* MUTATE was answered well: what is known of the directory after it. */
void cl_cache_put_parent(struct cl *cl, u64 parent, const struct dfs_mutate_reply *reply,
			 nsec until);
/* A change of ours was answered: forget what it touched, here and in the kernel. */
void cl_cache_changed(struct cl *cl, struct cl_task *task);
/* A change of ours is under way and its caller has gone: until its outcome is known, what it
 * touches is asked for. */
void cl_cache_doubt(struct cl *cl, const struct cl_task *task);
/* The caller must not trust the attributes it was given of this inode (the master's number). */
void cl_cache_tell(struct cl *cl, u64 ino);
/* INVALIDATE. */
int cl_cache_invalidate(struct cl *cl, struct dfs_span body, u16 version);

#endif
