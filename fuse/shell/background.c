/*
 * Fork, verdict over a pipe, log file; see background.h. The log is a file and not syslog: an
 * assertion's last words are written by a dying process, straight to descriptor 2.
 */
#include "fuse/shell/background.h"

#include "libdfsproto/base/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_DIR "/var/log/dfs"

/* What travels in the pipe. Small enough to be written in one piece. */
struct verdict {
	int code;
	char text[MOUNT_TEXT_BYTES];
};

_Static_assert(sizeof(struct verdict) <= PIPE_BUF, "one write, never torn");

static _Noreturn void parent_wait(int fd, pid_t child)
{
	struct verdict verdict = {0};
	ssize_t count;
	do {
		count = read(fd, &verdict, sizeof(verdict));
	} while (count < 0 && errno == EINTR);
	if (count != (ssize_t)sizeof(verdict)) {
		int status = 0;
		waitpid(child, &status, 0);
		fprintf(stderr,
			"mount.dfs: the mount process ended unexpectedly (%s %d); its log says "
			"why (option log=FILE).\n",
			WIFSIGNALED(status) ? "signal" : "status",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		_exit(MOUNT_EXIT_FAILED);
	}
	verdict.text[sizeof(verdict.text) - 1] = '\0';
	if (verdict.text[0] != '\0')
		fprintf(stderr, "mount.dfs: %s\n", verdict.text);
	_exit(verdict.code);
}

static int refuse(char *text, const char *what)
{
	snprintf(text, MOUNT_TEXT_BYTES, "Cannot start the mount process: %s: %s.", what,
		 strerror(errno));
	return DFS_EIO;
}

int background_enter(const struct mount_options *options, struct background *ret_background,
		     char ret_text[MOUNT_TEXT_BYTES])
{
	*ret_background = (struct background){.fd = -1, .foreground = options->foreground};
	if (options->foreground)
		return 0;
	int pipe_fds[2];
	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return refuse(ret_text, "pipe");
	pid_t child = fork();
	if (child < 0)
		return refuse(ret_text, "fork");
	if (child > 0) {
		close(pipe_fds[1]);
		parent_wait(pipe_fds[0], child);
	}
	close(pipe_fds[0]);
	ret_background->fd = pipe_fds[1];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || setsid() < 0 || chdir("/") != 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0)
		return refuse(ret_text, "detaching from the terminal");
	close(null);
	return 0;
}

void background_report(struct background *background, enum mount_exit code, const char *text)
{
	if (background->foreground) {
		if (text[0] != '\0')
			fprintf(stderr, "mount.dfs: %s\n", text);
		return;
	}
	if (background->fd < 0)
		return;
	struct verdict verdict = {.code = code};
	snprintf(verdict.text, sizeof(verdict.text), "%s", text);
	/* A parent that was killed meanwhile does not matter. */
	if (write(background->fd, &verdict, sizeof(verdict)) < 0)
		fprintf(stderr, "mount.dfs: nobody waits for the verdict: %s\n", strerror(errno));
	close(background->fd);
	background->fd = -1;
}

/* /mnt/a-b → LOG_DIR/mount-mnt-a-b.log */
static void log_name(const char *path, char *ret_name, size_t bytes)
{
	size_t used = (size_t)snprintf(ret_name, bytes, LOG_DIR "/mount%s", path);
	for (size_t i = sizeof(LOG_DIR "/mount") - 1; i < dfs_min(used, bytes - 1); i++) {
		if (ret_name[i] == '/')
			ret_name[i] = '-';
	}
	if (used + sizeof(".log") <= bytes)
		strcat(ret_name, ".log");
}

int background_log_open(const struct mount_options *options, const char *path,
			char ret_text[MOUNT_TEXT_BYTES])
{
	char name[PATH_MAX];
	bool chosen = options->log[0] != '\0';
	if (options->foreground && !chosen)
		return 0;
	if (!chosen) {
		log_name(path, name, sizeof(name));
		mkdir(LOG_DIR, 0755); /* There, or open() below says why not. */
	}
	const char *file = chosen ? options->log : name;
	int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (fd < 0 && !chosen)
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC); /* A user without /var/log. */
	if (fd < 0) {
		snprintf(ret_text, MOUNT_TEXT_BYTES,
			 "Cannot write the log %.512s: %s. Choose another "
			 "one with the option log=FILE.",
			 file, strerror(errno));
		return dfs_error_from_errno(errno);
	}
	dup2(fd, STDERR_FILENO);
	close(fd);
	return 0;
}
