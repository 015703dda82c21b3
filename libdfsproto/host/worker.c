/*
 * Lanes of worker threads: see worker.h. One wake-up of a sleeping thread per submitted job, and
 * one of the loop per batch of finished ones: wake-ups across cores are what a hand-off costs.
 */
#include "libdfsproto/host/worker.h"

#include <signal.h>

static void push(struct dfs_job_queue *queue, struct dfs_job *job)
{
	job->next = NULL;
	if (queue->tail == NULL)
		queue->head = job;
	else
		queue->tail->next = job;
	queue->tail = job;
}

static struct dfs_job *pop(struct dfs_job_queue *queue)
{
	struct dfs_job *job = queue->head;
	if (job == NULL)
		return NULL;
	queue->head = job->next;
	if (queue->head == NULL)
		queue->tail = NULL;
	return job;
}

static void on_wake(uv_async_t *wake)
{
	struct dfs_workers *workers = wake->data;
	pthread_mutex_lock(&workers->lock);
	struct dfs_job_queue finished = workers->finished;
	workers->finished = (struct dfs_job_queue){0};
	pthread_mutex_unlock(&workers->lock);
	struct dfs_job *job;
	while ((job = pop(&finished)) != NULL) {
		DFS_ASSERT(workers->in_flight > 0);
		workers->in_flight--;
		job->done(job);
	}
	if (workers->in_flight == 0 && workers->idle != NULL)
		workers->idle(workers->owner);
}

void dfs_workers_init(struct dfs_workers *workers, uv_loop_t *loop)
{
	*workers = (struct dfs_workers){0};
	int error = uv_async_init(loop, &workers->wake, on_wake);
	DFS_ASSERT(error == 0);
	workers->wake.data = workers;
	pthread_mutex_init(&workers->lock, NULL);
}

void dfs_workers_close(struct dfs_workers *workers, uv_close_cb closed)
{
	DFS_ASSERT(workers->in_flight == 0);
	uv_close((uv_handle_t *)&workers->wake, closed);
}

void dfs_workers_fini(struct dfs_workers *workers)
{
	pthread_mutex_destroy(&workers->lock);
}

static void finish(struct dfs_workers *workers, struct dfs_job *job)
{
	pthread_mutex_lock(&workers->lock);
	bool first = workers->finished.head == NULL;
	push(&workers->finished, job);
	/* Under the lock: once the loop has seen the last job it may close the handle. */
	if (first)
		uv_async_send(&workers->wake);
	pthread_mutex_unlock(&workers->lock);
}

static void *lane_main(void *argument)
{
	struct dfs_lane *lane = argument;
	pthread_mutex_lock(&lane->lock);
	for (;;) {
		struct dfs_job *job = pop(&lane->queue);
		if (job == NULL) {
			if (lane->stopping)
				break;
			lane->waiting++;
			pthread_cond_wait(&lane->wake, &lane->lock);
			lane->waiting--;
			continue;
		}
		lane->queued--;
		pthread_mutex_unlock(&lane->lock);
		job->run(job);
		finish(lane->workers, job);
		pthread_mutex_lock(&lane->lock);
	}
	pthread_mutex_unlock(&lane->lock);
	return NULL;
}

void dfs_lane_init(struct dfs_lane *lane, struct dfs_workers *workers, u32 threads_max)
{
	DFS_ASSERT(threads_max > 0);
	DFS_ASSERT(threads_max <= DFS_LANE_THREADS_MAX);
	*lane = (struct dfs_lane){.workers = workers, .threads_max = threads_max};
	pthread_mutex_init(&lane->lock, NULL);
	pthread_cond_init(&lane->wake, NULL);
}

void dfs_lane_fini(struct dfs_lane *lane)
{
	if (lane->threads_max == 0)
		return;
	pthread_mutex_lock(&lane->lock);
	lane->stopping = true;
	pthread_cond_broadcast(&lane->wake);
	pthread_mutex_unlock(&lane->lock);
	for (u32 i = 0; i < lane->running; i++)
		pthread_join(lane->threads[i], NULL);
	pthread_cond_destroy(&lane->wake);
	pthread_mutex_destroy(&lane->lock);
	*lane = (struct dfs_lane){0};
}

/* Signals are the loop's business: threads are started with all of them blocked. */
static void start_thread(struct dfs_lane *lane)
{
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&lane->threads[lane->running], NULL, lane_main, lane);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		lane->running++;
	/* Without any thread the job would never end, and nothing can be done about that. */
	DFS_ASSERT(lane->running > 0);
}

void dfs_lane_submit(struct dfs_lane *lane, struct dfs_job *job)
{
	lane->workers->in_flight++;
	job->lane = lane;
	pthread_mutex_lock(&lane->lock);
	push(&lane->queue, job);
	lane->queued++;
	if (lane->queued > lane->waiting && lane->running < lane->threads_max)
		start_thread(lane);
	else if (lane->waiting > 0)
		pthread_cond_signal(&lane->wake);
	pthread_mutex_unlock(&lane->lock);
}
