/*
 * One disk of chunk files as the DFS_IO_FILE_* and DFS_IO_DISK_* effects see it, with a page cache
 * and a platter behind it. The death of the process keeps the page cache; a power cut keeps what
 * was synced, and of the rest each 512-byte sector, length and name at random: kept, lost or torn.
 *
 * An I/O is begun when its effect is emitted and carried out when it finishes; one that a crash
 * finds in between may have happened in full, in part or not at all. Used by node_io.c and by unit
 * tests.
 */
#ifndef TESTS_SIM_DISK_SIM_H
#define TESTS_SIM_DISK_SIM_H

#include "libdfsproto/base/prng.h"
#include "libdfsproto/base/step.h"

enum { DISK_SECTOR_BYTES = 512 };

struct disk_sim;
struct disk_op; /* An I/O under way. */

struct disk_result {
	int status;
	u64 count;
	u64 aux;
	struct dfs_buf *buf; /* A reference the caller releases, or NULL. */
};

/* What may go wrong, each in parts of 65536 per I/O. */
struct disk_faults {
	u32 read_error;  /* EIO, nothing read. */
	u32 write_error; /* EIO, a part of it written. */
	u32 sync_error;  /* EIO, and what was to be synced may never reach the platter. */
	u32 misdirected; /* A write lands one page beside its place and is reported as done. */
};

struct disk_sim *disk_sim_new(u64 capacity, u64 seed);
void disk_sim_free(struct disk_sim *disk);
void disk_sim_set_faults(struct disk_sim *disk, const struct disk_faults *faults);
void disk_sim_set_capacity(struct disk_sim *disk, u64 capacity);
u64 disk_sim_capacity(const struct disk_sim *disk);
/* From now on everything fails with EIO. */
void disk_sim_break(struct disk_sim *disk, bool broken);

/* `buf` may be NULL and is referenced; io->attribute is copied. Asserts step.h's rule that a core
 * has no conflicting I/Os in flight. KV kinds are not for a disk. */
struct disk_op *disk_sim_begin(struct disk_sim *disk, const struct dfs_io *io, struct dfs_buf *buf);
/* Carry it out; the op is gone afterwards. */
void disk_sim_finish(struct disk_sim *disk, struct disk_op *op, struct disk_result *ret_result);
/* Ops under way are gone afterwards. */
void disk_sim_crash(struct disk_sim *disk, bool power, struct dfs_prng *prng);
/* The kernel wrote everything back, as it does after half a minute. */
void disk_sim_settle(struct disk_sim *disk);

/* Flip a bit of some file's contents, in cache and on the platter. 0: no file has any. */
u64 disk_sim_rot(struct disk_sim *disk, struct dfs_prng *prng);
void disk_sim_wipe(struct disk_sim *disk);

/* For checks: files in order of id, the next above `file`; 0 when there is none. */
u64 disk_sim_next_file(const struct disk_sim *disk, u64 file);
u64 disk_sim_files(const struct disk_sim *disk);
u64 disk_sim_used(const struct disk_sim *disk);
/* DFS_ENOENT, or 0 and the file's length; zeros beyond it. */
int disk_sim_peek(const struct disk_sim *disk, u64 file, u64 offset, u8 *ret_data, u64 length,
		  u64 *ret_length);
bool disk_sim_is_durable(const struct disk_sim *disk, u64 file);

#endif
