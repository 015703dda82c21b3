/*
 * What calls cost in messages: a process does one thing after another on a mount of a simulated
 * cluster; counted are its FUSE calls, the requests that the mount sends because of them, and the
 * round trips that the process waits for. Prints what costs.txt must hold, so that a change which
 * adds a round trip is seen.
 *
 * Every link takes a millisecond each way and disks take next to no time: so what a process waited,
 * divided by two milliseconds, is the number of round trips one after the other.
 */
#include "tests/sim/world/world.h"

#include <stdarg.h>
#include <stdlib.h>

#define ONE_WAY        DFS_MSEC
#define ASIDE          (100 * DFS_MSEC) /* For what nobody waits for. */
#define LEASES_ARE_OUT (11 * DFS_SEC)

enum { KINDS_MAX = 16, NAME_BYTES = 32, TEXT_BYTES = 4096, READDIR_BYTES = 32 << 10 };

struct costs {
	struct world *world;
	struct proc proc; /* On the first mount: what is measured. */
	struct proc other;
	FILE *trace;
	char *text;
	size_t text_bytes;
	size_t mark; /* What is traced from there on belongs to the operation. */
	nsec began;
	bool ended;
};

struct kind {
	char name[NAME_BYTES];
	u32 count;
};

static void must(int status)
{
	DFS_ASSERT(status == 0);
}

/* --- Counting. --- */

static void count_kind(struct kind *kinds, u32 *count, const char *name, size_t length)
{
	DFS_ASSERT(length < NAME_BYTES);
	for (u32 i = 0; i < *count; i++) {
		if (strlen(kinds[i].name) == length && strncmp(kinds[i].name, name, length) == 0) {
			kinds[i].count++;
			return;
		}
	}
	DFS_ASSERT(*count < KINDS_MAX);
	struct kind *kind = &kinds[(*count)++];
	memcpy(kind->name, name, length);
	kind->name[length] = '\0';
	kind->count = 1;
}

/* A request's name: its message's, or, of a change, the operation's. NULL: not a request. */
static const char *request_name(const char *message, size_t *ret_length)
{
	size_t length = strcspn(message, "{ \n");
	if (length > 6 && strncmp(message + length - 6, "_REPLY", 6) == 0)
		return NULL;
	if (strncmp(message + length, " answered", 9) == 0)
		return NULL;
	if (strncmp(message, "MUTATE{", 7) == 0) {
		message = strchr(message, '=');
		message = strchr(message, ' ') + 1;
		length = strcspn(message, "{");
	}
	*ret_length = length;
	return message;
}

/* One line of the trace: time, node, then `call=` or `-> peer message`. */
static void count_line(const char *line, struct kind *kinds, u32 *kinds_count, u32 *calls)
{
	char node[NAME_BYTES], peer[NAME_BYTES];
	int at = 0;
	if (sscanf(line, "%*s %31s %n", node, &at) != 1 || strcmp(node, "mount1") != 0)
		return;
	if (strncmp(line + at, "call=", 5) == 0)
		(*calls)++;
	int message = 0;
	if (sscanf(line + at, "-> %31s %n", peer, &message) != 1 || message == 0)
		return;
	size_t length;
	const char *name = request_name(line + at + message, &length);
	if (name != NULL)
		count_kind(kinds, kinds_count, name, length);
}

static void report(struct costs *costs, const char *what, nsec waited)
{
	struct kind kinds[KINDS_MAX];
	u32 kinds_count = 0, calls = 0;
	fflush(costs->trace);
	for (char *line = costs->text + costs->mark; *line != '\0';) {
		char *end = strchrnul(line, '\n');
		count_line(line, kinds, &kinds_count, &calls);
		line = *end == '\0' ? end : end + 1;
	}
	printf("%-50s %4u %6llu  ", what, calls, (unsigned long long)(waited / (2 * ONE_WAY)));
	for (u32 i = 0; i < kinds_count; i++) {
		printf("%s", i == 0 ? "" : ", ");
		if (kinds[i].count > 1)
			printf("%u ", kinds[i].count);
		printf("%s", kinds[i].name);
	}
	printf("%s\n", kinds_count == 0 ? "nothing" : "");
}

static void begin(struct costs *costs)
{
	fflush(costs->trace);
	costs->mark = costs->text_bytes;
	costs->began = sim_now(costs->world->sim);
}

static void end(struct costs *costs, const char *what)
{
	nsec waited = sim_now(costs->world->sim) - costs->began;
	task_sleep(costs->proc.task, ASIDE);
	report(costs, what, waited);
}

/* --- What is done. --- */

static void write_file(struct proc *proc, const char *path, bool sync)
{
	static const u8 data[4096] = {1};
	struct file file;
	must(proc_open(proc, path, O_RDWR | O_CREAT, 0644, &file));
	must(proc_write(proc, &file, 0, data, sizeof(data)));
	if (sync)
		must(proc_fsync(proc, &file, false));
	must(proc_close(proc, &file));
}

static void read_file(struct proc *proc, const char *path)
{
	struct file file;
	u8 data[4096];
	u32 count;
	must(proc_open(proc, path, O_RDONLY, 0, &file));
	must(proc_read(proc, &file, 0, data, sizeof(data), &count));
	must(proc_close(proc, &file));
}

static void make_empty(struct proc *proc, const char *path)
{
	struct file file;
	must(proc_open(proc, path, O_RDWR | O_CREAT, 0644, &file));
	must(proc_close(proc, &file));
}

static void open_close(struct proc *proc, const char *path)
{
	struct file file;
	must(proc_open(proc, path, O_RDONLY, 0, &file));
	must(proc_close(proc, &file));
}

static void list(struct proc *proc, const char *path, u32 entries, bool attributes)
{
	struct answer names;
	must(proc_readdir(proc, path, READDIR_BYTES, attributes, &names));
	DFS_ASSERT(names.entries_count == entries);
	answer_clear(&names);
}

static void chmod_file(struct proc *proc, const char *path, u32 mode)
{
	struct dfs_setattr set = {.valid = DFS_SETATTR_MODE, .mode = mode};
	struct dfs_attr attr;
	must(proc_setattr(proc, path, &set, &attr));
}

#define COST(what, call)                                                                           \
	do {                                                                                       \
		begin(costs);                                                                      \
		call;                                                                              \
		end(costs, what);                                                                  \
	} while (0)

static void changes(struct costs *costs)
{
	struct proc *proc = &costs->proc;
	COST("mkdir d", must(proc_mkdir(proc, "/d", 0755)));
	write_file(proc, "/d/first", true); /* The link to the chunkserver is there from now on. */
	COST("create and close an empty file", make_empty(proc, "/d/empty"));
	COST("create, write 4 KiB, close", write_file(proc, "/d/a", false));
	COST("create, write 4 KiB, fsync, close", write_file(proc, "/d/b", true));
	COST("open, write 4 KiB over, fsync, close", write_file(proc, "/d/b", true));
	COST("symlink", must(proc_symlink(proc, "a", "/d/s")));
	COST("link", must(proc_link(proc, "/d/a", "/d/l")));
	COST("chmod", chmod_file(proc, "/d/a", 0600));
	COST("rename", must(proc_rename(proc, "/d/l", "/d/m", 0)));
	COST("rename over another", must(proc_rename(proc, "/d/m", "/d/s", 0)));
	COST("unlink", must(proc_unlink(proc, "/d/b")));
	must(proc_mkdir(proc, "/d/sub", 0755));
	COST("rmdir", must(proc_rmdir(proc, "/d/sub")));
}

static void looks(struct costs *costs)
{
	struct proc *proc = &costs->proc;
	struct dfs_attr attr;
	COST("stat again", must(proc_stat(proc, "/d/a", &attr)));
	COST("stat of a name that is absent",
	     DFS_ASSERT(proc_stat(proc, "/d/none", &attr) == DFS_ENOENT));
	COST("open and close again", open_close(proc, "/d/a"));
	COST("open, read 4 KiB, close again", read_file(proc, "/d/a"));
	task_sleep(proc->task, LEASES_ARE_OUT);
	COST("stat of d/a when the leases are out", must(proc_stat(proc, "/d/a", &attr)));
	task_sleep(proc->task, LEASES_ARE_OUT);
	COST("open, read 4 KiB, close of d/a, leases out", read_file(proc, "/d/a"));
	COST("statfs", must(proc_statfs(proc, &(struct dfs_statfs_reply){0})));
}

static void fill(struct proc *proc, const char *path, u32 count)
{
	char name[PATH_BYTES];
	must(proc_mkdir(proc, path, 0755));
	for (u32 i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/file-%06u.txt", path, i);
		must(proc_mknod(proc, name, S_IFREG | 0644, 0));
	}
}

static void lists(struct costs *costs)
{
	static const u32 counts[] = {10, 1000, 10000};
	struct proc *proc = &costs->proc;
	for (u32 i = 0; i < dfs_array_count(counts); i++) {
		char path[32], what[80];
		snprintf(path, sizeof(path), "/list-%u", counts[i]);
		fill(&costs->other, path, counts[i]);
		task_sleep(proc->task, LEASES_ARE_OUT);
		snprintf(what, sizeof(what), "readdir of %u entries (ls -f)", counts[i]);
		COST(what, list(proc, path, counts[i], false));
		task_sleep(proc->task, LEASES_ARE_OUT);
		snprintf(what, sizeof(what), "readdir with attributes of %u (ls -l)", counts[i]);
		COST(what, list(proc, path, counts[i], true));
	}
}

static void others(struct costs *costs)
{
	struct proc *proc = &costs->proc;
	struct dfs_attr attr;
	must(proc_stat(&costs->other, "/d/a", &attr));
	COST("chmod of what another mount has cached", chmod_file(proc, "/d/a", 0640));
	must(proc_stat(proc, "/d/a", &attr));
	chmod_file(&costs->other, "/d/a", 0644);
	COST("stat of what another mount has just changed", must(proc_stat(proc, "/d/a", &attr)));
}

static void run(struct task *task, void *arg)
{
	struct costs *costs = arg;
	costs->other.task = task;
	task_sleep(task, 200 * DFS_MSEC);
	printf("%-50s %4s %6s  %s\n", "", "FUSE", "waited", "");
	printf("%-50s %4s %6s  %s\n", "operation", "call", "rounds", "requests of the mount");
	changes(costs);
	looks(costs);
	lists(costs);
	others(costs);
	costs->ended = true;
}

int main(void)
{
	const struct shape shape = {
	    .servers = 1,
	    .disks = 1,
	    .disk_bytes = DFS_GIB,
	    .mounts = 2,
	    .session_timeout = 60 * DFS_SEC,
	    .tuning = {.latency_min = ONE_WAY,
		       .latency_max = ONE_WAY,
		       .write_max = 10,
		       .sync_max = 10},
	};
	struct costs costs = {0};
	costs.trace = open_memstream(&costs.text, &costs.text_bytes);
	DFS_ASSERT(costs.trace != NULL);
	struct world *world = world_new(1, &shape, costs.trace, DFS_LOG_ERROR);
	costs.world = world;
	costs.proc.sim = costs.other.sim = world->sim;
	costs.proc.mount = world->mounts[0].mount;
	costs.other.mount = world->mounts[1].mount;
	dfs_prng_seed(&costs.proc.prng, 1);
	dfs_prng_seed(&costs.other.prng, 2);
	costs.proc.task = task_new(world->sim, run, &costs);
	while (!costs.ended)
		DFS_ASSERT(sim_step(world->sim));
	task_free(costs.proc.task);
	world_free(world);
	fclose(costs.trace);
	free(costs.text);
	dfs_buf_pool_drain();
	return EXIT_SUCCESS;
}
