/*
 * The chunkserver's core: chunks as flat files with a per-disk index, served to clients and to
 * the other replicas of a chain, registered with the master. Pure: see base/step.h.
 *
 * The shell (chunkserver/shell, or tests/sim) owns disks and index stores and gives them at the
 * start. Disk d's files are DFS_IO_FILE_* with io.disk = d; its index is kvs[d], synced by
 * DFS_IO_KV_SYNC with io.disk = d.
 */
#ifndef DFS_CHUNKSERVER_H
#define DFS_CHUNKSERVER_H

#include "libdfsproto/base/kv.h"
#include "libdfsproto/base/step.h"
#include "libdfsproto/session/session.h"

struct cs_config {
	struct dfs_identity identity;      /* Copied. identity.seed is filled from EV_BOOT. */
	const char *masters;               /* "host:port[,host:port…]". */
	const char *address;               /* host:port that clients reach us by. */
	const char *local;                 /* "unix:/path" for clients on this host, or "". */
	u32 disks_count;                   /* 1..DFS_DISKS_MAX. */
	struct dfs_kv *kvs[DFS_DISKS_MAX]; /* Each disk's index: a logged store. NULL: the disk
					      failed to open. */
	u64 boot; /* Changes when the machine was started anew: a power cut may lie between. */
	u64 reserve_bytes; /* Kept free on each disk; at most a quarter of it. */
	const struct dfs_session_tuning *tuning; /* NULL: defaults. */
};

/* The file DIR/dfs-disk, which says to whom a disk belongs (CS_HEADER of disk_chunkserver.def):
 * shells write it before anything else is put there, and refuse disks of others. */
struct cs_header {
	u64 cluster;
	u64 disk; /* Random. */
	u64 node; /* The chunkserver that the disks of one machine make up. */
};
#define CS_HEADER_BYTES_MAX 256
/* Returns the bytes put into `ret_record`. */
u32 cs_header_encode(const struct cs_header *header, u8 ret_record[CS_HEADER_BYTES_MAX]);
/* 0; DFS_ECORRUPT; DFS_EWRONG_VERSION: written by a newer release. */
int cs_header_decode(struct dfs_span record, struct cs_header *ret_header);

/* Can every row that a start reads be read? For shells, before they give the store to a core: one
 * that cannot must be made anew, which nobody can do while it is in use. 0 or the store's error. */
int cs_index_probe(struct dfs_kv *kv);

struct cs;

struct cs *cs_new(const struct cs_config *config);
/* Without I/O: the host has closed what it opened. */
void cs_free(struct cs *cs);

/* struct dfs_core_ops for the hosts; `core` is a struct cs. */
extern const struct dfs_core_ops cs_core_ops;

#endif
