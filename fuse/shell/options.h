/*
 * What an administrator may say to mount.dfs: `mount.dfs SOURCE DIR [-o OPTIONS] [flags]`, as
 * mount(8) calls it and as people type it. Parsing only; nothing here touches the system.
 *
 * Called by main.c; the table of options is in options.c.
 */
#ifndef DFS_FUSE_OPTIONS_H
#define DFS_FUSE_OPTIONS_H

#include "libdfsproto/base/step.h"
#include "libdfsproto/base/types.h"

#include <stdio.h>

#define MOUNT_PORT_DEFAULT "9420"
#define MOUNT_KEY_DEFAULT  "/etc/dfs/cluster.key"

/* Exit codes of mount(8). */
enum mount_exit { MOUNT_EXIT_OK = 0, MOUNT_EXIT_USAGE = 1, MOUNT_EXIT_FAILED = 32 };

enum mount_action { MOUNT_ACTION_MOUNT, MOUNT_ACTION_HELP, MOUNT_ACTION_VERSION };

/* Strings point into argv or into the struct itself. */
struct mount_options {
	enum mount_action action;
	const char *source;  /* As given: shown by findmnt and df. */
	char masters[2048];  /* "host:port[,host:port…]", ports filled in. */
	const char *subtree; /* "/" or "/a/b". */
	const char *dir;     /* As given. */
	unsigned long flags; /* MS_* for mount(2). */
	unsigned long
	    flags_seen; /* MS_* that were named, set or cleared: what a remount changes. */
	bool remount;
	bool private_to_owner; /* noallow_other: only the mounting user sees it. */
	bool foreground;
	bool background; /* bg */
	bool verbose;
	bool sloppy; /* -s: unknown options are skipped. */
	char key[1024];
	char log[1024]; /* Empty: the system log, or stderr in the foreground. */
	enum dfs_log_level log_level;
	nsec retry;
	nsec timeout;           /* 0: calls wait for ever. */
	u64 write_behind_bytes; /* 0: the core's default. */
};

#define MOUNT_TEXT_BYTES 4000

/* 0, or DFS_EINVAL with one sentence or two for people in ret_text. */
int mount_options_parse(int argc, char **argv, struct mount_options *ret_options,
			char ret_text[MOUNT_TEXT_BYTES]);
/* "host[:port],…" with ports filled in and "/subtree", out of SOURCE. */
int mount_source_parse(const char *source, char *ret_masters, size_t masters_bytes,
		       const char **ret_subtree, char ret_text[MOUNT_TEXT_BYTES]);
void mount_options_help(FILE *out);

#endif
