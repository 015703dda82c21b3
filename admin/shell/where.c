/*
 * Finding the cluster: see where.h.
 */
#include "admin/shell/where.h"

#include "admin/shell/accounts.h"
#include "admin/shell/places.h"
#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/address.h"
#include "libdfsproto/host/key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define PORT_DEFAULT "9420"

/* One of a list, with the port filled in. */
static int add_master(const char *master, size_t length, struct where *where)
{
	char text[DFS_ADDRESS_BYTES_MAX + 1];
	struct dfs_address address;
	if (length == 0 || length > DFS_ADDRESS_BYTES_MAX - sizeof(PORT_DEFAULT))
		return DFS_EINVAL;
	const char *end = master[0] == '[' ? memchr(master, ']', length) : master;
	bool port = end != NULL && memchr(end, ':', length - (size_t)(end - master)) != NULL;
	snprintf(text, sizeof(text), "%.*s%s", (int)length, master, port ? "" : ":" PORT_DEFAULT);
	if (dfs_address_parse(dfs_span_text(text), &address) != 0 || address.local)
		return DFS_EINVAL;
	size_t used = strlen(where->masters);
	int added = snprintf(where->masters + used, sizeof(where->masters) - used, "%s%s",
			     used == 0 ? "" : ",", text);
	return (size_t)added < sizeof(where->masters) - used ? 0 : DFS_EINVAL;
}

static int set_masters(struct where *where, const char *list, size_t length, const char *from,
		       struct dfs_sentence *text)
{
	const char *end = list + length;
	snprintf(where->masters_from, sizeof(where->masters_from), "%s", from);
	for (const char *at = list;;) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		const char *stop = comma == NULL ? end : comma;
		if (add_master(at, (size_t)(stop - at), where) != 0) {
			dfs_sentence_set(text,
					 "\"%.*s\" (from %s) is no master; HOST or HOST:PORT is "
					 "expected, and commas between several",
					 (int)(stop - at), at, from);
			return DFS_EINVAL;
		}
		if (comma == NULL)
			return 0;
		at = comma + 1;
	}
}

static int set_mount(struct where *where, const struct mount *mount, struct dfs_sentence *text)
{
	char from[PATH_MAX + 16];
	const char *split = strstr(mount->source, ":/");
	snprintf(from, sizeof(from), "the mount %s", mount->dir);
	size_t length = split == NULL ? strlen(mount->source) : (size_t)(split - mount->source);
	return set_masters(where, mount->source, length, from, text);
}

/* The mount that a path lies in. */
static int find_mount(const char *path, struct stat *ret_stat, struct mount *ret_mount,
		      struct dfs_sentence *text)
{
	if (lstat(path, ret_stat) != 0) {
		int error = errno;
		dfs_sentence_set(text, "%s: %s; check its name", path, strerror(error));
		return dfs_error_from_errno(error);
	}
	if (mounts_find(major(ret_stat->st_dev), minor(ret_stat->st_dev), ret_mount) == 0) {
		dfs_sentence_set(text,
				 "%s does not lie on a mount of dfs; findmnt -t fuse.dfs lists "
				 "those of this machine",
				 path);
		return DFS_EINVAL;
	}
	return 0;
}

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static int find_place(const char *path, bool follow, struct where *where, struct ad_place *place,
		      struct dfs_sentence *text)
{
	struct mount mount;
	char *cluster;
	int status = places_find(path, follow, &mount, &cluster, text);
	if (status != 0)
		return status;
	*place = (struct ad_place){.path = path, .cluster = cluster};
	return where->masters[0] == '\0' ? set_mount(where, &mount, text) : 0;
}

/* The paths of dfs trash may name what is not there any more. */
static int find_trash(const struct ad_arguments *arguments, struct where *where,
		      struct dfs_sentence *text)
{
	int status = 0;
	const char *path = arguments->files_count == 0 ? NULL : arguments->files[0];
	bool inode = path != NULL && arguments->trash == AD_TRASH_RESTORE && is_number(path);
	if (path != NULL && !inode)
		status =
		    find_place(path, arguments->trash <= AD_TRASH_SHOW, where, &where->place, text);
	if (status == 0 && arguments->to != NULL)
		status = find_place(arguments->to, true, where, &where->to, text);
	return status;
}

/* All files lie on mounts of one cluster. */
static int find_files(const struct ad_arguments *arguments, struct where *where,
		      struct dfs_sentence *text)
{
	struct mount *mount = calloc(1, sizeof(*mount));
	where->files = calloc(dfs_max(arguments->files_count, 1u), sizeof(*where->files));
	DFS_ASSERT(mount != NULL);
	DFS_ASSERT(where->files != NULL);
	int status = 0;
	for (u32 i = 0; status == 0 && i < arguments->files_count; i++) {
		const char *path = arguments->files[i];
		struct stat st;
		status = find_mount(path, &st, mount, text);
		if (status != 0)
			break;
		const char *split = strstr(mount->source, ":/");
		struct ad_file *file = &where->files[where->files_count++];
		*file = (struct ad_file){.path = path, .ino = st.st_ino};
		file->subtree = strdup(split == NULL ? "/" : split + 1);
		DFS_ASSERT(file->subtree != NULL);
		if (where->masters[0] == '\0')
			status = set_mount(where, mount, text);
	}
	free(mount);
	return status;
}

static int find_masters(const struct ad_arguments *arguments, struct where *where,
			struct dfs_sentence *text)
{
	const char *environment = getenv("DFS_MASTERS");
	struct stat st;
	struct mount mount;
	if (arguments->masters != NULL)
		return set_masters(where, arguments->masters, strlen(arguments->masters),
				   "--masters", text);
	if (arguments->mount != NULL) {
		int status = find_mount(arguments->mount, &st, &mount, text);
		return status == 0 ? set_mount(where, &mount, text) : status;
	}
	if (environment != NULL && environment[0] != '\0')
		return set_masters(where, environment, strlen(environment), "DFS_MASTERS", text);
	bool named = arguments->files_count > 0;
	if (arguments->command == AD_TRASH && arguments->trash == AD_TRASH_RESTORE)
		named = arguments->to != NULL || !is_number(arguments->files[0]);
	if (named)
		return 0; /* Their mount says. */
	u32 count = mounts_find(0, 0, &mount);
	if (count == 1)
		return set_mount(where, &mount, text);
	dfs_sentence_set(text, count == 0
				   ? "no master is known, and nothing of dfs is mounted here; give "
				     "--masters HOST:PORT or set DFS_MASTERS"
				   : "several clusters are mounted here; say which by --mount DIR "
				     "or --masters HOST:PORT");
	return DFS_EINVAL;
}

int where_find(const struct ad_arguments *arguments, struct where *ret_where,
	       struct dfs_sentence *ret_text)
{
	const char *environment = getenv("DFS_KEY");
	*ret_where = (struct where){.key = DFS_KEY_PATH_DEFAULT};
	if (arguments->key != NULL)
		ret_where->key = arguments->key;
	else if (environment != NULL && environment[0] != '\0')
		ret_where->key = environment;
	const struct ad_quota_arguments *quota = &arguments->quota;
	int status = 0;
	if (quota->user != NULL)
		status = account_find(false, quota->user, &ret_where->account, ret_text);
	else if (quota->group != NULL)
		status = account_find(true, quota->group, &ret_where->account, ret_text);
	if (status == 0)
		status = find_masters(arguments, ret_where, ret_text);
	if (status != 0)
		return status;
	if (arguments->command == AD_TRASH)
		return find_trash(arguments, ret_where, ret_text);
	return find_files(arguments, ret_where, ret_text);
}

void where_fini(struct where *where)
{
	for (u32 i = 0; i < where->files_count; i++)
		free((void *)(uintptr_t)where->files[i].subtree);
	free(where->files);
	free((void *)(uintptr_t)where->place.cluster);
	free((void *)(uintptr_t)where->to.cluster);
}
