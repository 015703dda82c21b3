/*
 * The chunkserver core's own structures, shared by the files of this folder and nobody else.
 *
 * Who knows what: a cs_chunk per chunk held, small, since there are millions; a cs_live beside it
 * only while something happens to the chunk (requests, cached checksums, un-synced data); a cs_op
 * per request or background job, which owns all I/O; a cs_disk per disk with its index. Read next:
 * op.h (requests and their order), index.h (what is on disk), on_write.c.
 */
#ifndef CS_CORE_CS_I_H
#define CS_CORE_CS_I_H

#include "chunkserver/core/chunkserver.h"
#include "libdfsproto/base/list.h"
#include "libdfsproto/base/map.h"
#include "libdfsproto/base/prng.h"

enum {
	CS_SEGMENT_BLOCKS = DFS_SEGMENT_BYTES / DFS_BLOCK_BYTES,
	CS_CHUNK_BYTES_MAX = 1 << DFS_CHUNK_SHIFT_MAX,
	CS_SEGMENTS_MAX = CS_CHUNK_BYTES_MAX / DFS_SEGMENT_BYTES,
	CS_BLOCKS_MAX = CS_CHUNK_BYTES_MAX / DFS_BLOCK_BYTES,
	CS_MASTERS_MAX = 9,
	CS_FEW_SEGMENTS = 4,
};

struct cs_op;
struct cs_segment;

/* Flags of a chunk, as in its index row. */
enum cs_chunk_flags {
	CS_DIRTY = 1,       /* Data may be on its way to the disk: suspect after a power cut. */
	CS_SEALED = 2,      /* Takes no more writes: places of files share it. */
	CS_UNCHECKED = 4,   /* Checksums are unknown: take them from the contents. */
	CS_DELETED = 8,     /* Only the file is left, and that is about to go. */
	CS_DAMAGED = 16,    /* The file is missing or too short. */
	CS_SYNCED = 32,     /* The file has been synced once: if it is missing, that is damage. */
	CS_UNFINISHED = 64, /* Being copied: what a start finds of it goes. */
};
#define CS_FLAGS_KNOWN                                                                             \
	(CS_DIRTY | CS_SEALED | CS_UNCHECKED | CS_DELETED | CS_DAMAGED | CS_SYNCED | CS_UNFINISHED)

enum cs_chunk_state {
	CS_CHUNK_READY,
	CS_CHUNK_NEW,      /* READY, but its first write is not done: no row, perhaps no file. */
	CS_CHUNK_WAITING,  /* Must be checked first; requests wait. */
	CS_CHUNK_CHECKING, /* A check runs; requests wait. */
	CS_CHUNK_DELETING, /* Gone for everybody; the file is being unlinked. */
};

struct cs_chunk {
	struct dfs_map_node node; /* In cs.chunks; the key is the chunk's id. */
	struct cs_live *live;     /* NULL while nothing happens to the chunk. */
	u32 length;               /* Bytes, as in the row. */
	u32 epoch;
	u16 disk;
	u8 flags; /* enum cs_chunk_flags, as in the row. */
	u8 state; /* enum cs_chunk_state. */
};

struct cs_live {
	struct cs_chunk *chunk;
	struct dfs_list ops;          /* cs_op.queue_node: in order of arrival, running or not. */
	struct dfs_list dirty_node;   /* In cs_disk.dirty while CS_DIRTY and READY. */
	struct dfs_list check_node;   /* In cs_disk.checks while WAITING. */
	struct dfs_list sync_waiters; /* cs_op.wait_node: want `synced` to reach their ticket. */
	u64 writes;                   /* Changes of the file that are done. */
	u64 synced;                   /* So many of them are on stable storage. */
	u64 sync_covers;              /* What the FILE_SYNC in flight will make of `synced`. */
	u64 dirty_ticket;             /* Index write that says CS_DIRTY: see commit.c. */
	nsec written_at;
	u32 writing; /* Changes of the file in flight. */
	u32 segments_capacity;
	u32 segments_cached;
	bool syncing;
	bool pumping; /* queue.c is starting ops. */
	bool pump_again;
	bool dropped;                 /* The chunk goes as soon as the pump returns, */
	bool keeps_chunk;             /* or only its live does. */
	struct cs_segment **segments; /* Cached checksums, by number; NULL where not cached. */
	struct cs_segment *few[CS_FEW_SEGMENTS];
	struct cs_live *next_free;
};

enum cs_disk_phase {
	CS_DISK_FAILED,
	CS_DISK_SCANNING, /* Reading the rows of the index. */
	CS_DISK_MARKING,  /* Waits until the index durably says that the server runs. */
	CS_DISK_LISTING,  /* Looks for files without rows. */
	CS_DISK_READY,
};

/* How this start must treat what the last one left. */
enum cs_recovery {
	CS_RECOVERY_NONE,    /* Stopped in good order, same boot. */
	CS_RECOVERY_KILLED,  /* Same boot: what was written is there, except what was in flight. */
	CS_RECOVERY_POWER,   /* Another boot: dirty chunks are suspect. */
	CS_RECOVERY_REBUILD, /* The index was lost. */
};

/* A file that was unlinked; its row stays until the unlinking itself must have reached the disk. */
struct cs_gone {
	u64 chunk;
	nsec at; /* When the row may go. */
};

struct cs_disk {
	u32 index;
	enum cs_disk_phase phase;
	enum cs_recovery recovery;
	struct dfs_kv *kv;
	/* The index: index.c, commit.c. */
	struct dfs_kv_batch batch;
	struct dfs_writer record;
	u64 kv_written; /* Batches written. */
	u64 kv_synced;  /* So many of them are on stable storage. */
	bool kv_syncing;
	nsec kv_waits_since;        /* Oldest write that no sync covers yet; 0: none. */
	struct dfs_list kv_waiters; /* cs_op.wait_node: want kv_synced >= their ticket. */
	u64 boot;                   /* The counters row. */
	u64 fresh_from;
	bool clean;
	/* Space: space.c. */
	u64 bytes_free; /* After the reserve; an estimate between two questions. */
	u64 bytes_total;
	u64 bytes_free_told; /* What the masters know. */
	bool full;
	bool full_told;
	bool space_asking;
	bool space_known; /* Asked at least once. */
	u64 chunks_count;
	u32 read_errors;      /* Counted anew for each chunk that has some. */
	u64 read_error_chunk; /* The last one. */
	bool failed_now;      /* Those who wait for its index are still to be told. */
	/* Background work. */
	struct dfs_list dirty; /* cs_live.dirty_node, oldest write first. */
	u32 dirty_count;
	nsec written_at; /* Last change of any file. */
	nsec clean_at;   /* Not before. */
	u32 cleaning;
	struct dfs_list checks; /* cs_live.check_node. */
	u32 checking;
	u32 unchecked;           /* Chunks WAITING or CHECKING. */
	bool checks_stalled;     /* The index had no room for a result: until there is space. */
	struct dfs_list unlinks; /* cs_op.wait_node: files to unlink. */
	u32 unlinks_waiting;
	u32 unlinking;
	struct cs_gone *gone; /* A ring, oldest first. */
	u32 gone_capacity;
	u32 gone_first;
	u32 gone_count;
	u64 cursor;     /* Recovery: last chunk id seen. */
	u64 cursor_end; /* LISTING: stop before this id. */
	bool listing;   /* A list is out, or more must be asked for. */
	u64 recovered;  /* Recovery: files without rows that were adopted. */
};

/* One peer that connected to us: peers.c. */
struct cs_peer {
	struct dfs_map_node node;  /* In cs.peers, by link. */
	struct dfs_list list_node; /* In cs.peers_list. */
	struct dfs_session *session;
	bool up;
};

/* One master we connect to: master_link.c, report.c. */
struct cs_master {
	struct dfs_session *session;
	u32 index;
	u8 state;          /* enum cs_master_state. */
	u64 outstanding;   /* Request that is waited for; 0: none. */
	u64 space_request; /* SPACE that is waited for; 0: none. */
	nsec at;           /* REFUSED: when to try again. */
	u32 report_disk;   /* Full report: where it stands. */
	u64 report_chunk;
	bool report_overflow;      /* Too many changes during a full report: start it over. */
	struct dfs_writer changes; /* HELD records to send, coded. */
	nsec changes_at;           /* When to send them. */
	nsec space_at;             /* When to send SPACE next. */
};

struct cs {
	struct cs_config config;
	struct dfs_identity identity;
	char *masters_text;
	char *address;
	char *local;
	nsec now;
	u64 next_link;
	bool booted;
	bool serving; /* The inventory of every disk is known. */
	bool stopping;
	u8 stop_state; /* enum cs_stop_state. */
	nsec stop_at;
	struct dfs_prng prng;
	struct cs_disk disks[DFS_DISKS_MAX];
	u32 disks_count;
	struct dfs_map chunks;
	/* Pools: pool.c. */
	struct cs_chunk *free_chunks;
	struct cs_live *free_lives;
	struct cs_op **ops; /* By slot. */
	u32 ops_capacity;
	u32 ops_used; /* Slots handed out at least once. */
	u32 ops_live;
	struct cs_op *free_ops;
	void *slabs;       /* All memory of the pools. */
	u64 payload_bytes; /* Held by requests. */
	/* Cached checksums: crcs.c. */
	struct dfs_list segments; /* cs_segment.lru_node, oldest first. */
	u32 segments_count;
	struct cs_segment *free_segments;
	/* Peers. */
	struct dfs_map peers;
	struct dfs_list peers_list;
	nsec peers_deadline;  /* Not later than any peer's. */
	struct dfs_map nexts; /* Servers behind us in some chain: chain.c. */
	struct dfs_list nexts_list;
	struct cs_master masters[CS_MASTERS_MAX];
	u32 masters_count;
	nsec space_at;
	struct dfs_list deletes; /* cs_op.wait_node: DELETE_CHUNKS being worked through. */
	/* Counters for STATUS. */
	u64 reads_count;
	u64 writes_count;
	u64 syncs_count;
	u64 corrupt_count;
};

static inline u64 cs_chunk_id(const struct cs_chunk *chunk)
{
	return chunk->node.key;
}

static inline struct cs_disk *cs_disk_of(struct cs *cs, const struct cs_chunk *chunk)
{
	return &cs->disks[chunk->disk];
}

#endif
