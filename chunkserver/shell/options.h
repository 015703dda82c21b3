/*
 * The command line of dfs-chunkserver.
 */
#ifndef CS_SHELL_OPTIONS_H
#define CS_SHELL_OPTIONS_H

#include "libdfsproto/base/limits.h"
#include "libdfsproto/host/log.h"

struct cs_options {
	const char *listen;
	const char *advertise; /* NULL: what we listen on. */
	const char *socket;    /* NULL: none. */
	const char *masters;
	const char *key;
	const char *disks[DFS_DISKS_MAX];
	u32 disks_count;
	u64 reserve_bytes;
	bool rebuild;
	bool help;
	bool version;
	enum dfs_log_level log_level;
};

/* Pointers borrow from argv. On failure a DFS_E… and a sentence that names the option. */
int cs_options_parse(int argc, char **argv, struct cs_options *ret_options,
		     struct dfs_sentence *ret_text);
void cs_options_print_help(void);

#endif
