/*
 * O_TMPFILE: files without a name, which are gone with whoever has them open, unless linkat(2)
 * gives them a first name.
 */
#include "libdfsproto/base/errors.h"
#include "tests/sim/world/actor.h"

#include <stdio.h>
#include <string.h>

static u64 draw(struct actor *actor, u64 bound)
{
	return dfs_prng_below(&actor->proc.prng, bound);
}

static bool make(struct actor *actor)
{
	char path[PATH_BYTES] = "", full[PATH_BYTES];
	struct model_node *directory = model_pick_directory(&actor->fs, &actor->proc.prng);
	struct actor_file *open = actor_free_file(actor);
	bool once = draw(actor, 4) == 0;
	if (open == NULL)
		return false;
	model_path(&actor->fs, directory, "", path);
	path[path[0] == '\0' ? 0 : strlen(path) - 1] = '\0';
	int got =
	    proc_tmpfile(&actor->proc, actor_full(actor, path, full), 0644, once, &open->file);
	/* One of which nothing was heard is nobody's. */
	if (actor_judge(actor, got, 0, "tmpfile", path) == DOUBT) {
		memset(open, 0, sizeof(*open));
		return true;
	}
	open->node = model_make_nameless(&actor->fs, directory, S_IFREG | 0644);
	open->node->linkable = !once;
	open->node->ino = open->file.ino;
	open->append = false;
	return true;
}

static bool name(struct actor *actor)
{
	char path[PATH_BYTES], full[PATH_BYTES], last[16];
	struct actor_file *open = actor_pick_open(actor);
	if (open == NULL || open->node->nlink > 0 || open->node->trashed)
		return false;
	snprintf(last, sizeof(last), "n%u", (u32)draw(actor, 12));
	model_path(&actor->fs, model_pick_directory(&actor->fs, &actor->proc.prng), last, path);
	struct model_node *node = open->node;
	bool linkable = node->linkable;
	node->linkable = true; /* What the directories say comes first. */
	int predicted = model_name(&actor->fs, node, path, false);
	node->linkable = linkable;
	if (predicted == 0 && !linkable)
		predicted = DFS_ENOENT;
	model_hold(node); /* The mount may die, and the file with it. */
	int got = proc_link_file(&actor->proc, &open->file, actor_full(actor, path, full));
	enum verdict verdict = actor_judge(actor, got, predicted, "name", path);
	if (predicted == 0 && (verdict == SAME || actor_ask_exists(actor, path)))
		model_name(&actor->fs, node, path, true);
	model_unhold(&actor->fs, node);
	return true;
}

bool act_tmpfile(struct actor *actor)
{
	return draw(actor, 2) == 0 ? make(actor) : name(actor);
}
