/*
 * The end of what lies in the trash: when its time is up, the leader proposes that it leaves
 * (EXPIRE); then it is an orphan like any other, and reaper.c takes it once nobody has it open. The
 * next such time is known, so an empty trash costs nothing.
 */
#include "master/core/master_i.h"

enum { EXPIRE_ROWS = 256 };

/* The wall clock may be set meanwhile: look again that often. */
#define LOOK_AGAIN (3600 * DFS_SEC)

void ms_expiry_noted(struct ms *ms, u64 expires)
{
	struct ms_expiry *expiry = &ms->expiry;
	if (expires != 0 && (expiry->next == 0 || expires < expiry->next))
		expiry->next = expires;
}

nsec ms_expiry_deadline(const struct ms *ms)
{
	const struct ms_expiry *expiry = &ms->expiry;
	if (expiry->proposed)
		return DFS_NEVER;
	if (!expiry->known || (expiry->next != 0 && expiry->next <= ms->wall))
		return 0;
	if (expiry->next == 0)
		return DFS_NEVER;
	return ms->now + dfs_min(expiry->next - ms->wall, (u64)LOOK_AGAIN);
}

static void propose(struct ms *ms, const struct dfs_trash_key *keys, u32 count)
{
	struct dfs_writer list, body;
	dfs_writer_init(&list, DFS_PROTOCOL_VERSION, 0);
	for (u32 i = 0; i < count; i++)
		dfs_trash_key_put(&list, &keys[i]);
	struct dfs_expire expire = {.keys = dfs_writer_items(&list)};
	ms_own_writer(&body);
	dfs_expire_put(&body, &expire);
	(void)ms_propose_own(ms, DFS_OP_EXPIRE, &body);
	dfs_writer_fini(&list);
	ms->expiry.proposed = true;
}

int ms_expiry_work(struct ms *ms)
{
	struct dfs_trash_key keys[EXPIRE_ROWS];
	u32 count = 0;
	if (ms_expiry_deadline(ms) > 0)
		return 0;
	int status = ms_trash_due(ms->state, ms->wall, keys, EXPIRE_ROWS, &count, &ms->expiry.next);
	ms->expiry.known = status == 0;
	if (status == 0 && count > 0)
		propose(ms, keys, count);
	return status;
}

void ms_expiry_done(struct ms *ms, const struct ms_op *op, bool own)
{
	struct dfs_expire expire;
	struct dfs_trash_key key;
	if (own)
		ms->expiry.proposed = false;
	if (dfs_expire_decode(op->body, op->version, &expire) != 0)
		return;
	while (dfs_trash_key_next(&expire.keys, &key))
		ms_reaper_released(ms, key.ino); /* If it is an orphan now, and nobody has it. */
}
