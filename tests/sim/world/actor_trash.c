/*
 * The trash: an actor has an operator who gives `dfs trash` commands for it. A command that got no
 * answer may have been carried out or may still be; it is given again until there is one, which is
 * how an operator goes about it.
 */
#include "admin/core/admin_i.h"
#include "libdfsproto/base/errors.h"
#include "tests/sim/world/actor.h"
#include "tests/sim/world/command.h"

#include <stdio.h>
#include <stdlib.h>

#define PAUSE (20 * DFS_MSEC)

enum { MACHINE = 40 };

struct operator
{
	struct command command;
	char word[24]; /* An inode's number. */
	char *words[1];
	enum ad_exit code;
	bool gone; /* It said: not in the trash. */
	bool ended;
};

static void ended(struct command *command, const struct ad *ad)
{
	struct operator* operator= dfs_container_of(command, struct operator, command);
	const char *complaints = ad_text_get(ad_complaints(ad));
	operator->code = ad_exit_code(ad);
	operator->gone = strstr(complaints, "not in the trash") != NULL;
	operator->ended = true;
	sim_trace(command->world->sim, "dfs      %s%s", ad_text_get(ad_output(ad)), complaints);
}

/* A name of our own in some directory. */
static void draw_path(struct actor *actor, char ret_path[PATH_BYTES])
{
	char name[16];
	struct dfs_prng *prng = &actor->proc.prng;
	struct model_node *directory = model_pick_directory(&actor->fs, prng);
	snprintf(name, sizeof(name), "n%u", (u32)dfs_prng_below(prng, 12));
	model_path(&actor->fs, directory, name, ret_path);
}

/* Once; false: there was no answer. */
static bool run(struct actor *actor, enum ad_trash verb, const char *path, const char *to)
{
	struct operator* operator= actor->operator;
	struct command *command = &operator->command;
	command->arguments = (struct ad_arguments){
	    .command = AD_TRASH,
	    .trash = verb,
	    .keep_s = actor->world->shape.keep_s,
	    .limit = 10,
	    .files = operator->words,
	    .files_count = 1,
	    .timeout = 10 * DFS_SEC,
	};
	command->place = (struct ad_place){.path = path, .cluster = path};
	command->to = (struct ad_place){.path = to, .cluster = to};
	operator->ended = false;
	sim_start(command->node);
	while (sim_up(command->node))
		task_sleep(actor->proc.task, PAUSE);
	return operator->ended &&(operator->code == AD_EXIT_OK || operator->gone);
}

static void insist(struct actor *actor, enum ad_trash verb)
{
	while (!run(actor, verb, actor->home, NULL))
		task_sleep(actor->proc.task, PAUSE);
}

void actor_trash_begin(struct actor *actor)
{
	struct operator* operator= calloc(1, sizeof(*operator));
	DFS_ASSERT(operator!= NULL);
	operator->words[0] = operator->word;
	operator->command.ended = ended;
	actor->operator= operator;
	command_add(&operator->command, actor->world, "dfs", MACHINE + actor->index);
	insist(actor, AD_TRASH_ON);
	actor->fs.keeps = true;
}

void actor_trash_end(struct actor *actor)
{
	insist(actor, AD_TRASH_EMPTY);
}

/* Did an earlier command, whose answer was lost, do it? */
static bool is_back(struct actor *actor, const char *path, u64 ino)
{
	struct dfs_attr attr;
	return actor_ask_stat(actor, path, &attr) == 0 && attr.ino == ino;
}

bool act_restore(struct actor *actor)
{
	char path[PATH_BYTES], full[PATH_BYTES];
	struct operator* operator= actor->operator;
	struct model_node *node = model_pick_trashed(&actor->fs, &actor->proc.prng);
	if (node == NULL)
		return false;
	draw_path(actor, path);
	if (strlen(path) > PATH_BYTES - 300 || model_name(&actor->fs, node, path, false) != 0)
		return false;
	actor_full(actor, path, full);
	snprintf(operator->word, sizeof(operator->word), "%llu", (unsigned long long)node->ino);
	bool back = false;
	while (!back && !run(actor, AD_TRASH_RESTORE, NULL, full)) {
		task_sleep(actor->proc.task, PAUSE);
		back = is_back(actor, path, node->ino);
	}
	back = back || !operator->gone || is_back(actor, path, node->ino);
	sim_trace(actor->world->sim, "%-8s restore %s of %.60s: %s", actor->name, operator->word,
		  path, back ? "done" : "gone");
	if (back) {
		model_name(&actor->fs, node, path, true);
		return true;
	}
	if (actor->world->shape.keep_s > 60)
		world_fail(actor->world, "%s: ino %s is not in the trash any more",
			   actor->name, operator->word);
	model_expire(&actor->fs, node);
	return true;
}
