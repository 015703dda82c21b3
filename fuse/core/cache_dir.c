/*
 * Directories of which every name is known: see cache.h. An entry lives while answers extend the
 * lease before it ends; from then on nobody would tell us of new names. What is not known for
 * certain, a name that somebody else rebinds, one whose fate we did not hear, one that had to make
 * room, makes the directory incomplete until it is listed again.
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>

enum { DIRS_MAX = 4096 };

static struct cl_cached_dir *dir_at(const struct cl *cl, u64 ino)
{
	struct dfs_map_node *found = dfs_map_find(&cl->cache.dirs, ino);
	return found == NULL ? NULL : dfs_map_entry(found, struct cl_cached_dir, by_ino);
}

static void dir_free(struct cl *cl, struct cl_cached_dir *dir)
{
	dfs_map_remove(&cl->cache.dirs, &dir->by_ino);
	dfs_list_remove(&dir->in_order);
	free(dir);
}

/* The directory, if its lease still runs. */
static struct cl_cached_dir *dir_find(struct cl *cl, u64 ino)
{
	struct cl_cached_dir *dir = dir_at(cl, ino);
	if (dir == NULL || dir->until > cl->now)
		return dir;
	dir_free(cl, dir);
	return NULL;
}

static struct cl_cached_dir *dir_get(struct cl *cl, u64 ino)
{
	struct cl_cached_dir *dir = dir_find(cl, ino);
	if (dir == NULL) {
		if (cl->cache.dirs.count >= DIRS_MAX)
			dir_free(cl, dfs_list_first(&cl->cache.dirs_order, struct cl_cached_dir,
						    in_order));
		dir = calloc(1, sizeof(*dir));
		DFS_ASSERT(dir != NULL);
		dfs_list_init(&dir->in_order);
		dfs_map_insert(&cl->cache.dirs, &dir->by_ino, ino);
	}
	dfs_list_remove(&dir->in_order);
	dfs_list_push_back(&cl->cache.dirs_order, &dir->in_order);
	return dir;
}

void cl_cache_dir_lease(struct cl *cl, u64 ino, nsec until)
{
	if (until <= cl->now)
		return;
	struct cl_cached_dir *dir = dir_get(cl, ino);
	dir->until = dfs_max(dir->until, until);
}

void cl_cache_dir_made(struct cl *cl, u64 ino, nsec until)
{
	if (until <= cl->now)
		return;
	cl_cache_dir_lease(cl, ino, until);
	dir_get(cl, ino)->complete = true;
}

bool cl_cache_dir_complete(const struct cl *cl, u64 ino)
{
	const struct cl_cached_dir *dir = dir_at(cl, ino);
	return dir != NULL && dir->complete && dir->until > cl->now;
}

void cl_cache_dir_lose(struct cl *cl, u64 ino)
{
	struct cl_cached_dir *dir = dir_at(cl, ino);
	if (dir == NULL)
		return;
#ifdef DFS_PLANT_KEEP_COMPLETE
	return;
#endif
	dir->complete = false;
	dir->listing = 0;
}

void cl_cache_dir_regain(struct cl *cl, u64 ino)
{
	struct cl_cached_dir *dir = dir_find(cl, ino);
	if (dir != NULL)
		dir->complete = true;
}

u64 cl_cache_listing_begin(struct cl *cl, u64 ino)
{
	struct cl_cached_dir *dir = dir_find(cl, ino);
	if (dir == NULL)
		return 0;
	dir->listing = ++cl->cache.listings;
	return dir->listing;
}

void cl_cache_listing_end(struct cl *cl, u64 ino, u64 listing)
{
	struct cl_cached_dir *dir = dir_find(cl, ino);
	if (dir != NULL && listing != 0 && dir->listing == listing)
		dir->complete = true;
}

void cl_cache_dirs_drop(struct cl *cl)
{
	while (!dfs_list_empty(&cl->cache.dirs_order))
		dir_free(cl, dfs_list_first(&cl->cache.dirs_order, struct cl_cached_dir, in_order));
}
