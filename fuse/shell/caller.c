/*
 * What has happened to the thread behind a request. The kernel sends FUSE_INTERRUPT for any signal,
 * also for those after which a system call on a local disk would simply finish: SIGALRM of a
 * progress meter, SIGCHLD, SIGURG of a Go runtime. Answering EINTR to those breaks unmodified
 * programs, so the pending signals decide (proc(5), /proc/TID/status).
 *
 * Also what it may do. Called by interrupt.c and fuse_reply.c.
 */
#include "fuse/shell/shell_i.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static u64 signal_bit(int number)
{
	return UINT64_C(1) << (number - 1);
}

static bool proc_read(u32 thread, const char *name, char *ret_text, size_t bytes)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%u/%s", thread, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t count = read(fd, ret_text, bytes - 1);
	close(fd);
	if (count <= 0)
		return false;
	ret_text[count] = '\0';
	return true;
}

static u64 mask_find(const char *status, const char *name)
{
	const char *at = strstr(status, name);
	return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 16);
}

/*
 * A thread that ends has given its memory back before it closes its files; kernel threads never had
 * any. Not from /proc/TID/stat: that waits for a thread in execve(2), which may be waiting for us.
 */
static bool exiting(const char *status)
{
	return strstr(status, "\nVmSize:") == NULL && strstr(status, "\nKthread:\t1") == NULL;
}

enum caller_state caller_look(u32 thread)
{
	char status[4096];
	/* 0: a thread of another pid namespace. Nothing is known of it, so let it go. */
	if (thread == 0 || !proc_read(thread, "status", status, sizeof(status)) || exiting(status))
		return CALLER_DYING;
	u64 pending = (mask_find(status, "SigPnd:") | mask_find(status, "ShdPnd:")) &
		      ~mask_find(status, "SigBlk:");
	u64 ignored = mask_find(status, "SigIgn:");
	u64 caught = mask_find(status, "SigCgt:");
	u64 harmless = signal_bit(SIGCHLD) | signal_bit(SIGCONT) | signal_bit(SIGURG) |
		       signal_bit(SIGWINCH) | signal_bit(SIGSTOP) | signal_bit(SIGTSTP) |
		       signal_bit(SIGTTIN) | signal_bit(SIGTTOU);
	if ((pending & signal_bit(SIGKILL)) != 0)
		return CALLER_DYING;
	if ((pending & ~ignored & ~caught & ~harmless) != 0)
		return CALLER_DYING;
	u64 asks =
	    signal_bit(SIGINT) | signal_bit(SIGTERM) | signal_bit(SIGQUIT) | signal_bit(SIGHUP);
	return (pending & caught & asks) != 0 ? CALLER_STOPPING : CALLER_BUSY;
}

bool caller_is_administrator(u32 thread)
{
	const u32 cap_sys_admin = 21; /* linux/capability.h */
	char status[4096];
	return thread != 0 && proc_read(thread, "status", status, sizeof(status)) &&
	       (mask_find(status, "\nCapEff:") >> cap_sys_admin & 1) != 0;
}

bool caller_is_umount(u32 thread)
{
	char name[32];
	return thread != 0 && proc_read(thread, "comm", name, sizeof(name)) &&
	       strcmp(name, "umount\n") == 0;
}
