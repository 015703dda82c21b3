/*
 * Attributes kept by a modelled kernel: see attr_cache.h.
 */
#include "tests/sim/world/attr_cache.h"

#include <fcntl.h>
#include <stdlib.h>

struct kept {
	struct dfs_map_node by_ino;
	struct dfs_attr attr;
	nsec until;
	u64 version;
};

static struct kept *find(const struct attr_cache *cache, u64 ino)
{
	struct dfs_map_node *node = dfs_map_find(&cache->by_ino, ino);
	return node == NULL ? NULL : dfs_map_entry(node, struct kept, by_ino);
}

static struct kept *get(struct attr_cache *cache, u64 ino)
{
	struct kept *kept = find(cache, ino);
	if (kept != NULL)
		return kept;
	kept = calloc(1, sizeof(*kept));
	DFS_ASSERT(kept != NULL);
	dfs_map_insert(&cache->by_ino, &kept->by_ino, ino);
	return kept;
}

void attr_cache_clear(struct attr_cache *cache)
{
	struct dfs_map_node *node;
	while ((node = dfs_map_next(&cache->by_ino, NULL)) != NULL) {
		dfs_map_remove(&cache->by_ino, node);
		free(dfs_map_entry(node, struct kept, by_ino));
	}
	dfs_map_fini(&cache->by_ino);
}

bool attr_cache_find(const struct attr_cache *cache, u64 ino, nsec now, struct dfs_attr *ret_attr)
{
	const struct kept *kept = find(cache, ino);
	if (kept == NULL || kept->until <= now)
		return false;
	*ret_attr = kept->attr;
	return true;
}

void attr_cache_stale(struct attr_cache *cache, u64 ino)
{
	struct kept *kept = get(cache, ino);
	kept->until = 0;
	kept->version = ++cache->version;
}

static void expire(struct attr_cache *cache, u64 ino)
{
	struct kept *kept = find(cache, ino);
	if (kept != NULL)
		kept->until = 0;
}

static void take(struct attr_cache *cache, const struct cl_reply *reply, u64 asked, nsec now)
{
	struct kept *kept = get(cache, reply->attr.ino);
	if (kept->version > asked)
		return;
	kept->attr = reply->attr;
	kept->until = now + reply->attr_valid;
}

void attr_cache_take(struct attr_cache *cache, const struct cl_call *call,
		     const struct cl_reply *reply, u64 asked, nsec now)
{
	switch (call->op) {
	case CL_MKNOD:
	case CL_MKDIR:
	case CL_SYMLINK:
	case CL_CREATE:
	case CL_UNLINK:
	case CL_RMDIR:
	case CL_WRITE:
	case CL_FALLOCATE:
	case CL_CLONE:
		expire(cache, call->ino);
		break;
	case CL_LINK:
		expire(cache, call->ino2);
		break;
	case CL_RENAME:
		expire(cache, call->ino);
		expire(cache, call->ino2);
		break;
	case CL_OPEN:
		if ((call->flags & O_TRUNC) != 0)
			expire(cache, call->ino);
		break;
	default:
		break;
	}
	if (reply->status != 0)
		return;
	switch (call->op) {
	case CL_LOOKUP:
	case CL_GETATTR:
		take(cache, reply, asked, now);
		break;
	case CL_MKNOD:
	case CL_MKDIR:
	case CL_SYMLINK:
	case CL_CREATE:
	case CL_LINK:
	case CL_SETATTR:
		take(cache, reply, UINT64_MAX, now);
		break;
	default:
		break;
	}
}
