/*
 * Which names extended attributes may have: xattr(7), as ext4 answers. Client and master both ask.
 */
#ifndef DFS_WIRE_XATTR_NAME_H
#define DFS_WIRE_XATTR_NAME_H

#include "libdfsproto/wire/messages.h"

#define DFS_XATTR_ACL_ACCESS  "system.posix_acl_access"
#define DFS_XATTR_ACL_DEFAULT "system.posix_acl_default"

/* 0; DFS_ENOTSUP for a name space that is not there, as all of `system.` but the access control
 * lists; DFS_EINVAL for nothing behind it, or a NUL inside. */
int dfs_xattr_name_check(struct dfs_span name);
/* Which access control list it is, as in ATTR.acls; 0: none. */
u8 dfs_xattr_acl(struct dfs_span name);
/* For everybody who may write the file; only files and directories carry such. */
bool dfs_xattr_is_user(struct dfs_span name);
/* Only for those who may administer the system: others do not even see it. */
bool dfs_xattr_is_trusted(struct dfs_span name);

#endif
