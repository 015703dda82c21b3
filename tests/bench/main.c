/*
 * Which workload to run:
 *   bench-load seqwrite FILE MIB            seqread FILE MIB cold|warm
 *   bench-load randread FILE MIB THREADS SECONDS
 *   bench-load randwrite FILE MIB THREADS SECONDS OPS fsync|fdatasync
 *   bench-load meta DIR THREADS FILES SECONDS
 *   bench-load small DIR THREADS FILES BYTES SECONDS
 *   bench-load fill DIR THREADS FILES PER_DIR      (leaves the files: for memory)
 *   bench-load drop                                (empties the kernel's caches)
 */
#include "tests/bench/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned num(const char *s)
{
	return (unsigned)strtoul(s, NULL, 10);
}

int main(int argc, char **argv)
{
	const char *w = argc > 1 ? argv[1] : "";
	pids_find();
	if (!strcmp(w, "seqwrite") && argc == 4)
		seqwrite(argv[2], num(argv[3]));
	else if (!strcmp(w, "seqread") && argc == 5)
		seqread(argv[2], num(argv[3]), !strcmp(argv[4], "cold"));
	else if (!strcmp(w, "randread") && argc == 6)
		randio(argv[2], num(argv[3]), num(argv[4]), atof(argv[5]), 0, NULL);
	else if (!strcmp(w, "randwrite") && argc == 8)
		randio(argv[2], num(argv[3]), num(argv[4]), atof(argv[5]), num(argv[6]), argv[7]);
	else if (!strcmp(w, "meta") && argc == 6)
		metadata(argv[2], num(argv[3]), num(argv[4]), atof(argv[5]));
	else if (!strcmp(w, "small") && argc == 7)
		small(argv[2], num(argv[3]), num(argv[4]), num(argv[5]), atof(argv[6]));
	else if (!strcmp(w, "fill") && argc == 6)
		fill(argv[2], num(argv[3]), num(argv[4]), num(argv[5]));
	else if (!strcmp(w, "drop") && argc == 2)
		drop_caches();
	else {
		fprintf(stderr, "bench-load: usage: see tests/bench/main.c\n");
		return 2;
	}
	return 0;
}
