/*
 * Coroutines on ucontext, with the annotations that AddressSanitizer needs to follow stacks.
 */
#include "tests/sim/world/task.h"

#include <stdlib.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define TASK_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TASK_ASAN 1
#endif
#endif
#ifdef TASK_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

enum { STACK_BYTES = 1 << 20 };

struct task {
	struct sim *sim;
	struct sim_alarm alarm;
	void (*run)(struct task *task, void *arg);
	void *arg;
	ucontext_t own;
	ucontext_t engine;
	u8 *stack;
	bool finished;
	void *fake_stack; /* ASan's. */
	const void *engine_stack;
	size_t engine_stack_bytes;
};

static void enter_task(struct task *task)
{
#ifdef TASK_ASAN
	void *fake = NULL;
	__sanitizer_start_switch_fiber(&fake, task->stack, STACK_BYTES);
#endif
	DFS_ASSERT(swapcontext(&task->engine, &task->own) == 0);
#ifdef TASK_ASAN
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
}

static void entered(struct task *task)
{
#ifdef TASK_ASAN
	__sanitizer_finish_switch_fiber(task->fake_stack, &task->engine_stack,
					&task->engine_stack_bytes);
#else
	(void)task;
#endif
}

static void leave_task(struct task *task)
{
#ifdef TASK_ASAN
	__sanitizer_start_switch_fiber(task->finished ? NULL : &task->fake_stack,
				       task->engine_stack, task->engine_stack_bytes);
#endif
	DFS_ASSERT(swapcontext(&task->own, &task->engine) == 0);
	entered(task);
}

static void task_main(unsigned low, unsigned high)
{
	struct task *task = (struct task *)(uintptr_t)((u64)high << 32 | low);
	entered(task);
	task->run(task, task->arg);
	task->finished = true;
	leave_task(task);
}

static void resume(struct sim_alarm *alarm)
{
	struct task *task = dfs_container_of(alarm, struct task, alarm);
	if (!task->finished)
		enter_task(task);
}

struct task *task_new(struct sim *sim, void (*run)(struct task *task, void *arg), void *arg)
{
	struct task *task = calloc(1, sizeof(*task));
	DFS_ASSERT(task != NULL);
	task->sim = sim;
	task->run = run;
	task->arg = arg;
	task->alarm.fire = resume;
	task->stack = malloc(STACK_BYTES);
	DFS_ASSERT(task->stack != NULL);
	DFS_ASSERT(getcontext(&task->own) == 0);
	task->own.uc_stack.ss_sp = task->stack;
	task->own.uc_stack.ss_size = STACK_BYTES;
	u64 self = (u64)(uintptr_t)task;
	/* makecontext passes ints only. */
	makecontext(&task->own, (void (*)(void))(uintptr_t)task_main, 2, (unsigned)self,
		    (unsigned)(self >> 32));
	task_wake(task, 0);
	return task;
}

void task_free(struct task *task)
{
	if (task == NULL)
		return;
	sim_disarm(task->sim, &task->alarm);
	free(task->stack);
	free(task);
}

bool task_finished(const struct task *task)
{
	return task->finished;
}

void task_wait(struct task *task)
{
	leave_task(task);
}

void task_wait_until(struct task *task, nsec time)
{
	sim_at(task->sim, &task->alarm, time);
	leave_task(task);
}

void task_sleep(struct task *task, nsec time)
{
	nsec end = sim_now(task->sim) + time;
	while (sim_now(task->sim) < end)
		task_wait_until(task, end);
}

void task_wake(struct task *task, nsec delay)
{
	nsec time = sim_now(task->sim) + delay;
	bool sooner = task->alarm.heap.position == 0 || task->alarm.heap.key > time;
	if (sooner && !task->finished)
		sim_at(task->sim, &task->alarm, time);
}
