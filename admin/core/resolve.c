/*
 * Paths to inodes: see resolve.h.
 */
#include "admin/core/resolve.h"

#include <sys/stat.h>

static enum ad_resolved go_on(struct ad *ad, struct ad_resolve *resolve, struct dfs_fxs *fxs)
{
	struct dfs_writer writer;
	resolve->rest += strspn(resolve->rest, "/");
	if (*resolve->rest == '\0')
		return AD_RESOLVE_DONE;
	resolve->parent = resolve->attr.ino;
	resolve->name = dfs_span(resolve->rest, strcspn(resolve->rest, "/"));
	resolve->rest += resolve->name.length;
	ad_begin(ad->master, &writer);
	dfs_lookup_put(&writer,
		       &(struct dfs_lookup){.parent = resolve->parent, .name = resolve->name});
	ad_ask(ad, ad->master, DFS_MSG_LOOKUP, &writer, 0, fxs);
	return AD_RESOLVE_WAITS;
}

enum ad_resolved ad_resolve_start(struct ad *ad, struct ad_resolve *resolve, const char *path,
				  struct dfs_fxs *fxs)
{
	*resolve = (struct ad_resolve){.rest = path,
				       .attr = {.ino = DFS_INO_ROOT, .mode = S_IFDIR | 0755}};
	return go_on(ad, resolve, fxs);
}

enum ad_resolved ad_resolve_answered(struct ad *ad, struct ad_resolve *resolve,
				     const struct ad_answer *answer, int *ret_status,
				     struct dfs_fxs *fxs)
{
	struct dfs_lookup_reply lookup;
	*ret_status = answer->status;
	if (*ret_status == 0)
		*ret_status = dfs_lookup_reply_decode(answer->body, answer->version, &lookup);
	if (*ret_status != 0)
		return AD_RESOLVE_FAILED;
	if (lookup.attr.ino == 0)
		return AD_RESOLVE_ABSENT;
	resolve->attr = lookup.attr;
	return go_on(ad, resolve, fxs);
}
