/*
 * What is known of the thread behind a request: real children with real signals pending; and what
 * is mounted where.
 */
#include "fuse/shell/mount_table.h"
#include "fuse/shell/shell_i.h"
#include "libdfsproto/base/errors.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void on_signal(int number)
{
	(void)number;
}

/* A stopped child that catches `caught` (0: nothing); signals sent to it stay pending. */
static pid_t child_new(int caught, int ignored)
{
	int fds[2];
	char byte = 0;
	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (caught != 0)
			signal(caught, on_signal);
		if (ignored != 0)
			signal(ignored, SIG_IGN);
		if (write(fds[1], &byte, 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	close(fds[1]);
	kill(child, SIGSTOP);
	assert_int_equal(waitpid(child, NULL, WUNTRACED), child);
	return child;
}

static void child_end(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void expect(int caught, int ignored, int sent, enum caller_state state)
{
	pid_t child = child_new(caught, ignored);
	if (sent != 0)
		kill(child, sent);
	assert_int_equal(caller_look((u32)child), state);
	child_end(child);
}

static void a_caller_without_signals_goes_on(void **state)
{
	(void)state;
	expect(0, 0, 0, CALLER_BUSY);
	assert_int_equal(caller_look((u32)getpid()), CALLER_BUSY);
}

static void signals_that_kill_are_seen(void **state)
{
	(void)state;
	expect(0, 0, SIGTERM, CALLER_DYING);
	expect(0, 0, SIGALRM, CALLER_DYING);
	expect(SIGUSR1, 0, SIGUSR2, CALLER_DYING);
}

static void signals_that_are_caught_or_ignored_do_not_kill(void **state)
{
	(void)state;
	expect(SIGALRM, 0, SIGALRM, CALLER_BUSY);
	expect(SIGUSR1, 0, SIGUSR1, CALLER_BUSY);
	expect(0, SIGHUP, SIGHUP, CALLER_BUSY);
	expect(0, 0, SIGCHLD, CALLER_BUSY);
	expect(0, 0, SIGWINCH, CALLER_BUSY);
}

static void a_caught_request_to_end_is_told_apart(void **state)
{
	(void)state;
	expect(SIGINT, 0, SIGINT, CALLER_STOPPING);
	expect(SIGTERM, 0, SIGTERM, CALLER_STOPPING);
}

static void the_dead_and_the_unknown_are_let_go(void **state)
{
	(void)state;
	pid_t child = child_new(0, 0);
	kill(child, SIGKILL);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(caller_look((u32)child), CALLER_DYING); /* A zombie. */
	waitpid(child, NULL, 0);
	assert_int_equal(caller_look((u32)child), CALLER_DYING);
	assert_int_equal(caller_look(0), CALLER_DYING);
}

static void what_is_mounted_is_found(void **state)
{
	struct mount_entry entry;
	(void)state;
	assert_int_equal(mount_table_find("/proc", &entry), 0);
	assert_string_equal(entry.type, "proc");
	assert_int_equal(mount_table_find("/proc/self", &entry), DFS_ENOENT);
	assert_int_equal(mount_table_find("", &entry), DFS_ENOENT);
}

static void the_kernels_words_say_when_access_times_move(void **state)
{
	(void)state;
	assert_int_equal(fuse_atime_bits("rw,nosuid,relatime"), 0);
	assert_int_equal(fuse_atime_bits("rw,noatime") & CL_ATIME_NEVER, CL_ATIME_NEVER);
	assert_int_equal(fuse_atime_bits("ro,relatime"), CL_ATIME_NEVER);
	assert_int_equal(fuse_atime_bits("rw,nodiratime,relatime"), CL_ATIME_NOT_OF_DIRECTORIES);
	assert_int_equal(fuse_atime_bits("rw"), CL_ATIME_ALWAYS); /* strictatime */
	assert_int_equal(fuse_atime_bits("rw,norelatimes"), CL_ATIME_ALWAYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_kernels_words_say_when_access_times_move),
	    cmocka_unit_test(a_caller_without_signals_goes_on),
	    cmocka_unit_test(signals_that_kill_are_seen),
	    cmocka_unit_test(signals_that_are_caught_or_ignored_do_not_kill),
	    cmocka_unit_test(a_caught_request_to_end_is_told_apart),
	    cmocka_unit_test(the_dead_and_the_unknown_are_let_go),
	    cmocka_unit_test(what_is_mounted_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
