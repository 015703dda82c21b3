/*
 * Two tables with the oldest in front: see cache.h.
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>

enum { NAMES_MAX = 65536, ATTRS_MAX = 65536 };

void cl_cache_init(struct cl *cl)
{
	dfs_list_init(&cl->cache.names_order);
	dfs_list_init(&cl->cache.attrs_order);
	dfs_list_init(&cl->cache.dirs_order);
}

nsec cl_cache_until(nsec asked_at, u32 lease_ms)
{
	return lease_ms == 0 ? 0 : asked_at + (nsec)lease_ms * DFS_MSEC;
}

/* FNV-1a over the name, begun with the parent (Fowler, Noll, Vo). A clash only forgets. */
static u64 hash(u64 parent, struct dfs_span name)
{
	u64 h = (parent + UINT64_C(14695981039346656037)) * UINT64_C(1099511628211);
	for (u32 i = 0; i < name.length; i++)
		h = (h ^ name.data[i]) * UINT64_C(1099511628211);
	return h;
}

static struct cl_cached_name *name_at(const struct cl *cl, u64 key)
{
	struct dfs_map_node *found = dfs_map_find(&cl->cache.names, key);
	return found == NULL ? NULL : dfs_map_entry(found, struct cl_cached_name, by_hash);
}

static void name_free(struct cl *cl, struct cl_cached_name *name)
{
	if (name == NULL)
		return;
	dfs_map_remove(&cl->cache.names, &name->by_hash);
	dfs_list_remove(&name->in_order);
	free(name);
}

static void acls_drop(struct cl_cached_attr *attr)
{
	for (size_t i = 0; i < dfs_array_count(attr->acls); i++) {
		dfs_buf_unref(attr->acls[i]);
		attr->acls[i] = NULL;
	}
}

static void attr_free(struct cl *cl, struct cl_cached_attr *attr)
{
	if (attr == NULL)
		return;
	acls_drop(attr);
	dfs_map_remove(&cl->cache.attrs, &attr->by_ino);
	dfs_list_remove(&attr->in_order);
	free(attr);
}

static bool is_of(const struct cl_cached_name *known, u64 parent, struct dfs_span name)
{
	return known->parent == parent &&
	       dfs_span_equal(dfs_span(known->name, known->length), name);
}

/* It has to make room. */
static void evict(struct cl *cl, struct cl_cached_name *known)
{
	cl_cache_dir_lose(cl, known->parent);
	name_free(cl, known);
}

void cl_cache_put_name(struct cl *cl, u64 parent, struct dfs_span name, u64 ino, nsec until)
{
	u64 key = hash(parent, name);
	struct cl_cached_name *there = name_at(cl, key);
	if (there != NULL && is_of(there, parent, name))
		name_free(cl, there);
	else if (there != NULL)
		evict(cl, there);
	if (until <= cl->now) {
		cl_cache_dir_lose(cl, parent);
		return;
	}
	cl_cache_dir_lease(cl, parent, until);
	if (cl->cache.names.count >= NAMES_MAX)
		evict(cl, dfs_list_first(&cl->cache.names_order, struct cl_cached_name, in_order));
	struct cl_cached_name *made = malloc(sizeof(*made) + name.length);
	DFS_ASSERT(made != NULL);
	made->parent = parent;
	made->ino = ino;
	made->until = until;
	made->length = name.length;
	if (name.length > 0)
		memcpy(made->name, name.data, name.length);
	dfs_list_init(&made->in_order);
	dfs_list_push_back(&cl->cache.names_order, &made->in_order);
	dfs_map_insert(&cl->cache.names, &made->by_hash, key);
}

static struct cl_cached_attr *attr_at(const struct cl *cl, u64 ino)
{
	struct dfs_map_node *found = dfs_map_find(&cl->cache.attrs, ino);
	return found == NULL ? NULL : dfs_map_entry(found, struct cl_cached_attr, by_ino);
}

void cl_cache_put_attr(struct cl *cl, const struct dfs_attr *attr, nsec until)
{
	struct cl_cached_attr *there = attr_at(cl, attr->ino);
	/* Answers may overtake each other when links break: what is newer stays. */
	if (there != NULL && there->attr.change > attr->change)
		return;
	if (until <= cl->now) {
		attr_free(cl, there);
		return;
	}
	if (there == NULL) {
		if (cl->cache.attrs.count >= ATTRS_MAX)
			attr_free(cl, dfs_list_first(&cl->cache.attrs_order, struct cl_cached_attr,
						     in_order));
		there = calloc(1, sizeof(*there));
		DFS_ASSERT(there != NULL);
		dfs_list_init(&there->in_order);
		dfs_map_insert(&cl->cache.attrs, &there->by_ino, attr->ino);
	}
	dfs_list_remove(&there->in_order);
	dfs_list_push_back(&cl->cache.attrs_order, &there->in_order);
	if (there->attr.change != attr->change)
		acls_drop(there);
	there->attr = *attr;
	there->until = until;
}

void cl_cache_put_acl(struct cl *cl, u64 ino, u8 which, u64 change, struct dfs_span value)
{
	struct cl_cached_attr *there = attr_at(cl, ino);
	if (there == NULL || there->attr.change != change || value.length == 0)
		return;
	struct dfs_buf **at = &there->acls[which == DFS_ACL_ACCESS ? 0 : 1];
	dfs_buf_unref(*at);
	*at = dfs_buf_new(value.length);
	memcpy((*at)->data, value.data, value.length);
	(*at)->length = value.length;
}

const struct dfs_buf *cl_cache_find_acl(const struct cl *cl, u64 ino, u8 which)
{
	const struct cl_cached_attr *found = cl_cache_find_attr(cl, ino);
	return found == NULL ? NULL : found->acls[which == DFS_ACL_ACCESS ? 0 : 1];
}

void cl_cache_put_parents(struct cl *cl, const struct dfs_mutate_reply *reply, nsec until)
{
	struct dfs_items parents = reply->parents;
	struct dfs_attr parent;
	while (dfs_attr_next(&parents, &parent))
		cl_cache_put_attr(cl, &parent, until);
}

const struct cl_cached_name *cl_cache_find_name(const struct cl *cl, u64 parent,
						struct dfs_span name)
{
	static const struct cl_cached_name absent;
	const struct cl_cached_name *found = name_at(cl, hash(parent, name));
	bool complete = cl_cache_dir_complete(cl, parent);
	if (found == NULL || !is_of(found, parent, name))
		return complete ? &absent : NULL;
	return complete || found->until > cl->now ? found : NULL;
}

const struct cl_cached_attr *cl_cache_find_attr(const struct cl *cl, u64 ino)
{
	const struct cl_cached_attr *found = attr_at(cl, ino);
	return found == NULL || found->until <= cl->now ? NULL : found;
}

void cl_cache_move_atime(struct cl *cl, u64 ino, s64 from, s64 to)
{
	struct cl_cached_attr *there = attr_at(cl, ino);
	if (there != NULL && there->attr.atime == from)
		there->attr.atime = to;
}

void cl_cache_drop_name(struct cl *cl, u64 parent, struct dfs_span name)
{
	cl_cache_dir_lose(cl, parent);
	name_free(cl, name_at(cl, hash(parent, name)));
}

void cl_cache_drop_attr(struct cl *cl, u64 ino)
{
	attr_free(cl, attr_at(cl, ino));
}

static void drop_attrs(struct cl *cl)
{
	while (!dfs_list_empty(&cl->cache.attrs_order))
		attr_free(cl,
			  dfs_list_first(&cl->cache.attrs_order, struct cl_cached_attr, in_order));
}

void cl_cache_drop_all(struct cl *cl)
{
	drop_attrs(cl);
	cl_cache_dirs_drop(cl);
	while (!dfs_list_empty(&cl->cache.names_order))
		name_free(cl,
			  dfs_list_first(&cl->cache.names_order, struct cl_cached_name, in_order));
}

void cl_cache_fini(struct cl *cl)
{
	cl_cache_drop_all(cl);
	dfs_map_fini(&cl->cache.names);
	dfs_map_fini(&cl->cache.attrs);
	dfs_map_fini(&cl->cache.dirs);
}

void cl_cache_tell(struct cl *cl, u64 ino)
{
	struct cl_reply *reply = cl_reply_new(cl, CL_STALE);
	reply->attr.ino = cl_ino_translate(cl, ino);
	dfs_fx_reply(cl->fx, 0, reply);
}

static void changed_inode(struct cl *cl, u64 ino)
{
	if (ino == 0)
		return;
	cl_cache_drop_attr(cl, ino);
	cl_cache_tell(cl, ino);
}

/* The inode behind a name that was removed or replaced has changed, too: its links, its ctime. The
 * caller looked the name up just before, so it is here, though perhaps without a lease; or there
 * was none, which only a directory known whole can tell. */
static void changed_name(struct cl *cl, u64 parent, struct dfs_span name, bool complete)
{
	const struct cl_cached_name *known = name_at(cl, hash(parent, name));
	if (known != NULL)
		changed_inode(cl, known->ino);
	else if (!complete)
		drop_attrs(cl);
	cl_cache_drop_name(cl, parent, name);
}

/* As it was before the answer. */
static void note_before(struct cl *cl, struct cl_task *task)
{
	const struct cl_cached_name *replaced = NULL;
	if (task->op == CL_RENAME)
		replaced = cl_cache_find_name(cl, task->ino2, task->name2);
	task->changed.complete = cl_cache_dir_complete(cl, task->ino);
	task->changed.complete2 = cl_cache_dir_complete(cl, task->ino2);
	task->changed.replaced = replaced == NULL ? 0 : replaced->ino;
}

void cl_cache_changed(struct cl *cl, struct cl_task *task)
{
	note_before(cl, task);
	switch (task->op) {
	case CL_CREATE:
	case CL_MKNOD:
	case CL_MKDIR:
	case CL_SYMLINK:
		cl_cache_drop_name(cl, task->ino, task->name);
		break;
	case CL_UNLINK:
	case CL_RMDIR:
		changed_name(cl, task->ino, task->name, task->changed.complete);
		break;
	case CL_LINK:
		cl_cache_drop_name(cl, task->ino2, task->name);
		break;
	case CL_RENAME:
		changed_name(cl, task->ino, task->name, task->changed.complete);
		changed_name(cl, task->ino2, task->name2, task->changed.complete2);
		break;
	default:
		break;
	}
	/* The kernel knows what its own operations do to a directory, but not if its caller was
	 * interrupted; nor may an older answer that it is just taking in survive this one. */
	changed_inode(cl, task->ino);
	changed_inode(cl, task->ino2);
}

static void doubt_inode(struct cl *cl, u64 ino)
{
	struct cl_cached_attr *known = attr_at(cl, ino);
	if (known != NULL)
		known->until = 0;
	if (ino != 0)
		cl_cache_tell(cl, ino);
}

/* What it stood for is remembered, for cl_cache_changed(). */
static void doubt_name(struct cl *cl, u64 parent, struct dfs_span name)
{
	struct cl_cached_name *known = name_at(cl, hash(parent, name));
	cl_cache_dir_lose(cl, parent);
	if (known == NULL)
		return;
	known->until = 0;
	doubt_inode(cl, known->ino);
}

void cl_cache_doubt(struct cl *cl, const struct cl_task *task)
{
	doubt_name(cl, task->op == CL_LINK ? task->ino2 : task->ino, task->name);
	if (task->op == CL_RENAME)
		doubt_name(cl, task->ino2, task->name2);
	doubt_inode(cl, task->ino);
	doubt_inode(cl, task->ino2);
}

int cl_cache_invalidate(struct cl *cl, struct dfs_span body, u16 version)
{
	struct dfs_invalidate invalidate;
	struct dfs_stale stale;
	int status = dfs_invalidate_decode(body, version, &invalidate);
	if (status != 0)
		return status;
#ifdef DFS_PLANT_KEEP_STALE
	return 0;
#endif
	while (dfs_stale_next(&invalidate.items, &stale)) {
		changed_inode(cl, stale.ino);
		if (stale.name.length > 0)
			cl_cache_drop_name(cl, stale.ino, stale.name);
	}
	return 0;
}
