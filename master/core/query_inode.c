/*
 * Questions about one inode: LOOKUP, GETATTR, READLINK, extended attributes.
 */
#include "libdfsproto/wire/xattr_name.h"
#include "master/core/dentry.h"
#include "master/core/txn.h"

static int get_inode(struct ms_state *state, u64 ino, struct dfs_row_inode *ret_row)
{
	if (state->failure != 0)
		return state->failure;
	return ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, ino), ret_row);
}

/* For questions that name an inode by its number, which outlived it. */
static int get_handle(struct ms_state *state, u64 ino, struct dfs_row_inode *ret_row)
{
	int status = get_inode(state, ino, ret_row);
	return status == DFS_ENOENT ? DFS_ESTALE : status;
}

static int answer(struct ms_state *state, u64 ino, struct dfs_attr *ret_attr)
{
	struct dfs_row_inode row;
	int status = get_inode(state, ino, &row);
	if (status == 0)
		*ret_attr = ms_inode_attr(ino, &row);
	return status;
}

int ms_lookup(struct ms_state *state, u64 parent, struct dfs_span name, struct dfs_attr *ret_attr)
{
	struct dfs_row_inode row;
	int status = get_inode(state, parent, &row);
	if (status != 0)
		return status;
	if (!ms_is_directory(&row))
		return DFS_ENOTDIR;
	if (dfs_span_equal(name, dfs_span(".", 1))) {
		*ret_attr = ms_inode_attr(parent, &row);
		return 0;
	}
	if (dfs_span_equal(name, dfs_span("..", 2)))
		return answer(state, row.parent, ret_attr);
	struct ms_dentry dentry;
	status = ms_name_check(name);
	if (status == 0)
		status = ms_dentry_find(state, parent, name, &dentry);
	if (status != 0)
		return status;
	return ms_must(state, answer(state, dentry.ino, ret_attr));
}

int ms_getattr(struct ms_state *state, u64 ino, struct dfs_attr *ret_attr)
{
	int status = answer(state, ino, ret_attr);
	return status == DFS_ENOENT ? DFS_ESTALE : status;
}

int ms_readlink(struct ms_state *state, u64 ino, struct dfs_span *ret_target)
{
	struct dfs_row_inode row;
	struct dfs_row_symlink symlink;
	int status = get_handle(state, ino, &row);
	if (status != 0)
		return status;
	if (!S_ISLNK(row.mode))
		return DFS_EINVAL;
	status = ms_row_symlink_get(state, ms_key1(MS_TABLE_SYMLINK, ino), &symlink);
	if (status != 0)
		return ms_must(state, status);
	*ret_target = symlink.target;
	return 0;
}

int ms_getxattr(struct ms_state *state, u64 ino, struct dfs_span name, struct dfs_span *ret_value,
		u64 *ret_change)
{
	struct dfs_row_inode row;
	struct dfs_row_xattr xattr;
	int status = get_handle(state, ino, &row);
	if (status != 0)
		return status;
	status = dfs_xattr_name_check(name);
	if (status != 0)
		return status;
	if (name.length > DFS_XATTR_NAME_BYTES_MAX)
		return DFS_EINVAL;
	if (row.xattrs_names_bytes == 0)
		return DFS_ENODATA; /* The kernel asks for security.capability before each write. */
	status = ms_row_xattr_get(state, ms_key_name(MS_TABLE_XATTR, ino, name), &xattr);
	if (status != 0)
		return status == DFS_ENOENT ? DFS_ENODATA : status;
	*ret_value = xattr.value;
	*ret_change = row.change;
	return 0;
}

int ms_listxattr(struct ms_state *state, u64 ino, struct dfs_writer *names)
{
	struct dfs_row_inode row;
	int status = get_handle(state, ino, &row);
	if (status != 0 || row.xattrs_names_bytes == 0)
		return status;
	struct ms_scan scan;
	ms_scan_begin(&scan, state, ms_key1(MS_TABLE_XATTR, ino), ms_key1(MS_TABLE_XATTR, ino + 1));
	while (ms_scan_next(&scan)) {
		u32 head = ms_key1(MS_TABLE_XATTR, ino).head_bytes;
		for (u32 i = head; i < scan.key.length; i++)
			dfs_put_u8(names, scan.key.data[i]);
		dfs_put_u8(names, 0);
	}
	return ms_scan_end(&scan);
}

int ms_is_orphan(struct ms_state *state, u64 ino)
{
	struct dfs_row_orphan row;
	if (state->failure != 0)
		return state->failure;
	int status = ms_row_orphan_get(state, ms_key1(MS_TABLE_ORPHAN, ino), &row);
	if (status == DFS_ENOENT)
		return 0;
	return status == 0 ? 1 : status;
}
