/*
 * The write-ahead log of a logged store: two files of fixed size, filled with zeros once and then
 * overwritten in turn for ever. An fdatasync after overwriting allocated blocks needs no commit of
 * the file system's own journal: measured on ext4 it takes 240 µs against 330 µs after appending,
 * and 1 ms against 2 to 3 ms while other programs make files. RocksDB's own log is appended to, and
 * 7.8 recycles log files only with a recovery that skips damaged records, which is no prefix.
 *
 * A record is {header, batch}, see struct journal_header. Sequence numbers grow by one from record
 * to record. Records carry the salt of the life of the store that wrote them, so that what an
 * earlier life left behind is never taken for the continuation of a new record.
 *
 * The journal knows nothing of RocksDB: kv_rocks_log.c decides when a segment may be overwritten.
 * Append and switch belong to the loop's thread; sync may run beside them on another.
 */
#ifndef DFS_HOST_KV_JOURNAL_H
#define DFS_HOST_KV_JOURNAL_H

#include "libdfsproto/base/span.h"
#include "libdfsproto/base/types.h"
#include "libdfsproto/host/log.h"

struct kv_journal;

/* Make an empty journal in `directory`, durably. What is there by that name is overwritten. */
int kv_journal_create(const char *directory, u64 segment_bytes);

/* DFS_ECORRUPT when a file is missing or has a wrong size. */
int kv_journal_open(const char *directory, struct kv_journal **ret_journal);
void kv_journal_close(struct kv_journal *journal);

/* Hands over, in order, the records of the life with this salt that follow `position`, until the
 * first that is missing or damaged; DFS_ECORRUPT when a record after that shows that the missing
 * one was once synced. `apply` returns 0 or an error that ends it. */
int kv_journal_replay(struct kv_journal *journal, u64 salt, u64 position,
		      int (*apply)(void *owner, u64 sequence, struct dfs_span batch), void *owner);

/* Overwrite from the beginning, with a new salt: nothing in it is needed any more. After open and
 * replay. */
void kv_journal_restart(struct kv_journal *journal, u64 salt);

/* Can a batch of this size be appended to this segment; to an empty one? */
bool kv_journal_has_room(const struct kv_journal *journal, u32 batch_bytes);
bool kv_journal_can_hold(const struct kv_journal *journal, u32 batch_bytes);
/* Go on in the other segment, whose records must not be needed any more. */
void kv_journal_switch(struct kv_journal *journal);

/* The record survives the death of the process when this returns, a power cut once synced. On an
 * error nothing was appended. */
int kv_journal_append(struct kv_journal *journal, u64 sequence, struct dfs_span batch);

/* What was appended before is on stable storage afterwards. Once it failed it fails for ever: what
 * the kernel still has in memory may differ from the disk. */
int kv_journal_sync(struct kv_journal *journal);

#endif
