/*
 * Closing links: what was sent before goes out, then the peer is given time to close too. See
 * link_i.h for why, and for the states FLUSHING and DRAINING.
 */
#include "libdfsproto/host/link_i.h"

#include <errno.h>
#include <sys/socket.h>

enum {
	DISCARD_BYTES = 64 << 10,
	DISCARDS_PER_TURN = 16,
	LINGER_CHECK_MS = 250,
};

#define LINGER_NS (3 * DFS_SEC)

void link_flushed(struct dfs_link *link)
{
	DFS_ASSERT(link->state == LINK_FLUSHING);
	if (link->send_broken || shutdown(link->socket->fd, SHUT_WR) != 0) {
		link_die(link);
		return;
	}
	link->state = LINK_DRAINING;
	link_poll(link);
}

/* Returns false at the end of what can be received. The peer's bytes mean nothing any more. */
static bool discard_some(struct dfs_link *link)
{
	u8 bytes[DISCARD_BYTES];
	ssize_t got = recv(link->socket->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (got > 0)
		return true;
	if (got < 0 && errno == EINTR)
		return true;
	if (got < 0 && errno == EAGAIN)
		return false;
	link_die(link);
	return false;
}

void link_discard(struct dfs_link *link)
{
	for (u32 i = 0; i < DISCARDS_PER_TURN; i++)
		if (!discard_some(link))
			break;
}

static void on_linger(uv_timer_t *timer)
{
	struct dfs_host *host = timer->data;
	nsec now = dfs_host_now(host);
	dfs_list_for_each_safe (node, &host->links_lingering) {
		struct dfs_link *link = dfs_list_entry(node, struct dfs_link, lingering);
		if (link->linger_until > now)
			break;
		link_die(link);
	}
	if (dfs_list_empty(&host->links_lingering))
		uv_timer_stop(timer);
}

static void close_link(struct dfs_link *link)
{
	struct dfs_host *host = link->host;
	dfs_map_remove(&host->links, &link->node);
	if (link->state != LINK_UP) {
		link_die(link);
		return;
	}
	link->state = LINK_FLUSHING;
	link->over_mark = false;
	link->linger_until = dfs_host_now(host) + LINGER_NS;
	dfs_list_push_back(&host->links_lingering, &link->lingering);
	if (!uv_is_active((uv_handle_t *)&host->linger))
		uv_timer_start(&host->linger, on_linger, LINGER_CHECK_MS, LINGER_CHECK_MS);
	if (link->pieces_count == 0 || link->send_broken)
		link_flushed(link);
	else
		link_poll(link); /* The end of the turn sends it. */
}

void host_link_close(struct dfs_host *host, u64 id)
{
	struct dfs_link *link = link_find(host, id);
	/* A LINK_DOWN may be among the events the core has not seen yet. */
	host_forget_link(host, id);
	if (link != NULL)
		close_link(link);
}

void host_links_close_all(struct dfs_host *host)
{
	dfs_list_for_each_safe (node, &host->links_all) {
		struct dfs_link *link = dfs_list_entry(node, struct dfs_link, all);
		if (link->state <= LINK_UP)
			close_link(link);
	}
	host_links_flush(host);
}
