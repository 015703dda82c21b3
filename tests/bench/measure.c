/*
 * The clock, the machine's counters and the printing of one phase.
 */
#include "tests/bench/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void die(const char *fmt, ...)
{
	int e = errno;
	va_list ap;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", strerror(e));
	exit(1);
}

uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* xorshift64*: fast, and good enough to keep data from compressing. */
uint64_t rng(uint64_t *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * 2685821657736338717ull;
}

void drop_caches(void)
{
	sync();
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
	if (fd < 0 || write(fd, "3\n", 2) != 2)
		die("cannot drop caches (cold measurements need root)");
	close(fd);
}

static int pids[64], npids;

void pids_find(void)
{
	const char *dir = getenv("BENCH_PIDS");
	DIR *d = dir && *dir ? opendir(dir) : NULL;
	struct dirent *e;
	char path[600];
	while (d && (e = readdir(d)) && npids < 64) {
		size_t n = strlen(e->d_name);
		if (n < 5 || strcmp(e->d_name + n - 4, ".pid"))
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		FILE *f = fopen(path, "r");
		if (f && fscanf(f, "%d", &pids[npids]) == 1)
			npids++;
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
}

static double pid_cpu(int pid)
{
	char buf[1024], *p;
	unsigned long long u = 0, k = 0;
	snprintf(buf, sizeof buf, "/proc/%d/stat", pid);
	FILE *f = fopen(buf, "r");
	size_t n = f ? fread(buf, 1, sizeof buf - 1, f) : 0;
	if (f)
		fclose(f);
	buf[n] = 0;
	if ((p = strrchr(buf, ')')) &&
	    sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &u, &k) != 2)
		u = k = 0;
	return (double)(u + k) / (double)sysconf(_SC_CLK_TCK);
}

struct sys sys_read(void)
{
	struct sys s = {0};
	char line[512];
	struct rusage ru;
	getrusage(RUSAGE_SELF, &ru);
	s.ours = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
		 (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
	for (int i = 0; i < npids; i++)
		s.ours += pid_cpu(pids[i]);
	FILE *f = fopen("/proc/stat", "r");
	if (f && fgets(line, sizeof line, f)) {
		unsigned long long u, n, sy, id, io, irq, si, st;
		if (sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &u, &n, &sy, &id,
			   &io, &irq, &si, &st) == 8) {
			double hz = (double)sysconf(_SC_CLK_TCK);
			s.cpu = (double)(u + n + sy + irq + si) / hz;
			s.steal = (double)st / hz;
		}
	}
	if (f)
		fclose(f);
	f = fopen("/proc/diskstats", "r");
	while (f && fgets(line, sizeof line, f)) {
		unsigned maj, min;
		char name[64], path[128];
		unsigned long long v[17] = {0};
		int got =
		    sscanf(line,
			   "%u %u %63s %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu "
			   "%llu %llu %llu %llu %llu %llu",
			   &maj, &min, name, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7],
			   &v[8], &v[9], &v[10], &v[11], &v[12], &v[13], &v[14], &v[15], &v[16]);
		if (got < 10 || !strncmp(name, "loop", 4) || !strncmp(name, "ram", 3) ||
		    !strncmp(name, "dm-", 3))
			continue;
		snprintf(path, sizeof path, "/sys/block/%s", name);
		if (access(path, F_OK))
			continue; /* a partition: its disk is counted already */
		s.rd_sectors += v[2];
		s.wr_sectors += v[6];
		if (got >= 20)
			s.flushes += v[15];
	}
	if (f)
		fclose(f);
	return s;
}

struct phase phase_begin(const char *name)
{
	struct phase p = {.name = name};
	p.s0 = sys_read();
	p.t0 = now_ns();
	return p;
}

static int cmp_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

void phase_end(struct phase *p, double work, const char *unit, uint32_t *lat, size_t nlat,
	       double extra_cpu_per_gib)
{
	double t = (double)(now_ns() - p->t0) / 1e9;
	struct sys s = sys_read();
	printf("{\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"seconds\":%.4f,"
	       "\"work\":%.0f,\"cpu_s\":%.3f,\"other_cpu_s\":%.3f,"
	       "\"steal_s\":%.3f,\"flushes\":%" PRIu64
	       ",\"disk_write_mib\":%.2f,\"disk_read_mib\":%.2f",
	       p->name, work / t, unit, t, work, s.cpu - p->s0.cpu,
	       s.cpu - p->s0.cpu - (s.ours - p->s0.ours), s.steal - p->s0.steal,
	       s.flushes - p->s0.flushes, (double)(s.wr_sectors - p->s0.wr_sectors) / 2048.0,
	       (double)(s.rd_sectors - p->s0.rd_sectors) / 2048.0);
	if (extra_cpu_per_gib > 0)
		printf(",\"cpu_s_per_gib\":%.3f", (s.cpu - p->s0.cpu) / extra_cpu_per_gib);
	if (nlat) {
		qsort(lat, nlat, sizeof *lat, cmp_u32);
		printf(",\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u", lat[nlat / 2],
		       lat[nlat - 1 - nlat / 100], lat[nlat - 1]);
	}
	printf("}\n");
	fflush(stdout);
}
