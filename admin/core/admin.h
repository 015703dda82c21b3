/*
 * The command `dfs` as a core: asks the master and the chunkservers, puts together what is to be
 * printed, and ends. Pure: see base/step.h. Each command is one file cmd_*.c; what they share is in
 * admin_i.h. The shell (main.c, shell/) knows files, the environment and the terminal.
 */
#ifndef DFS_ADMIN_ADMIN_H
#define DFS_ADMIN_ADMIN_H

#include "admin/core/arguments.h"
#include "libdfsproto/base/step.h"
#include "libdfsproto/session/session.h"

/* A file that was named, as the shell found it on a mount. */
struct ad_file {
	const char *path;    /* As given. */
	const char *subtree; /* What the mount shows of the cluster's tree: "/" or "/a/b". */
	u64 ino;             /* As stat(2) has it: 1 is the subtree's own root. */
};

/* A place in the cluster's tree that was named by a path on a mount; it need not be there. */
struct ad_place {
	const char *path;    /* As given; NULL: none was. */
	const char *cluster; /* From the cluster's root: "/a/b". */
};

struct ad_config {
	struct dfs_identity identity; /* Copied; the seed comes with EV_BOOT. */
	const struct ad_arguments *arguments;
	const char *masters;      /* "host:port[,host:port…]" */
	const char *masters_from; /* Where that was found, for sentences: "--masters". */
	const struct ad_file *files;
	u32 files_count;
	u64 account; /* quota --user, --group: its number. */
	/* Name of a user or group, or NULL. */
	const char *(*account_name)(bool group, u64 id);
	struct ad_place place; /* dfs trash: the path, unless it is an inode's number ... */
	struct ad_place to;    /* ... and --to. */
	bool colours;
	const struct dfs_session_tuning *tuning; /* NULL: defaults. */
};

struct ad;

/* All that `config` points to is borrowed until ad_free. */
struct ad *ad_new(const struct ad_config *config);
void ad_free(struct ad *ad);

/* After DFS_FX_EXIT: what goes to standard output and standard error, and the exit code. */
const struct ad_text *ad_output(const struct ad *ad);
const struct ad_text *ad_complaints(const struct ad *ad);
enum ad_exit ad_exit_code(const struct ad *ad);

/* How far long work has come, for a terminal; "" when there is nothing to say. */
const char *ad_progress(const struct ad *ad);

/* With --json an error is an object too: {"error": "…"}. */
void ad_error_json(const struct ad_arguments *arguments, const char *sentence, struct ad_text *out);

/* struct dfs_core_ops for the hosts; `core` is a struct ad. */
extern const struct dfs_core_ops ad_core_ops;

#endif
