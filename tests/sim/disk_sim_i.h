/*
 * What disk_sim.c (files), disk_io.c (carrying out I/Os) and disk_crash.c (what a crash leaves)
 * share.
 */
#ifndef TESTS_SIM_DISK_SIM_I_H
#define TESTS_SIM_DISK_SIM_I_H

#include "libdfsproto/base/list.h"
#include "tests/sim/disk_sim.h"
#include "tests/sim/image.h"

enum change_kind { CHANGE_CREATE, CHANGE_WRITE, CHANGE_TRUNCATE, CHANGE_PUNCH, CHANGE_UNLINK };

/* Something done to a file that is not on the platter yet. */
struct change {
	struct dfs_list link;
	enum change_kind kind;
	u64 number; /* Position in the disk's history. */
	u64 offset;
	u64 length;
	struct dfs_buf *buf; /* WRITE: the bytes, from buf_offset. */
	u32 buf_offset;
	struct dfs_span attribute; /* CREATE: owned. */
};

/* One side of a file: the cache's or the platter's. */
struct side {
	bool exists;
	struct image image;
	struct dfs_span attribute; /* Owned. */
};

struct file {
	struct dfs_list link; /* In order of id. */
	u64 id;
	struct side cache;
	struct side platter;
	struct dfs_list changes; /* Oldest first. */
};

struct disk_op {
	struct dfs_list link;
	struct dfs_io io; /* attribute: owned. */
	struct dfs_buf *buf;
	u64 mark; /* SYNC: changes up to here are covered. */
};

struct disk_sim {
	u64 capacity;
	u64 used; /* Bytes of pages in the cache's images. */
	u64 changes;
	bool broken;
	struct disk_faults faults;
	struct dfs_prng prng;
	struct dfs_list files;
	struct dfs_list ops;
};

struct dfs_span disk_own(struct dfs_span span);
void disk_disown(struct dfs_span *span);
struct file *disk_find(const struct disk_sim *disk, u64 id);
/* NULL also when only the platter has it. */
struct file *disk_find_cached(const struct disk_sim *disk, u64 id);
struct file *disk_file_new(struct disk_sim *disk, u64 id);
/* Forget a file that neither side has. */
void disk_drop_if_gone(struct disk_sim *disk, struct file *file);
void disk_side_clear(struct side *side);
void disk_side_copy(struct side *to, const struct side *from);
void disk_change_apply(struct side *side, const struct change *change);
void disk_change_free(struct change *change);
void disk_op_free(struct disk_op *op);
/* Carry out `io`, but only the first `limit` bytes of a write or a copy. */
int disk_execute(struct disk_sim *disk, const struct disk_op *op, u64 limit);
int disk_execute_copy(struct disk_sim *disk, const struct disk_op *op, u64 limit);
/* Do it in the cache and remember it for the platter. */
void disk_make_change(struct disk_sim *disk, struct file *file, const struct change *todo);
/* By chance, with the rate of a fault. */
bool disk_struck(struct disk_sim *disk, u32 rate);
int disk_execute_sync(struct disk_sim *disk, const struct disk_op *op);
int disk_execute_read(struct disk_sim *disk, const struct disk_op *op, struct disk_result *result);
int disk_execute_seek(struct disk_sim *disk, const struct disk_op *op, struct disk_result *result);
int disk_execute_list(struct disk_sim *disk, const struct disk_op *op, struct disk_result *result);

#endif
