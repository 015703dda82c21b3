/*
 * Requests that wait for the core. Each has a number of its own that is never reused: the core may
 * still work on a call whose caller has been let go.
 *
 * Also the undoing of answers the kernel did not take: a reply callback must not enter the core, so
 * the calls are queued and made in the loop's next turn.
 */
#include "fuse/shell/shell_i.h"

#include <stdlib.h>

void fuse_parked_init(struct fuse_shell *shell)
{
	dfs_list_init(&shell->parked_all);
	dfs_list_init(&shell->parked_free);
	dfs_list_init(&shell->watched);
}

static struct fuse_parked *parked_new(struct fuse_shell *shell)
{
	if (!dfs_list_empty(&shell->parked_free)) {
		struct fuse_parked *parked =
		    dfs_list_first(&shell->parked_free, struct fuse_parked, link);
		dfs_list_remove(&parked->link);
		return parked;
	}
	struct fuse_parked *parked = calloc(1, sizeof(*parked));
	DFS_ASSERT(parked != NULL);
	return parked;
}

void fuse_park(fuse_req_t req, struct cl_call *call, u32 flags)
{
	struct fuse_shell *shell = fuse_req_userdata(req);
	struct fuse_parked *parked = parked_new(shell);
	u64 id = ++shell->ids;
	*parked = (struct fuse_parked){
	    .shell = shell,
	    .req = req,
	    .id = id,
	    .op = call->op,
	    .flags = flags,
	    .size = call->size,
	    .ino = call->ino,
	};
	dfs_list_init(&parked->link);
	dfs_list_init(&parked->watch);
	call->uid = fuse_req_ctx(req)->uid;
	call->gid = fuse_req_ctx(req)->gid;
	call->umask = fuse_req_ctx(req)->umask & 0777;
	/* Before the call: the answer may come inside it, and then the request is gone. */
	fuse_req_interrupt_func(req, fuse_on_interrupt, parked);
	dfs_map_insert(&shell->parked, &parked->node, id);
	dfs_list_push_back(&shell->parked_all, &parked->link);
	bool interrupted = parked->interrupted;

	shell->port.call(shell->port.owner, id, call);

	bool watched = call->op == CL_FLUSH || fuse_umount_asks(call->op, call->ino);
	if (!interrupted && !watched)
		return;
	parked = fuse_parked_find(shell, id);
	if (parked == NULL)
		return;
	fuse_watch(parked);
	if (interrupted)
		fuse_on_interrupt(req, parked);
}

struct fuse_parked *fuse_parked_find(struct fuse_shell *shell, u64 id)
{
	struct dfs_map_node *node = dfs_map_find(&shell->parked, id);
	return node == NULL ? NULL : dfs_map_entry(node, struct fuse_parked, node);
}

void fuse_parked_release(struct fuse_parked *parked)
{
	struct fuse_shell *shell = parked->shell;
	dfs_map_remove(&shell->parked, &parked->node);
	dfs_list_remove(&parked->link);
	dfs_list_remove(&parked->watch);
	dfs_list_push_front(&shell->parked_free, &parked->link);
}

void fuse_undo_add(struct fuse_shell *shell, enum cl_op op, u64 ino, u64 handle)
{
	struct fuse_undo *undo = calloc(1, sizeof(*undo));
	DFS_ASSERT(undo != NULL);
	*undo = (struct fuse_undo){
	    .next = shell->undos, .op = op, .ino = ino, .handle = handle, .count = 1};
	shell->undos = undo;
	fuse_undo_schedule(shell);
}

void fuse_undo_run(struct fuse_shell *shell)
{
	while (shell->undos != NULL) {
		struct fuse_undo *undo = shell->undos;
		shell->undos = undo->next;
		struct cl_call call = {
		    .op = undo->op, .ino = undo->ino, .handle = undo->handle, .count = undo->count};
		free(undo);
		/* Its answer, if it has one, finds nobody parked. */
		shell->port.call(shell->port.owner, ++shell->ids, &call);
	}
}

void fuse_parked_fini(struct fuse_shell *shell, int posix)
{
	while (!dfs_list_empty(&shell->parked_all)) {
		struct fuse_parked *parked =
		    dfs_list_first(&shell->parked_all, struct fuse_parked, link);
		fuse_reply_err(parked->req, posix);
		fuse_parked_release(parked);
	}
	while (!dfs_list_empty(&shell->parked_free)) {
		struct fuse_parked *parked =
		    dfs_list_first(&shell->parked_free, struct fuse_parked, link);
		dfs_list_remove(&parked->link);
		free(parked);
	}
	while (shell->undos != NULL) {
		struct fuse_undo *undo = shell->undos;
		shell->undos = undo->next;
		free(undo);
	}
	dfs_map_fini(&shell->parked);
}
