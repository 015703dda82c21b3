/*
 * Open files and directories as the kernel sees them: a number each, never used twice.
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>

struct cl_handle *cl_handle_new(struct cl *cl, struct cl_inode *inode, u64 ino, u32 flags,
				u64 *ret_id)
{
	struct cl_handle *handle = calloc(1, sizeof(*handle));
	DFS_ASSERT(handle != NULL);
	handle->inode = inode;
	handle->ino = ino;
	handle->flags = flags;
	if (inode != NULL) {
		inode->refs++;
		/* What nobody has heard of yet is this one's to tell, as with Linux' errseq. */
		handle->errors_seen = inode->errors_told;
	}
	*ret_id = ++cl->handles_made;
	dfs_map_insert(&cl->handles, &handle->by_id, *ret_id);
	return handle;
}

struct cl_handle *cl_handle_find(const struct cl *cl, u64 id)
{
	struct dfs_map_node *found = dfs_map_find(&cl->handles, id);
	return found == NULL ? NULL : dfs_map_entry(found, struct cl_handle, by_id);
}

void cl_handle_free(struct cl *cl, struct cl_handle *handle)
{
	if (handle == NULL)
		return;
	dfs_map_remove(&cl->handles, &handle->by_id);
	dfs_buf_unref(handle->page);
	if (handle->inode != NULL)
		cl_inode_unref(cl, handle->inode);
	free(handle);
}

int cl_handle_error(struct cl_handle *handle)
{
	if (handle == NULL || handle->inode == NULL ||
	    handle->errors_seen == handle->inode->errors_count)
		return 0;
	handle->errors_seen = handle->inode->errors_count;
	handle->inode->errors_told = handle->inode->errors_count;
	return handle->inode->error;
}
