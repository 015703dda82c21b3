/*
 * The options of our own mount that the kernel does not pass on: which access times move. They are
 * read from the mount table at the start, and again whenever it changes, which is how a remount
 * shows.
 */
#include "fuse/shell/mount_table.h"
#include "fuse/shell/shell_i.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Is it among them? "rw,noatime" */
static bool has(const char *options, const char *name)
{
	size_t length = strlen(name);
	for (const char *at = options; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

u32 fuse_atime_bits(const char *options)
{
	u32 bits = 0;
	if (has(options, "ro") || has(options, "noatime"))
		bits |= CL_ATIME_NEVER;
	if (has(options, "nodiratime"))
		bits |= CL_ATIME_NOT_OF_DIRECTORIES;
	if (!has(options, "relatime")) /* What the kernel shows of strictatime. */
		bits |= CL_ATIME_ALWAYS;
	return bits;
}

static void look(struct fuse_shell *shell)
{
	struct mount_entry entry;
	if (mount_table_find(shell->path, &entry) != 0)
		return; /* Not there, or not any more. */
	struct cl_call call = {.op = CL_ATIME, .flags = fuse_atime_bits(entry.options)};
	shell->port.call(shell->port.owner, ++shell->ids, &call);
}

static void on_change(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events; /* proc(5): a change is an error and an urgent condition. */
	look(poll->data);
}

void fuse_mount_watch(struct fuse_shell *shell, const char *path)
{
	shell->mounts_fd = -1;
	if (path == NULL)
		return;
	shell->path = strdup(path);
	DFS_ASSERT(shell->path != NULL);
	look(shell);
	shell->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (shell->mounts_fd < 0)
		return;
	uv_poll_init(shell->loop, &shell->mounts_poll, shell->mounts_fd);
	shell->mounts_poll.data = shell;
	shell->handles++;
	uv_poll_start(&shell->mounts_poll, UV_PRIORITIZED, on_change);
}

void fuse_mount_unwatch(struct fuse_shell *shell, uv_close_cb closed)
{
	if (shell->mounts_fd >= 0)
		uv_close((uv_handle_t *)&shell->mounts_poll, closed);
}

void fuse_mount_watch_fini(struct fuse_shell *shell)
{
	if (shell->mounts_fd >= 0)
		close(shell->mounts_fd);
	free(shell->path);
}
