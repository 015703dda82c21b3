/*
 * The file system a single process expects to see: a tree in memory with Linux's answers. Each
 * operation predicts its status; with `apply` it is carried out too. Paths are relative to the
 * model's root.
 */
#ifndef TESTS_SIM_MODEL_FS_H
#define TESTS_SIM_MODEL_FS_H

#include "libdfsproto/base/list.h"
#include "libdfsproto/base/prng.h"
#include "tests/sim/history.h"

struct model_xattr {
	struct dfs_list link; /* In order of name. */
	char name[64];
	u32 length;
	u8 value[256];
};

struct model_node {
	struct dfs_list all; /* In model->nodes, oldest first. */
	u32 mode;
	u32 uid;
	u32 gid;
	u32 rdev;
	u32 nlink;
	u32 holds;     /* Open files: it outlives its names. */
	bool trashed;  /* Without a name, and may get one ... */
	bool linkable; /* ... for the first time. */
	u64 ino;       /* 0 until seen. */
	bool mtime_known;
	s64 mtime;
	struct model_node *parent; /* Directories; NULL for the root. */
	struct dfs_list entries;   /* Directories: in order of creation. */
	u32 entries_count;
	char *target; /* Symbolic links. */
	struct dfs_list xattrs;
	struct history data;
};

struct model_entry {
	struct dfs_list link;
	char name[256];
	struct model_node *node;
};

struct model_fs {
	struct model_node *root;
	struct dfs_list nodes;
	u32 nodes_count;
	bool keeps; /* What is deleted goes to the trash. */
};

void model_init(struct model_fs *fs);
void model_fini(struct model_fs *fs);

/* NULL when absent; ret_status: NOENT or NOTDIR. */
struct model_node *model_find(const struct model_fs *fs, const char *path, int *ret_status);
/* Full path of an entry, into `ret_path` (PATH_BYTES). */
void model_path(const struct model_fs *fs, const struct model_node *directory, const char *name,
		char *ret_path);
/* Bytes of the longest path below it, with the slash that it begins with; 0: there is none. */
u32 model_reach(const struct model_node *node);

/* mkdir, mknod, create, symlink (target != NULL). EXIST when it is there. */
int model_make(struct model_fs *fs, const char *path, u32 mode, u32 rdev, const char *target,
	       bool apply);
int model_link(struct model_fs *fs, const char *from, const char *to, bool apply);
int model_unlink(struct model_fs *fs, const char *path, bool apply);
int model_rmdir(struct model_fs *fs, const char *path, bool apply);
int model_rename(struct model_fs *fs, const char *from, const char *to, u32 flags, bool apply);
int model_setxattr(struct model_fs *fs, const char *path, const char *name, const u8 *value,
		   u32 length, u32 flags, bool apply);
int model_removexattr(struct model_fs *fs, const char *path, const char *name, bool apply);
struct model_xattr *model_xattr(const struct model_node *node, const char *name);
void model_xattr_put(struct model_node *node, const char *name, const u8 *value, u32 length);
/* If it is there. */
void model_xattr_drop(struct model_node *node, const char *name);

/* Access control lists: model_acl.c. Set and removed through the two functions above. */
#define MODEL_ACL_ACCESS  "system.posix_acl_access"
#define MODEL_ACL_DEFAULT "system.posix_acl_default"
enum { MODEL_ACL_BYTES_MAX = 44 };
/* A list of either shape that the model knows: how long it is. */
u32 model_acl_draw(struct dfs_prng *prng, u8 ret_value[MODEL_ACL_BYTES_MAX]);
/* The node's mode was changed: its list follows. */
void model_acl_chmod(struct model_node *node);

/* A regular file that never had a name and is held open: O_TMPFILE. */
struct model_node *model_make_nameless(struct model_fs *fs, const struct model_node *directory,
				       u32 mode);
/* A name for that, or for what is in the trash: EXIST, or what the directories say. */
int model_name(struct model_fs *fs, struct model_node *node, const char *path, bool apply);
/* Its time was up. */
void model_expire(struct model_fs *fs, struct model_node *node);
/* A random one of those whose number is known; NULL: none. */
struct model_node *model_pick_trashed(struct model_fs *fs, struct dfs_prng *prng);

void model_hold(struct model_node *node);
void model_unhold(struct model_fs *fs, struct model_node *node);

/* A random node of the tree that is a directory, or any; never NULL. */
struct model_node *model_pick_directory(struct model_fs *fs, struct dfs_prng *prng);
/* A random entry of a random directory; NULL when there is none. */
struct model_entry *model_pick_entry(struct model_fs *fs, struct dfs_prng *prng,
				     struct model_node **ret_directory);

static inline bool model_is(const struct model_node *node, u32 type)
{
	return (node->mode & 0170000) == type;
}

#endif
