/*
 * `dfs fsck` in the simulated cluster: the operator's command itself, run again and again while
 * everything else happens, and at rest. It must never call a table wrong that is right, and at rest
 * it must find nothing but what a power cut may take.
 */
#ifndef TESTS_SIM_WORLD_INSPECTOR_H
#define TESTS_SIM_WORLD_INSPECTOR_H

#include "tests/sim/world/world.h"

/* Begin to inspect now and then. */
void inspector_start(struct world *world);
/* No more of that. */
void inspector_stop(struct world *world);
/* One inspection at rest. `empty`: there is no file, so nothing at all may be found. */
void inspector_run(struct world *world, bool empty);
void inspector_free(struct world *world);

#endif
