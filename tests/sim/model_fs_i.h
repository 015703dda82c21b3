/*
 * What model_fs.c (the tree) and model_change.c (what changes it) share.
 */
#ifndef TESTS_SIM_MODEL_FS_I_H
#define TESTS_SIM_MODEL_FS_I_H

#include "tests/sim/model_fs.h"

struct model_node *model_node_new(struct model_fs *fs, u32 mode);
/* It lost a name, perhaps the last one. */
void model_unnamed(struct model_fs *fs, struct model_node *node);
/* Neither named nor open nor in the trash: free it. */
void model_drop_if_gone(struct model_fs *fs, struct model_node *node);
void model_entry_add(struct model_node *directory, const char *name, struct model_node *node);
void model_entry_remove(struct model_node *directory, struct model_entry *entry);
/* Its directory and last component too, which exist even when the entry does not: NOENT. */
struct model_entry *model_find_entry(const struct model_fs *fs, const char *path,
				     struct model_node **ret_parent, const char **ret_name,
				     int *ret_status);

bool model_is_acl(const char *name);
int model_acl_set(struct model_node *node, const char *name, const u8 *value, u32 length,
		  bool apply);
/* What a directory hands down to what is made in it. */
void model_acl_inherit(struct model_node *node, const struct model_node *parent);

#endif
