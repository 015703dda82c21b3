/*
 * Every block against its checksum: all servers at once, each copy after copy, one piece at a time.
 * What does not match is read again first: a link or our own memory may have been at fault.
 */
#include "admin/core/fsck_i.h"

#include "libdfsproto/base/crc32c.h"

enum { TRIES = 3 };

static void ask(struct ad *ad, u32 index, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct fsck_server *server = &fsck->servers[index];
	const struct fsck_copy *copy = &server->copies[server->copy];
	u32 left = copy->length - server->offset;
	u32 blocks = (left + DFS_BLOCK_BYTES - 1) / DFS_BLOCK_BYTES;
	struct dfs_read read = {
	    .chunk = copy->chunk,
	    .epoch = copy->epoch,
	    .offset = server->offset,
	    .length = dfs_min(blocks * DFS_BLOCK_BYTES, (u32)DFS_WIRE_IO_BYTES),
	};
	struct dfs_writer writer;
	ad_begin(server->peer, &writer);
	dfs_read_put(&writer, &read);
	fsck->waiting++;
	ad_ask(ad, server->peer, DFS_MSG_READ, &writer, index, fxs);
}

/* The copy has been dealt with: the next one that has bytes, if any. */
static void next_copy(struct ad *ad, u32 index, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct fsck_server *server = &fsck->servers[index];
	server->offset = 0;
	server->tries = 0;
	while (server->copy < server->copies_count && server->copies[server->copy].length == 0)
		server->copy++;
	if (server->copy < server->copies_count)
		ask(ad, index, fxs);
}

void fsck_data_start(struct ad *ad, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	for (u32 i = 0; i < fsck->servers_count; i++) {
		if (fsck->servers[i].peer != NULL && !fsck->servers[i].failed)
			next_copy(ad, i, fxs);
	}
	if (fsck->waiting == 0)
		fsck_next(ad, fxs);
}

/* Offset in the payload of the first block that does not match, or UINT32_MAX. */
static u32 first_bad(const struct dfs_read_reply *reply, const struct dfs_buf *payload)
{
	static const u8 zeros[DFS_BLOCK_BYTES];
	u32 length = payload == NULL ? 0 : payload->length;
	if (reply->crcs.length != (length + DFS_BLOCK_BYTES - 1) / DFS_BLOCK_BYTES * 4)
		return 0;
	for (u32 at = 0; at < length; at += DFS_BLOCK_BYTES) {
		u32 bytes = dfs_min(length - at, (u32)DFS_BLOCK_BYTES);
		u32 crc = dfs_crc32c(payload->data + at, bytes);
		/* The last block counts as if filled up with zeros. */
		crc = dfs_crc32c_extend(crc, zeros, DFS_BLOCK_BYTES - bytes);
		if (crc != dfs_load_u32(reply->crcs.data + at / DFS_BLOCK_BYTES * 4))
			return at;
	}
	return UINT32_MAX;
}

static void found(struct ad *ad, u32 index, enum ms_fault fault, u32 offset, int status)
{
	struct fsck *fsck = ad->work;
	struct fsck_server *server = &fsck->servers[index];
	struct ms_finding finding = {
	    .fault = (u16)fault,
	    .subject = server->copies[server->copy].chunk,
	    .at = server->node,
	    .noted = offset,
	    .found = (u64)-status,
	};
	fsck_add_fault(fsck, &finding);
}

/* A bad block: the piece again, then one fault, and on behind the piece. */
static bool again(struct fsck_server *server)
{
	return ++server->tries < TRIES;
}

static void take_piece(struct ad *ad, u32 index, const struct ad_answer *answer,
		       struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct fsck_server *server = &fsck->servers[index];
	struct dfs_read_reply reply;
	u32 bad = 0;
	if (dfs_read_reply_decode(answer->body, answer->version, &reply) == 0)
		bad = first_bad(&reply, answer->payload);
	if (bad != UINT32_MAX && again(server)) {
		ask(ad, index, fxs);
		return;
	}
	if (bad != UINT32_MAX)
		found(ad, index, MS_FAULT_DATA_CORRUPT, server->offset + bad, 0);
	fsck->bytes_read += answer->payload == NULL ? 0 : answer->payload->length;
	server->tries = 0;
	server->offset += DFS_WIRE_IO_BYTES;
	if (server->offset < server->copies[server->copy].length) {
		ask(ad, index, fxs);
		return;
	}
	server->copy++;
	next_copy(ad, index, fxs);
}

/* The chunk is gone or has been replaced since the inventory: nothing to say of it now. */
static bool is_gone(int status)
{
	return status == DFS_ENO_CHUNK || status == DFS_EWRONG_EPOCH;
}

static bool is_about_data(int status)
{
	return status == DFS_ECORRUPT || status == DFS_EDISK_FAILED || status == DFS_EIO;
}

void fsck_data_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	u32 index = (u32)answer->tag;
	struct fsck_server *server = &fsck->servers[index];
	fsck->waiting--;
	if (answer->status == 0) {
		take_piece(ad, index, answer, fxs);
	} else if (is_gone(answer->status) || is_about_data(answer->status)) {
		if (!is_gone(answer->status))
			found(ad, index, MS_FAULT_DATA_UNREADABLE, server->offset, answer->status);
		server->copy++;
		next_copy(ad, index, fxs);
	} else if (answer->status == DFS_EBUSY && again(server)) {
		ask(ad, index, fxs);
	} else {
		fsck_server_failed(ad, server, answer);
	}
	if (fsck->waiting == 0)
		fsck_next(ad, fxs);
}
