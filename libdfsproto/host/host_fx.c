/*
 * Carries out the effects of one step, in their order. Nothing here steps the core: what completes
 * at once is pushed as an event and delivered afterwards (host.c).
 */
#include "libdfsproto/host/host_i.h"

#include "libdfsproto/host/link.h"

static void leave(struct dfs_host *host, int status)
{
	if (host->state != HOST_RUNNING)
		return;
	host->state = HOST_EXITED;
	host->exit_status = status;
}

static void carry_out(struct dfs_host *host, struct dfs_fx *fx)
{
	switch (fx->kind) {
	case DFS_FX_LINK_OPEN:
		host_link_open(host, fx->tag, fx->address);
		break;
	case DFS_FX_LINK_SEND:
		host_link_send_take(host, fx);
		break;
	case DFS_FX_LINK_CLOSE:
		host_link_close(host, fx->tag);
		break;
	case DFS_FX_IO:
		host_io_start(host, fx);
		break;
	case DFS_FX_REPLY:
		DFS_ASSERT(host->config.reply != NULL);
		host->config.reply(host->config.owner, fx->tag, fx->reply);
		break;
	case DFS_FX_LOG:
		if (fx->log.level <= host->config.log_level)
			dfs_log_print(fx->log.level, fx->log.line);
		break;
	case DFS_FX_EXIT:
		leave(host, fx->status);
		break;
	}
}

void host_carry_out(struct dfs_host *host)
{
	DFS_ASSERT(host->stepping);
	for (u32 i = 0; i < host->fxs.count; i++)
		carry_out(host, &host->fxs.v[i]);
	host->fxs.count = 0;
}
