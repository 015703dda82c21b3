/*
 * From a file on a mount to the master's inode: see admin_i.h.
 */
#include "admin/core/admin_i.h"

/* The next name of the path is asked for. True when there is none. */
static bool step(struct ad *ad, struct ad_resolve *resolve, struct dfs_fxs *fxs)
{
	struct dfs_writer writer;
	resolve->rest += strspn(resolve->rest, "/");
	size_t length = strcspn(resolve->rest, "/");
	if (length == 0)
		return true;
	struct dfs_lookup lookup = {.parent = resolve->ino,
				    .name = dfs_span(resolve->rest, length)};
	resolve->rest += length;
	ad_begin(ad->master, &writer);
	dfs_lookup_put(&writer, &lookup);
	ad_ask(ad, ad->master, DFS_MSG_LOOKUP, &writer, 0, fxs);
	return false;
}

bool ad_resolve_begin(struct ad *ad, struct ad_resolve *resolve, const struct ad_file *file,
		      struct dfs_fxs *fxs)
{
	resolve->ino = file->ino;
	resolve->rest = file->ino == DFS_INO_ROOT ? file->subtree : "";
	return step(ad, resolve, fxs);
}

int ad_resolve_next(struct ad *ad, struct ad_resolve *resolve, const struct ad_answer *answer,
		    bool *ret_known, struct dfs_fxs *fxs)
{
	struct dfs_lookup_reply lookup;
	int status = dfs_lookup_reply_decode(answer->body, answer->version, &lookup);
	if (status == 0 && lookup.attr.ino == 0)
		status = DFS_ENOENT;
	if (status != 0)
		return status;
	resolve->ino = lookup.attr.ino;
	*ret_known = step(ad, resolve, fxs);
	return 0;
}
