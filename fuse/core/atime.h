/*
 * When files were last read. The kernel leaves that to us, and hides from us what it reads from its
 * own pages; so opening a file for reading alone counts as reading it, and so do READ, READDIR and
 * READLINK. By default only when it matters, as relatime does: the file has changed since, or a day
 * has passed.
 *
 * A new time is kept here, shown to this mount's callers at once, and told to the master with many
 * others, half a minute later or before the end (ACCESSED): no read waits for it and none costs a
 * message. A crash of the mount loses what it has not told.
 */
#ifndef CL_ATIME_H
#define CL_ATIME_H

#include "fuse/core/master_link.h"
#include "libdfsproto/base/map.h"
#include "libdfsproto/wire/messages.h"

struct cl_atimes {
	u32 policy; /* enum cl_atime_bits */
	struct dfs_map by_ino;
	struct dfs_list waiting; /* struct cl_atime, oldest first. */
	struct dfs_list sending; /* In the ACCESSED under way. */
	struct cl_mutation mutation;
	struct cl_timer timer;
};

void cl_atimes_init(struct cl *cl);
void cl_atimes_fini(struct cl *cl);
/* The inode was read; `known` is what the master says of it. `tell`: the kernel does not know that
 * this moves a time. */
void cl_accessed(struct cl *cl, const struct dfs_attr *known, bool tell);
/* The same, of an inode that is not open: if anything is known of it. */
void cl_accessed_cached(struct cl *cl, u64 ino);
/* What callers see. */
void cl_atime_view(const struct cl *cl, struct dfs_attr *attr);
/* Somebody here has set the time: what was read before that does not count. */
void cl_atime_forget(struct cl *cl, u64 ino);
/* Tell the master what is waiting, now. */
void cl_atimes_send(struct cl *cl);
/* Nothing is waiting or under way. */
bool cl_atimes_told(const struct cl *cl);

#endif
