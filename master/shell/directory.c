/*
 * Opening a master's directory without ever taking something else for it.
 */
#include "master/shell/directory.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/ids.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LOG_CACHE_BYTES                                                                            \
	(UINT64_C(8) << 20) /* Entries are read once: right after they were written. */

static const char *const store_names[MS_KV_COUNT] = {
    [MS_KV_LOG] = "log",
    [MS_KV_STATE] = "state",
};

static int join(char ret_path[PATH_MAX], const char *directory, const char *name,
		struct dfs_sentence *ret_text)
{
	int length = snprintf(ret_path, PATH_MAX, "%s/%s", directory, name);
	if (length > 0 && length < PATH_MAX)
		return 0;
	dfs_sentence_set(ret_text, "--data %s: the path is too long", directory);
	return DFS_ENAMETOOLONG;
}

static int make(const char *path, struct dfs_sentence *ret_text)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	int error = errno;
	dfs_sentence_set(ret_text, "--data %s: cannot be made: %s", path, strerror(error));
	return dfs_error_from_errno(error);
}

static bool is_ours(const char *name)
{
	static const char *const known[] = {".",    "..",   "log",       "state",
					    "node", "lock", "lost+found"};
	for (size_t i = 0; i < dfs_array_count(known); i++) {
		if (strcmp(name, known[i]) == 0)
			return true;
	}
	return false;
}

/* Which stores are there; anything that no master puts into a directory makes it somebody else's.
 */
static int look(const char *path, bool ret_there[MS_KV_COUNT], struct dfs_sentence *ret_text)
{
	DIR *directory = opendir(path);
	if (directory == NULL) {
		int error = errno;
		dfs_sentence_set(ret_text, "--data %s: %s", path, strerror(error));
		return dfs_error_from_errno(error);
	}
	int status = 0;
	struct dirent *entry;
	while (status == 0 && (entry = readdir(directory)) != NULL) {
		for (u32 i = 0; i < MS_KV_COUNT; i++)
			ret_there[i] = ret_there[i] || strcmp(entry->d_name, store_names[i]) == 0;
		if (!is_ours(entry->d_name) && strncmp(entry->d_name, "node.", 5) != 0) {
			dfs_sentence_set(
			    ret_text,
			    "--data %s: holds `%.100s`, which is no master's; give an empty "
			    "directory for a new cluster, or the one of this master",
			    path, entry->d_name);
			status = DFS_ENOTEMPTY;
		}
	}
	closedir(directory);
	return status;
}

static int open_store(const char *path, enum ms_kv kind, const struct dfs_kv_options *options,
		      struct ms_directory *directory, struct dfs_sentence *ret_text)
{
	char store[PATH_MAX];
	int status = join(store, path, store_names[kind], ret_text);
	if (status != 0)
		return status;
	return dfs_kv_rocks_open(store, kind == MS_KV_LOG ? DFS_KV_LOGGED : DFS_KV_UNLOGGED,
				 options, &directory->stores[kind], ret_text);
}

int ms_directory_open(struct dfs_daemon *daemon, const char *path, u64 cache_bytes,
		      struct ms_directory *ret_directory, struct dfs_sentence *ret_text)
{
	struct ms_directory directory = {0};
	bool there[MS_KV_COUNT] = {false};
	char node[PATH_MAX];
	int status = make(path, ret_text);
	if (status == 0)
		status = look(path, there, ret_text);
	if (status != 0)
		return status;
	if (there[MS_KV_LOG] != there[MS_KV_STATE]) {
		dfs_sentence_set(
		    ret_text,
		    "--data %s: holds %s/ but no %s/; restore what is missing from a backup, "
		    "or empty the directory if this master has never served",
		    path, store_names[there[MS_KV_LOG] ? MS_KV_LOG : MS_KV_STATE],
		    store_names[there[MS_KV_LOG] ? MS_KV_STATE : MS_KV_LOG]);
		return DFS_ECORRUPT;
	}
	status = dfs_daemon_lock(daemon, path, ret_text);
	if (status == 0)
		status = join(node, path, "node", ret_text);
	if (status == 0)
		status = dfs_node_id(node, &directory.node, ret_text);
	struct dfs_kv_options options = {.cache_bytes = cache_bytes,
					 .must_exist = there[MS_KV_STATE]};
	if (status == 0)
		status = open_store(path, MS_KV_STATE, &options, &directory, ret_text);
	options.cache_bytes = LOG_CACHE_BYTES;
	if (status == 0)
		status = open_store(path, MS_KV_LOG, &options, &directory, ret_text);
	if (status != 0) {
		ms_directory_close(&directory);
		return status;
	}
	*ret_directory = directory;
	return 0;
}

void ms_directory_close(struct ms_directory *directory)
{
	for (u32 i = 0; i < MS_KV_COUNT; i++)
		dfs_kv_rocks_close(directory->stores[i]);
	memset(directory, 0, sizeof(*directory));
}
