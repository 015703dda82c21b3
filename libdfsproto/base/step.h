/*
 * The whole contract between a core and any host. A core is a deterministic function: events in,
 * effects out; no clock, no I/O, no threads, no randomness of its own. The host (libdfsproto/host
 * on libuv, or tests/sim on virtual time) takes the earliest of {link, disk completion, call,
 * deadline}, builds one event, steps the core and carries out the effects.
 *
 * Rules
 * - A core never sees an effect's outcome inside the step that emitted it; IO_DONE comes later,
 *   once per DFS_FX_IO, in any order among different I/Os.
 * - Effects of one step have no order on disk. "Durable before visible" is: wait for IO_DONE of the
 *   sync, then send. Sends on one link keep their order.
 * - Spans in an effect stay valid until the core's next step; buffers are references passed on.
 * - A sync (file, index or log) covers exactly the writes whose completion the core had seen before
 *   it emitted the sync, and perhaps more.
 * - A core never has two conflicting I/Os on one file in flight (overlapping writes; anything
 *   beside an unlink).
 */
#ifndef DFS_BASE_STEP_H
#define DFS_BASE_STEP_H

#include "libdfsproto/base/buf.h"
#include "libdfsproto/base/span.h"
#include "libdfsproto/base/types.h"

enum dfs_ev_kind {
	DFS_EV_BOOT,       /* The first event; `seed` is valid. */
	DFS_EV_LINK_UP,    /* A link this core opened is connected. tag: link. */
	DFS_EV_LINK_NEW,   /* A peer connected to a listener. tag: link, chosen by the host. */
	DFS_EV_LINK_BYTES, /* `count` bytes were put into the room that x_room() gave. tag: link. */
	DFS_EV_LINK_ROOM,  /* The link's send queue, once over its mark, has drained. tag: link. */
	DFS_EV_LINK_DOWN,  /* Gone, for good; never sent for a link the core closed. tag: link. */
	DFS_EV_IO_DONE,    /* tag: what the core put into DFS_FX_IO; status, count, buf. */
	DFS_EV_CALL,       /* One operation from outside (FUSE, admin). tag: call id; call. */
	DFS_EV_CALL_CANCEL, /* The caller was interrupted: answer it if it waits. tag: call id. */
	DFS_EV_TIMER,       /* x_deadline() has been reached. */
	DFS_EV_STOP,        /* Finish what is cheap, close links, then emit DFS_FX_EXIT. */
};

#define DFS_SEED_BYTES 32

struct dfs_ev {
	enum dfs_ev_kind kind;
	nsec now;            /* Monotonic; never goes back within one life of the core. */
	nsec wall;           /* Nanoseconds since 1970; may jump. */
	u64 tag;             /* See the kinds. */
	int status;          /* 0 or a negative DFS_E…. */
	u64 count;           /* LINK_BYTES, IO_DONE: bytes. IO_DONE of DISK_LIST: records. */
	u64 aux;             /* IO_DONE of DISK_SPACE: bytes in all (count: bytes free). */
	struct dfs_buf *buf; /* IO_DONE: what was read. Borrowed; ref it to keep it. */
	const void *call;    /* CALL: the core's own call struct, borrowed. */
	const u8 *seed;      /* BOOT: DFS_SEED_BYTES of true randomness, for nonces and jitter. */
};

/* Links the host made carry this bit; cores number the links they open from 1. */
#define DFS_LINK_ACCEPTED (UINT64_C(1) << 63)

enum dfs_io_kind {
	/* Chunk files, named by (disk, file). */
	DFS_IO_FILE_WRITE,    /* buf[buf_offset, +length) to offset. With an attribute: create. */
	DFS_IO_FILE_READ,     /* offset, length; IO_DONE has buf and count, short at the end. */
	DFS_IO_FILE_SYNC,     /* Data, length and the file's name are on stable storage. */
	DFS_IO_FILE_TRUNCATE, /* To `length`, up or down. */
	DFS_IO_FILE_PUNCH,    /* offset, length become zeros and give their space back. */
	DFS_IO_FILE_SEEK,     /* IO_DONE: count, where from `offset` on data (length 0) or a hole
			       * (length 1) begins; the end of the file when there is none. */
	DFS_IO_FILE_COPY,   /* The first `length` bytes of `source`, on the same disk, become all of
			     * `file`, which is made; holes stay holes, a source that is shorter
			     * ends in one. Durable as written bytes are. */
	DFS_IO_FILE_UNLINK, /* Durable once DFS_IO_DISK_SYNC or a later FILE_SYNC nearby is. */
	DFS_IO_DISK_LIST,   /* Files with ids above `offset`, by id: see struct dfs_listed. */
	DFS_IO_DISK_SPACE,  /* IO_DONE: count bytes free for us, aux bytes in all. */
	/* Key-value stores (kv.h), numbered by the daemon. */
	DFS_IO_KV_SYNC,  /* All kv writes made before are on stable storage. */
	DFS_IO_KV_FLUSH, /* For stores without a log: the same, by writing tables. */
};

/* One record in the buffer of DISK_LIST; `attribute_bytes` bytes of the attribute follow, padded
 * to 8. Host-internal: never on a wire or a disk. */
struct dfs_listed {
	u64 file;
	u64 length;          /* Bytes in the file. */
	u32 attribute_bytes; /* 0 when the file has none. */
	u32 reserved;
};

struct dfs_io {
	enum dfs_io_kind kind;
	u32 disk;                  /* Disk, or the number of the kv store. */
	u64 file;                  /* Chunk id. */
	u64 offset;                /* Bytes. */
	u64 length;                /* Bytes. */
	u64 source;                /* FILE_COPY: chunk id. */
	u32 buf_offset;            /* FILE_WRITE: where in fx.buf. */
	struct dfs_span attribute; /* FILE_WRITE, FILE_COPY: stored with a file it creates. */
};

enum dfs_fx_kind {
	DFS_FX_LINK_OPEN,  /* tag: link, chosen by the core. address: host:port or unix:/path. */
	DFS_FX_LINK_SEND,  /* tag: link. buf: header, body; then payload[payload_offset, +bytes). */
	DFS_FX_LINK_CLOSE, /* tag: link. What was sent before goes out first; no event follows. */
	DFS_FX_IO,         /* tag: comes back in IO_DONE. io; buf for FILE_WRITE. */
	DFS_FX_REPLY,      /* tag: call id. reply: the core's own, valid until the next step. */
	DFS_FX_LOG,        /* log: one line. */
	DFS_FX_EXIT,       /* The process ends: status 0, or an error that log lines explain. */
};

enum dfs_log_level { DFS_LOG_ERROR, DFS_LOG_WARN, DFS_LOG_INFO, DFS_LOG_DEBUG };

#define DFS_LOG_LINE_BYTES 240

struct dfs_fx {
	enum dfs_fx_kind kind;
	u64 tag;
	int status;
	struct dfs_buf *buf;     /* LINK_SEND, IO: a reference the host releases. */
	struct dfs_buf *payload; /* LINK_SEND: NULL or a reference the host releases. */
	u32 payload_offset;
	u32 payload_bytes;
	union {
		struct dfs_io io;
		struct dfs_span address;
		const void *reply;
		struct {
			enum dfs_log_level level;
			char line[DFS_LOG_LINE_BYTES]; /* key=value …, NUL-terminated. */
		} log;
	};
};

/*
 * The effects of one step, in order. The host zeroes it once and clears `count` before each step;
 * it grows when needed, so that a step which decodes a full receive buffer need not be split: the
 * bound is what one receive buffer can ask for.
 */
struct dfs_fxs {
	struct dfs_fx *v;
	u32 count;
	u32 capacity;
	enum dfs_log_level log_level; /* Lines above it are not made. */
};

/* Append a zeroed effect. The pointer is good until the next append. */
struct dfs_fx *dfs_fx_add(struct dfs_fxs *fxs, enum dfs_fx_kind kind, u64 tag);
void dfs_fxs_fini(struct dfs_fxs *fxs);

void dfs_fx_link_open(struct dfs_fxs *fxs, u64 link, struct dfs_span address);
/* Takes the reference; the caller may then set payload, payload_offset and payload_bytes. */
struct dfs_fx *dfs_fx_link_send_take(struct dfs_fxs *fxs, u64 link, struct dfs_buf *buf);
void dfs_fx_link_close(struct dfs_fxs *fxs, u64 link);
/* `io` is copied; `buf` (may be NULL) is referenced. */
void dfs_fx_io(struct dfs_fxs *fxs, u64 tag, const struct dfs_io *io, struct dfs_buf *buf);
void dfs_fx_reply(struct dfs_fxs *fxs, u64 call, const void *reply);
void dfs_fx_exit(struct dfs_fxs *fxs, int status);
/* One line `event=… key=value …`, cut at DFS_LOG_LINE_BYTES. No payload bytes, no secrets. */
void dfs_fx_log(struct dfs_fxs *fxs, enum dfs_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The only vtable: one per daemon's core, used by both hosts. */
struct dfs_core_ops {
	void (*step)(void *core, const struct dfs_ev *ev, struct dfs_fxs *fxs);
	/* DFS_NEVER if nothing is due; <= now: step me again. */
	nsec (*deadline)(const void *core);
	/* Where to receive the link's next bytes; the length is never 0 for a live link. */
	void (*room)(void *core, u64 link, u8 **ret_data, u32 *ret_length);
	void (*check)(const void *core); /* Assert every invariant; O(state). */
};

#endif
