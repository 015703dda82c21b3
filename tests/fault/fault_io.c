/*
 * fault_io master|chunkserver eio|nospc [NTH]: a process makes a file, writes, syncs, reads, grows
 * and removes it, while exactly one I/O of a daemon fails: the first, then, in a fresh cluster, the
 * second, and so on for every one there is. Whatever fails:
 *
 * - no call hangs, no daemon ends but with an error it means, and one that ended comes back;
 * - what is read is what was written, or an error;
 * - what fsync acknowledged is there, also after the chunkserver and the master were started anew;
 * - who tries again after an error gets through, since nothing fails any more.
 * With NTH only that one, as a trace.
 */
#include "libdfsproto/base/errors.h"
#include "tests/sim/world/world.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_BYTES = 300000, TRIES = 5 };

struct scenario {
	struct world *world;
	struct proc proc;
	u64 nth;
	bool ended;
	u8 text[TEXT_BYTES];
	u8 read[TEXT_BYTES + 1];
};

static void fail(const struct scenario *scenario, const char *what, int status)
{
	fprintf(stderr, "with I/O %llu failing: %s: %s\n", (unsigned long long)scenario->nth, what,
		dfs_error_text(status));
	exit(EXIT_FAILURE);
}

/* Reads the file whole: nothing but the text, or an error, which is returned. */
static int read_whole(struct scenario *s, const struct file *file)
{
	u32 count = 0;
	int status = proc_read(&s->proc, file, 0, s->read, sizeof(s->read), &count);
	if (status == 0 && (count != TEXT_BYTES || memcmp(s->read, s->text, count) != 0))
		fail(s, "what was read is not what was written", DFS_ECORRUPT);
	return status;
}

static void start_anew(struct scenario *s, struct member *member)
{
	if (sim_up(member->node))
		sim_crash(member->node, SIM_POWER);
	task_sleep(s->proc.task, 15 * DFS_SEC);
}

/* A disk with an error is retired until its server is started anew: after some tries it is. */
static void write_and_sync(struct scenario *s, struct file *file)
{
	int status = DFS_EIO;
	for (u32 tries = 0; status != 0 && tries < TRIES; tries++) {
		u32 half = TEXT_BYTES / 2;
		status = proc_write(&s->proc, file, 0, s->text, half);
		if (status == 0)
			status =
			    proc_write(&s->proc, file, half, s->text + half, TEXT_BYTES - half);
		if (status == 0)
			status = proc_fsync(&s->proc, file, false);
		if (status != 0 && tries == 1)
			start_anew(s, &s->world->servers[0]);
		else if (status != 0)
			task_sleep(s->proc.task, 5 * DFS_SEC);
	}
	if (status != 0)
		fail(s, "writing and syncing again and again", status);
}

static void open_again(struct scenario *s, const char *path, int flags, struct file *ret_file)
{
	int status = DFS_EIO;
	for (u32 tries = 0; status != 0 && tries < TRIES; tries++) {
		status = proc_open(&s->proc, path, flags, 0644, ret_file);
		if (status != 0)
			task_sleep(s->proc.task, 5 * DFS_SEC);
	}
	if (status != 0)
		fail(s, "opening again and again", status);
}

static bool has_files(const struct scenario *s)
{
	return disk_sim_files(sim_disk(s->world->servers[0].node, 0)) > 0;
}

static void wait_for_deletion(struct scenario *s)
{
	for (u32 i = 0; i < 120 && has_files(s); i++) {
		task_sleep(s->proc.task, DFS_SEC);
		if (i == 30)
			start_anew(s, &s->world->servers[0]);
	}
	if (has_files(s))
		fail(s, "its chunk stays on the disk", DFS_EBUSY);
}

static void run(struct task *task, void *arg)
{
	struct scenario *s = arg;
	struct file file;
	int status = DFS_EIO;
	task_sleep(task, DFS_SEC);
	open_again(s, "/letter", O_RDWR | O_CREAT, &file);
	write_and_sync(s, &file);
	(void)read_whole(s, &file);
	(void)proc_close(&s->proc, &file);
	start_anew(s, &s->world->servers[0]);
	start_anew(s, &s->world->master);
	open_again(s, "/letter", O_RDONLY, &file);
	for (u32 tries = 0; status != 0 && tries < TRIES; tries++)
		status = read_whole(s, &file);
	if (status != 0)
		fail(s, "reading what fsync had acknowledged", status);
	(void)proc_close(&s->proc, &file);
	for (u32 tries = 0; tries < TRIES; tries++) {
		status = proc_unlink(&s->proc, "/letter");
		if (status == 0 || status == DFS_ENOENT)
			break;
	}
	if (status != 0 && status != DFS_ENOENT)
		fail(s, "removing it", status);
	wait_for_deletion(s);
	s->ended = true;
}

/* False when the scenario ended before its nth I/O. */
static bool run_failing(bool master, enum sim_io_fault fault, u64 nth, FILE *trace)
{
	static struct scenario s;
	const struct shape shape = {
	    .servers = 1,
	    .disks = 1,
	    .rows_cached = 64,
	    .disk_bytes = DFS_GIB,
	    .mounts = 1,
	    .session_timeout = 40 * DFS_SEC,
	    .timeout = 20 * DFS_SEC,
	    .faulty = true,
	    .tuning = sim_calm,
	};
	memset(&s, 0, sizeof(s));
	s.nth = nth;
	s.world = world_new(nth, &shape, trace, DFS_LOG_INFO);
	struct sim_node *node = master ? s.world->master.node : s.world->servers[0].node;
	sim_fail_io(node, nth, fault);
	s.proc.sim = s.world->sim;
	s.proc.mount = s.world->mounts[0].mount;
	dfs_prng_seed(&s.proc.prng, nth);
	for (u32 i = 0; i < TEXT_BYTES; i++)
		s.text[i] = (u8)dfs_prng_next(&s.proc.prng);
	s.proc.task = task_new(s.world->sim, run, &s);
	while (!s.ended) {
		if (sim_now(s.world->sim) > 600 * DFS_SEC || !sim_step(s.world->sim))
			fail(&s, "somebody hangs", DFS_ETIMEDOUT);
	}
	bool came = sim_ios(node) >= nth;
	task_free(s.proc.task);
	world_free(s.world);
	dfs_buf_pool_drain();
	return came;
}

int main(int argc, char **argv)
{
	u64 nth = 1;
	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: %s master|chunkserver eio|nospc [NTH]\n", argv[0]);
		return EXIT_FAILURE;
	}
	bool master = strcmp(argv[1], "master") == 0;
	enum sim_io_fault fault = strcmp(argv[2], "eio") == 0 ? SIM_IO_EIO : SIM_IO_NOSPC;
	if (argc == 4) {
		run_failing(master, fault, strtoull(argv[3], NULL, 10), stdout);
		return EXIT_SUCCESS;
	}
	while (run_failing(master, fault, nth, NULL))
		nth++;
	printf("%s, %s: each of %llu I/Os failed once\n", argv[1], argv[2],
	       (unsigned long long)nth - 1);
	return nth > 5 ? EXIT_SUCCESS : EXIT_FAILURE;
}
