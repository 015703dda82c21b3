/*
 * The index of one disk: which rows it has and how they are read and written (schema/
 * disk_chunkserver.def). A change is begun, filled with puts, and written as one atomic batch. What
 * is written survives the death of the daemon at once; commit.h makes it survive a power cut.
 */
#ifndef CS_CORE_INDEX_H
#define CS_CORE_INDEX_H

#include "chunkserver/core/cs_i.h"
#include "chunkserver/core/records.h"

void cs_index_begin(struct cs_disk *disk);
void cs_index_put_chunk(struct cs_disk *disk, const struct cs_chunk *chunk);
void cs_index_put_segment(struct cs_disk *disk, u64 chunk, const struct cs_segment *segment);
void cs_index_put_counters(struct cs *cs, struct cs_disk *disk);
/* Segments from `number` on. */
void cs_index_delete_segments(struct cs_disk *disk, u64 chunk, u32 number);
void cs_index_delete_chunk(struct cs_disk *disk, u64 chunk);
/* 0; DFS_EDISK_FULL, nothing written; or DFS_EDISK_FAILED, and the disk has been retired. */
int cs_index_write(struct cs *cs, struct cs_disk *disk, struct dfs_fxs *fxs);

/* Into a zeroed segment with its number set. Errors as cs_crcs_get. */
int cs_index_get_segment(struct cs *cs, struct cs_chunk *chunk, struct cs_segment *segment,
			 struct dfs_fxs *fxs);
/* 0; DFS_ENOENT: a new or lost index; DFS_ECORRUPT; DFS_EWRONG_VERSION, DFS_EWRONG_CLUSTER;
 * DFS_EIO. */
int cs_index_get_counters(struct cs *cs, struct cs_disk *disk);

/* Rows of chunks with ids in [from, ∞), ascending. `ret_status` of a row is 0, or DFS_ECORRUPT when
 * only its id is known. */
struct cs_index_scan {
	struct dfs_kv *kv;
	struct dfs_kv_iter *iter;
};
struct cs_index_row {
	u64 chunk;
	int status;
	u32 epoch;
	u32 length;
	u8 flags;
};
void cs_index_scan_begin(struct cs_disk *disk, u64 from, struct cs_index_scan *ret_scan);
bool cs_index_scan_next(struct cs_index_scan *scan, struct cs_index_row *ret_row);
/* 0 or DFS_EIO: the scan ended early. */
int cs_index_scan_end(struct cs_index_scan *scan);

/* The attribute of a chunk file, sealed. The caller's reference. */
struct dfs_buf *cs_describe(const struct dfs_cs_descriptor *row);

/* The decoders, for any bytes at all. */
int cs_index_decode_chunk(struct dfs_span key, struct dfs_span value, struct cs_index_row *ret_row);
int cs_index_decode_segment(struct dfs_span value, struct cs_segment *segment);
int cs_index_decode_counters(struct dfs_span value, struct dfs_cs_counters *ret_counters);
int cs_index_decode_descriptor(struct dfs_span value, struct dfs_cs_descriptor *ret_descriptor);

#endif
