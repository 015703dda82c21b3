/*
 * Signals to callers, and the end of the connection.
 */
#include "tests/unit/fuse_bench.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void interrupt(struct bench *bench, u64 unique)
{
	struct fuse_interrupt_in in = {.unique = unique};
	fuse_bench_put(bench, FUSE_INTERRUPT, 0, &in, sizeof(in), NULL, 0);
}

static void a_dead_caller_is_let_go_at_once(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	int error;
	u8 *body;
	fuse_bench_greet(bench, &init);
	bench->pid = 0; /* Nothing is known of it. */
	u64 unique = fuse_bench_put(bench, FUSE_GETATTR, 5, &(struct fuse_getattr_in){0},
				    sizeof(struct fuse_getattr_in), NULL, 0);
	interrupt(bench, unique);
	assert_int_equal(bench->cancelled, bench->id);
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), 0);
	assert_int_equal(error, EINTR);
	assert_int_equal(fuse_shell_parked_count(bench->shell), 0);
}

/* SIGALRM of a progress meter: a local disk would not even notice. */
static void a_caught_signal_does_not_disturb_a_call(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	int error;
	u8 *body;
	fuse_bench_greet(bench, &init);
	u64 unique = fuse_bench_put(bench, FUSE_GETATTR, 5, &(struct fuse_getattr_in){0},
				    sizeof(struct fuse_getattr_in), NULL, 0);
	u64 id = bench->id;
	interrupt(bench, unique);
	assert_int_equal(bench->cancelled, 0);
	fuse_shell_reply(bench->shell, id,
			 &(struct cl_reply){.op = CL_GETATTR, .attr = {.ino = 5, .mode = S_IFREG}});
	assert_true(fuse_bench_get(bench, unique, &error, &body) > 0);
	assert_int_equal(error, 0);
}

static void an_interrupt_may_overtake_its_request(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	int error;
	u8 *body;
	fuse_bench_greet(bench, &init);
	bench->pid = 0;
	u64 unique = bench->unique + 4;
	interrupt(bench, unique);
	assert_int_equal(fuse_bench_put(bench, FUSE_GETATTR, 5, &(struct fuse_getattr_in){0},
					sizeof(struct fuse_getattr_in), NULL, 0),
			 unique);
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), 0);
	assert_int_equal(error, EINTR);
}

/* umount(8) has to work with every server away. */
static void umount_is_answered_from_memory_after_a_moment(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	struct fuse_attr_out out;
	int error;
	int fds[2];
	u8 *body;
	char byte = 0;
	fuse_bench_greet(bench, &init);
	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_NAME, "umount");
		if (write(fds[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	bench->pid = (u32)child;
	u64 unique = fuse_bench_put(bench, FUSE_GETATTR, FUSE_ROOT_ID, &(struct fuse_getattr_in){0},
				    sizeof(struct fuse_getattr_in), NULL, 0);
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), -1);
	while (bench->cancelled == 0)
		uv_run(&bench->loop, UV_RUN_ONCE);
	assert_int_equal(fuse_bench_get(bench, unique, &error, &body), sizeof(out));
	memcpy(&out, body, sizeof(out));
	assert_int_equal(error, 0);
	assert_true(S_ISDIR(out.attr.mode));
	unique = fuse_bench_put(bench, FUSE_STATFS, FUSE_ROOT_ID, NULL, 0, NULL, 0);
	bench->cancelled = 0;
	while (bench->cancelled == 0)
		uv_run(&bench->loop, UV_RUN_ONCE);
	assert_true(fuse_bench_get(bench, unique, &error, &body) > 0);
	assert_int_equal(error, 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(fds[0]);
	close(fds[1]);
}

static void answers_after_the_end_find_nobody(void **state)
{
	struct bench *bench = *state;
	struct fuse_init_out init;
	fuse_bench_greet(bench, &init);
	fuse_bench_put(bench, FUSE_LOOKUP, 1, "x", 2, NULL, 0);
	shutdown(bench->kernel, SHUT_RDWR);
	uv_run(&bench->loop, UV_RUN_NOWAIT);
	assert_int_equal(bench->ended, 1);
	fuse_shell_reply(bench->shell, bench->id + 100, &(struct cl_reply){.op = CL_LOOKUP});
	assert_int_equal(fuse_shell_parked_count(bench->shell), 1); /* Answered by close. */
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
#define TEST(name) cmocka_unit_test_setup_teardown(name, fuse_bench_setup, fuse_bench_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_dead_caller_is_let_go_at_once),
	    TEST(a_caught_signal_does_not_disturb_a_call),
	    TEST(an_interrupt_may_overtake_its_request),
	    TEST(umount_is_answered_from_memory_after_a_moment),
	    TEST(answers_after_the_end_find_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
