/*
 * Chunks that clients may write before they are in any table: soft, in the leader's memory,
 * reclaimed by clients after a restart. Ids come from ranges that RESERVE made durable, so none is
 * ever given out twice. Two clients that ask for the same hole of a file share one grant, so that
 * both write to the same chunk whoever commits first; but not with one who is away: it may be dead.
 *
 * A grant ends when its chunk is committed, or when its last holder lets go: then whatever was
 * written is garbage (strays.c deletes it where it turns up).
 */
#ifndef MS_GRANTS_H
#define MS_GRANTS_H

#include "master/core/clients.h"
#include "master/core/servers.h"

#define MS_GRANT_EPOCH 1 /* Of every new chunk. */

struct ms_grant_file {
	struct dfs_map_node by_ino;
	struct dfs_list grants;
};

struct ms_grant {
	struct dfs_map_node by_chunk;
	struct dfs_list in_file;
	struct ms_grant_file *file;
	u64 index;                /* Which chunk of the file. */
	u64 base;                 /* It takes the place of this chunk, as a copy of it; 0: none. */
	u32 base_bytes;           /* So many bytes of it; 0 when reclaimed: not known. */
	struct ms_server *server; /* Where it is to be made; NULL when reclaimed: see the copies. */
	struct dfs_list holds;    /* struct ms_grant_hold. */
};

struct ms_grant_hold {
	struct dfs_list in_client; /* The oldest is in front. */
	struct dfs_list in_grant;
	struct ms_client *client;
	struct ms_grant *grant;
};

struct ms_id_range {
	u64 next;
	u64 end;
};

struct ms_grants {
	struct dfs_map by_chunk;
	struct dfs_map files;
	struct ms_id_range current;
	struct ms_id_range following;
	bool reserving; /* RESERVE was proposed. */
};

/* A zeroed struct is empty. All clients must have let go before fini. */
void ms_grants_fini(struct ms_grants *grants);

/* How many ids to RESERVE now, or 0; they arrive by ms_grants_reserved. */
u64 ms_grants_wanted(const struct ms_grants *grants);
void ms_grants_reserved(struct ms_grants *grants, u64 first, u64 count);

/* A place in a file that wants a chunk: a hole, or one whose chunk may not be written. */
struct ms_place {
	u64 ino;
	u64 index;
	u64 base; /* As in struct ms_grant. */
	u32 base_bytes;
};
/* The grant for a place: the one there is, moved elsewhere if its server cannot take it, or a fresh
 * one. A copy is made where its base is, nowhere else. DFS_EBUSY: no ids at the moment, or too many
 * held; DFS_ENO_SERVER; DFS_ENOSPC. */
int ms_grant_take(struct ms_grants *grants, const struct ms_servers *servers,
		  struct ms_client *client, const struct ms_place *place,
		  struct ms_grant **ret_grant);
/* A chunk that the client holds for the same place with another base, or 0: the file has changed,
 * that one cannot be committed any more. */
u64 ms_grant_outdated(const struct ms_grants *grants, const struct ms_client *client,
		      const struct ms_place *place);
/* A client says after a reconnect that it has this grant. */
void ms_grant_reclaim(struct ms_grants *grants, struct ms_client *client,
		      const struct dfs_grant_kept *kept);

struct ms_grant *ms_grant_find(const struct ms_grants *grants, u64 chunk);
/* It is in a table now: the grant goes, whoever holds it. Unknown chunks are ignored. */
void ms_grant_committed(struct ms_grants *grants, u64 chunk);
/* This client does not want it any more. True when nobody does: it may be a stray now. */
bool ms_grant_release(struct ms_grants *grants, struct ms_client *client, u64 chunk);
/* The longest held chunk of a client, or 0. */
u64 ms_grant_oldest(const struct ms_client *client);
/* Any chunk granted for a file, or 0. */
u64 ms_grant_of_file(const struct ms_grants *grants, u64 ino);
bool ms_grant_is_held(const struct ms_grant *grant, const struct ms_client *client);
/* The inode of a grant. */
u64 ms_grant_ino(const struct ms_grant *grant);

#endif
