/*
 * Operations on attributes and on lists of names: stat, setattr, xattrs, readdir, readlink.
 */
#include "libdfsproto/base/errors.h"
#include "libdfsproto/wire/messages.h"
#include "tests/sim/world/actor.h"

#include <stdio.h>
#include <sys/stat.h>

static u64 draw(struct actor *actor, u64 bound)
{
	return dfs_prng_below(&actor->proc.prng, bound);
}

static struct model_node *pick(struct actor *actor, char ret_path[PATH_BYTES])
{
	struct model_node *directory;
	struct model_entry *entry = model_pick_entry(&actor->fs, &actor->proc.prng, &directory);
	if (entry == NULL)
		return NULL;
	model_path(&actor->fs, directory, entry->name, ret_path);
	return entry->node;
}

#define CHECK_FIELD(field, got, expected)                                                          \
	do {                                                                                       \
		if ((u64)(got) != (u64)(expected))                                                 \
			world_fail(actor->world, "%s: %s has %s %llu, expected %llu", actor->name, \
				   path, field, (unsigned long long)(got),                         \
				   (unsigned long long)(expected));                                \
	} while (0)

void actor_check_attr(struct actor *actor, const char *path, struct model_node *node,
		      const struct dfs_attr *attr)
{
	if (node->ino == 0)
		node->ino = attr->ino;
	CHECK_FIELD("ino", attr->ino, node->ino);
	CHECK_FIELD("mode", attr->mode, node->mode);
	CHECK_FIELD("nlink", attr->nlink, node->nlink);
	CHECK_FIELD("uid", attr->uid, node->uid);
	CHECK_FIELD("gid", attr->gid, node->gid);
	CHECK_FIELD("rdev", attr->rdev, node->rdev);
	if (node->mtime_known)
		CHECK_FIELD("mtime", attr->mtime, node->mtime);
	const struct history *data = &node->data;
	if (model_is(node, S_IFREG) && !data->size_uncertain &&
	    (attr->size < history_size_least(data, DFS_CHUNK_SHIFT) ||
	     attr->size > history_size(data)))
		CHECK_FIELD("size", attr->size, history_size(data));
	if (model_is(node, S_IFLNK))
		CHECK_FIELD("size", attr->size, strlen(node->target));
}

bool act_stat(struct actor *actor)
{
	char path[PATH_BYTES], full[PATH_BYTES];
	struct model_node *node = pick(actor, path);
	if (node == NULL)
		return false;
	struct dfs_attr attr;
	int got = proc_stat(&actor->proc, actor_full(actor, path, full), &attr);
	if (actor_judge(actor, got, 0, "stat", path) == SAME)
		actor_check_attr(actor, path, node, &attr);
	if (!model_is(node, S_IFLNK))
		return true;
	char target[DFS_SYMLINK_BYTES_MAX + 1];
	got = proc_readlink(&actor->proc, full, target, sizeof(target));
	if (actor_judge(actor, got, 0, "readlink", path) == SAME &&
	    strcmp(target, node->target) != 0)
		world_fail(actor->world, "%s: link %s points to %s", actor->name, path, target);
	return true;
}

/* --- chmod, chown, utimens. --- */

static void draw_attributes(struct actor *actor, const struct model_node *node,
			    struct dfs_setattr *set)
{
	memset(set, 0, sizeof(*set));
	switch (draw(actor, 3)) {
	case 0:
		set->valid = DFS_SETATTR_MODE;
		set->mode = (node->mode & S_IFMT) | (u32)draw(actor, 01000);
		break;
	case 1:
		set->valid = DFS_SETATTR_UID | DFS_SETATTR_GID;
		set->uid = (u32)draw(actor, 5);
		set->gid = (u32)draw(actor, 5);
		break;
	default:
		set->valid = DFS_SETATTR_MTIME | DFS_SETATTR_ATIME;
		set->mtime = (s64)draw(actor, UINT64_C(2000000000) * DFS_SEC);
		set->atime = set->mtime - 1;
		break;
	}
}

static bool took_effect(const struct dfs_setattr *set, const struct dfs_attr *attr)
{
	if ((set->valid & DFS_SETATTR_MODE) != 0)
		return attr->mode == set->mode;
	if ((set->valid & DFS_SETATTR_UID) != 0)
		return attr->uid == set->uid && attr->gid == set->gid;
	return attr->mtime == set->mtime;
}

static void apply(struct model_node *node, const struct dfs_setattr *set)
{
	if ((set->valid & DFS_SETATTR_MODE) != 0)
		node->mode = set->mode;
	model_acl_chmod(node);
	if ((set->valid & DFS_SETATTR_UID) != 0) {
		node->uid = set->uid;
		node->gid = set->gid;
	}
	if ((set->valid & DFS_SETATTR_MTIME) != 0) {
		node->mtime_known = true;
		node->mtime = set->mtime;
	}
}

bool act_attributes(struct actor *actor)
{
	char path[PATH_BYTES], full[PATH_BYTES];
	struct model_node *node = pick(actor, path);
	if (node == NULL || model_is(node, S_IFLNK))
		return false;
	struct dfs_setattr set;
	struct dfs_attr attr;
	draw_attributes(actor, node, &set);
	/* Times of a file with data on its way may be set by that data too. */
	if ((set.valid & DFS_SETATTR_MTIME) != 0 && node->holds > 0)
		return false;
	int got = proc_setattr(&actor->proc, actor_full(actor, path, full), &set, &attr);
	if (actor_judge(actor, got, 0, "setattr", path) == DOUBT) {
		if (actor_ask_stat(actor, path, &attr) != 0 || !took_effect(&set, &attr))
			return true;
	}
	apply(node, &set);
	actor_check_attr(actor, path, node, &attr);
	return true;
}

/* --- Extended attributes. --- */

static void check_xattr(struct actor *actor, const char *path, const char *name)
{
	char full[PATH_BYTES];
	struct answer value = {0};
	int status;
	const struct model_node *node = model_find(&actor->fs, path, &status);
	const struct model_xattr *xattr = model_xattr(node, name);
	int got = proc_getxattr(&actor->proc, actor_full(actor, path, full), name, &value);
	int predicted = xattr == NULL ? DFS_ENODATA : 0;
	if (actor_judge(actor, got, predicted, "getxattr", path) == SAME && got == 0 &&
	    (value.bytes_count != xattr->length ||
	     memcmp(value.bytes, xattr->value, xattr->length) != 0))
		world_fail(actor->world, "%s: %s has a wrong %s", actor->name, path, name);
	answer_clear(&value);
}

static void check_xattr_list(struct actor *actor, const char *path, const struct model_node *node)
{
	char full[PATH_BYTES];
	struct answer names = {0};
	int got = proc_listxattr(&actor->proc, actor_full(actor, path, full), &names);
	if (actor_judge(actor, got, 0, "listxattr", path) == SAME) {
		u32 at = 0;
		dfs_list_for_each (link, &node->xattrs) {
			const struct model_xattr *xattr =
			    dfs_list_entry(link, struct model_xattr, link);
			u32 length = (u32)strlen(xattr->name) + 1;
			if (names.bytes_count - at < length ||
			    memcmp(names.bytes + at, xattr->name, length) != 0)
				world_fail(actor->world, "%s: %s does not list %s", actor->name,
					   path, xattr->name);
			at += length;
		}
		CHECK_FIELD("bytes of xattr names", names.bytes_count, at);
	}
	answer_clear(&names);
}

void actor_check_xattrs(struct actor *actor, const char *path, const struct model_node *node)
{
	check_xattr_list(actor, path, node);
	dfs_list_for_each (link, &node->xattrs)
		check_xattr(actor, path, dfs_list_entry(link, struct model_xattr, link)->name);
}

/* Is its value the one that was to be set? */
static bool xattr_is(struct actor *actor, const char *path, const char *name, const u8 *value,
		     u32 length, bool *ret_absent)
{
	char full[PATH_BYTES];
	struct answer got;
	actor_full(actor, path, full);
	for (;;) {
		memset(&got, 0, sizeof(got));
		int status = proc_getxattr(&actor->proc, full, name, &got);
		bool equal = status == 0 && got.bytes_count == length &&
			     memcmp(got.bytes, value, length) == 0;
		answer_clear(&got);
		*ret_absent = status == DFS_ENODATA;
		if (status != MOUNT_DIED && status != DFS_EINTR)
			return equal;
		actor_wait_settled(actor, status == MOUNT_DIED);
	}
}

bool act_xattr(struct actor *actor)
{
	static const char *const names[] = {"user.a", "user.bb", "user.c.d", "trusted.x"};
	char path[PATH_BYTES], full[PATH_BYTES];
	struct model_node *node = pick(actor, path);
	if (node == NULL || !(model_is(node, S_IFREG) || model_is(node, S_IFDIR)))
		return false; /* The VFS refuses the others. */
	const char *name = names[draw(actor, dfs_array_count(names))];
	actor_full(actor, path, full);
	u64 kind = draw(actor, 4);
	bool absent;
	u8 value[200];
	u32 length = (u32)draw(actor, sizeof(value) + 1);
	for (u32 i = 0; i < length; i++)
		value[i] = (u8)draw(actor, 256);
	if (kind == 0) {
		int predicted = model_removexattr(&actor->fs, path, name, false);
		int got = proc_removexattr(&actor->proc, full, name);
		enum verdict verdict = actor_judge(actor, got, predicted, "removexattr", path);
		if (verdict == DOUBT)
			(void)xattr_is(actor, path, name, value, length, &absent);
		if (predicted == 0 && (verdict == SAME || absent))
			model_removexattr(&actor->fs, path, name, true);
	} else if (kind == 1) {
		check_xattr(actor, path, name);
		check_xattr_list(actor, path, node);
	} else {
		u32 flags = (u32)draw(actor, 3);
		int predicted = model_setxattr(&actor->fs, path, name, value, length, flags, false);
		int got = proc_setxattr(&actor->proc, full, name, dfs_span(value, length), flags);
		enum verdict verdict = actor_judge(actor, got, predicted, "setxattr", path);
		if (predicted == 0 &&
		    (verdict == SAME || xattr_is(actor, path, name, value, length, &absent)))
			model_setxattr(&actor->fs, path, name, value, length, flags, true);
	}
	return true;
}

/* --- Directories. --- */

static void check_list(struct actor *actor, const char *path, const struct model_node *directory,
		       const struct answer *list, bool attributes)
{
	CHECK_FIELD("entries", list->entries_count, directory->entries_count);
	for (u32 i = 0; i < list->entries_count; i++) {
		const struct named *named = &list->entries[i];
		char child[PATH_BYTES];
		int status;
		model_path(&actor->fs, directory, named->name, child);
		struct model_node *node = model_find(&actor->fs, child, &status);
		if (node == NULL || node->parent == node)
			world_fail(actor->world, "%s: %s lists %s, which is not there", actor->name,
				   path, named->name);
		for (u32 j = 0; j < i; j++) {
			if (strcmp(list->entries[j].name, named->name) == 0)
				world_fail(actor->world, "%s: %s lists %s twice", actor->name, path,
					   named->name);
		}
		CHECK_FIELD("type in its directory", named->attr.mode & S_IFMT,
			    node->mode & S_IFMT);
		if (attributes)
			actor_check_attr(actor, child, node, &named->attr);
	}
}

void actor_check_directory(struct actor *actor, const struct model_node *directory, bool attributes)
{
	char path[PATH_BYTES] = "", full[PATH_BYTES];
	if (directory != actor->fs.root) {
		model_path(&actor->fs, directory, "", path);
		path[strlen(path) - 1] = '\0';
	}
	u32 chunk = draw(actor, 2) == 0 ? 4096 : 512 + (u32)draw(actor, 700);
	struct answer list = {0};
	int got =
	    proc_readdir(&actor->proc, actor_full(actor, path, full), chunk, attributes, &list);
	if (actor_judge(actor, got, 0, "readdir", path) == SAME)
		check_list(actor, path, directory, &list, attributes);
	answer_clear(&list);
}

bool act_readdir(struct actor *actor)
{
	struct model_node *directory = model_pick_directory(&actor->fs, &actor->proc.prng);
	actor_check_directory(actor, directory, draw(actor, 2) == 0);
	if (draw(actor, 4) == 0) {
		int got = proc_fsyncdir(&actor->proc, actor->home);
		(void)actor_judge(actor, got, 0, "fsyncdir", "");
	}
	return true;
}
