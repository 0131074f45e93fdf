/*
 * Random worlds: a scenario drawn from a seed, with faults on links, power and
 * disks, that must be free of loops throughout and whole again in the end.
 */
#ifndef SIM_WORLD_FUZZ_H
#define SIM_WORLD_FUZZ_H

#include "sim/world/plan.h"

#include <stdio.h>

/* The scenario of a seed, as a file that `meshsim run` takes. 0, or -EIO. */
int fuzz_write(uint64_t seed, FILE *out);
/* Draws, runs and judges. True if all held; else one line in `failure`. */
bool fuzz_world(uint64_t seed, char failure[PLAN_ERROR_MAX]);

#endif
