/*
 * POSIX access control lists: what is in one and what the permission bits have to do with it, after
 * acl(5) and the draft 17 of POSIX 1003.1e that Linux follows. In extended attributes, on the wire
 * and in the tables a list has the form of linux/posix_acl_xattr.h: u32 version 2, then for each
 * entry u16 tag, u16 permissions, u32 id, little-endian.
 *
 * Pure: nothing here knows of inodes or tables; acl_rows.c does. Who may do what is decided by the
 * kernels of the mounts.
 */
#ifndef MS_ACL_H
#define MS_ACL_H

#include "libdfsproto/base/errors.h"
#include "libdfsproto/base/limits.h"
#include "libdfsproto/base/span.h"

enum ms_acl_tag {
	MS_ACL_USER_OBJ = 0x01,
	MS_ACL_USER = 0x02,
	MS_ACL_GROUP_OBJ = 0x04,
	MS_ACL_GROUP = 0x08,
	MS_ACL_MASK = 0x10,
	MS_ACL_OTHER = 0x20,
};

struct ms_acl_entry {
	u16 tag;         /* enum ms_acl_tag */
	u16 permissions; /* 4 read, 2 write, 1 execute. */
	u32 id;          /* Of USER and GROUP; 2^32-1 for the others. */
};

struct ms_acl {
	u32 count;
	struct ms_acl_entry v[DFS_ACL_ENTRIES_MAX];
};

#define MS_ACL_BYTES_MAX (4u + 8u * DFS_ACL_ENTRIES_MAX)

/* A list from an attribute's value; the untrusted value is checked as Linux does: DFS_EINVAL,
 * DFS_ENOTSUP for another version, DFS_ENOSPC for too many entries. A value without entries gives
 * an empty list, which asks for removal. */
int ms_acl_decode(struct dfs_span value, struct ms_acl *ret_acl);
/* The canonical value of a list that is not empty: how many bytes. */
u32 ms_acl_encode(const struct ms_acl *acl, u8 ret_value[MS_ACL_BYTES_MAX]);

/* `mode` with the permissions that the list gives: owner, mask or group, others. True when they say
 * everything, so that the list need not be kept. */
bool ms_acl_mode(const struct ms_acl *acl, u32 mode, u32 *ret_mode);
/* chmod(2): owner, mask (group when there is none) and others follow the mode. */
void ms_acl_follow(struct ms_acl *acl, u32 mode);
/* A directory's default list becomes that of a new inode for which `mode` was asked; both lose what
 * the other does not grant. True when the mode says everything. */
bool ms_acl_inherit(struct ms_acl *acl, u32 mode, u32 *ret_mode);

#endif
