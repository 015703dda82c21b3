/*
 * LOCATION records: a chunk of the tables, or a granted one, with the servers that hold it now.
 */
#include "master/core/master_i.h"

void ms_location_put(const struct ms *ms, struct dfs_writer *locations,
		     const struct ms_location *location, u32 replicas_max)
{
	struct dfs_writer replicas;
	dfs_writer_init(&replicas, locations->version, 0);
	(void)ms_copy_put_replicas(&ms->servers, location->chunk, location->epoch, replicas_max,
				   &replicas);
	struct dfs_location record = {
	    .index = location->index,
	    .chunk = location->chunk,
	    .epoch = ms_is_lost(ms, location->chunk, location->home) ? 0 : location->epoch,
	    .valid = location->valid,
	    .shared = location->shared,
	    .replicas = dfs_writer_items(&replicas),
	    .length = location->length,
	};
	dfs_location_put(locations, &record);
	dfs_writer_fini(&replicas);
}

void ms_location_put_grant(const struct ms *ms, struct dfs_writer *locations,
			   const struct ms_grant *grant)
{
	struct dfs_writer replicas;
	u64 chunk = grant->by_chunk.key;
	dfs_writer_init(&replicas, locations->version, 0);
	u32 count =
	    ms_copy_put_replicas(&ms->servers, chunk, MS_GRANT_EPOCH, DFS_CHAIN_MAX, &replicas);
	if (count == 0 && grant->server != NULL)
		ms_server_put_replica(grant->server, &replicas);
	struct dfs_location record = {
	    .index = grant->index,
	    .chunk = chunk,
	    .epoch = MS_GRANT_EPOCH,
	    .valid = DFS_VALID_ALL,
	    .base = grant->base,
	    .base_bytes = grant->base_bytes,
	    .replicas = dfs_writer_items(&replicas),
	};
	dfs_location_put(locations, &record);
	dfs_writer_fini(&replicas);
}

bool ms_location_online(const struct ms *ms, const struct ms_location *location)
{
	struct ms_server *holders[DFS_CHAIN_MAX];
	u32 count = ms_copy_holders(&ms->servers, location->chunk, holders);
	for (u32 i = 0; i < count; i++) {
		if (holders[i]->peer != NULL)
			return true;
	}
	return false;
}
