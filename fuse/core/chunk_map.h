/*
 * Where the committed data of an open file is: rows cached from OPEN and CHUNKS. They hold while
 * the inode's change counter stands still; a chunkserver that does not have a chunk makes them be
 * asked anew.
 */
#ifndef CL_CHUNK_MAP_H
#define CL_CHUNK_MAP_H

#include "fuse/core/inode.h"

struct cl_row {
	struct dfs_map_node by_index;
	struct dfs_list in_inode;
	struct cl_place place; /* place.chunk 0: a hole. */
};

/* Rows kept of one inode; beyond it all are dropped. */
enum { CL_ROWS_MAX = 4096 };

/* Every copy of the chunk is lost, says the master: no use in waiting. */
static inline bool cl_place_lost(const struct cl_place *place)
{
	return place->chunk != 0 && place->epoch == 0;
}

/* NULL: not known. */
const struct cl_row *cl_row_find(const struct cl_inode *inode, u64 index);
void cl_row_put(struct cl *cl, struct cl_inode *inode, u64 index, const struct cl_place *place);
void cl_row_forget(struct cl_inode *inode, u64 index);
/* All of [first, first + count) is told by `locations`; what is left out is a hole. count 0: up to
 * the last one told. DFS_EMALFORMED when they are out of order or range. */
int cl_rows_fill(struct cl *cl, struct cl_inode *inode, u64 first, u64 count,
		 const struct dfs_items *locations);
/* What is known of [first, first + count) is shared: it takes no writes. */
void cl_rows_share(struct cl_inode *inode, u64 first, u64 count);
void cl_rows_drop(struct cl *cl, struct cl_inode *inode);
/* Ask for rows that parts wait for. */
void cl_rows_work(struct cl *cl, struct cl_inode *inode);
/* OPEN told the first ones: fill them in, and let those go on who waited for them. */
int cl_rows_told(struct cl *cl, struct cl_inode *inode, const struct dfs_items *locations);

#endif
