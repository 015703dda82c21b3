/*
 * The seal on every record that lies on a disk: what it is, which version of its table coded it,
 * how long it is, and a checksum, so that a damaged or foreign record is an error and never data.
 *
 *   0 u16 magic   2 u16 version   4 u32 body bytes   8 u32 CRC32C of bytes 0..7 and the body   12
 * body
 *
 * The body is coded by row tables (schema/disk_*.def). Used by the master's tables and the chunk
 * servers' index alike; each kind of record has its own magic, listed where its table is.
 */
#ifndef DFS_WIRE_RECORD_H
#define DFS_WIRE_RECORD_H

#include "libdfsproto/wire/coding.h"

#define DFS_RECORD_HEADER_BYTES 12

/* Start (over) a record in a writer that dfs_writer_init gave DFS_RECORD_HEADER_BYTES of headroom:
 * the writer may be kept for many records. Put the body, then seal. */
void dfs_record_begin(struct dfs_writer *writer);

/* Fill in the header of what was put since begin. The span is the whole record, borrowed until the
 * writer is used again. `magic` is not 0. */
struct dfs_span dfs_record_seal(struct dfs_writer *writer, u16 magic);

/* Check a record of any length and content. `version_max` is the newest version this build decodes.
 * 0; DFS_ECORRUPT when it is damaged, cut, or of another kind; DFS_EWRONG_VERSION when it is sound
 * but from a newer build. `ret_body` borrows from `record`; decode it with `ret_version`. */
int dfs_record_open(struct dfs_span record, u16 magic, u16 version_max, u16 *ret_version,
		    struct dfs_span *ret_body);

#endif
