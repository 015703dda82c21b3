/*
 * Operations on names: make, remove, rename, link.
 */
#include "libdfsproto/base/errors.h"
#include "libdfsproto/wire/messages.h"
#include "tests/sim/world/actor.h"

#include <stdio.h>
#include <sys/stat.h>

enum { NODES_MAX = 60 }; /* A larger tree is pruned before it grows. */

static u64 draw(struct actor *actor, u64 bound)
{
	return dfs_prng_below(&actor->proc.prng, bound);
}

/* Few names, so that they meet; now and then one that is hard to carry. */
static void new_name(struct actor *actor, char ret_name[256])
{
	if (draw(actor, 30) == 0) {
		u64 length = draw(actor, 2) == 0 ? 255 : 1 + draw(actor, 255);
		for (u64 i = 0; i < length; i++)
			ret_name[i] = (char)('a' + draw(actor, 4));
		ret_name[length] = '\0';
	} else if (draw(actor, 30) == 0) {
		snprintf(ret_name, 256, "\x01 \xff\xc3\x28\n%u", (u32)draw(actor, 3));
	} else {
		snprintf(ret_name, 256, "n%u", (u32)draw(actor, 12));
	}
}

static void new_path(struct actor *actor, char ret_path[PATH_BYTES])
{
	char name[256];
	struct model_node *directory = model_pick_directory(&actor->fs, &actor->proc.prng);
	new_name(actor, name);
	model_path(&actor->fs, directory, name, ret_path);
}

static bool old_path(struct actor *actor, char ret_path[PATH_BYTES])
{
	struct model_node *directory;
	struct model_entry *entry = model_pick_entry(&actor->fs, &actor->proc.prng, &directory);
	if (entry == NULL)
		return false;
	model_path(&actor->fs, directory, entry->name, ret_path);
	return true;
}

/* Deep trees of long names would not fit a path. */
static bool too_long(const char *path)
{
	return strlen(path) > PATH_BYTES - 300;
}

/* The same of what lies below `from`, should it move there. */
static bool reaches_too_far(const struct actor *actor, const char *from, const char *to)
{
	int status;
	const struct model_node *node = model_find(&actor->fs, from, &status);
	u32 reach = node == NULL ? 0 : model_reach(node);
	return strlen(to) + reach > PATH_BYTES - 300;
}

bool act_make(struct actor *actor)
{
	char path[PATH_BYTES], full[PATH_BYTES];
	const char *target = NULL;
	u32 mode = S_IFDIR | 0755;
	int got;
	new_path(actor, path);
	if (actor->fs.nodes_count > NODES_MAX || too_long(path))
		return false;
	actor_full(actor, path, full);
	u64 kind = draw(actor, 8);
	if (kind < 3) {
		got = proc_mkdir(&actor->proc, full, 0755);
	} else if (kind < 5) {
		mode = S_IFREG | 0640;
		got = proc_mknod(&actor->proc, full, mode, 0);
	} else if (kind == 5) {
		mode = S_IFIFO | 0600;
		got = proc_mknod(&actor->proc, full, mode, 0);
	} else {
		mode = S_IFLNK | 0777;
		target = draw(actor, 2) == 0 ? "some/where" : "../\xe4\xf6\xfc";
		got = proc_symlink(&actor->proc, target, full);
	}
	int predicted = model_make(&actor->fs, path, mode, 0, target, false);
	enum verdict verdict = actor_judge(actor, got, predicted, "make", path);
	if (predicted == 0 && (verdict == SAME || actor_ask_exists(actor, path)))
		model_make(&actor->fs, path, mode, 0, target, true);
	return true;
}

bool act_remove(struct actor *actor)
{
	char path[PATH_BYTES], full[PATH_BYTES];
	if (draw(actor, 10) == 0)
		new_path(actor, path); /* Perhaps absent. */
	else if (!old_path(actor, path))
		return false;
	int status;
	struct model_node *node = model_find(&actor->fs, path, &status);
	bool directory = node != NULL && model_is(node, S_IFDIR);
	bool rmdir = directory != (draw(actor, 20) == 0);
	actor_full(actor, path, full);
	int got = rmdir ? proc_rmdir(&actor->proc, full) : proc_unlink(&actor->proc, full);
	int predicted =
	    rmdir ? model_rmdir(&actor->fs, path, false) : model_unlink(&actor->fs, path, false);
	enum verdict verdict = actor_judge(actor, got, predicted, rmdir ? "rmdir" : "unlink", path);
	if (predicted == 0 && (verdict == SAME || !actor_ask_exists(actor, path))) {
		if (rmdir)
			model_rmdir(&actor->fs, path, true);
		else
			model_unlink(&actor->fs, path, true);
	}
	return true;
}

/* Did a rename of unknown outcome happen? Its target has the source's inode then. */
static bool renamed(struct actor *actor, const char *to, u64 from_ino)
{
	struct dfs_attr attr;
	int status = actor_ask_stat(actor, to, &attr);
	return status == 0 && attr.ino == from_ino;
}

void actor_rename(struct actor *actor, const char *from, const char *to, u32 flags)
{
	char full_from[PATH_BYTES], full_to[PATH_BYTES];
	int predicted = model_rename(&actor->fs, from, to, flags, false);
	struct dfs_attr before = {0};
	if (predicted == 0)
		(void)actor_ask_stat(actor, from, &before);
	actor_full(actor, from, full_from);
	actor_full(actor, to, full_to);
	int got = proc_rename(&actor->proc, full_from, full_to, flags);
	enum verdict verdict = actor_judge(actor, got, predicted, "rename", from);
	if (predicted == 0 && (verdict == SAME || renamed(actor, to, before.ino)))
		model_rename(&actor->fs, from, to, flags, true);
}

bool act_rename(struct actor *actor)
{
	char from[PATH_BYTES], to[PATH_BYTES];
	if (!old_path(actor, from))
		return false;
	if (draw(actor, 2) == 0 || !old_path(actor, to))
		new_path(actor, to);
	if (draw(actor, 20) == 0)
		new_path(actor, from);
	if (strcmp(from, to) == 0 || reaches_too_far(actor, from, to) ||
	    reaches_too_far(actor, to, from)) /* EXCHANGE moves both. */
		return false;
	static const u32 some_flags[] = {
	    0, 0, 0, 0, DFS_RENAME_NOREPLACE, DFS_RENAME_EXCHANGE, DFS_RENAME_WHITEOUT};
	actor_rename(actor, from, to, some_flags[draw(actor, dfs_array_count(some_flags))]);
	return true;
}

bool act_link(struct actor *actor)
{
	char from[PATH_BYTES], to[PATH_BYTES], full_from[PATH_BYTES], full_to[PATH_BYTES];
	if (!old_path(actor, from))
		return false;
	new_path(actor, to);
	int status;
	struct model_node *node = model_find(&actor->fs, from, &status);
	if (too_long(to) || node == NULL || model_is(node, S_IFDIR))
		return false; /* The VFS answers that itself. */
	actor_full(actor, from, full_from);
	actor_full(actor, to, full_to);
	int predicted = model_link(&actor->fs, from, to, false);
	int got = proc_link(&actor->proc, full_from, full_to);
	enum verdict verdict = actor_judge(actor, got, predicted, "link", to);
	if (predicted == 0 && (verdict == SAME || actor_ask_exists(actor, to)))
		model_link(&actor->fs, from, to, true);
	return true;
}
