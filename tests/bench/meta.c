/*
 * Creating, finding, opening, renaming and removing many files; and many small files with contents.
 */
#include "tests/bench/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct meta;
typedef int (*op_fn)(struct meta *m, unsigned thread, uint32_t i);

struct meta {
	const char *dir;
	unsigned threads;
	uint32_t per_thread; /* files each thread owns */
	uint32_t per_dir;    /* 0: one directory per thread */
	uint32_t bytes;
	uint64_t deadline;
	uint32_t rounds; /* how often to walk the files, at most */
	bool shuffle;
	op_fn op;
	uint32_t done[64]; /* operations each thread finished */
	uint32_t *lat[64];
	unsigned char *data;
};

static void file_path(char *buf, size_t n, const struct meta *m, unsigned t, uint32_t i)
{
	if (m->per_dir)
		snprintf(buf, n, "%s/t%u/d%u/f%06u", m->dir, t, i / m->per_dir, i);
	else
		snprintf(buf, n, "%s/t%u/f%06u", m->dir, t, i);
}

static int op_create(struct meta *m, unsigned t, uint32_t i)
{
	char p[512];
	file_path(p, sizeof p, m, t, i);
	int fd = open(p, O_CREAT | O_EXCL | O_WRONLY, 0644);
	if (fd < 0)
		return -1;
	return close(fd);
}

static int op_stat(struct meta *m, unsigned t, uint32_t i)
{
	char p[512];
	struct stat st;
	file_path(p, sizeof p, m, t, i);
	return stat(p, &st);
}

static int op_open(struct meta *m, unsigned t, uint32_t i)
{
	char p[512];
	file_path(p, sizeof p, m, t, i);
	int fd = open(p, O_RDONLY);
	return fd < 0 ? -1 : close(fd);
}

static int op_rename(struct meta *m, unsigned t, uint32_t i)
{
	char a[512], b[520];
	file_path(a, sizeof a, m, t, i);
	snprintf(b, sizeof b, "%s.r", a);
	return rename(a, b);
}

static int op_unrename(struct meta *m, unsigned t, uint32_t i)
{
	char a[512], b[520];
	file_path(a, sizeof a, m, t, i);
	snprintf(b, sizeof b, "%s.r", a);
	return rename(b, a);
}

static int op_unlink(struct meta *m, unsigned t, uint32_t i)
{
	char p[512];
	file_path(p, sizeof p, m, t, i);
	return unlink(p);
}

static int op_mkdir(struct meta *m, unsigned t, uint32_t i)
{
	char p[512];
	snprintf(p, sizeof p, "%s/t%u/dir%06u", m->dir, t, i);
	return mkdir(p, 0755);
}

static int op_rmdir(struct meta *m, unsigned t, uint32_t i)
{
	char p[512];
	snprintf(p, sizeof p, "%s/t%u/dir%06u", m->dir, t, i);
	return rmdir(p);
}

static int op_write(struct meta *m, unsigned t, uint32_t i)
{
	char p[512];
	file_path(p, sizeof p, m, t, i);
	int fd = open(p, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	if (fd < 0)
		return -1;
	if (write(fd, m->data, m->bytes) != (ssize_t)m->bytes) {
		close(fd);
		return -1;
	}
	return close(fd);
}

static int op_read(struct meta *m, unsigned t, uint32_t i)
{
	char p[512];
	unsigned char buf[65536];
	file_path(p, sizeof p, m, t, i);
	int fd = open(p, O_RDONLY);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, buf, sizeof buf);
	close(fd);
	if (n != (ssize_t)m->bytes || memcmp(buf, m->data, m->bytes)) {
		errno = EIO;
		return -1;
	}
	return 0;
}

struct worker {
	struct meta *m;
	unsigned slot; /* where its results go */
	unsigned t;    /* whose files it works on: often the same */
	uint32_t first, last;
};

static void *meta_main(void *arg)
{
	struct worker *w = arg;
	struct meta *m = w->m;
	uint32_t n = w->last - w->first, done = 0, *idx = NULL;
	uint64_t seed = 88172645463325252ull + w->slot;
	if (m->shuffle && n) {
		idx = malloc(n * sizeof *idx);
		for (uint32_t i = 0; i < n; i++)
			idx[i] = w->first + i;
		for (uint32_t i = n - 1; i > 0; i--) {
			uint32_t j = (uint32_t)(rng(&seed) % (i + 1)), x = idx[i];
			idx[i] = idx[j];
			idx[j] = x;
		}
	}
	uint32_t *lat = malloc(((size_t)n * m->rounds + 1) * sizeof *lat);
	for (uint32_t k = 0; k < m->rounds; k++) {
		for (uint32_t i = 0; i < n; i++) {
			uint64_t t0 = now_ns();
			if (t0 >= m->deadline)
				goto out;
			uint32_t f = idx ? idx[i] : w->first + i;
			if (m->op(m, w->t, f))
				die("%s: thread %u, file %u", m->dir, w->t, f);
			lat[done++] = (uint32_t)((now_ns() - t0) / 1000);
		}
	}
out:
	m->done[w->slot] = done;
	m->lat[w->slot] = lat;
	free(idx);
	return NULL;
}

/* Runs op over files [first[t], last[t]) of every thread, measured. */
static void meta_phase(struct meta *m, const char *name, op_fn op, const uint32_t *first,
		       const uint32_t *last, double seconds, uint32_t rounds, bool shuffle)
{
	pthread_t th[64];
	struct worker w[64];
	char full[64];
	uint64_t total = 0;
	snprintf(full, sizeof full, "%s_t%u", name, m->threads);
	m->op = op;
	m->rounds = rounds;
	m->shuffle = shuffle;
	struct phase p = phase_begin(full);
	m->deadline = p.t0 + (uint64_t)(seconds * 1e9);
	for (unsigned t = 0; t < m->threads; t++) {
		w[t] =
		    (struct worker){m, t, t, first ? first[t] : 0, last ? last[t] : m->per_thread};
		pthread_create(&th[t], NULL, meta_main, &w[t]);
	}
	for (unsigned t = 0; t < m->threads; t++) {
		pthread_join(th[t], NULL);
		total += m->done[t];
	}
	uint32_t *all = malloc((total + 1) * sizeof *all);
	size_t at = 0;
	for (unsigned t = 0; t < m->threads; t++) {
		memcpy(all + at, m->lat[t], m->done[t] * sizeof *all);
		at += m->done[t];
		free(m->lat[t]);
	}
	phase_end(&p, (double)total, "ops/s", all, at, 0);
	free(all);
}

/* Runs op over files [first[t], last[t]) to the end, unmeasured: more threads. */
static void meta_quick(struct meta *m, op_fn op, const uint32_t *first, const uint32_t *last)
{
	pthread_t th[64];
	struct worker w[64];
	unsigned n = 0, each = m->threads >= 8 ? 1 : 8 / m->threads;
	m->op = op;
	m->rounds = 1;
	m->shuffle = false;
	m->deadline = UINT64_MAX;
	for (unsigned t = 0; t < m->threads; t++) {
		uint32_t a = first ? first[t] : 0, b = last ? last[t] : m->per_thread;
		for (unsigned k = 0; k < each; k++, n++) {
			w[n] = (struct worker){m, n, t, a + (b - a) * k / each,
					       a + (b - a) * (k + 1) / each};
			pthread_create(&th[n], NULL, meta_main, &w[n]);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		pthread_join(th[i], NULL);
		free(m->lat[i]);
	}
}

static void make_dirs(const struct meta *m)
{
	char p[512];
	if (mkdir(m->dir, 0755) && errno != EEXIST)
		die("mkdir %s", m->dir);
	for (unsigned t = 0; t < m->threads; t++) {
		snprintf(p, sizeof p, "%s/t%u", m->dir, t);
		if (mkdir(p, 0755))
			die("mkdir %s", p);
		for (uint32_t i = 0; m->per_dir && i < m->per_thread; i += m->per_dir) {
			snprintf(p, sizeof p, "%s/t%u/d%u", m->dir, t, i / m->per_dir);
			if (mkdir(p, 0755))
				die("mkdir %s", p);
		}
	}
}

static void remove_dirs(const struct meta *m)
{
	char p[512];
	for (unsigned t = 0; t < m->threads; t++) {
		for (uint32_t i = 0; m->per_dir && i < m->per_thread; i += m->per_dir) {
			snprintf(p, sizeof p, "%s/t%u/d%u", m->dir, t, i / m->per_dir);
			if (rmdir(p))
				die("rmdir %s", p);
		}
		snprintf(p, sizeof p, "%s/t%u", m->dir, t);
		if (rmdir(p))
			die("rmdir %s", p);
	}
	rmdir(m->dir);
}

/* ls -l of one directory: read every name, stat every entry. */
static void list_dir(const char *dir, const char *name, uint32_t expect)
{
	struct phase p = phase_begin(name);
	DIR *d = opendir(dir);
	struct dirent *e;
	struct stat st;
	char **names = malloc((expect + 1) * sizeof *names);
	uint32_t n = 0;
	if (!d)
		die("opendir %s", dir);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && n <= expect)
			names[n++] = strdup(e->d_name);
	if (n != expect) {
		fprintf(stderr, "%s: %u entries listed, %u made\n", dir, n, expect);
		exit(1);
	}
	for (uint32_t i = 0; i < n; i++)
		if (fstatat(dirfd(d), names[i], &st, AT_SYMLINK_NOFOLLOW))
			die("stat %s/%s", dir, names[i]);
	closedir(d);
	phase_end(&p, n, "entries/s", NULL, 0, 0);
	for (uint32_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

void metadata(const char *dir, unsigned threads, uint32_t files, double sec)
{
	struct meta m = {.dir = dir, .threads = threads > 64 ? 64 : threads};
	uint32_t done[64], some[64];
	char sub[512], name[64];
	m.per_thread = files / m.threads;
	for (unsigned t = 0; t < m.threads; t++)
		some[t] = m.per_thread < 1000 / m.threads ? m.per_thread : 1000 / m.threads;
	make_dirs(&m);
	meta_phase(&m, "create", op_create, NULL, NULL, sec, 1, false);
	memcpy(done, m.done, sizeof done);
	meta_quick(&m, op_create, done, NULL);
	drop_caches();
	meta_phase(&m, "stat_cold", op_stat, NULL, NULL, sec, 1, true);
	meta_quick(&m, op_stat, NULL, some);
	meta_phase(&m, "stat_warm", op_stat, NULL, some, sec, 300, true);
	if (m.threads == 1) {
		snprintf(sub, sizeof sub, "%s/t0", dir);
		snprintf(name, sizeof name, "ls_l_%u_cold", m.per_thread);
		drop_caches();
		list_dir(sub, name, m.per_thread);
		snprintf(name, sizeof name, "ls_l_%u_warm", m.per_thread);
		list_dir(sub, name, m.per_thread);
	}
	meta_phase(&m, "open_close", op_open, NULL, NULL, sec, 1, true);
	meta_phase(&m, "rename", op_rename, NULL, NULL, sec, 1, false);
	memcpy(done, m.done, sizeof done);
	meta_quick(&m, op_unrename, NULL, done);
	meta_phase(&m, "unlink", op_unlink, NULL, NULL, sec, 1, false);
	memcpy(done, m.done, sizeof done);
	meta_quick(&m, op_unlink, done, NULL);
	m.per_thread = 2000 / m.threads;
	meta_phase(&m, "mkdir", op_mkdir, NULL, NULL, sec, 1, false);
	memcpy(done, m.done, sizeof done);
	meta_phase(&m, "rmdir", op_rmdir, NULL, done, 1e6, 1, false);
	remove_dirs(&m);
}

void small(const char *dir, unsigned threads, uint32_t files, uint32_t bytes, double sec)
{
	struct meta m = {.dir = dir,
			 .threads = threads > 64 ? 64 : threads,
			 .per_dir = 100,
			 .bytes = bytes > 65536 ? 65536 : bytes};
	uint32_t done[64];
	uint64_t seed = 42;
	m.data = malloc(65536);
	for (size_t i = 0; i < 65536 / 8; i++)
		((uint64_t *)m.data)[i] = rng(&seed);
	m.per_thread = files / m.threads;
	make_dirs(&m);
	meta_phase(&m, "small_write", op_write, NULL, NULL, sec, 1, false);
	memcpy(done, m.done, sizeof done);
	meta_quick(&m, op_write, done, NULL);
	drop_caches();
	meta_phase(&m, "small_read_cold", op_read, NULL, NULL, sec, 1, false);
	meta_phase(&m, "small_delete", op_unlink, NULL, NULL, sec, 1, false);
	memcpy(done, m.done, sizeof done);
	meta_quick(&m, op_unlink, done, NULL);
	remove_dirs(&m);
	free(m.data);
}

/* Files left in place, to see what a server's memory grows by. */
void fill(const char *dir, unsigned threads, uint32_t files, uint32_t per_dir)
{
	struct meta m = {.dir = dir, .threads = threads > 64 ? 64 : threads, .per_dir = per_dir};
	m.per_thread = files / m.threads;
	make_dirs(&m);
	meta_phase(&m, "fill", op_create, NULL, NULL, 1e6, 1, false);
}
