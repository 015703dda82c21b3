/*
 * From a path in the cluster's tree to an inode: one LOOKUP after another, for a command to embed.
 */
#ifndef DFS_ADMIN_RESOLVE_H
#define DFS_ADMIN_RESOLVE_H

#include "admin/core/admin_i.h"

struct ad_resolve {
	const char *rest;     /* Of the path: still to be looked up. */
	struct dfs_span name; /* The component being looked up. */
	u64 parent;           /* The directory it is looked up in. */
	struct dfs_attr attr; /* What the path up to here stands for. */
};

enum ad_resolved { AD_RESOLVE_WAITS, AD_RESOLVE_DONE, AD_RESOLVE_ABSENT, AD_RESOLVE_FAILED };

/* "/a/b"; borrowed until the end. WAITS: ad_resolve_answered goes on. Only the root is DONE. */
enum ad_resolved ad_resolve_start(struct ad *ad, struct ad_resolve *resolve, const char *path,
				  struct dfs_fxs *fxs);
/* DONE: `attr` is what the path stands for. ABSENT: `name` is missing in `parent`; `rest` says
 * whether it was the last one. FAILED: with the status. */
enum ad_resolved ad_resolve_answered(struct ad *ad, struct ad_resolve *resolve,
				     const struct ad_answer *answer, int *ret_status,
				     struct dfs_fxs *fxs);

#endif
