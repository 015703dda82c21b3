/*
 * Inside of a cs_world: what its two files need of each other.
 */
#ifndef DFS_TESTS_CS_WORLD_I_H
#define DFS_TESTS_CS_WORLD_I_H

#include "tests/unit/cs_world.h"

/* cs_world.c: step the core and carry out its effects. */
void world_step(struct cs_world *world, struct dfs_ev *ev);

/* cs_world_peers.c */
void world_pipe_send(struct world_pipe *pipe, struct dfs_fx *fx);
void world_connect_master(struct cs_world *world, u64 cs_link);
void world_peer_carry_out(struct cs_world *world, struct world_peer *peer);
/* Each: something happened. */
bool world_deliver_to_server(struct cs_world *world, struct world_peer *peer);
bool world_deliver_to_peer(struct cs_world *world, struct world_peer *peer);
bool world_tick_peer(struct cs_world *world, struct world_peer *peer);

#endif
