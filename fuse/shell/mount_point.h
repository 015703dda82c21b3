/*
 * The directory a cluster is mounted on: judging it, attaching a FUSE connection to it with
 * mount(2) (or fusermount3 for users who are not root), detaching it, and raising its read-ahead.
 *
 * Nothing here may look into the mounted directory: the answer would have to come from this very
 * process. Called by main.c and session.c.
 */
#ifndef DFS_FUSE_MOUNT_POINT_H
#define DFS_FUSE_MOUNT_POINT_H

#include "fuse/shell/options.h"

#include <limits.h>

struct fuse_session;

/* The absolute path of options->dir. DFS_E… with a sentence when nothing can be mounted there. */
int mount_point_check(const struct mount_options *options, char ret_path[PATH_MAX],
		      char ret_text[MOUNT_TEXT_BYTES]);

/* Root: a connection mounted at `path`; its descriptor is non-blocking. */
int mount_point_attach(const struct mount_options *options, const char *path, int *ret_fd,
		       char ret_text[MOUNT_TEXT_BYTES]);

/* Anybody else: the options for fuse_session_new() that say the same to fusermount3. */
void mount_point_user_options(const struct mount_options *options, char *ret_list, size_t bytes);

/* Root: take the mount away lazily, unless it is gone already. May block while the kernel writes
 * back pages of memory maps, so never on the loop's thread. 0 or an errno. */
int mount_point_detach(const char *path, int fd);

/* mount -o remount: flags only. */
int mount_point_remount(const struct mount_options *options, const char *path,
			char ret_text[MOUNT_TEXT_BYTES]);

/* Let the kernel read ahead further than the 128 KiB it grants at first. 0 or an errno. */
int mount_point_read_ahead(const char *path, u32 kib);

#endif
