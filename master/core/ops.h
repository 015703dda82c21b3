/*
 * One function per operation of schema/ops.def. Each gets the decoded body, whose values are
 * untrusted, and answers with a status; it changes the inodes of the transaction, the counters and
 * the batch, all of which apply.c throws away unless the status is 0.
 */
#ifndef DFS_MASTER_OPS_H
#define DFS_MASTER_OPS_H

#include "master/core/state_i.h"

#define MS_OP(name)                                                                                \
	int ms_op_##name(struct ms_state *state, const struct ms_op *op,                           \
			 const struct dfs_##name *body, struct ms_result *result);
MS_OP(make)
MS_OP(link)
MS_OP(unlink)
MS_OP(rmdir)
MS_OP(rename)
MS_OP(setattr)
MS_OP(setxattr)
MS_OP(removexattr)
MS_OP(commit)
MS_OP(allocate)
MS_OP(accessed)
MS_OP(clone)
MS_OP(session_open)
MS_OP(session_close)
MS_OP(reserve)
MS_OP(purge)
MS_OP(forget_chunks)
MS_OP(trimmed)
MS_OP(cut)
MS_OP(mend)
MS_OP(limits)
MS_OP(take_in)
MS_OP(trash_keep)
MS_OP(restore)
MS_OP(remake)
MS_OP(expire)
#undef MS_OP

/* op_make.c: an inode for the caller of `op`, with the group that its parent hands down; `mode` has
 * the type, `body` the rest. No name stands for it yet. */
struct ms_inode *ms_make_inode(struct ms_state *state, const struct ms_op *op,
			       const struct dfs_make *body, u32 mode,
			       const struct ms_inode *parent);
/* op_xattr.c: one attribute more, or another value; flags as in SETXATTR. */
int ms_xattr_put(struct ms_state *state, struct ms_inode *inode, struct dfs_span name,
		 struct dfs_span value, u32 flags);
/* op_mend_chunk.c: MEND for faults about chunks. */
int ms_mend_chunk(struct ms_state *state, const struct dfs_mend *body, struct ms_result *result);
/* op_mend_trash.c: MEND for faults about the trash. */
int ms_mend_trash(struct ms_state *state, const struct ms_op *op, const struct dfs_mend *body);
/* op_xattr.c: one that is there, with a value of so many bytes. */
void ms_xattr_remove(struct ms_state *state, struct ms_inode *inode, struct dfs_span name,
		     u32 value_bytes);
/* privileges.c: a file was written, cut or given away. Its capabilities go, and with `bits` the
 * set-id bits: when anybody but root writes, and whoever gives it away. */
int ms_privileges_drop(struct ms_state *state, struct ms_inode *inode, bool bits);

#endif
