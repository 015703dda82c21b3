/*
 * One part of a read: what lies in one slot of the file.
 *
 *   IDLE --nothing to fetch--> DONE
 *    |
 *    +--> MAPPING --place known--> FETCHING --verified--> DONE
 *            ^  |                      |
 *            |  +--no replica--+       | server away, chunk moved, bytes damaged
 *            |                 v       v
 *            +------------- PAUSED <---+
 *
 * Local data is noted when the read begins, and laid over what comes: by then it may have been sent
 * and forgotten here. The part waits for servers as long as the caller does; only damaged bytes,
 * found again and again, are an error: what was damaged on the way comes whole the next time.
 */
#include "fuse/core/client_i.h"

#include "libdfsproto/base/crc32c.h"

enum { CORRUPT_MAX = 4 };

static void part_move(struct cl_part *part, enum cl_part_state state)
{
	static const u8 legal[CL_PART_STATES] = {
	    [CL_PART_IDLE] = 1 << CL_PART_MAPPING | 1 << CL_PART_DONE,
	    [CL_PART_MAPPING] = 1 << CL_PART_FETCHING | 1 << CL_PART_PAUSED | 1 << CL_PART_DONE,
	    [CL_PART_FETCHING] = 1 << CL_PART_PAUSED | 1 << CL_PART_DONE,
	    [CL_PART_PAUSED] = 1 << CL_PART_MAPPING,
	    [CL_PART_DONE] = 0,
	};
	DFS_ASSERT((legal[part->state] & 1 << state) != 0);
	part->state = state;
}

void cl_part_fini(struct cl *cl, struct cl_part *part)
{
	cl_server_cancel(cl, &part->rpc);
	cl_timer_clear(cl, &part->pause);
	cl_extents_fini(&part->local);
	dfs_buf_unref(part->payload);
	part->payload = NULL;
	dfs_list_remove(&part->in_waiters);
}

static void done(struct cl *cl, struct cl_part *part)
{
	part_move(part, CL_PART_DONE);
	cl_read_part_done(cl, part->task, 0);
}

/* Slots never cross chunks, so both count from the start of the slot alike. */
static u32 slot_start(const struct cl_part *part)
{
	return part->start & ~(cl_slot_bytes(part->task->inode) - 1);
}

static void note_local(struct cl_part *part)
{
	const struct cl_inode *inode = part->task->inode;
	u32 base = slot_start(part);
	u64 offset = (part->index << inode->attr.chunk_shift) + base;
	const struct cl_slot *slot = cl_slot_find(inode, offset);
	if (slot == NULL)
		return;
	cl_extents_fill(&part->local, &slot->dirty, part->start - base, part->end - base);
	cl_extents_fill(&part->local, &slot->sending, part->start - base, part->end - base);
	cl_extents_fill(&part->local, &slot->kept, part->start - base, part->end - base);
}

void cl_part_start(struct cl *cl, struct cl_part *part)
{
	u32 base = slot_start(part);
	u32 from, to;
	note_local(part);
	if (!cl_extents_gap(&part->local, part->start - base, part->end - base, &from, &to)) {
		done(cl, part);
		return;
	}
	part->fetch_start = (base + from) & ~(u32)(DFS_BLOCK_BYTES - 1);
	part->fetch_end = (base + to + DFS_BLOCK_BYTES - 1) & ~(u32)(DFS_BLOCK_BYTES - 1);
	part_move(part, CL_PART_MAPPING);
	cl_part_map(cl, part);
}

static void on_pause_end(struct cl *cl, struct cl_timer *timer)
{
	struct cl_part *part = dfs_container_of(timer, struct cl_part, pause);
	part_move(part, CL_PART_MAPPING);
	cl_part_map(cl, part);
}

/* Look for the place anew after a while. */
static void pause_part(struct cl *cl, struct cl_part *part)
{
	cl_row_forget(part->task->inode, part->index);
	part_move(part, CL_PART_PAUSED);
	cl_timer_set(cl, &part->pause, cl->now + cl_backoff(part->tries++), on_pause_end);
}

static void corrupt(struct cl *cl, struct cl_part *part, const char *who)
{
	const struct cl_server *server = part->place.servers[part->replica];
	part->corrupt_count++;
	dfs_fx_log(cl->fx, DFS_LOG_ERROR,
		   "event=corrupt_read ino=%llu chunk=%llx offset=%u server=%llx address=%.100s "
		   "found_by=%s",
		   (unsigned long long)part->task->inode->ino,
		   (unsigned long long)part->place.chunk, part->fetch_start,
		   (unsigned long long)server->by_id.key, server->address, who);
	if (part->corrupt_count >= dfs_max((u32)CORRUPT_MAX, part->place.count)) {
		cl_read_part_done(cl, part->task, DFS_EIO);
		return;
	}
	part->replica++;
	pause_part(cl, part);
}

/* Every block's CRC as it was stored; the last one counts as if filled up with zeros. */
static bool verified(const struct cl_part *part, const struct dfs_buf *payload,
		     struct dfs_span crcs)
{
	static const u8 zeros[DFS_BLOCK_BYTES];
	u32 bytes = payload == NULL ? 0 : payload->length;
	u32 blocks = (bytes + DFS_BLOCK_BYTES - 1) / DFS_BLOCK_BYTES;
	if (bytes > part->fetch_end - part->fetch_start || crcs.length != 4 * blocks)
		return false;
	for (u32 i = 0; i < blocks; i++) {
		u32 at = i * DFS_BLOCK_BYTES;
		u32 length = dfs_min(bytes - at, (u32)DFS_BLOCK_BYTES);
		u32 crc = dfs_crc32c(payload->data + at, length);
		crc = dfs_crc32c_extend(crc, zeros, DFS_BLOCK_BYTES - length);
#ifndef DFS_PLANT_READ_UNCHECKED
		if (crc != dfs_load_u32(crcs.data + 4 * i))
			return false;
#endif
	}
	return true;
}

static void take(struct cl *cl, struct cl_part *part, const struct cl_answer *answer)
{
	struct dfs_read_reply reply;
	int status = dfs_read_reply_decode(answer->body, answer->version, &reply);
	if (status != 0 || !verified(part, answer->payload, reply.crcs)) {
		corrupt(cl, part, "client");
		return;
	}
	if (answer->payload != NULL) {
		part->payload = dfs_buf_ref(answer->payload);
		part->payload_bytes = answer->payload->length;
		/* Behind the bound nothing counts, although it has not been cut off yet. */
		u32 valid = dfs_max(part->place.valid, part->fetch_start) - part->fetch_start;
		part->payload_bytes = dfs_min(part->payload_bytes, valid);
	}
	done(cl, part);
}

static void on_read(struct cl *cl, struct cl_rpc *rpc, const struct cl_answer *answer)
{
	struct cl_part *part = dfs_container_of(rpc, struct cl_part, rpc);
	switch (answer->status) {
	case 0:
		take(cl, part, answer);
		break;
	case DFS_ECORRUPT:
		corrupt(cl, part, "server");
		break;
	case DFS_EINVAL:
	case DFS_EMALFORMED:
	case DFS_ENOTSUP:
	case DFS_ENOSYS:
	case DFS_EWRONG_VERSION:
		cl_read_part_done(cl, part->task, DFS_EIO);
		break;
	default: /* Not there, not now: NO_CHUNK, WRONG_EPOCH, LINK_LOST, DISK_FAILED, BUSY … */
		part->replica++;
		pause_part(cl, part);
		break;
	}
}

/* The replica on this machine first; after trouble the next one. */
static u32 choose(const struct cl *cl, const struct cl_part *part)
{
	for (u32 i = 0; i < part->place.count && part->replica == 0; i++) {
		if (part->place.servers[i]->host == cl->identity.host)
			return i;
	}
	return part->replica % part->place.count;
}

static void fetch(struct cl *cl, struct cl_part *part)
{
	part->replica = choose(cl, part);
	struct cl_server *server = part->place.servers[part->replica];
	struct dfs_read body = {
	    .chunk = part->place.chunk,
	    .epoch = part->place.epoch,
	    .offset = part->fetch_start,
	    .length = part->fetch_end - part->fetch_start,
	};
	struct dfs_writer writer;
	part_move(part, CL_PART_FETCHING);
	part->rpc.done = on_read;
	cl_server_begin(cl, server, &writer);
	dfs_read_put(&writer, &body);
	cl_server_send(cl, server, &part->rpc, DFS_MSG_READ, &writer, NULL);
}

/* Asked for again by the next read: a disk that was away may have come back. */
static void lost(struct cl *cl, struct cl_part *part)
{
	cl_row_forget(part->task->inode, part->index);
	dfs_fx_log(cl->fx, DFS_LOG_ERROR, "event=chunk_lost ino=%llu chunk=%llx",
		   (unsigned long long)part->task->inode->ino,
		   (unsigned long long)part->place.chunk);
	cl_read_part_done(cl, part->task, DFS_EIO);
}

void cl_part_map(struct cl *cl, struct cl_part *part)
{
	DFS_ASSERT(part->state == CL_PART_MAPPING);
	struct cl_inode *inode = part->task->inode;
	const struct cl_row *row = cl_row_find(inode, part->index);
	if (row == NULL) {
		dfs_list_push_back(&inode->map_waiters, &part->in_waiters);
		cl_inode_touch(cl, inode);
		return;
	}
	part->place = row->place;
	if (part->place.chunk == 0 || part->place.valid <= part->fetch_start)
		done(cl, part);
	else if (cl_place_lost(&part->place))
		lost(cl, part);
	else if (part->place.count == 0)
		pause_part(cl, part);
	else
		fetch(cl, part);
}

static void give(struct cl *cl, struct cl_reply *reply, struct dfs_buf *buf, u32 offset, u32 bytes)
{
	if (bytes == 0)
		return;
	DFS_ASSERT(reply->pieces_count < CL_PIECES_MAX);
	reply->pieces[reply->pieces_count++] =
	    (struct dfs_payload){.buf = buf, .offset = offset, .bytes = bytes};
	reply->count += bytes;
	if (buf != NULL)
		cl_keep_take(cl, dfs_buf_ref(buf));
}

/* Fetched bytes, zeros and local data together in one buffer. */
static void give_mixed(struct cl *cl, struct cl_part *part, struct cl_reply *reply)
{
	u32 base = slot_start(part);
	u32 bytes = part->end - part->start;
	struct dfs_buf *whole = dfs_buf_new(bytes);
	whole->length = bytes;
	memset(whole->data, 0, bytes);
	u32 from = dfs_max(part->start, part->fetch_start);
	u32 to = dfs_min(part->end, part->fetch_start + part->payload_bytes);
	if (part->payload != NULL && from < to)
		memcpy(whole->data + (from - part->start),
		       part->payload->data + (from - part->fetch_start), to - from);
	cl_extents_copy(&part->local, part->start - base, part->end - base, whole->data);
	give(cl, reply, whole, 0, bytes);
	dfs_buf_unref(whole);
}

void cl_part_give(struct cl *cl, struct cl_part *part, struct cl_reply *reply)
{
	DFS_ASSERT(part->state == CL_PART_DONE);
	u32 bytes = part->end - part->start;
	if (part->local.count == 1 && part->local.bytes == bytes) {
		give(cl, reply, part->local.v[0].buf, part->local.v[0].offset, bytes);
	} else if (part->local.count > 0) {
		give_mixed(cl, part, reply);
	} else {
		/* Everything wanted was fetched, as far as it is there. */
		u32 skip = part->start - part->fetch_start;
		u32 there = part->payload_bytes > skip ? part->payload_bytes - skip : 0;
		there = dfs_min(there, bytes);
		give(cl, reply, part->payload, part->payload == NULL ? 0 : skip, there);
		give(cl, reply, NULL, 0, bytes - there);
	}
}
