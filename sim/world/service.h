/* What each site got of what was sent to it, by class: flows, files and the voice of groups together. */
#ifndef SIM_WORLD_SERVICE_H
#define SIM_WORLD_SERVICE_H

#include "sim/world/timeline.h"
#include "sim/world/trial.h"

struct service {
	unsigned site; /* a station */
	enum plan_class class;
	uint64_t wanted, got; /* packets and frames; of voice, those in time */
	unsigned files, whole;
	uint64_t slowest_us; /* of the files that are whole, from their start */
	/* In the step in which they left. Of a file one in each step in which it was under way,
	 * and one in each in which something of it came. */
	struct timeline asked, came;
};

/* All of a trial that has ended, by site and class; the caller frees it. */
struct service *services_of(const struct trial *t, unsigned *count);
/* The longest time, and all time, in which something was wanted and nothing came. */
void service_outages(const struct service *s, uint64_t *longest_us, uint64_t *total_us);

#endif
