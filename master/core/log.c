/*
 * Keys: one byte of kind, then for entries the index, big-endian so that they lie in order. Every
 * value is sealed (wire/record.h) with a magic of its kind.
 */
#include "master/core/log.h"

#include "libdfsproto/wire/record.h"

#define DFS_TABLE "libdfsproto/schema/disk_log.def"
#include "libdfsproto/wire/rows_code.h"
#undef DFS_TABLE

enum kind { KIND_IDENTITY = 1, KIND_VOTE = 2, KIND_SNAPSHOT = 3, KIND_ENTRY = 16 };

enum magic {
	MAGIC_ENTRY = 0x4c01,
	MAGIC_VOTE = 0x4c02,
	MAGIC_SNAPSHOT = 0x4c03,
	MAGIC_IDENTITY = 0x4c04,
};

struct key {
	u8 bytes[9];
	u32 length;
};

static struct key key_of(enum kind kind)
{
	return (struct key){.bytes = {(u8)kind}, .length = 1};
}

static struct key entry_key(u64 index)
{
	struct key key = {.bytes = {KIND_ENTRY}, .length = 9};
	for (u32 i = 0; i < 8; i++)
		key.bytes[1 + i] = (u8)(index >> (56 - 8 * i));
	return key;
}

static struct dfs_span key_span(const struct key *key)
{
	return dfs_span(key->bytes, key->length);
}

void ms_log_init(struct ms_log *log, struct dfs_kv *kv)
{
	memset(log, 0, sizeof(*log));
	log->kv = kv;
	log->first = 1;
	dfs_writer_init(&log->record, MS_LOG_VERSION, DFS_RECORD_HEADER_BYTES);
}

void ms_log_fini(struct ms_log *log)
{
	dfs_writer_fini(&log->record);
	dfs_kv_batch_fini(&log->batch);
	log->kv = NULL;
}

/* 0 and the body; DFS_ENOENT when there is no such record. */
static int read_record(struct ms_log *log, struct key key, enum magic magic, u16 *ret_version,
		       struct dfs_span *ret_body)
{
	struct dfs_span value;
	int status = dfs_kv_get(log->kv, key_span(&key), &value);
	if (status != 0)
		return status;
	return dfs_record_open(value, (u16)magic, MS_LOG_VERSION, ret_version, ret_body);
}

static int explain(struct dfs_text *reason, const char *what, int status)
{
	dfs_text_add(reason, "%s of the log: %s", what, dfs_error_text(status));
	return status;
}

int ms_log_read(struct ms_log *log, struct ms_log_found *ret_found, struct dfs_text *reason)
{
	struct ms_log_found found = {0};
	struct dfs_span body;
	u16 version;
	int status = read_record(log, key_of(KIND_IDENTITY), MAGIC_IDENTITY, &version, &body);
	if (status == DFS_ENOENT) {
		found.blank = true;
		*ret_found = found;
		return 0;
	}
	if (status == 0)
		status = dfs_log_identity_decode(body, version, &found.identity);
	if (status != 0)
		return explain(reason, "identity", status);
	status = read_record(log, key_of(KIND_VOTE), MAGIC_VOTE, &version, &body);
	if (status == 0)
		status = dfs_log_vote_decode(body, version, &found.vote);
	if (status != 0)
		return explain(reason, "vote", status == DFS_ENOENT ? DFS_ECORRUPT : status);
	status = read_record(log, key_of(KIND_SNAPSHOT), MAGIC_SNAPSHOT, &version, &body);
	if (status == 0) {
		status = dfs_log_snapshot_decode(body, version, &found.snapshot);
		found.has_snapshot = true;
	}
	if (status != 0 && status != DFS_ENOENT)
		return explain(reason, "snapshot record", status);
	*ret_found = found;
	return 0;
}

static int decode_entry(struct dfs_span value, struct dfs_log_entry *ret_entry, u16 *ret_version)
{
	struct dfs_span body;
	int status = dfs_record_open(value, MAGIC_ENTRY, MS_LOG_VERSION, ret_version, &body);
	return status != 0 ? status : dfs_log_entry_decode(body, *ret_version, ret_entry);
}

static u64 index_of(struct dfs_span key)
{
	u64 index = 0;
	for (u32 i = 0; i < 8; i++)
		index = index << 8 | key.data[1 + i];
	return index;
}

int ms_log_walk(struct ms_log *log,
		int (*visit)(void *context, u64 index, const struct dfs_log_entry *entry),
		void *context, struct dfs_text *reason)
{
	struct key from = entry_key(0);
	struct dfs_kv_iter *iter = dfs_kv_iter_new(log->kv, key_span(&from), (struct dfs_span){0});
	struct dfs_span key, value;
	int status = 0;
	u64 index = 0;
	u64 first = 0;
	while (status == 0 && dfs_kv_iter_next(log->kv, iter, &key, &value)) {
		struct dfs_log_entry entry;
		u16 version;
		u64 next = key.length == 9 && key.data[0] == KIND_ENTRY ? index_of(key) : 0;
		if (next == 0 || (index != 0 && next != index + 1))
			status = DFS_ECORRUPT;
		else
			status = decode_entry(value, &entry, &version);
		if (status != 0) {
			dfs_text_add(reason, "entry %llu of the log: %s",
				     (unsigned long long)(index + 1), dfs_error_text(status));
			break;
		}
		index = next;
		first = first == 0 ? index : first;
		status = visit(context, index, &entry);
	}
	int ended = dfs_kv_iter_free(log->kv, iter);
	if (status == 0 && ended != 0)
		status = explain(reason, "entries", ended);
	if (status != 0)
		return status;
	log->first = first == 0 ? 1 : first;
	log->last = index;
	return 0;
}

int ms_log_get(struct ms_log *log, u64 index, struct dfs_log_entry *ret_entry, u16 *ret_version)
{
	struct key key = entry_key(index);
	struct dfs_span value;
	int status = dfs_kv_get(log->kv, key_span(&key), &value);
	if (status == DFS_ENOENT)
		return DFS_ECORRUPT;
	return status != 0 ? status : decode_entry(value, ret_entry, ret_version);
}

static void put(struct ms_log *log, struct key key, enum magic magic)
{
	struct dfs_span record = dfs_record_seal(&log->record, (u16)magic);
	dfs_kv_batch_put(&log->batch, key_span(&key), record);
}

void ms_log_put_identity(struct ms_log *log, const struct dfs_log_identity *identity)
{
	dfs_record_begin(&log->record);
	dfs_log_identity_put(&log->record, identity);
	put(log, key_of(KIND_IDENTITY), MAGIC_IDENTITY);
}

void ms_log_put_vote(struct ms_log *log, const struct dfs_log_vote *vote)
{
	dfs_record_begin(&log->record);
	dfs_log_vote_put(&log->record, vote);
	put(log, key_of(KIND_VOTE), MAGIC_VOTE);
}

void ms_log_put_snapshot(struct ms_log *log, const struct dfs_log_snapshot *snapshot)
{
	dfs_record_begin(&log->record);
	dfs_log_snapshot_put(&log->record, snapshot);
	put(log, key_of(KIND_SNAPSHOT), MAGIC_SNAPSHOT);
}

void ms_log_put_entry(struct ms_log *log, u64 index, const struct dfs_log_entry *entry)
{
	DFS_ASSERT(index >= log->first);
	DFS_ASSERT(index <= log->last + 1);
	struct key key = entry_key(index);
	if (index <= log->last) {
		struct key end = entry_key(UINT64_MAX);
		dfs_kv_batch_delete_range(&log->batch, key_span(&key), key_span(&end));
	}
	dfs_record_begin(&log->record);
	dfs_log_entry_put(&log->record, entry);
	put(log, key, MAGIC_ENTRY);
	log->last = index;
	log->bytes += entry->data.length;
}

void ms_log_drop(struct ms_log *log, u64 index)
{
	DFS_ASSERT(index <= log->last);
	if (index < log->first)
		return;
	struct key from = entry_key(log->first);
	struct key to = entry_key(index + 1);
	dfs_kv_batch_delete_range(&log->batch, key_span(&from), key_span(&to));
	log->first = index + 1;
}

int ms_log_write(struct ms_log *log)
{
	if (log->batch.count == 0)
		return 0;
	int status = dfs_kv_write(log->kv, &log->batch);
	dfs_kv_batch_clear(&log->batch);
	if (status == 0)
		log->dirty = true;
	return status;
}
