/*
 * What changes the tree of model_fs.h, with the errors that Linux gives and the order it finds them
 * in.
 */
#include "tests/sim/model_fs_i.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/wire/messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int model_make(struct model_fs *fs, const char *path, u32 mode, u32 rdev, const char *target,
	       bool apply)
{
	struct model_node *parent;
	const char *name;
	int status;
	if (model_find_entry(fs, path, &parent, &name, &status) != NULL)
		return DFS_EEXIST;
	if (status != DFS_ENOENT || parent == NULL)
		return status;
	if (!apply)
		return 0;
	struct model_node *node = model_node_new(fs, mode);
	node->rdev = rdev;
	node->target = target == NULL ? NULL : strdup(target);
	model_acl_inherit(node, parent);
	model_entry_add(parent, name, node);
	return 0;
}

int model_link(struct model_fs *fs, const char *from, const char *to, bool apply)
{
	struct model_node *parent;
	const char *name;
	int status;
	struct model_node *node = model_find(fs, from, &status);
	if (node == NULL)
		return status;
	if (model_find_entry(fs, to, &parent, &name, &status) != NULL)
		return DFS_EEXIST;
	if (status != DFS_ENOENT || parent == NULL)
		return status;
	if (S_ISDIR(node->mode))
		return DFS_EPERM;
	if (!apply)
		return 0;
	node->nlink++;
	model_entry_add(parent, name, node);
	return 0;
}

int model_unlink(struct model_fs *fs, const char *path, bool apply)
{
	struct model_node *parent;
	const char *name;
	int status;
	struct model_entry *entry = model_find_entry(fs, path, &parent, &name, &status);
	if (entry == NULL)
		return status;
	if (S_ISDIR(entry->node->mode))
		return DFS_EISDIR;
	if (!apply)
		return 0;
	struct model_node *node = entry->node;
	model_entry_remove(parent, entry);
	node->nlink--;
	model_unnamed(fs, node);
	return 0;
}

int model_rmdir(struct model_fs *fs, const char *path, bool apply)
{
	struct model_node *parent;
	const char *name;
	int status;
	struct model_entry *entry = model_find_entry(fs, path, &parent, &name, &status);
	if (entry == NULL)
		return status;
	if (!S_ISDIR(entry->node->mode))
		return DFS_ENOTDIR;
	if (entry->node->entries_count > 0)
		return DFS_ENOTEMPTY;
	if (!apply)
		return 0;
	struct model_node *node = entry->node;
	model_entry_remove(parent, entry);
	node->nlink = 0;
	model_unnamed(fs, node);
	return 0;
}

static bool inside(const struct model_node *inner, const struct model_node *outer)
{
	for (; inner != NULL; inner = inner->parent) {
		if (inner == outer)
			return true;
	}
	return false;
}

static int replace_status(const struct model_node *old, const struct model_node *new)
{
	if (S_ISDIR(old->mode) && !S_ISDIR(new->mode))
		return DFS_ENOTDIR;
	if (!S_ISDIR(old->mode) && S_ISDIR(new->mode))
		return DFS_EISDIR;
	if (S_ISDIR(new->mode) && new->entries_count > 0)
		return DFS_ENOTEMPTY;
	return 0;
}

static void exchange(struct model_node *from, struct model_entry *a, struct model_node *to,
		     struct model_entry *b)
{
	struct model_node *old = a->node, *new = b->node;
	from->nlink -= S_ISDIR(old->mode);
	to->nlink -= S_ISDIR(new->mode);
	from->nlink += S_ISDIR(new->mode);
	to->nlink += S_ISDIR(old->mode);
	a->node = new;
	b->node = old;
	if (S_ISDIR(new->mode))
		new->parent = from;
	if (S_ISDIR(old->mode))
		old->parent = to;
	from->mtime_known = to->mtime_known = false;
}

int model_rename(struct model_fs *fs, const char *from, const char *to, u32 flags, bool apply)
{
	struct model_node *old_parent, *new_parent;
	const char *old_name, *new_name;
	int old_status, new_status = 0;
	struct model_entry *old = model_find_entry(fs, from, &old_parent, &old_name, &old_status);
	if (old_parent == NULL)
		return old_status;
	struct model_entry *new = model_find_entry(fs, to, &new_parent, &new_name, &new_status);
	if (new_parent == NULL)
		return new_status;
	if (old == NULL)
		return old_status;
	if (new == NULL && new_status != DFS_ENOENT)
		return new_status;
	if (new != NULL && (flags & DFS_RENAME_NOREPLACE) != 0)
		return DFS_EEXIST;
	if (new == NULL && (flags & DFS_RENAME_EXCHANGE) != 0)
		return DFS_ENOENT;
	if (inside(new_parent, old->node))
		return DFS_EINVAL;
	if (new != NULL && inside(old_parent, new->node))
		return (flags & DFS_RENAME_EXCHANGE) != 0 ? DFS_EINVAL : DFS_ENOTEMPTY;
	if (new != NULL &&new->node == old->node)
		return 0;
	if ((flags & DFS_RENAME_EXCHANGE) != 0) {
		if (apply)
			exchange(old_parent, old, new_parent, new);
		return 0;
	}
	int status = new == NULL ? 0 : replace_status(old->node, new->node);
	if (status != 0 || !apply)
		return status;
	struct model_node *moved = old->node, *replaced = new == NULL ? NULL : new->node;
	char name[256];
	snprintf(name, sizeof(name), "%s", new_name);
	if (new != NULL)
		model_entry_remove(new_parent, new);
	model_entry_remove(old_parent, old);
	model_entry_add(new_parent, name, moved);
	if (replaced != NULL) {
		replaced->nlink -= S_ISDIR(replaced->mode) ? replaced->nlink : 1;
		model_unnamed(fs, replaced);
	}
	return (flags & DFS_RENAME_WHITEOUT) != 0 ? model_make(fs, from, S_IFCHR, 0, NULL, true)
						  : 0;
}

struct model_node *model_make_nameless(struct model_fs *fs, const struct model_node *directory,
				       u32 mode)
{
	struct model_node *node = model_node_new(fs, mode);
	node->nlink = 0;
	node->linkable = true;
	model_acl_inherit(node, directory);
	model_hold(node);
	return node;
}

int model_name(struct model_fs *fs, struct model_node *node, const char *path, bool apply)
{
	struct model_node *parent;
	const char *name;
	int status;
	DFS_ASSERT(node->trashed || node->linkable);
	if (model_find_entry(fs, path, &parent, &name, &status) != NULL)
		return DFS_EEXIST;
	if (status != DFS_ENOENT || parent == NULL)
		return status;
	if (!apply)
		return 0;
	node->trashed = false;
	node->linkable = false;
	node->nlink = S_ISDIR(node->mode) ? 2 : 1;
	model_entry_add(parent, name, node);
	return 0;
}

/* --- Extended attributes. --- */

struct model_xattr *model_xattr(const struct model_node *node, const char *name)
{
	dfs_list_for_each (link, &node->xattrs) {
		struct model_xattr *xattr = dfs_list_entry(link, struct model_xattr, link);
		if (strcmp(xattr->name, name) == 0)
			return xattr;
	}
	return NULL;
}

void model_xattr_put(struct model_node *node, const char *name, const u8 *value, u32 length)
{
	struct model_xattr *xattr = model_xattr(node, name);
	if (xattr == NULL) {
		xattr = calloc(1, sizeof(*xattr));
		DFS_ASSERT(xattr != NULL);
		snprintf(xattr->name, sizeof(xattr->name), "%s", name);
		struct dfs_list *at = node->xattrs.prev;
		while (at != &node->xattrs &&
		       strcmp(dfs_list_entry(at, struct model_xattr, link)->name, name) > 0)
			at = at->prev;
		dfs_list_insert_after(at, &xattr->link);
	}
	DFS_ASSERT(length <= sizeof(xattr->value));
	memcpy(xattr->value, value, length);
	xattr->length = length;
}

void model_xattr_drop(struct model_node *node, const char *name)
{
	struct model_xattr *xattr = model_xattr(node, name);
	if (xattr == NULL)
		return;
	dfs_list_remove(&xattr->link);
	free(xattr);
}

int model_setxattr(struct model_fs *fs, const char *path, const char *name, const u8 *value,
		   u32 length, u32 flags, bool apply)
{
	int status;
	struct model_node *node = model_find(fs, path, &status);
	if (node == NULL)
		return status;
	if (model_is_acl(name))
		return model_acl_set(node, name, value, length, apply);
	struct model_xattr *xattr = model_xattr(node, name);
	if (xattr != NULL && (flags & DFS_SETXATTR_CREATE) != 0)
		return DFS_EEXIST;
	if (xattr == NULL && (flags & DFS_SETXATTR_REPLACE) != 0)
		return DFS_ENODATA;
	if (apply)
		model_xattr_put(node, name, value, length);
	return 0;
}

int model_removexattr(struct model_fs *fs, const char *path, const char *name, bool apply)
{
	int status;
	struct model_node *node = model_find(fs, path, &status);
	if (node == NULL)
		return status;
	if (model_xattr(node, name) == NULL)
		return model_is_acl(name) ? 0 : DFS_ENODATA;
	if (apply)
		model_xattr_drop(node, name);
	return 0;
}
