/*
 * The actor's life: choose an operation, do it, compare with the model.
 */
#include "tests/sim/world/actor.h"
#include "tests/sim/world/shared.h"

#include "libdfsproto/base/errors.h"

#include <stdio.h>
#include <stdlib.h>

struct choice {
	bool (*act)(struct actor *actor);
	u32 weight;
};

/* The last HOLES_CHOICES only in worlds with holes. */
static const struct choice choices[] = {
    {act_make, 14},   {act_remove, 7}, {act_rename, 8},     {act_link, 3},     {act_stat, 8},
    {act_readdir, 4}, {act_xattr, 5},  {act_attributes, 5}, {act_open, 12},    {act_close, 8},
    {act_write, 22},  {act_read, 12},  {act_fsync, 6},      {act_truncate, 4}, {act_save, 3},
    {act_clone, 5},   {act_seek, 3},   {act_allocate, 8},   {act_list, 4},
};

enum { HOLES_CHOICES = 2 };

const char *actor_full(const struct actor *actor, const char *path, char *ret_full)
{
	snprintf(ret_full, PATH_BYTES, "%s%s%s", actor->home, path[0] == '\0' ? "" : "/", path);
	return ret_full;
}

static const char *text_of(int status)
{
	if (status == 0)
		return "success";
	return status == MOUNT_DIED ? "mount died" : dfs_error_name(status);
}

enum verdict actor_judge(struct actor *actor, int got, int predicted, const char *what,
			 const char *path)
{
	sim_trace(actor->world->sim, "%-8s %s %.60s: %s", actor->name, what, path, text_of(got));
	bool may_be_made =
	    got == DFS_ENO_SESSION || (got == DFS_EINTR && actor->proc.interrupts > 0);
	if (got == MOUNT_DIED || may_be_made) {
		actor_wait_settled(actor, got == MOUNT_DIED);
		return DOUBT;
	}
	if (got != predicted)
		world_fail(actor->world, "%s: %s %s gave %s where %s was expected", actor->name,
			   what, path, text_of(got), text_of(predicted));
	return SAME;
}

static void act(struct actor *actor)
{
	u32 total = 0, count = dfs_array_count(choices);
	if (actor->fs.keeps && dfs_prng_below(&actor->proc.prng, 12) == 0 && act_restore(actor)) {
		actor->operations++;
		actor->world->operations++;
		return;
	}
	if (!actor->world->shape.holes)
		count -= HOLES_CHOICES;
	if (actor->world->shape.tmpfiles && dfs_prng_below(&actor->proc.prng, 10) == 0 &&
	    act_tmpfile(actor)) {
		actor->operations++;
		actor->world->operations++;
		return;
	}
	for (u32 i = 0; i < count; i++)
		total += choices[i].weight;
	for (;;) {
		u64 chosen = dfs_prng_below(&actor->proc.prng, total);
		u32 i = 0;
		while (chosen >= choices[i].weight)
			chosen -= choices[i++].weight;
		if (choices[i].act(actor))
			break;
	}
	actor->operations++;
	actor->world->operations++;
}

static void make_home(struct actor *actor)
{
	for (;;) {
		int status = proc_mkdir(&actor->proc, actor->home, 0755);
		if (status == 0 || status == DFS_EEXIST)
			return;
		(void)actor_judge(actor, status, 0, "mkdir", actor->home);
	}
}

static void work(struct actor *actor)
{
	make_home(actor);
	if (actor->world->shape.keep_s != 0)
		actor_trash_begin(actor);
	while (actor->world->phase == PHASE_WORK) {
		act(actor);
		if (dfs_prng_below(&actor->proc.prng, 4) == 0)
			task_sleep(actor->proc.task,
				   dfs_prng_below(&actor->proc.prng, 100 * DFS_MSEC));
	}
}

static void live(struct task *task, void *arg)
{
	struct actor *actor = arg;
	work(actor);
	actor->done = PHASE_WORK;
	while (actor->done != PHASE_END) {
		if (actor->done == actor->world->phase) {
			task_sleep(task, 10 * DFS_MSEC);
			continue;
		}
		enum phase phase = actor->world->phase;
		if (phase == PHASE_FINISH) {
			while (act_close(actor))
				;
		} else if (phase == PHASE_VERIFY || phase == PHASE_AGAIN) {
			actor_verify(actor);
		} else if (phase == PHASE_WIPE) {
			actor_wipe(actor);
			if (actor->fs.keeps)
				actor_trash_end(actor);
			if (actor->index == 0 && actor->world->shared != NULL)
				shared_wipe(actor->world, &actor->proc);
		}
		actor->done = phase;
	}
}

void actors_start(struct world *world)
{
	const struct shape *shape = &world->shape;
	for (u32 m = 0; m < shape->mounts; m++) {
		for (u32 i = 0; i < shape->actors; i++) {
			struct actor *actor = calloc(1, sizeof(*actor));
			DFS_ASSERT(actor != NULL);
			actor->world = world;
			actor->index = world->actors_count;
			snprintf(actor->name, sizeof(actor->name), "actor%u", actor->index);
			snprintf(actor->home, sizeof(actor->home), "/a%u", actor->index);
			model_init(&actor->fs);
			actor->proc.sim = world->sim;
			actor->proc.mount = world->mounts[m].mount;
			actor->proc.interrupts = shape->interrupts;
			actor->proc.forgets = shape->forgets;
			dfs_prng_seed(&actor->proc.prng, dfs_prng_next(&world->prng));
			actor->proc.task = task_new(world->sim, live, actor);
			world->actors[world->actors_count++] = actor;
		}
	}
}

void actors_free(struct world *world)
{
	for (u32 i = 0; i < world->actors_count; i++) {
		struct actor *actor = world->actors[i];
		task_free(actor->proc.task);
		model_fini(&actor->fs);
		free(actor->operator);
		free(actor);
	}
	world->actors_count = 0;
}

bool actors_done(const struct world *world)
{
	bool done = world->phase != PHASE_FINISH || shared_finished(world);
	for (u32 i = 0; i < world->actors_count; i++)
		done = done && world->actors[i]->done == world->phase;
	return done;
}

static void each_history(struct actor *actor, void (*fn)(struct history *history))
{
	dfs_list_for_each (link, &actor->fs.nodes) {
		struct model_node *node = dfs_list_entry(link, struct model_node, all);
		if (model_is(node, S_IFREG))
			fn(&node->data);
	}
}

void actors_mount_died(struct world *world, const struct mount *mount)
{
	for (u32 i = 0; i < world->actors_count; i++) {
		if (world->actors[i]->proc.mount == mount)
			each_history(world->actors[i], history_mount_died);
	}
}

void actors_power_cut(struct world *world)
{
	for (u32 i = 0; i < world->actors_count; i++)
		each_history(world->actors[i], history_power_cut);
}
