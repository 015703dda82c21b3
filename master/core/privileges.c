/*
 * What a file grants to those who run it, and loses when its contents or its owner change: set-id
 * bits and capabilities (execve(2), capabilities(7)). The kernels of the mounts leave this to us:
 * they would have to ask for the attribute before every write. Called by COMMIT and SETATTR.
 */
#include "master/core/ops.h"
#include "master/core/txn.h"

#define CAPABILITY_NAME "security.capability"

static void drop_bits(struct ms_inode *inode)
{
	inode->row.mode &= ~(u32)S_ISUID;
	/* Without group execution the bit once meant mandatory locking, and stays. */
	if ((inode->row.mode & S_IXGRP) != 0)
		inode->row.mode &= ~(u32)S_ISGID;
}

static int drop_capabilities(struct ms_state *state, struct ms_inode *inode)
{
	struct dfs_row_xattr row;
	struct dfs_span name = dfs_span_text(CAPABILITY_NAME);
	if (inode->row.xattrs_names_bytes == 0)
		return 0;
	struct ms_key key = ms_key_name(MS_TABLE_XATTR, inode->ino, name);
	int status = ms_row_xattr_get(state, key, &row);
	if (status != 0)
		return status == DFS_ENOENT ? 0 : status;
	ms_xattr_remove(state, inode, name, row.value.length);
	return 0;
}

int ms_privileges_drop(struct ms_state *state, struct ms_inode *inode, bool bits)
{
	if (ms_is_directory(&inode->row))
		return 0;
	if (bits)
		drop_bits(inode);
	return drop_capabilities(state, inode);
}
