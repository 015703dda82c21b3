/*
 * A small tree in a state machine's tables, and everything that can be wrong with them, planted
 * past all rules: for tests of the checker. Each plant says what is to be found.
 */
#ifndef TESTS_UNIT_MS_PLANTS_H
#define TESTS_UNIT_MS_PLANTS_H

#include "master/core/check.h"
#include "tests/unit/ms_world.h"

/* One of everything. */
struct tree {
	struct world w;
	u64 file;    /* Chunks 10 and 11, an attribute, a bound inside chunk 11. */
	u64 dir;     /* Holds `inner`. */
	u64 inner;   /* A directory. */
	u64 link;    /* A symbolic link. */
	u64 orphan;  /* A file without a name. */
	u64 trashed; /* One in the trash, with a chunk. */
	u64 expires; /* Its place there. */
};

void tree_open(struct tree *t);
/* The row goes, past every rule. */
void tree_drop(struct tree *t, u8 table, u64 first);

struct plant {
	const char *name;
	void (*plant)(struct tree *t, struct ms_finding *expect);
};
extern const struct plant plants[];
extern const u32 plants_count;
/* By name; it must be there. */
void plant_one(struct tree *t, const char *name, struct ms_finding *ret_expect);

#endif
