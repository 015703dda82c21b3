/*
 * What `dfs info` tells of one file: as text and as JSON.
 */
#ifndef DFS_ADMIN_INFO_VIEW_H
#define DFS_ADMIN_INFO_VIEW_H

#include "admin/core/json.h"
#include "admin/core/status_view.h"
#include "libdfsproto/wire/messages.h"

struct ad_copy_view {
	u64 server;
	char address[DFS_ADDRESS_BYTES_MAX + 1];
	bool answered;
	bool held;  /* By what the chunkserver itself says. */
	u32 length; /* Valid when held, like what follows. */
	u32 epoch;
	u32 disk;
	u32 state; /* enum dfs_held_state */
};

struct ad_chunk_view {
	u64 index;
	u64 chunk;
	u32 epoch; /* 0: all copies are lost. */
	u32 valid;
	bool shared; /* Other places of files may have it too. */
	u32 copies_count;
	struct ad_copy_view copies[DFS_CHAIN_MAX];
};

struct ad_info_view {
	const char *path;
	struct dfs_attr attr;
	struct ad_chunk_view *chunks; /* In order of index. */
	u32 chunks_count;
	u32 chunks_capacity;
};

/* Copies that cannot be read now: of how many chunks not a single one can. */
u32 ad_info_unreachable(const struct ad_info_view *view);
void ad_info_print(const struct ad_info_view *view, const struct ad_paints *paints,
		   struct ad_text *out);
/* One member of an array. */
void ad_info_print_json(const struct ad_info_view *view, struct ad_json *json);

#endif
