/*
 * One disk of the server as a whole: its choice for new chunks, its fill, its failure.
 */
#ifndef CS_CORE_DISK_H
#define CS_CORE_DISK_H

#include "chunkserver/core/cs_i.h"

/* A disk for a new chunk of at least `bytes`: by chance, in proportion to the free space. NULL when
 * none has room; `ret_status` then says DISK_FULL or DISK_FAILED. */
struct cs_disk *cs_disk_choose(struct cs *cs, u32 bytes, int *ret_status);
/* Account for bytes that a write adds. DFS_EDISK_FULL when they do not fit. */
int cs_disk_reserve(struct cs *cs, struct cs_disk *disk, u32 bytes, struct dfs_fxs *fxs);
/* The disk said so: it takes no new data until space.c finds room again. */
void cs_disk_set_full(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs);
/* Retire it for the rest of this life: nothing on it is served any more. Others go on. */
void cs_disk_fail(struct cs *cs, struct cs_disk *disk, const char *what, int status,
		  struct dfs_fxs *fxs);
/* At the end of each step: tell those who waited for a disk that failed in it. */
void cs_disks_settle(struct cs *cs, struct dfs_fxs *fxs);
u32 cs_disk_state(const struct cs_disk *disk); /* enum dfs_disk_state */

/* space.c: ask each disk how full it is, every few seconds and after surprises. */
void cs_space_ask(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs);
void cs_space_tick(struct cs *cs, struct dfs_fxs *fxs);

#endif
