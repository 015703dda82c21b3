/*
 * The table of chunks held, and what lives beside a chunk while it is in use.
 */
#ifndef CS_CORE_CHUNK_H
#define CS_CORE_CHUNK_H

#include "chunkserver/core/cs_i.h"

/* NULL when not held. One that is DELETING is not held any more, but still in the table. */
struct cs_chunk *cs_chunk_find(const struct cs *cs, u64 id);
/* The id must not be in the table. */
struct cs_chunk *cs_chunk_add(struct cs *cs, struct cs_disk *disk, u64 id);
/* Refuse what waits, forget the chunk in memory, and tell the masters. Nothing of it runs; it has a
 * live. */
void cs_chunk_drop(struct cs *cs, struct cs_chunk *chunk, int status, struct dfs_fxs *fxs);
/* The same, but it stays in the table as DELETING until cs_chunk_forget: its file is being
 * unlinked. */
void cs_chunk_retire(struct cs *cs, struct cs_chunk *chunk, struct dfs_fxs *fxs);
void cs_chunk_forget(struct cs *cs, struct cs_chunk *chunk);

/* The end of a drop that came while the chunk's queue was being pumped. */
void cs_live_dropped(struct cs *cs, struct cs_live *live);

/* Find or make. */
struct cs_live *cs_live_get(struct cs *cs, struct cs_chunk *chunk);
void cs_live_release_if_idle(struct cs *cs, struct cs_live *live);

/* Into or out of the disk's list of chunks to clean; into it at the end. */
void cs_live_set_dirty(struct cs *cs, struct cs_live *live, bool dirty);
/* The chunk's file changed: it is dirty from now on, and cleaned after a while of rest. */
void cs_chunk_touched(struct cs *cs, struct cs_chunk *chunk);
/* A dirty chunk found at the start: it is cleaned like one just written. */
void cs_chunk_found_dirty(struct cs *cs, struct cs_chunk *chunk);
/* All of it is durable and the row says so. */
void cs_chunk_cleaned(struct cs *cs, struct cs_chunk *chunk);

void cs_chunk_check(const struct cs *cs, const struct cs_chunk *chunk);

#endif
