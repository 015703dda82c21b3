/*
 * Replaying a journal after a start: from the record after the position, wherever it is, each
 * followed by the next one in its segment or by the first one of the other segment.
 *
 * Where that ends, was it the last record, or is a synced one damaged? Records say how far the log
 * was on stable storage when they were written. If any record says that the missing one was, data
 * that somebody was promised is gone, and the store must not open as if nothing had happened.
 *
 * Looking for records in the middle of a segment means to look at bytes that users have chosen
 * (names, attribute values). They cannot forge a record: they do not know the salt.
 */
#include "libdfsproto/host/kv_journal_i.h"

#include "libdfsproto/base/errors.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct replay {
	const struct kv_journal *journal;
	u8 *segments[JOURNAL_SEGMENTS]; /* Their whole contents. */
	u64 salt;
	u64 position; /* The last record that is applied. */
};

struct record {
	struct journal_header header;
	struct dfs_span batch;
};

static int read_segment(const struct kv_journal *journal, u32 number, u8 **ret_data)
{
	u8 *data = malloc(journal->segment_bytes);
	DFS_ASSERT(data != NULL);
	u64 count = 0;
	while (count < journal->segment_bytes) {
		ssize_t got = pread(journal->segments[number].fd, data + count,
				    journal->segment_bytes - count, (off_t)count);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			free(data);
			return DFS_EIO;
		}
		count += (u64)got;
	}
	*ret_data = data;
	return 0;
}

/* Is there a whole record at this place? */
static bool record_at(const struct replay *replay, u32 segment, u64 offset,
		      struct record *ret_record)
{
	struct journal_header header;
	u64 left = replay->journal->segment_bytes - offset;
	const u8 *data = replay->segments[segment] + offset;
	if (left < sizeof(header))
		return false;
	memcpy(&header, data, sizeof(header));
	if (header.magic != JOURNAL_MAGIC || header.salt != replay->salt ||
	    header.bytes > left - sizeof(header))
		return false;
	struct dfs_span batch = dfs_span(data + sizeof(header), header.bytes);
	if (header.crc != journal_crc(&header, batch))
		return false;
	*ret_record = (struct record){header, batch};
	return true;
}

/* The next whole record of a segment at or after *offset, which moves to it. */
static bool next_record(const struct replay *replay, u32 segment, u64 *offset,
			struct record *ret_record)
{
	for (; *offset < replay->journal->segment_bytes; *offset += JOURNAL_ALIGN_BYTES)
		if (record_at(replay, segment, *offset, ret_record))
			return true;
	return false;
}

static bool find(const struct replay *replay, u64 sequence, u32 *ret_segment, u64 *ret_offset)
{
	struct record record;
	for (u32 segment = 0; segment < JOURNAL_SEGMENTS; segment++) {
		for (u64 at = 0; next_record(replay, segment, &at, &record);
		     at += journal_record_bytes(record.header.bytes)) {
			if (record.header.sequence == sequence) {
				*ret_segment = segment;
				*ret_offset = at;
				return true;
			}
		}
	}
	return false;
}

/* Does any record say that this one was on stable storage? */
static bool was_synced(const struct replay *replay, u64 sequence)
{
	struct record record;
	for (u32 segment = 0; segment < JOURNAL_SEGMENTS; segment++)
		for (u64 at = 0; next_record(replay, segment, &at, &record);
		     at += journal_record_bytes(record.header.bytes))
			if (record.header.synced >= sequence)
				return true;
	return false;
}

static int replay_all(struct replay *replay,
		      int (*apply)(void *owner, u64 sequence, struct dfs_span batch), void *owner)
{
	u32 segment;
	u64 at;
	while (find(replay, replay->position + 1, &segment, &at)) {
		struct record record;
		while (record_at(replay, segment, at, &record) &&
		       record.header.sequence == replay->position + 1) {
			int error = apply(owner, record.header.sequence, record.batch);
			if (error != 0)
				return error;
			replay->position++;
			at += journal_record_bytes(record.header.bytes);
		}
	}
	return was_synced(replay, replay->position + 1) ? DFS_ECORRUPT : 0;
}

int kv_journal_replay(struct kv_journal *journal, u64 salt, u64 position,
		      int (*apply)(void *owner, u64 sequence, struct dfs_span batch), void *owner)
{
	struct replay replay = {.journal = journal, .salt = salt, .position = position};
	int error = 0;
	for (u32 i = 0; i < JOURNAL_SEGMENTS && error == 0; i++)
		error = read_segment(journal, i, &replay.segments[i]);
	if (error == 0)
		error = replay_all(&replay, apply, owner);
	for (u32 i = 0; i < JOURNAL_SEGMENTS; i++)
		free(replay.segments[i]);
	return error;
}
