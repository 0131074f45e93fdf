/* How much there was in each step of a run. */
#ifndef SIM_WORLD_TIMELINE_H
#define SIM_WORLD_TIMELINE_H

#include "sim/world/plan.h"

#define TIMELINE_STEPS 200

struct timeline {
	uint64_t step_us;
	uint32_t counts[TIMELINE_STEPS];
};

void timeline_init(struct timeline *l, const struct plan *p);
/* In the step of `at_us` of the world's clock. */
void timeline_add(struct timeline *l, uint64_t at_us, uint32_t count);

#endif
