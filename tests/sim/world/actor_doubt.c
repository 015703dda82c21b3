/*
 * What an actor does about what it cannot know: wait until nothing of the past can happen any more,
 * ask, and take the answer, if it is an allowed one, for the truth.
 */
#include "libdfsproto/base/errors.h"
#include "tests/sim/world/actor.h"

#include <stdlib.h>

enum { SETTLE_BYTES = 64 << 10 };

/* Disk writes that a dead mount asked for are over by then. */
#define LAST_WRITES (3 * DFS_SEC)

/*
 * After the death of a mount its last requests may still be on their way, and carried out. After an
 * interrupt the change that was asked for is still in flight, perhaps for as long as the lease of
 * another mount holds it up: it is over when no change of this mount is under way. A session that
 * expired takes no changes any more.
 */
void actor_wait_settled(struct actor *actor, bool died)
{
	struct sim_node *node = mount_node(actor->proc.mount);
	u64 life = died ? UINT64_MAX : mount_life(actor->proc.mount);
	for (;;) {
		while (!sim_up(node) || !sim_drained(node))
			task_sleep(actor->proc.task, 50 * DFS_MSEC);
		if (life != mount_life(actor->proc.mount)) {
			life = mount_life(actor->proc.mount);
			task_sleep(actor->proc.task, LAST_WRITES);
			continue;
		}
		u32 interrupts = actor->proc.interrupts;
		actor->proc.interrupts = 0;
		struct dfs_setattr set = {.valid = DFS_SETATTR_MTIME_NOW};
		struct dfs_attr attr;
		int status = proc_setattr(&actor->proc, actor->home, &set, &attr);
		actor->proc.interrupts = interrupts;
		if (status == 0 || status == DFS_ENOENT || status == DFS_ESTALE) {
			if (!mount_changing(actor->proc.mount))
				return;
			task_sleep(actor->proc.task, 50 * DFS_MSEC);
			continue;
		}
		if (status != MOUNT_DIED && status != DFS_ENO_SESSION)
			world_fail(actor->world, "%s: utimes of its home gave %s", actor->name,
				   dfs_error_name(status));
	}
}

int actor_ask_stat(struct actor *actor, const char *path, struct dfs_attr *ret_attr)
{
	char full[PATH_BYTES];
	actor_full(actor, path, full);
	for (;;) {
		int status = proc_stat(&actor->proc, full, ret_attr);
		if (status != MOUNT_DIED && status != DFS_EINTR)
			return status;
		actor_wait_settled(actor, status == MOUNT_DIED);
	}
}

bool actor_ask_exists(struct actor *actor, const char *path)
{
	struct dfs_attr attr;
	int status = actor_ask_stat(actor, path, &attr);
	if (status != 0 && status != DFS_ENOENT)
		world_fail(actor->world, "%s: stat of %s gave %s", actor->name, path,
			   dfs_error_name(status));
	return status == 0;
}

static bool settle_size(struct actor *actor, struct model_node *node, const struct file *file)
{
	struct history *data = &node->data;
	struct dfs_attr attr;
	int status;
	do
		status = proc_fstat(&actor->proc, file, &attr);
	while (status == DFS_EINTR);
	if (status == MOUNT_DIED)
		return false;
	if (status != 0)
		world_fail(actor->world, "%s: fstat gave %s", actor->name, dfs_error_name(status));
	u64 least = history_size_least(data, DFS_CHUNK_SHIFT);
	u64 most = history_size_most(data);
	if (attr.size < least || attr.size > most)
		world_fail(actor->world, "%s: ino %llu has size %llu, expected %llu to %llu",
			   actor->name, (unsigned long long)attr.ino, (unsigned long long)attr.size,
			   (unsigned long long)least, (unsigned long long)most);
	history_adopt_size(data, attr.size);
	return true;
}

static int settle_range(struct actor *actor, struct model_node *node, const struct file *file,
			u64 offset, u64 length)
{
	u8 *bytes = malloc(length);
	DFS_ASSERT(bytes != NULL);
	u32 count = 0;
	u64 wrong;
	int status;
	do
		status = proc_read(&actor->proc, file, offset, bytes, (u32)length, &count);
	while (status == DFS_EINTR);
	u64 due = actor_bytes_due(&node->data, offset, length, count);
	if (status == 0 && !history_allows(&node->data, offset, due, bytes, count, &wrong))
		world_fail(actor->world,
			   "%s: ino %llu byte %llu is 0x%02x, which is none of what was written",
			   actor->name, (unsigned long long)node->ino, (unsigned long long)wrong,
			   wrong - offset < count ? bytes[wrong - offset] : 0);
	if (status == 0)
		history_adopt(&node->data, offset, bytes, count);
	free(bytes);
	return actor_is_lost(actor, &node->data, status, offset, length) ? 0 : status;
}

bool actor_settle_file(struct actor *actor, struct model_node *node, const struct file *file)
{
	/* There only an fsync settles anything. */
	return actor_is_frail(actor) || actor_read_truth(actor, node, file);
}

bool actor_read_truth(struct actor *actor, struct model_node *node, const struct file *file)
{
	struct history *data = &node->data;
	if (!data->uncertain && !data->size_uncertain)
		return true;
	if (!settle_size(actor, node, file))
		return false;
	u64 at = 0, offset, length;
	while (history_next_range(data, at, SETTLE_BYTES, &offset, &length)) {
		if (offset >= history_size(data))
			break;
		length = dfs_min(length, history_size(data) - offset);
		int status = settle_range(actor, node, file, offset, length);
		if (status == MOUNT_DIED)
			return false;
		if (status != 0)
			world_fail(actor->world, "%s: ino %llu: read after a crash gave %s",
				   actor->name, (unsigned long long)node->ino,
				   dfs_error_name(status));
		at = offset + length;
	}
	history_adopted(data);
	return true;
}
