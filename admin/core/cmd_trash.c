/*
 * dfs trash: from the words on the command line to the work. See trash_i.h.
 *
 *   TO (--to) --> LISTING --> RESTORING --> printed             restore
 *   DIRECTORY --> KEEPING --> printed                           on, off, show
 *   LISTING --> printed                                         list
 *   LISTING --> EMPTYING --> LISTING ... --> printed            empty
 */
#include "admin/core/trash_i.h"

#include <stdlib.h>
#include <sys/stat.h>

void trash_fail(struct ad *ad, const struct ad_answer *answer, int status, const char *what)
{
	struct ad_answer failure = *answer;
	failure.status = status;
	ad->out.length = 0;
	ad_complain_answer(ad, &failure, what);
	ad_finish(ad, AD_EXIT_FAILED);
}

/* --to names a directory that is there, or a name in one. */
static void to_resolved(struct ad *ad, enum ad_resolved resolved, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	const struct ad_resolve *resolve = &trash->resolve;
	const char *path = ad->config.to.path;
	bool directory = S_ISDIR(resolve->attr.mode);
	if (resolved == AD_RESOLVE_DONE && !directory) {
		ad_complain(ad,
			    "%s is there already, and nothing is overwritten: give another "
			    "name with --to",
			    path);
		ad_finish(ad, AD_EXIT_FAILED);
		return;
	}
	if (resolved == AD_RESOLVE_DONE) {
		trash->to_parent = resolve->attr.ino;
	} else if (resolve->rest[strspn(resolve->rest, "/")] != '\0' || !directory) {
		ad_complain(ad, "%s: the directory that it would be in is not there; make it first",
			    path);
		ad_finish(ad, AD_EXIT_FAILED);
		return;
	} else {
		trash->to_parent = resolve->parent;
		trash->to_name = resolve->name;
	}
	trash_gather_start(ad, fxs);
}

static void directory_resolved(struct ad *ad, enum ad_resolved resolved, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	if (resolved == AD_RESOLVE_DONE && S_ISDIR(trash->resolve.attr.mode)) {
		trash_keep_start(ad, trash->resolve.attr.ino, fxs);
		return;
	}
	ad_complain(ad, "%s %s: it is directories that keep what is deleted in them",
		    ad->config.place.path,
		    resolved == AD_RESOLVE_DONE ? "is no directory" : "is not there");
	ad_finish(ad, AD_EXIT_FAILED);
}

static void resolved(struct ad *ad, enum ad_resolved resolved, struct dfs_fxs *fxs)
{
	const struct trash *trash = ad->work;
	if (resolved == AD_RESOLVE_WAITS)
		return;
	if (trash->phase == TRASH_TO)
		to_resolved(ad, resolved, fxs);
	else
		directory_resolved(ad, resolved, fxs);
}

static void start(struct ad *ad, struct dfs_fxs *fxs)
{
	struct trash *trash = calloc(1, sizeof(*trash));
	const struct ad_arguments *arguments = ad->config.arguments;
	DFS_ASSERT(trash != NULL);
	ad->work = trash;
	if (arguments->since_s != 0)
		trash->since = arguments->since_s * DFS_SEC;
	else if (arguments->recent_s != 0 && ad->wall > arguments->recent_s * DFS_SEC)
		trash->since = ad->wall - arguments->recent_s * DFS_SEC;
	if (arguments->trash <= AD_TRASH_SHOW) {
		trash->phase = TRASH_DIRECTORY;
		resolved(ad, ad_resolve_start(ad, &trash->resolve, ad->config.place.cluster, fxs),
			 fxs);
	} else if (ad->config.to.path != NULL) {
		trash->phase = TRASH_TO;
		resolved(ad, ad_resolve_start(ad, &trash->resolve, ad->config.to.cluster, fxs),
			 fxs);
	} else {
		trash_gather_start(ad, fxs);
	}
}

static void answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	int status;
	enum ad_resolved found;
	switch (trash->phase) {
	case TRASH_TO:
	case TRASH_DIRECTORY:
		found = ad_resolve_answered(ad, &trash->resolve, answer, &status, fxs);
		if (found == AD_RESOLVE_FAILED && status != DFS_ENOTDIR)
			trash_fail(ad, answer, status, "look up the path");
		else
			resolved(ad, found == AD_RESOLVE_FAILED ? AD_RESOLVE_ABSENT : found, fxs);
		return;
	case TRASH_KEEPING:
		trash_keep_answered(ad, answer, fxs);
		return;
	case TRASH_LISTING:
	case TRASH_EMPTYING:
		trash_gather_answered(ad, answer, fxs);
		return;
	case TRASH_RESTORING:
		trash_restore_answered(ad, answer, fxs);
		return;
	}
}

static void fini(struct ad *ad)
{
	struct trash *trash = ad->work;
	if (trash == NULL)
		return;
	for (u32 i = 0; i < trash->rows_count; i++)
		free(trash->rows[i].path);
	free(trash->rows);
	free(trash->directories);
	free(trash);
}

const struct ad_handlers ad_trash_handlers = {
    .start = start,
    .answered = answered,
    .fini = fini,
};
