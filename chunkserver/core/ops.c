/*
 * The table of all kinds of ops, and the one function that moves an op from state to state.
 */
#include "chunkserver/core/handlers.h"
#include "chunkserver/core/op.h"

const struct cs_op_handler cs_op_handlers[CS_OP_KINDS] = {
    [CS_OP_READ] = {cs_read_start, cs_read_done, cs_read_refuse},
    [CS_OP_SEEK] = {cs_seek_start, cs_seek_done, cs_seek_refuse},
    [CS_OP_WRITE] = {cs_write_start, cs_write_done, cs_write_refuse},
    [CS_OP_SYNC] = {NULL, cs_sync_done, NULL},
    [CS_OP_SYNC_CHUNK] = {cs_sync_chunk_start, cs_sync_chunk_done, cs_sync_chunk_refuse},
    [CS_OP_SEAL] = {NULL, cs_seal_done, NULL},
    [CS_OP_SEAL_CHUNK] = {cs_seal_chunk_start, NULL, cs_seal_chunk_refuse},
    [CS_OP_COPY] = {cs_copy_start, cs_copy_done, cs_copy_refuse},
    [CS_OP_COPY_BASE] = {cs_copy_base_start, cs_copy_base_done, cs_copy_base_refuse},
    [CS_OP_CUT] = {cs_cut_start, cs_cut_done, cs_cut_refuse},
    [CS_OP_DELETE] = {NULL, cs_delete_done, NULL},
    [CS_OP_DELETE_CHUNK] = {cs_delete_chunk_start, cs_delete_chunk_done, cs_delete_chunk_refuse},
    [CS_OP_CHECK] = {NULL, cs_check_done, NULL},
    [CS_OP_CLEAN] = {cs_clean_start, cs_clean_done, cs_clean_refuse},
    [CS_OP_COMMIT] = {NULL, cs_commit_done, NULL},
    [CS_OP_SPACE] = {NULL, cs_space_done, NULL},
    [CS_OP_START] = {NULL, cs_start_done, NULL},
    [CS_OP_STOP] = {NULL, cs_stop_done, NULL},
};

void cs_op_done(struct cs *cs, struct cs_op *op, const struct cs_done *done, struct dfs_fxs *fxs)
{
	DFS_ASSERT(op->kind != CS_OP_NONE && op->kind < CS_OP_KINDS);
	cs_op_handlers[op->kind].done(cs, op, done, fxs);
}

void cs_op_end_child(struct cs *cs, struct cs_op *child, int status, struct dfs_fxs *fxs)
{
	struct cs_op *parent = child->parent;
	struct cs_done done = {.which = CS_CHILD_DONE, .status = status};
	cs_op_free(cs, child);
	cs_op_done(cs, parent, &done, fxs);
}

void cs_op_move(struct cs_op *op, const u32 *allowed, u8 to)
{
	DFS_ASSERT((allowed[to] & CS_FROM(op->state)) != 0);
	op->state = to;
}
