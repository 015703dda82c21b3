/*
 * The client's core: turns file operations into requests to the master and the chunkservers,
 * buffers writes, reassembles and verifies reads. Pure: see base/step.h. The FUSE shell
 * (fuse/shell) feeds it from /dev/fuse; the simulator feeds it from its kernel model.
 *
 * Each operation is one EV_CALL with a struct cl_call, answered by exactly one DFS_FX_REPLY with a
 * struct cl_reply (CL_FORGET, CL_ATIME: none). EV_CALL_CANCEL asks for an early answer: the core
 * replies at once with DFS_EINTR if the call waits for a server and has not changed anything yet
 * that the caller could not see; a mutation that was sent stays in flight and its outcome is
 * dropped.
 */
#ifndef DFS_CLIENT_H
#define DFS_CLIENT_H

#include "libdfsproto/base/step.h"
#include "libdfsproto/session/session.h"

struct cl_config {
	struct dfs_identity identity; /* Copied. identity.seed is filled from EV_BOOT. */
	const char *masters;          /* "host:port[,host:port…]". */
	const char *subtree;    /* Path on the cluster that becomes the root: "/" or "/a/b". */
	u64 write_behind_bytes; /* Dirty bytes held at most, over all files; 0: 64 MiB. */
	nsec write_behind_age;  /* Dirty data is sent after this; 0: 5 s. */
	u64 clone_bytes_min;    /* Less than that is copied, not shared; 0: 1 MiB. */
	nsec timeout; /* Calls fail with DFS_ETIMEDOUT after this; 0: they wait for ever. */
	const struct dfs_session_tuning *tuning; /* NULL: defaults. */
};

enum cl_op {
	CL_LOOKUP,   /* ino (parent), name                      -> attr */
	CL_FORGET,   /* ino, count                              -> (no reply) */
	CL_GETATTR,  /* ino                                     -> attr */
	CL_SETATTR,  /* ino, set                                -> attr */
	CL_READLINK, /* ino                                     -> bytes */
	CL_MKNOD,    /* ino (parent), name, mode, rdev          -> attr */
	CL_MKDIR,    /* ino (parent), name, mode                -> attr */
	CL_SYMLINK,  /* ino (parent), name, name2 (target)      -> attr */
	CL_LINK,     /* ino, ino2 (parent), name                -> attr */
	CL_UNLINK,   /* ino (parent), name */
	CL_RMDIR,    /* ino (parent), name */
	CL_RENAME,   /* ino (parent), name, ino2, name2, flags (dfs_rename_bits) */
	/* Without a name: O_TMPFILE. */
	CL_CREATE, /* ino (parent), name, mode, flags (O_*)   -> attr, handle */
	CL_OPEN,   /* ino, flags (O_*)                        -> attr, handle */
	/* Without O_DIRECT the caller is a page cache that asks GETATTR before it reads: then the
	 * length of the file is what the last attributes said. A direct read looks for the newest
	 * itself. */
	CL_READ,    /* ino, handle, offset, size, flags (O_*)  -> pieces */
	CL_WRITE,   /* ino, handle, offset, data, flags (O_*)  -> count */
	CL_FLUSH,   /* ino, handle: close(2) of one descriptor */
	CL_FSYNC,   /* ino, handle, flags: 1 = data only */
	CL_RELEASE, /* ino, handle */
	CL_OPENDIR, /* ino                                     -> handle */
	CL_READDIR, /* ino, handle, offset (cookie), size, flags: 1 = with attributes -> entries */
	CL_RELEASEDIR, /* ino, handle */
	CL_FSYNCDIR,   /* ino, handle */
	CL_STATFS,     /* -> statfs */
	CL_FALLOCATE,  /* ino, handle, offset, size, flags (FALLOC_FL_*) */
	/* Destination and source (2): whole chunks of the one become the other's as well. -> count:
	 * bytes, perhaps fewer. DFS_ENOTSUP: nothing of it can be shared, the caller copies. */
	CL_CLONE,    /* ino, handle, offset, ino2, handle2, offset2, size -> count */
	CL_LSEEK,    /* ino, handle, offset, flags: 1 = a hole, 0 = data -> count: the offset */
	CL_GETXATTR, /* ino, name, size                         -> bytes, or count when size is 0 */
	CL_SETXATTR, /* ino, name, value, flags (dfs_setxattr_bits) */
	CL_LISTXATTR,   /* ino                                     -> bytes */
	CL_REMOVEXATTR, /* ino, name */
	CL_ATIME,       /* flags (cl_atime_bits): from now on     -> (no reply) */
	CL_SYNC_ALL, /* Write back everything, as before an unmount; replies when all is durable. */
	/* Never a call, but an effect of its own (call id 0): what the caller has cached of the
	 * attributes of reply.attr.ino holds no longer. To be carried out before later replies. */
	CL_STALE,
};

/* When access times move; 0: as relatime says. */
enum cl_atime_bits {
	CL_ATIME_NEVER = 1,
	CL_ATIME_NOT_OF_DIRECTORIES = 2,
	CL_ATIME_ALWAYS = 4, /* Not only if something has changed since, or a day has passed. */
};

/* A decoded operation. Spans are borrowed for the step; the core copies what it keeps. */
struct cl_call {
	enum cl_op op;
	u32 uid;
	u32 gid;
	u64 ino;
	u64 ino2;
	struct dfs_span name;
	struct dfs_span name2;
	struct dfs_span value;
	u64 handle;
	u64 handle2; /* CLONE: of the source; so offset2. */
	u64 offset2;
	u64 offset; /* Bytes, or the cookie of READDIR. */
	u64 size;   /* Bytes. */
	u64 count;  /* FORGET: look-ups forgotten. */
	u32 flags;
	u32 mode;
	u32 umask; /* CREATE, MKNOD, MKDIR: permissions that mode has and the caller holds back. */
	u32 rdev;
	struct dfs_setattr set;  /* SETATTR; set.ino is ignored. */
	struct dfs_payload data; /* WRITE; referenced by the core if kept. */
};

#define CL_PIECES_MAX 64

struct cl_entry {
	struct dfs_span name; /* Borrowed until the next step. */
	u64 next_offset;      /* Cookie that continues after this entry. */
	struct dfs_attr attr; /* Only ino and mode unless attributes were asked for. */
};

/* Borrowed until the core's next step. */
struct cl_reply {
	enum cl_op op;
	int status; /* 0 or a negative DFS_E…; then nothing else is valid. */
	struct dfs_attr attr;
	nsec
	    attr_valid; /* So long from now attr stays true unless CL_STALE comes; 0: not at all. */
	u64 handle;
	u64 count;
	struct dfs_span bytes;
	/* READ: what was read, in order. Pieces without a buffer are zeros. The host uses them
	 * before it returns to the core, or takes its own references. */
	u32 pieces_count;
	struct dfs_payload pieces[CL_PIECES_MAX];
	const struct cl_entry *entries; /* READDIR; `.` and `..` included. */
	u32 entries_count;
	struct dfs_statfs_reply statfs;
};

struct cl;

struct cl *cl_new(const struct cl_config *config);
void cl_free(struct cl *cl);

/* True once the cluster accepted us and the subtree was found; ret_error tells why not yet: 0 (no
 * master reached so far) or the last refusal (DFS_EWRONG_KEY, DFS_ENOENT for the subtree, …). For
 * mount(8)'s first answer. */
bool cl_ready(const struct cl *cl, int *ret_error, struct dfs_span *ret_text);
/* Bytes written and not yet stored by a chunkserver, and the files that have some. For umount. */
u64 cl_dirty_bytes(const struct cl *cl);
/* Is a change under way whose outcome is not known? Its caller may have gone. For the simulator. */
bool cl_changing(const struct cl *cl);

/* struct dfs_core_ops for the hosts; `core` is a struct cl. */
extern const struct dfs_core_ops cl_core_ops;

#endif
