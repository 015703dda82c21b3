/*
 * The screen of `dfs status`, from what the daemons said: as text and as JSON.
 */
#ifndef DFS_ADMIN_STATUS_VIEW_H
#define DFS_ADMIN_STATUS_VIEW_H

#include "admin/core/items.h"

/* One chunkserver: what the master says of it, and it of itself. */
struct ad_server_view {
	const char *of_master; /* Value of the master's line. */
	const char *node;      /* 16 hex digits. */
	struct ad_items own;   /* Empty unless it answered. */
	bool asked;
	bool answered;
};

struct ad_status_view {
	struct ad_items master;
	char address[DFS_ADDRESS_BYTES_MAX + 1];
	struct ad_server_view *servers;
	u32 servers_count;
	struct ad_text warnings; /* Each with a NUL behind it. */
	u32 warnings_count;
};

/* How the screen paints words; all "" without a terminal. */
struct ad_paints {
	const char *good, *bad, *warn, *bold, *off;
};

/* Fill in `warnings`. */
void ad_status_judge(struct ad_status_view *view);
void ad_status_print(const struct ad_status_view *view, const struct ad_paints *paints,
		     struct ad_text *out);
void ad_status_print_json(const struct ad_status_view *view, struct ad_text *out);
void ad_status_view_fini(struct ad_status_view *view);

#endif
