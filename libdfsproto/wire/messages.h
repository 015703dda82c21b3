/*
 * The messages of schema/wire.def and the operations of schema/ops.def as C structs with their
 * codecs, and the numbers that travel in headers.
 */
#ifndef DFS_WIRE_MESSAGES_H
#define DFS_WIRE_MESSAGES_H

#include "libdfsproto/wire/coding.h"

#define DFS_PROTOCOL_VERSION     1
#define DFS_PROTOCOL_VERSION_MIN 1

#define DFS_TABLE                "libdfsproto/schema/wire.def"
#include "libdfsproto/wire/rows.h"
#undef DFS_TABLE
#define DFS_TABLE "libdfsproto/schema/ops.def"
#include "libdfsproto/wire/rows.h"
#undef DFS_TABLE

#define RECORD(NAME, name, doc)
#define FIELD(type, name, unit, since, doc)
#define BYTES(name, max, unit, since, doc)
#define INLINE(record, name, since, doc)
#define LIST(record, name, max, since, doc)
#define END(name)
#define MSG(NAME, name, number, since, doc) DFS_MSG_##NAME = number,
enum dfs_msg {
#include "libdfsproto/schema/wire.def"
};
#undef MSG
#define MSG(NAME, name, number, since, doc) DFS_OP_##NAME = number,
enum dfs_op {
#include "libdfsproto/schema/ops.def"
};
#include "libdfsproto/wire/rows_end.h"

#define DFS_MSG_REQUESTS   32 /* Messages below are the session's own; requests start here. */
#define DFS_OP_FROM_LEADER 64 /* Operations from here on are the leader's own. */

enum dfs_role { DFS_ROLE_MASTER = 1, DFS_ROLE_CHUNKSERVER, DFS_ROLE_CLIENT, DFS_ROLE_ADMIN };
enum dfs_held_state { DFS_HELD_GOOD, DFS_HELD_SUSPECT, DFS_HELD_GONE };
enum dfs_disk_state { DFS_DISK_IN_USE, DFS_DISK_FULL, DFS_DISK_FAILED };
enum dfs_chunk_state { DFS_CHUNK_UNKNOWN, DFS_CHUNK_MAPPED, DFS_CHUNK_GARBAGE, DFS_CHUNK_GRANTED };
enum dfs_setattr_bits {
	DFS_SETATTR_MODE = 1,
	DFS_SETATTR_UID = 2,
	DFS_SETATTR_GID = 4,
	DFS_SETATTR_SIZE = 8,
	DFS_SETATTR_ATIME = 16,
	DFS_SETATTR_MTIME = 32,
	DFS_SETATTR_ATIME_NOW = 64,
	DFS_SETATTR_MTIME_NOW = 128,
};
enum dfs_rename_bits {
	DFS_RENAME_NOREPLACE = 1,
	DFS_RENAME_EXCHANGE = 2,
	DFS_RENAME_WHITEOUT = 4,
};
enum dfs_allocate_bits { DFS_ALLOCATE_KEEP_SIZE = 1, DFS_ALLOCATE_PUNCH = 2 };
enum dfs_make_nameless { DFS_NAMELESS_EVER = 1, DFS_NAMELESS_YET = 2 };
enum dfs_setxattr_bits {
	DFS_SETXATTR_CREATE = 1,
	DFS_SETXATTR_REPLACE = 2,
	DFS_SETXATTR_DROP_SGID = 4,
};

/* ATTR.acls: lists that an inode has. */
enum dfs_acl_bits { DFS_ACL_ACCESS = 1, DFS_ACL_DEFAULT = 2 };

/* Whose quota: the first number of its row's key. */
enum dfs_quota_kind { DFS_QUOTA_USER = 1, DFS_QUOTA_GROUP = 2, DFS_QUOTA_TREE = 3 };
enum dfs_quota_state { DFS_QUOTA_WHOLE, DFS_QUOTA_COUNTING, DFS_QUOTA_ENDING };
enum dfs_quota_bits {
	DFS_QUOTA_SET_BYTES = 1,
	DFS_QUOTA_SET_INODES = 2,
	DFS_QUOTA_SET_GRACE = 4,
	DFS_QUOTA_COUNTED = 8,
	DFS_QUOTA_END = 16,
};
#define DFS_ROOM_ALL  UINT64_MAX /* room.bytes: no limit. */

#define DFS_VALID_ALL UINT32_MAX /* location.valid: no bound. */
#define DFS_SEEK_NONE UINT32_MAX /* seek_reply.offset: no more data. */
#define DFS_INO_ROOT  1

/* "WRITE", or "UNKNOWN". */
const char *dfs_msg_name(u16 type);
const char *dfs_op_name(u16 op);
/* Does a message of this type ask for a reply? Not so: *_REPLY rows, session messages, unknown
 * ones. */
bool dfs_msg_is_request(u16 type);
/* One message as text, whatever its type; "malformed" when it does not decode. */
void dfs_msg_dump(struct dfs_text *text, u16 type, struct dfs_span body, u16 version);
void dfs_op_dump(struct dfs_text *text, u16 op, struct dfs_span body, u16 version);

#endif
