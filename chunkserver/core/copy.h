/*
 * Making a chunk as a copy of another one, before the first WRITE to it: a chunk that places of
 * files share is never written, whoever wants to gets one of its own. See copy.c for the course.
 */
#ifndef CS_CORE_COPY_H
#define CS_CORE_COPY_H

#include "chunkserver/core/peers.h"

/* The new chunk to be, on the base's disk, with the copy as the first op in its queue; it starts
 * when the WRITE that asked for it enters behind it. Should the copy fail, the chunk goes, and
 * those who wait hear why. DFS_ENO_CHUNK: the base is not here. */
int cs_copy_begin(struct cs *cs, const struct dfs_write *write, struct dfs_buf *attribute_take,
		  struct cs_chunk **ret_chunk);

#endif
