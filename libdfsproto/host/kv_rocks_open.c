/*
 * Opening and closing a RocksDB store: options, and sentences for operators when it fails. Reading
 * and writing is in kv_rocks.c, the journal of logged stores in kv_rocks_log.c.
 */
#include "libdfsproto/host/kv_rocks_i.h"

#include "libdfsproto/base/errors.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	CACHE_BYTES_DEFAULT = 32 << 20,
	MEMTABLE_BYTES_DEFAULT = 16 << 20,
	OPEN_FILES_DEFAULT = 256,
	INFO_LOG_BYTES = 1 << 20,
	INFO_LOGS_KEPT = 3,
	INFO_LOG_WARN = 2, /* enum InfoLogLevel of RocksDB. */
	MANIFEST_BYTES_MAX = 4 << 20,
	CACHE_SHARD_BITS = 2,
};

#ifdef __SANITIZE_THREAD__
/* Debian's RocksDB is not instrumented: the sanitizer does not see its atomics and reports races
 * inside it. Nor does it see its frames, but for the one that called a function it intercepts:
 * where libstdc++ copies a string for a thread of RocksDB, that is libstdc++'s. Nothing else here
 * is C++. Reports without a frame of either are not affected. */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:librocksdb.so\n"
	       "race:libstdc++.so\n";
}
#endif

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/* RocksDB's list of its files is there: a file that is missing is damage, not a wrong path. */
static bool was_a_store(const char *path)
{
	char current[PATH_MAX];
	snprintf(current, sizeof(current), "%s/CURRENT", path);
	return access(current, F_OK) == 0;
}

static int explain_open(const char *path, char *text, struct dfs_sentence *ret_text)
{
	int error = kv_rocks_error_of(text);
	if (has(text, "No such file") && was_a_store(path))
		error = DFS_ECORRUPT;
	const char *next = "see the LOG file in it for details";
	if (has(text, "lock hold by current process") || has(text, "Resource temporarily")) {
		error = DFS_EBUSY;
		next = "another process uses it: stop that one first";
	} else if (has(text, "Permission denied")) {
		error = DFS_EACCES;
		next = "give this user read and write access to it, or run as the user who has";
	} else if (has(text, "create_if_missing is false") || has(text, "While mkdir")) {
		error = DFS_ENOENT;
		next = "check the path, and that the disk is mounted";
	} else if (error == DFS_ECORRUPT) {
		next = "its files are damaged: restore it from a copy";
	} else if (error == DFS_EDISK_FULL) {
		next = "free some space on that disk";
	}
	dfs_sentence_set(ret_text, "store %s cannot be opened: %s; %s", path, text, next);
	rocksdb_free(text);
	return error;
}

static u64 memtable_bytes(const struct dfs_kv_options *options)
{
	return options->memtable_bytes != 0 ? options->memtable_bytes : MEMTABLE_BYTES_DEFAULT;
}

static void set_limits(rocksdb_options_t *o, enum dfs_kv_kind kind,
		       const struct dfs_kv_options *options)
{
	/* A logged store flushes when a segment of its journal is full; the memtable's own limit
	 * must not come first, and a memtable takes more room than the batches in it. */
	u64 memtable =
	    kind == DFS_KV_LOGGED ? 2 * memtable_bytes(options) : memtable_bytes(options);
	u32 files = options->open_files_max != 0 ? options->open_files_max : OPEN_FILES_DEFAULT;
	rocksdb_options_set_write_buffer_size(o, memtable);
	rocksdb_options_set_max_write_buffer_number(o, 3);
	rocksdb_options_set_max_open_files(o, (int)files);
	rocksdb_options_set_max_background_jobs(o, 2);
	rocksdb_options_set_max_log_file_size(o, INFO_LOG_BYTES);
	rocksdb_options_set_keep_log_file_num(o, INFO_LOGS_KEPT);
	rocksdb_options_set_info_log_level(o, INFO_LOG_WARN);
	rocksdb_options_set_stats_dump_period_sec(o, 0);
	rocksdb_options_set_stats_persist_period_sec(o, 0);
	rocksdb_options_set_max_manifest_file_size(o, MANIFEST_BYTES_MAX);
}

/* Few shards: one thread reads, and a shard must be much larger than any block. */
static rocksdb_cache_t *cache_new(u64 bytes)
{
	rocksdb_lru_cache_options_t *options = rocksdb_lru_cache_options_create();
	rocksdb_lru_cache_options_set_capacity(options, bytes);
	rocksdb_lru_cache_options_set_num_shard_bits(options, CACHE_SHARD_BITS);
	rocksdb_cache_t *cache = rocksdb_cache_create_lru_opts(options);
	rocksdb_lru_cache_options_destroy(options);
	return cache;
}

static void set_tables(struct dfs_kv_rocks *kv, rocksdb_options_t *o,
		       const struct dfs_kv_options *options)
{
	rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
	u64 cache = options->cache_bytes != 0 ? options->cache_bytes : CACHE_BYTES_DEFAULT;
	kv->cache = cache_new(cache);
	rocksdb_block_based_options_set_block_cache(table, kv->cache);
	/* Index and filter in pieces: whole ones of a large table are megabytes, and each look-up
	 * of a key that is not in the cache would read and check all of that. */
	rocksdb_block_based_options_set_index_type(
	    table, rocksdb_block_based_table_index_type_two_level_index_search);
	rocksdb_block_based_options_set_partition_filters(table, 1);
	rocksdb_block_based_options_set_metadata_block_size(table, 4096);
	rocksdb_block_based_options_set_pin_top_level_index_and_filter(table, 1);
	rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
	rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
	rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
	rocksdb_block_based_options_set_format_version(table, 5);
	/* The table owns the filter policy. */
	rocksdb_block_based_options_set_filter_policy(table,
						      rocksdb_filterpolicy_create_bloom_full(10));
	rocksdb_options_set_block_based_table_factory(o, table);
	rocksdb_block_based_options_destroy(table);
	rocksdb_options_set_compression(o, rocksdb_lz4_compression);
}

static rocksdb_options_t *make_options(struct dfs_kv_rocks *kv, enum dfs_kv_kind kind,
				       const struct dfs_kv_options *options)
{
	rocksdb_options_t *o = rocksdb_options_create();
	rocksdb_options_set_create_if_missing(o, !options->must_exist);
	rocksdb_options_set_paranoid_checks(o, 1);
	/* One writer, the loop: nothing is gained by letting several write at once. */
	rocksdb_options_set_allow_concurrent_memtable_write(o, 0);
	rocksdb_options_set_enable_write_thread_adaptive_yield(o, 0);
	rocksdb_options_set_atomic_flush(o, 1);
	set_limits(o, kind, options);
	set_tables(kv, o, options);
	return o;
}

static int explain_log(const char *path, int status, const char *cause,
		       struct dfs_sentence *ret_text)
{
	const char *next = "check the disk: its kernel messages tell more";
	if (status == DFS_EDISK_FULL)
		next = "free some space on that disk";
	else if (status == DFS_ECORRUPT)
		next = "restore it from a copy";
	dfs_sentence_set(ret_text, "store %s cannot be opened: %s: %s; %s", path, cause,
			 dfs_error_text(status), next);
	return status;
}

static void free_all(struct dfs_kv_rocks *kv)
{
	kv_log_close(kv);
	if (kv->pinned != NULL)
		rocksdb_pinnableslice_destroy(kv->pinned);
	if (kv->db != NULL)
		rocksdb_close(kv->db);
	if (kv->options != NULL)
		rocksdb_options_destroy(kv->options);
	if (kv->cache != NULL)
		rocksdb_cache_destroy(kv->cache);
	if (kv->read_options != NULL)
		rocksdb_readoptions_destroy(kv->read_options);
	if (kv->write_options != NULL)
		rocksdb_writeoptions_destroy(kv->write_options);
	if (kv->flush_options != NULL)
		rocksdb_flushoptions_destroy(kv->flush_options);
	if (kv->batch != NULL)
		rocksdb_writebatch_destroy(kv->batch);
	free(kv->path);
	free(kv);
}

/* RocksDB takes a directory without CURRENT for a new store and removes the tables in it. */
static bool lost_its_current(const char *path)
{
	DIR *stream = opendir(path);
	if (stream == NULL)
		return false;
	bool current = false;
	bool manifest = false;
	struct dirent *entry;
	while ((entry = readdir(stream)) != NULL) {
		current = current || strcmp(entry->d_name, "CURRENT") == 0;
		manifest = manifest || strncmp(entry->d_name, "MANIFEST-", 9) == 0;
	}
	closedir(stream);
	return manifest && !current;
}

int dfs_kv_rocks_open(const char *path, enum dfs_kv_kind kind, const struct dfs_kv_options *options,
		      struct dfs_kv_rocks **ret_kv, struct dfs_sentence *ret_text)
{
	if (lost_its_current(path))
		return explain_open(path, strdup("Corruption: the file CURRENT is missing"),
				    ret_text);
	struct dfs_kv_rocks *kv = calloc(1, sizeof(*kv));
	DFS_ASSERT(kv != NULL);
	kv->kv.ops = &kv_rocks_ops;
	kv->kind = kind;
	kv->path = strdup(path);
	DFS_ASSERT(kv->path != NULL);
	kv->options = make_options(kv, kind, options);
	kv->read_options = rocksdb_readoptions_create();
	kv->write_options = rocksdb_writeoptions_create();
	rocksdb_writeoptions_disable_WAL(kv->write_options, 1);
	kv->flush_options = rocksdb_flushoptions_create();
	rocksdb_flushoptions_set_wait(kv->flush_options, 1);
	kv->batch = rocksdb_writebatch_create();
	char *error = NULL;
	kv->db = rocksdb_open(kv->options, path, &error);
	if (error != NULL) {
		kv->db = NULL;
		free_all(kv);
		return explain_open(path, error, ret_text);
	}
	if (kind == DFS_KV_LOGGED) {
		const char *cause;
		int status = kv_log_open(kv, memtable_bytes(options), &cause);
		if (status != 0) {
			free_all(kv);
			return explain_log(path, status, cause, ret_text);
		}
	}
	*ret_kv = kv;
	return 0;
}

void dfs_kv_rocks_close(struct dfs_kv_rocks *kv)
{
	if (kv == NULL)
		return;
	if (kv->kind == DFS_KV_UNLOGGED)
		dfs_kv_rocks_flush(kv); /* A failure was logged, and costs a replay. */
	else
		dfs_kv_rocks_sync(kv);
	free_all(kv);
}
