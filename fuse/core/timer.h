/*
 * Deadlines inside the client's core: one heap, whose top is what cl_deadline() answers. A timer
 * belongs to what waits (a call, an inode, a server link) and is embedded in it.
 */
#ifndef CL_TIMER_H
#define CL_TIMER_H

#include "libdfsproto/base/heap.h"

struct cl;

struct cl_timer {
	struct dfs_heap_node node;
	void (*fire)(struct cl *cl, struct cl_timer *timer);
};

/* (Re-)arm: `fire` is called once, at `at` or soon after. */
void cl_timer_set(struct cl *cl, struct cl_timer *timer, nsec at,
		  void (*fire)(struct cl *cl, struct cl_timer *timer));
/* Harmless when it is not armed. */
void cl_timer_clear(struct cl *cl, struct cl_timer *timer);
bool cl_timer_armed(const struct cl_timer *timer);
/* Fire everything that is due by cl->now. */
void cl_timers_run(struct cl *cl);

/* Delay before the attempt after `tries` failed ones: 20 ms, doubling up to 1 s. */
nsec cl_backoff(u32 tries);

#endif
