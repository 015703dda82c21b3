/*
 * Loading the cluster key: see key.h.
 */
#include "libdfsproto/host/key.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int parse(const char *text, size_t length, u8 *ret_key)
{
	u8 key[DFS_KEY_BYTES];
	if (length > 0 && text[length - 1] == '\n')
		length--;
	if (length != 2u * DFS_KEY_BYTES)
		return DFS_EINVAL;
	for (u32 i = 0; i < DFS_KEY_BYTES; i++) {
		int high = digit_of(text[2 * i]);
		int low = digit_of(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return DFS_EINVAL;
		key[i] = (u8)(high << 4 | low);
	}
	memcpy(ret_key, key, sizeof(key));
	return 0;
}

static int explain(struct dfs_sentence *text, const char *path, int error)
{
	const char *next = "check the path given with the key option";
	if (error == ENOENT)
		next = "copy it from another machine of the cluster, or make a new cluster's with: "
		       "(umask 077; openssl rand -hex 32 > FILE)";
	else if (error == EACCES)
		next = "run as its owner or as root";
	dfs_sentence_set(text, "cluster key %s cannot be read: %s; %s", path, strerror(error),
			 next);
	return dfs_error_from_errno(error);
}

int dfs_key_load(const char *path, u8 ret_key[DFS_KEY_BYTES], struct dfs_sentence *ret_text)
{
	char text[2 * DFS_KEY_BYTES + 3];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return explain(ret_text, path, errno);
	ssize_t got = read(fd, text, sizeof(text));
	int error = got < 0 || fstat(fd, &st) != 0 ? errno : 0;
	close(fd);
	if (error != 0)
		return explain(ret_text, path, error);
	if ((st.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
		dfs_sentence_set(
		    ret_text,
		    "cluster key %s is open to other users (mode %04o); run: chmod 600 %s", path,
		    st.st_mode & 07777u, path);
		return DFS_EACCES;
	}
	error = parse(text, (size_t)got, ret_key);
	explicit_bzero(text, sizeof(text));
	if (error != 0)
		dfs_sentence_set(
		    ret_text,
		    "cluster key %s is damaged: it must hold 64 hex digits and a line end; "
		    "copy it again from another machine of the cluster",
		    path);
	return error;
}

u64 dfs_cluster_id(const u8 key[DFS_KEY_BYTES])
{
	return dfs_id_hash("dfs cluster id", dfs_span(key, DFS_KEY_BYTES));
}
