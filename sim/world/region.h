/* Nodes of a large world by the post that is nearest to each, so that a page can show them. */
#ifndef SIM_WORLD_REGION_H
#define SIM_WORLD_REGION_H

#include "sim/world/plan.h"

#define REGIONS_MAX 64

struct regions {
	unsigned count;
	unsigned heads[REGIONS_MAX]; /* a node of each */
	unsigned sizes[REGIONS_MAX];
	unsigned *of; /* by node */
};

/* Cities and districts have a region each; where there are none, or too many of them, nodes far from each other do. */
void regions_make(struct regions *r, const struct plan *p);
void regions_done(struct regions *r);

#endif
