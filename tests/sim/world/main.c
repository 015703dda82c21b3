/*
 * dfs-sim: run seeds, each in a process of its own, so that a failing one fails alone.
 *
 *   dfs-sim [--from S] [--seeds N] [--jobs J] [--once] [--inspect] [--expect-failure]
 *   dfs-sim --list FILE [--jobs J] [--once]
 *   dfs-sim --seed S [--inspect] [--trace FILE|-]
 *
 * Every seed runs twice and must give one hash. tests/sim/run builds and calls this.
 */
#include "tests/sim/world/world.h"

#include <getopt.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef DFS_PLANT_NAME
#define DFS_PLANT_NAME ""
#endif

enum { JOBS_MAX = 64, LISTED_MAX = 1000, SECONDS_PER_SEED = 120 };

struct options {
	u64 from;
	u64 seeds;
	u32 jobs;
	bool once;
	bool one_seed;
	bool inspect;
	bool expect_failure; /* A planted bug: success is to see a seed fail. */
	const char *trace;
	const char *list;
	u64 *listed; /* Seeds of the list; `seeds` of them. NULL: `from` and on. */
};

struct job {
	pid_t pid; /* 0: free. */
	u64 seed;
};

static void run_once(u64 seed, bool inspect, FILE *trace, u64 *ret_hash, bool report)
{
	struct world summary;
	struct run_options options = {.seed = seed, .trace = trace, .inspect = inspect};
	*ret_hash = run_seed(&options, &summary);
	if (report)
		printf("seed=%llu hash=%016llx operations=%llu faults=%llu bytes=%llu\n",
		       (unsigned long long)seed, (unsigned long long)*ret_hash,
		       (unsigned long long)summary.operations, (unsigned long long)summary.faults,
		       (unsigned long long)summary.checked_bytes);
}

static int run_one(const struct options *options, u64 seed, bool report)
{
	FILE *trace = NULL;
	if (options->trace != NULL) {
		trace = options->trace[0] == '-' ? stdout : fopen(options->trace, "w");
		if (trace == NULL) {
			perror(options->trace);
			return EXIT_FAILURE;
		}
	}
	u64 first, second;
	alarm(SECONDS_PER_SEED);
	run_once(seed, options->inspect, trace, &first, report);
	if (!options->once) {
		run_once(seed, options->inspect, NULL, &second, false);
		if (first != second) {
			fprintf(stderr, "wrong: the second run's hash is %016llx\n",
				(unsigned long long)second);
			return EXIT_FAILURE;
		}
	}
	if (trace != NULL && trace != stdout)
		fclose(trace);
	dfs_buf_pool_drain();
	return EXIT_SUCCESS;
}

static void start_job(const struct options *options, struct job *job, u64 seed)
{
	fflush(NULL);
	job->seed = seed;
	job->pid = fork();
	if (job->pid < 0) {
		perror("fork");
		exit(EXIT_FAILURE);
	}
	if (job->pid == 0)
		exit(run_one(options, seed, false));
}

/* Wait for one; true when its seed passed. */
static bool reap(const struct options *options, struct job *jobs, const char *self)
{
	int status;
	pid_t pid = wait(&status);
	struct job *job = jobs;
	while (job->pid != pid)
		job++;
	job->pid = 0;
	bool passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (passed || options->expect_failure)
		return passed;
	if (WIFSIGNALED(status))
		fprintf(stderr, "wrong: %s\n",
			WTERMSIG(status) == SIGALRM ? "it takes for ever" : "it was aborted");
	const char *commit = getenv("DFS_SIM_COMMIT");
	fprintf(stderr, "seed=%llu commit=%s%s%s\n  replay: %s --seed %llu%s --trace -\n",
		(unsigned long long)job->seed, commit == NULL ? "unknown" : commit,
		DFS_PLANT_NAME[0] == '\0' ? "" : " plant=", DFS_PLANT_NAME, self,
		(unsigned long long)job->seed, options->inspect ? " --inspect" : "");
	return false;
}

static u64 seed_at(const struct options *options, u64 n)
{
	return options->listed != NULL ? options->listed[n] : options->from + n;
}

/* Numbers at the start of lines; the rest of a line is for people. */
static bool read_list(struct options *options)
{
	FILE *file = fopen(options->list, "r");
	if (file == NULL) {
		perror(options->list);
		return false;
	}
	char line[400];
	options->listed = calloc(LISTED_MAX, sizeof(*options->listed));
	DFS_ASSERT(options->listed != NULL);
	options->seeds = 0;
	while (fgets(line, sizeof(line), file) != NULL && options->seeds < LISTED_MAX) {
		char *end;
		u64 seed = strtoull(line, &end, 10);
		if (end != line)
			options->listed[options->seeds++] = seed;
	}
	fclose(file);
	return true;
}

static int run_many(const struct options *options, const char *self)
{
	struct job jobs[JOBS_MAX] = {0};
	struct timespec start, end;
	u64 passed = 0, failed = 0, running = 0, next = 0;
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (next < options->seeds || running > 0) {
		if (options->expect_failure && failed > 0)
			next = options->seeds;
		if (next < options->seeds && running < options->jobs) {
			struct job *job = jobs;
			while (job->pid != 0)
				job++;
			start_job(options, job, seed_at(options, next++));
			running++;
			continue;
		}
		if (running == 0)
			break;
		running--;
		if (reap(options, jobs, self))
			passed++;
		else
			failed++;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	double seconds =
	    (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
	printf("%.1f seeds per second\n%llu passed, %llu failed\n",
	       (double)(passed + failed) / seconds, (unsigned long long)passed,
	       (unsigned long long)failed);
	bool good = options->expect_failure ? failed > 0 : failed == 0 && passed > 0;
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
	    {"seeds", required_argument, NULL, 'n'},    {"from", required_argument, NULL, 'f'},
	    {"seed", required_argument, NULL, 's'},     {"jobs", required_argument, NULL, 'j'},
	    {"once", no_argument, NULL, 'o'},           {"inspect", no_argument, NULL, 'i'},
	    {"expect-failure", no_argument, NULL, 'x'}, {"trace", required_argument, NULL, 't'},
	    {"list", required_argument, NULL, 'l'},     {0},
	};
	for (int option; (option = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		switch (option) {
		case 'n':
			options->seeds = strtoull(optarg, NULL, 10);
			break;
		case 's':
			options->one_seed = true;
			options->from = strtoull(optarg, NULL, 10);
			break;
		case 'f':
			options->from = strtoull(optarg, NULL, 10);
			break;
		case 'j':
			options->jobs = (u32)strtoul(optarg, NULL, 10);
			break;
		case 'o':
			options->once = true;
			break;
		case 'i':
			options->inspect = true;
			break;
		case 'x':
			options->expect_failure = true;
			break;
		case 't':
			options->trace = optarg;
			break;
		case 'l':
			options->list = optarg;
			break;
		default:
			return false;
		}
	}
	return optind == argc && options->jobs > 0 && options->jobs <= JOBS_MAX;
}

int main(int argc, char **argv)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct options options = {
	    .from = 1,
	    .seeds = 100,
	    .jobs = (u32)dfs_min(dfs_max(processors, 1), JOBS_MAX),
	};
	if (!parse(argc, argv, &options)) {
		fprintf(stderr,
			"usage: %s [--from S] [--seeds N] [--jobs J] [--once] "
			"[--inspect] [--expect-failure] | --list FILE | --seed S "
			"[--inspect] [--trace FILE|-] [--once]\n",
			argv[0]);
		return EXIT_FAILURE;
	}
	if (options.one_seed)
		return run_one(&options, options.from, true);
	if (options.list != NULL && !read_list(&options))
		return EXIT_FAILURE;
	int result = run_many(&options, argv[0]);
	free(options.listed);
	return result;
}
