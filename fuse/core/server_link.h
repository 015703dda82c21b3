/*
 * Chunkservers: what is known of each, and one session to those in use, opened on demand and closed
 * after a while without requests. A server that cannot be reached for a second fails its requests
 * with DFS_ELINK_LOST, so that whoever sent them asks the master anew.
 */
#ifndef CL_SERVER_LINK_H
#define CL_SERVER_LINK_H

#include "fuse/core/rpc.h"
#include "fuse/core/timer.h"
#include "libdfsproto/base/map.h"

struct cl_server {
	struct dfs_map_node by_id;
	struct dfs_list in_all; /* cl.servers, in order of arrival. */
	u64 host;               /* As the master says. */
	u64 boot; /* What the server said of itself when it was last reached; 0: never. */
	char address[DFS_ADDRESS_BYTES_MAX + 1];
	char local[DFS_ADDRESS_BYTES_MAX + 1];
	struct dfs_session *session; /* NULL: none. */
	bool up;
	bool moved;            /* It has another address now than its session uses. */
	struct dfs_list rpcs;  /* struct cl_rpc, in order of sending. */
	u32 stores_count;      /* WRITEs under way. */
	struct dfs_list ready; /* struct cl_target with slots to send; the next one in front. */
	struct cl_timer
	    patience; /* Down with requests: fails them. Up without: closes the session. */
};

/* Where one chunk of a file is: LOCATION with its servers resolved. */
struct cl_place {
	u64 chunk;
	u32 epoch;
	u32 valid;
	u32 length;     /* As the file has it; 0: nothing, or not known. */
	bool shared;    /* It takes no writes. */
	u64 base;       /* Of a grant: it is made as a copy of this chunk, 0: empty, */
	u32 base_bytes; /* of so much of it. */
	u32 count;
	struct cl_server *servers[DFS_CHAIN_MAX];
};

/* Learn of the servers in it. Never fails: unknown servers are added. */
void cl_place_of(struct cl *cl, const struct dfs_location *location, struct cl_place *ret_place);

void cl_server_begin(struct cl *cl, struct cl_server *server, struct dfs_writer *ret_writer);
void cl_server_send(struct cl *cl, struct cl_server *server, struct cl_rpc *rpc, u16 type,
		    struct dfs_writer *writer, const struct dfs_payload *payload);
void cl_server_cancel(struct cl *cl, struct cl_rpc *rpc);
void cl_server_pull(struct cl *cl, struct cl_server *server);
/* End the sessions of servers that moved. */
void cl_servers_work(struct cl *cl);
void cl_servers_fini(struct cl *cl);
/* Close all sessions; requests are forgotten. */
void cl_servers_close(struct cl *cl);
/* Put the replicas after the first into `chain` (without headroom). */
void cl_place_chain(const struct cl_place *place, struct dfs_writer *chain);

#endif
