/*
 * The tree of model_fs.h: nodes, names, paths. What changes it is in model_change.c.
 */
#include "tests/sim/model_fs_i.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_MAX_BYTES = 1024 };

struct model_node *model_node_new(struct model_fs *fs, u32 mode)
{
	struct model_node *node = calloc(1, sizeof(*node));
	DFS_ASSERT(node != NULL);
	node->mode = mode;
	node->nlink = S_ISDIR(mode) ? 2 : 1;
	dfs_list_init(&node->entries);
	dfs_list_init(&node->xattrs);
	dfs_list_push_back(&fs->nodes, &node->all);
	fs->nodes_count++;
	return node;
}

static void node_free(struct model_fs *fs, struct model_node *node)
{
	while (!dfs_list_empty(&node->entries)) {
		struct model_entry *entry =
		    dfs_list_first(&node->entries, struct model_entry, link);
		dfs_list_remove(&entry->link);
		free(entry);
	}
	while (!dfs_list_empty(&node->xattrs)) {
		struct model_xattr *xattr = dfs_list_first(&node->xattrs, struct model_xattr, link);
		dfs_list_remove(&xattr->link);
		free(xattr);
	}
	history_fini(&node->data);
	free(node->target);
	dfs_list_remove(&node->all);
	fs->nodes_count--;
	free(node);
}

void model_init(struct model_fs *fs)
{
	memset(fs, 0, sizeof(*fs));
	dfs_list_init(&fs->nodes);
	fs->root = model_node_new(fs, S_IFDIR | 0755);
}

void model_fini(struct model_fs *fs)
{
	while (!dfs_list_empty(&fs->nodes))
		node_free(fs, dfs_list_first(&fs->nodes, struct model_node, all));
	fs->root = NULL;
}

void model_drop_if_gone(struct model_fs *fs, struct model_node *node)
{
	if (node->nlink == 0 && node->holds == 0 && !node->trashed)
		node_free(fs, node);
}

void model_unnamed(struct model_fs *fs, struct model_node *node)
{
	bool kept = S_ISREG(node->mode) || S_ISLNK(node->mode) || S_ISDIR(node->mode);
	if (node->nlink == 0 && fs->keeps && kept)
		node->trashed = true;
	model_drop_if_gone(fs, node);
}

void model_expire(struct model_fs *fs, struct model_node *node)
{
	DFS_ASSERT(node->trashed);
	node->trashed = false;
	model_drop_if_gone(fs, node);
}

void model_hold(struct model_node *node)
{
	node->holds++;
}

void model_unhold(struct model_fs *fs, struct model_node *node)
{
	DFS_ASSERT(node->holds > 0);
	node->holds--;
	model_drop_if_gone(fs, node);
}

/* --- Names. --- */

static struct model_entry *entry_of(const struct model_node *directory, const char *name)
{
	dfs_list_for_each (node, &directory->entries) {
		struct model_entry *entry = dfs_list_entry(node, struct model_entry, link);
		if (strcmp(entry->name, name) == 0)
			return entry;
	}
	return NULL;
}

void model_entry_add(struct model_node *directory, const char *name, struct model_node *node)
{
	struct model_entry *entry = calloc(1, sizeof(*entry));
	DFS_ASSERT(entry != NULL);
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	entry->node = node;
	dfs_list_push_back(&directory->entries, &entry->link);
	directory->entries_count++;
	directory->mtime_known = false;
	if (S_ISDIR(node->mode)) {
		node->parent = directory;
		directory->nlink++;
	}
}

void model_entry_remove(struct model_node *directory, struct model_entry *entry)
{
	if (S_ISDIR(entry->node->mode))
		directory->nlink--;
	dfs_list_remove(&entry->link);
	directory->entries_count--;
	directory->mtime_known = false;
	free(entry);
}

/* The directory a path's last component is in, and that component. */
static struct model_node *parent_of(const struct model_fs *fs, const char *path,
				    const char **ret_name, int *ret_status)
{
	struct model_node *at = fs->root;
	const char *name = path;
	for (;;) {
		const char *slash = strchr(name, '/');
		if (slash == NULL)
			break;
		char part[256];
		snprintf(part, sizeof(part), "%.*s", (int)(slash - name), name);
		struct model_entry *entry = entry_of(at, part);
		if (entry == NULL || !S_ISDIR(entry->node->mode)) {
			*ret_status = entry == NULL ? DFS_ENOENT : DFS_ENOTDIR;
			return NULL;
		}
		at = entry->node;
		name = slash + 1;
	}
	*ret_name = name;
	return at;
}

struct model_entry *model_find_entry(const struct model_fs *fs, const char *path,
				     struct model_node **ret_parent, const char **ret_name,
				     int *ret_status)
{
	*ret_parent = parent_of(fs, path, ret_name, ret_status);
	if (*ret_parent == NULL)
		return NULL;
	struct model_entry *entry = entry_of(*ret_parent, *ret_name);
	if (entry == NULL)
		*ret_status =
		    strlen(*ret_name) > DFS_NAME_BYTES_MAX ? DFS_ENAMETOOLONG : DFS_ENOENT;
	return entry;
}

struct model_node *model_find(const struct model_fs *fs, const char *path, int *ret_status)
{
	struct model_node *parent;
	const char *name;
	if (path[0] == '\0')
		return fs->root;
	struct model_entry *entry = model_find_entry(fs, path, &parent, &name, ret_status);
	return entry == NULL ? NULL : entry->node;
}

static const char *name_of(const struct model_node *directory)
{
	dfs_list_for_each (node, &directory->parent->entries) {
		struct model_entry *entry = dfs_list_entry(node, struct model_entry, link);
		if (entry->node == directory)
			return entry->name;
	}
	DFS_ASSERT(false); /* A directory is in its parent. */
	return NULL;
}

void model_path(const struct model_fs *fs, const struct model_node *directory, const char *name,
		char *ret_path)
{
	char tail[PATH_MAX_BYTES];
	snprintf(ret_path, PATH_MAX_BYTES, "%s", name);
	for (; directory != fs->root; directory = directory->parent) {
		memcpy(tail, ret_path, PATH_MAX_BYTES);
		const char *part = name_of(directory);
		size_t length = strlen(part);
		DFS_ASSERT(length + 1 + strlen(tail) < PATH_MAX_BYTES);
		memcpy(ret_path, part, length);
		ret_path[length] = '/';
		memcpy(ret_path + length + 1, tail, strlen(tail) + 1);
	}
}

u32 model_reach(const struct model_node *node)
{
	u32 reach = 0;
	if (!model_is(node, S_IFDIR))
		return 0;
	dfs_list_for_each (link, &node->entries) {
		const struct model_entry *entry = dfs_list_entry(link, struct model_entry, link);
		u32 length = (u32)strlen(entry->name) + 1;
		reach = dfs_max(reach, length + model_reach(entry->node));
	}
	return reach;
}

/* --- Choosing. --- */

struct model_node *model_pick_directory(struct model_fs *fs, struct dfs_prng *prng)
{
	struct model_node *at = fs->root;
	while (dfs_prng_below(prng, 3) != 0) { /* Walk down at random, two levels on average. */
		u32 directories = at->nlink - 2;
		if (directories == 0)
			break;
		u64 chosen = dfs_prng_below(prng, directories);
		dfs_list_for_each (link, &at->entries) {
			struct model_entry *entry = dfs_list_entry(link, struct model_entry, link);
			if (S_ISDIR(entry->node->mode) && chosen-- == 0) {
				at = entry->node;
				break;
			}
		}
	}
	return at;
}

struct model_entry *model_pick_entry(struct model_fs *fs, struct dfs_prng *prng,
				     struct model_node **ret_directory)
{
	struct model_node *directory = model_pick_directory(fs, prng);
	if (directory->entries_count == 0)
		directory = fs->root;
	if (directory->entries_count == 0)
		return NULL;
	u64 chosen = dfs_prng_below(prng, directory->entries_count);
	struct dfs_list *at = directory->entries.next;
	while (chosen-- > 0)
		at = at->next;
	*ret_directory = directory;
	return dfs_list_entry(at, struct model_entry, link);
}

static bool is_pickable(const struct model_node *node)
{
	return node->trashed && node->ino != 0;
}

struct model_node *model_pick_trashed(struct model_fs *fs, struct dfs_prng *prng)
{
	u32 count = 0;
	dfs_list_for_each (link, &fs->nodes)
		count += is_pickable(dfs_list_entry(link, struct model_node, all));
	u64 chosen = count == 0 ? 0 : dfs_prng_below(prng, count);
	dfs_list_for_each (link, &fs->nodes) {
		struct model_node *node = dfs_list_entry(link, struct model_node, all);
		if (is_pickable(node) && chosen-- == 0)
			return node;
	}
	return NULL;
}
