/*
 * Making, appending to and syncing a journal: see kv_journal.h. Read kv_journal_read.c next.
 *
 * Both segments may hold unsynced records just after a switch. A sync takes the older one first;
 * were a power cut to keep the newer one's records only, replay would stop at the gap, and nobody
 * was told that they were durable.
 */
#include "libdfsproto/host/kv_journal_i.h"

#include "libdfsproto/base/crc32c.h"
#include "libdfsproto/base/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	SEGMENT_BYTES_MIN = 64 << 10,
	FILL_BYTES = 1 << 20,
};

u32 journal_crc(const struct journal_header *header, struct dfs_span batch)
{
	u32 skipped = offsetof(struct journal_header, sequence);
	u32 crc = dfs_crc32c((const u8 *)header + skipped, sizeof(*header) - skipped);
	return dfs_crc32c_extend(crc, batch.data, batch.length);
}

u64 journal_record_bytes(u32 batch_bytes)
{
	u64 bytes = sizeof(struct journal_header) + (u64)batch_bytes;
	return (bytes + JOURNAL_ALIGN_BYTES - 1) & ~(u64)(JOURNAL_ALIGN_BYTES - 1);
}

static void segment_path(const char *directory, u32 number, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/journal-%u", directory, number);
}

/* Written, not only allocated: a block that was never written costs a metadata update later. */
static int fill(int fd, u64 bytes)
{
	u8 *zeros = calloc(1, FILL_BYTES);
	DFS_ASSERT(zeros != NULL);
	int error = 0;
	for (u64 at = 0; at < bytes && error == 0; at += FILL_BYTES) {
		size_t part = (size_t)dfs_min(bytes - at, (u64)FILL_BYTES);
		ssize_t written = pwrite(fd, zeros, part, (off_t)at);
		if (written != (ssize_t)part)
			error = written < 0 ? errno : ENOSPC;
	}
	free(zeros);
	if (error == 0 && fsync(fd) != 0)
		error = errno;
	return error;
}

static int sync_directory(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	int error = fsync(fd) == 0 ? 0 : errno;
	close(fd);
	return error;
}

static int posix_to_error(int posix)
{
	return posix == ENOSPC || posix == EDQUOT ? DFS_EDISK_FULL : DFS_EIO;
}

int kv_journal_create(const char *directory, u64 segment_bytes)
{
	segment_bytes = dfs_max(segment_bytes, (u64)SEGMENT_BYTES_MIN) & ~UINT64_C(4095);
	int error = 0;
	for (u32 i = 0; i < JOURNAL_SEGMENTS && error == 0; i++) {
		char path[PATH_MAX];
		segment_path(directory, i, path);
		int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0)
			return posix_to_error(errno);
		error = fill(fd, segment_bytes);
		close(fd);
	}
	if (error == 0)
		error = sync_directory(directory);
	return error == 0 ? 0 : posix_to_error(error);
}

static int open_segment(struct kv_journal *journal, const char *directory, u32 number)
{
	char path[PATH_MAX];
	struct stat st;
	segment_path(directory, number, path);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? DFS_ECORRUPT : DFS_EIO;
	journal->segments[number].fd = fd;
	if (fstat(fd, &st) != 0)
		return DFS_EIO;
	u64 bytes = (u64)st.st_size;
	if (bytes < SEGMENT_BYTES_MIN || bytes % 4096 != 0 ||
	    (number > 0 && bytes != journal->segment_bytes))
		return DFS_ECORRUPT;
	journal->segment_bytes = bytes;
	return 0;
}

int kv_journal_open(const char *directory, struct kv_journal **ret_journal)
{
	struct kv_journal *journal = calloc(1, sizeof(*journal));
	DFS_ASSERT(journal != NULL);
	for (u32 i = 0; i < JOURNAL_SEGMENTS; i++)
		journal->segments[i].fd = -1;
	for (u32 i = 0; i < JOURNAL_SEGMENTS; i++) {
		int error = open_segment(journal, directory, i);
		if (error != 0) {
			kv_journal_close(journal);
			return error;
		}
	}
	*ret_journal = journal;
	return 0;
}

void kv_journal_close(struct kv_journal *journal)
{
	if (journal == NULL)
		return;
	for (u32 i = 0; i < JOURNAL_SEGMENTS; i++)
		if (journal->segments[i].fd >= 0)
			close(journal->segments[i].fd);
	free(journal);
}

void kv_journal_restart(struct kv_journal *journal, u64 salt)
{
	journal->salt = salt;
	atomic_store(&journal->current, 0);
	journal->offset = 0;
}

bool kv_journal_has_room(const struct kv_journal *journal, u32 batch_bytes)
{
	return journal->offset + journal_record_bytes(batch_bytes) <= journal->segment_bytes;
}

bool kv_journal_can_hold(const struct kv_journal *journal, u32 batch_bytes)
{
	return journal_record_bytes(batch_bytes) <= journal->segment_bytes;
}

void kv_journal_switch(struct kv_journal *journal)
{
	atomic_store(&journal->current, 1 - atomic_load(&journal->current));
	journal->offset = 0;
}

int kv_journal_append(struct kv_journal *journal, u64 sequence, struct dfs_span batch)
{
	static const u8 padding[JOURNAL_ALIGN_BYTES];
	DFS_ASSERT(kv_journal_has_room(journal, batch.length));
	if (atomic_load(&journal->failed))
		return DFS_EIO;
	struct journal_header header = {
	    .magic = JOURNAL_MAGIC,
	    .sequence = sequence,
	    .synced = atomic_load(&journal->synced),
	    .salt = journal->salt,
	    .bytes = batch.length,
	};
	header.crc = journal_crc(&header, batch);
	u64 bytes = journal_record_bytes(batch.length);
	struct iovec iov[] = {
	    {&header, sizeof(header)},
	    {(void *)(uintptr_t)batch.data, batch.length},
	    {(void *)(uintptr_t)padding, (size_t)(bytes - sizeof(header) - batch.length)},
	};
	struct journal_segment *segment = &journal->segments[atomic_load(&journal->current)];
	ssize_t written;
	do
		written = pwritev(segment->fd, iov, 3, (off_t)journal->offset);
	while (written < 0 && errno == EINTR);
	/* What a short write left is overwritten by the next append, or ends the replay. */
	if (written != (ssize_t)bytes)
		return written < 0 ? posix_to_error(errno) : DFS_EIO;
	atomic_store(&segment->dirty, true);
	journal->offset += bytes;
	atomic_store(&journal->appended, sequence);
	return 0;
}

static int sync_segment(struct kv_journal *journal, struct journal_segment *segment)
{
	if (!atomic_exchange(&segment->dirty, false))
		return 0;
	if (fdatasync(segment->fd) == 0)
		return 0;
	atomic_store(&journal->failed, true);
	return DFS_EIO;
}

int kv_journal_sync(struct kv_journal *journal)
{
	if (atomic_load(&journal->failed))
		return DFS_EIO;
	u64 covered = atomic_load(&journal->appended);
	u32 current = atomic_load(&journal->current);
	int error = sync_segment(journal, &journal->segments[1 - current]);
	if (error == 0)
		error = sync_segment(journal, &journal->segments[current]);
	if (error == 0)
		atomic_store(&journal->synced, covered);
	return error;
}
