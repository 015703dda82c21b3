/*
 * The leader's soft half of client sessions: who is connected, what each holds open, when silence
 * becomes expiry. The durable half (that a session exists, and its stored results) is in state.h.
 *
 * An open is a count per (client, inode); an inode that any client holds open is not purged when
 * its last name goes. Expiry itself is decided in reaper.c.
 */
#ifndef MS_CLIENTS_H
#define MS_CLIENTS_H

#include "libdfsproto/base/list.h"
#include "libdfsproto/base/map.h"
#include "libdfsproto/base/types.h"

struct ms_peer;

enum ms_client_state {
	MS_CLIENT_AWAITED,  /* Restored after a start; the grace period waits for it. No link. */
	MS_CLIENT_LINKED,   /* Attached through `peer`. */
	MS_CLIENT_UNLINKED, /* Its link is gone; expires at `expires`. */
	MS_CLIENT_CLOSING,  /* SESSION_CLOSE was proposed: nothing is accepted from it any more. */
};

struct ms_client {
	struct dfs_map_node by_session; /* Key: session id. */
	struct dfs_list in_silent;      /* AWAITED, UNLINKED: in order of `expires`. */
	enum ms_client_state state;
	u64 session;
	struct ms_peer *peer;
	nsec expires;
	struct dfs_list opens; /* struct ms_open. */
	u32 opens_count;
	struct dfs_list grants; /* struct ms_grant_hold: grants.h. */
	u32 grants_count;
	struct dfs_list pending; /* struct ms_proposal: mutations in flight, in order of arrival. */
	u64 sequence_max;        /* Highest sequence that was ever put into `pending`. */
	struct dfs_list gated;   /* struct ms_gated: mutations that wait to be proposed. */
	struct dfs_list recalls; /* struct ms_recall: what it was asked to forget. */
	struct dfs_map leases;   /* struct ms_lease. */
	bool inherited;          /* From before the start: it may have leases of a predecessor. */
	/* MAKEs with `open` applied since the last ATTACH: a repetition must not count them again.
	 */
	u64 *made_open;
	u32 made_open_count;
	u32 made_open_capacity;
};

/* An inode that some client holds open. */
struct ms_held_inode {
	struct dfs_map_node by_ino;
	struct dfs_list opens; /* struct ms_open. */
};

struct ms_open {
	struct dfs_list in_client;
	struct dfs_list in_inode;
	struct ms_client *client;
	struct ms_held_inode *inode;
	u64 count;
};

struct ms_clients {
	struct dfs_map by_session;
	struct dfs_map held_inodes;
	struct dfs_list silent; /* The one that expires first is in front. */
	u32 awaited_count;      /* The grace period ends when it is 0. */
	nsec timeout;
};

void ms_clients_init(struct ms_clients *clients, nsec timeout);
void ms_clients_fini(struct ms_clients *clients);

struct ms_client *ms_client_find(const struct ms_clients *clients, u64 session);
/* A session of the tables that has no soft half yet: it waits for its client, or expires. */
struct ms_client *ms_client_add(struct ms_clients *clients, u64 session, bool awaited, nsec now);
/* Its opens and made_open go; grants and pending must be gone already. */
void ms_client_free(struct ms_clients *clients, struct ms_client *client);

void ms_client_link(struct ms_clients *clients, struct ms_client *client, struct ms_peer *peer);
void ms_client_unlink(struct ms_clients *clients, struct ms_client *client, nsec now);
/* SESSION_CLOSE was proposed. */
void ms_client_closing(struct ms_clients *clients, struct ms_client *client);
/* When the next silent client expires, or DFS_NEVER. */
nsec ms_clients_deadline(const struct ms_clients *clients);
/* One that has expired by now, or NULL. */
struct ms_client *ms_clients_expired(const struct ms_clients *clients, nsec now);

/* DFS_EBUSY beyond CLIENT_OPENS_MAX. */
int ms_open_add(struct ms_clients *clients, struct ms_client *client, u64 ino);
/* One less; true when nobody holds the inode open any more. Unknown inodes are ignored. */
bool ms_open_drop(struct ms_clients *clients, struct ms_client *client, u64 ino);
/* Any open of this client, for dropping them one by one; 0 when there is none. */
u64 ms_open_any(const struct ms_client *client);
/* All counts of one inode at once; true as for ms_open_drop. */
bool ms_open_drop_all(struct ms_clients *clients, struct ms_client *client, u64 ino);
bool ms_is_open(const struct ms_clients *clients, u64 ino);

/* Note that `sequence`'s MAKE was counted; false when it was already. */
bool ms_made_open_add(struct ms_client *client, u64 sequence);
/* Sequences up to `acked` will not be repeated. */
void ms_made_open_prune(struct ms_client *client, u64 acked);

void ms_clients_check(const struct ms_clients *clients);

#endif
