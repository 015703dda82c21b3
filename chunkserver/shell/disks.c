/*
 * A disk is a directory: dfs-disk (its header), data/ (the chunks), index/ (RocksDB), lock. The
 * header is written first and durably, so that a directory with anything in it but no header is not
 * ours.
 */
#include "chunkserver/shell/disks.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/ids.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SET_ASIDE_MAX = 1000 };

static void join(char ret_path[PATH_MAX], const char *directory, const char *name)
{
	snprintf(ret_path, PATH_MAX, "%s/%s", directory, name);
}

static int check_path(const char *path, struct dfs_sentence *text)
{
	struct stat attributes;
	int error = 0;
	if (strlen(path) > PATH_MAX - 64)
		error = ENAMETOOLONG;
	else if (stat(path, &attributes) != 0)
		error = errno;
	else if (!S_ISDIR(attributes.st_mode))
		error = ENOTDIR;
	else if (access(path, R_OK | W_OK | X_OK) != 0)
		error = errno;
	if (error == 0)
		return 0;
	dfs_sentence_set(
	    text,
	    "disk %s cannot be used: %s; mount the disk, or make the directory and let "
	    "this user write there",
	    path, strerror(error));
	return dfs_error_from_errno(error);
}

/* Empty, but for what file systems and our lock put there. */
static int check_empty(const char *path, struct dfs_sentence *text)
{
	DIR *directory = opendir(path);
	if (directory == NULL) {
		int error = errno;
		dfs_sentence_set(text, "disk %s cannot be read: %s", path, strerror(error));
		return dfs_error_from_errno(error);
	}
	static const char *const fine[] = {".", "..", "lock", "lost+found"};
	int status = 0;
	const struct dirent *entry;
	while (status == 0 && (entry = readdir(directory)) != NULL) {
		bool known = false;
		for (u32 i = 0; i < dfs_array_count(fine); i++)
			known = known || strcmp(entry->d_name, fine[i]) == 0;
		if (known)
			continue;
		dfs_sentence_set(text,
				 "disk %s is neither empty nor a disk of dfs (it has %s, but no "
				 "dfs-disk); give an empty directory",
				 path, entry->d_name);
		status = DFS_ENOTEMPTY;
	}
	closedir(directory);
	return status;
}

static bool has_header(const char *path)
{
	char header_path[PATH_MAX];
	join(header_path, path, "dfs-disk");
	return access(header_path, F_OK) == 0;
}

static int format(const char *path, const char *header_path, struct cs_header *header,
		  struct dfs_sentence *text)
{
	header->disk = dfs_id_random();
	if (header->node == 0)
		header->node = dfs_id_random();
	u8 record[CS_HEADER_BYTES_MAX];
	u32 bytes = cs_header_encode(header, record);
	int error = dfs_file_replace(header_path, dfs_span(record, bytes));
	if (error != 0) {
		dfs_sentence_set(text, "disk %s cannot be formatted: %s: %s", path, header_path,
				 strerror(error));
		return dfs_error_from_errno(error);
	}
	dfs_log_printf(DFS_LOG_INFO, "event=disk_formatted path=%s disk=%016llx", path,
		       (unsigned long long)header->disk);
	return 0;
}

/* `header` holds what we expect (node 0: any) and is what the disk says afterwards. */
static int check_header(const char *path, struct cs_header *header, struct dfs_sentence *text)
{
	char header_path[PATH_MAX];
	u8 record[CS_HEADER_BYTES_MAX];
	struct cs_header found = {0};
	join(header_path, path, "dfs-disk");
	ssize_t bytes = dfs_file_read(header_path, record, sizeof(record));
	if (bytes == -ENOENT)
		return format(path, header_path, header, text);
	int status = bytes < 0 && bytes != -EFBIG ? dfs_error_from_errno((int)-bytes) : 0;
	if (status != 0) {
		dfs_sentence_set(text, "disk %s cannot be read: %s: %s", path, header_path,
				 strerror((int)-bytes));
		return status;
	}
	status =
	    bytes < 0 ? DFS_ECORRUPT : cs_header_decode(dfs_span(record, (size_t)bytes), &found);
	if (status != 0) {
		dfs_sentence_set(text, "disk %s cannot be used: %s: %s; %s", path, header_path,
				 status == DFS_EWRONG_VERSION ? "written by a newer release of dfs"
							      : "the header is damaged",
				 status == DFS_EWRONG_VERSION
				     ? "upgrade this chunkserver"
				     : "restore that file, or give an empty directory");
		return status;
	}
	if (found.cluster != header->cluster) {
		dfs_sentence_set(text,
				 "disk %s belongs to cluster %016llx, the key is that of cluster "
				 "%016llx; give the right key, or an empty directory",
				 path, (unsigned long long)found.cluster,
				 (unsigned long long)header->cluster);
		return DFS_EWRONG_CLUSTER;
	}
	if (header->node != 0 && found.node != header->node)
		dfs_log_printf(
		    DFS_LOG_WARN,
		    "event=disk_moved path=%s note=\"it comes from another chunkserver; its "
		    "chunks are served from here now\"",
		    path);
	*header = found;
	return 0;
}

/* Make room for a new index; the old one stays for whoever wants to look into it. */
static int set_aside(const char *path, const char *index_path, const char *cause,
		     struct dfs_sentence *text)
{
	char aside[PATH_MAX];
	struct stat ignored;
	if (stat(index_path, &ignored) != 0 && errno == ENOENT)
		return 0;
	for (u32 i = 1; i <= SET_ASIDE_MAX; i++) {
		snprintf(aside, sizeof(aside), "%s/index.old-%u", path, i);
		if (stat(aside, &ignored) == 0)
			continue;
		if (rename(index_path, aside) != 0)
			break;
		dfs_log_printf(
		    DFS_LOG_WARN,
		    "event=index_set_aside path=%s to=%s cause=\"%s\" note=\"a new one is made "
		    "from the chunks; remove the old one when all is well\"",
		    index_path, aside, cause);
		return 0;
	}
	int error = errno;
	dfs_sentence_set(text, "disk %s: %s cannot be set aside: %s", path, index_path,
			 strerror(error));
	return DFS_EIO;
}

/* A damaged block of a table shows only when it is read. */
static int open_whole(const char *index_path, struct dfs_kv_rocks **ret_index,
		      struct dfs_sentence *text)
{
	struct dfs_kv_options options = {0};
	struct dfs_kv_rocks *index;
	int status = dfs_kv_rocks_open(index_path, DFS_KV_LOGGED, &options, &index, text);
	if (status != 0)
		return status;
	status = cs_index_probe(dfs_kv_rocks_kv(index));
	if (status != 0) {
		dfs_kv_rocks_close(index);
		dfs_sentence_set(text, "store %s cannot be read: %s; check the disk", index_path,
				 dfs_error_text(status));
		return status;
	}
	*ret_index = index;
	return 0;
}

static int open_index(const char *path, bool rebuild, struct dfs_kv_rocks **ret_index,
		      struct dfs_sentence *text)
{
	char index_path[PATH_MAX];
	join(index_path, path, "index");
	int status = rebuild ? set_aside(path, index_path, "--rebuild", text) : 0;
	if (status == 0)
		status = open_whole(index_path, ret_index, text);
	if (status != DFS_ECORRUPT)
		return status;
	struct dfs_sentence cause = *text;
	status = set_aside(path, index_path, cause.text, text);
	if (status == 0)
		status = open_whole(index_path, ret_index, text);
	return status;
}

static int open_one(struct dfs_daemon *daemon, const char *path, bool rebuild, u32 i,
		    struct cs_header *header, struct cs_disks *disks, struct dfs_sentence *text)
{
	struct dfs_disk_options options = {0};
	int status = check_path(path, text);
	if (status == 0 && !has_header(path)) /* Before our lock file is put there. */
		status = check_empty(path, text);
	if (status == 0)
		status = dfs_daemon_lock(daemon, path, text);
	if (status == 0)
		status = check_header(path, header, text);
	if (status == 0)
		status = dfs_disk_open(path, &options, &disks->files[i], text);
	if (status == 0)
		status = open_index(path, rebuild, &disks->indexes[i], text);
	if (status == 0)
		return 0;
	dfs_disk_close(disks->files[i]);
	disks->files[i] = NULL;
	disks->indexes[i] = NULL;
	return status;
}

int cs_disks_open(struct dfs_daemon *daemon, u64 cluster, const char *const *paths, u32 count,
		  bool rebuild, struct cs_disks *ret_disks, struct dfs_sentence *ret_text)
{
	u32 working = 0;
	int status = 0;
	ret_disks->count = count;
	for (u32 i = 0; i < count; i++) {
		struct cs_header header = {.cluster = cluster, .node = ret_disks->node};
		int one = open_one(daemon, paths[i], rebuild, i, &header, ret_disks, ret_text);
		if (one == 0) {
			working++;
			if (ret_disks->node == 0)
				ret_disks->node = header.node;
			dfs_log_printf(DFS_LOG_INFO, "event=disk_open disk=%u path=%s", i,
				       paths[i]);
			continue;
		}
		status = one;
		dfs_log_printf(DFS_LOG_ERROR, "event=disk_unusable disk=%u error=%s text=\"%s\"", i,
			       dfs_error_name(one), ret_text->text);
	}
	return working > 0 ? 0 : status;
}

void cs_disks_close(struct cs_disks *disks)
{
	for (u32 i = 0; i < disks->count; i++) {
		dfs_disk_close(disks->files[i]);
		dfs_kv_rocks_close(disks->indexes[i]);
	}
}
