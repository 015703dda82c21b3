/*
 * The load generator of tests/bench: timed file system workloads, one per invocation, one JSON
 * object per measured phase. measure.c is the clock and the counters; seq.c, random.c and meta.c
 * are the workloads; main.c picks one. tests/bench/compare runs it and makes the tables.
 */
#ifndef DFS_BENCH_LOAD_H
#define DFS_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MIB  (1024u * 1024u)
#define PAGE 4096u

struct sys {
	double cpu, steal;                        /* seconds, all CPUs */
	double ours;                              /* of cpu: this program and the noted processes */
	uint64_t flushes, wr_sectors, rd_sectors; /* summed over whole disks */
};

struct phase {
	const char *name;
	uint64_t t0;
	struct sys s0;
};

/* Print what failed and errno's text, and end. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
uint64_t now_ns(void);
/* xorshift64*: fast, and good enough to keep data from compressing. */
uint64_t rng(uint64_t *state);
/* Cold means: everything written back, the kernel's page, dentry and inode caches emptied, those of
 * servers on this machine included; not what a client daemon keeps itself. Needs root. */
void drop_caches(void);

/* Read $BENCH_PIDS: a directory of NAME.pid files whose processes count as the file system's. */
void pids_find(void);
struct sys sys_read(void);

struct phase phase_begin(const char *name);
/* Print the phase: work per second, CPU, disk flushes; latency percentiles when there are any (the
 * array is sorted); CPU seconds per GiB when gib > 0. */
void phase_end(struct phase *phase, double work, const char *unit, uint32_t *latencies_us,
	       size_t count, double gib);

void seqwrite(const char *file, unsigned mib);
void seqread(const char *file, unsigned mib, bool cold);
/* mode: NULL reads, "fsync" writes with one fsync at the end, "fdatasync" syncs each write. */
void randio(const char *file, unsigned mib, unsigned threads, double seconds, uint64_t ops,
	    const char *mode);
void metadata(const char *dir, unsigned threads, uint32_t files, double seconds);
void small(const char *dir, unsigned threads, uint32_t files, uint32_t bytes, double seconds);
void fill(const char *dir, unsigned threads, uint32_t files, uint32_t per_dir);

#endif
