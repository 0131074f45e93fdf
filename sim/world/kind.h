/* What all links of a preset carried together. */
#ifndef SIM_WORLD_KIND_H
#define SIM_WORLD_KIND_H

#include "sim/world/trial.h"

struct kind_traffic {
	const struct link_preset *kind;
	unsigned links;
	uint64_t frames, bytes, control_bytes;
	double worst_share; /* of control, on the worst of them */
};

/* The next kind of which there are links, in the order of the plan; *link begins at 0. False: there are no more. */
bool kind_next(const struct trial *t, unsigned *link, struct kind_traffic *k);

#endif
