/*
 * What each kind of op does when its turn comes and when something of it is done: the entries of
 * the table in ops.c. Each is implemented in the file op.h names beside the kind.
 */
#ifndef CS_CORE_HANDLERS_H
#define CS_CORE_HANDLERS_H

#include "chunkserver/core/op.h"

#define CS_HANDLER_START(name) void name(struct cs *cs, struct cs_op *op, struct dfs_fxs *fxs)
#define CS_HANDLER_DONE(name)                                                                      \
	void name(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
#define CS_HANDLER_REFUSE(name)                                                                    \
	void name(struct cs *cs, struct cs_op *op, int status, struct dfs_fxs *fxs)

CS_HANDLER_START(cs_read_start);
CS_HANDLER_DONE(cs_read_done);
CS_HANDLER_REFUSE(cs_read_refuse);

CS_HANDLER_START(cs_seek_start);
CS_HANDLER_DONE(cs_seek_done);
CS_HANDLER_REFUSE(cs_seek_refuse);

CS_HANDLER_START(cs_write_start);
CS_HANDLER_DONE(cs_write_done);
CS_HANDLER_REFUSE(cs_write_refuse);

CS_HANDLER_DONE(cs_sync_done);
CS_HANDLER_START(cs_sync_chunk_start);
CS_HANDLER_DONE(cs_sync_chunk_done);
CS_HANDLER_REFUSE(cs_sync_chunk_refuse);

CS_HANDLER_DONE(cs_seal_done);
CS_HANDLER_START(cs_seal_chunk_start);
CS_HANDLER_REFUSE(cs_seal_chunk_refuse);

CS_HANDLER_START(cs_copy_start);
CS_HANDLER_DONE(cs_copy_done);
CS_HANDLER_REFUSE(cs_copy_refuse);
CS_HANDLER_START(cs_copy_base_start);
CS_HANDLER_DONE(cs_copy_base_done);
CS_HANDLER_REFUSE(cs_copy_base_refuse);

CS_HANDLER_START(cs_cut_start);
CS_HANDLER_DONE(cs_cut_done);
CS_HANDLER_REFUSE(cs_cut_refuse);

CS_HANDLER_DONE(cs_delete_done);
CS_HANDLER_START(cs_delete_chunk_start);
CS_HANDLER_DONE(cs_delete_chunk_done);
CS_HANDLER_REFUSE(cs_delete_chunk_refuse);

CS_HANDLER_DONE(cs_check_done);

CS_HANDLER_START(cs_clean_start);
CS_HANDLER_DONE(cs_clean_done);
CS_HANDLER_REFUSE(cs_clean_refuse);

CS_HANDLER_DONE(cs_commit_done);
CS_HANDLER_DONE(cs_space_done);
CS_HANDLER_DONE(cs_start_done);
CS_HANDLER_DONE(cs_stop_done);

#endif
