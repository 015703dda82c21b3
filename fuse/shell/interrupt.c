/*
 * FUSE_INTERRUPT: a caller has a signal. The kernel says so once per request and then waits for the
 * answer, whatever comes later, SIGKILL included. So an interrupted request stays watched until it
 * is answered: a dying caller is let go at once, one that is asked to stop after a moment, others
 * when they die.
 *
 * A FLUSH is watched from the start: kernels before 6.3 let an exiting process wait for it without
 * telling us anything. So is a GETATTR of the root: umount(8) stats the mount point first, and it
 * has to work with every server away, so after a moment it is answered from memory. Nobody else is:
 * a stale answer would be a lie. See caller.c for how a caller is known.
 */
#include "fuse/shell/shell_i.h"

#define WATCH_PERIOD_MS      100
/* Ctrl-C on a program that catches it: calls that finish in good time are not disturbed. */
#define STOPPING_PATIENCE_MS 1000
#define UMOUNT_PATIENCE_MS   500

static void cancel(struct fuse_parked *parked)
{
	if (parked->cancelled)
		return;
	parked->cancelled = true;
	parked->shell->port.cancel(parked->shell->port.owner, parked->id);
}

bool fuse_umount_asks(enum cl_op op, u64 ino)
{
	return op == CL_STATFS || (op == CL_GETATTR && ino == FUSE_ROOT_ID);
}

/* `parked` may be gone afterwards. */
static void look(struct fuse_parked *parked)
{
	u64 age_ms = uv_now(parked->shell->loop) - parked->since_ms;
	u32 thread = (u32)fuse_req_ctx(parked->req)->pid;
	if (fuse_umount_asks(parked->op, parked->ino) && !parked->interrupted) {
		if (age_ms >= UMOUNT_PATIENCE_MS && caller_is_umount(thread)) {
			struct fuse_shell *shell = parked->shell;
			u64 id = parked->id;
			fuse_reply_umount(parked);
			shell->port.cancel(shell->port.owner, id);
		}
		return;
	}
	switch (caller_look(thread)) {
	case CALLER_DYING:
		cancel(parked);
		break;
	case CALLER_STOPPING:
		if (age_ms >= STOPPING_PATIENCE_MS)
			cancel(parked);
		break;
	case CALLER_BUSY:
		break;
	}
}

void fuse_watch(struct fuse_parked *parked)
{
	struct fuse_shell *shell = parked->shell;
	parked->since_ms = uv_now(shell->loop);
	if (!dfs_list_empty(&parked->watch))
		return;
	if (!uv_is_active((uv_handle_t *)&shell->watch_timer) && !shell->closing)
		uv_timer_start(&shell->watch_timer, fuse_watch_tick, WATCH_PERIOD_MS,
			       WATCH_PERIOD_MS);
	dfs_list_push_back(&shell->watched, &parked->watch);
}

/* From libfuse, while a FUSE_INTERRUPT is processed, or inside fuse_park() when it came first. */
void fuse_on_interrupt(fuse_req_t req, void *data)
{
	struct fuse_parked *parked = data;
	(void)req;
	parked->interrupted = true;
	fuse_watch(parked);
	if (fuse_parked_find(parked->shell, parked->id) != NULL)
		look(parked);
}

void fuse_watch_tick(uv_timer_t *timer)
{
	struct fuse_shell *shell = timer->data;
	u32 count = 0;
	dfs_list_for_each (node, &shell->watched)
		count++;
	/* Cancelling one may make the core answer any of them, so the list is rotated, not walked.
	 */
	for (; count > 0 && !dfs_list_empty(&shell->watched); count--) {
		struct fuse_parked *parked =
		    dfs_list_first(&shell->watched, struct fuse_parked, watch);
		dfs_list_remove(&parked->watch);
		dfs_list_push_back(&shell->watched, &parked->watch);
		if (!parked->cancelled)
			look(parked);
	}
	if (dfs_list_empty(&shell->watched))
		uv_timer_stop(&shell->watch_timer);
}
