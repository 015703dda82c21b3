/*
 * Runs a fuzz target without libFuzzer: mutations of its seeds, the same ones for the same --seed.
 *   fuzz_<name> [--runs N] [--seed S]     N inputs (20000), from seed S (1)
 *   fuzz_<name> --write-seeds DIR N       N seeds as files, for libFuzzer
 *   fuzz_<name> FILE…                     these inputs, once each
 * A failing input is written to the file fuzz-failure, and the way to run it again is printed.
 */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SEEDS = 64 };

static u8 input[FUZZ_INPUT_BYTES_MAX];
static size_t input_bytes;
static const char *program;

/* Sanitizers end in SIGABRT as assertions do, so that one handler sees both. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "abort_on_error=1:handle_abort=0";
}
__attribute__((visibility("default"))) const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "abort_on_error=1:halt_on_error=1:print_stacktrace=1";
}

__attribute__((weak)) size_t fuzz_seed(struct dfs_prng *prng, u8 *data, size_t capacity)
{
	size_t size = dfs_prng_below(prng, dfs_min(capacity, (size_t)512));
	for (size_t i = 0; i < size; i++)
		data[i] = (u8)dfs_prng_next(prng);
	return size;
}

static void say(const char *text)
{
	ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
	(void)ignored;
}

static void on_abort(int signal_number)
{
	(void)signal_number;
	int file = open("fuzz-failure", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (file >= 0) {
		ssize_t ignored = write(file, input, input_bytes);
		(void)ignored;
		close(file);
	}
	say("the target failed; run it again with: ");
	say(program);
	say(" fuzz-failure\n");
	signal(SIGABRT, SIG_DFL);
	abort();
}

static void mutate(struct dfs_prng *prng)
{
	u64 changes = dfs_prng_below(prng, 6);
	for (u64 i = 0; i < changes && input_bytes > 0; i++) {
		size_t at = dfs_prng_below(prng, input_bytes);
		size_t span = 1 + dfs_prng_below(prng, 16);
		span = dfs_min(span, input_bytes - at);
		switch (dfs_prng_below(prng, 6)) {
		case 0:
			input[at] ^= (u8)(1u << dfs_prng_below(prng, 8));
			break;
		case 1:
			input[at] = (u8)dfs_prng_next(prng);
			break;
		case 2:
			memset(input + at, dfs_prng_below(prng, 2) == 0 ? 0 : 0xff, span);
			break;
		case 3: /* Cut out. */
			memmove(input + at, input + at + span, input_bytes - at - span);
			input_bytes -= span;
			break;
		case 4: /* Repeat. */
			if (input_bytes + span > sizeof(input))
				break;
			memmove(input + at + span, input + at, input_bytes - at);
			input_bytes += span;
			break;
		default: /* Cut short. */
			if (dfs_prng_below(prng, 4) == 0)
				input_bytes = at;
		}
	}
}

/* An exact copy on the heap, so that the sanitizer sees reads beyond the end. */
static void run_one(void)
{
	u8 *copy = malloc(input_bytes + (input_bytes == 0));
	DFS_ASSERT(copy != NULL);
	memcpy(copy, input, input_bytes);
	LLVMFuzzerTestOneInput(copy, input_bytes);
	free(copy);
}

static int run_files(int count, char **names)
{
	for (int i = 0; i < count; i++) {
		FILE *file = fopen(names[i], "rb");
		if (file == NULL) {
			perror(names[i]);
			return 1;
		}
		input_bytes = fread(input, 1, sizeof(input), file);
		fclose(file);
		run_one();
	}
	printf("%d inputs, no failure\n", count);
	return 0;
}

static int write_seeds(const char *directory, u64 count)
{
	struct dfs_prng prng;
	dfs_prng_seed(&prng, 1);
	for (u64 i = 0; i < count; i++) {
		char name[4096];
		snprintf(name, sizeof(name), "%s/seed-%04llu", directory, (unsigned long long)i);
		input_bytes = fuzz_seed(&prng, input, sizeof(input));
		FILE *file = fopen(name, "wb");
		if (file == NULL || fwrite(input, 1, input_bytes, file) != input_bytes ||
		    fclose(file) != 0) {
			perror(name);
			return 1;
		}
	}
	return 0;
}

static void run_mutations(u64 runs, u64 seed)
{
	struct dfs_prng prng;
	dfs_prng_seed(&prng, seed);
	for (u64 i = 0; i < runs; i++) {
		input_bytes = fuzz_seed(&prng, input, sizeof(input));
		if (i >= SEEDS) /* The first ones as they are. */
			mutate(&prng);
		run_one();
	}
	printf("%llu inputs from seed %llu, no failure\n", (unsigned long long)runs,
	       (unsigned long long)seed);
}

int main(int argc, char **argv)
{
	u64 runs = 20000, seed = 1;
	int at = 1;
	program = argv[0];
	signal(SIGABRT, on_abort);
	if (argc == 4 && strcmp(argv[1], "--write-seeds") == 0)
		return write_seeds(argv[2], strtoull(argv[3], NULL, 10));
	for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
		if (strcmp(argv[at], "--runs") == 0) {
			runs = strtoull(argv[at + 1], NULL, 10);
		} else if (strcmp(argv[at], "--seed") == 0) {
			seed = strtoull(argv[at + 1], NULL, 10);
		} else {
			fprintf(stderr, "%s: unknown option %s\n", program, argv[at]);
			return 2;
		}
	}
	if (at < argc)
		return run_files(argc - at, argv + at);
	run_mutations(runs, seed);
	return 0;
}
