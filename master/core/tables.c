/*
 * Keys, rows and scans: see tables.h. The codecs of disk_master.def are generated here.
 */
#include "master/core/tables.h"

#include "libdfsproto/wire/record.h"
#include "master/core/state_i.h"

#define DFS_TABLE "libdfsproto/schema/disk_master.def"
#include "libdfsproto/wire/rows_code.h"
#undef DFS_TABLE

static void store_big_endian(u8 *at, u64 value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		at[i] = (u8)value;
}

static u64 load_big_endian(const u8 *at)
{
	u64 value = 0;
	for (int i = 0; i < 8; i++)
		value = value << 8 | at[i];
	return value;
}

struct ms_key ms_key0(enum ms_table table)
{
	return (struct ms_key){.head = {(u8)table}, .head_bytes = 1};
}

struct ms_key ms_key1(enum ms_table table, u64 first)
{
	struct ms_key key = ms_key0(table);
	store_big_endian(key.head + 1, first);
	key.head_bytes = 9;
	return key;
}

struct ms_key ms_key2(enum ms_table table, u64 first, u64 second)
{
	struct ms_key key = ms_key1(table, first);
	store_big_endian(key.head + 9, second);
	key.head_bytes = 17;
	return key;
}

struct ms_key ms_key_name(enum ms_table table, u64 first, struct dfs_span name)
{
	struct ms_key key = ms_key1(table, first);
	key.tail = name;
	return key;
}

u64 ms_key_first(struct dfs_span key)
{
	DFS_ASSERT(key.length >= 9);
	return load_big_endian(key.data + 1);
}

u64 ms_key_second(struct dfs_span key)
{
	DFS_ASSERT(key.length >= 17);
	return load_big_endian(key.data + 9);
}

static struct dfs_span flatten(const struct ms_key *key, u8 buffer[MS_KEY_BYTES_MAX])
{
	DFS_ASSERT(key->tail.length <= DFS_XATTR_NAME_BYTES_MAX);
	if (key->tail.length == 0)
		return dfs_span(key->head, key->head_bytes);
	memcpy(buffer, key->head, key->head_bytes);
	memcpy(buffer + key->head_bytes, key->tail.data, key->tail.length);
	return dfs_span(buffer, key->head_bytes + key->tail.length);
}

int ms_fail(struct ms_state *state, int error)
{
	DFS_ASSERT(error < 0);
	if (state->failure == 0)
		state->failure = error;
	return state->failure;
}

int ms_must(struct ms_state *state, int status)
{
	return status == DFS_ENOENT ? ms_fail(state, DFS_ECORRUPT) : status;
}

static int get(struct ms_state *state, const struct ms_key *key, struct dfs_span *ret_value)
{
	u8 buffer[MS_KEY_BYTES_MAX];
	int status = dfs_kv_get(state->kv, flatten(key, buffer), ret_value);
	if (status == 0 || status == DFS_ENOENT)
		return status;
	return ms_fail(state, status);
}

static void put(struct ms_state *state, const struct ms_key *key, enum ms_table table)
{
	u8 buffer[MS_KEY_BYTES_MAX];
	dfs_kv_batch_put(&state->batch, flatten(key, buffer),
			 dfs_record_seal(&state->writer, MS_MAGIC(table)));
}

/* A row that does not open or decode is damage: no build of ours wrote it. A row of a newer version
 * under a format we know is treated alike, since nothing may be changed around it. */
#define ROW(name, TABLE)                                                                           \
	int ms_row_##name##_open(struct ms_state *state, struct dfs_span value,                    \
				 struct dfs_row_##name *ret_row)                                   \
	{                                                                                          \
		u16 version;                                                                       \
		struct dfs_span body;                                                              \
		int status = dfs_record_open(value, MS_MAGIC(MS_TABLE_##TABLE), MS_DISK_VERSION,   \
					     &version, &body);                                     \
		if (status == 0 && dfs_row_##name##_decode(body, version, ret_row) != 0)           \
			status = DFS_ECORRUPT;                                                     \
		return status == 0 ? 0 : ms_fail(state, status);                                   \
	}                                                                                          \
	int ms_row_##name##_get(struct ms_state *state, struct ms_key key,                         \
				struct dfs_row_##name *ret_row)                                    \
	{                                                                                          \
		struct dfs_span value;                                                             \
		int status = get(state, &key, &value);                                             \
		return status == 0 ? ms_row_##name##_open(state, value, ret_row) : status;         \
	}                                                                                          \
	void ms_row_##name##_put(struct ms_state *state, struct ms_key key,                        \
				 const struct dfs_row_##name *row)                                 \
	{                                                                                          \
		dfs_record_begin(&state->writer);                                                  \
		dfs_row_##name##_put(&state->writer, row);                                         \
		put(state, &key, MS_TABLE_##TABLE);                                                \
	}
ROW(format, FORMAT)
ROW(counters, COUNTERS)
ROW(inode, INODE)
ROW(dentry, DENTRY)
ROW(symlink, SYMLINK)
ROW(xattr, XATTR)
ROW(map, MAP)
ROW(chunk, CHUNK)
ROW(session, SESSION)
ROW(result, RESULT)
ROW(orphan, ORPHAN)
ROW(garbage, GARBAGE)
ROW(trim, TRIM)
ROW(cut, CUT)
ROW(quota, QUOTA)
ROW(trash, TRASH)
#undef ROW

void ms_row_delete(struct ms_state *state, struct ms_key key)
{
	u8 buffer[MS_KEY_BYTES_MAX];
	dfs_kv_batch_delete(&state->batch, flatten(&key, buffer));
}

void ms_row_delete_range(struct ms_state *state, struct ms_key from, struct ms_key to)
{
	u8 from_buffer[MS_KEY_BYTES_MAX];
	u8 to_buffer[MS_KEY_BYTES_MAX];
	dfs_kv_batch_delete_range(&state->batch, flatten(&from, from_buffer),
				  flatten(&to, to_buffer));
}

void ms_scan_begin(struct ms_scan *scan, struct ms_state *state, struct ms_key from,
		   struct ms_key to)
{
	u8 from_buffer[MS_KEY_BYTES_MAX];
	u8 to_buffer[MS_KEY_BYTES_MAX];
	memset(scan, 0, sizeof(*scan));
	scan->state = state;
	scan->iter =
	    dfs_kv_iter_new(state->kv, flatten(&from, from_buffer), flatten(&to, to_buffer));
}

bool ms_scan_next(struct ms_scan *scan)
{
	return dfs_kv_iter_next(scan->state->kv, scan->iter, &scan->key, &scan->value);
}

int ms_scan_end(struct ms_scan *scan)
{
	int status = dfs_kv_iter_free(scan->state->kv, scan->iter);
	scan->iter = NULL;
	return status == 0 ? 0 : ms_fail(scan->state, status);
}
