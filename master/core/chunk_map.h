/*
 * The chunk map of a file: which chunk holds which part of it, how far the chunk's bytes count, and
 * how rows leave it again.
 *
 * Truncation, punching and PURGE drop at most DFS_MAP_ROWS_PER_OP rows in one operation. What is
 * left stands in the cut table, {from, end, before}: rows of this inode with from <= index < end
 * and born < before are dead. Nobody sees dead rows any more, new rows may be put over them (they
 * are born later), and CUT operations drop the rest. There is one such row per inode at most.
 */
#ifndef DFS_MASTER_CHUNK_MAP_H
#define DFS_MASTER_CHUNK_MAP_H

#include "master/core/txn.h"

/* What is dead in an inode's map; from UINT64_MAX: nothing. */
int ms_map_cut_get(struct ms_state *state, u64 ino, const struct dfs_row_inode *inode,
		   struct dfs_row_cut *ret_cut);
static inline bool ms_map_dead(const struct dfs_row_cut *cut, u64 index,
			       const struct dfs_row_map *row)
{
	return index >= cut->from && index < cut->end && row->born < cut->before;
}

/* Bytes of the chunk that count at this place. */
static inline u32 ms_map_bytes(const struct dfs_row_map *row)
{
	return dfs_min(row->length, row->valid);
}
/* The bound is to be carried out at the chunkservers: there is a row in the trim table. */
static inline bool ms_map_trim_due(const struct dfs_row_map *row)
{
	return row->valid != DFS_VALID_ALL && row->shared == 0;
}

/* Put a new chunk at `index`, where no row that counts may be but that of the chunk it is a copy
 * of: 0, or DFS_ESTALE when there is another, or the chunk is garbage; DFS_EINVAL when it belongs
 * elsewhere. ret_added: 0 when just this chunk was there already. The inode's `change` must have
 * moved before. */
int ms_map_add(struct ms_state *state, struct ms_inode *inode, const struct dfs_row_cut *cut,
	       const struct dfs_committed *item, u64 *ret_added);

/* Rows that an operation dropped, and the space that their chunks took. */
struct ms_dropped {
	u64 rows;
	u64 bytes;
};
static inline void ms_map_dropped(struct ms_inode *inode, const struct ms_dropped *dropped)
{
	inode->row.chunks -= dropped->rows;
	inode->row.allocated -= dropped->bytes;
}
/* Space that a chunk of that length takes. */
static inline u64 ms_map_space(u32 length)
{
	u64 mask = DFS_BLOCK_BYTES - 1;
	return (length + mask) & ~mask;
}

/* One row goes; its chunk becomes garbage unless others name it. `dropped` adds up. */
int ms_map_drop(struct ms_state *state, u64 ino, u64 index, const struct dfs_row_map *row,
		struct ms_dropped *dropped);

/* Rows from `cut->next` on that are dead: drop them until *budget is used up. ret_dropped counts
 * them; ret_end says that none is left, otherwise cut->next has moved. `end` bounds the search: no
 * row is at or beyond it. */
int ms_map_drop_dead(struct ms_state *state, u64 ino, struct dfs_row_cut *cut, u64 end, u32 *budget,
		     struct ms_dropped *ret_dropped, bool *ret_end);

/* The file becomes `size` bytes long, which is less than it was; result gets the trim of the chunk
 * that is cut inside. DFS_EBUSY while an earlier cut that ends below this one is not finished. */
int ms_map_truncate(struct ms_state *state, struct ms_inode *inode, u64 size,
		    struct ms_result *result);

/* Of the file's length as it is, chunks [first, end) become holes. DFS_EBUSY while an earlier cut
 * is not finished. */
int ms_map_punch(struct ms_state *state, struct ms_inode *inode, u64 first, u64 end,
		 struct ms_result *result);

/* The chunk at an index as readers see it: DFS_ENOENT for holes. */
int ms_map_find(struct ms_state *state, u64 ino, const struct dfs_row_cut *cut, u64 index,
		struct dfs_row_map *ret_row);

#endif
