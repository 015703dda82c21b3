/*
 * From DFS_FX_IO to the disk (disk.c) or the store (host_kv.c), and back as IO_DONE. A disk or a
 * store that failed to open answers DFS_EDISK_FAILED: the core decides what that means.
 */
#include "libdfsproto/host/host_i.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/disk_i.h"

void host_io_done(struct dfs_host *host, u64 tag, int status, u64 count, u64 aux,
		  struct dfs_buf *buf)
{
	host_push(host, &(struct host_event){
			    .kind = DFS_EV_IO_DONE,
			    .tag = tag,
			    .status = status,
			    .count = count,
			    .aux = aux,
			    .buf = buf,
			});
}

static void disk_io(struct dfs_host *host, struct dfs_fx *fx)
{
	struct dfs_disk *disk =
	    fx->io.disk < host->config.disks_count ? host->config.disks[fx->io.disk] : NULL;
	if (disk == NULL)
		host_io_done(host, fx->tag, DFS_EDISK_FAILED, 0, 0, NULL);
	else
		disk_start(disk, fx->tag, &fx->io, fx->buf);
}

void host_io_start(struct dfs_host *host, struct dfs_fx *fx)
{
	if (fx->io.kind == DFS_IO_KV_SYNC || fx->io.kind == DFS_IO_KV_FLUSH)
		host_store_sync(host, fx->io.disk, fx->tag, fx->io.kind == DFS_IO_KV_FLUSH);
	else
		disk_io(host, fx);
	dfs_buf_unref(fx->buf);
}

void host_io_kick(struct dfs_host *host)
{
	host_stores_kick(host);
	for (u32 i = 0; i < host->config.disks_count; i++)
		if (host->config.disks[i] != NULL)
			disk_kick(host->config.disks[i]);
}
