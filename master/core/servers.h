/*
 * The chunkservers and what they say they hold: soft state, rebuilt from REGISTER and REPORT after
 * every start. A server whose link is gone is offline: its copies stay known, but nobody is sent
 * there. Filled by on_register.c; asked by locations.c, grants.c, garbage.c and trim.c.
 */
#ifndef MS_SERVERS_H
#define MS_SERVERS_H

#include "libdfsproto/base/list.h"
#include "libdfsproto/base/map.h"
#include "libdfsproto/wire/messages.h"

struct ms_peer;

struct ms_disk {
	u32 disk;  /* Its number on the server. */
	u32 state; /* enum dfs_disk_state. */
	u64 bytes_total;
	u64 bytes_free;
	u64 chunks;
};

/* Chunks that one DELETE_CHUNKS in flight names. */
struct ms_chunk_list {
	u64 *chunks;
	u32 count;
	u32 capacity;
};

struct ms_server {
	struct dfs_map_node by_node; /* Key: node id. */
	u32 slot;                    /* Index in ms_servers.slots. */
	u64 node;
	u64 host;
	char address[DFS_ADDRESS_BYTES_MAX + 1];
	char local[DFS_ADDRESS_BYTES_MAX + 1];
	struct ms_peer *peer; /* NULL: offline. */
	u32 generation;       /* Grows with each REGISTER: copies of older ones are forgotten. */
	bool reporting;       /* The full report is not complete: the previous one still counts. */
	u32 disks_count;
	struct ms_disk disks[DFS_DISKS_MAX];
	u64 bytes_total;
	u64 bytes_free;               /* On disks in use. */
	struct ms_chunk_list garbage; /* Deletions in flight: garbage.c. */
	struct ms_chunk_list strays;  /* Deletions to ask for, or in flight: strays.c. */
	bool strays_asked;
};

/* One copy of a chunk on one server. 100 bytes of state per file would double the master's memory:
 * keep this small. */
struct ms_copy {
	struct dfs_map_node node; /* Key: chunk. Further copies of the chunk hang on `next`. */
	struct ms_copy *next;
	u32 epoch;
	u32 generation; /* The server's when it was reported. */
	u16 slot;
	u8 disk;
	u8 state; /* enum dfs_held_state, GOOD or SUSPECT; or MS_COPY_NOTED. */
};

/* Somebody else said that the server has it; its own report is still to come. */
enum { MS_COPY_NOTED = 255 };

struct ms_servers {
	struct ms_server **slots; /* In order of first registration. */
	u32 count;
	u32 capacity;
	struct dfs_map by_node;
	struct dfs_map copies; /* Chunk -> struct ms_copy. */
	u64 copies_count;
	struct ms_copy *free_copies; /* Chained by `next`. */
	void *slabs;                 /* Chained by their first word. */
};

/* A zeroed struct is empty. */
void ms_servers_fini(struct ms_servers *servers);

struct ms_server *ms_server_find(const struct ms_servers *servers, u64 node);
/* A new server, offline. NULL when DFS_SERVERS_MAX are known. */
struct ms_server *ms_server_add(struct ms_servers *servers, u64 node);
void ms_server_set_disks(struct ms_server *server, struct dfs_items disks);
/* May it be sent `new` chunks: online and a disk with room. */
bool ms_server_has_room(const struct ms_server *server);

/* A server says that it holds, or no longer holds, a chunk. */
void ms_copy_put(struct ms_servers *servers, const struct ms_server *server,
		 const struct dfs_held *held);
/* As long as it was only noted, and its server is there and has reported. */
void ms_copy_drop_noted(struct ms_servers *servers, const struct ms_server *server, u64 chunk);
void ms_copy_drop(struct ms_servers *servers, const struct ms_server *server, u64 chunk);
/* All copies of a chunk are forgotten. */
void ms_copies_drop(struct ms_servers *servers, u64 chunk);

/* Servers that hold a chunk, online and offline, into an array of DFS_CHAIN_MAX; returns how many.
 */
u32 ms_copy_holders(const struct ms_servers *servers, u64 chunk, struct ms_server **ret_holders);
/* Its copies of that epoch as a REPLICA list in the making: online holders, at most `max`.
 * Returns how many. */
u32 ms_copy_put_replicas(const struct ms_servers *servers, u64 chunk, u32 epoch, u32 max,
			 struct dfs_writer *replicas);
void ms_server_put_replica(const struct ms_server *server, struct dfs_writer *replicas);

void ms_chunk_list_add(struct ms_chunk_list *list, u64 chunk);
void ms_chunk_list_fini(struct ms_chunk_list *list);

#endif
