/*
 * Ids and small durable files: see ids.h.
 */
#include "libdfsproto/host/ids.h"

#include "libdfsproto/base/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

u64 dfs_id_hash(const char *label, struct dfs_span data)
{
	u8 digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	DFS_ASSERT(context != NULL);
	int ok = EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
		 EVP_DigestUpdate(context, label, strlen(label)) == 1 &&
		 EVP_DigestUpdate(context, data.data, data.length) == 1 &&
		 EVP_DigestFinal_ex(context, digest, NULL) == 1;
	DFS_ASSERT(ok);
	EVP_MD_CTX_free(context);
	u64 id = 0;
	for (u32 i = 8; i > 0; i--)
		id = id << 8 | digest[i - 1];
	return id == 0 ? 1 : id;
}

u64 dfs_id_random(void)
{
	u64 id = 0;
	while (id == 0) {
		ssize_t got = getrandom(&id, sizeof(id), 0);
		DFS_ASSERT(got == (ssize_t)sizeof(id));
	}
	return id;
}

static u32 read_boot_text(char *ret_text, u32 bytes_max)
{
	ssize_t got = dfs_file_read("/proc/sys/kernel/random/boot_id", ret_text, bytes_max);
	return got < 0 ? 0 : (u32)got;
}

u64 dfs_boot_id(void)
{
	char text[64];
	u32 length = read_boot_text(text, sizeof(text));
	/* Without /proc every start counts as a new boot: the safe side. */
	return length == 0 ? dfs_id_random() : dfs_id_hash("dfs boot id", dfs_span(text, length));
}

u64 dfs_host_id(void)
{
	char text[64 + HOST_NAME_MAX + 1];
	u32 length = read_boot_text(text, 64);
	if (gethostname(text + length, HOST_NAME_MAX) != 0)
		text[length] = '\0';
	text[sizeof(text) - 1] = '\0';
	length += (u32)strlen(text + length);
	return dfs_id_hash("", dfs_span(text, length));
}

ssize_t dfs_file_read(const char *path, void *ret_data, size_t bytes_max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	size_t count = 0;
	ssize_t got = 1;
	while (count < bytes_max) {
		got = read(fd, (u8 *)ret_data + count, bytes_max - count);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		count += (size_t)got;
	}
	int error = got < 0 ? errno : 0;
	close(fd);
	if (error != 0)
		return -error;
	return count == bytes_max ? -EFBIG : (ssize_t)count;
}

static int write_and_sync(const char *path, struct dfs_span content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	ssize_t written = write(fd, content.data, content.length);
	int error = 0;
	if (written != (ssize_t)content.length)
		error = written < 0 ? errno : ENOSPC;
	else if (fsync(fd) != 0)
		error = errno;
	if (close(fd) != 0 && error == 0)
		error = errno;
	return error;
}

static int sync_parent(const char *path)
{
	char copy[PATH_MAX];
	if ((size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy))
		return ENAMETOOLONG;
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	int error = fsync(fd) == 0 ? 0 : errno;
	close(fd);
	return error;
}

int dfs_file_replace(const char *path, struct dfs_span content)
{
	char temporary[PATH_MAX];
	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.new", path) >= sizeof(temporary))
		return ENAMETOOLONG;
	int error = write_and_sync(temporary, content);
	if (error == 0 && rename(temporary, path) != 0)
		error = errno;
	if (error != 0) {
		unlink(temporary);
		return error;
	}
	return sync_parent(path);
}

static int make_node_id(const char *path, u64 *ret_id, struct dfs_sentence *ret_text)
{
	char text[24];
	u64 id = dfs_id_random();
	int length = snprintf(text, sizeof(text), "%016llx\n", (unsigned long long)id);
	int error = dfs_file_replace(path, dfs_span(text, (size_t)length));
	if (error != 0) {
		dfs_sentence_set(ret_text,
				 "cannot write %s: %s; check the directory and its free space",
				 path, strerror(error));
		return dfs_error_from_errno(error);
	}
	*ret_id = id;
	return 0;
}

int dfs_node_id(const char *path, u64 *ret_id, struct dfs_sentence *ret_text)
{
	char text[24] = {0};
	ssize_t got = dfs_file_read(path, text, sizeof(text));
	if (got == -ENOENT)
		return make_node_id(path, ret_id, ret_text);
	if (got < 0 && got != -EFBIG) {
		dfs_sentence_set(ret_text, "cannot read %s: %s; check its permissions", path,
				 strerror((int)-got));
		return dfs_error_from_errno((int)-got);
	}
	char *end = text;
	u64 id = got == 17 && text[16] == '\n' ? strtoull(text, &end, 16) : 0;
	if (end != text + 16 || id == 0) {
		dfs_sentence_set(
		    ret_text,
		    "%s is damaged: it must hold 16 hex digits and a line end; restore it, "
		    "or remove it if this daemon holds no data yet",
		    path);
		return DFS_ECORRUPT;
	}
	*ret_id = id;
	return 0;
}
