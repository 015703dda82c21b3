/*
 * What a puppet is told to do by EV_CALL: shared by ms_cluster.c (the core) and ms_puppet.c (the
 * sayings).
 */
#ifndef DFS_TESTS_MS_PUPPET_H
#define DFS_TESTS_MS_PUPPET_H

#include "tests/unit/ms_cluster.h"

struct puppet_call {
	u16 type;
	struct dfs_writer *body; /* NULL: answer what was held back. */
	u64 tag;
	bool cut;
};

#endif
