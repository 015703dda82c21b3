/*
 * What the files of the checker share: check.c takes rows apart, check_tree.c, check_chunks.c look
 * at each, check_end.c at what they add up to.
 */
#ifndef DFS_MASTER_CHECK_I_H
#define DFS_MASTER_CHECK_I_H

#include "master/core/check.h"
#include "master/core/tables.h"

#include <sys/stat.h>

/* One inode, and what other tables say about it. */
struct check_inode {
	struct dfs_map_node node;
	u64 size;
	u64 parent;
	u64 place;
	u64 expires;
	u64 noted_entries; /* As its row says ... */
	u64 noted_chunks;
	u64 noted_space;
	u32 noted_xattrs_names_bytes;
	u32 noted_xattrs_bytes;
	u64 names; /* ... and as found. */
	u64 named_in;
	u64 tree;
	u64 named_at;
	u64 entries;
	u64 subdirectories;
	u64 chunks;
	u64 space;
	u64 xattrs_names_bytes;
	u64 xattrs_bytes;
	u32 mode;
	u32 nlink;
	u8 chunk_shift;
	u8 noted_acls;
	u8 acls;
	u8 linkable;
	bool cutting;
	bool orphan;
	bool trashed; /* The trash has a row where it says. */
	bool symlink;
	bool cut;
	u8 reached; /* enum check_reached */
};

enum check_reached { CHECK_UNKNOWN, CHECK_ON_THE_WAY, CHECK_REACHED };

/* A cut row: rows of the inode's map that are dead. */
struct check_cut {
	struct dfs_map_node node; /* By ino. */
	u64 from;
	u64 end;
	u64 before;
};

/* A user, a group or a tree. */
struct check_quota {
	struct dfs_map_node node; /* By kind and id. */
	u64 id;
	u64 outer;
	u64 noted_bytes; /* As its row says, if there is one ... */
	u64 noted_inodes;
	u64 own_bytes; /* ... of inodes that name it, ... */
	u64 own_inodes;
	u64 bytes; /* ... and with the trees inside it. */
	u64 inodes;
	u8 kind;
	bool row;
};

/* A further map row of a chunk that several share. */
struct check_place {
	u64 chunk;
	u64 ino;
	u64 index;
	u64 born;
};

struct check_session {
	struct dfs_map_node node;
};

/* The chain of equal hashes that the last dentry row belongs to. */
struct check_chain {
	u64 parent;
	u64 cookie; /* Of the last row; 0: none. */
	bool more;
	bool empty; /* The last row holds a place only. */
	u8 *names;  /* Length and bytes of each name in it. */
	u32 names_bytes;
	u32 names_capacity;
};

struct check_ids {
	u64 *ids;
	u32 count;
	u32 capacity;
};
void check_ids_add(struct check_ids *list, u64 id);

struct ms_check {
	struct dfs_row_format format;
	struct dfs_row_counters counters;
	u64 hash_key[2];
	u64 hash_mask;
	struct dfs_map inodes;
	struct dfs_map chunks; /* struct ms_checked_chunk */
	struct dfs_map cuts;
	struct check_place *places;
	u32 places_count;
	u32 places_capacity;
	struct dfs_map sessions;
	struct dfs_map quotas;
	struct check_chain chain;
	struct check_ids orphans;
	struct check_ids sessions_in_order;
	u64 unowned_xattr; /* The inode of the last such row: one finding for all of it. */
	struct ms_checked_counts counts;
	struct ms_finding *findings;
	u32 findings_count;
	u32 findings_capacity;
	u64 findings_dropped;
};

void check_wrong(struct ms_check *check, enum ms_fault fault, u64 subject, u64 at, u64 noted,
		 u64 found);
/* NULL when there is no such inode. */
struct check_inode *check_find(const struct ms_check *check, u64 ino);

/* One row, decoded. */
void check_see_inode(struct ms_check *check, u64 ino, const struct dfs_row_inode *row);
void check_see_dentry(struct ms_check *check, u64 parent, u64 cookie,
		      const struct dfs_row_dentry *row);
void check_chain_end(struct ms_check *check);
void check_see_symlink(struct ms_check *check, u64 ino, const struct dfs_row_symlink *row);
void check_see_xattr(struct ms_check *check, u64 ino, struct dfs_span name,
		     const struct dfs_row_xattr *row);
void check_see_orphan(struct ms_check *check, u64 ino);
void check_see_trash(struct ms_check *check, u64 expires, u64 ino);
void check_see_map(struct ms_check *check, u64 ino, u64 index, const struct dfs_row_map *row);
void check_see_chunk(struct ms_check *check, u64 chunk, const struct dfs_row_chunk *row);
void check_see_garbage(struct ms_check *check, u64 chunk);
void check_see_trim(struct ms_check *check, u64 ino, u64 index, const struct dfs_row_trim *row);
void check_see_cut(struct ms_check *check, u64 ino, const struct dfs_row_cut *row);
void check_see_quota(struct ms_check *check, u64 kind, u64 id, const struct dfs_row_quota *row);
/* An inode, for whoever it counts for. */
void check_count_inode(struct ms_check *check, const struct dfs_row_inode *row);

/* Once all rows have been seen. */
void check_inodes(struct ms_check *check);
void check_chunks(struct ms_check *check);
void check_quotas(struct ms_check *check);

#endif
