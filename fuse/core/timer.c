/*
 * See timer.h. Called by client.c once per step.
 */
#include "fuse/core/client_i.h"

#define BACKOFF_MIN (20 * DFS_MSEC)
#define BACKOFF_MAX DFS_SEC

void cl_timer_set(struct cl *cl, struct cl_timer *timer, nsec at,
		  void (*fire)(struct cl *cl, struct cl_timer *timer))
{
	dfs_heap_remove(&cl->timers, &timer->node);
	timer->fire = fire;
	dfs_heap_insert(&cl->timers, &timer->node, at);
}

void cl_timer_clear(struct cl *cl, struct cl_timer *timer)
{
	dfs_heap_remove(&cl->timers, &timer->node);
}

bool cl_timer_armed(const struct cl_timer *timer)
{
	return timer->node.position != 0;
}

void cl_timers_run(struct cl *cl)
{
	for (;;) {
		struct dfs_heap_node *top = dfs_heap_top(&cl->timers);
		if (top == NULL || top->key > cl->now)
			return;
		struct cl_timer *timer = dfs_container_of(top, struct cl_timer, node);
		dfs_heap_remove(&cl->timers, top);
		timer->fire(cl, timer);
	}
}

nsec cl_backoff(u32 tries)
{
	u32 shift = dfs_min(tries, 10u);
	return dfs_min(BACKOFF_MIN << shift, BACKOFF_MAX);
}
