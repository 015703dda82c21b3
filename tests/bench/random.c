/*
 * Random 4 KiB reads and writes of one large file, by several threads, each page at most once a
 * round.
 */
#include "tests/bench/load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct rnd {
	int fd;
	bool write, sync_each;
	uint64_t deadline, limit; /* ns; operations over all threads */
	uint32_t *order;          /* a permutation of the file's pages */
	uint32_t npages;
	atomic_uint_fast64_t next;
	pthread_mutex_t lock;
	uint32_t *lat;
	size_t nlat, cap;
};

static void *rnd_main(void *arg)
{
	struct rnd *r = arg;
	unsigned char *buf = aligned_alloc(PAGE, PAGE);
	uint64_t seed = (uint64_t)(uintptr_t)buf | 1;
	size_t n = 0, cap = 1 << 16;
	uint32_t *lat = malloc(cap * sizeof *lat);
	for (size_t i = 0; i < PAGE / 8; i++)
		((uint64_t *)buf)[i] = rng(&seed);
	for (;;) {
		uint64_t i = atomic_fetch_add(&r->next, 1), t0 = now_ns();
		if (i >= r->limit || t0 >= r->deadline)
			break;
		off_t off = (off_t)r->order[i % r->npages] * PAGE;
		ssize_t got;
		if (r->write) {
			/* keep seqread's block stamp: never touch the first 8 bytes */
			memcpy(buf + 8, &i, sizeof i);
			got = off % MIB == 0 ? pwrite(r->fd, buf + 8, PAGE - 8, off + 8) + 8
					     : pwrite(r->fd, buf, PAGE, off);
		} else {
			got = pread(r->fd, buf, PAGE, off);
		}
		if (got != PAGE)
			die("random I/O at %lld", (long long)off);
		if (r->sync_each && fdatasync(r->fd))
			die("fdatasync");
		if (n == cap)
			lat = realloc(lat, (cap *= 2) * sizeof *lat);
		lat[n++] = (uint32_t)((now_ns() - t0) / 1000);
	}
	pthread_mutex_lock(&r->lock);
	while (r->nlat + n > r->cap)
		r->lat = realloc(r->lat, (r->cap = r->cap * 2 + 1024) * sizeof *lat);
	memcpy(r->lat + r->nlat, lat, n * sizeof *lat);
	r->nlat += n;
	pthread_mutex_unlock(&r->lock);
	free(lat);
	free(buf);
	return NULL;
}

void randio(const char *file, unsigned mib, unsigned threads, double seconds, uint64_t ops,
	    const char *mode)
{
	struct rnd r = {.write = mode != NULL,
			.sync_each = mode && !strcmp(mode, "fdatasync"),
			.npages = mib * (MIB / PAGE),
			.lock = PTHREAD_MUTEX_INITIALIZER};
	char name[64];
	pthread_t th[64];
	uint64_t seed = now_ns() | 1;
	if (threads == 0 || threads > 64)
		threads = 1;
	r.order = malloc(r.npages * sizeof *r.order);
	for (uint32_t i = 0; i < r.npages; i++)
		r.order[i] = i;
	for (uint32_t i = r.npages - 1; i > 0; i--) {
		uint32_t j = (uint32_t)(rng(&seed) % (i + 1)), t = r.order[i];
		r.order[i] = r.order[j];
		r.order[j] = t;
	}
	r.limit = ops ? ops : (r.write ? UINT64_MAX : r.npages);
	snprintf(name, sizeof name, "%s_t%u",
		 !r.write      ? "randread_cold"
		 : r.sync_each ? "randwrite_fdatasync"
			       : "randwrite_fsync",
		 threads);
	drop_caches();
	r.fd = open(file, r.write ? O_RDWR : O_RDONLY);
	if (r.fd < 0)
		die("open %s", file);
	if (!r.write)
		posix_fadvise(r.fd, 0, 0, POSIX_FADV_RANDOM);
	struct phase p = phase_begin(name);
	r.deadline = p.t0 + (uint64_t)(seconds * 1e9);
	for (unsigned i = 0; i < threads; i++)
		pthread_create(&th[i], NULL, rnd_main, &r);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(th[i], NULL);
	if (r.write && !r.sync_each && fsync(r.fd))
		die("fsync");
	phase_end(&p, (double)r.nlat, "IOPS", r.lat, r.nlat, 0);
	close(r.fd);
	free(r.order);
	free(r.lat);
}
