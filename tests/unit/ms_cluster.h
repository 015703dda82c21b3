/*
 * One real master core on the simulator's engine, and puppets around it: scripted clients and
 * chunkservers, each a session and nothing else. A test makes a puppet say something, lets virtual
 * time pass, and looks at what came back. A seed repeats a run exactly.
 */
#ifndef DFS_TESTS_MS_CLUSTER_H
#define DFS_TESTS_MS_CLUSTER_H

#include "libdfsproto/session/session.h"
#include "master/core/master.h"
#include "tests/sim/sim.h"

enum { PUPPETS_MAX = 8, PUPPET_REPLIES_MAX = 4096, PUPPET_ASKED_MAX = 256 };

struct puppet_reply {
	bool done;
	u32 times; /* Must never exceed 1. */
	int status;
	u8 *body;
	u32 length;
};

/* A request of the master. */
struct puppet_asked {
	u16 type;
	u64 request;
	u8 *body;
	u32 length;
	bool answered;
};

struct puppet {
	struct ms_cluster *cluster;
	struct sim_node *node;
	struct dfs_identity identity;
	struct dfs_session *session;
	u64 next_link;
	u32 ups_count;
	bool resumes; /* Attach by itself on each new link, with `opens`. */
	u64 attached; /* Session id, 0: none. */
	int attach_status;
	u64 opens[4];
	struct dfs_grant_kept grants[4];
	bool holds_answers; /* Requests of the master wait for puppet_answer. */
	int answer_status;
	struct puppet_reply replies[PUPPET_REPLIES_MAX];
	u32 replies_count;
	struct puppet_asked asked[PUPPET_ASKED_MAX];
	u32 asked_count;
};

struct ms_cluster {
	struct sim *sim;
	struct sim_node *master;
	nsec session_timeout;
	bool restarts; /* The master comes back by itself a millisecond after it went down. */
	u32 exits_count;
	int exit_status;
	u32 crashes_count;
	struct sim_alarm restart;
	struct puppet *puppets[PUPPETS_MAX];
	u32 puppets_count;
};

/* A started master with empty stores. */
void ms_cluster_init(struct ms_cluster *cluster, u64 seed);
/* The same, and each sync of a store takes up to `sync_max`. */
void ms_cluster_init_slow(struct ms_cluster *cluster, u64 seed, nsec sync_max);
void ms_cluster_fini(struct ms_cluster *cluster);
void ms_cluster_run(struct ms_cluster *cluster, nsec duration);
/* Kill (or cut the power of) the master and start it again. */
void ms_cluster_restart(struct ms_cluster *cluster, enum sim_crash how);

/* Connected, not attached. Clients: attach with puppet_attach. */
struct puppet *puppet_new(struct ms_cluster *cluster, const char *name, u16 role);
/* The link breaks and comes back by itself. */
void puppet_cut(struct puppet *puppet);

/* Begin a body, then say it. Returns the index of its reply. */
void puppet_writer(struct puppet *puppet, struct dfs_writer *ret_body);
u32 puppet_say(struct puppet *puppet, u16 type, struct dfs_writer *body);
/* Say it and let time pass until it is answered (ten seconds at most); NULL: it was not. */
const struct puppet_reply *puppet_ask(struct puppet *puppet, u16 type, struct dfs_writer *body);
/* Attach (0: a new session), and from now on by itself on each link. */
void puppet_attach(struct puppet *puppet);
/* One change; the reply's index, or the answer itself. */
u32 puppet_mutate(struct puppet *puppet, u64 sequence, u16 op, struct dfs_writer *body);
const struct puppet_reply *puppet_change(struct puppet *puppet, u64 sequence, u16 op,
					 struct dfs_writer *body);
/* MAKE of a regular file in the root; `ret_reply` may be NULL. Returns the status. */
int puppet_make(struct puppet *puppet, u64 sequence, const char *name, bool open,
		struct dfs_mutate_reply *ret_reply);
int puppet_lookup(struct puppet *puppet, const char *name, struct dfs_attr *ret_attr);
int puppet_unlink(struct puppet *puppet, u64 sequence, const char *name);
int puppet_commit(struct puppet *puppet, u64 sequence, u64 ino, u64 chunk, u64 size);
u32 puppet_grant(struct puppet *puppet, u64 ino, u64 index, u32 count);
/* Put the one row of a GRANT or MUTATE reply's list there. */
bool puppet_first_location(struct dfs_items locations, struct dfs_location *ret_location);
int puppet_open(struct puppet *puppet, u64 ino);
int puppet_release(struct puppet *puppet, u64 ino);
int puppet_getattr(struct puppet *puppet, u64 ino, struct dfs_attr *ret_attr);
/* A number of the master's STATUS. */
u64 puppet_status(struct puppet *puppet, const char *key);

/* Chunkservers. */
int puppet_register(struct puppet *puppet, u64 bytes_free, u32 disk_state);
int puppet_report(struct puppet *puppet, bool full, u64 chunk, u32 state);
/* Requests of a type so far, and whether one of them names the chunk. */
u32 puppet_asked_count(const struct puppet *puppet, u16 type);
bool puppet_asked_delete(const struct puppet *puppet, u64 chunk);
void puppet_answer(struct puppet *puppet, int status);

#endif
