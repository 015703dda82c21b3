/*
 * Frames: a 32-byte header, a schema-coded body, a raw payload.
 *
 *   0 u32 magic "dfs1"   4 u16 version   6 u16 type      8 u16 flags   10 s16 status
 *  12 u64 request       20 u32 body     24 u32 payload  28 u32 CRC32C of bytes 0..27 and the body
 *
 * The framer takes bytes as they come, chopped anywhere, and gives whole frames. It receives the
 * rest of a large payload straight into the payload's own buffer, so that nothing is copied twice.
 * A framer belongs to one link: after a reset it is made anew.
 */
#ifndef DFS_WIRE_FRAME_H
#define DFS_WIRE_FRAME_H

#include "libdfsproto/wire/coding.h"

#define DFS_FRAME_MAGIC        UINT32_C(0x31736664) /* "dfs1" in memory order. */
#define DFS_FRAME_HEADER_BYTES 32

enum dfs_frame_flags { DFS_FRAME_REPLY = 1 };

struct dfs_frame {
	u16 version;
	u16 type;   /* enum dfs_msg; the request's for replies. */
	u16 flags;  /* enum dfs_frame_flags. */
	int status; /* Replies: 0 or a negative DFS_E…. */
	u64 request;
	struct dfs_span body;    /* Borrowed until the framer's next call. */
	struct dfs_buf *payload; /* NULL or `length` bytes; borrowed: ref it to keep it. */
};

struct dfs_framer;

struct dfs_framer *dfs_framer_new(void);
void dfs_framer_free(struct dfs_framer *framer);

/* Take bodies and payloads up to these lengths only: little from a peer that has proved nothing
 * yet. A new framer has the limits of limits.def; at most those may be set. Holds from the next
 * frame on. */
void dfs_framer_bound(struct dfs_framer *framer, u32 body_bytes_max, u32 payload_bytes_max);

/* Where to put the next bytes; the length is never 0. Ask again after each dfs_framer_received. */
void dfs_framer_room(struct dfs_framer *framer, u8 **ret_data, u32 *ret_length);

/* `count` bytes were put there. */
void dfs_framer_received(struct dfs_framer *framer, u32 count);

/* 1 and the next whole frame; 0 when more bytes are needed; DFS_EMALFORMED or DFS_ECORRUPT, for
 * good, when this is no frame of ours: bad magic, a length over its limit, a wrong checksum, an
 * unknown error number. A request whose type is unknown is a frame all the same: the session
 * answers it. */
int dfs_framer_next(struct dfs_framer *framer, struct dfs_frame *ret_frame);

/* Fill in the header of a frame whose body was put into `buf` behind DFS_FRAME_HEADER_BYTES of
 * headroom. `payload_bytes` follow it on the link. frame->body and frame->payload are not used. */
void dfs_frame_seal(struct dfs_buf *buf, const struct dfs_frame *frame, u32 payload_bytes);

#endif
