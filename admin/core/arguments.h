/*
 * What an operator may say to `dfs`: `dfs [options] COMMAND [options] [FILE…]`. Parsing and help
 * only; nothing here touches the system. The shell fills in what was left out, from the environment
 * and the mount table.
 */
#ifndef DFS_ADMIN_ARGUMENTS_H
#define DFS_ADMIN_ARGUMENTS_H

#include "admin/core/text.h"

/* Exit codes; the help documents them. */
enum ad_exit {
	AD_EXIT_OK = 0,
	AD_EXIT_FOUND = 1,  /* The command did its work, and something is wrong with the cluster. */
	AD_EXIT_FAILED = 2, /* The command could not do its work. */
	AD_EXIT_USAGE = 3,  /* It was not understood. */
};

enum ad_command { AD_NONE, AD_STATUS, AD_INFO, AD_FSCK, AD_TRASH, AD_COMMANDS_COUNT };
/* The word behind `dfs trash`. */
enum ad_trash {
	AD_TRASH_ON,
	AD_TRASH_OFF,
	AD_TRASH_SHOW,
	AD_TRASH_LIST,
	AD_TRASH_RESTORE,
	AD_TRASH_EMPTY,
	AD_TRASH_COUNT,
};
enum ad_colour { AD_COLOUR_AUTO, AD_COLOUR_ALWAYS, AD_COLOUR_NEVER };

struct ad_arguments {
	enum ad_command command;
	bool help; /* Of the command, or of all when there is none. */
	bool version;
	bool json;
	bool data;   /* fsck: read all data. */
	bool repair; /* fsck */
	enum ad_trash trash;
	bool recursive;  /* trash restore: what was below, too. */
	bool no_recurse; /* trash on, off: not the directories below. */
	u32 keep_s;      /* trash on */
	u32 older_s;     /* trash empty: only what was deleted longer ago; 0: all. */
	u32 recent_s;    /* trash list, restore: only what was deleted since so long; 0: all. */
	u64 since_s;     /* Or since then, in seconds since 1970. */
	u32 limit;       /* trash list: lines. */
	enum ad_colour colour;
	nsec timeout; /* For one answer. */
	/* Borrowed from argv; NULL: not given. */
	const char *masters;
	const char *key;
	const char *mount;
	const char *to; /* trash restore */
	char **files;
	u32 files_count;
};

/* 0, or DFS_EINVAL and in `why` what was not understood and what to do (`json` is valid
 * nevertheless, if it stood before that). Files are gathered at the end of argv, which is
 * reordered. */
int ad_arguments_parse(int argc, char **argv, struct ad_arguments *ret_arguments,
		       struct ad_text *why);
/* The page for a command, or the overview for AD_NONE. */
void ad_help(enum ad_command command, struct ad_text *out);
const char *ad_command_name(enum ad_command command);

#endif
