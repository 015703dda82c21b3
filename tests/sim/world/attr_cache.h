/*
 * What a kernel keeps of inodes' attributes, as FUSE does: each answer with attributes is good for
 * its time-out, unless the inode was invalidated after the question had been asked. An operation of
 * this mount's own invalidates what it changes, as far as a kernel knows; ctime and links of an
 * inode that loses a name, and xattrs, it leaves to the driver.
 */
#ifndef TESTS_SIM_WORLD_ATTR_CACHE_H
#define TESTS_SIM_WORLD_ATTR_CACHE_H

#include "fuse/core/client.h"
#include "libdfsproto/base/map.h"

struct attr_cache {
	struct dfs_map by_ino;
	u64 version; /* Counts invalidations by the driver. */
};

void attr_cache_clear(struct attr_cache *cache);
/* False: the driver must be asked. */
bool attr_cache_find(const struct attr_cache *cache, u64 ino, nsec now, struct dfs_attr *ret_attr);
/* `asked` is cache.version when the question was put. */
void attr_cache_take(struct attr_cache *cache, const struct cl_call *call,
		     const struct cl_reply *reply, u64 asked, nsec now);
/* CL_STALE. */
void attr_cache_stale(struct attr_cache *cache, u64 ino);

#endif
