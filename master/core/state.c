/*
 * Opening and closing the tables; making them when there are none.
 */
#include "libdfsproto/wire/record.h"
#include "master/core/chunk_refs.h"
#include "master/core/quota.h"
#include "master/core/sessions.h"
#include "master/core/txn.h"

#include <stdlib.h>

enum {
	HASH_BITS_MAX = 55, /* A cookie's 63 bits less its first one and 7 of slot: see dentry.h. */
	ROWS_CACHED = 65536,
};

#define ROOT_MODE ((u32)(S_IFDIR | 0755))

static void explain(struct dfs_text *reason, const char *sentence)
{
	if (reason != NULL)
		dfs_text_add(reason, "%s", sentence);
}

static void set_hash(struct ms_state *state, u32 hash_bits)
{
	u64 seed = state->cluster;
	state->hash_key[0] = dfs_splitmix64(&seed);
	state->hash_key[1] = dfs_splitmix64(&seed);
	state->hash_mask = (UINT64_C(1) << hash_bits) - 1;
}

/* An empty store: format, counters, root directory. The same bytes on every replica; the root gets
 * its times from the first session. */
static int make_tables(struct ms_state *state, const struct dfs_row_format *format)
{
	struct dfs_row_inode root = {
	    .mode = ROOT_MODE,
	    .nlink = 2,
	    .chunk_shift = DFS_CHUNK_SHIFT,
	    .change = 1,
	    .parent = DFS_INO_ROOT,
	};
	state->counters = (struct dfs_row_counters){
	    .next_ino = DFS_INO_ROOT + 1, .next_chunk = 1, .next_session = 1, .inodes = 1};
	ms_row_format_put(state, ms_key0(MS_TABLE_FORMAT), format);
	ms_row_counters_put(state, ms_key0(MS_TABLE_COUNTERS), &state->counters);
	ms_row_inode_put(state, ms_key1(MS_TABLE_INODE, DFS_INO_ROOT), &root);
	struct ms_owned owned = ms_owned_of(&root);
	int charged = ms_quota_move(state, &(struct ms_owned){0}, &owned);
	DFS_ASSERT(charged == 0);
	ms_quotas_put(state, 0);
	ms_quotas_forget(state);
	int status = dfs_kv_write(state->kv, &state->batch);
	return status == 0 ? 0 : ms_fail(state, status);
}

static int check_format(const struct dfs_row_format *found, const struct dfs_row_format *wanted,
			struct dfs_text *reason)
{
	if (found->format > wanted->format) {
		explain(reason,
			"the state was written by a newer dfs-master; install that version");
		return DFS_EWRONG_VERSION;
	}
	if (found->cluster != wanted->cluster) {
		explain(reason, "the state belongs to another cluster; check --data and --key");
		return DFS_EWRONG_CLUSTER;
	}
	if (found->format == 0 || found->hash_bits != wanted->hash_bits) {
		explain(reason, "the state's format record makes no sense");
		return DFS_ECORRUPT;
	}
	return 0;
}

static int load(struct ms_state *state, const struct dfs_row_format *wanted,
		struct dfs_text *reason)
{
	struct dfs_row_format found;
	int status = ms_row_format_get(state, ms_key0(MS_TABLE_FORMAT), &found);
	if (status == DFS_ENOENT)
		return make_tables(state, wanted);
	if (status == DFS_EWRONG_VERSION)
		explain(reason,
			"the state was written by a newer dfs-master; install that version");
	if (status == 0)
		status = check_format(&found, wanted, reason);
	if (status != 0)
		return status;
	status = ms_must(state,
			 ms_row_counters_get(state, ms_key0(MS_TABLE_COUNTERS), &state->counters));
	return status == 0 ? ms_sessions_load(state) : status;
}

int ms_state_open(const struct ms_state_config *config, struct dfs_text *reason,
		  struct ms_state **ret_state)
{
	DFS_ASSERT(config->hash_bits <= HASH_BITS_MAX);
	struct dfs_row_format wanted = {
	    .format = MS_FORMAT_VERSION,
	    .cluster = config->cluster,
	    .hash_bits = config->hash_bits == 0 ? (u32)HASH_BITS_MAX : config->hash_bits,
	};
	struct ms_state *state = calloc(1, sizeof(*state));
	DFS_ASSERT(state != NULL);
	state->cache = dfs_kv_cache_new(config->kv, config->rows_cached == 0 ? ROWS_CACHED
									     : config->rows_cached);
	state->kv = dfs_kv_cache_kv(state->cache);
	state->cluster = config->cluster;
	set_hash(state, wanted.hash_bits);
	dfs_list_init(&state->sessions_in_order);
	ms_quotas_init(state);
	dfs_writer_init(&state->writer, MS_DISK_VERSION, DFS_RECORD_HEADER_BYTES);
	u32 before = reason == NULL ? 0 : reason->length;
	int status = load(state, &wanted, reason);
	if (status == 0) {
		*ret_state = state;
		return 0;
	}
	if (reason != NULL && reason->length == before)
		dfs_text_add(reason, "the state cannot be read: %s", dfs_error_text(status));
	ms_state_close(state);
	return status;
}

void ms_state_close(struct ms_state *state)
{
	if (state == NULL)
		return;
	ms_sessions_free(state);
	ms_quotas_fini(state);
	dfs_kv_batch_fini(&state->batch);
	dfs_writer_fini(&state->writer);
	dfs_kv_cache_free(state->cache);
	ms_refs_clear(state);
	dfs_map_fini(&state->refs_by_chunk);
	free(state);
}

u32 ms_state_unsettled(const struct ms_state *state)
{
	return dfs_kv_cache_unsettled(state->cache);
}

int ms_state_settle(struct ms_state *state)
{
	int status = dfs_kv_cache_settle(state->cache);
	return status == 0 ? 0 : ms_fail(state, status);
}

int ms_state_reread(struct ms_state *state)
{
	int status = dfs_kv_cache_drop(state->cache);
	return status == 0 ? 0 : ms_fail(state, status);
}

u64 ms_state_memory(const struct ms_state *state)
{
	return dfs_kv_memory(state->kv);
}

int ms_state_failure(const struct ms_state *state)
{
	return state->failure;
}

struct ms_position ms_state_applied(const struct ms_state *state)
{
	return (struct ms_position){.index = state->counters.applied_index,
				    .number = state->counters.applied_number};
}

u64 ms_chunk_end(const struct ms_state *state)
{
	return state->counters.next_chunk;
}

struct ms_counts ms_counts(const struct ms_state *state)
{
	return (struct ms_counts){
	    .inodes = state->counters.inodes,
	    .chunks = state->counters.chunks,
	    .garbage = state->counters.garbage,
	    .trash = state->counters.trash,
	    .trash_bytes = state->counters.trash_bytes,
	};
}
