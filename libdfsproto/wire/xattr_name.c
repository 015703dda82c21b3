/*
 * The name spaces of extended attributes: see xattr_name.h.
 */
#include "libdfsproto/wire/xattr_name.h"

static bool has_prefix(struct dfs_span name, const char *prefix)
{
	size_t length = strlen(prefix);
	return name.length >= length && memcmp(name.data, prefix, length) == 0;
}

u8 dfs_xattr_acl(struct dfs_span name)
{
	if (dfs_span_equal(name, dfs_span_text(DFS_XATTR_ACL_ACCESS)))
		return DFS_ACL_ACCESS;
	return dfs_span_equal(name, dfs_span_text(DFS_XATTR_ACL_DEFAULT)) ? DFS_ACL_DEFAULT : 0;
}

bool dfs_xattr_is_user(struct dfs_span name)
{
	return has_prefix(name, "user.");
}

bool dfs_xattr_is_trusted(struct dfs_span name)
{
	return has_prefix(name, "trusted.");
}

int dfs_xattr_name_check(struct dfs_span name)
{
	static const char *const spaces[] = {"user.", "trusted.", "security."};
	if (name.length == 0 || memchr(name.data, 0, name.length) != NULL)
		return DFS_EINVAL;
	if (dfs_xattr_acl(name) != 0)
		return 0;
	for (size_t i = 0; i < dfs_array_count(spaces); i++) {
		if (has_prefix(name, spaces[i]))
			return name.length > strlen(spaces[i]) ? 0 : DFS_EINVAL;
	}
	return DFS_ENOTSUP;
}
