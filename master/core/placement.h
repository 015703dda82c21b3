/*
 * Where a new chunk goes: weighted rendezvous hashing (Thaler and Ravishankar 1998; weights as in
 * Schindelhauer and Schomaker 2005). Each server draws a number from the chunk's id and its own;
 * the draw is scaled by its free space, and the best one wins. No state, even spread in proportion
 * to free space, and the same answer whoever asks.
 */
#ifndef MS_PLACEMENT_H
#define MS_PLACEMENT_H

#include "libdfsproto/base/types.h"

/* The scaled draw of one server for one chunk: the server with the highest takes it. 0 when its
 * weight (free space in any unit) is 0: then never. */
u64 ms_placement_score(u64 chunk, u64 server, u64 weight);

#endif
