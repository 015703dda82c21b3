/*
 * Looking at everything at the end, and removing it.
 */
#include "libdfsproto/base/errors.h"
#include "tests/sim/world/actor.h"

#include <stdio.h>
#include <sys/stat.h>

enum { SMALL_BYTES = 512 << 10, RANGE_BYTES = 128 << 10 };

#define DAY_NS ((s64)(24 * 3600 * DFS_SEC))

static void verify_contents(struct actor *actor, struct actor_file *open)
{
	const struct history *data = &open->node->data;
	u64 size = history_size(data);
	if (size <= SMALL_BYTES) {
		for (u64 at = 0; at <= size && open->node != NULL; at += RANGE_BYTES)
			actor_read_range(actor, open, at, RANGE_BYTES);
		return;
	}
	/* Sparse: what has pages, and what is around it. */
	for (u32 page = 0; page < data->now.pages_count;) {
		if (data->now.pages[page] == NULL) {
			page++;
			continue;
		}
		u64 at = (u64)page * IMAGE_PAGE_BYTES;
		at = at > 5000 ? at - 5000 : 0;
		actor_read_range(actor, open, at, RANGE_BYTES);
		page = (u32)((at + RANGE_BYTES) / IMAGE_PAGE_BYTES);
	}
	actor_read_range(actor, open, size - 10, 20);
}

static void verify_file(struct actor *actor, const char *path, struct model_node *node)
{
	struct actor_file *open = actor_free_file(actor);
	DFS_ASSERT(open != NULL);
	while (!actor_open_path(actor, open, path, O_RDONLY))
		;
	DFS_ASSERT(open->node == node);
	verify_contents(actor, open);
	actor_close_file(actor, open);
}

/* Was the file's access time right to move, or to stay, while it was read? As relatime says; nobody
 * else reads or changes it. */
static void verify_atime(struct actor *actor, const char *path, const struct dfs_attr *before)
{
	struct dfs_attr after;
	char full[PATH_BYTES];
	int got = proc_stat(&actor->proc, actor_full(actor, path, full), &after);
	if (actor_judge(actor, got, 0, "stat", path) != SAME)
		return;
	bool due = before->atime <= before->mtime || before->atime <= before->ctime;
	bool moved = after.atime != before->atime;
	/* Where the mount's clock is behind, the time moves no further than just after the change.
	 */
	bool right =
	    due ? after.atime > before->ctime && (moved || after.atime == before->ctime + 1)
		: !moved || after.atime - before->atime >= DAY_NS;
	if (!right)
		world_fail(actor->world,
			   "%s: reading %s took its access time from %lld to %lld (mtime %lld, "
			   "ctime %lld)",
			   actor->name, path, (long long)before->atime, (long long)after.atime,
			   (long long)before->mtime, (long long)before->ctime);
}

static void verify_node(struct actor *actor, const char *path, struct model_node *node)
{
	struct dfs_attr attr;
	char full[PATH_BYTES];
	int got = proc_stat(&actor->proc, actor_full(actor, path, full), &attr);
	bool seen = actor_judge(actor, got, 0, "stat", path) == SAME;
	if (seen)
		actor_check_attr(actor, path, node, &attr);
	if (model_is(node, S_IFREG))
		verify_file(actor, path, node);
	if (model_is(node, S_IFREG) && seen)
		verify_atime(actor, path, &attr);
	if (model_is(node, S_IFREG) || model_is(node, S_IFDIR))
		actor_check_xattrs(actor, path, node);
}

static void verify_directory(struct actor *actor, struct model_node *directory)
{
	actor_check_directory(actor, directory, true);
	dfs_list_for_each (link, &directory->entries) {
		struct model_entry *entry = dfs_list_entry(link, struct model_entry, link);
		char path[PATH_BYTES];
		model_path(&actor->fs, directory, entry->name, path);
		verify_node(actor, path, entry->node);
		if (model_is(entry->node, S_IFDIR))
			verify_directory(actor, entry->node);
	}
}

void actor_verify(struct actor *actor)
{
	verify_directory(actor, actor->fs.root);
}

static void wipe_directory(struct actor *actor, struct model_node *directory)
{
	while (directory->entries_count > 0) {
		struct model_entry *entry =
		    dfs_list_first(&directory->entries, struct model_entry, link);
		char path[PATH_BYTES], full[PATH_BYTES];
		model_path(&actor->fs, directory, entry->name, path);
		actor_full(actor, path, full);
		if (model_is(entry->node, S_IFDIR)) {
			wipe_directory(actor, entry->node);
			int got = proc_rmdir(&actor->proc, full);
			if (actor_judge(actor, got, 0, "rmdir", path) == SAME ||
			    !actor_ask_exists(actor, path))
				model_rmdir(&actor->fs, path, true);
		} else {
			int got = proc_unlink(&actor->proc, full);
			if (actor_judge(actor, got, 0, "unlink", path) == SAME ||
			    !actor_ask_exists(actor, path))
				model_unlink(&actor->fs, path, true);
		}
	}
}

void actor_wipe(struct actor *actor)
{
	wipe_directory(actor, actor->fs.root);
	int got = proc_rmdir(&actor->proc, actor->home);
	(void)actor_judge(actor, got, 0, "rmdir", actor->home);
}
