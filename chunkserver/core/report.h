/*
 * What the masters are told: who we are and all we hold after each connect, then changes as they
 * happen, and the fill of the disks. Everything is soft state there, so a lost message costs
 * nothing: the next connect begins anew.
 */
#ifndef CS_CORE_REPORT_H
#define CS_CORE_REPORT_H

#include "chunkserver/core/cs_i.h"

/* master_link.c */
void cs_masters_init(struct cs *cs);
void cs_masters_open(struct cs *cs, struct dfs_fxs *fxs);
void cs_masters_fini(struct cs *cs);
void cs_masters_close(struct cs *cs, struct dfs_fxs *fxs);
/* A link event; false when the link is no master's. */
bool cs_masters_step(struct cs *cs, const struct dfs_ev *ev, struct dfs_fxs *fxs);
void cs_masters_tick(struct cs *cs, struct dfs_fxs *fxs);
nsec cs_masters_deadline(const struct cs *cs);
struct dfs_session *cs_masters_find(const struct cs *cs, u64 link);
/* Register anew with everybody: a disk has gone. */
void cs_report_restart(struct cs *cs, struct dfs_fxs *fxs);
/* Tell the fill of the disks soon. */
void cs_report_space(struct cs *cs, struct dfs_fxs *fxs);

/* report.c */
void cs_report_chunk(struct cs *cs, const struct cs_chunk *chunk, struct dfs_fxs *fxs);
void cs_report_gone(struct cs *cs, const struct cs_chunk *chunk, struct dfs_fxs *fxs);
/* Code the next part of the full report at the master's cursor. True: it was the last part. */
bool cs_report_part(struct cs *cs, struct cs_master *master, struct dfs_writer *items,
		    struct dfs_fxs *fxs);
/* The HELD record of a chunk, unless it is being made or deleted. */
void cs_report_held(struct dfs_writer *items, const struct cs_chunk *chunk);
void cs_report_disks(struct cs *cs, struct dfs_writer *items);

#endif
