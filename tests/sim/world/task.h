/*
 * A simulated process: straight-line C on a stack of its own that waits for virtual time or for
 * replies. The engine resumes it from an alarm, never from within a core's step. Determinism is the
 * engine's: a task runs until it waits, then the next event comes.
 */
#ifndef TESTS_SIM_WORLD_TASK_H
#define TESTS_SIM_WORLD_TASK_H

#include "tests/sim/sim.h"

struct task;

/* Starts at the next event. Freed by task_free, after it returned. */
struct task *task_new(struct sim *sim, void (*run)(struct task *task, void *arg), void *arg);
void task_free(struct task *task);
bool task_finished(const struct task *task);

/* Inside: let others go on until task_wake() or `time`, or just for a time. */
void task_wait(struct task *task);
void task_wait_until(struct task *task, nsec time);
void task_sleep(struct task *task, nsec time);
/* Outside: it goes on after `delay`, or earlier when it was woken before. */
void task_wake(struct task *task, nsec delay);

#endif
