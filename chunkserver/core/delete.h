/*
 * Deleting chunks: see on_delete.c.
 */
#ifndef CS_CORE_DELETE_H
#define CS_CORE_DELETE_H

#include "chunkserver/core/cs_i.h"

/* The next bounded part of what DELETE_CHUNKS asked for. */
void cs_delete_work(struct cs *cs, struct dfs_fxs *fxs);
/* Can a part be done now? */
bool cs_delete_has_work(const struct cs *cs);
/* At the start: the row of a DELETING chunk says that its file was about to go. */
void cs_delete_resume(struct cs *cs, struct cs_chunk *chunk);
void cs_unlink_kick(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs);

/* gone.c: the file was unlinked; the row follows when that is certain to be durable. */
void cs_gone_add(struct cs *cs, struct cs_disk *disk, u64 chunk);
void cs_gone_tick(struct cs *cs, struct dfs_fxs *fxs);
nsec cs_gone_deadline(const struct cs *cs);

#endif
