/*
 * The timeline: one line per event on the terminal as it happens, and the same
 * kept for the page. Private to sim/demo/.
 */
#ifndef SIM_DEMO_TIMELINE_H
#define SIM_DEMO_TIMELINE_H

#include "meshd/base/bytes.h"

#include <jansson.h>

enum mark {
	MARK_PHASE, /* a heading */
	MARK_ACT, /* what we do to the network */
	MARK_SEEN, /* what the daemons say */
	MARK_KEPT, /* a step held */
	MARK_BROKEN, /* a step did not */
	MARKS
};

struct timeline {
	json_t *events;
	uint64_t zero_us; /* 0: before the outage */
	bool has_colour;
};

void timeline_init(struct timeline *t);
void timeline_done(struct timeline *t);
__attribute__((format(printf, 5, 6))) void timeline_say(
	struct timeline *t, enum mark mark, uint64_t at_us, const char *who, const char *format, ...);

#endif
