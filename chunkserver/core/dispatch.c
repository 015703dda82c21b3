/*
 * From a request's number to the file that serves it.
 */
#include "chunkserver/core/peers.h"
#include "libdfsproto/base/errors.h"

static bool masters_only(u16 type)
{
	return type == DFS_MSG_DELETE_CHUNKS || type == DFS_MSG_TRIM_CHUNK;
}

void cs_dispatch(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs)
{
	u16 type = request->origin.type;
	int status = 0;
	if (cs->stopping)
		status = DFS_ESTOPPING;
	else if (masters_only(type) && !request->from_master)
		status = DFS_EPERM;
	if (status != 0) {
		cs_reply_status(cs, &request->origin, status, fxs);
		return;
	}
	switch (type) {
	case DFS_MSG_WRITE:
		cs_on_write(cs, request, fxs);
		return;
	case DFS_MSG_READ:
		cs_on_read(cs, request, fxs);
		return;
	case DFS_MSG_SYNC:
		cs_on_sync(cs, request, fxs);
		return;
	case DFS_MSG_PUNCH:
		cs_on_punch(cs, request, fxs);
		return;
	case DFS_MSG_SEAL:
		cs_on_seal(cs, request, fxs);
		return;
	case DFS_MSG_SEEK:
		cs_on_seek(cs, request, fxs);
		return;
	case DFS_MSG_TRIM_CHUNK:
		cs_on_trim(cs, request, fxs);
		return;
	case DFS_MSG_DELETE_CHUNKS:
		cs_on_delete(cs, request, fxs);
		return;
	case DFS_MSG_STATUS:
		cs_on_status(cs, request, fxs);
		return;
	case DFS_MSG_INVENTORY:
		cs_on_inventory(cs, request, fxs);
		return;
	default:
		cs_reply_status(cs, &request->origin, DFS_ENOSYS, fxs);
	}
}
