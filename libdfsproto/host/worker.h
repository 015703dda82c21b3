/*
 * Threads for what blocks: fsync, cold reads, unlink, log syncs. A lane is a queue with a bounded
 * number of threads of its own; a log lane has one thread, so a log sync never waits behind a disk
 * read. Why not uv_queue_work: its four threads are shared with name resolution and with everything
 * else in the process, so one slow disk would stall the log.
 *
 * Jobs are embedded by their owners. `run` is called once on a thread of the lane, then `done` once
 * on the loop, never before dfs_lane_submit() has returned. Threads start when first needed.
 */
#ifndef DFS_HOST_WORKER_H
#define DFS_HOST_WORKER_H

#include "libdfsproto/base/types.h"

#include <pthread.h>
#include <uv.h>

#define DFS_LANE_THREADS_MAX 16

struct dfs_job {
	struct dfs_job *next;
	void (*run)(struct dfs_job *job);  /* On a thread. */
	void (*done)(struct dfs_job *job); /* On the loop; may free the job. */
	struct dfs_lane *lane;
};

struct dfs_job_queue {
	struct dfs_job *head;
	struct dfs_job *tail;
};

/* The loop's side: where finished jobs arrive. One per loop. */
struct dfs_workers {
	uv_async_t wake;
	pthread_mutex_t lock;
	struct dfs_job_queue finished; /* Under lock. */
	u32 in_flight;                 /* Submitted, `done` not yet called. Loop's thread only. */
	void (*idle)(void *owner); /* Called on the loop when in_flight becomes 0; may be NULL. */
	void *owner;
};

struct dfs_lane {
	struct dfs_workers *workers;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct dfs_job_queue queue; /* Under lock, as are the next four. */
	u32 queued;
	u32 waiting; /* Threads asleep. */
	u32 running; /* Threads started. */
	bool stopping;
	u32 threads_max;
	pthread_t threads[DFS_LANE_THREADS_MAX];
};

void dfs_workers_init(struct dfs_workers *workers, uv_loop_t *loop);
/* No job may be in flight. `closed` runs on the loop later, with the handle whose data it set. */
void dfs_workers_close(struct dfs_workers *workers, uv_close_cb closed);
/* After `closed`. */
void dfs_workers_fini(struct dfs_workers *workers);

void dfs_lane_init(struct dfs_lane *lane, struct dfs_workers *workers, u32 threads_max);
/* Finishes what is queued, then joins the threads: blocks. */
void dfs_lane_fini(struct dfs_lane *lane);
void dfs_lane_submit(struct dfs_lane *lane, struct dfs_job *job);

#endif
