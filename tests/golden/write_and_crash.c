/*
 * One file's life as a trace that a newcomer can read: a cluster of one master, one chunkserver and
 * one mount starts; a process makes a file, writes, syncs, and reads it; the chunkserver loses
 * power and comes back; the file is read again and removed. Prints what write_and_crash.txt must
 * hold.
 */
#include "tests/sim/world/world.h"

#include <stdlib.h>

struct scenario {
	struct world *world;
	struct proc proc;
	bool ended;
};

static void say(struct scenario *scenario, const char *what)
{
	sim_trace(scenario->world->sim, "# %s", what);
}

static void must(int status)
{
	DFS_ASSERT(status == 0);
}

static void run(struct task *task, void *arg)
{
	static const char text[] = "what fsync acknowledged is on stable storage";
	struct scenario *scenario = arg;
	struct proc *proc = &scenario->proc;
	struct sim_node *server = scenario->world->servers[0].node;
	struct file file;
	u8 read[100];
	u32 count;
	task_sleep(task, 100 * DFS_MSEC);
	say(scenario, "A process makes a file, writes and syncs it.");
	must(proc_open(proc, "/letter", O_RDWR | O_CREAT, 0644, &file));
	must(proc_write(proc, &file, 0, (const u8 *)text, sizeof(text)));
	must(proc_fsync(proc, &file, false));
	say(scenario, "It reads what it wrote.");
	must(proc_read(proc, &file, 0, read, sizeof(read), &count));
	DFS_ASSERT(count == sizeof(text) && memcmp(read, text, count) == 0);
	say(scenario, "The chunkserver loses power while the process reads again.");
	sim_crash(server, SIM_POWER);
	must(proc_read(proc, &file, 0, read, sizeof(read), &count));
	DFS_ASSERT(count == sizeof(text) && memcmp(read, text, count) == 0);
	say(scenario, "It closes the file and removes it; the chunk goes.");
	must(proc_close(proc, &file));
	must(proc_unlink(proc, "/letter"));
	task_sleep(task, DFS_SEC);
	DFS_ASSERT(disk_sim_files(sim_disk(server, 0)) == 0);
	scenario->ended = true;
}

int main(void)
{
	const struct shape shape = {
	    .servers = 1,
	    .disks = 1,
	    .disk_bytes = DFS_GIB,
	    .mounts = 1,
	    .session_timeout = 60 * DFS_SEC,
	    .tuning = sim_calm,
	};
	struct scenario scenario = {.world = world_new(1, &shape, stdout, DFS_LOG_INFO)};
	struct world *world = scenario.world;
	scenario.proc.sim = world->sim;
	scenario.proc.mount = world->mounts[0].mount;
	dfs_prng_seed(&scenario.proc.prng, 1);
	scenario.proc.task = task_new(world->sim, run, &scenario);
	while (!scenario.ended)
		DFS_ASSERT(sim_now(world->sim) < 30 * DFS_SEC && sim_step(world->sim));
	task_free(scenario.proc.task);
	world_free(world);
	dfs_buf_pool_drain();
	return EXIT_SUCCESS;
}
