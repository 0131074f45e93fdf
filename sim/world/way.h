/* What a way through the mesh bears, by the figures of its links and not by trying: rate, delay and loss. */
#ifndef SIM_WORLD_WAY_H
#define SIM_WORLD_WAY_H

#include "sim/world/plan.h"
#include "sim/world/world.h"

struct way_figures {
	double rate_bps; /* of the slowest link */
	uint64_t delay_us;
	double arrives; /* share of frames */
};

struct way_figures way_begin(void);
/* One link more, as `from` sends over it to `to` now. */
void way_hop_add(
	struct way_figures *f, const struct segment *over, const struct station *from, const struct station *to);
/* Text and orders go over any way, voice by the rules of a call (plan.h), bulk over no thin link. */
bool way_bears(const struct way_figures *f, enum plan_class class);

#endif
