/*
 * What the leader asks of a COMMIT before it goes to the log: is each of its chunks still to be
 * had? One that is in its place in the file is; so is one that this client was granted. Any other
 * was in the file once, and a truncation of somebody else's took it out: it may be deleted and
 * forgotten by now, when no table knows any more that it must not come back (that is why ms_map_add
 * cannot tell). The client writes anew.
 */
#include "master/core/master_i.h"

static bool in_its_place(const struct ms *ms, u64 ino, const struct dfs_committed *item,
			 int *ret_status)
{
	struct ms_location there;
	u32 count = 0;
	*ret_status = ms_chunks(ms->state, ino, item->index, 1, &there, 1, &count);
	return count == 1 && there.chunk == item->chunk;
}

int ms_commit_check(struct ms *ms, const struct ms_client *client, const struct ms_op *op)
{
	struct dfs_commit commit;
	struct dfs_committed each;
	if (op->op != DFS_OP_COMMIT || dfs_commit_decode(op->body, op->version, &commit) != 0)
		return 0;
	while (dfs_committed_next(&commit.chunks, &each)) {
		const struct ms_grant *grant = ms_grant_find(&ms->grants, each.chunk);
		int status;
		if (grant != NULL && ms_grant_is_held(grant, client))
			continue;
		if (!in_its_place(ms, commit.ino, &each, &status) && status == 0)
			return DFS_ESTALE;
	}
	return 0;
}
