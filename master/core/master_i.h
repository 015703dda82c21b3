/*
 * The inside of the master's core: what its files share. A request's way through it:
 *
 *   link -> peers.c -> on_mutate.c -> gate.c -> leader.c (proposal, batch) -> raft.c -> log.c ->
 * sync sync done -> raft.c (committed) -> leader.c -> ms_apply() -> answers.c -> reply link ->
 * peers.c -> on_read.c, on_chunks.c ... -> questions of state.h -> reply
 *
 * One durable mutation of a lone client costs two wake-ups of the loop (its bytes; the sync's end)
 * and one of the thread that syncs: counted with strace, 1 recvfrom, 1 pwritev, 1 fdatasync, 1
 * sendmsg and 2 epoll_waits each. Mutations that arrive while a sync is in flight share the next
 * one.
 */
#ifndef MS_MASTER_I_H
#define MS_MASTER_I_H

#include "libdfsproto/base/heap.h"
#include "master/core/clients.h"
#include "master/core/gate.h"
#include "master/core/grants.h"
#include "master/core/log.h"
#include "master/core/master.h"
#include "master/core/raft.h"
#include "master/core/servers.h"
#include "master/core/state.h"

/* Of attr.mode. */
enum { MS_MODE_TYPE = 0170000, MS_MODE_REGULAR = 0100000 };

enum ms_phase {
	MS_PHASE_NEW,       /* Waits for BOOT. */
	MS_PHASE_SYNCING,   /* The log read at the start is being synced; then Raft starts. */
	MS_PHASE_REPLAYING, /* Applies what is committed, then the first entry of this reign. */
	MS_PHASE_LEADING,   /* Serves. */
	MS_PHASE_STOPPING,  /* Flushes the state, then ends. */
	MS_PHASE_ENDED,     /* DFS_FX_EXIT is out: events are ignored. */
};

/* Tags of DFS_FX_IO. */
enum ms_io { MS_IO_LOG_SYNC = 1, MS_IO_STATE_FLUSH };

/* Kinds of our own requests: the top byte of a session tag, above a chunk id or a recall. */
enum ms_ask { MS_ASK_GARBAGE = 1, MS_ASK_STRAYS, MS_ASK_TRIM, MS_ASK_INVALIDATE };
#define MS_ASK_SHIFT 56

struct ms_peer {
	struct dfs_map_node by_link;
	struct dfs_list in_order; /* ms.peers, or ms.dead_peers until the step ends. */
	struct dfs_heap_node due; /* When its session wants a tick. */
	struct dfs_session *session;
	u64 link;
	bool up; /* The handshake is done: dfs_session_peer() is valid. */
	bool dead;
	struct ms_client *client; /* Attached through this link. */
	struct ms_server *server; /* Registered through this link. */
	struct ms_walk *walk;     /* NULL: none. */
	u64 attaching; /* Request id of an ATTACH that waits for SESSION_OPEN; 0: none. */
};

/* One operation on its way through the log, for whoever waits for its outcome. */
struct ms_proposal {
	struct dfs_list in_batch;
	struct dfs_list in_client; /* Mutations of clients. */
	struct ms_client *client;
	struct ms_gated *gated; /* Mutations of clients: what it touches. */
	u64 sequence;
	u64 link; /* Who gets the answer; 0: nobody. */
	u64 request;
	u16 op;
};

/* What becomes one log entry. */
struct ms_batch {
	struct dfs_list in_queue;  /* leader.queued or .submitted. */
	struct dfs_list proposals; /* In order of the operations in `data`. */
	struct dfs_writer data;    /* log_op records. */
	u32 count;
	u64 index; /* Once submitted. */
};

struct ms_leader {
	struct dfs_list queued;    /* Batches to submit; the last one is being filled. */
	struct dfs_list submitted; /* In order of index. */
	struct dfs_list free_proposals;
	u32 free_count;
	u64 next;           /* Index of the next entry to apply. */
	bool syncing;       /* MS_IO_LOG_SYNC is in flight ... */
	u64 syncing_index;  /* ... and covers entries up to here. */
	bool flushing;      /* MS_IO_STATE_FLUSH is in flight ... */
	u64 flushing_index; /* ... and covers entries up to here. */
	u64 flushed_index;  /* The last flush that finished did. */
	u64 flushed_bytes;  /* log.bytes when it was started. */
	u64 batches_count;  /* Entries submitted. */
	u64 ops_count;      /* Operations applied. */
	u64 syncs_count;    /* Log syncs finished. */
};

/* Chunks in the garbage table, deleted in rounds: garbage.c. */
struct ms_garbage {
	bool wanted;   /* Something was added since the last pass began. */
	bool passing;  /* A pass is under way. */
	u64 after;     /* Where the pass goes on. */
	nsec again_at; /* A pass left some behind: try again then. */
	bool left_behind;
	struct ms_chunk_list round; /* Chunks of this round that no server refused ... */
	u32 asked;                  /* ... and DELETE_CHUNKS still unanswered. */
	bool forgetting;            /* FORGET_CHUNKS of this round was proposed. */
};

struct ms_stray_queue {
	struct ms_stray *entries; /* A ring. */
	u32 capacity;             /* A power of two, or 0. */
	u32 head;
	u32 count;
};

/* Copies nobody may know: strays.c. */
struct ms_strays {
	struct ms_stray_queue reported; /* To be looked up. */
	struct ms_stray_queue unknown;  /* Looked up: they wait for the end of the grace, or for
					 * their  server. */
	u64 deleted_count;
};

/* Chunks whose end is cut off at their servers: trims.c. */
struct ms_trims {
	struct dfs_map by_chunk;
	struct dfs_list todo;    /* struct ms_trim_task: to be sent. */
	struct dfs_list waiting; /* Holders unknown or failed; in order of `again_at`. */
	struct dfs_list asked;   /* TRIM_CHUNKs are in flight. */
	bool scanned;            /* The table was read after the start. */
	struct ms_trim after;
};

/* Inodes without a name or with dead map rows: reaper.c. */
struct ms_reaper {
	struct ms_chunk_list orphans; /* To purge; may hold some that are open again. */
	struct dfs_map purging;       /* Inodes in a proposed PURGE. */
	nsec purge_at;                /* While there are orphans. */
	u64 orphans_after;
	bool orphans_scanned;
	bool cuts_wanted; /* There may be rows to cut. */
	bool cutting;     /* A CUT is in the log. */
	bool grace_over;
};

/* What lies in the trash until its time is up: expiry.c. */
struct ms_expiry {
	u64 next;      /* Wall time of the first one, or earlier; 0: there is none ... */
	bool known;    /* ... if the table was looked at. */
	bool proposed; /* An EXPIRE of ours is in the log. */
};

/* GRANT requests that wait: on_grant.c. */
struct ms_waiting {
	struct dfs_list requests; /* struct ms_waiting_grant; in order of deadline. */
	u32 count;
	bool wake; /* Something changed that they wait for. */
};

struct ms {
	struct dfs_identity identity;
	struct dfs_kv *kvs[MS_KV_COUNT];
	char address[DFS_ADDRESS_BYTES_MAX + 1];
	u64 server;
	bool bootstrap;
	u32 rows_cached;
	bool tuned;
	struct dfs_session_tuning tuning;

	enum ms_phase phase;
	nsec now;
	nsec wall;
	nsec started;
	nsec background_at; /* Next turn of background work. */
	nsec settle_at;     /* Rows that changed are handed to the state store then. */

	struct ms_log log;
	struct ms_raft *raft;
	struct ms_state *state;
	struct ms_leader leader;

	struct dfs_map links;  /* struct ms_peer. */
	struct dfs_list peers; /* In order of arrival. */
	struct dfs_list dead_peers;
	u32 walks_count;
	struct dfs_heap due; /* struct ms_peer. */

	struct ms_clients clients;
	struct ms_leases leases;
	struct ms_gate gate;
	struct ms_servers servers;
	struct ms_grants grants;
	struct ms_garbage garbage;
	struct ms_strays strays;
	struct ms_trims trims;
	struct dfs_list notes; /* struct ms_note: lost.c. */
	struct ms_reaper reaper;
	struct ms_expiry expiry;
	struct ms_waiting waiting;
};

/* master.c: an error that ends the process; `what` names the thing and the next step. */
void ms_give_up(struct ms *ms, struct dfs_fxs *fxs, const char *what, int status);

/* leader.c */
void ms_leader_init(struct ms *ms);
void ms_leader_fini(struct ms *ms);
/* Queue an operation for the log; it is submitted at the end of the turn. `op->version` 0 means the
 * body is in our own version. The caller fills in who waits. */
struct ms_proposal *ms_propose(struct ms *ms, const struct ms_op *op);
/* The leader's own: the body is what `body` (without headroom) holds; it is released. */
struct ms_proposal *ms_propose_own(struct ms *ms, u16 op, struct dfs_writer *body);
void ms_own_writer(struct dfs_writer *ret_body);
/* Submit what is queued unless a sync is in flight, and start the sync. */
void ms_leader_submit(struct ms *ms, struct dfs_fxs *fxs);
bool ms_leader_wants_submit(const struct ms *ms);
void ms_leader_synced(struct ms *ms, struct dfs_fxs *fxs);
/* Apply one committed entry; false when there is none. */
bool ms_leader_apply(struct ms *ms, struct dfs_fxs *fxs);
bool ms_leader_wants_apply(const struct ms *ms);
/* Start a flush of the state when enough has gathered; `force` at the end. */
void ms_leader_flush(struct ms *ms, bool force, struct dfs_fxs *fxs);
void ms_leader_flushed(struct ms *ms, struct dfs_fxs *fxs);
/* Forget that anybody waits for proposals of this client. */
void ms_leader_forget_client(struct ms_client *client);

/* commit_check.c: DFS_ESTALE when a COMMIT names a chunk that is neither in its place nor granted.
 */
int ms_commit_check(struct ms *ms, const struct ms_client *client, const struct ms_op *op);

/* answers.c: an operation was applied; `proposal` is NULL when nobody here proposed it. */
void ms_answer(struct ms *ms, struct ms_proposal *proposal, const struct ms_op *op,
	       const struct ms_result *result, struct dfs_fxs *fxs);
/* Answer a MUTATE whose result is known. */
void ms_answer_mutate(struct ms *ms, struct ms_peer *peer, u64 request, const struct ms_op *op,
		      const struct ms_result *result, struct dfs_fxs *fxs);

/* reign.c: from replay to serving. */
/* Propose a RESERVE if the chunk ids at hand run low. */
void ms_reserve_chunks(struct ms *ms);
/* The first one of this process makes it serve. */
void ms_reign_reserved(struct ms *ms, struct dfs_fxs *fxs);

/* peers.c */
void ms_peers_init(struct ms *ms);
void ms_peers_fini(struct ms *ms);
void ms_peer_new(struct ms *ms, u64 link, struct dfs_fxs *fxs);
void ms_peer_step(struct ms *ms, const struct dfs_ev *ev, struct dfs_fxs *fxs);
void ms_peers_tick(struct ms *ms, struct dfs_fxs *fxs);
void ms_peers_bury(struct ms *ms);
void ms_peer_close(struct ms *ms, struct ms_peer *peer, struct dfs_fxs *fxs);
struct ms_peer *ms_peer_find(const struct ms *ms, u64 link);
u16 ms_peer_version(const struct ms_peer *peer);
/* Answer with a status alone, or with the body in `writer`. */
void ms_reply_status(struct ms_peer *peer, const struct dfs_session_event *request, int status,
		     struct dfs_fxs *fxs);
void ms_reply(struct ms_peer *peer, const struct dfs_session_event *request,
	      struct dfs_writer *writer, struct dfs_fxs *fxs);

/* Handlers: on_<message>.c. Each answers now or keeps (link, request id) and answers later. */
typedef void ms_handler(struct ms *ms, struct ms_peer *peer,
			const struct dfs_session_event *request, struct dfs_fxs *fxs);
ms_handler ms_on_attach, ms_on_detach, ms_on_mutate, ms_on_lookup, ms_on_getattr, ms_on_readdir,
    ms_on_readlink, ms_on_getxattr, ms_on_listxattr, ms_on_statfs, ms_on_open, ms_on_release,
    ms_on_chunks, ms_on_grant, ms_on_status, ms_on_register, ms_on_report, ms_on_space, ms_on_walk,
    ms_on_examine, ms_on_repair, ms_on_opens, ms_on_set_quota, ms_on_quotas, ms_on_adopt,
    ms_on_set_trash, ms_on_list_trash, ms_on_recover, ms_on_empty_trash;

/* on_quota.c: LIMITS or TAKE_IN was applied. */
void ms_answer_quota(struct ms *ms, const struct ms_proposal *proposal,
		     const struct ms_result *result, struct dfs_fxs *fxs);

/* on_trash.c: an operation on the trash was applied. */
void ms_trash_answer(struct ms *ms, const struct ms_proposal *proposal, const struct ms_op *op,
		     const struct ms_result *result, struct dfs_fxs *fxs);

/* on_walk.c: the link is over. */
void ms_walk_end(struct ms *ms, struct ms_peer *peer);

/* on_attach.c */
void ms_attach_opened(struct ms *ms, const struct ms_proposal *proposal, u64 session, int status,
		      struct dfs_fxs *fxs);
void ms_attach_closed(struct ms *ms, const struct ms_proposal *proposal, u64 session,
		      struct dfs_fxs *fxs);
/* SESSION_CLOSE is proposed; nothing is accepted from the client any more. */
struct ms_proposal *ms_session_close(struct ms *ms, struct ms_client *client);
/* on_register.c: a chunkserver's link is gone. */
void ms_server_lost(struct ms *ms, struct ms_server *server, struct dfs_fxs *fxs);
/* A chunkserver answered one of our requests. */
void ms_asked(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *reply,
	      struct dfs_fxs *fxs);

/* locations.c: LOCATION records for replies. */
void ms_location_put(const struct ms *ms, struct dfs_writer *locations,
		     const struct ms_location *location, u32 replicas_max);
bool ms_location_online(const struct ms *ms, const struct ms_location *location);
void ms_location_put_grant(const struct ms *ms, struct dfs_writer *locations,
			   const struct ms_grant *grant);

/* on_grant.c */
void ms_waiting_wake(struct ms *ms, struct dfs_fxs *fxs);
nsec ms_waiting_deadline(const struct ms *ms);
void ms_waiting_fini(struct ms *ms);

/* garbage.c */
void ms_garbage_work(struct ms *ms, struct dfs_fxs *fxs);
nsec ms_garbage_deadline(const struct ms *ms);
void ms_garbage_answered(struct ms *ms, struct ms_server *server, int status);
void ms_garbage_forgotten(struct ms *ms);
void ms_garbage_fini(struct ms *ms);
/* Ask a server that is online to delete chunks; `ask` says who gets the answer. */
void ms_delete_chunks(struct ms_server *server, enum ms_ask ask, const struct ms_chunk_list *list,
		      struct dfs_fxs *fxs);

/* strays.c */
void ms_strays_add(struct ms *ms, u64 chunk, u32 slot);
/* A grant ended without a commit: whatever was written is deleted. */
void ms_strays_abandoned(struct ms *ms, u64 chunk);
void ms_strays_work(struct ms *ms, struct dfs_fxs *fxs);
nsec ms_strays_deadline(const struct ms *ms);
void ms_strays_answered(struct ms *ms, struct ms_server *server, int status);
void ms_strays_fini(struct ms *ms);

/* lost.c */
void ms_lost_init(struct ms *ms);
void ms_lost_fini(struct ms *ms);
void ms_lost_work(struct ms *ms);
nsec ms_lost_deadline(const struct ms *ms);
/* No copy of the chunk exists any more, as far as can be known; `home` as its row says. */
bool ms_is_lost(const struct ms *ms, u64 chunk, u64 home);
/* A client says that the server has the chunk. */
void ms_lost_note(struct ms *ms, const struct ms_server *server, u64 chunk);

/* trims.c */
void ms_trims_init(struct ms *ms);
void ms_trims_fini(struct ms *ms);
void ms_trims_add(struct ms *ms, const struct ms_trim *trim);
void ms_trims_done(struct ms *ms, const struct dfs_trimmed *trimmed);
void ms_trims_work(struct ms *ms, struct dfs_fxs *fxs);
nsec ms_trims_deadline(const struct ms *ms);
void ms_trims_answered(struct ms *ms, const struct ms_server *server, u64 chunk, int status);
void ms_trims_lost(struct ms *ms, const struct ms_server *server);
/* A server appeared: waiting ones may go on. */
void ms_trims_retry(struct ms *ms);

/* reaper.c */
void ms_reaper_work(struct ms *ms, struct dfs_fxs *fxs);
nsec ms_reaper_deadline(const struct ms *ms);
/* Nobody holds this inode open any more; purge it if it has no name. */
void ms_reaper_released(struct ms *ms, u64 ino);
void ms_reaper_orphaned(struct ms *ms, u64 ino);
bool ms_reaper_is_purging(const struct ms *ms, u64 ino);
void ms_reaper_purged(struct ms *ms, const struct dfs_purge *purge);
void ms_reaper_fini(struct ms *ms);
/* Let go of everything a client holds. */
void ms_reaper_let_go(struct ms *ms, struct ms_client *client);

/* expiry.c */
/* 0 or the store's failure. */
int ms_expiry_work(struct ms *ms);
nsec ms_expiry_deadline(const struct ms *ms);
/* Something is in the trash until then. */
void ms_expiry_noted(struct ms *ms, u64 expires);
/* An EXPIRE was applied; `own`: it was not an admin tool's. */
void ms_expiry_done(struct ms *ms, const struct ms_op *op, bool own);

#endif
