/*
 * Going into the background the way mount(8) needs it: the parent stays until the child knows
 * whether the mount is usable, and ends with the child's verdict. Called by main.c before there is
 * a loop.
 */
#ifndef DFS_FUSE_BACKGROUND_H
#define DFS_FUSE_BACKGROUND_H

#include "fuse/shell/options.h"

struct background {
	int fd; /* Where the verdict goes; -1: to stderr, or it has been given. */
	bool foreground;
};

/* In the foreground: nothing happens. Else forks: returns in the child, detached from its terminal;
 * the parent waits for the verdict and exits. */
int background_enter(const struct mount_options *options, struct background *ret_background,
		     char ret_text[MOUNT_TEXT_BYTES]);
/* Once. `text` (may be empty) is shown on the parent's stderr, which exits with `code`. */
void background_report(struct background *background, enum mount_exit code, const char *text);

/* Where log lines go from now on: options->log, else /var/log/dfs/mount-<path>.log, else
 * (foreground) they stay on stderr. */
int background_log_open(const struct mount_options *options, const char *path,
			char ret_text[MOUNT_TEXT_BYTES]);

#endif
