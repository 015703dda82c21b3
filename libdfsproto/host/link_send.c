/*
 * The send queue of a link: pieces of referenced buffers, sent with one sendmsg per turn. Sending
 * early once a lot is queued keeps payloads in the caches between the read that filled them and
 * the copy into the socket.
 */
#include "libdfsproto/host/link_i.h"

#include "libdfsproto/base/errors.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

enum {
	PIECES_PER_SEND = 128,
	EARLY_BYTES = 512 << 10, /* Queued in one turn before it is sent at once. */
	MARK_HIGH_BYTES = 4 << 20,
	MARK_LOW_BYTES = 1 << 20,
};

static struct link_piece *piece_at(struct dfs_link *link, u32 index)
{
	return &link->pieces[(link->pieces_head + index) & (link->pieces_capacity - 1)];
}

static void grow(struct dfs_link *link)
{
	u32 capacity = link->pieces_capacity == 0 ? 16 : link->pieces_capacity * 2;
	struct link_piece *larger = calloc(capacity, sizeof(*larger));
	DFS_ASSERT(larger != NULL);
	for (u32 i = 0; i < link->pieces_count; i++)
		larger[i] = *piece_at(link, i);
	free(link->pieces);
	link->pieces = larger;
	link->pieces_head = 0;
	link->pieces_capacity = capacity;
}

void link_queue_take(struct dfs_link *link, struct dfs_buf *buf, u32 offset, u32 bytes)
{
	DFS_ASSERT((u64)offset + bytes <= buf->capacity);
	if (bytes == 0) {
		dfs_buf_unref(buf);
		return;
	}
	if (link->pieces_count == link->pieces_capacity)
		grow(link);
	link->pieces_count++;
	*piece_at(link, link->pieces_count - 1) =
	    (struct link_piece){.buf = buf, .offset = offset, .bytes = bytes};
	link->queued_bytes += bytes;
	if (link->queued_bytes > MARK_HIGH_BYTES)
		link->over_mark = true;
	if (link->state != LINK_UP || link->want_write)
		return; /* Sent when it is connected, or when the socket has room. */
	if (dfs_list_empty(&link->dirty))
		dfs_list_push_back(&link->host->links_dirty, &link->dirty);
	if (link->queued_bytes >= EARLY_BYTES)
		link_flush(link);
}

static void pop(struct dfs_link *link)
{
	dfs_buf_unref(piece_at(link, 0)->buf);
	link->pieces_head = (link->pieces_head + 1) & (link->pieces_capacity - 1);
	link->pieces_count--;
}

void link_drop_queue(struct dfs_link *link)
{
	while (link->pieces_count > 0)
		pop(link);
	link->queued_bytes = 0;
	link->want_write = false;
	dfs_list_remove(&link->dirty);
}

static void consume(struct dfs_link *link, u64 bytes)
{
	DFS_ASSERT(bytes <= link->queued_bytes);
	link->queued_bytes -= bytes;
	while (bytes > 0) {
		struct link_piece *piece = piece_at(link, 0);
		if (piece->bytes > bytes) {
			piece->offset += (u32)bytes;
			piece->bytes -= (u32)bytes;
			return;
		}
		bytes -= piece->bytes;
		pop(link);
	}
}

/* Bytes sent, or a negative errno. *ret_asked is what was offered. */
static ssize_t send_some(struct dfs_link *link, u64 *ret_asked)
{
	struct iovec iov[PIECES_PER_SEND];
	u32 count = dfs_min(link->pieces_count, (u32)PIECES_PER_SEND);
	u64 asked = 0;
	for (u32 i = 0; i < count; i++) {
		struct link_piece *piece = piece_at(link, i);
		iov[i].iov_base = piece->buf->data + piece->offset;
		iov[i].iov_len = piece->bytes;
		asked += piece->bytes;
	}
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
	ssize_t sent;
	do
		sent = sendmsg(link->socket->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	*ret_asked = asked;
	return sent < 0 ? -errno : sent;
}

static void tell_room(struct dfs_link *link)
{
	if (!link->over_mark || link->queued_bytes > MARK_LOW_BYTES || link->state != LINK_UP)
		return;
	link->over_mark = false;
	host_push(link->host,
		  &(struct host_event){.kind = DFS_EV_LINK_ROOM, .tag = link->node.key});
}

void link_flush(struct dfs_link *link)
{
	DFS_ASSERT(link->state == LINK_UP || link->state == LINK_FLUSHING);
	dfs_list_remove(&link->dirty);
	link->want_write = false;
	while (link->pieces_count > 0) {
		u64 asked;
		ssize_t sent = send_some(link, &asked);
		if (sent == -EAGAIN) {
			link->want_write = true;
			break;
		}
		if (sent < 0) {
			/* What the peer said last may still wait to be read: let reading end it. */
			link->send_broken = true;
			link_drop_queue(link);
			break;
		}
		consume(link, (u64)sent);
		if ((u64)sent < asked) {
			link->want_write = true;
			break;
		}
	}
	tell_room(link);
	if (link->state == LINK_FLUSHING && link->pieces_count == 0)
		link_flushed(link);
	else
		link_poll(link);
}

void host_links_flush(struct dfs_host *host)
{
	while (!dfs_list_empty(&host->links_dirty))
		link_flush(dfs_list_first(&host->links_dirty, struct dfs_link, dirty));
}
