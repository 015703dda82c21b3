/*
 * Which client may be caching what. A lease says that its client will be told before the inode
 * (its attributes; of a directory, also what its names stand for) changes by anybody else's hand.
 * It ends by itself some seconds after the last answer that gave it, which the client counts from
 * before it asked: so a client that cannot be told only holds a change up for so long, and a master
 * that restarts knows how long its predecessor's leases may still live.
 *
 * While an operation that touches an inode is on its way through the log, the inode is `changing`
 * and no lease on it is given: what is answered meanwhile is the old state, and may be gone the
 * next moment. gate.c makes operations wait for those who must be told.
 */
#ifndef MS_LEASES_H
#define MS_LEASES_H

#include "master/core/clients.h"

/* An inode that somebody has leased or that is changing. */
struct ms_leased {
	struct dfs_map_node by_ino;
	struct dfs_list leases;  /* struct ms_lease.in_inode */
	struct dfs_list changes; /* struct ms_change.in_inode */
};

struct ms_lease {
	struct dfs_map_node by_ino; /* client.leases */
	struct dfs_list in_inode;
	struct dfs_list in_order; /* Of `until`. */
	struct ms_client *client;
	struct ms_leased *inode;
	nsec until;
};

/* One inode that an operation under way touches. */
struct ms_change {
	struct dfs_list in_inode;
	struct ms_leased *inode;
	u32 name; /* Hash of the name in it that is rebound; 0: none is. */
};

struct ms_leases {
	u32 term_ms; /* What clients are told: shorter than a session lives in silence. */
	nsec life;   /* What we count: clocks differ, and a kernel rounds up. */
	struct dfs_map by_ino;
	struct dfs_list in_order; /* struct ms_lease: the one that ends first is in front. */
};

void ms_leases_init(struct ms_leases *leases, nsec session_timeout);
void ms_leases_fini(struct ms_leases *leases);

/* False: it is changing, or the client has too many. */
bool ms_lease_give(struct ms_leases *leases, struct ms_client *client, u64 ino, nsec now);
void ms_leases_expire(struct ms_leases *leases, nsec now);
void ms_leases_let_go(struct ms_leases *leases, struct ms_client *client);
/* NULL: nobody has leased it and it is not changing. */
struct ms_leased *ms_leased_find(const struct ms_leases *leases, u64 ino);

void ms_change_begin(struct ms_leases *leases, struct ms_change *change, u64 ino, u32 name);
void ms_change_end(struct ms_leases *leases, struct ms_change *change);
/* Does an operation under way rebind this name? */
bool ms_name_is_changing(const struct ms_leases *leases, u64 ino, u32 name);

void ms_leases_check(const struct ms_leases *leases);

#endif
