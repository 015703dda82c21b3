/*
 * Sequential writing and reading of one large file; blocks are numbered and the reader checks them.
 */
#include "tests/bench/load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void seqwrite(const char *file, unsigned mib)
{
	unsigned char *buf = aligned_alloc(PAGE, MIB);
	uint64_t seed = 0x9e3779b97f4a7c15ull;
	for (size_t i = 0; i < MIB / 8; i++)
		((uint64_t *)buf)[i] = rng(&seed);
	unlink(file);
	sync();
	struct phase p = phase_begin("seqwrite");
	int fd = open(file, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	if (fd < 0)
		die("open %s", file);
	for (uint64_t b = 0; b < mib; b++) {
		memcpy(buf, &b, sizeof b);
		for (size_t done = 0; done < MIB;) {
			ssize_t n = write(fd, buf + done, MIB - done);
			if (n <= 0)
				die("write %s", file);
			done += (size_t)n;
		}
	}
	uint64_t t1 = now_ns();
	if (fsync(fd))
		die("fsync %s", file);
	uint64_t t2 = now_ns();
	if (close(fd))
		die("close %s", file);
	phase_end(&p, mib * 1.048576, "MB/s", NULL, 0, mib / 1024.0);
	fprintf(stderr, "seqwrite: fsync %.3f s, close %.3f s\n", (double)(t2 - t1) / 1e9,
		(double)(now_ns() - t2) / 1e9);
	free(buf);
}

void seqread(const char *file, unsigned mib, bool cold)
{
	unsigned char *buf = aligned_alloc(PAGE, MIB);
	if (cold)
		drop_caches();
	struct phase p = phase_begin(cold ? "seqread_cold" : "seqread_warm");
	int fd = open(file, O_RDONLY);
	if (fd < 0)
		die("open %s", file);
	for (uint64_t b = 0; b < mib; b++) {
		for (size_t done = 0; done < MIB;) {
			ssize_t n = read(fd, buf + done, MIB - done);
			if (n <= 0)
				die("read %s at block %" PRIu64, file, b);
			done += (size_t)n;
		}
		if (memcmp(buf, &b, sizeof b)) {
			errno = EIO;
			die("%s: block %" PRIu64 " holds the wrong data", file, b);
		}
	}
	close(fd);
	phase_end(&p, mib * 1.048576, "MB/s", NULL, 0, mib / 1024.0);
	free(buf);
}
