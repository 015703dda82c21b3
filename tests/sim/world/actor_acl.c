/*
 * Access control lists: set, removed, asked for; what they do to modes and to new inodes is checked
 * wherever attributes are.
 */
#include "libdfsproto/base/errors.h"
#include "tests/sim/world/actor.h"

#include <sys/stat.h>

static u64 draw(struct actor *actor, u64 bound)
{
	return dfs_prng_below(&actor->proc.prng, bound);
}

/* What the master has: 0, DFS_ENODATA, or another refusal. */
static int ask_list(struct actor *actor, const char *path, const char *name, struct answer *ret)
{
	char full[PATH_BYTES];
	actor_full(actor, path, full);
	for (;;) {
		memset(ret, 0, sizeof(*ret));
		int status = proc_getxattr(&actor->proc, full, name, ret);
		if (status != MOUNT_DIED && status != DFS_EINTR)
			return status;
		answer_clear(ret);
		actor_wait_settled(actor, status == MOUNT_DIED);
	}
}

/* Are list and mode those of this node? */
static bool is_like(struct actor *actor, const char *path, const char *name,
		    const struct model_node *node)
{
	struct answer got;
	struct dfs_attr attr;
	const struct model_xattr *list = model_xattr(node, name);
	int status = ask_list(actor, path, name, &got);
	bool equal = list == NULL ? status == DFS_ENODATA
				  : status == 0 && got.bytes_count == list->length &&
					memcmp(got.bytes, list->value, list->length) == 0;
	answer_clear(&got);
	return equal && actor_ask_stat(actor, path, &attr) == 0 && attr.mode == node->mode;
}

/* The outcome is not known: the model has carried it out; back to `before` if it does not show. */
static void settle(struct actor *actor, const char *path, const char *name, struct model_node *node,
		   u32 mode, const struct model_xattr *before)
{
	if (is_like(actor, path, name, node))
		return;
	node->mode = mode;
	if (before == NULL)
		model_xattr_drop(node, name);
	else
		model_xattr_put(node, name, before->value, before->length);
}

static void change(struct actor *actor, const char *path, const char *name, struct model_node *node)
{
	char full[PATH_BYTES];
	u8 value[MODEL_ACL_BYTES_MAX];
	struct model_xattr before = {0};
	struct model_xattr *there = model_xattr(node, name);
	u32 mode = node->mode;
	int predicted, got;
	if (there != NULL)
		before = *there;
	actor_full(actor, path, full);
	bool removes = draw(actor, 4) == 0;
	if (removes) {
		predicted = model_removexattr(&actor->fs, path, name, true);
		got = proc_removexattr(&actor->proc, full, name);
	} else {
		u32 length = model_acl_draw(&actor->proc.prng, value);
		predicted = model_setxattr(&actor->fs, path, name, value, length, 0, true);
		got = proc_setxattr(&actor->proc, full, name, dfs_span(value, length), 0);
	}
	enum verdict verdict =
	    actor_judge(actor, got, predicted, removes ? "remove list" : "set list", path);
	if (verdict == DOUBT && predicted == 0)
		settle(actor, path, name, node, mode, there == NULL ? NULL : &before);
}

bool act_list(struct actor *actor)
{
	char path[PATH_BYTES], full[PATH_BYTES];
	struct model_node *directory;
	struct model_entry *entry = model_pick_entry(&actor->fs, &actor->proc.prng, &directory);
	if (entry == NULL || model_is(entry->node, S_IFLNK))
		return false; /* The VFS refuses links. */
	const char *name = draw(actor, 2) == 0 ? MODEL_ACL_ACCESS : MODEL_ACL_DEFAULT;
	model_path(&actor->fs, directory, entry->name, path);
	if (draw(actor, 4) != 0) {
		change(actor, path, name, entry->node);
		return true;
	}
	struct answer got = {0};
	const struct model_xattr *list = model_xattr(entry->node, name);
	int status = proc_getxattr(&actor->proc, actor_full(actor, path, full), name, &got);
	if (actor_judge(actor, status, list == NULL ? DFS_ENODATA : 0, "get list", path) == SAME &&
	    status == 0 &&
	    (got.bytes_count != list->length || memcmp(got.bytes, list->value, list->length) != 0))
		world_fail(actor->world, "%s: %s has a wrong %s", actor->name, path, name);
	answer_clear(&got);
	return true;
}
