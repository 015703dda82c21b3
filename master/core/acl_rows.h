/*
 * The access control lists of inodes: kept as extended attributes, in step with the mode. Called by
 * op_xattr.c, op_setattr.c and op_make.c inside an operation. What a list is: acl.h.
 */
#ifndef MS_ACL_ROWS_H
#define MS_ACL_ROWS_H

#include "master/core/state_i.h"

/* SETXATTR of a list. */
int ms_acl_set(struct ms_state *state, const struct ms_op *op, struct ms_inode *inode,
	       const struct dfs_setxattr *body);
/* REMOVEXATTR of a list; there need not be one. */
int ms_acl_remove(struct ms_state *state, const struct ms_op *op, struct ms_inode *inode,
		  struct dfs_span name);
/* chmod: the access list follows the mode. */
int ms_acl_mode_changed(struct ms_state *state, struct ms_inode *inode);
/* A new inode of `parent`, whose mode is as asked for: the parent's default list or the caller's
 * umask takes permissions away, and the lists are made. */
int ms_acl_new(struct ms_state *state, const struct ms_inode *parent, struct ms_inode *inode,
	       u32 umask);

#endif
