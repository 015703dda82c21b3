/*
 * The files of the chunks: every I/O on one goes through here, and so does every verdict on a disk.
 * Names and directories are the host's business (libdfsproto/host/disk.c).
 */
#ifndef CS_CORE_STORE_H
#define CS_CORE_STORE_H

#include "chunkserver/core/op.h"

/* Each ends as handler.done with `which`. `buf` is referenced. */
void cs_store_read(struct cs_op *op, enum cs_which which, u32 offset, u32 length,
		   struct dfs_fxs *fxs);
void cs_store_write(struct cs_op *op, u32 offset, struct dfs_buf *buf, u32 length,
		    struct dfs_span attribute, struct dfs_fxs *fxs);
void cs_store_truncate(struct cs_op *op, u32 length, struct dfs_fxs *fxs);
void cs_store_punch(struct cs_op *op, u32 offset, u32 length, struct dfs_fxs *fxs);
/* done.count: where data, or a hole, begins; see DFS_IO_FILE_SEEK. */
void cs_store_seek(struct cs_op *op, u32 offset, bool hole, struct dfs_fxs *fxs);
/* The op's chunk becomes the first `length` bytes of `base`, a chunk of the same disk. */
void cs_store_copy(struct cs_op *op, u64 base, u32 length, struct dfs_span attribute,
		   struct dfs_fxs *fxs);
void cs_store_unlink(struct cs_op *op, struct dfs_fxs *fxs);

/* Have all changes of the chunk's file that are done now on stable storage. True: they are. False:
 * the op, which is in the chunk's queue, gets CS_FILE_DURABLE later. Grouped per chunk. */
bool cs_sync_wait(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs);
/* An op that waits must hand its CS_FILE_DURABLE here first, since its I/O may stand for others. */
void cs_sync_finished(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs);

/* What an I/O's failure means: retires the disk, declares it full, or (DFS_ENOENT) condemns only
 * the chunk. Returns what to tell the peer. */
int cs_store_verdict(struct cs *cs, struct cs_disk *disk, const char *what, int status,
		     struct dfs_fxs *fxs);

#endif
