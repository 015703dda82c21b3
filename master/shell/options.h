/*
 * dfs-master's command line. Called by main.c.
 */
#ifndef MS_OPTIONS_H
#define MS_OPTIONS_H

#include "libdfsproto/host/log.h"

struct ms_options {
	const char *listen;
	const char *data;
	const char *key;
	u64 cache_bytes;
	enum dfs_log_level log_level;
	bool help;
	bool version;
};

/* 0, or DFS_EINVAL and a sentence that names what is wrong. Strings are borrowed from `argv`. */
int ms_options_parse(int argc, char **argv, struct ms_options *ret_options,
		     struct dfs_sentence *ret_text);
void ms_options_print_help(void);

#endif
