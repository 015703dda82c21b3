/*
 * Access times on their way to the master: see atime.h. The master takes a new time only if the old
 * one is what we knew: if somebody else has set or moved it meanwhile, theirs stays.
 *
 *   cl_accessed --> WAITING --half a minute, or many--> SENDING --answered--> gone
 *                      ^------------ read again, or not taken -----+
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { ATIMES_MAX = 65536 };

#define TELL_AFTER (30 * DFS_SEC)
#define DAY_NS     ((s64)(24 * 3600 * DFS_SEC))

struct cl_atime {
	struct dfs_map_node by_ino;
	struct dfs_list in_list; /* atimes.waiting or atimes.sending */
	s64 known;               /* What the master has. */
	s64 atime;
	s64 sent; /* While in `sending`: what the master is told; else 0. */
};

void cl_atimes_init(struct cl *cl)
{
	dfs_list_init(&cl->atimes.waiting);
	dfs_list_init(&cl->atimes.sending);
}

static struct cl_atime *find(const struct cl *cl, u64 ino)
{
	struct dfs_map_node *node = dfs_map_find(&cl->atimes.by_ino, ino);
	return node == NULL ? NULL : dfs_map_entry(node, struct cl_atime, by_ino);
}

static void atime_free(struct cl *cl, struct cl_atime *atime)
{
	dfs_map_remove(&cl->atimes.by_ino, &atime->by_ino);
	dfs_list_remove(&atime->in_list);
	free(atime);
}

void cl_atimes_fini(struct cl *cl)
{
	struct dfs_map_node *node;
	cl_master_cancel(cl, &cl->atimes.mutation.rpc);
	while ((node = dfs_map_next(&cl->atimes.by_ino, NULL)) != NULL)
		atime_free(cl, dfs_map_entry(node, struct cl_atime, by_ino));
	dfs_map_fini(&cl->atimes.by_ino);
}

static void on_timer(struct cl *cl, struct cl_timer *timer)
{
	(void)timer;
	cl_atimes_send(cl);
}

static void arm(struct cl *cl)
{
	if (!cl_timer_armed(&cl->atimes.timer))
		cl_timer_set(cl, &cl->atimes.timer, cl->now + TELL_AFTER, on_timer);
}

/* As the kernel's relatime_need_update(). */
static bool due(const struct cl *cl, const struct dfs_attr *seen)
{
	if ((cl->atimes.policy & CL_ATIME_ALWAYS) != 0)
		return true;
	return seen->atime <= seen->mtime || seen->atime <= seen->ctime ||
	       (s64)cl->wall - seen->atime >= DAY_NS;
}

void cl_accessed(struct cl *cl, const struct dfs_attr *known, bool tell)
{
	struct dfs_attr seen = *known;
	u32 not_of_directories = S_ISDIR(known->mode) ? CL_ATIME_NOT_OF_DIRECTORIES : 0;
	if ((cl->atimes.policy & (CL_ATIME_NEVER | not_of_directories)) != 0)
		return;
#ifdef DFS_PLANT_KEEP_ATIME
	return;
#endif
	cl_attr_view(cl, &seen);
	struct cl_atime *atime = find(cl, known->ino);
	if (!due(cl, &seen) || (atime == NULL && cl->atimes.by_ino.count >= ATIMES_MAX))
		return;
	if (atime == NULL) {
		atime = calloc(1, sizeof(*atime));
		DFS_ASSERT(atime != NULL);
		dfs_list_init(&atime->in_list);
		dfs_list_push_back(&cl->atimes.waiting, &atime->in_list);
		dfs_map_insert(&cl->atimes.by_ino, &atime->by_ino, known->ino);
		atime->known = known->atime;
	} else if (atime->sent == 0) {
		atime->known = known->atime;
	}
	/* The master's clock, which made ctime, may be ahead: the change was before this anyway. */
	atime->atime = dfs_max((s64)cl->wall, seen.ctime + 1);
	if (tell)
		cl_cache_tell(cl, known->ino);
	if (cl->atimes.by_ino.count >= DFS_ACCESSED_MAX)
		cl_atimes_send(cl);
	else
		arm(cl);
}

void cl_accessed_cached(struct cl *cl, u64 ino)
{
	const struct cl_cached_attr *cached = cl_cache_find_attr(cl, ino);
	if (cached != NULL)
		cl_accessed(cl, &cached->attr, false);
}

void cl_atime_view(const struct cl *cl, struct dfs_attr *attr)
{
	const struct cl_atime *atime = find(cl, attr->ino);
	if (atime != NULL && atime->known == attr->atime)
		attr->atime = atime->atime;
}

void cl_atime_forget(struct cl *cl, u64 ino)
{
	struct cl_atime *atime = find(cl, ino);
	if (atime != NULL)
		atime_free(cl, atime);
}

/* The master has it: what is known of the inode here follows. */
static void told(struct cl *cl, struct cl_atime *atime)
{
	u64 ino = atime->by_ino.key;
	struct cl_inode *inode = cl_inode_find(cl, ino);
	cl_cache_move_atime(cl, ino, atime->known, atime->sent);
	if (inode != NULL && inode->known && inode->attr.atime == atime->known)
		inode->attr.atime = atime->sent;
	if (atime->atime == atime->sent) {
		atime_free(cl, atime);
		return;
	}
	atime->known = atime->sent;
	atime->sent = 0;
	dfs_list_remove(&atime->in_list);
	dfs_list_push_back(&cl->atimes.waiting, &atime->in_list);
}

static void on_told(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	(void)rpc;
	bool again = answer->status == DFS_ENO_SESSION || answer->status == DFS_EBUSY;
	dfs_list_for_each_safe (node, &cl->atimes.sending) {
		struct cl_atime *atime = dfs_list_entry(node, struct cl_atime, in_list);
		if (answer->status == 0) {
			told(cl, atime);
		} else if (again) {
			atime->sent = 0;
			dfs_list_remove(&atime->in_list);
			dfs_list_push_back(&cl->atimes.waiting, &atime->in_list);
		} else {
			atime_free(cl, atime);
		}
	}
	if (dfs_list_empty(&cl->atimes.waiting))
		return;
	if (!again && cl->phase >= CL_PHASE_STOPPING)
		cl_atimes_send(cl);
	else
		arm(cl);
}

void cl_atimes_send(struct cl *cl)
{
	struct dfs_writer items, body;
	if (dfs_list_empty(&cl->atimes.waiting) || cl->atimes.mutation.rpc.under_way)
		return;
	if (!cl_may_mutate(cl)) {
		arm(cl);
		return;
	}
	dfs_writer_init(&items, DFS_PROTOCOL_VERSION, 0);
	dfs_writer_init(&body, DFS_PROTOCOL_VERSION, 0);
	while (!dfs_list_empty(&cl->atimes.waiting) && items.items < DFS_ACCESSED_MAX) {
		struct cl_atime *atime =
		    dfs_list_first(&cl->atimes.waiting, struct cl_atime, in_list);
		struct dfs_accessed_item item = {
		    .ino = atime->by_ino.key, .known = atime->known, .atime = atime->atime};
		atime->sent = atime->atime;
		dfs_list_remove(&atime->in_list);
		dfs_list_push_back(&cl->atimes.sending, &atime->in_list);
		dfs_accessed_item_put(&items, &item);
	}
	struct dfs_accessed accessed = {.inodes = dfs_writer_items(&items)};
	dfs_accessed_put(&body, &accessed);
	dfs_writer_fini(&items);
	cl_timer_clear(cl, &cl->atimes.timer);
	cl->atimes.mutation.rpc.done = on_told;
	dfs_list_init(&cl->atimes.mutation.in_order);
	cl_mutate(cl, &cl->atimes.mutation, (struct cl_caller){0}, DFS_OP_ACCESSED, &body);
}

bool cl_atimes_told(const struct cl *cl)
{
	return cl->atimes.by_ino.count == 0;
}
