/*
 * A quota of the whole tree, set by the operator's command before anything is made, and set anew
 * to something else now and then: programs hear EDQUOT. What is counted is for the inspector to
 * check, and at the end, when all is removed, for limiter_stop() and run.c.
 */
#ifndef TESTS_SIM_WORLD_LIMITER_H
#define TESTS_SIM_WORLD_LIMITER_H

#include "tests/sim/world/world.h"

void limiter_start(struct world *world);
/* The limit stays as it is from now on. */
void limiter_stop(struct world *world);

#endif
