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

enum ad_command { AD_NONE, AD_STATUS, AD_INFO, AD_FSCK, AD_QUOTA, AD_TRASH, AD_COMMANDS_COUNT };
enum ad_quota_verb { AD_QUOTA_NONE, AD_QUOTA_SET, AD_QUOTA_GET, AD_QUOTA_REPORT, AD_QUOTA_REMOVE };

/* `dfs quota`. Whose: a user, a group, or the directory in `files`. */
struct ad_quota_arguments {
	enum ad_quota_verb verb;
	const char *user; /* Name or number, borrowed; NULL: not given. */
	const char *group;
	bool users; /* REPORT: these kinds. */
	bool groups;
	bool trees;
	u32 valid; /* enum dfs_quota_bits: which limits are set. */
	u64 bytes_soft;
	u64 bytes_hard;
	u64 inodes_soft;
	u64 inodes_hard;
	u32 grace; /* Seconds. */
};

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
	struct ad_quota_arguments quota;
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
/* arguments_quota.c: the word after `quota`; a value of an option of it; what must go together. 0,
 * or DFS_EINVAL and why. */
int ad_quota_verb(struct ad_quota_arguments *quota, const char *word, struct ad_text *why);
int ad_quota_limits(struct ad_quota_arguments *quota, bool bytes, const char *value,
		    struct ad_text *why);
int ad_quota_grace(struct ad_quota_arguments *quota, const char *value, struct ad_text *why);
int ad_quota_check(const struct ad_arguments *arguments, struct ad_text *why);
/* The page for a command, or the overview for AD_NONE. */
void ad_help(enum ad_command command, struct ad_text *out);
const char *ad_command_name(enum ad_command command);

#endif
