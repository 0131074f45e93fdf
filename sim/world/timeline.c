/* Counts by step; what comes after the last step is in it. */
#include "sim/world/timeline.h"

#include "sim/world/world.h"

void timeline_init(struct timeline *l, const struct plan *p)
{
	*l = (struct timeline){ .step_us = p->duration_us / TIMELINE_STEPS + 1 };
}

void timeline_add(struct timeline *l, uint64_t at_us, uint32_t count)
{
	uint64_t step = (at_us - WORLD_START_US) / l->step_us;

	l->counts[step < TIMELINE_STEPS ? step : TIMELINE_STEPS - 1] += count;
}
