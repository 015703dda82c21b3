/*
 * A walk through all rows as of one moment, in bounded steps, for admin tools: an iterator of the
 * store is a snapshot. Rows are handed out as they lie there: whoever asked decodes them, so that a
 * damaged one is a finding of the tool and not the end of the master.
 */
#include "master/core/state_i.h"

#include <stdlib.h>

struct ms_walk {
	struct ms_state *state;
	struct dfs_kv_iter *iter;
	u64 position; /* Rows handed out. */
};

struct ms_walk *ms_walk_new(struct ms_state *state)
{
	static const u8 from[] = {MS_TABLE_FORMAT};
	static const u8 to[] = {MS_TABLE_END};
	struct ms_walk *walk = calloc(1, sizeof(*walk));
	DFS_ASSERT(walk != NULL);
	walk->state = state;
	walk->iter = dfs_kv_iter_new(state->kv, dfs_span(from, 1), dfs_span(to, 1));
	return walk;
}

u64 ms_walk_position(const struct ms_walk *walk)
{
	return walk->position;
}

bool ms_walk_step(struct ms_walk *walk, u32 bytes_max, struct dfs_writer *rows)
{
	struct dfs_table_row row;
	while (rows->items < DFS_WALK_ROWS_MAX && rows->buf->length < bytes_max) {
		if (!dfs_kv_iter_next(walk->state->kv, walk->iter, &row.key, &row.value))
			return false;
		walk->position++;
		dfs_table_row_put(rows, &row);
	}
	return true;
}

int ms_walk_free(struct ms_walk *walk)
{
	if (walk == NULL)
		return 0;
	int status = dfs_kv_iter_free(walk->state->kv, walk->iter);
	free(walk);
	return status;
}
