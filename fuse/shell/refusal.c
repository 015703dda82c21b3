/*
 * Why a cluster did not let us mount it, in words. Called by mounter.c; see refusal.h.
 */
#include "fuse/shell/refusal.h"

#include "libdfsproto/base/errors.h"

/* Trying again would not help: somebody has to change something first. */
bool refusal_final(int error)
{
	return error == DFS_EWRONG_KEY || error == DFS_EWRONG_CLUSTER ||
	       error == DFS_EWRONG_VERSION || error == DFS_EWRONG_ROLE || error == DFS_ENOENT ||
	       error == DFS_ENOTDIR;
}

void refusal_explain(const struct mount_options *options, int error, struct dfs_span text,
		     char ret_sentence[MOUNT_TEXT_BYTES])
{
	int shown = (int)dfs_min(text.length, 400u);
	const char *said = text.length == 0 ? "" : (const char *)text.data;
	switch (error) {
	case 0:
		snprintf(
		    ret_sentence, MOUNT_TEXT_BYTES,
		    "No master answered within %llu s (%s). Is dfs-master running there, and the "
		    "port reachable? retry=SECONDS waits longer, bg goes on in the background.",
		    (unsigned long long)(options->retry / DFS_SEC), options->masters);
		return;
	case DFS_EWRONG_KEY:
	case DFS_EWRONG_CLUSTER:
		snprintf(
		    ret_sentence, MOUNT_TEXT_BYTES,
		    "The cluster at %s refused us: %s%s%.*s. The key in %s is not this cluster's; "
		    "copy the cluster's key there or name it with key=FILE.",
		    options->masters, dfs_error_text(error), shown > 0 ? ": " : "", shown, said,
		    options->key);
		return;
	case DFS_ENOENT:
	case DFS_ENOTDIR:
		snprintf(ret_sentence, MOUNT_TEXT_BYTES,
			 "%s on the cluster: %s. Mount %s:/ and make the directory first.",
			 options->subtree, dfs_error_text(error), options->masters);
		return;
	default:
		snprintf(ret_sentence, MOUNT_TEXT_BYTES, "The cluster at %s refused us: %s%s%.*s.",
			 options->masters, dfs_error_text(error), shown > 0 ? ": " : "", shown,
			 said);
	}
}
