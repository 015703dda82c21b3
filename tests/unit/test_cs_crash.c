/*
 * Whatever the daemon or the machine was doing when it died: what was answered is there after a
 * kill, what was synced is there after a power cut, every block matches its checksum, and each byte
 * is one that somebody wrote. A seed drives random changes of two chunks across a segment's border,
 * several in flight at once, and crashes between any two I/Os and in the middle of steps.
 *
 * Sizes: CRASH_SEEDS in the environment.
 */
#include "libdfsproto/base/errors.h"
#include "tests/unit/cs_world.h"
#include "tests/unit/unit.h"

enum {
	CHUNKS = 2,
	REGION = 24 << 10,             /* Bytes in play, */
	BASE = (1 << 20) - REGION / 2, /* from here on. */
	CHANGES_MAX = 400,
	LIVES = 8,
	SEEDS = 150,
};

enum change_state { CHANGE_PENDING, CHANGE_DONE, CHANGE_UNKNOWN };

struct change {
	enum change_state state;
	bool durable;
	u32 from; /* Inside the region. */
	u32 to;
	u32 tag;
	bool trim;
	u8 data[REGION];
};

struct model {
	u64 chunk;
	struct change *changes[CHANGES_MAX];
	u32 count;
};

/* A SYNC under way: which changes had been answered when it was sent. */
struct sync {
	u32 tag;
	bool sent;
	bool covered[CHUNKS][CHANGES_MAX];
};

struct scene {
	struct cs_world world;
	struct model models[CHUNKS];
	struct sync sync;
	u64 seed;
};

static u32 below(struct scene *scene, u32 bound)
{
	return (u32)dfs_prng_below(&scene->world.prng, bound);
}

static struct change *add(struct model *model, u32 from, u32 to)
{
	assert_true(model->count < CHANGES_MAX);
	struct change *change = calloc(1, sizeof(*change));
	change->from = from;
	change->to = to;
	model->changes[model->count++] = change;
	return change;
}

static void forget(struct model *model)
{
	for (u32 i = 0; i < model->count; i++)
		free(model->changes[i]);
	model->count = 0;
}

static bool known(const struct model *model)
{
	for (u32 i = 0; i < model->count; i++)
		if (model->changes[i]->state == CHANGE_DONE)
			return true;
	return false;
}

static void change_something(struct scene *scene)
{
	struct model *model = &scene->models[below(scene, CHUNKS)];
	u32 from = below(scene, REGION), length = 1 + below(scene, REGION - from);
	u32 kind = below(scene, 10);
	if (below(scene, 3) == 0) { /* Whole blocks, as streams write. */
		from = from / 4096 * 4096;
		length = 4096;
	}
	if (kind < 7 || !known(model)) {
		struct change *change = add(model, from, from + length);
		world_fill(change->data, REGION, (u32)scene->world.requests_count + 1);
		change->tag = world_write(&scene->world, model->chunk, 1, BASE + from,
					  change->data + from, length);
	} else if (kind < 9) {
		struct change *change = add(model, from, from + length);
		change->tag = world_punch(&scene->world, model->chunk, BASE + from, length);
	} else {
		struct change *change = add(model, from, REGION);
		change->trim = true;
		change->tag = world_trim(&scene->world, model->chunk, BASE + from);
	}
}

static void sync_something(struct scene *scene)
{
	struct sync *sync = &scene->sync;
	u64 chunks[CHUNKS];
	u32 count = 0;
	if (sync->sent)
		return;
	memset(sync, 0, sizeof(*sync));
	for (u32 i = 0; i < CHUNKS; i++) {
		const struct model *model = &scene->models[i];
		if (!known(model))
			continue;
		chunks[count++] = model->chunk;
		for (u32 j = 0; j < model->count; j++)
			sync->covered[i][j] = model->changes[j]->state == CHANGE_DONE;
	}
	sync->sent = true;
	sync->tag = world_sync(&scene->world, chunks, count);
}

/* What has been answered meanwhile. */
static void learn(struct scene *scene)
{
	const struct world_reply *replies = scene->world.replies;
	for (u32 i = 0; i < CHUNKS; i++) {
		struct model *model = &scene->models[i];
		for (u32 j = 0; j < model->count; j++) {
			struct change *change = model->changes[j];
			if (change->state != CHANGE_PENDING || !replies[change->tag].done)
				continue;
			assert_int_equal(replies[change->tag].status, 0);
			change->state = CHANGE_DONE;
			change->durable = change->trim;
		}
	}
	if (!scene->sync.sent || !replies[scene->sync.tag].done)
		return;
	assert_int_equal(replies[scene->sync.tag].status, 0);
	scene->sync.sent = false;
	for (u32 i = 0; i < CHUNKS; i++)
		for (u32 j = 0; j < scene->models[i].count; j++)
			if (scene->sync.covered[i][j])
				scene->models[i].changes[j]->durable = true;
}

static void live(struct scene *scene)
{
	struct cs_world *world = &scene->world;
	u32 steps = 1 + below(scene, 40);
	world->shuffle = true;
	world->holding = true;
	if (below(scene, 2) == 0)
		world->die_in = 1 + below(scene, 60);
	for (u32 i = 0; i < steps && !world->died; i++) {
		u32 what = below(scene, 16);
		if (what < 8)
			change_something(scene);
		else if (what < 10)
			sync_something(scene);
		else if (what == 15)
			world_run(world, (1 + below(scene, 60)) * DFS_SEC);
		world_finish(world, below(scene, 5));
		learn(scene);
		if (below(scene, 40) == 0)
			disk_sim_settle(world->disks[0]);
	}
	learn(scene);
	scene->sync.sent = false;
}

static bool byte_allowed(const struct model *model, u32 at, u8 byte, bool power)
{
	for (u32 i = model->count; i-- > 0;) {
		const struct change *change = model->changes[i];
		if (at < change->from || at >= change->to)
			continue;
		if (change->data[at] == byte)
			return true;
		if (power ? change->durable : change->state == CHANGE_DONE)
			return false;
	}
	return byte == 0; /* Never written, or not for certain. */
}

/* May the chunk be missing altogether? */
static bool may_be_gone(const struct model *model, bool power)
{
	for (u32 i = 0; i < model->count; i++) {
		const struct change *change = model->changes[i];
		if (power ? change->durable : change->state == CHANGE_DONE)
			return false;
	}
	return true;
}

static void verify(struct scene *scene, struct model *model, bool power)
{
	static u8 got[REGION];
	struct cs_world *world = &scene->world;
	u32 tag = world_read(world, model->chunk, BASE, REGION);
	int status = world_status(world, tag);
	if (status == DFS_ENO_CHUNK && may_be_gone(model, power)) {
		forget(model);
		return;
	}
	if (status != 0 || world_bad_blocks(world, tag) > 0)
		print_error("seed=%llu chunk=%llu power=%d status=%d\n",
			    (unsigned long long)scene->seed, (unsigned long long)model->chunk,
			    power, status);
	world_bytes(world, tag, got, REGION);
	for (u32 i = 0; i < REGION; i++) {
		if (byte_allowed(model, i, got[i], power))
			continue;
		print_error("seed=%llu chunk=%llu power=%d: byte %u is %u\n",
			    (unsigned long long)scene->seed, (unsigned long long)model->chunk,
			    power, i, got[i]);
		fail();
	}
	/* From now on this is what was there; after a power cut it is on the platter. */
	for (u32 i = 0; i < model->count; i++)
		if (model->changes[i]->state == CHANGE_PENDING)
			model->changes[i]->state = CHANGE_UNKNOWN;
	if (power)
		forget(model);
	struct change *base = add(model, 0, REGION);
	memcpy(base->data, got, REGION);
	base->state = CHANGE_DONE;
	base->durable = power;
}

static void run_seed(u64 seed)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct cs_world *world = &scene->world;
	scene->seed = seed;
	world_init(world, 1, seed);
	for (u32 i = 0; i < CHUNKS; i++)
		scene->models[i].chunk = 10 + i;
	world_start(world);
	for (u32 i = 0; i < LIVES; i++) {
		live(scene);
		bool power = below(scene, 2) == 0;
		world_crash(world, power);
		world->shuffle = false;
		world->holding = false;
		if (below(scene, 4) == 0) { /* Once more, while it recovers. */
			bool again = below(scene, 2) == 0;
			world_boot(world);
			world_finish(world, below(scene, 8));
			world_crash(world, again);
			power |= again;
		}
		world_start(world);
		for (u32 j = 0; j < CHUNKS; j++)
			verify(scene, &scene->models[j], power);
		assert_int_equal(world->errors_count, 0);
	}
	for (u32 i = 0; i < CHUNKS; i++)
		forget(&scene->models[i]);
	world_fini(world);
	free(scene);
}

static void answered_survives_kills_and_synced_survives_power_cuts(void **state)
{
	(void)state;
	const char *text = getenv("CRASH_SEEDS");
	u64 seeds = text == NULL ? SEEDS : strtoull(text, NULL, 10);
	const char *first = getenv("CRASH_FROM");
	u64 from = first == NULL ? 1 : strtoull(first, NULL, 10);
	for (u64 seed = from; seed < from + seeds; seed++)
		run_seed(seed);
}

/* Chunks 10 and 11 are being deleted, 12 stays; the crash comes after `ios` I/Os. False: there were
 * no more I/Os than that. */
static bool delete_and_crash(u32 ios, bool power)
{
	struct cs_world world;
	static u8 data[9000];
	u64 chunks[] = {10, 11, 12};
	world_init(&world, 1, ios);
	world_start(&world);
	world_fill(data, sizeof(data), 1);
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(world_write_now(&world, chunks[i], 0, data, sizeof(data)), 0);
	assert_int_equal(world_status(&world, world_sync(&world, chunks, 3)), 0);
	world.holding = true;
	u64 before = world.ios_done;
	u32 tag = world_delete(&world, chunks, 2);
	world_finish(&world, ios);
	bool more = world.ios_done - before == ios;
	bool answered = world.replies[tag].done;
	world_crash(&world, power);
	world.holding = false;
	world_start(&world);
	for (u32 i = 0; i < 2; i++) {
		u32 read = world_read(&world, chunks[i], 0, 12288);
		int status = world_status(&world, read);
		if (answered)
			assert_int_equal(status, DFS_ENO_CHUNK);
		else if (status != DFS_ENO_CHUNK)
			world_expect(&world, chunks[i], 0, data, sizeof(data));
	}
	world_expect(&world, 12, 0, data, sizeof(data));
	assert_int_equal(world_status(&world, world_delete(&world, chunks, 3)), 0);
	world_run(&world, DFS_SEC);
	assert_int_equal(disk_sim_files(world.disks[0]), 0);
	world_fini(&world);
	return more;
}

static void a_deletion_is_finished_after_any_crash(void **state)
{
	(void)state;
	for (u32 power = 0; power < 2; power++) {
		u32 ios = 0;
		while (delete_and_crash(ios, power != 0))
			ios++;
		assert_true(ios >= 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answered_survives_kills_and_synced_survives_power_cuts),
	    cmocka_unit_test(a_deletion_is_finished_after_any_crash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
