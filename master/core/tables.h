/*
 * Keys and rows of the master's tables. A key is the table's byte, then big-endian numbers (so that
 * memcmp orders rows by number), then at most one name. A row is coded by schema/disk_master.def
 * and sealed (wire/record.h) under the magic of its table.
 *
 * Reading goes to the store; writing goes to the batch of the operation that is being applied, and
 * is not seen by reads before that batch is written: an operation loads what it changes once
 * (txn.h). Any error but "absent" is remembered in the state: then the store is broken and nothing
 * is applied any more.
 */
#ifndef DFS_MASTER_TABLES_H
#define DFS_MASTER_TABLES_H

#include "master/core/state.h"

#define DFS_TABLE "libdfsproto/schema/disk_master.def"
#include "libdfsproto/wire/rows.h"
#undef DFS_TABLE

#define MS_DISK_VERSION   1 /* Newest version of the rows. */
#define MS_FORMAT_VERSION 1 /* Layout of keys and tables. */

/* Stored answers hold the wire's ATTR: a field that a protocol version adds to it is kept on disk
 * only if the rows' version grows along. */
_Static_assert(MS_DISK_VERSION >= DFS_PROTOCOL_VERSION, "every field of ATTR is stored");

/* The first byte of each key: never reused. */
enum ms_table {
	MS_TABLE_FORMAT = 1,   /* One row. */
	MS_TABLE_COUNTERS = 2, /* One row. */
	MS_TABLE_INODE = 3,    /* ino */
	MS_TABLE_DENTRY = 4,   /* parent, cookie (dentry.c) */
	MS_TABLE_SYMLINK = 5,  /* ino */
	MS_TABLE_XATTR = 6,    /* ino, name */
	MS_TABLE_MAP = 7,      /* ino, index */
	MS_TABLE_CHUNK = 8,    /* chunk */
	MS_TABLE_SESSION = 9,  /* session */
	MS_TABLE_RESULT = 10,  /* session, sequence */
	MS_TABLE_ORPHAN = 11,  /* ino */
	MS_TABLE_GARBAGE = 12, /* chunk */
	MS_TABLE_TRIM = 13,    /* ino, index */
	MS_TABLE_CUT = 14,     /* ino */
	MS_TABLE_QUOTA = 15,   /* enum dfs_quota_kind, id */
	MS_TABLE_TRASH = 16,   /* expires, ino */
	MS_TABLE_END,
};

#define MS_MAGIC(table)   ((u16)(0x4d00 | (table)))

#define MS_KEY_HEAD_BYTES 17u
#define MS_KEY_BYTES_MAX  (MS_KEY_HEAD_BYTES + DFS_XATTR_NAME_BYTES_MAX)
_Static_assert(MS_KEY_BYTES_MAX <= DFS_KV_KEY_BYTES_MAX, "the store takes every key");

struct ms_key {
	u8 head[MS_KEY_HEAD_BYTES];
	u8 head_bytes;
	struct dfs_span tail; /* Borrowed. */
};

struct ms_key ms_key0(enum ms_table table);
struct ms_key ms_key1(enum ms_table table, u64 first);
struct ms_key ms_key2(enum ms_table table, u64 first, u64 second);
struct ms_key ms_key_name(enum ms_table table, u64 first, struct dfs_span name);

/* The numbers inside a key that came from the store; the key must be long enough. */
u64 ms_key_first(struct dfs_span key);
u64 ms_key_second(struct dfs_span key);

/* One row's calls: open a value that a scan gave, get, put. Spans inside a row that was got are
 * borrowed until the next get. get: 0, DFS_ENOENT, or the store's failure. */
#define MS_ROW(name)                                                                               \
	int ms_row_##name##_open(struct ms_state *state, struct dfs_span value,                    \
				 struct dfs_row_##name *ret_row);                                  \
	int ms_row_##name##_get(struct ms_state *state, struct ms_key key,                         \
				struct dfs_row_##name *ret_row);                                   \
	void ms_row_##name##_put(struct ms_state *state, struct ms_key key,                        \
				 const struct dfs_row_##name *row);
#define MS_ROWS                                                                                    \
	MS_ROW(format)                                                                             \
	MS_ROW(counters)                                                                           \
	MS_ROW(inode)                                                                              \
	MS_ROW(dentry)                                                                             \
	MS_ROW(symlink)                                                                            \
	MS_ROW(xattr)                                                                              \
	MS_ROW(map)                                                                                \
	MS_ROW(chunk)                                                                              \
	MS_ROW(session)                                                                            \
	MS_ROW(result)                                                                             \
	MS_ROW(orphan)                                                                             \
	MS_ROW(garbage)                                                                            \
	MS_ROW(trim)                                                                               \
	MS_ROW(cut)                                                                                \
	MS_ROW(quota)                                                                              \
	MS_ROW(trash)
MS_ROWS
#undef MS_ROW

void ms_row_delete(struct ms_state *state, struct ms_key key);
/* All keys in [from, to). */
void ms_row_delete_range(struct ms_state *state, struct ms_key from, struct ms_key to);

/* Rows with keys in [from, to), as the store is now. */
struct ms_scan {
	struct ms_state *state;
	struct dfs_kv_iter *iter;
	struct dfs_span key; /* Both borrowed until the next call on this scan. */
	struct dfs_span value;
};
void ms_scan_begin(struct ms_scan *scan, struct ms_state *state, struct ms_key from,
		   struct ms_key to);
bool ms_scan_next(struct ms_scan *scan);
/* 0 or the store's failure. */
int ms_scan_end(struct ms_scan *scan);

/* Remember the first failure of the store; gives it back. */
int ms_fail(struct ms_state *state, int error);
/* The status of getting a row that other rows say exists: absent is DFS_ECORRUPT, a failure. */
int ms_must(struct ms_state *state, int status);

#endif
