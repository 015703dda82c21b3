/*
 * Access control lists in the model: written apart from the master's, for two shapes of list only,
 * told apart by their length: owner, one user, group, mask, others; or owner, group, others.
 */
#include "tests/sim/model_fs_i.h"

#include "libdfsproto/base/errors.h"

#include <string.h>
#include <sys/stat.h>

enum { HEAD = 4, ENTRY = 8, NAMED = HEAD + 5 * ENTRY, PLAIN = HEAD + 3 * ENTRY };

/* Where the permissions of owner, mask (or group) and others are. */
static u8 *class_at(u8 *value, u32 length, u32 class)
{
	static const u32 of_named[] = {0, 3, 4};
	return value + HEAD + ENTRY * (length == NAMED ? of_named[class] : class) + 2;
}

static u32 mode_of(u8 *value, u32 length)
{
	return (u32)*class_at(value, length, 0) << 6 | (u32)*class_at(value, length, 1) << 3 |
	       *class_at(value, length, 2);
}

static void put_entry(u8 *value, u32 *length, u32 tag, u32 permissions, u32 id)
{
	u8 *at = value + *length;
	at[0] = (u8)tag;
	at[1] = 0;
	at[2] = (u8)permissions;
	at[3] = 0;
	for (u32 i = 0; i < 4; i++)
		at[4 + i] = (u8)(id >> 8 * i);
	*length += ENTRY;
}

u32 model_acl_draw(struct dfs_prng *prng, u8 ret_value[MODEL_ACL_BYTES_MAX])
{
	u32 length = HEAD;
	bool named = dfs_prng_below(prng, 3) != 0;
	memset(ret_value, 0, HEAD);
	ret_value[0] = 2;
	put_entry(ret_value, &length, 1, (u32)dfs_prng_below(prng, 8), UINT32_MAX);
	if (named)
		put_entry(ret_value, &length, 2, (u32)dfs_prng_below(prng, 8), 7);
	put_entry(ret_value, &length, 4, (u32)dfs_prng_below(prng, 8), UINT32_MAX);
	if (named)
		put_entry(ret_value, &length, 16, (u32)dfs_prng_below(prng, 8), UINT32_MAX);
	put_entry(ret_value, &length, 32, (u32)dfs_prng_below(prng, 8), UINT32_MAX);
	return length;
}

bool model_is_acl(const char *name)
{
	return strcmp(name, MODEL_ACL_ACCESS) == 0 || strcmp(name, MODEL_ACL_DEFAULT) == 0;
}

int model_acl_set(struct model_node *node, const char *name, const u8 *value, u32 length,
		  bool apply)
{
	u8 copy[NAMED];
	bool access = strcmp(name, MODEL_ACL_ACCESS) == 0;
	DFS_ASSERT(length == NAMED || length == PLAIN);
	if (!access && !S_ISDIR(node->mode))
		return DFS_EACCES;
	if (!apply)
		return 0;
	memcpy(copy, value, length);
	if (access)
		node->mode = (node->mode & ~0777u) | mode_of(copy, length);
	if (access && length == PLAIN)
		model_xattr_drop(node, name);
	else
		model_xattr_put(node, name, value, length);
	return 0;
}

void model_acl_chmod(struct model_node *node)
{
	struct model_xattr *list = model_xattr(node, MODEL_ACL_ACCESS);
	for (u32 i = 0; list != NULL && i < 3; i++)
		*class_at(list->value, list->length, i) = (u8)(node->mode >> (6 - 3 * i) & 7);
}

void model_acl_inherit(struct model_node *node, const struct model_node *parent)
{
	u8 value[NAMED];
	const struct model_xattr *from = model_xattr(parent, MODEL_ACL_DEFAULT);
	if (from == NULL || S_ISLNK(node->mode))
		return;
	memcpy(value, from->value, from->length);
	if (S_ISDIR(node->mode))
		model_xattr_put(node, MODEL_ACL_DEFAULT, value, from->length);
	for (u32 i = 0; i < 3; i++)
		*class_at(value, from->length, i) &= (u8)(node->mode >> (6 - 3 * i) & 7);
	node->mode = (node->mode & ~0777u) | mode_of(value, from->length);
	if (from->length == NAMED)
		model_xattr_put(node, MODEL_ACL_ACCESS, value, from->length);
}
