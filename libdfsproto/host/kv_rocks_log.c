/*
 * A logged store: RocksDB without its own log, behind our journal (kv_journal.h).
 *
 * Every batch is appended to the journal, then written to RocksDB's memtable together with its
 * sequence number under a reserved key, the position. So the tables always know which prefix of the
 * log they hold; opening replays what follows it. A segment may be overwritten once the tables hold
 * all of its records: when one is full its flush is started on a thread of the store, and the flush
 * of the other one, started a segment ago, must have ended.
 *
 * True at all times: the records after the flushed position are in the journal, in order; a record
 * is in the journal before its batch is in a memtable.
 */
#include "libdfsproto/host/kv_rocks_i.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/ids.h"
#include "libdfsproto/host/kv_journal.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define STALL_LOGGED_NS (100 * DFS_MSEC)

struct kv_log {
	struct kv_journal *journal;
	u64 sequence; /* Of the last batch. */
	u64 salt;     /* Of this life: see kv_journal.h. */
	bool broken;  /* Journal and memtable may differ: nothing may be written any more. */
	pthread_t thread;
	bool thread_started;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	u64 requested; /* Flushes asked for; under lock, as are the next three. */
	u64 finished;
	int status; /* Of the last one. */
	bool stopping;
};

static void *flusher_main(void *argument)
{
	struct dfs_kv_rocks *kv = argument;
	struct kv_log *log = kv->log;
	pthread_mutex_lock(&log->lock);
	while (!log->stopping) {
		if (log->finished == log->requested) {
			pthread_cond_wait(&log->wake, &log->lock);
			continue;
		}
		u64 serving = log->requested;
		pthread_mutex_unlock(&log->lock);
		int status = kv_rocks_flush_tables(kv);
		pthread_mutex_lock(&log->lock);
		log->finished = serving;
		log->status = status;
		pthread_cond_broadcast(&log->wake);
	}
	pthread_mutex_unlock(&log->lock);
	return NULL;
}

static void request_flush(struct kv_log *log)
{
	pthread_mutex_lock(&log->lock);
	log->requested++;
	pthread_cond_broadcast(&log->wake);
	pthread_mutex_unlock(&log->lock);
}

static int wait_for_flush(struct kv_log *log)
{
	pthread_mutex_lock(&log->lock);
	while (log->finished != log->requested)
		pthread_cond_wait(&log->wake, &log->lock);
	int status = log->status;
	pthread_mutex_unlock(&log->lock);
	return status;
}

static nsec monotonic(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (nsec)t.tv_sec * DFS_SEC + (nsec)t.tv_nsec;
}

/* Go on in the other segment. Stalls the loop when tables are written more slowly than batches
 * come; a full disk fails here, with nothing appended, and may succeed again later. */
static int make_room(struct dfs_kv_rocks *kv)
{
	struct kv_log *log = kv->log;
	nsec start = monotonic();
	int status = wait_for_flush(log);
	if (status != 0) {
		request_flush(log);
		status = wait_for_flush(log);
	}
	nsec waited = monotonic() - start;
	if (waited > STALL_LOGGED_NS)
		dfs_log_printf(DFS_LOG_WARN, "event=store_stalled store=%s ms=%llu", kv->path,
			       (unsigned long long)(waited / DFS_MSEC));
	if (status != 0)
		return status;
	kv_journal_switch(log->journal);
	request_flush(log); /* Of the segment that was left; it ends before we are back there. */
	return 0;
}

static int append(struct dfs_kv_rocks *kv, u64 sequence, struct dfs_span batch)
{
	int status = 0;
	if (!kv_journal_has_room(kv->log->journal, batch.length))
		status = make_room(kv);
	return status != 0 ? status : kv_journal_append(kv->log->journal, sequence, batch);
}

/* A batch that no segment holds goes to the tables at once; an empty record keeps its number. */
static int write_oversized(struct dfs_kv_rocks *kv, const struct dfs_kv_batch *batch, u64 sequence)
{
	int status = kv_rocks_write_tables(kv, batch, sequence);
	if (status == 0)
		status = kv_rocks_flush_tables(kv);
	if (status == 0)
		status = append(kv, sequence, (struct dfs_span){0});
	return status;
}

int kv_log_write(struct dfs_kv_rocks *kv, const struct dfs_kv_batch *batch)
{
	struct kv_log *log = kv->log;
	struct dfs_span bytes = dfs_span(batch->data, batch->length);
	u64 sequence = log->sequence + 1;
	int status;
	if (log->broken)
		return DFS_EIO;
	if (!kv_journal_can_hold(log->journal, bytes.length)) {
		status = write_oversized(kv, batch, sequence);
		log->broken = status != 0;
	} else {
		status = append(kv, sequence, bytes);
		if (status != 0)
			return status;
		status = kv_rocks_write_tables(kv, batch, sequence);
		log->broken = status != 0;
	}
	if (status == 0)
		log->sequence = sequence;
	return status;
}

u64 kv_log_salt(const struct dfs_kv_rocks *kv)
{
	return kv->log->salt;
}

int kv_log_sync(struct dfs_kv_rocks *kv)
{
	return kv_journal_sync(kv->log->journal);
}

static int apply(void *owner, u64 sequence, struct dfs_span bytes)
{
	struct dfs_kv_rocks *kv = owner;
	struct dfs_kv_batch batch = {.data = (u8 *)(uintptr_t)bytes.data, .length = bytes.length};
	kv->log->sequence = sequence;
	return kv_rocks_write_tables(kv, &batch, sequence);
}

static int read_position(struct dfs_kv_rocks *kv, bool *ret_present)
{
	struct dfs_span value;
	u64 position[2];
	int status = dfs_kv_get(&kv->kv, kv_rocks_position_key(), &value);
	*ret_present = status == 0;
	if (status == DFS_ENOENT)
		return 0;
	if (status == 0 && value.length != sizeof(position))
		return DFS_ECORRUPT;
	if (status == 0) {
		memcpy(position, value.data, sizeof(position));
		kv->log->sequence = position[0];
		kv->log->salt = position[1];
	}
	return status;
}

/* Replays, then has the tables hold everything and the new salt, so that the journal starts anew.
 */
static int recover(struct dfs_kv_rocks *kv, u64 segment_bytes, const char **ret_cause)
{
	struct kv_log *log = kv->log;
	bool present = false;
	int status = read_position(kv, &present);
	*ret_cause = "the position of its journal cannot be read";
	if (status == 0 && !present) {
		*ret_cause = "cannot make its journal";
		status = kv_journal_create(kv->path, segment_bytes);
	}
	if (status == 0) {
		*ret_cause = "its journal files are missing or have a wrong size";
		status = kv_journal_open(kv->path, &log->journal);
	}
	if (status == 0 && present) {
		*ret_cause = "its journal is damaged: records that were synced are missing";
		status = kv_journal_replay(log->journal, log->salt, log->sequence, apply, kv);
	}
	if (status != 0)
		return status;
	*ret_cause = "cannot write its tables";
	log->salt = dfs_id_random();
	status = kv_rocks_write_tables(kv, &(struct dfs_kv_batch){0}, log->sequence);
	return status != 0 ? status : kv_rocks_flush_tables(kv);
}

static void start_flusher(struct dfs_kv_rocks *kv)
{
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&kv->log->thread, NULL, flusher_main, kv);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	DFS_ASSERT(error == 0);
	kv->log->thread_started = true;
}

int kv_log_open(struct dfs_kv_rocks *kv, u64 segment_bytes, const char **ret_cause)
{
	kv->log = calloc(1, sizeof(*kv->log));
	DFS_ASSERT(kv->log != NULL);
	pthread_mutex_init(&kv->log->lock, NULL);
	pthread_cond_init(&kv->log->wake, NULL);
	int status = recover(kv, segment_bytes, ret_cause);
	if (status != 0)
		return status;
	kv_journal_restart(kv->log->journal, kv->log->salt);
	start_flusher(kv);
	return 0;
}

void kv_log_close(struct dfs_kv_rocks *kv)
{
	struct kv_log *log = kv->log;
	if (log == NULL)
		return;
	pthread_mutex_lock(&log->lock);
	log->stopping = true;
	pthread_cond_broadcast(&log->wake);
	pthread_mutex_unlock(&log->lock);
	if (log->thread_started)
		pthread_join(log->thread, NULL);
	pthread_cond_destroy(&log->wake);
	pthread_mutex_destroy(&log->lock);
	kv_journal_close(log->journal);
	free(log);
	kv->log = NULL;
}
