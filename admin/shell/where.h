/*
 * Which cluster the operator means, from the options, the environment and the mounts; and which
 * files.
 */
#ifndef DFS_ADMIN_WHERE_H
#define DFS_ADMIN_WHERE_H

#include "admin/core/admin.h"
#include "libdfsproto/host/log.h"

#include <limits.h>

struct where {
	char masters[2048]; /* "host:port[,host:port…]" */
	char masters_from[PATH_MAX + 32];
	const char *key; /* Path of the key file. */
	struct ad_file *files;
	u32 files_count;
	u64 account;           /* quota --user, --group: its number. */
	struct ad_place place; /* dfs trash: as in struct ad_config. */
	struct ad_place to;
};

/* 0, or a DFS_E… and what is missing and how to give it. */
int where_find(const struct ad_arguments *arguments, struct where *ret_where,
	       struct dfs_sentence *ret_text);
void where_fini(struct where *where);

#endif
