/*
 * Processes of different mounts that meet in one directory; see shared.c.
 */
#ifndef TESTS_SIM_WORLD_SHARED_H
#define TESTS_SIM_WORLD_SHARED_H

#include "tests/sim/world/world.h"

void shared_start(struct world *world);
bool shared_finished(const struct world *world);
/* At the end: each round has a winner. */
void shared_check(struct world *world);
/* Remove all that they made. */
void shared_wipe(struct world *world, struct proc *proc);
void shared_free(struct world *world);

#endif
