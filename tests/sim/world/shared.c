/*
 * Processes that meet: one per mount, in one directory. What must hold between mounts while each
 * call of one is over before the next of another begins, and when they race:
 *
 * - O_EXCL: each round's file is made by one process at most, and by one if any tried.
 * - rename over: whoever opens the board sees one whole version, never a mix, never nothing, and
 * none that was replaced before the open began.
 */
#include "tests/sim/world/shared.h"
#include "libdfsproto/base/errors.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS_MAX = 256, VERSIONS_MAX = 1024, BOARD_BYTES_MAX = 40000, HEAD_BYTES = 16 };

struct meeter {
	struct shared *shared;
	struct proc proc;
	char name[20];
	u32 index;
	u32 round;
	u32 drafts; /* Names of drafts that may have become the board behind its back. */
	bool finished;
};

/* One content of the board. */
struct version {
	nsec began;
	nsec ended; /* DFS_NEVER: perhaps never, perhaps later. */
};

struct shared {
	struct world *world;
	struct meeter meeters[WORLD_MOUNTS_MAX];
	u32 winners[ROUNDS_MAX]; /* Who surely made the round's file. */
	u32 doubts[ROUNDS_MAX];  /* Who may have. */
	u32 tries[ROUNDS_MAX];
	struct version versions[VERSIONS_MAX];
	u32 versions_count;
	u64 reads;
};

static u64 draw(struct meeter *meeter, u64 bound)
{
	return dfs_prng_below(&meeter->proc.prng, bound);
}

/* --- O_EXCL. --- */

static bool in_doubt(const struct meeter *meeter, int status)
{
	return status == MOUNT_DIED || status == DFS_ENO_SESSION ||
	       (status == DFS_EINTR && meeter->proc.interrupts > 0);
}

static void wait_up(struct meeter *meeter)
{
	while (!sim_up(mount_node(meeter->proc.mount)))
		task_sleep(meeter->proc.task, 50 * DFS_MSEC);
}

static void unexpected(struct meeter *meeter, const char *what, int status)
{
	world_fail(meeter->shared->world, "%s: %s gave %s", meeter->name, what,
		   dfs_error_name(status));
}

static void compete(struct meeter *meeter)
{
	struct shared *shared = meeter->shared;
	u32 round = meeter->round++;
	char path[64];
	struct file file = {0};
	if (round >= ROUNDS_MAX)
		return;
	snprintf(path, sizeof(path), "/shared/lock.%u", round);
	shared->tries[round]++;
	int status = proc_open(&meeter->proc, path, O_RDWR | O_CREAT | O_EXCL, 0600, &file);
	if (status == 0) {
		shared->winners[round]++;
		(void)proc_close(&meeter->proc, &file);
	} else if (in_doubt(meeter, status)) {
		shared->doubts[round]++;
	} else if (status != DFS_EEXIST) {
		unexpected(meeter, "open with O_EXCL", status);
	}
	sim_trace(shared->world->sim, "%-8s round %u: %d", meeter->name, round, status);
	if (shared->winners[round] > 1)
		world_fail(shared->world, "%s was made by two with O_EXCL", path);
}

/* --- The board. --- */

static u8 byte_of(u64 version, u64 at)
{
	return (u8)((version * 0x9e37 + at / HEAD_BYTES) ^ (at * 31));
}

static void draw_version(u8 *bytes, u64 version, u32 length)
{
	for (u32 i = HEAD_BYTES; i < length; i++)
		bytes[i] = byte_of(version, i);
	memcpy(bytes, &version, sizeof(version));
	u64 whole = length;
	memcpy(bytes + 8, &whole, sizeof(whole));
}

static void name_draft(const struct meeter *meeter, u32 number, char *ret_path, size_t size)
{
	snprintf(ret_path, size, "/shared/draft.%u.%u", meeter->index, number);
}

static bool write_draft(struct meeter *meeter, const char *path, u64 version)
{
	struct file file = {0};
	u32 length = HEAD_BYTES + (u32)draw(meeter, BOARD_BYTES_MAX - HEAD_BYTES);
	u8 *bytes = malloc(length);
	DFS_ASSERT(bytes != NULL);
	draw_version(bytes, version, length);
	int status = proc_open(&meeter->proc, path, O_RDWR | O_CREAT | O_TRUNC, 0644, &file);
	if (status == 0)
		status = proc_write(&meeter->proc, &file, 0, bytes, length);
	if (status == 0)
		status = proc_fsync(&meeter->proc, &file, false);
	free(bytes);
	if (file.ino != 0) {
		int closed = proc_close(&meeter->proc, &file);
		status = status != 0 ? status : closed;
	}
	/* A loss that fsync tells of is no wrong: the draft is not used. */
	bool full = world_is_full(&meeter->shared->world->shape, status);
	if (status != 0 && !in_doubt(meeter, status) && !full &&
	    dfs_error_errno(status) != dfs_error_errno(DFS_EIO))
		unexpected(meeter, "writing a draft", status);
	return status == 0;
}

static void publish(struct meeter *meeter)
{
	struct shared *shared = meeter->shared;
	if (shared->versions_count == VERSIONS_MAX)
		return;
	u64 number = shared->versions_count++;
	struct version *version = &shared->versions[number];
	version->began = version->ended = DFS_NEVER;
	char path[64];
	name_draft(meeter, meeter->drafts, path, sizeof(path));
	if (!write_draft(meeter, path, number))
		return;
	version->began = sim_now(shared->world->sim);
	int status = proc_rename(&meeter->proc, path, "/shared/board", 0);
	if (status == 0)
		version->ended = sim_now(shared->world->sim);
	else if (in_doubt(meeter, status))
		meeter->drafts++; /* It may be renamed yet; nobody may write to the board. */
	else
		unexpected(meeter, "renaming over the board", status);
	sim_trace(shared->world->sim, "%-8s publishes %llu: %d", meeter->name,
		  (unsigned long long)number, status);
}

static void judge_version(struct meeter *meeter, const u8 *bytes, u32 count, nsec opened)
{
	struct shared *shared = meeter->shared;
	u64 number = 0, whole = 0;
	if (count >= HEAD_BYTES) {
		memcpy(&number, bytes, sizeof(number));
		memcpy(&whole, bytes + 8, sizeof(whole));
	}
	bool good = count >= HEAD_BYTES && whole == count && number < shared->versions_count;
	for (u32 i = HEAD_BYTES; i < count && good; i++)
		good = bytes[i] == byte_of(number, i);
	if (!good)
		world_fail(shared->world, "%s reads a board that nobody wrote (%u bytes)",
			   meeter->name, count);
	const struct version *seen = &shared->versions[number];
	for (u32 i = 0; i < shared->versions_count; i++) {
		const struct version *other = &shared->versions[i];
		if (seen->ended != DFS_NEVER && other->ended != DFS_NEVER &&
		    other->began > seen->ended && other->ended < opened)
			world_fail(shared->world,
				   "%s reads version %llu of the board, which %u has replaced",
				   meeter->name, (unsigned long long)number, i);
	}
	shared->reads++;
}

static void read_board(struct meeter *meeter)
{
	struct shared *shared = meeter->shared;
	struct file file = {0};
	bool must_exist = false;
	nsec opened = sim_now(shared->world->sim);
	for (u32 i = 0; i < shared->versions_count; i++)
		must_exist = must_exist || shared->versions[i].ended < opened;
	int status = proc_open(&meeter->proc, "/shared/board", O_RDONLY, 0, &file);
	if (status == 0) {
		u8 *bytes = malloc(BOARD_BYTES_MAX + 1);
		DFS_ASSERT(bytes != NULL);
		u32 count = 0;
		if (draw(meeter, 2) == 0) /* Let it be replaced meanwhile. */
			task_sleep(meeter->proc.task, draw(meeter, 100 * DFS_MSEC));
		status = proc_read(&meeter->proc, &file, 0, bytes, BOARD_BYTES_MAX + 1, &count);
		if (status == 0)
			judge_version(meeter, bytes, count, opened);
		free(bytes);
		int closed = proc_close(&meeter->proc, &file);
		status = status != 0 ? status : closed;
	} else if (status == DFS_ENOENT && !must_exist) {
		status = 0;
	}
	if (status != 0 && !in_doubt(meeter, status))
		unexpected(meeter, "reading the board", status);
}

/* --- Course. --- */

static void make_directory(struct meeter *meeter)
{
	for (;;) {
		int status = proc_mkdir(&meeter->proc, "/shared", 0755);
		if (status == 0 || status == DFS_EEXIST)
			return;
		if (!in_doubt(meeter, status))
			unexpected(meeter, "mkdir", status);
		wait_up(meeter);
	}
}

static void meet(struct task *task, void *arg)
{
	struct meeter *meeter = arg;
	struct world *world = meeter->shared->world;
	make_directory(meeter);
	while (world->phase == PHASE_WORK) {
		wait_up(meeter);
		u64 kind = draw(meeter, 4);
		if (kind == 0)
			compete(meeter);
		else if (kind == 1)
			publish(meeter);
		else
			read_board(meeter);
		task_sleep(task, draw(meeter, 300 * DFS_MSEC));
	}
	meeter->finished = true;
}

void shared_start(struct world *world)
{
	struct shared *shared = calloc(1, sizeof(*shared));
	DFS_ASSERT(shared != NULL);
	shared->world = world;
	world->shared = shared;
	for (u32 i = 0; i < world->shape.mounts; i++) {
		struct meeter *meeter = &shared->meeters[i];
		meeter->shared = shared;
		meeter->index = i;
		snprintf(meeter->name, sizeof(meeter->name), "meeter%u", i);
		meeter->proc.sim = world->sim;
		meeter->proc.mount = world->mounts[i].mount;
		meeter->proc.interrupts = world->shape.interrupts;
		meeter->proc.forgets = world->shape.forgets;
		dfs_prng_seed(&meeter->proc.prng, dfs_prng_next(&world->prng));
		meeter->proc.task = task_new(world->sim, meet, meeter);
	}
}

bool shared_finished(const struct world *world)
{
	bool finished = true;
	for (u32 i = 0; world->shared != NULL && i < world->shape.mounts; i++)
		finished = finished && world->shared->meeters[i].finished;
	return finished;
}

void shared_check(struct world *world)
{
	const struct shared *shared = world->shared;
	for (u32 i = 0; shared != NULL && i < ROUNDS_MAX; i++) {
		if (shared->tries[i] > 0 && shared->winners[i] + shared->doubts[i] == 0)
			world_fail(world, "round %u: all were told that another made it", i);
	}
}

static void must_go(struct world *world, struct proc *proc, const char *path, bool directory)
{
	int status = directory ? proc_rmdir(proc, path) : proc_unlink(proc, path);
	if (status != 0 && status != DFS_ENOENT)
		world_fail(world, "removing %s gave %s", path, dfs_error_name(status));
}

void shared_wipe(struct world *world, struct proc *proc)
{
	char path[64];
	u32 interrupts = proc->interrupts;
	proc->interrupts = 0;
	for (u32 i = 0; i < ROUNDS_MAX && world->shared->tries[i] > 0; i++) {
		snprintf(path, sizeof(path), "/shared/lock.%u", i);
		must_go(world, proc, path, false);
	}
	for (u32 i = 0; i < world->shape.mounts; i++) {
		const struct meeter *meeter = &world->shared->meeters[i];
		for (u32 number = 0; number <= meeter->drafts; number++) {
			name_draft(meeter, number, path, sizeof(path));
			must_go(world, proc, path, false);
		}
	}
	must_go(world, proc, "/shared/board", false);
	must_go(world, proc, "/shared", true);
	proc->interrupts = interrupts;
}

void shared_free(struct world *world)
{
	if (world->shared == NULL)
		return;
	for (u32 i = 0; i < world->shape.mounts; i++)
		task_free(world->shared->meeters[i].proc.task);
	free(world->shared);
	world->shared = NULL;
}
